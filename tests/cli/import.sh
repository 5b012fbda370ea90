# import.sh - what a site takes, what it refuses and how, and that it is never in between.

bundle=stick/SU-ALPHA-000001

# Full bundle of month 1 in stick, delta to month 2 in stick2; a site that trusts the hub.
two_sticks() {
    small_hub
    small_site
    hub export --site ALPHA --out stick --volume-size 1M > /dev/null
    state1=$(hub_digest)
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    state2=$(hub_digest)
}
counts() { json '"\(.new) \(.revised) \(.expired) \(.removed) \(.updates) \(.revisions)"'; }
is_closed() { same "$(python3 "$CHECK/check_closure.py" --open site/update-point.db)" '' 'open clauses'; }

test_import_small() {
    two_sticks
    expect 0 site import stick --json
    has_keys . site sequence new revised expired removed updates revisions state_digest content_owed seconds
    same "$(counts)" '41 0 0 0 41 43' 'the full bundle'
    same "$(json '"\(.site) \(.sequence) \(.content_owed) \(.state_digest)"')" "ALPHA 1 0 $state1" 'the first import'
    python3 "$CHECK/check_documents.py" "$SMALL/m1/export.cab" site/update-point.db
    is_closed
    expect 0 site import stick2 --json
    same "$(counts)" '2 2 1 1 42 46' 'the delta'
    same "$(json .state_digest)" "$state2" 'the second state'
    python3 "$CHECK/check_documents.py" "$SMALL/m2/export.cab" site/update-point.db
    same "$(python3 "$CHECK/check_state.py" site/update-point.db)" "$state2" 'the digest by another hand'
    is_closed
    expect 0 site content verify
    expect 0 site undo --json
    same "$(json '"\(.state_digest) \(.sequence)"')" "$state1 2" 'undo'
    python3 "$CHECK/check_documents.py" "$SMALL/m1/export.cab" site/update-point.db
    expect 0 site import stick2
    same "$(site_digest)" "$state2" 'forward again'
    site undo > /dev/null
    site undo > /dev/null
    same "$(site status --json | jq -r '"\(.updates) \(.last_sequence)"')" '0 0' 'back at the beginning'
    expect 10 site undo
    says '  do: '
    expect 0 site import stick
    same "$(site_digest)" "$state1" 'from the beginning again'
    same "$(python3 "$CHECK/check_ledger.py" site/update-point.db)" '8 entries' 'the ledger' # trust, 4 imports, 3 undos
}

test_import_genuine() {
    genuine_hub 2015
    small_site
    hub export --site ALPHA --out stick > /dev/null
    hub sync --from "$EXPORT_2024" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    expect 0 site import stick --json
    same "$(counts)" '2336 0 0 0 2336 2358' '2015'
    state1=$(json .state_digest)
    python3 "$CHECK/check_documents.py" "$EXPORT_2015" site/update-point.db
    expect 0 site import stick2 --json
    same "$(counts)" '1784 90 2 33 4087 4125' '2024'
    same "$(json .state_digest)" "$(hub_digest)" 'both sides'
    python3 "$CHECK/check_documents.py" "$EXPORT_2024" site/update-point.db
    same "$(python3 "$CHECK/check_state.py" site/update-point.db)" "$(hub_digest)" 'by another hand'
    is_closed
    expect 0 site undo
    same "$(site_digest)" "$state1" 'undo'
    python3 "$CHECK/check_documents.py" "$EXPORT_2015" site/update-point.db
    expect 0 site import stick2
    same "$(site_digest)" "$(hub_digest)" 'again'
}

test_import_repeated() {
    two_sticks
    site import stick > /dev/null
    site_dump > before
    tree_sum site/content > before.content
    expect 0 site import stick --json
    same "$(json '"\(.already_imported) \(.state_digest) \(.new) \(.updates)"')" "true $state1 0 41" 'the second time'
    site_dump | cmp -s - before || fail 'the site changed'
    tree_sum site/content | cmp -s - before.content || fail 'the store changed'
    expect 0 site plan stick --json
    same "$(json .already_imported)" true 'plan of it'
    expect 0 site verify stick --json
    same "$(json '"\(.verdict) \(.already_imported)"')" 'good true' 'verify of it'
}

test_import_plan_writes_nothing() {
    two_sticks
    for medium in stick stick2; do
        site_dump > before
        sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM sync_history; SELECT count(*) FROM ledger' > before.rows
        tree_sum site/content > before.content
        expect 0 site plan $medium --json
        mv out planned
        site_dump | cmp -s - before || fail 'plan changed the site'
        sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM sync_history; SELECT count(*) FROM ledger' | cmp - before.rows
        tree_sum site/content | cmp -s - before.content || fail 'plan changed the store'
        expect 0 site import $medium --json
        for key in sequence new revised expired removed unchanged updates revisions state_digest content_owed; do
            same "$(json ".$key")" "$(json ".$key" planned)" "$key of plan and import of $medium"
        done
    done
    flip "$bundle/SU000001.001" 5000
    site undo > /dev/null
    site undo > /dev/null
    refused 3 site plan stick
}

# verdict STATUS NAME: what verify says of ./copy; it writes nothing.
verdict() {
    site_dump > verdict.before
    tree_sum site/content > verdict.content
    expect "$1" site verify copy --json
    same "$(json .verdict)" "$2" 'verdict'
    has_keys . verdict site sequence base_digest result_digest
    site_dump | cmp -s - verdict.before || fail 'verify changed the site'
    tree_sum site/content | cmp -s - verdict.content || fail 'verify changed the store'
}
fresh() { rm -rf copy; cp -R "${1:-$bundle}" copy; }

test_import_refuses_tampering() {
    two_sticks
    fresh
    verdict 0 good
    for at in 0 60 900; do
        fresh
        flip copy/MANIFEST.TXT $at
        verdict 4 untrusted
        refused 4 site import copy
    done
    fresh
    flip "$(echo copy/*.SIG)" 20
    verdict 4 untrusted
    refused 4 site import copy
    fresh
    rm copy/*.SIG
    verdict 4 untrusted
    refused 4 site import copy
    says 'carries no signature'
    fresh
    for volume in copy/SU000001.00?; do
        for at in 0 100000; do
            flip "$volume" $at
            verdict 3 damaged
            same "$(json '.bad[0].volume')" "${volume#copy/SU000001.00}" 'the bad volume'
            refused 3 site import copy
            flip "$volume" $at
        done
    done
    fresh
    flip copy/VERIFY.txt 100
    verdict 3 damaged
    refused 3 site import copy
    says VERIFY.txt
    fresh
    rm copy/VERIFY.txt
    verdict 3 damaged
    refused 3 site import copy
    says VERIFY.txt
    expect 0 site import stick
}

test_import_refuses_missing_and_undeclared() {
    two_sticks
    for number in 001 002 003; do
        fresh
        rm "copy/SU000001.$number"
        verdict 3 damaged
        refused 3 site import copy
        says "SU000001.$number"
        says 'is absent'
        fresh
        truncate -s -1 "copy/SU000001.$number"
        refused 3 site import copy
        says "SU000001.$number"
        fresh
        echo >> "copy/SU000001.$number"
        refused 3 site import copy
    done
    for name in README.TXT .hidden SU000001.999 SU000002.001 MANIFEST.TXT.BAK autorun.inf; do
        fresh
        echo hello > "copy/$name"
        verdict 3 damaged
        refused 3 site import copy
        says "$name"
    done
    fresh
    mkdir copy/folder
    refused 3 site import copy
    # Only regular files, whatever lies behind the name.
    for name in MANIFEST.TXT SU000001.002 VERIFY.txt; do
        fresh
        mv "copy/$name" real
        ln -s ../real "copy/$name"
        refused 3 site import copy
        rm "copy/$name"
        mkfifo "copy/$name"
        refused 3 timeout 20 "$SUIMPORT" --home site --quiet import copy
        rm "copy/$name"
        mkdir "copy/$name"
        refused 3 site import copy
    done
    expect 2 site import hub/keys
    says 'MANIFEST.TXT'
    expect 2 site import nowhere
    expect 2 site import
    : > empty
    fresh
    : > copy/MANIFEST.TXT
    expect 3 site import copy
}

test_import_refuses_untrusted() {
    two_sticks
    mv site trusting
    site init --site ALPHA > /dev/null
    fresh
    verdict 4 untrusted
    refused 4 site import stick
    says 'no key'
    openssl genpkey -algorithm ed25519 | openssl pkey -pubout > other.pem
    { printf 'SU-KEY 1\nname other\nrole exporter\n'; cat other.pem; } > other.pub
    expect 0 site trust add other.pub
    verdict 4 untrusted
    refused 4 site import stick
    # A reviewer's signature alone is not an exporter's.
    expect 0 site trust add hub.pub --role reviewer
    refused 4 site import stick
    rm -rf site
    mv trusting site
    expect 0 site import stick
}

test_trust_fingerprint() {
    small_hub
    hub key export --name hub-test --out hub.pub
    site init --site ALPHA > /dev/null
    fingerprint=$(sed -n 's/^fingerprint //p' hub.pub)
    expect 4 site trust add hub.pub --fingerprint '0000 1111 2222 3333 4444'
    says '  do: '
    expect 4 site trust add hub.pub --fingerprint "${fingerprint% *}"
    same "$(site trust list --json | jq '.keys | length')" 0 'keys after a wrong fingerprint'
    expect 0 site trust add hub.pub --fingerprint "$(echo "$fingerprint" | tr 'A-F ' 'a-f-')"
    expect 0 site trust add hub.pub --fingerprint "$fingerprint"
    same "$(site trust list --json | jq -r '[.keys[].fingerprint] | join(";")')" "$fingerprint" 'the pinned key'
    echo 'no key' > no.pub
    expect 4 site trust add no.pub
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2> /dev/null | openssl pkey -pubout -out rsa.pub
    expect 4 site trust add rsa.pub
    expect 4 site trust add hub/keys/hub-test.key
}

# A key that openssl wrote has no name in it; the operator gives it one.
test_trust_plain_pem() {
    site init --site ALPHA > /dev/null
    openssl genpkey -algorithm ed25519 | openssl pkey -pubout > plain.pem
    expect 0 site trust add plain.pem --name other
    same "$(site trust list --json | jq -r '[.keys[] | "\(.name) \(.role)"] | join(";")')" 'other exporter' 'the pinned key'
}

test_import_refuses_other_site() {
    two_sticks
    hub site add BRAVO > /dev/null
    hub export --site BRAVO --out bravo > /dev/null
    cp -R bravo/SU-BRAVO-000001 copy
    verdict 10 wrong-site
    refused 10 site import bravo
    says BRAVO
    says ALPHA
}

test_import_refuses_gap_and_older() {
    two_sticks
    fresh stick2/SU-ALPHA-000002
    verdict 5 gap
    refused 5 site import stick2
    says 'SU-ALPHA-000001'
    hub export --site ALPHA --out stick3 --full > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub export --site ALPHA --out stick4 > /dev/null
    site import stick > /dev/null
    refused 5 site import stick4 # it builds on the full bundle 3
    says '--since 1'
    expect 0 site import stick3
    expect 0 site import stick4
    same "$(site_digest)" "$state1" 'after the full one and its delta'
    for medium in stick stick2 stick3; do
        refused 10 site import $medium
        says 'this site has reached 4'
        expect 10 site verify $medium --json
        same "$(json .verdict)" replay 'verdict'
    done
}

test_import_profile_differs() {
    two_sticks
    site import stick > /dev/null
    hub site set ALPHA --products 'Fabrikam Desktop 11' --content licence > /dev/null
    hub export --site ALPHA --out stick3 > /dev/null
    refused 10 site import stick3
    says 'content licence'
    says 'content all'
    says '--accept-profile'
    expect 0 site verify stick3
    expect 0 site import stick3 --accept-profile
    hub export --site ALPHA --out stick4 --full > /dev/null
    expect 0 site import stick4 # pinned now
    same "$(site_digest)" "$(site verify stick4 --json | jq -r .result_digest)" 'digest'
}

test_import_locked() {
    two_sticks
    (flock 9; : > held; exec sleep 20) 9>> site/lock &
    until [ -e held ]; do sleep 0.02; done
    refused 7 site import stick
    expect 7 site undo
    expect 7 site plan stick
    expect 0 site status
    expect 0 site verify stick
    kill $!
    wait $! || true
}

# While an import works, another is told who does; readers see the state before it, and do not wait.
test_import_paused() {
    genuine_hub 2015
    small_site
    hub export --site ALPHA --out stick > /dev/null
    "$SUIMPORT" --home site --quiet import stick > import.log 2>&1 &
    pid=$!
    until grep -q "import, process $pid" site/lock; do kill -0 $pid || fail 'no lock was seen'; done
    sleep 0.1
    kill -STOP $pid
    expect 7 site import stick
    says "import, process $pid"
    expect 0 timeout 5 "$SUIMPORT" --home site --json status
    same "$(json .updates)" 0 'updates while it works'
    expect 0 timeout 5 "$SUIMPORT" --home site history
    kill -CONT $pid
    wait $pid
    same "$(site_digest)" "$(hub_digest)" 'digest after it'
}

test_import_leaves_the_medium_alone() {
    two_sticks
    tree_sum stick > before
    site verify stick > /dev/null
    site plan stick > /dev/null
    site import stick > /dev/null
    tree_sum stick | cmp -s - before || fail 'the medium changed'
    chmod -R a-w stick2
    tree_sum stick2 > before
    expect 0 site import stick2
    tree_sum stick2 | cmp -s - before || fail 'the medium changed'
    chmod -R u+w stick2
}

test_import_read_only_mount() {
    two_sticks
    mkdir ro
    # shellcheck disable=SC2016 # the $ is of another language
    unshare -rm sh -c 'mount --bind stick ro && mount -o remount,bind,ro ro && ! touch ro/x' 2> /dev/null || skip 'cannot mount read-only here'
    # shellcheck disable=SC2016 # the $ is of another language
    expect 0 unshare -rm sh -c 'mount --bind stick ro && mount -o remount,bind,ro ro && "$0" --home site verify ro && "$0" --home site plan ro && "$0" --home site import ro' "$SUIMPORT"
    same "$(site_digest)" "$state1" 'digest'
}

test_import_medium_of_many() {
    two_sticks
    hub site add BRAVO --content none > /dev/null
    hub export --site BRAVO --out medium > /dev/null
    cp -R stick/* stick2/* medium
    cp -R "$bundle" medium/SU-ALPHA-000001.partial
    rm medium/SU-ALPHA-000001.partial/SU000001.001
    mkdir medium/photos
    echo hello > medium/photos/dog.jpg
    tree_sum medium > before
    expect 0 "$SUIMPORT" --home site import medium --json
    says 'SU-BRAVO-000001' err
    same "$(json '"\(.sequence) \(.state_digest)"')" "2 $state2" 'both, in order'
    tree_sum medium | cmp -s - before || fail 'the medium changed'
    same "$(sqlite3 -readonly site/update-point.db 'SELECT group_concat(sequence) FROM import')" '1,2' 'imports'
    expect 0 site import medium
    same "$(sqlite3 -readonly site/update-point.db 'SELECT group_concat(sequence) FROM import')" '1,2' 'imports after a second run'
    expect 0 site verify medium
    # A medium with nothing for this site.
    rm -rf medium/SU-ALPHA*
    expect 10 site import medium
}

# One damaged bundle among several: what is good before it is kept, and the status is no yes.
test_import_medium_with_damage() {
    two_sticks
    mkdir medium
    cp -R stick/* stick2/* medium
    flip medium/SU-ALPHA-000002/SU000002.001 3000
    expect 3 site import medium
    same "$(site_digest)" "$state1" 'digest'
    expect 3 site verify medium
    rm -rf medium/SU-ALPHA-000002
    cp -R stick2/* medium
    expect 0 site import medium
    same "$(site_digest)" "$state2" 'digest after mending'
}

# lie EXPRESSION STATUS [TEXT]: a manifest that says something else, signed by the right key.
lie() {
    fresh "${4:-$bundle}"
    find site/content -mindepth 1 -delete
    edit copy/MANIFEST.TXT "$1"
    resign copy
    refused "$2" site import copy
    [ -z "$3" ] || says "$3"
}

# Who holds the key can still not make the site believe what its own database does not show.
test_import_signed_lies() {
    small_hub
    small_site
    hub site set ALPHA --content licence > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    fresh
    resign copy
    same "$(cat copy/*.SIG | sha256sum)" "$(cat "$bundle"/*.SIG | sha256sum)" 'the signature made by openssl'
    lie 're.sub(rb"\nresult .", lambda m: m[0][:-1] + (b"1" if m[0].endswith(b"0") else b"0"), d)' 3 'recomputed from the database'
    lie 'd.replace(b"\ncatalogue 41 43\n", b"\ncatalogue 41 44\n")' 3 'recomputed from the database'
    lie 'd.replace(b"\ncatalogue 41 43\n", b"\ncatalogue 40 43\n")' 3 ''
    lie 're.sub(rb"\nclosure (\d+)", lambda m: b"\nclosure %d" % (int(m[1]) + 1), d)' 11 'closure'
    lie 're.sub(rb"\nclosure (\d+) (\d+)", lambda m: b"\nclosure %s %d" % (m[1], int(m[2]) + 1), d)' 11 'closure'
    lie 're.sub(rb"\nclosure (\d+) (\d+) 2 0 0", rb"\nclosure \1 \2 1 0 0", d)' 11 'licence'
    lie 're.sub(rb"\nrecords 43 0", rb"\nrecords 42 0", d)' 3 'records'
    lie 'd.replace(b"\nrecords 43 0", b"\nrecords 43 1")' 3 'removals'
    lie 'd.replace(b"\nprofile ", b"\nrequires time-travel\nprofile ")' 2 'time-travel'
    lie 'd.replace(b"SU-BUNDLE-MANIFEST 1 ", b"SU-BUNDLE-MANIFEST 2 ")' 2 ''
    lie 'd.replace(b" transfer\n", b" receipt\n", 1)' 2 ''
    lie 'd.replace(b"\nbundle SU-ALPHA-000001\n", b"\nbundle SU-ALPHA-000002\n")' 3 'canonical'
    lie 'd.replace(b"\nsite ALPHA\n", b"\nsite BRAVO\n").replace(b"bundle SU-ALPHA", b"bundle SU-BRAVO")' 10 'BRAVO'
    lie 'd + b"more\n"' 3 'canonical'
    lie 'd[:-4]' 3 'canonical'
    lie 'd.replace(b"\n", b"\r\n")' 2 ''
    lie 'd.replace(b"\nsequence 1\n", b"\nsequence 01\n")' 3 'canonical'
    lie 're.sub(rb"\npromise-days \d+", b"\npromise-days 99999999999999999999999", d)' 3 'canonical'
    lie 're.sub(rb"\nframe (\d+) 1:", rb"\nframe \1 7:", re.sub(rb"\nframe (\d+) [23]:", rb"\nframe \1 7:", d))' 3 'outside its volume'
    lie 're.sub(rb"\nframe \d+ ", b"\nframe 5 ", d)' 3 ''
    lie 're.sub(rb"\nframe \d+ ", b"\nframe 999999999999 ", d)' 3 ''
    lie 're.sub(rb"\nfile ([0-9a-f]{64}) (.)", lambda m: b"\nfile " + m[1] + b" " + (b"1" if m[2] == b"0" else b"0"), d, count=1)' 3 'SHA-1'
    lie 're.sub(rb"\nfile (.)", lambda m: b"\nfile " + (b"1" if m[1] == b"0" else b"0"), d, count=1)' 3 'SHA-256'
    lie 're.sub(rb"\ncreated [^\n]*", b"\ncreated \x1b[2J", d)' 3 'canonical'
    lie 're.sub(rb"\nhub [^\n]*", b"\nhub ../../x", d)' 3 'canonical'
    lie 'd.replace(b"\ncontent licence\n", b"\ncontent none\n")' 3 'profile digest'
    # A delta that claims to fit a state it was not made for.
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    base=$(sed -n 's/^fits 1 //p' stick2/*/MANIFEST.TXT)
    empty=$(site_digest)
    lie "d.replace(b'\nfits 1 $base', b'\nfits 1 $empty')" 3 'recomputed from the database' stick2/SU-ALPHA-000002
}

test_import_no_space() {
    two_sticks
    mkdir tiny
    unshare -rm mount -t tmpfs -o size=3m none tiny 2> /dev/null || skip 'cannot mount here'
    # shellcheck disable=SC2016 # the $ is of another language
    expect 6 unshare -rm sh -c 'mount -t tmpfs -o size=3m none tiny && cp -R site tiny && { "$0" --home tiny/site --quiet import stick; status=$?; find tiny/site/content -type f; exit $status; }' "$SUIMPORT"
    says '  do: '
    says 'Nothing was written.'
    [ ! -s out ] || fail "left in the store: $(cat out)"
}

# A site whose rows are not those of any bundle takes no delta; a full bundle makes it right again.
test_import_tampered_site() {
    two_sticks
    site import stick > /dev/null
    sqlite3 site/update-point.db "DELETE FROM document WHERE rev_id=7; DELETE FROM revision WHERE rev_id=7"
    refused 5 site import stick2
    says 'none of them'
    expect 0 site rebuild # so that nothing derived from the lost rows is left
    hub export --site ALPHA --out stick3 --full > /dev/null
    expect 0 site import stick3
    same "$(site_digest)" "$state2" 'digest'
    python3 "$CHECK/check_documents.py" "$SMALL/m2/export.cab" site/update-point.db
    same "$(python3 "$CHECK/check_state.py" site/update-point.db)" "$state2" 'by another hand'
}

# Twelve steps back, not more.
test_import_undo_depth() {
    small_hub
    small_site
    hub site set ALPHA --content none > /dev/null
    kept=$(limit SU_UNDO_KEEP)
    for k in $(seq 1 $((kept + 2))); do
        hub sync --from "$SMALL/m$((k % 2 + 1))/export.cab" > /dev/null
        hub export --site ALPHA --out "stick$k" > /dev/null
        site import "stick$k" > /dev/null
        site_digest > "state$k"
    done
    for k in $(seq $((kept + 1)) -1 2); do
        expect 0 site undo
        same "$(site_digest)" "$(cat "state$k")" "back at $k"
    done
    site_dump > before
    expect 10 site undo
    says 'no longer kept'
    site_dump | cmp -s - before || fail 'the refused undo changed the site'
    expect 0 site import stick3
    same "$(site_digest)" "$(cat state3)" 'forward again'
}

# --- receipts and chains

test_receipts() {
    two_sticks
    expect 2 site receipt # nothing to acknowledge yet
    site import stick > /dev/null
    expect 0 site receipt --out one.rcpt
    site receipt > again.rcpt
    cmp one.rcpt again.rcpt
    [ "$(stat -c %s one.rcpt)" -lt 600 ] || fail 'a receipt must stay small'
    expect 0 hub receipt add one.rcpt --json
    same "$(json '"\(.site) \(.sequence) \(.already_taken)"')" 'ALPHA 1 false' 'the receipt'
    hub_dump > before
    expect 0 hub receipt add one.rcpt --json
    same "$(json .already_taken)" true 'a second time'
    hub_dump | cmp -s - before || fail 'a stale receipt changed the books'
    site import stick2 > /dev/null
    site receipt > two.rcpt
    # Forgeries: each field changed, the signature as it was.
    hub_dump > before
    for change in 's/^site .*/site BRAVO/' 's/^sequence 2/sequence 1/' 's/^content-owed 0/content-owed 1/' 's/^entry .*/entry 999/' '/^state /s/[0-9a-f]\{64\}/'"$state1"'/' \
        '/^manifest /s/ ./ 0/;/^manifest /s/.$/1/' '/^ledger /s/.$/x/' '/^ledger /s/ .../ 000/' 's/^SU-RECEIPT 1/SU-RECEIPT 2/' '1d' '$d' 's/$/ /' '$s/A/B/' '$a more'; do
        sed "$change" two.rcpt > forged.rcpt
        ! cmp -s forged.rcpt two.rcpt || continue
        got=0
        hub receipt add forged.rcpt > out 2> err || got=$?
        case $change:$got in
        's/^site '*:2 | *:4) ;;
        *) fail "exit $got after $change: $(cat err)" ;;
        esac
        says '  do: '
        hub_dump | cmp -s - before || fail "a forged receipt changed the books: $change"
    done
    expect 0 hub receipt add two.rcpt
    expect 10 hub receipt add one.rcpt # an older one
    same "$(hub site show ALPHA --json | jq .acknowledged)" 2 'acknowledged'
    # The next delta starts there, and nowhere before.
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    expect 0 hub export --site ALPHA --out stick3 --json
    same "$(json .base_digest)" "$state2" 'base'
    same "$(grep -c '^fits ' stick3/SU-ALPHA-000003/MANIFEST.TXT)" 1 'states that fit'
    expect 0 site import stick3
    same "$(site_digest)" "$state1" 'digest'
    # After an undo the site is before what it acknowledged.
    site undo > /dev/null
    site undo > /dev/null
    refused 5 site import stick3
    expect 0 site import stick2
    expect 0 site import stick3
}

test_receipt_of_somebody_else() {
    two_sticks
    site import stick > /dev/null
    site receipt > real.rcpt
    # Another machine that calls itself ALPHA.
    mv site real
    site init --site ALPHA > /dev/null
    site trust add hub.pub > /dev/null
    site import stick > /dev/null
    site receipt > other.rcpt
    hub_dump > before
    expect 4 hub receipt add other.rcpt
    says 'not by the key pinned'
    # A site that is not enrolled.
    hub site add BRAVO --content none > /dev/null
    hub export --site BRAVO --out bravo > /dev/null
    rm -rf site
    site init --site BRAVO > /dev/null
    site trust add hub.pub > /dev/null
    site import bravo > /dev/null
    site receipt > bravo.rcpt
    hub_dump > before
    expect 4 hub receipt add bravo.rcpt
    says 'site set BRAVO --key'
    # A site this hub does not know.
    mkdir lone
    (cd lone && small_hub && small_site && mv hub ../lone-hub)
    sed 's/^site .*/site CHARLIE/' bravo.rcpt > charlie.rcpt
    expect 2 hub receipt add charlie.rcpt
    echo 'Dear hub, all is well.' > letter
    expect 4 hub receipt add letter
    : > empty
    expect 4 hub receipt add empty
    expect 1 hub receipt add nowhere
    hub_dump | cmp -s - before || fail 'a refused receipt changed the books'
    expect 0 hub receipt add real.rcpt
}

# A hub restored from an old copy has made another bundle 1: the receipt is for none of its own.
test_receipt_wrong_state() {
    small_hub
    small_site
    cp -a hub old
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt > real.rcpt
    rm -rf hub
    mv old hub
    expect 4 hub receipt add real.rcpt # nothing was sent yet, as this hub sees it
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub site set ALPHA --content none > /dev/null
    hub export --site ALPHA --out other > /dev/null
    expect 4 hub receipt add real.rcpt
    says 'did not have'
    same "$(hub site show ALPHA --json | jq .acknowledged)" 0 'acknowledged'
}

# Content that is owed is not acknowledged with the state: the next bundle brings it again.
test_receipt_with_content_owed() {
    two_sticks
    site import stick > /dev/null
    site receipt > one.rcpt
    hub receipt add one.rcpt > /dev/null
    # Bundle 2 is lost; 3 is made without its new file at the hub.
    new=$(sqlite3 -readonly hub/update-point.db "SELECT lower(hex(sha256)) FROM stored_file WHERE bytes=400000")
    mv "hub/content/$(echo "$new" | cut -c1-2)/$new" lost
    sqlite3 hub/update-point.db "DELETE FROM stored_file WHERE bytes=400000; DELETE FROM site_file WHERE lower(hex(sha256))='$new'"
    hub export --site ALPHA --out stick3 --allow-incomplete > /dev/null
    expect 9 site import stick3
    site receipt > three.rcpt
    expect 0 hub receipt add three.rcpt --json
    same "$(json '"\(.sequence) \(.content_owed)"')" '3 1' 'the receipt'
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    expect 0 hub export --site ALPHA --out stick4 --json
    same "$(json '"\(.records) \(.files)"')" '0 1' 'the bundle that pays'
    expect 0 site import stick4
    expect 0 site content verify
}

# Without receipts deltas are cumulative: a lost stick is no loss.
test_import_lost_stick() {
    two_sticks
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub export --site ALPHA --out stick3 > /dev/null
    same "$(sed -n 's/^fits \([0-9]*\) .*/\1/p' stick3/SU-ALPHA-000003/MANIFEST.TXT | paste -sd' ')" '1 2' 'states that fit'
    site import stick > /dev/null
    cp -a site after1
    expect 0 site import stick3
    same "$(site_digest)" "$state1" 'without the second'
    rm -rf site
    mv after1 site
    site import stick2 > /dev/null
    expect 0 site import stick3
    same "$(site_digest)" "$state1" 'with the second'
    expect 0 site content verify
}

# chain STEP...: bundles 1.. made one after another; a step is a package, or + before it for a full bundle.
chain() {
    count=0
    floor=0
    for step; do
        count=$((count + 1))
        full=
        case $step in +*) full=--full floor=$count ;; esac
        step=${step#+}
        hub sync --from "$step" > /dev/null
        [ ! -d "${step%/*}/WsusContent" ] || hub content add "${step%/*}/WsusContent" > /dev/null
        # shellcheck disable=SC2086 # several words
        hub export --site ALPHA --out "stick$count" $full > /dev/null
        hub status --json | jq -r .state_digest > "state$count"
        echo "$floor" > "floor$count"
    done
}

# walk LAST: from the site as it stands after stick LAST, every other stick is tried, and from what is
# legal every one after that.
walk() {
    local last next got legal
    last=$1
    rm -rf "kept$last"
    cp -a site "kept$last"
    for next in $(seq 1 $count); do
        floor=$(cat "floor$next")
        if [ "$next" -lt "$last" ]; then legal=10 # there is no way back
        elif [ "$next" = "$floor" ] || [ "$next" = "$last" ]; then legal=0
        elif [ "$last" -gt 0 ] && [ "$last" -ge "$floor" ]; then legal=0
        # A delta names states: two sticks may lead to one.
        elif [ "$last" -gt 0 ] && grep -q "^fits [0-9]* $(cat "state$last")$" "stick$next"/*/MANIFEST.TXT; then legal=0
        else legal=5; fi
        got=0
        site import "stick$next" > out 2> err || got=$?
        [ $got = $legal ] || fail "stick $next after $path: exit $got, expected $legal: $(cat err)"
        if [ $legal != 0 ] || [ "$next" = "$last" ]; then
            same "$(site_digest)" "$(cat "state$last")" "digest after $path and stick $next"
            continue
        fi
        same "$(site_digest)" "$(cat "state$next")" "digest after $path $next"
        if [ "$next" = "$count" ]; then
            orders=$((orders + 1))
            same "$(sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM v_file WHERE is_licence AND NOT is_stored')" 0 'licence files owed'
            site_dump | grep -v '^[0-9]*|[01]$' > "end$orders" # without the list of imports
            cmp end1 "end$orders"
        else
            path="$path $next"
            walk "$next"
            path=${path% *}
        fi
        rm -rf site
        cp -a "kept$last" site
    done
}

orders_of() { # NUMBER-OF-LEGAL-ORDERS STEPS...
    wanted=$1
    shift
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub site add ALPHA --content licence > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    small_site
    chain "$@"
    site_digest > state0
    path="" orders=0
    walk 0
    same "$orders" "$wanted" 'orders that lead to the end'
}

test_import_orders_small() {
    m1=$SMALL/m1/export.cab m2=$SMALL/m2/export.cab
    orders_of 6 "+$m1" "$m2" "$m1" "+$m2" "$m1"
}

test_import_orders_genuine() {
    need_data "$EXPORT_2015"
    need_data "$EXPORT_2024"
    orders_of 3 "+$SMALL/m1/export.cab" "$EXPORT_2015" "+$EXPORT_2024" "$SMALL/m2/export.cab"
}

# Files and records are taken at the same time. Which error is told, and what the store holds afterwards, does
# not depend on which side was faster: the files' comes first.
test_import_two_sides_one_error() {
    small_hub
    small_site
    hub export --site ALPHA --out stick --volume-size 64K > /dev/null
    cp -R stick records
    cp -R stick both
    last=$(find stick -name 'SU000001.0*' | sort | tail -n 1)
    for medium in records both; do
        flip "$medium/SU-ALPHA-000001/${last##*/}" $(($(stat -c %s "$last") - 5000))
    done
    flip both/SU-ALPHA-000001/SU000001.001 3000
    for medium in records both; do
        for jobs in 1 2 8 2 8; do
            rm -rf other
            cp -a site other
            expect 3 "$SUIMPORT" --home other --quiet --jobs $jobs import $medium
            (cd other/content && find . -type f | sort) > store
            [ -e err.$medium ] || { cp err err.$medium; cp store store.$medium; }
            cmp -s err err.$medium || fail "another error with --jobs $jobs: $(cat err)"
            cmp -s store store.$medium || fail "other files with --jobs $jobs"
        done
    done
    grep -q 'SU000001.001' err.both || fail "the error of the files is not the one told: $(cat err.both)"
    [ "$(wc -l < store.records)" -ge 15 ] || fail 'files were not staged beside records that are bad'
    same "$(grep -c '[.]tmp-' store.records store.both | tr '\n' ' ')" 'store.records:0 store.both:0 ' 'temporary files'
    grep -q 'The catalogue is unchanged.' err.records || fail 'what holds is not said'
    grep -q 'Nothing was written.' err.both || fail 'what holds is not said'
    # What was staged is held when the medium is good.
    expect 0 "$SUIMPORT" --home other --quiet --jobs 1 import stick
    expect 0 site import stick
    same "$("$SUIMPORT" --home other status --json | jq -r .state_digest)" "$(site_digest)" 'digest'
}

test_import_many_small_files() {
    many_files_hub 2500
    hub content add pkg/WsusContent > /dev/null
    hub site add ALPHA > /dev/null
    small_site
    hub export --site ALPHA --out stick > /dev/null
    expect 0 site plan stick
    same "$(find site/content -type f | wc -l)" 0 'files of a plan'
    expect 0 site import stick --json
    same "$(json .files_stored)" 2502 'stored'
    (cd site/content && find . -type f | while read -r file; do echo "$(basename "$file")  $file"; done | sha256sum --quiet -c) || fail 'a stored file is not its name'
    same "$(find site/content -type f | wc -l)" 2502 'files in the store'
}
