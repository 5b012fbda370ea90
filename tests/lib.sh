# lib.sh - what every CLI test shares. Sourced by tests/run for each file in tests/cli.
#
# A test is a function test_NAME in tests/cli/*.sh. It runs in a subshell with its own empty
# directory as the working directory, with 'set -e'; it passes when it returns 0. 'skip REASON' ends
# it as skipped. Real data is looked for in $SU_DATA (default ../shared/data beside the checkout).

SUEXPORT=$BUILD/suexport
SUIMPORT=$BUILD/suimport
DATA=${SU_DATA:-$TOP/../shared/data}
EXPORT_2015=$DATA/wsusutil-export/wsus-export-2015-06-10.cab
EXPORT_2024=$DATA/wsusutil-export/wsus-export-2024-06-19.cab

hub() { "$SUEXPORT" --home hub --quiet "$@"; }
site() { "$SUIMPORT" --home site --quiet "$@"; }

skip() { echo "$*" > "$SKIP_FILE"; exit 77; }
need_data() { [ -e "$1" ] || skip "needs $1"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

# expect STATUS COMMAND...: runs it, keeps stdout and stderr in out and err, demands the status.
expect() {
    _want=$1; shift
    _got=0
    "$@" > out 2> err || _got=$?
    [ "$_got" = "$_want" ] || { cat out err >&2; fail "exit $_got, expected $_want: $*"; }
}

# same A B WHAT
same() { [ "$1" = "$2" ] || fail "$3: '$1' is not '$2'"; }

json() { jq -r "$1" "${2:-out}"; } # json FILTER [FILE]: a value of the JSON document

# A hub that has synchronized the small sample of MONTH (1 or 2, default 1) with its content, and a
# site ALPHA; a home for the site that trusts it.
small_hub() {
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from "$SMALL/m${1:-1}/export.cab" > /dev/null
    hub content add "$SMALL/m${1:-1}/WsusContent" > /dev/null
    hub site add ALPHA > /dev/null
}
small_site() {
    site init --site ALPHA > /dev/null
    hub key export --name hub-test > hub.pub
    site trust add hub.pub > /dev/null
    hub site set ALPHA --key site/keys/site.pub > /dev/null
}
hub_digest() { hub status --json | jq -r .state_digest; }
site_digest() { site status --json | jq -r .state_digest; }
# The whole of what a site holds, as text: equal text, equal site. Undo data and history apart.
site_dump() {
    sqlite3 -readonly site/update-point.db "SELECT hex(update_id), revision, origin, hex(record_sha256) FROM revision ORDER BY 1,2;
        SELECT * FROM v_file ORDER BY 1,2,3,5; SELECT * FROM v_title ORDER BY 1,2,3; SELECT sequence, undone FROM import ORDER BY import_id;"
}
