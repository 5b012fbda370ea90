# urgent.sh - single updates that travel outside the profiles, and outside the sequence.

# A hub whose site ALPHA takes one product; $pinned is an update of another one.
narrow_hub() {
    small_hub
    hub site set ALPHA --products 'Fabrikam Server 2022' > /dev/null
    hub audit excluded --site ALPHA --json > excluded
    pinned=$(jq -r '[.excluded[] | select(.reason == "product not chosen" and .kb != "")][0].update_id' excluded)
    [ "$pinned" != null ] || fail 'nothing is excluded'
}

test_pin_selects() {
    narrow_hub
    small_site
    hub export --site ALPHA --out plain > /dev/null
    without=$(sed -n 's/^catalogue \([0-9]*\) .*/\1/p' plain/*/MANIFEST.TXT)
    refused_by_hub 2 hub explain "$pinned" --site ALPHA
    expect 0 hub pin add "$pinned" --note 'asked for by telephone' --json
    same "$(json '"\(.updates | join(" ")) \(.changed) \(.unchanged)"')" "$pinned 1 0" 'pinned'
    expect 0 hub pin add "$pinned" --json
    same "$(json '"\(.changed) \(.unchanged)"')" '0 1' 'pinned again'
    expect 0 hub pin list --json
    same "$(json '"\(.count) \(.pins[0].update_id) \(.pins[0].reason) \(.pins[0].note) \(.pins[0].is_held)"')" \
        "1 $pinned operator asked for by telephone true" 'the list'
    expect 0 hub explain "$pinned" --site ALPHA
    says "selected: pinned $pinned" out
    # It travels with what it needs, and the site, which knows nothing of pins, proves the closure and the files.
    expect 0 hub export --site ALPHA --out stick --json
    [ "$(json .updates)" -gt "$without" ] || fail 'no more updates than without the pin'
    want=$(json .result_digest)
    expect 0 site import plain
    expect 2 site show "$pinned"
    expect 0 site import stick
    same "$(site_digest)" "$want" 'the state'
    expect 0 site show "$pinned" --json
    same "$(python3 "$CHECK/check_closure.py" --open site/update-point.db)" '' 'open clauses at the site'
    expect 0 site content verify
    # Taken back, it leaves again; the state is the one without it.
    hub pin remove "$pinned" > /dev/null
    expect 0 hub export --site ALPHA --out after --json
    same "$(json .updates)" "$without" 'updates after the removal'
    same "$(json .result_digest)" "$(sed -n 's/^result //p' plain/*/MANIFEST.TXT)" 'the state without the pin'
    expect 0 site import after
    expect 0 hub audit ledger
    same "$(sqlite3 -readonly hub/update-point.db "SELECT group_concat(detail, ';') FROM ledger WHERE kind='pin'")" "added $pinned;removed $pinned" 'the ledger'
}
refused_by_hub() {
    sqlite3 -readonly hub/update-point.db .dump > hub.before
    expect "$@"
    grep -q '^  do: ..*' err || fail "no remedy: $*"
    sqlite3 -readonly hub/update-point.db .dump | cmp -s - hub.before || fail "the books changed: $*"
}

# Bytes do not depend on a pin that selects nothing more, and a pin is noticed by what is settled.
test_pin_is_noticed() {
    narrow_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    expect 0 hub plan --site ALPHA --json
    same "$(json .kind)" none 'settled'
    hub pin add "$pinned" > /dev/null
    expect 0 hub plan --site ALPHA --json
    same "$(json .kind)" delta 'with the pin'
    [ "$(json .records)" -gt 0 ] || fail 'nothing to send'
    hub pin remove "$pinned" > /dev/null
    expect 0 hub plan --site ALPHA --json
    same "$(json .kind)" none 'without it again'
    # One that the profile selects anyway changes no byte.
    selected=$(sqlite3 -readonly site/update-point.db "SELECT update_id FROM v_update WHERE type='Software' AND kb IS NOT NULL ORDER BY 1 LIMIT 1")
    cp -R hub twin
    hub pin add "$selected" > /dev/null
    hub export --site ALPHA --full --out one > /dev/null
    "$SUEXPORT" --home twin --quiet export --site ALPHA --full --out two > /dev/null
    diff -r one two || fail 'other bytes'
    hub explain "$selected" --site ALPHA > out
    silent_about pinned out
}

test_pin_refusals() {
    narrow_hub
    refused_by_hub 2 hub pin add KB99999999
    says 'Nothing was written.'
    refused_by_hub 2 hub pin add "$pinned" no-such-word
    refused_by_hub 2 hub pin remove 00000000-0000-0000-0000-00000000ffff
    # A pin whose update has gone can be taken back, by its id.
    sqlite3 hub/update-point.db "INSERT INTO pin VALUES (x'0000000000000000000000000000ffff', 'third-party', '2026-01-01T00:00:00Z', '')"
    expect 0 hub pin list
    says '(not held)' out
    hub plan --site ALPHA > /dev/null
    expect 0 hub pin remove 00000000-0000-0000-0000-00000000ffff
    expect 0 hub pin list
    says '0 pinned' out
}

# ---- urgent bundles ------------------------------------------------------------------------------------------

# What a site of an urgent bundle holds beside the ordinary ones: equal text, equal site.
overlay_dump() {
    site_dump | sed '/^[0-9]*|[01]$/d' # but for the list of imports
    sqlite3 -readonly site/update-point.db "SELECT 'overlay', hex(update_id), revision, hex(record_sha256) FROM overlay JOIN revision USING (rev_id) ORDER BY 2,3"
}
laid() { sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM overlay'; }
standing() { site status --json | jq -r '.urgent // "none"'; }
# The hub makes an ordinary bundle, the site imports it and returns a receipt.
carry() { # FOLDER
    hub export --site ALPHA --out "$1" > /dev/null
    site import "$1" > /dev/null
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
}
next_month() {
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
}
urgent() { hub export --site ALPHA --only-catalog --urgent --out "$1" > /dev/null; } # FOLDER
second_pin() { jq -r --arg one "$pinned" '[.excluded[] | select(.kb != "" and .update_id != $one)][0].update_id' excluded; }
reader() { # FOLDER...: the independent reader's status and verdict
    [ -f hub.pub ] || hub key export --name hub-test > hub.pub
    "$CHECK/verify_bundle.py" --site ALPHA --key hub.pub --tar "$@" > read 2>&1 && read_status=0 || read_status=$?
    echo "$read_status $(sed 's/:.*//' read)"
}

# The site has nothing yet: the bundle stands alone.
test_urgent_before_the_first_full() {
    narrow_hub
    small_site
    hub pin add "$pinned" > /dev/null
    expect 0 hub plan --site ALPHA --urgent --json
    same "$(json '"\(.kind) \(.urgent) \(.sequence) \(.bundle)"')" 'urgent 1 1 null' 'the plan'
    records=$(json .records)
    expect 0 hub export --site ALPHA --only-catalog --urgent --out u1 --json
    same "$(json '"\(.bundle) \(.kind) \(.records)"')" "SU-ALPHA-U00001 urgent $records" 'the bundle'
    same "$(ls u1/SU-ALPHA-U00001 | grep '^SUU')" SUU00001.001 '8.3 names'
    says 'beside the sequence; bundle 1 takes its place' u1/SU-ALPHA-U00001/SLIP.TXT
    same "$(hub site show ALPHA --json | jq .last_sent)" 0 'no number of the sequence is used'
    same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM site_state")" 0 'what the site is believed to hold'
    empty=$(site_digest)
    expect 0 site verify u1 --json
    same "$(json '"\(.verdict) \(.bundle)"')" 'good SU-ALPHA-U00001' 'verify'
    expect 0 site plan u1
    same "$(standing)" none 'a plan changes nothing'
    expect 0 site import u1 --json
    same "$(json '"\(.new) \(.bundle) \(.sequence) \(.urgent)"')" "$(json .new) SU-ALPHA-U00001 0 SU-ALPHA-U00001" 'the answer'
    [ "$(json .new)" -gt 3 ] || fail 'nothing new'
    same "$(site_digest)" "$empty" 'the state of the ordinary bundles'
    same "$(laid)" "$records" 'laid'
    expect 0 site show "$pinned"
    expect 0 site search cumulative --json
    same "$(json '[.found[].update_id] | index("'"$pinned"'") != null')" true 'found'
    expect 0 site content verify
    same "$(reader u1/SU-ALPHA-U00001)" '0 good' 'the reader'
    # The first ordinary bundle holds it too, and takes its place.
    hub export --site ALPHA --out m1 > /dev/null
    expect 0 site import m1
    same "$(site_digest)" "$(sed -n 's/^result //p' m1/*/MANIFEST.TXT)" 'the state'
    same "$(laid) $(standing)" '0 none' 'the overlay'
    expect 0 site show "$pinned"
    same "$(python3 "$CHECK/check_closure.py" --open site/update-point.db)" '' 'open clauses'
    same "$(reader u1/SU-ALPHA-U00001 m1/SU-ALPHA-000001)" '0 good' 'the reader'
    # Brought again it has nothing to do.
    overlay_dump > before
    expect 0 "$SUIMPORT" --home site import u1 --json
    same "$(json .already_imported)" true 'imported already'
    says 7352
    overlay_dump | cmp -s - before || fail 'the site changed'
    same "$(reader m1/SU-ALPHA-000001 u1/SU-ALPHA-U00001)" '0 good' 'the reader'
    says 'taken its place' read
}

# Between two deltas, with receipts: only what the site lacks, and the next delta fits as if nothing had been.
test_urgent_between_deltas() {
    narrow_hub
    small_site
    hub pin add "$pinned" > /dev/null
    hub export --site ALPHA --urgent --out whole > /dev/null
    hub pin remove "$pinned" > /dev/null
    carry m1
    state=$(site_digest)
    hub pin add "$pinned" > /dev/null
    cp -R hub twin
    urgent u
    "$SUEXPORT" --home twin --quiet export --site ALPHA --urgent --out u.twin > /dev/null
    diff -r u u.twin || fail 'other bytes'
    [ "$(sed -n 's/^records \([0-9]*\) 0$/\1/p' u/*/MANIFEST.TXT)" -lt "$(sed -n 's/^records \([0-9]*\) 0$/\1/p' whole/*/MANIFEST.TXT)" ] ||
        fail 'it carries what the site has acknowledged'
    same "$(sed -n 's/^urgent //p; s/^sequence //p; s/^follows \([0-9]*\) .*/\1/p' u/*/MANIFEST.TXT | paste -sd' ')" '2 2 1' 'its places'
    expect 0 site import u
    same "$(site_digest)" "$state" 'the state'
    same "$(standing)" SU-ALPHA-U00002 'what holds'
    expect 0 site show "$pinned" --json
    same "$(json '[.updates[].urgent] | unique[]')" 2 'marked'
    expect 0 site show "$pinned"
    says 'SU-ALPHA-U00002 brought it, no ordinary bundle yet; bundle 2 takes its place' out
    ordinary=$(sqlite3 -readonly site/update-point.db "SELECT lower(hex(update_id)) FROM revision WHERE rev_id NOT IN (SELECT rev_id FROM overlay) LIMIT 1")
    expect 0 site show "$(echo "$ordinary" | sed 's/^\(.\{8\}\)\(....\)\(....\)\(....\)/\1-\2-\3-\4-/')" --json
    same "$(json '.updates[0].urgent')" 0 'not marked'
    expect 0 site content verify
    # Nothing of it is in what is compared over the telephone, nor in a state file, nor a reason to read anything again.
    hub diff --digest --all --site ALPHA --json | jq -S .buckets > ours
    site diff --digest --all --json | jq -S .buckets | cmp -s - ours || fail 'the trees differ'
    site receipt --state --out state > /dev/null
    same "$(grep -c '^R ' state)" "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM site_state WHERE to_sequence IS NULL')" 'records of the state file'
    overlay_dump > before
    expect 0 site rebuild
    overlay_dump | cmp -s - before || fail 'a rebuild changed something'
    expect 0 site import m1 --json
    same "$(json .already_imported)" true 'the ordinary bundle again'
    expect 0 site import u --json
    same "$(json .already_imported)" true 'the urgent one again'
    # The next delta was made for the ordinary state, and brings the same in the ordinary way.
    next_month
    expect 0 hub export --site ALPHA --out m2 --json
    same "$(json .kind)" delta 'the next bundle'
    want=$(json .result_digest)
    expect 0 site import m2
    same "$(site_digest) $(laid) $(standing)" "$want 0 none" 'afterwards'
    expect 0 site show "$pinned" --json
    same "$(json '.updates[0].urgent')" 0 'no longer marked'
    expect 0 site content verify
    same "$(reader m1/SU-ALPHA-000001 u/SU-ALPHA-U00002 m2/SU-ALPHA-000002)" '0 good' 'the reader'
    # And back: what held then holds again.
    expect 0 site undo --json
    same "$(json '"\(.bundle) \(.urgent)"')" 'SU-ALPHA-000002 SU-ALPHA-U00002' 'undone'
    overlay_dump | cmp -s - before || fail 'not as before'
    expect 10 site undo 1
    says '7621'
    expect 0 site undo --json
    same "$(json '"\(.bundle) \(.urgent) \(.state_digest)"')" "SU-ALPHA-U00002 null $state" 'undone'
    expect 2 site show "$pinned"
    expect 0 site import m2
    same "$(site_digest)" "$want" 'the state'
    same "$(sqlite3 -readonly site/update-point.db "SELECT group_concat(kind, ' ') FROM sync_history")" 'full urgent delta undo undo delta' 'the history'
    expect 0 site audit verify
    expect 0 hub audit verify
}

# Numbers of their own, in order.
test_urgent_numbers() {
    narrow_hub
    small_site
    two=$(second_pin)
    hub pin add "$pinned" > /dev/null
    carry m1
    cp -R hub other
    hub pin add "$two" > /dev/null
    urgent u1
    third=$(jq -r --arg a "$pinned" --arg b "$two" '[.excluded[] | select(.kb != "" and .update_id != $a and .update_id != $b)][0].update_id' excluded)
    hub pin add "$third" > /dev/null
    urgent u2
    # Two hubs of one key: the same number twice.
    "$SUEXPORT" --home other --quiet pin add "$third" > /dev/null
    "$SUEXPORT" --home other --quiet export --site ALPHA --urgent --out twice > /dev/null
    expect 0 site import u1
    overlay_dump > with.u1
    refused 10 site import twice
    says '7341'
    same "$(reader m1/SU-ALPHA-000001 u1/SU-ALPHA-U00001 twice/SU-ALPHA-U00001)" '10 replay' 'the reader'
    # The second carries what the first did.
    expect 0 site import u2 --json
    same "$(json '"\(.urgent) \(.removed)"')" 'SU-ALPHA-U00002 0' 'the second'
    expect 0 site show "$two"
    expect 0 site show "$third"
    refused 10 site import u1
    says '7350'
    expect 10 site verify u1 --json
    same "$(json .verdict)" replay 'verdict'
    same "$(reader m1/SU-ALPHA-000001 u2/SU-ALPHA-U00002 u1/SU-ALPHA-U00001)" '10 replay' 'the reader'
    same "$(reader m1/SU-ALPHA-000001 u1/SU-ALPHA-U00001 u2/SU-ALPHA-U00002 u2/SU-ALPHA-U00002)" '0 good' 'the reader'
    # Back, one by one, and forth.
    expect 0 site undo
    overlay_dump | cmp -s - with.u1 || fail 'not as with the first'
    expect 0 site undo
    same "$(laid) $(standing)" '0 none' 'nothing is left'
    expect 0 site import u2
    # What is taken back at the hub leaves with the next one.
    hub pin remove "$two" > /dev/null
    urgent u3
    expect 0 site import u3
    expect 2 site show "$two"
    expect 0 site show "$third"
    # One medium with all of them: in order, the ordinary ones first.
    rm -rf site all
    small_site
    mkdir all
    cp -R m1/* u1/* u2/* u3/* all
    expect 0 site verify all
    expect 0 site import all --json
    same "$(json .urgent)" SU-ALPHA-U00003 'what holds'
    expect 0 site import all
    # A lost site, from what was kept.
    overlay_dump > before
    site_state=$(site_digest)
    rm -rf site
    small_site
    expect 0 site rebuild --from all --expect "$site_state"
    overlay_dump | cmp -s - before || fail 'rebuilt another site'
}

# It was made after bundles that the site has not seen yet.
test_urgent_ahead_of_the_site() {
    narrow_hub
    small_site
    hub export --site ALPHA --out m1 > /dev/null
    next_month
    hub export --site ALPHA --out m2 > /dev/null
    hub pin add "$pinned" > /dev/null
    urgent u # no receipt: it carries all it needs, so it fits any state
    expect 0 site import m1
    expect 0 site import u
    expect 0 site import m2
    same "$(site_digest)" "$(sed -n 's/^result //p' m2/*/MANIFEST.TXT)" 'the state'
    same "$(standing)" SU-ALPHA-U00001 'it holds still'
    expect 0 site show "$pinned"
    hub export --site ALPHA --out m3 > /dev/null
    expect 0 site import m3
    same "$(standing) $(site_digest)" "none $(sed -n 's/^result //p' m3/*/MANIFEST.TXT)" 'its place is taken'
    same "$(reader m1/SU-ALPHA-000001 u/SU-ALPHA-U00001 m2/SU-ALPHA-000002 m3/SU-ALPHA-000003)" '0 good' 'the reader'
    # After a receipt it leaves out what was acknowledged; a site that has lost that is told.
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    hub audit excluded --site ALPHA --json > excluded
    hub pin add "$(second_pin)" > /dev/null
    urgent u2
    rm -rf site
    small_site
    refused 5 site import u2
    says '7351'
    says 'Import the bundles up to SU-ALPHA-000003 first'
    same "$(reader u2/SU-ALPHA-U00002)" '5 gap' 'the reader'
}

# ---- its number in receipts and state files ------------------------------------------------------------------

# A site at bundle 1 that has taken urgent bundles 1 and 2. hub: knows all of it. hub.old: a copy from before them.
two_urgent() {
    narrow_hub
    small_site
    hub site set ALPHA --key site/keys/site.enrol > /dev/null
    carry m1
    ! grep -q urgent receipt || fail 'a receipt says of none'
    cp -R hub hub.old
    hub pin add "$pinned" > /dev/null
    urgent u1
    site import u1 > /dev/null
    hub pin add "$(second_pin)" > /dev/null
    urgent u2
    site import u2 > /dev/null
    site receipt --out taken > /dev/null
    site receipt --state --out state > /dev/null
}
urgent_taken() { sqlite3 -readonly hub/update-point.db 'SELECT urgent_taken FROM site'; }
# The hub is gone but for its key; the new one has the catalogue, the site and a pin.
new_hub() {
    rm -rf hub
    hub init > /dev/null
    cp hub.old/keys/* hub/keys/
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub content add "$SMALL/m1/WsusContent" > /dev/null
    hub site add ALPHA --key site/keys/site.enrol > /dev/null
    hub pin add "$pinned" > /dev/null
}

test_urgent_lost_hub() {
    two_urgent
    same "$(sed -n 's/ .*//p' taken | paste -sd' ')" 'SU-RECEIPT site sequence manifest state content-owed entry urgent ledger signature' 'the lines'
    same "$(sed -n '8p' taken) $(sed -n '11p' state)" 'urgent 2 urgent 2' 'the line'
    # Undone, it stays the number that no other bundle may have. A telephone code says nothing of it.
    cp -R site site.2
    site undo > /dev/null
    site undo > /dev/null
    site receipt --out undone > /dev/null
    grep -qx 'urgent 2' undone || fail 'an undo gives a number back'
    rm -rf site && mv site.2 site
    # The hub that made them.
    expect 0 hub receipt add "$(site receipt --code)"
    same "$(urgent_taken)" 0 'a code'
    expect 0 hub receipt add taken
    says 'Its newest urgent bundle is 2.' out
    same "$(urgent_taken)" 2 'the books'
    expect 0 hub receipt add taken --json
    same "$(json '"\(.urgent) \(.already_taken)"')" '2 true' 'again'
    expect 0 hub plan --site ALPHA --urgent --json
    same "$(json .urgent)" 3 'the next'
    # One restored from an older copy: it would use a number twice, until it takes an ordinary receipt.
    rm -rf hub && cp -R hub.old hub
    hub pin add "$pinned" > /dev/null
    hub site set ALPHA --content none > /dev/null # another bundle than the first
    urgent twice
    refused 10 site import twice
    says 7341
    expect 0 hub receipt add taken --json
    same "$(json .urgent)" 2 'the receipt'
    urgent u3
    same "$(ls u3)" SU-ALPHA-U00003 'the next'
    cp -R site site.2
    expect 0 site import u3
    # One that has lost all: by the state file, and by a receipt.
    for by in state taken; do
        rm -rf site && cp -R site.2 site
        new_hub
        expect 0 hub export --site ALPHA --urgent --out "lost.$by"
        refused 10 site import "lost.$by"
        expect 0 hub receipt add "$by" --rebuild --json
        same "$(json '"\(.sequence) \(.next_sequence) \(.next_urgent)"')" '1 2 3' "by $by"
        urgent "next.$by"
        same "$(ls "next.$by")" SU-ALPHA-U00003 "by $by"
        expect 0 site import "next.$by"
        same "$(standing)" SU-ALPHA-U00003 'what holds'
    done
    # The books of a new hub know a number of their own that is higher than the file's: they go on after theirs.
    new_hub
    for at in 1 2 3 4; do urgent "own.$at"; done
    expect 0 hub receipt add state --rebuild --json
    same "$(json .next_urgent)" 5 'after its own'
    expect 0 hub audit verify
}

# Signed by the site, in other forms, or saying less than it said before.
sign_again() { # SED FILE: into ./bad
    sed -e '/^signature /d' -e "$1" "$2" > bad
    if [ "$2" = state ]; then
        { echo 'SU-SITE-STATE-DIGEST 1'; sha256sum < bad | cut -c1-64; } > signed
    else
        cp bad signed
    fi
    openssl pkeyutl -sign -inkey site/keys/site.key -rawin -in signed -out sig
    echo "signature $(base64 -w 0 sig)" >> bad
}

not_taken() { # hub_dump leaves out the note of the refusal
    hub_dump > hub.before
    expect 4 "$@"
    says 'Nothing was written.'
    hub_dump | cmp -s - hub.before && [ "$(urgent_taken)" = 0 ] || fail "the books changed: $*"
}

test_urgent_receipt_lies() {
    two_urgent
    new_hub
    for change in 's/^urgent 2/urgent 0/' 's/^urgent 2/urgent x/' 's/^urgent 2/urgent/' 's/^urgent 2/urgent /' 's/^urgent 2/urgent 02/' 's/^urgent 2/urgent 100000/' \
        's/^urgent 2/urgent -1/' 's/^urgent 2/urgent  2/' 's/^urgent 2/Urgent 2/' '/^urgent 2/p' '/^urgent/{h;d};/^ledger /G;/^content /G' '/^entry/{h;d};/^urgent/G'; do
        for file in taken state; do
            sign_again "$change" $file
            not_taken hub receipt add bad --rebuild
        done
    done
    rm -rf hub && cp -R hub.old hub
    sign_again 's/^urgent 2/urgent 0/' taken
    not_taken hub receipt add bad
    expect 0 hub receipt add taken
    entry=$(sed -n 's/^entry //p' taken)
    for change in 's/^urgent 2/urgent 1/' '/^urgent/d'; do
        entry=$((entry + 1))
        sign_again "$change;s/^entry .*/entry $entry/" taken
        expect 0 hub receipt add bad
        same "$(urgent_taken)" 2 "no step back: $change"
    done
    # The last number there is, and none after it.
    sign_again "s/^urgent 2/urgent 99999/;s/^entry .*/entry $((entry + 1))/" taken
    expect 0 hub receipt add bad
    says 'these books do not know it' out
    same "$(urgent_taken)" 99999 'the last'
    hub pin add "$pinned" > /dev/null
    expect 3 hub export --site ALPHA --urgent --out none
    says 'are used up'
    sign_again 's/^urgent 2/urgent 99999/' state
    new_hub
    expect 0 hub receipt add bad --rebuild --json
    same "$(json .next_urgent)" 100000 'by a state file'
}

test_urgent_refusals() {
    narrow_hub
    small_site
    expect 0 "$SUEXPORT" --home hub export --site ALPHA --urgent --out u0
    says 7103
    [ ! -e u0 ] || fail 'a bundle of nothing'
    expect 2 hub export --site ALPHA --urgent --full --out u0
    expect 2 hub export --site ALPHA --only-catalog --out u0
    expect 2 hub export --all-due --urgent --out u0
    expect 2 hub export --site ALPHA --urgent --since 3 --out u0
    hub pin add "$pinned" > /dev/null
    carry m1
    hub pin add "$(second_pin)" > /dev/null
    urgent u
    # Another site, another byte, another file.
    "$SUIMPORT" --home bravo init --site BRAVO > /dev/null
    "$SUIMPORT" --home bravo trust add hub.pub > /dev/null
    expect 10 "$SUIMPORT" --home bravo --quiet import u
    says '7306'
    cp -R u bad
    flip bad/SU-ALPHA-U00001/SUU00001.001 5000
    refused 3 site import bad
    expect 3 site verify bad --json
    same "$(json .verdict)" damaged 'verdict'
    rm -rf bad && cp -R u bad
    edit bad/SU-ALPHA-U00001/MANIFEST.TXT 'd.replace(b"urgent 1\n", b"urgent 2\n")'
    refused 4 site import bad
    rm -rf bad && cp -R u bad
    echo hello > bad/SU-ALPHA-U00001/README
    refused 3 site import bad
    rm -rf bad && cp -R u bad
    rm bad/SU-ALPHA-U00001/SUU00001.001
    refused 3 site import bad
    refused 3 site import bad --allow-partial-content
    expect 0 site import u
    # All of it or nothing: the hub refuses to make one with holes.
    sqlite3 hub/update-point.db "DELETE FROM stored_file WHERE sha256=x'$(sed -n 's/^file \([0-9a-f]*\) .*/\1/p' u/*/MANIFEST.TXT | head -n 1)'"
    expect 11 hub export --site ALPHA --urgent --allow-incomplete --out u2
    says 'an urgent bundle is complete'
    [ ! -e u2/SU-ALPHA-U00002 ] || fail 'it was made'
    expect 11 hub plan --site ALPHA --urgent
}

# Well signed, and wrong: what only whoever holds the key can make.
test_urgent_lies() {
    narrow_hub
    small_site
    hub pin add "$pinned" > /dev/null
    urgent u
    openssl pkey -in hub/keys/hub-test.key -out key.pem 2> /dev/null || cp hub/keys/hub-test.key key.pem
    for lie in 's/^kind urgent/kind full/' 's/^urgent 1$/urgent 0/' 's/^closure 1/closure 2/' 's/^result ./result 0/' '/^requires/d' '/^urgent/d' \
        's/^requires urgent-1/requires urgent-2/' 's/^records \(.*\) 0$/records \1 1/' 's/^\(closure .*\) 0$/\1 1/' 's/^catalogue \([0-9]*\) /catalogue 1\1 /'; do
        rm -rf bad && cp -R u bad
        sed -i "$lie" bad/SU-ALPHA-U00001/MANIFEST.TXT
        cmp -s u/SU-ALPHA-U00001/MANIFEST.TXT bad/SU-ALPHA-U00001/MANIFEST.TXT && fail "no lie: $lie"
        openssl pkeyutl -sign -inkey key.pem -rawin -in bad/SU-ALPHA-U00001/MANIFEST.TXT -out bad/SU-ALPHA-U00001/"$(ls u/SU-ALPHA-U00001 | grep SIG)"
        site_dump > before
        status=0
        site import bad > out 2> err || status=$?
        read=$(reader bad/SU-ALPHA-U00001)
        [ "$status" != 0 ] && [ "${read%% *}" = "$status" ] || { cat err >&2; fail "$lie: $status here, '$read' by the reader"; }
        site_dump | cmp -s - before || fail "$lie: the site changed"
    done
    # The limits: at them it is read on and found wrong, past them it is not.
    frame=$(sed -n 's/^frame [0-9]* //p' u/SU-ALPHA-U00001/MANIFEST.TXT)
    part=$(($(limit SU_MAX_URGENT_BYTES) / 4))
    big="frame $part $frame\nframe $part $frame\nframe $part $frame"
    most=$(limit SU_MAX_URGENT_RECORDS)
    for limit in "s/^records .*/records $most 0/|302" "s/^records .*/records $((most + 1)) 0/|010" \
        "s/^frame .*/$big\nframe $part $frame/|011" "s/^frame .*/$big\nframe $((part + 1)) $frame/|010"; do
        rm -rf bad && cp -R u bad
        sed -i "${limit%|*}" bad/SU-ALPHA-U00001/MANIFEST.TXT
        openssl pkeyutl -sign -inkey key.pem -rawin -in bad/SU-ALPHA-U00001/MANIFEST.TXT -out bad/SU-ALPHA-U00001/"$(ls u/SU-ALPHA-U00001 | grep SIG)"
        refused 3 site import bad
        says ": 7${limit#*|} "
    done
    expect 0 site import u
}

# What came by catalogue import is urgent without a pin, and the profile says which files travel.
test_urgent_of_the_catalogue() {
    narrow_hub
    small_site
    python3 - "$pinned" <<'EOF'
import hashlib, sqlite3, sys
db, guid = sqlite3.connect("hub/update-point.db"), sys.argv[1]
for rev, revision, doc, urls in db.execute("SELECT rev_id, revision, doc_sha256, urls FROM revision JOIN document USING (rev_id) WHERE update_id=?",
                                           (bytes.fromhex(guid.replace("-", "")),)).fetchall():
    leaf = hashlib.sha256(f"SU-RECORD 1\n{guid} {revision} 1\n{doc.hex()}\n{urls}".encode()).digest()
    db.execute("UPDATE revision SET origin=1, record_sha256=? WHERE rev_id=?", (leaf, rev))
db.commit()
EOF
    hub site set ALPHA --content none > /dev/null
    urgent u
    same "$(grep -c '^file ' u/*/MANIFEST.TXT || true)" 0 'files'
    expect 0 site import u
    expect 0 site show "$pinned"
    same "$(sqlite3 -readonly site/update-point.db "SELECT DISTINCT origin FROM overlay JOIN revision USING (rev_id) WHERE hex(update_id)=upper('$(echo "$pinned" | tr -d -)')")" 1 'its origin'
    HUB_PUB=$PWD/hub.pub
    export HUB_PUB
    sed -n 's/^   //p' u/SU-ALPHA-U00001/VERIFY.txt > steps
    same "$(wc -l < steps)" 4 'commands of VERIFY.txt'
    while read -r step; do (cd u/SU-ALPHA-U00001 && sh -ec "$step") > said 2>&1 || fail "$step: $(cat said)"; done < steps
}

test_urgent_kill() {
    in_memory
    narrow_hub
    small_site
    hub pin add "$pinned" > /dev/null
    carry m1
    hub pin add "$(second_pin)" > /dev/null
    python3 "$CHECK/check_kill.py" hub stick "${KILL_POINTS:-16}" "$SUEXPORT" export --site ALPHA --urgent --out @
    urgent u
    python3 "$CHECK/check_kill.py" site - "${KILL_POINTS:-24}" "$SUIMPORT" import u
    site import u > /dev/null
    next_month
    hub export --site ALPHA --out m2 > /dev/null
    python3 "$CHECK/check_kill.py" site - "${KILL_POINTS:-16}" "$SUIMPORT" import m2
    KILL_ONCE=1 python3 "$CHECK/check_kill.py" site - "${KILL_POINTS:-12}" "$SUIMPORT" undo
}
