# receipts.sh - what a site returns: in order without a clock, over the telephone, not at all.

two_bundles() {
    small_hub
    small_site
    hub site set ALPHA --key site/keys/site.enrol > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
}
acknowledged() { hub site show ALPHA --json | jq .acknowledged; }
# The code of the site's position, by another hand.
code_by_python() {
    python3 -B -S - "$(cat site/keys/site.secret)" "$(cat receipt)" <<'EOF'
import hashlib, hmac, sys
f = dict(line.split(" ", 1) for line in sys.argv[2].splitlines())
owed = min(int(f["content-owed"]), 255)
text = f"SU-RECEIPT-CODE 1\n{f['site']}\n{f['sequence']}\n{f['manifest']}\n{f['state']}\n{owed}\n"
mac = hmac.new(bytes.fromhex(sys.argv[1].strip()), text.encode(), hashlib.sha256).digest()[:9]
value = int(f["sequence"]) << 80 | owed << 72 | int.from_bytes(mac, "big")
letters = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[value >> 5 * k & 31] for k in range(19, -1, -1))
print("-".join(letters[i:i + 4] for i in range(0, 20, 4)))
EOF
}

test_receipt_order() {
    two_bundles
    site import stick > /dev/null
    site receipt --out one > /dev/null
    site import stick2 > /dev/null
    site receipt --out two > /dev/null
    same "$(sed -n 's/^entry //p' two)" "$(sqlite3 -readonly site/update-point.db 'SELECT max(entry) FROM ledger')" 'the entry'
    expect 0 hub receipt add one
    expect 0 hub receipt add two
    hub_dump > before
    refused_at_hub 10 hub receipt add one
    says '7130'
    says "ledger entry $(sed -n 's/^entry //p' one) of site ALPHA, one of entry $(sed -n 's/^entry //p' two) was taken"
    expect 0 hub receipt add two --json
    same "$(json .already_taken)" true 'the same again'
    hub_dump | cmp -s - before || fail 'the books changed'
    # A genuine undo: a later receipt for an earlier bundle.
    site undo > /dev/null
    site receipt --out three > /dev/null
    expect 0 hub receipt add three --json
    same "$(json '"\(.sequence) \(.acknowledged_before) \(.is_undo)"')" '1 2 true' 'the undo'
    same "$(acknowledged)" 1 'acknowledged'
    refused_at_hub 10 hub receipt add two
    # The next delta starts there, and leads on.
    expect 0 hub export --site ALPHA --out stick3 --json
    same "$(sed -n 's/^fits \([0-9]*\) .*/\1/p' stick3/*/MANIFEST.TXT | paste -sd' ')" '1 2' 'states that fit'
    want=$(json .result_digest)
    expect 0 site import stick3
    same "$(site_digest)" "$want" 'the state'
    site receipt --out four > /dev/null
    expect 0 hub receipt add four
    # Every receipt taken is kept as it came.
    for kept in one two three four; do
        same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM receipt WHERE text=CAST(readfile('$kept') AS TEXT)")" 1 "$kept kept"
    done
    [ "$(stat -c %s four)" -lt 1024 ] || fail 'too large'
    # Fixed fields and nothing else, so no machine, no user, no inventory.
    ! grep -vE '^(SU-RECEIPT 1|site ALPHA|(sequence|content-owed|entry) [0-9]+|(manifest|state|ledger) [0-9a-f]{64}|signature [A-Za-z0-9+/]{86}==)$' four ||
        fail 'a receipt says something else'
    same "$(wc -l < four | tr -d ' ')" 9 'lines'
}
refused_at_hub() {
    hub_dump > hub.before
    expect "$@"
    grep -q '^  do: ..*' err || fail "no remedy: $*"
    says '  Nothing was written.'
    hub_dump | cmp -s - hub.before || fail "the books changed: $*"
}

# A site set up anew counts its ledger from the start: it is enrolled again.
test_receipt_of_a_new_site() {
    two_bundles
    site import stick > /dev/null
    site import stick2 > /dev/null
    site undo > /dev/null
    site import stick2 > /dev/null
    site receipt --out old > /dev/null
    hub receipt add old > /dev/null
    rm -rf site
    site init --site ALPHA > /dev/null
    site trust add hub.pub > /dev/null
    site import stick > /dev/null
    site receipt --out new > /dev/null
    refused_at_hub 4 hub receipt add new
    hub site set ALPHA --key site/keys/site.enrol > /dev/null
    expect 0 hub receipt add new
    same "$(acknowledged)" 1 'acknowledged'
}

# The site lacks files that were sent: the next bundle carries them again, and only then.
test_receipt_files_lacking() {
    two_bundles
    site import stick > /dev/null
    site receipt --out one > /dev/null
    hub receipt add one > /dev/null
    site import stick2 > /dev/null
    sqlite3 site/update-point.db "INSERT INTO hole (import_id, line) VALUES ((SELECT max(import_id) FROM import), 'content $(printf '%040d' 1) 5')"
    site receipt --out two > /dev/null
    same "$(sed -n 's/^content-owed //p' two)" 1 'owed'
    expect 0 hub receipt add two
    says 'lacks files that were sent (1 owed): the next bundle carries them again' out
    same "$(hub status --json | jq -r '.sites[] | "\(.content_owed) \(.link)"')" '1 degraded' 'status'
    # A code for the same bundle may say that less is owed, never more.
    cp -r hub kept
    cp site/update-point.db kept.db
    more=$(site receipt --code)
    sqlite3 site/update-point.db 'DELETE FROM hole'
    expect 0 hub receipt add "$(site receipt --code)"
    same "$(hub status --json | jq -r '.sites[] | "\(.content_owed) \(.link)"')" '0 healthy' 'paid by telephone'
    refused_at_hub 10 hub receipt add "$more"
    rm -rf hub
    mv kept hub
    mv kept.db site/update-point.db
    expect 0 hub export --site ALPHA --out stick3 --json
    same "$(json '"\(.kind) \(.records) \(.files)"')" 'delta 0 1' 'carried again'
    site import stick3 --accept-profile > /dev/null
    site receipt --out three > /dev/null
    expect 0 hub receipt add three
    same "$(hub status --json | jq -r '.sites[] | "\(.content_owed) \(.link)"')" '0 healthy' 'paid'
    expect 0 hub export --site ALPHA --out stick4 --json
    same "$(json .kind)" none 'nothing more'
}

test_receipt_code() {
    two_bundles
    same "$(stat -c %a site/keys/site.secret site/keys/site.enrol | paste -sd' ')" '600 600' 'modes'
    grep -v '^code-secret ' site/keys/site.enrol | cmp -s - site/keys/site.pub || fail 'site.enrol is not site.pub and the secret'
    openssl pkey -pubin -in site/keys/site.enrol -noout
    expect 2 site receipt --code
    site import stick > /dev/null
    site receipt > receipt
    site receipt --code > code
    same "$(cat code)" "$(code_by_python)" 'the code'
    same "$(grep -cxE '([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}' code)" 1 'its form'
    same "$(site receipt --code --json | jq -r .code)" "$(cat code)" 'in JSON'
    # Misheard: every character, once.
    hub_dump > hub.before
    for at in 1 2 3 4 6 7 8 9 11 12 13 14 16 17 18 19 21 22 23 24; do
        heard=$(python3 -c "import sys; c, i = sys.argv[1], int(sys.argv[2]) - 1; print(c[:i] + ('7' if c[i] != '7' else '8') + c[i + 1:])" "$(cat code)" "$at")
        expect 4 hub receipt add "$heard"
        says '7603'
    done
    hub_dump | cmp -s - hub.before || fail 'a forged code changed the books'
    # Spoken: small letters, blanks, in five words, O and I for 0 and 1.
    # shellcheck disable=SC2046 # several words
    expect 0 hub receipt add $(tr 'A-Z01-' 'a-zoi ' < code) --json
    same "$(json '"\(.site) \(.sequence) \(.already_taken)"')" 'ALPHA 1 false' 'the code'
    same "$(acknowledged)" 1 'acknowledged'
    expect 0 hub receipt add "$(tr -d - < code)" --json
    same "$(json .already_taken)" true 'again'
    cp code code1
    site import stick2 > /dev/null
    site receipt > receipt
    site receipt --code > code
    same "$(cat code)" "$(code_by_python)" 'the second code'
    expect 0 hub receipt add "$(cat code)"
    same "$(acknowledged)" 2 'acknowledged'
    # A code can only go forward; a signed receipt goes back.
    refused_at_hub 10 hub receipt add "$(cat code1)"
    says 'can only go forward'
    site undo > /dev/null
    refused_at_hub 10 hub receipt add "$(site receipt --code)"
    site receipt --out undone > /dev/null
    expect 0 hub receipt add undone
    same "$(acknowledged)" 1 'after the undo'
    same "$(sqlite3 -readonly hub/update-point.db "SELECT group_concat(text, ' ') FROM receipt WHERE kind='code'")" "$(cat code1 code | paste -sd' ')" 'codes kept'
}

# Another site's code, a site enrolled without its secret, a home made before there were secrets.
test_receipt_code_of_somebody_else() {
    two_bundles
    site import stick > /dev/null
    site receipt --code > code
    hub site add BRAVO > /dev/null
    hub export --site BRAVO --out bravo > /dev/null
    expect 0 hub receipt add "$(cat code)"
    hub site set ALPHA --key site/keys/site.pub > /dev/null
    same "$(hub site show ALPHA --json | jq .takes_codes)" false 'a plain key brings no secret'
    refused_at_hub 4 hub receipt add "$(cat code)"
    rm site/keys/site.secret site/keys/site.enrol
    site receipt --code > code2
    ! cmp -s code code2 || fail 'another secret, the same code'
    hub site set ALPHA --key site/keys/site.enrol > /dev/null
    refused_at_hub 4 hub receipt add "$(cat code)"
    expect 0 hub receipt add "$(cat code2)"
    sed 's/^code-secret ./code-secret x/' site/keys/site.enrol > bad.enrol
    expect 4 hub site set ALPHA --key bad.enrol
    same "$(hub site show ALPHA --json | jq .takes_codes)" true 'the secret stays'
    ! hub site show ALPHA --json | grep -q "$(cat site/keys/site.secret)" || fail 'the secret is shown'
}

# Nothing comes back, ever: every bundle fits what may have arrived.
test_receipt_none_at_all() {
    two_bundles
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub export --site ALPHA --out stick3 > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub export --site ALPHA --out stick4 > /dev/null
    want=$(hub_digest)
    cp -a site new
    for way in 'stick stick4' 'stick stick2 stick4' 'stick stick3 stick4' 'stick stick2 stick3 stick4'; do
        rm -rf site && cp -a new site
        # shellcheck disable=SC2086 # several words
        for stick in $way; do expect 0 site import $stick; done
        same "$(site_digest)" "$want" "$way"
        expect 0 site content verify
    done
}

# ---- a hub that has lost its books --------------------------------------------------------------------

# The hub is gone after bundle 2; a new one, with a key of its own, knows the catalogue and the site.
lose_hub() {
    two_bundles
    site import stick > /dev/null
    site import stick2 > /dev/null
    rm -rf hub
    hub init > /dev/null
    hub key generate --name hub-new > /dev/null
    hub key export --name hub-new > new.pub
    site trust add new.pub > /dev/null
    hub sync --from "$SMALL/m${1:-2}/export.cab" > /dev/null
    hub content add "$SMALL/m${1:-2}/WsusContent" > /dev/null
    hub site add ALPHA --key site/keys/site.enrol > /dev/null
}

# The signature is over the digest of all before it, as openssl sees it.
test_state_file_form() {
    two_bundles
    site import stick > /dev/null
    site import stick2 > /dev/null
    expect 2 site receipt --state
    expect 0 site receipt --state --out state
    expect 2 site receipt --state --out state # never over an old one
    sed '$d' state | sha256sum | cut -c1-64 > digest
    { echo 'SU-SITE-STATE-DIGEST 1'; cat digest; } > signed
    sed -n 's/^signature //p' state | base64 -d > sig
    openssl pkeyutl -verify -pubin -inkey site/keys/site.pub -rawin -in signed -sigfile sig
    same "$(grep -c '^R ' state)" "$(sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM revision')" 'records'
    sed -n 's/^F //p' state > files
    (cd site/content && ls ./*/ | grep -xE '[0-9a-f]{64}' | sort) | diff - files
    sed -n 's/^R \([^ ]*\) \([0-9]*\) \([0-9]*\) \([^ ]*\) \([^ ]*\)$/\1 \2 \3 \4 \5/p' state | tr -d - > have
    sqlite3 -readonly -separator ' ' site/update-point.db 'SELECT lower(hex(update_id)), revision, origin, lower(hex(record_sha256)), lower(hex(doc_sha256)) FROM revision ORDER BY 1, 2' | diff - have
    # The hub has its books: it takes no state file.
    refused_at_hub 10 hub receipt add state
    says '7131'
    refused_at_hub 10 hub receipt add state --rebuild
    says 'has made bundles for ALPHA up to 2 itself, what was brought is of sequence 2'
}

test_lost_hub_state_file() {
    lose_hub 1
    hub site set ALPHA --content none > /dev/null # whatever the operator remembered
    site receipt --out receipt > /dev/null
    site receipt --state --out state > /dev/null
    refused_at_hub 4 hub receipt add receipt
    says '--rebuild'
    refused_at_hub 10 hub receipt add state
    # Every line changed, dropped, doubled: refused, and nothing written.
    lines=$(wc -l < state)
    for at in 1 2 3 4 5 6 7 8 9 10 11 12 13 20 $((lines - 1)) $lines; do
        for change in "${at}s/[0-9a-f]$/x/" "${at}d" "${at}p"; do
            sed "$change" state > bad
            cmp -s state bad && continue
            got=0
            hub receipt add bad --rebuild > out 2> err || got=$?
            case $at:$got in *:4 | *:2 | 1:3) ;; *) fail "exit $got after $change: $(cat err)" ;; esac # without its first line it is no state file
        done
    done
    head -c 1000 state > bad
    refused_at_hub 4 hub receipt add bad --rebuild
    # Signed by the site, but not what its digest says.
    swap() { sed -e '$d' -e "$1" state > bad; { echo 'SU-SITE-STATE-DIGEST 1'; sha256sum < bad | cut -c1-64; } > signed
        openssl pkeyutl -sign -inkey site/keys/site.key -rawin -in signed -out sig; echo "signature $(base64 -w 0 sig)" >> bad; }
    swap '0,/^R /{/^R /d}'
    refused_at_hub 4 hub receipt add bad --rebuild
    says 'other records than its state digest names'
    swap 's/^highest .*/highest 1/'
    refused_at_hub 4 hub receipt add bad --rebuild
    expect 0 hub receipt add state --rebuild --json
    same "$(json '"\(.site) \(.sequence) \(.next_sequence) \(.is_complete)"')" 'ALPHA 2 3 true' 'the books'
    same "$(hub site show ALPHA --json | jq -r '"\(.acknowledged) \(.last_sent)"')" '2 2' 'acknowledged'
    hub site show ALPHA --json | jq -r .profile | grep -qx 'content all' || fail 'the profile was not taken over'
    # The next bundle is a delta that fits, from the catalogue of month 2 back to that of month 1.
    expect 0 hub export --site ALPHA --out stick3 --json
    same "$(json '"\(.kind) \(.sequence) \(.base_digest)"')" "delta 3 $(site_digest)" 'the next'
    [ "$(json .records)" -lt 20 ] && [ "$(json .files)" -lt 3 ] || fail "not a small delta: $(cat out)"
    expect 0 site import stick3
    same "$(site_digest)" "$(hub_digest)" 'the state'
    expect 0 site content verify
    site receipt --out receipt3 > /dev/null
    expect 0 hub receipt add receipt3
}

# After an undo the numbers above are burnt: the new hub numbers after them.
test_lost_hub_after_undo() {
    lose_hub
    site undo > /dev/null
    site receipt --state --out state > /dev/null
    expect 0 hub receipt add state --rebuild --json
    same "$(json '"\(.sequence) \(.next_sequence)"')" '1 3' 'numbers'
    expect 0 hub export --site ALPHA --out stick3 --json
    same "$(json '"\(.kind) \(.sequence)"')" 'delta 3' 'the next'
    expect 0 site import stick3
    same "$(site_digest)" "$(hub_digest)" 'the state'
}

# With a receipt alone: all of it where the hub would send that very state, else the number.
test_lost_hub_receipt() {
    lose_hub
    site receipt --out receipt > /dev/null
    expect 2 hub receipt add "$(site receipt --code)" --rebuild
    cp -a hub hub.lost
    cp -a site site.2
    expect 0 hub receipt add receipt --rebuild --json
    same "$(json '"\(.sequence) \(.next_sequence) \(.is_complete)"')" '2 3 true' 'the same catalogue'
    expect 0 hub export --site ALPHA --out none --json
    same "$(json .kind)" none 'nothing is missing'
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub content add "$SMALL/m1/WsusContent" > /dev/null
    expect 0 hub export --site ALPHA --out stick3 --json
    same "$(json '"\(.kind) \(.sequence)"')" 'delta 3' 'the next'
    expect 0 site import stick3
    refused_at_hub 10 hub receipt add receipt --rebuild
    # Another catalogue: a full bundle under the next number.
    rm -rf hub site
    mv hub.lost hub
    mv site.2 site
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub content add "$SMALL/m1/WsusContent" > /dev/null
    expect 0 hub receipt add receipt --rebuild --json
    same "$(json '"\(.sequence) \(.next_sequence) \(.is_complete)"')" '2 3 false' 'another catalogue'
    expect 0 hub export --site ALPHA --out stick4 --json
    same "$(json '"\(.kind) \(.sequence)"')" 'full 3' 'the next'
    expect 0 site import stick4
    same "$(site_digest)" "$(hub_digest)" 'the state'
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    expect 0 hub export --site ALPHA --out stick5 --json
    same "$(json '"\(.kind) \(.sequence)"')" 'delta 4' 'and on'
    expect 0 site import stick5
}

# What the books know is what a plan finds: the same answer with and without the memory of the last export.
slow_plan() { # HOME [OPTION...]
    rm -rf slow
    cp -R "$1" slow
    shift
    sqlite3 slow/update-point.db "DELETE FROM setting WHERE key LIKE 'settled %'"
    "$SUEXPORT" --home slow --quiet plan --site ALPHA --json "$@" > slow.json || true
}
both_ways() { # HOME KIND [OPTION...]
    home=$1 kind=$2
    shift 2
    "$SUEXPORT" --home "$home" --quiet plan --site ALPHA --json "$@" > fast.json || true
    slow_plan "$home" "$@"
    cmp fast.json slow.json || fail "two answers: $(cat fast.json slow.json)"
    same "$(json .kind fast.json)" "$kind" "the plan of $home"
}
moved() { # NAME KIND COMMAND...: a copy of the hub on which something has moved
    name=$1 kind=$2
    shift 2
    rm -rf moved
    cp -R hub moved
    "$@" > /dev/null || fail "$*"
    both_ways moved "$kind"
    echo "$name $kind $(json .files fast.json)" >> log.moved
}
on_moved() { "$SUEXPORT" --home moved --quiet "$@"; }
sql_on_moved() { sqlite3 moved/update-point.db "$1"; }

test_nothing_is_settled() {
    two_bundles
    site import stick > /dev/null
    site import stick2 > /dev/null
    site receipt --out two > /dev/null
    both_ways hub delta # no receipt: the bundle may be lost
    hub receipt add two > /dev/null
    both_ways hub none
    both_ways hub none --since 2
    both_ways hub delta --since 1
    both_ways hub full --full
    # It was answered from the books indeed: a number written there is what the plan says.
    rm -rf moved
    cp -R hub moved
    sql_on_moved "UPDATE setting SET value=replace(value, ' 42 ', ' 4242 ') WHERE key='settled ALPHA'"
    on_moved plan --site ALPHA --json > out
    same "$(json .updates)" 4242 'updates from the books'
    # Each input that moves.
    moved state delta on_moved sync --from "$SMALL/m1/export.cab"
    moved mode none on_moved site set ALPHA --content none
    moved languages none on_moved site set ALPHA --languages de
    moved products delta on_moved site set ALPHA --products 'Fabrikam Server 2022'
    moved classifications delta on_moved site set ALPHA --classifications 'Security Updates'
    moved derived none on_moved rebuild
    moved files delta sql_on_moved "DELETE FROM site_file WHERE sha256=(SELECT max(sha256) FROM site_file)"
    moved store none sql_on_moved "INSERT INTO stored_file VALUES (zeroblob(32), zeroblob(20), 5, NULL)"
    moved program none sql_on_moved "UPDATE setting SET value='0'||substr(value, 2) WHERE key='settled ALPHA'"
    moved form none sql_on_moved "UPDATE setting SET value=value||' 7' WHERE key='settled ALPHA'"
    # The site goes back, and forth again.
    site undo > /dev/null
    site receipt --out back > /dev/null
    moved undone delta on_moved receipt add back
    hub receipt add back > /dev/null
    both_ways hub delta
    # Approvals, and the next export keeps anew.
    hub site set ALPHA --content approved > /dev/null
    hub export --site ALPHA --out stick3 > /dev/null
    site import stick3 --accept-profile > /dev/null
    site receipt --out three > /dev/null
    hub receipt add three > /dev/null
    both_ways hub none
    moved approval none on_moved site set ALPHA --approve KB5100032
    # A bundle with holes has more to say than its books know.
    hub site add BETA > /dev/null
    sqlite3 hub/update-point.db "DELETE FROM stored_file WHERE sha256=(SELECT max(sha256) FROM stored_file)"
    hub export --site BETA --out beta --allow-incomplete > /dev/null
    same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM setting WHERE key='settled BETA'")" 0 'what is settled for BETA'
}
