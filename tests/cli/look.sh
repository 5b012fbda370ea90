# look.sh - what people and scripts read: status, history, show, search, explain, messages, the log,
# the views; and what a wrong command line gets.

TITLE_202E=4c869a2f-e040-4762-85b5-00f449cf7eeb # its title holds U+202E, right-to-left override

both() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
}
is_json() { jq -es 'length == 1 and (.[0] | type == "object")' out > /dev/null || { cat out >&2; fail "not one JSON document: $*"; }; }
# Nothing that a terminal obeys: C0 but line end, DEL, C1, bidirectional controls, line separators.
is_plain() { # FILE
    python3 -B -S -c '
import sys, unicodedata
text = open(sys.argv[1], "rb").read().decode("utf-8")
bad = [hex(ord(c)) for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or ord(c) in (0x200e, 0x200f, 0x61c, 0xfeff) or 0x202a <= ord(c) <= 0x202e or 0x2066 <= ord(c) <= 0x2069)]
sys.exit(f"{sys.argv[1]} holds {bad[:5]}" if bad else 0)' "$1" || fail "control characters in $1"
}

test_look_status() {
    hub init --name HUB-DMZ > /dev/null
    expect 0 hub status --json
    same "$(json '"\(.SiteCode) \(.LastSyncState) \(.LastSyncStateTime) \(.updates) \(.role)"')" 'HUB-DMZ 0 null 0 hub' 'a new hub'
    rm -rf hub
    both
    for side in hub site; do
        expect 0 $side status --json
        is_json $side status
        has_keys . SiteCode WSUSServerName WSUSSourceServer SyncCatalogVersion LastSyncState LastSyncStateTime LastSuccessfulSyncTime \
            LastSyncErrorCode ReplicationLinkStatus role updates revisions state_digest last_sequence
        same "$(json '"\(.SyncCatalogVersion) \(.LastSyncState) \(.LastSyncErrorCode) \(.updates) \(.revisions) \(.last_sequence) \(.role)"')" "1 6702 0 41 43 1 $side" "$side"
        json .LastSuccessfulSyncTime | grep -qE '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$' || fail "time: $(json .LastSuccessfulSyncTime)"
        expect 0 $side status
        says "$(json .state_digest /dev/null 2> /dev/null || $side status --json | jq -r .state_digest)" out
    done
    same "$(site status --json | jq -r '"\(.SiteCode) \(.WSUSSourceServer)"')" 'ALPHA HUB' 'the site and where it is fed from'
    same "$(site_digest)" "$(hub_digest)" 'digests'
    # The hub shows each site; it is degraded until its receipt comes back.
    same "$(hub status --json | jq -r '.sites[] | "\(.code) \(.last_sent) \(.acknowledged) \(.pending) \(.ReplicationLinkStatus)"')" 'ALPHA 1 0 1 1' 'before the receipt'
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    same "$(hub status --json | jq -r '.sites[] | "\(.acknowledged) \(.pending) \(.ReplicationLinkStatus)"')" '1 0 0' 'after the receipt'
    # A failed synchronization shows, with the last good one beside it.
    echo nothing > bad.cab
    expect 3 hub sync --from bad.cab
    expect 0 hub status --json
    same "$(json '"\(.LastSyncState) \(.LastSyncErrorCode) \(.ReplicationLinkStatus) \(.LastSuccessfulSyncTime != null)"')" '6703 7011 2 true' 'after a failure'
}

test_look_history() {
    both
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    site import stick2 > /dev/null
    site undo > /dev/null
    expect 0 hub history --json
    is_json history
    has_keys '.history[0]' started finished source kind source_time state error new revised expired removed unchanged updates revisions content_version state_digest
    same "$(json '[.history[] | "\(.kind) \(.new) \(.removed) \(.updates) \(.content_version)"] | join("; ")')" 'wsusutil-cab 2 1 42 2; wsusutil-cab 41 0 41 1' 'the hub'
    expect 0 site history --json
    same "$(json '[.history[] | "\(.kind) \(.source) \(.new) \(.removed) \(.content_version)"] | join("; ")')" \
        'undo SU-ALPHA-000002 1 2 3; delta SU-ALPHA-000002 2 1 2; full SU-ALPHA-000001 41 0 1' 'the site'
    expect 0 site history --limit 1
    same "$(wc -l < out)" 2 'lines with --limit 1'
    expect 2 site history --limit few
}

test_look_show() {
    both
    for side in hub site; do
        for word in KB5100032 kb5100032 5100032 5108dbd4-5339-474e-868c-9e0c6d684ef7 5108DBD4-5339-474E-868C-9E0C6D684EF7; do
            expect 0 $side show $word --json
            is_json show
            same "$(json '[.updates[].update_id] | join(",")')" 5108dbd4-5339-474e-868c-9e0c6d684ef7 "show $word"
        done
        same "$(json '.updates[0] | "\(.type) \(.state) \(.bundled[0].update_id) \(.bundled[0].note)"')" 'Software published 16f9093c-f127-46e4-85e1-fdc4ddc83084 revision 201, clause 1' 'relations'
        expect 0 $side show CVE-2026-36942 --json
        same "$(json '.updates | length')" "$(sqlite3 -readonly $side/update-point.db "SELECT count(DISTINCT update_id) FROM tag JOIN revision USING (rev_id) WHERE value='CVE-2026-36942'")" 'by CVE'
        # what only shares its words is another number; what has no words, or letters that the index divides, is none
        for word in 36942-2026-CVE CVE-2026 CVE.2026.36942 .-. KB5100032–1 'CVE–2026'; do
            expect 2 $side show "$word"
            says "id $word is held"
        done
        expect 0 $side show 0fa1201d-4330-4fa8-8ae9-b877473b6441 --revision 201 --json
        same "$(json '.updates[0].revision')" 201 'an older revision'
        expect 0 $side show KB5100025 --json
        same "$(json '[.updates[0].files[] | select(.is_licence) | "\(.name) \(.language) \(.is_stored)"] | sort | join("; ")')" 'license-1-de.txt de true; license-1-en.txt en true' 'licence files'
        expect 0 $side show KB5100025
        says 'license-1-de.txt' out
        expect 2 $side show KB1
        says KB1
        expect 2 $side show 00000000-0000-0000-0000-000000000000
        expect 2 $side show 0fa1201d-4330-4fa8-8ae9-b877473b6441 --revision 9
        # The exact document.
        expect 0 $side show $TITLE_202E --xml
        same "$(sha256sum < out | cut -d' ' -f1)" "$($side show $TITLE_202E --json | jq -r '.updates[0].document_sha256')" 'the document'
    done
    small_package
    edit pkg/metadata.txt "[t for g, n, t in records(d) if g == '$TITLE_202E'][0]"
    cmp out pkg/metadata.txt
    expect 2 hub show $TITLE_202E --xml --json
}

# The tabs of an update's properties: information, content, bundled updates, supersedence.
test_look_show_tabs() {
    small_hub 2
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    for side in hub site; do
        expect 0 $side show KB5100042 --json
        same "$(json '.updates[0] | "\(.products | map(.title) | join(",")); \(.classifications | map(.title) | join(",")); \(.languages | join(",")); \(.severity); \(.created)"')" \
            'Fabrikam Server 2025; Security Updates; de,en; Critical; 2026-11-10T02:58:07.154Z' 'information'
        same "$(json '[.updates[0].tags[] | select(.kind != "property") | "\(.kind) \(.value)"] | join("; ")')" 'support https://support.fabrikam.example/; cve CVE-2026-45318; kb 5100042' 'numbers'
        same "$(json '.updates[0] | "\(.bundled | map(.update_id) | join(","))"')" cecc4f73-dab3-4c51-8f03-e4460f5fd5f6 'bundled updates'
        same "$(json '.updates[0] | "\(.supersedes | length) \(.superseded_by | length)"')" '3 0' 'supersedence'
        same "$(json '.updates[0].files[] | "\(.update_id) \(.name) \(.bytes) \(.is_stored)"')" 'cecc4f73-dab3-4c51-8f03-e4460f5fd5f6 fabrikam-kb5100041-x86-61a80.msu 400000 true' 'content of what it bundles'
        same "$(sha256sum < "$side/$(json '.updates[0].files[0].path')" | cut -d' ' -f1)" "$(json '.updates[0].files[0].path' | sed 's|.*/||')" 'where its content lies'
        $side show KB5100042 > out
        for words in '  Languages    de, en' '  Products' '  Classification' ' of bundled cecc4f73-dab3-4c51-8f03-e4460f5fd5f6'; do says "$words" out; done
        # Its own files come first, once each.
        expect 0 $side show cecc4f73-dab3-4c51-8f03-e4460f5fd5f6 --json
        same "$(json '[.updates[0].files[] | .update_id] | unique | join(",")')" cecc4f73-dab3-4c51-8f03-e4460f5fd5f6 'content of its own'
        ! $side show cecc4f73-dab3-4c51-8f03-e4460f5fd5f6 | grep -q 'of bundled' || fail 'its own files called those of another'
    done
    # What is not in the store has no path.
    sqlite3 hub/update-point.db 'DELETE FROM stored_file'
    expect 0 hub show KB5100042 --json
    same "$(json '.updates[0].files[0] | "\(.is_stored) \(.path)"')" 'false null' 'content that is missing'
}

test_look_show_languages() {
    small_package
    edit pkg/metadata.txt 'd.replace(b"<upd:Title>HIDDEN: Desktop 11, pictures</upd:Title></upd:LocalizedProperties>", b"<upd:Title>HIDDEN: Desktop 11, pictures</upd:Title></upd:LocalizedProperties><upd:LocalizedProperties><upd:Language>de</upd:Language><upd:Title>VERBORGEN: Bilder f\xc3\xbcr Stra\xc3\x9fen</upd:Title></upd:LocalizedProperties>", 1) and join([(g, n, t.replace(b"<upd:Title>HIDDEN: Desktop 11, pictures</upd:Title></upd:LocalizedProperties>", b"<upd:Title>HIDDEN: Desktop 11, pictures</upd:Title></upd:LocalizedProperties><upd:LocalizedProperties><upd:Language>de</upd:Language><upd:Title>VERBORGEN: Bilder f\xc3\xbcr Stra\xc3\x9fen</upd:Title></upd:LocalizedProperties>")) for g, n, t in records(d)])'
    pack_cab
    hub init > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    id=3a2597b2-c97f-4b82-8eba-315610850b59
    same "$(hub show $id --lang de --json | jq -r '.updates[0].title')" 'VERBORGEN: Bilder für Straßen' 'the German title'
    same "$(hub show $id --lang fr --json | jq -r '.updates[0].title')" 'HIDDEN: Desktop 11, pictures' 'the title for a language that is not there'
    same "$(hub search Bilder --json | jq -r '.found[].update_id')" $id 'found by a German word'
    same "$(hub search STRASSEN straßen --json | jq .count)" 0 'folding is not guessed'
}

test_look_search() {
    both
    for side in hub site; do
        expect 0 $side search cumulative server --json
        is_json search
        same "$(json '"\(.count) \([.found[].kb] | sort | join(","))"')" '3 KB5100018,KB5100020,KB5100023' 'two words'
        same "$($side search 5100034 --json | jq -r '.found[] | "\(.kb) \(.is_expired)"')" 'KB5100034 true' 'a number'
        same "$($side search CVE-2026-30137 --json | jq .count)" 1 'a CVE'
        same "$($side search 'cumulative–server' --json | jq .count)" 3 'two words with an en dash between them'
        expect 2 $side show 'KB5100018–1'
        same "$($side search cumulative --limit 2 --json | jq .count)" 2 'a limit'
        # Words are words, never operators of the index.
        for word in 'cumulative OR viewer' 'cum*' '"' '""' 'NEAR(a b)' 'title:viewer' '-' '(' "'; DROP TABLE revision; --" ''; do
            got=0
            $side search "$word" --json > out 2> err || got=$?
            [ $got = 0 ] || [ $got = 2 ] || fail "exit $got for $word: $(cat err)"
            [ $got != 0 ] || same "$(json .count)" 0 "found for $word"
        done
        expect 0 $side search nothing-is-called-so
        says '0 found' out
        expect 2 $side search
    done
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM revision')" 43 'revisions after it all'
}

# Many matches are found by walking the order, few by ordering the matches: both as one statement says it.
by_statement() { # WORD LIMIT
    sqlite3 -readonly hub/update-point.db "SELECT v.update_id||' '||x.revision FROM (SELECT r.update_id, max(r.revision) AS revision, i.type, i.created, r.rev_id
        FROM search s JOIN revision r ON r.rev_id=s.rowid JOIN info i ON i.rev_id=s.rowid WHERE search MATCH '\"$1\"' GROUP BY r.update_id
        ORDER BY i.type, i.created DESC, r.update_id LIMIT $2) x JOIN v_update v USING (rev_id) ORDER BY x.type, x.created DESC, x.update_id"
}
test_look_search_order() {
    hub init > /dev/null
    "$BUILD/samples/generate" --out pkg --updates 700 --content-bytes 0 > /dev/null
    gzip -c pkg/metadata.txt > one.xml.gz
    hub sync --from one.xml.gz > /dev/null
    "$BUILD/samples/generate" --out pkg2 --updates 700 --content-bytes 0 --month 2 > /dev/null
    gzip -c pkg2/metadata.txt > two.xml.gz
    hub sync --from two.xml.gz > /dev/null
    # One moment for many, so that ids decide.
    sqlite3 hub/update-point.db "UPDATE info SET created='2020-01-01T00:00:00Z' WHERE rev_id % 3"
    for word in fabrikam update detection hidden 2024 nowhere; do
        for limit in 0 1 2 7 50 1000; do
            hub search $word --limit $limit --json | jq -r '.found[] | "\(.update_id) \(.revision)"' > have
            by_statement $word $limit | cmp - have || fail "search $word --limit $limit"
        done
    done
    [ "$(hub search fabrikam --limit 1000 --json | jq .count)" -gt 300 ] || fail 'too few to tell'
    [ "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*)-count(DISTINCT update_id) FROM revision')" -gt 0 ] || fail 'no update has two revisions'
}

test_look_control_characters() {
    both
    hub site set ALPHA --approve $TITLE_202E > /dev/null
    for side in hub site; do
        for command in "show $TITLE_202E" 'search viewer' "show $TITLE_202E --json" 'search viewer --json' 'history' 'status'; do
            # shellcheck disable=SC2086 # several words
            expect 0 $side $command
            is_plain out
            is_plain err
        done
        $side search viewer > out
        says 'viewer \u{202e}gpj.exe' out
        $side search viewer --json > out
        same "$(json '.found[0].title | test("\u202e")')" true 'the JSON text, decoded'
    done
    for command in "explain $TITLE_202E --site ALPHA" 'content list --all' 'site show ALPHA' products classifications 'plan --site ALPHA --full'; do
        # shellcheck disable=SC2086 # several words
        expect 0 hub $command
        is_plain out
    done
    esc=$(printf '\033[31m')
    expect 2 hub show "${esc}x"
    is_plain err
    expect 1 hub sync --from "${esc}nowhere.cab"
    is_plain err
    mkdir tree
    echo hello > "tree/${esc}evil.txt"
    expect 0 hub content add tree
    is_plain out
    says 'evil.txt' out
    cp -R stick/SU-ALPHA-000001 copy
    echo hello > "copy/${esc}evil.txt"
    rm -rf site
    small_site
    expect 3 site import copy
    is_plain err
    says 'evil.txt'
    # What a bundle claims of itself is not even signed yet.
    rm "copy/${esc}evil.txt"
    edit copy/MANIFEST.TXT 'd.replace(b"\nhub HUB\n", b"\nhub H\x1b[2JUB\n")'
    got=0
    "$SUIMPORT" inspect copy > out 2> err || got=$?
    [ $got = 3 ] || fail "inspect of a strange manifest gives $got"
    is_plain err
    expect 4 site import copy
    is_plain err
    expect 2 "$SUEXPORT" --home hub "$(printf 'st\033[31matus')"
    is_plain err
    expect 2 hub status "--$(printf '\033[31m')"
    is_plain err
}

test_look_inspect() {
    both
    expect 0 "$SUIMPORT" inspect stick
    says 'NOTHING OF THIS WAS VERIFIED' out
    says 'SU-ALPHA-000001' out
    expect 0 "$SUIMPORT" inspect stick --json
    is_json inspect
    same "$(json '"\(.verified) \(.bundles[0].site) \(.bundles[0].updates)"')" 'false ALPHA 41' 'the claims'
}

test_look_explain_every_id() {
    hub init > /dev/null
    ids=$(sed -n 's/^SU_CODE([A-Z_]*, *[0-9]*, *\([0-9]*\),.*/\1/p' "$TOP/common/base/message.def")
    [ "$(echo "$ids" | wc -l)" -gt 40 ] || fail 'the table of messages was not read'
    same "$(echo "$ids" | sort | uniq -d)" '' 'ids given twice'
    for id in $ids; do
        expect 0 hub explain "$id" --json
        is_json explain
        same "$(json '"\(.id) \(.text != "") \(.cause | length > 3) \(.remedy | length > 3)"')" "$id true true true" "message $id"
        mv out at-hub
        expect 0 "$SUIMPORT" explain "$id" --json
        cmp out at-hub
    done
    # Configuration Manager's meanings are kept.
    for pair in '6701 started' '6702 done' '6703 failed' '6704 in progress' '6705 in progress' '6706 in progress' '6707 content is out of step' '6708 licence terms pending'; do
        expect 0 hub explain "${pair%% *}"
        says "${pair#* }" out
        says 'cause' out
        says 'remedy' out
    done
    expect 2 hub explain 9999
    expect 2 "$SUIMPORT" explain 9999
    expect 2 "$SUIMPORT" explain KB5100032
    expect 2 hub explain KB5100032
}

CMTRACE='^<!\[LOG\[[0-9]{4} .*\]LOG\]!><time="[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}\+000" date="[01][0-9]-[0-3][0-9]-20[0-9]{2}" component="su(ex|im)port" context="" type="[123]" thread="[0-9]+" file="[a-z ]+">.$'

test_look_log() {
    both
    for log in hub/log/suexport.log site/log/suimport.log; do
        [ "$(grep -cE "$CMTRACE" $log)" -gt 1 ] || fail "no lines in $log"
        same "$(grep -cvE "$CMTRACE" $log)" 0 "odd lines in $log"
        same "$(grep -c "$(printf '\r')\$" $log)" "$(wc -l < $log)" 'lines that end in CR LF'
    done
    says '<![LOG[6702 synchronization done' hub/log/suexport.log
    says '<![LOG[7102 export done' hub/log/suexport.log
    says '<![LOG[6702 SU-ALPHA-000001 done' site/log/suimport.log
    # A failure is an error there, and no name can end a record early.
    name='evil]LOG]!><time="00:00:00.000+000" type="1">.cab'
    echo nothing > "$name"
    expect 3 hub sync --from "$name"
    tail -n 1 hub/log/suexport.log > last
    same "$(grep -cE "$CMTRACE" last)" 1 'the last line'
    same "$(grep -o ']LOG]!>' last | wc -l)" 1 'ends of a record'
    says 'type="3"' last
    # --quiet is about the screen, not about the log.
    before=$(wc -l < hub/log/suexport.log)
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    [ "$(wc -l < hub/log/suexport.log)" -gt "$before" ] || fail 'a quiet run left no line in the log'
}

test_look_log_rotation() {
    hub init > /dev/null
    most=$(limit SU_MAX_LOG_BYTES)
    head -c "$most" /dev/zero | tr '\0' x > hub/log/suexport.log
    hub sync --from "$SMALL/m1/export.cab" > /dev/null # the first line goes over the limit, the next begins a new file
    [ "$(stat -c %s hub/log/suexport.lo_)" -gt "$most" ] || fail 'not rotated past the limit'
    [ "$(stat -c %s hub/log/suexport.lo_)" -lt $((most + 1000)) ] || fail 'rotated late'
    same "$(grep -c xxxx hub/log/suexport.log || true)" 0 'the new file is not new'
    rm hub/log/*
    head -c 1000 /dev/zero | tr '\0' x > hub/log/suexport.log
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    [ ! -e hub/log/suexport.lo_ ] || fail 'rotated early'
    # A log that cannot be written stops nothing.
    rm -rf hub/log/*
    mkdir hub/log/suexport.log
    expect 0 hub sync --from "$SMALL/m2/export.cab"
    says 'the log could not be written'
}

test_look_message_formats() {
    small_hub
    expect 0 "$SUEXPORT" --home hub --log-format cmtrace sync --from "$SMALL/m2/export.cab"
    same "$(grep -cvE "$CMTRACE" err)" 0 'odd lines'
    [ -s err ] || fail 'no messages'
    for how in '--log-format json' --json; do
        # shellcheck disable=SC2086 # several words
        expect 0 "$SUEXPORT" --home hub $how sync --from "$SMALL/m1/export.cab"
        jq -es 'length > 1 and all(.[]; has("event") and has("id")) and any(.[]; .id == 6702)' err > /dev/null || { cat err >&2; fail "events with $how"; }
    done
    expect 0 "$SUEXPORT" --home hub sync --from "$SMALL/m2/export.cab"
    says '6702 synchronization done'
    is_plain err # no progress in a pipe
    expect 2 "$SUEXPORT" --home hub --log-format xml status
}

test_look_quiet() {
    small_hub
    hub content add "$SMALL/m1/WsusContent" > /dev/null
    small_site
    for command in "hub sync --from $SMALL/m1/export.cab" "hub content add $SMALL/m1/WsusContent" 'hub content verify' 'hub plan --site ALPHA' \
        'hub export --site ALPHA --out stick' 'site inspect stick' 'site verify stick' 'site plan stick' 'site import stick' 'site undo' \
        'site import stick' 'site receipt --out receipt' 'hub receipt add receipt' 'hub status' 'site status' 'hub rebuild' 'site rebuild'; do
        # shellcheck disable=SC2086 # several words
        expect 0 $command
        [ ! -s err ] || fail "not silent: $command: $(cat err)"
    done
    expect 3 hub sync --from receipt
    [ -s err ] || fail 'a failure must not be silent'
}

test_look_json_everywhere() {
    small_hub
    small_site
    for command in 'hub init' 'hub key generate --name second --role reviewer' 'hub key list' 'hub key export --name second' "hub sync --from $SMALL/m1/export.cab" \
        'hub products' 'hub classifications' "hub content add $SMALL/m1/WsusContent" 'hub content verify' 'hub content list' 'hub site add BRAVO --content none' \
        'hub site set BRAVO --languages de' 'hub site list' 'hub site show ALPHA' 'hub plan --site ALPHA' 'hub export --site ALPHA --out stick' 'hub status' \
        'hub history' 'hub show KB5100032' 'hub search viewer' 'hub explain KB5100032 --site ALPHA' 'hub explain 6702' 'hub rebuild' 'site init --site ALPHA' \
        'site trust add hub.pub' 'site trust list' 'site inspect stick' 'site verify stick' 'site plan stick' 'site import stick' 'site receipt' \
        'site receipt --out receipt' 'hub receipt add receipt' 'site content verify' 'site status' 'site history' 'site show KB5100032' 'site search viewer' 'site rebuild' 'site undo'; do
        # shellcheck disable=SC2086 # several words
        expect 0 $command --json
        is_json "$command"
    done
    # A failure is one document too, with the four parts.
    for command in 'hub show KB1' 'hub plan --site NOWHERE' 'hub sync --from receipt' 'site import hub' 'site undo'; do
        got=0
        # shellcheck disable=SC2086 # several words
        $command --json > out 2> err || got=$?
        [ $got != 0 ] || fail "no failure: $command"
        is_json "$command"
        has_keys .error code id exit_status text remedy after
        same "$(json .error.exit_status)" $got "exit status of $command"
        [ -n "$(json .error.remedy)" ] || fail "no remedy: $command"
    done
}

test_look_usage() {
    hub init > /dev/null
    for command in '' nonsense '--nonsense' 'status --nonsense' 'status extra' 'site' 'site nonsense' 'key' 'sync --from' 'status --json=yes' 'content add a b' '-x' 'key generate' \
        'site add lower' 'site add ABCDEFGHIJKLMNOPQ' 'site add -A' 'site add A/B' 'key generate --name ../x' 'key generate --name a --role king' 'key export --name nobody'; do
        # shellcheck disable=SC2086 # several words
        expect 2 "$SUEXPORT" --home hub $command
        [ ! -s out ] || fail "usage errors belong to stderr: $command"
        [ -s err ] || fail "silent about '$command'"
    done
    for command in '' nonsense 'import' 'import a b' 'explain' 'init' 'init --site lower' 'trust' 'undo now'; do
        # shellcheck disable=SC2086 # several words
        expect 2 "$SUIMPORT" --home site $command
    done
    [ ! -e site ] || fail 'a wrong command line made a home'
    # No home, given in any way; then by the environment.
    expect 2 "$SUEXPORT" status
    says '--home'
    SU_HOME=hub "$SUEXPORT" status > out
    says 'HUB' out
    expect 0 "$SUEXPORT" status --home=hub
    for program in "$SUEXPORT" "$SUIMPORT"; do
        expect 0 "$program" --version
        grep -qE '^su(ex|im)port [0-9]' out || fail "$(cat out)"
        expect 0 "$program" --help
        sed -n '/^Commands:/,/^$/s/^  \([a-z]*\( [a-z]*\)\{0,1\}\) .*/\1/p' out > commands
        [ "$(wc -l < commands)" -gt 10 ] || fail 'no list of commands'
        while read -r command; do
            # shellcheck disable=SC2086 # several words
            expect 0 "$program" $command --help
            says "Usage: $(basename "$program") [options] $command" out
        done < commands
    done
    # A full disk behind a redirection is no success.
    if [ -w /dev/full ]; then
        got=0
        hub status > /dev/full 2> err || got=$?
        [ $got != 0 ] || fail 'an answer that could not be written gave status 0'
    fi
}

test_look_init() {
    expect 0 hub init --name HUB-A
    same "$(stat -c %a hub)" 700 'mode of the home'
    hub_dump > before
    expect 0 hub init --name HUB-A --json
    same "$(json .is_new)" false 'the second time'
    hub_dump | cmp -s - before || fail 'the second init changed something'
    expect 2 hub init --name HUB-B
    says HUB-A
    expect 2 "$SUEXPORT" --home other init --name '../evil'
    expect 0 site init --site ALPHA
    cp site/keys/site.pub kept.pub
    expect 0 site init --site ALPHA
    cmp site/keys/site.pub kept.pub
    same "$(stat -c %a site/keys/site.key)" 600 'mode of the private key'
    expect 2 site init --site BRAVO
    same "$(site status --json | jq -r .SiteCode)" ALPHA 'the site'
    # The other program's home.
    expect 2 "$SUIMPORT" --home hub status
    says hub
    expect 2 "$SUEXPORT" --home site status
    expect 2 "$SUIMPORT" --home hub init --site ALPHA
    expect 2 "$SUEXPORT" --home site init
    expect 2 hub key generate --name ok --role nobody
    # No home at all.
    mkdir empty
    for place in empty nowhere before; do
        got=0
        "$SUEXPORT" --home $place status > out 2> err || got=$?
        [ $got = 2 ] || [ $got = 1 ] || fail "exit $got for a home that is none"
        says '  do: '
    done
    same "$(ls empty)" '' 'an empty folder, afterwards'
}

# Databases of another version or kind are left alone.
test_look_foreign_database() {
    hub init > /dev/null
    sqlite3 hub/update-point.db 'PRAGMA user_version=99'
    got=0
    hub status > out 2> err || got=$?
    [ $got != 0 ] || fail 'a newer schema was opened'
    says 99
    same "$(sqlite3 -readonly hub/update-point.db 'PRAGMA user_version')" 99 'its version, afterwards'
    rm -rf hub
    hub init > /dev/null
    sqlite3 hub/update-point.db 'PRAGMA application_id=1'
    got=0
    hub status > out 2> err || got=$?
    [ $got != 0 ] || fail 'a database of another application was opened'
    rm -rf hub
    hub init > /dev/null
    echo 'not a database at all, just a text of some length' > hub/update-point.db
    got=0
    hub status > out 2> err || got=$?
    [ $got != 0 ] || fail 'a text was opened'
}

columns() { sqlite3 -readonly -header "$1/update-point.db" "SELECT * FROM $2 LIMIT 1" | head -n 1; }
test_look_views() {
    both
    for side in hub site; do
        same "$(columns $side v_update)" 'update_id|revision|type|title|severity|created|kb|is_expired|is_latest|is_superseded|category_type|document_sha256|rev_id' v_update
        same "$(columns $side v_file)" 'update_id|revision|name|bytes|sha1|sha256|is_licence|language|url|is_stored' v_file
        same "$(columns $side v_sync_history)" 'sync_id|started|finished|source|kind|source_time|state|error|new|revised|expired|removed|unchanged|updates|revisions|content_version|state_digest' v_sync_history
        same "$(columns $side v_title)" 'update_id|revision|language|title' v_title
        same "$(columns $side v_ledger)" 'entry|time|operator|kind|site|sequence|subject|detail|hash|form|witness|change|scan_name|scan_sha256|previous' v_ledger
        same "$(sqlite3 -readonly $side/update-point.db "SELECT revision, type, kb, is_expired, is_latest FROM v_update WHERE update_id='d33784ae-a6cc-4f9f-832e-b256df1ae975'")" '208|Software|5100034|1|1' 'a row'
        same "$(sqlite3 -readonly $side/update-point.db "SELECT is_latest, is_superseded FROM v_update WHERE kb='5100020' ORDER BY revision")" "$(printf '0|1\n1|1')" 'superseded'
        same "$(sqlite3 -readonly $side/update-point.db 'SELECT count(*), sum(is_stored) FROM v_file')" '17|17' 'files'
    done
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT * FROM v_update ORDER BY 1,2' | cut -d'|' -f1-12)" "$(sqlite3 -readonly site/update-point.db 'SELECT * FROM v_update ORDER BY 1,2' | cut -d'|' -f1-12)" 'both sides'
}

derived() { # HOME
    for table in info title tag prerequisite bundled superseded file; do
        echo "== $table"
        sqlite3 -readonly "$1/update-point.db" "SELECT update_id, revision, d.* FROM $table d JOIN v_update USING (rev_id)" | sort
    done
    for word in cumulative viewer 5100034 30137 Fabrikam HIDDEN; do
        echo "== $word"
        sqlite3 -readonly "$1/update-point.db" "SELECT rowid FROM search WHERE search MATCH '\"$word\"' ORDER BY 1"
    done
}
test_look_rebuild() {
    both
    for side in hub site; do
        derived $side > before
        [ "$(wc -l < before)" -gt 300 ] || fail 'few derived rows'
        before=$($side status --json | jq -r .state_digest)
        expect 0 $side rebuild --json
        same "$(json '"\(.revisions) \(.state_digest)"')" "43 $before" 'rebuild'
        derived $side | diff before -
        # They follow from the documents even when they are gone or wrong.
        sqlite3 $side/update-point.db "DELETE FROM title; DELETE FROM prerequisite; UPDATE tag SET value=value||'x'; UPDATE info SET title='nonsense', expired=1, relations=x''; DELETE FROM bundled; DELETE FROM file WHERE licence; DELETE FROM superseded;"
        expect 0 $side rebuild
        derived $side | diff before -
    done
    expect 0 site import stick # still in the bundle's state
}

# A home of the second schema step gets what the third one brings, and then plans the same.
# What the steps after VERSION added to the hub's database goes: tables, then columns.
step_back() { # VERSION
    ls "$TOP"/common/schema/*.sql | head -n "$1" | xargs cat | sqlite3 older.db
    sqlite3 hub/update-point.db "ATTACH 'older.db' AS o;
        SELECT 'DROP ' || type || ' IF EXISTS ' || name || ';' FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name NOT IN (SELECT name FROM o.sqlite_schema);
        SELECT 'ALTER TABLE ' || m.name || ' DROP COLUMN ' || p.name || ';' FROM main.sqlite_schema m JOIN pragma_table_info(m.name, 'main') p
            WHERE m.type = 'table' AND m.name IN (SELECT name FROM o.sqlite_schema) AND m.name NOT LIKE 'search%'
              AND p.name NOT IN (SELECT name FROM pragma_table_info(m.name, 'o'))" > back
    sqlite3 hub/update-point.db "$(cat back) PRAGMA user_version=$1"
}
test_look_upgrade() {
    genuine_hub 2024
    derived hub > before
    expect 0 hub plan --site ALPHA --json
    mv out plan
    step_back 2
    sqlite3 hub/update-point.db "$(grep -hE '^CREATE INDEX (tag_value|prerequisite_target) ' "$TOP/common/schema/0001_core.sql")"
    expect 2 hub status
    says 'schema version 2'
    expect 0 hub site set ALPHA --jump-limit 25
    derived hub | cmp before -
    same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) > 100 FROM info WHERE length(relations) > 17")" 1 'rows with relations'
    same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM sqlite_schema WHERE name IN ('tag_value','prerequisite_target')")" 0 'indices of before step 4'
    expect 0 hub plan --site ALPHA --json
    cmp plan out
}

test_look_rebuild_genuine() {
    genuine_hub 2024
    derived hub > before
    hub rebuild > /dev/null
    derived hub | cmp - before
}

test_look_ledger() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    "$SUIMPORT" --home site --quiet --operator "$(printf 'Eve\nSU-LEDGER 1\n')" import stick > /dev/null
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    site undo > /dev/null
    same "$(python3 "$CHECK/check_ledger.py" hub/update-point.db)" '6 entries' 'the hub'
    same "$(python3 "$CHECK/check_ledger.py" site/update-point.db)" '3 entries' 'the site'
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT group_concat(kind) FROM ledger')" 'key,sync,site,site,export,receipt' 'what was done at the hub'
    same "$(sqlite3 -readonly site/update-point.db 'SELECT group_concat(kind) FROM ledger')" 'trust,import,undo' 'what was done at the site'
    same "$(sqlite3 -readonly hub/update-point.db "SELECT lower(hex(subject)) FROM ledger WHERE kind='export'")" "$(sha256sum < stick/SU-ALPHA-000001/MANIFEST.TXT | cut -d' ' -f1)" 'subject of the export'
    same "$(sqlite3 -readonly site/update-point.db "SELECT instr(operator, char(10)) FROM ledger WHERE kind='import'")" 0 'a line end in a name'
    # Each field of each entry is bound.
    for change in "UPDATE ledger SET operator='Mallory' WHERE entry=2" "UPDATE ledger SET time='2020-01-01T00:00:00Z' WHERE entry=1" 'UPDATE ledger SET sequence=9 WHERE entry=4' \
        "UPDATE ledger SET detail='' WHERE entry=1" 'DELETE FROM ledger WHERE entry=3' "UPDATE ledger SET kind='key' WHERE entry=5" "UPDATE ledger SET subject=zeroblob(32) WHERE entry=4"; do
        cp hub/update-point.db changed.db
        sqlite3 changed.db "$change"
        ! python3 "$CHECK/check_ledger.py" changed.db > /dev/null 2>&1 || fail "not noticed: $change"
    done
}

# Names of people's folders are any bytes.
test_look_strange_paths() {
    home="my hub's *home"
    expect 0 "$SUEXPORT" --home "$home" init
    expect 0 "$SUEXPORT" --home "$home" key generate --name hub-test
    cp "$SMALL/m1/export.cab" 'a package; $(touch evil).cab'
    expect 0 "$SUEXPORT" --home "$home" sync --from 'a package; $(touch evil).cab'
    expect 0 "$SUEXPORT" --home "$home" content add "$SMALL/m1/WsusContent"
    expect 0 "$SUEXPORT" --home "$home" site add ALPHA
    expect 0 "$SUEXPORT" --home "$home" export --site ALPHA --out 'the stick'
    expect 0 "$SUEXPORT" --home "$home" key export --name hub-test --out 'the key'
    expect 0 "$SUIMPORT" --home 'ein Ort für Müll' init --site ALPHA
    expect 0 "$SUIMPORT" --home 'ein Ort für Müll' trust add 'the key'
    expect 0 "$SUIMPORT" --home 'ein Ort für Müll' import 'the stick/'
    expect 0 "$SUIMPORT" --home 'ein Ort für Müll' receipt --out=-receipt
    [ -s ./-receipt ] || fail 'no receipt'
    [ ! -e evil ] || fail 'a name was run'
}

test_look_keys() {
    hub init > /dev/null
    expect 0 hub key generate --name one --json
    has_keys . name role fingerprint key_id
    same "$(json .key_id)" "$(openssl pkey -pubin -in hub/keys/one.pub -outform DER | sha256sum | cut -d' ' -f1)" 'key id'
    same "$(json .fingerprint | tr -d ' ' | tr A-F a-f)" "$(json .key_id | cut -c1-20)" 'fingerprint'
    sha256sum hub/keys/* > before
    expect 2 hub key generate --name one
    sha256sum --quiet -c before || fail 'a key was overwritten'
    expect 0 hub key generate --name two --role reviewer
    expect 0 hub key list --json
    same "$(json '[.keys[] | "\(.name) \(.role)"] | join("; ")')" 'one exporter; two reviewer' 'keys'
    expect 0 hub key export --name one
    cmp out hub/keys/one.pub
    silent_about PRIVATE out
    same "$(find hub site -name '*.key' -perm /077 2> /dev/null)" '' 'private keys that others can read'
}

test_usage_errors_as_json() {
    for line in 'site' 'nonsense' 'export --bogus' 'export --site' 'plan'; do
        # shellcheck disable=SC2086 # several words
        expect 2 "$SUEXPORT" --json $line
        same "$(json .error.exit_status) $(json .error.code)" '2 USAGE' "$line"
        grep -q '^  do: ..*' err || fail "no remedy: $line"
    done
    expect 2 "$SUEXPORT" site
    says "'site' needs one of: add, set, list, show"
}
