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
EXPORT_MINI=$DATA/wsusutil-export/mini/export.cab
EXPORT_SELFMADE=$DATA/selfmade-export/export.cab
CHECK=$TOP/tests # the independent checkers lie there
PYTHONDONTWRITEBYTECODE=1
export CHECK
export PYTHONDONTWRITEBYTECODE

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

# limits: "NAME VALUE" of each line of common/base/limits.h; limit NAME: that value. Tests name the limits they stand at.
limits() {
    SU_KIB=1024 SU_MIB=1048576
    sed -n 's/^#define \(SU_[A-Z_]*\) \([^/]*\).*/\1 \2/p' "$TOP/common/base/limits.h" | grep -vE '^SU_(LIMITS_H|KIB|MIB)' | sed 's/(size_t)//g; s/(uint64_t)//g; s/\([0-9]\)u/\1/g' |
        while read -r _name _value; do
            eval "$_name=\$(($_value))" # later limits are made of earlier ones
            eval "echo $_name \$$_name"
        done
}
limit() { limits | sed -n "s/^$1 //p" | grep . || fail "limits.h has no $1"; }

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

# in_memory: the test goes on in an empty directory in memory, where there is room. For sweeps that start a program a
# hundred times or more: what they are about is not the disk, and each start syncs several times.
in_memory() { [ -z "$MEMORY" ] || { mkdir "$MEMORY" && cd "$MEMORY" || exit; }; }

# cached NAME FUNCTION: fills the directory with what FUNCTION makes in an empty one; it runs once for
# all tests of a run, however many run at once.
cached() {
    mkdir -p "$WORK/cache"
    (
        flock 8
        [ ! -d "$WORK/cache/$1" ] || exit 0
        rm -rf "$WORK/cache/$1.new"
        mkdir "$WORK/cache/$1.new"
        cd "$WORK/cache/$1.new" || exit
        "$2"
        mv "$WORK/cache/$1.new" "$WORK/cache/$1"
    ) 8> "$WORK/cache/$1.lock"
    cp -a "$WORK/cache/$1/." .
}

# A hub with the genuine export of 2015, or with that of 2024 after it, a key and site ALPHA.
genuine_hub() { # 2015|2024
    need_data "$EXPORT_2015"
    need_data "$EXPORT_2024"
    cached "hub-$1" "make_hub_$1"
}
make_hub_2015() {
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from "$EXPORT_2015" > /dev/null
    hub site add ALPHA > /dev/null
}
make_hub_2024() {
    cached hub-2015 make_hub_2015
    hub sync --from "$EXPORT_2024" > /dev/null
}

# small_package [MONTH]: package.xml, metadata.txt and WsusContent of the small sample in ./pkg;
# pack_cab makes pkg/export.cab of the two files, as they are then.
small_package() { "$SMALL/generate" --out pkg --small --month "${1:-1}" > /dev/null; }
pack_cab() { (cd pkg && rm -f export.cab && gcab -c -n -z export.cab "${1:-package.xml}" "${2:-metadata.txt}"); }

# many_files_hub COUNT [COPIES]: a hub with a key that knows a package of COUNT files of 300 bytes, in ./pkg; the
# first COPIES of them lie there twice. None is in the store yet.
many_files_hub() {
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    small_package
    python3 "$CHECK/many_files.py" pkg "$1" 300 "${2:-0}"
    pack_cab
    hub sync --from pkg/export.cab > /dev/null
}

# edit FILE EXPRESSION: the file becomes the value of a Python expression over its bytes d. records(d)
# and join(list) take metadata.txt apart and put it together with right lengths.
edit() {
    python3 -B -S -c '
import re, sys
if "records(" in sys.argv[3]:
    sys.path.insert(0, sys.argv[1])
    from check_documents import records, join
path, d = sys.argv[2], open(sys.argv[2], "rb").read()
made = eval(sys.argv[3])
assert made != d, "the edit changed nothing"
open(path, "wb").write(made)' "$CHECK" "$1" "$2"
}
# flip FILE OFFSET: inverts one bit of a byte.
flip() { edit "$1" "d[:$2] + bytes([d[$2] ^ 1]) + d[$2 + 1:]"; }

# logged HOME ID: the message stands in the home's log.
logged() { grep -qF "[LOG[$2 " "$1"/log/*.log || fail "$1: no message $2 in the log"; }
says() { grep -qF -- "$1" "${2:-err}" || { cat "${2:-err}" >&2; fail "no '$1' in ${2:-err}"; }; }
silent_about() { if grep -qF -- "$1" "${2:-err}"; then fail "'$1' in ${2:-err}"; fi; }
# has_keys FILTER KEY...: the JSON object in out has each key.
has_keys() {
    _at=$1; shift
    for _key; do jq -e "$_at | has(\"$_key\")" out > /dev/null || fail "no key $_key in $_at of $(cat out)"; done
}

# refused STATUS COMMAND...: a refusal with that status that says what to do and changes nothing at
# the site.
refused() {
    site_dump > refused.before
    expect "$@"
    grep -q '^  do: ..*' err || { cat err >&2; fail "no remedy: $*"; }
    grep -qE '^  (Nothing was written|The catalogue is unchanged)\.$' err || { cat err >&2; fail "does not say what holds now: $*"; }
    site_dump | cmp -s - refused.before || fail "the site changed: $*"
}

# upstream ARGUMENT...: starts the test upstream (tests/upstream.py, packages and switches) in the background; $UP is its
# address, upstream.log its log. It ends with the test. 'upstream_stop' ends it before; 'control ORDER=VALUE' turns it.
upstream() {
    upstream_stop
    rm -f upstream.port upstream.log
    python3 "$CHECK/upstream.py" "$@" --log upstream.log --with-parent > upstream.port 2> upstream.err &
    UPSTREAM=$!
    trap upstream_stop EXIT
    _tries=0
    until [ -s upstream.port ]; do
        _tries=$((_tries + 1))
        if [ $_tries = 600 ] || ! kill -0 "$UPSTREAM" 2> /dev/null; then cat upstream.err >&2; fail "the upstream does not start: $*"; fi
        sleep 0.05
    done
    UP=$(cut -d ' ' -f 3 upstream.port)
}
upstream_stop() {
    [ -z "$UPSTREAM" ] || { kill "$UPSTREAM" 2> /dev/null; wait "$UPSTREAM" 2> /dev/null || true; }
    UPSTREAM=
}
control() { curl -sSfk --noproxy '*' -X POST "$UP/control?$1" -d '' > control.out || fail "the upstream refused $1"; }
# tls_authority [NAME]: NAME.pem and NAME.key, an authority, and server.pem, server.key, which it vouches for, at 127.0.0.1.
tls_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "${1:-authority}.key" -out "${1:-authority}.pem" -days 30 \
        -subj "/CN=Test ${1:-authority}" -addext basicConstraints=critical,CA:TRUE 2> /dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.pem -days 30 -subj /CN=127.0.0.1 \
        -CA "${1:-authority}.pem" -CAkey "${1:-authority}.key" -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE 2> /dev/null
}
# served OPERATION [FIELD]: how many such calls the log has, or the sum of a field of them (ids, updates, out, ...).
served() { awk -v want="operation=$1" -v field="${2:-}" '$2 == want { n++; for (i = 3; i <= NF; i++) { split($i, p, "="); if (p[1] == field) sum += p[2] } } END { print field == "" ? n + 0 : sum + 0 }' upstream.log; }

# Everything about a tree but when it was read: names, kinds, modes, times, links, bytes.
tree_sum() { (cd "$1" && find . -printf '%p %y %m %s %T@ %l\n' | sort && find . -type f -exec sha256sum {} + | sort); }
# The hub's catalogue and books, as text.
hub_dump() {
    sqlite3 -readonly hub/update-point.db "SELECT hex(update_id), revision, origin, hex(record_sha256) FROM revision ORDER BY 1,2;
        SELECT * FROM setting ORDER BY 1; SELECT * FROM stored_file ORDER BY 1; SELECT * FROM export ORDER BY 1,2;
        SELECT * FROM site_state ORDER BY 1,2,3,4; SELECT * FROM site_file ORDER BY 1,2; SELECT count(*) FROM ledger WHERE kind<>'refuse';"
}
# resign DIR: signs the manifest there again with the hub's key, as somebody who holds the key could.
resign() {
    openssl pkeyutl -sign -inkey hub/keys/hub-test.key -rawin -in "$1/MANIFEST.TXT" -out resigned.sig
    for _sig in "$1"/*.SIG; do cat resigned.sig > "$_sig"; done
}
