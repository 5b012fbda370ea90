# refusals.sh - refusals that measuring the coverage showed to be met by no other test: keys and books that somebody
# has touched, holes that are not the declared ones, names that mean several keys.

# A key is two files and they belong together.
test_refusals_key_files() {
    small_hub
    small_site
    hub key generate --name other > /dev/null
    hub export --site ALPHA --out stick --key hub-test > /dev/null
    hub_dump > before
    cp -a hub whole
    cp hub/keys/other.key hub/keys/hub-test.key
    expect 4 hub export --site ALPHA --out nowhere --full --key hub-test
    says 'hub-test.key and hub-test.pub are not halves of one key'
    rm hub/keys/hub-test.key
    got=0
    hub sign stick --key hub-test > out 2> err || got=$?
    [ $got != 0 ] || fail 'signed without a key'
    got=0
    hub export --site ALPHA --out nowhere --full --key hub-test > out 2> err || got=$?
    [ $got != 0 ] || fail 'exported without a key'
    says 'no private key called hub-test'
    [ ! -e nowhere ] || fail 'something was written'
    printf 'name hub-test\n' > hub/keys/hub-test.pub
    expect 4 hub key list
    cp whole/keys/hub-test.pub hub/keys/hub-test.pub
    sed 's/^role .*/role admiral/' whole/keys/hub-test.pub > hub/keys/hub-test.pub
    expect 4 hub key list
    says 'its name or role line is not valid'
    hub_dump | diff before - || fail 'the books moved'
    # The site's own key, protected by somebody: nobody is there to be asked.
    openssl pkey -in site/keys/site.key -aes256 -passout pass:secret -out protected
    cp protected site/keys/site.key
    site import stick > /dev/null
    expect 4 site receipt
    says 'key site is protected by a passphrase'
    [ ! -s out ] || fail 'something was said'
}

# What is spoken over the telephone rests on two small files.
test_refusals_telephone() {
    small_hub
    site init --site ALPHA > /dev/null
    hub key export --name hub-test > hub.pub
    site trust add hub.pub > /dev/null
    cp -a site/keys kept
    hub site set ALPHA --key site/keys/site.enrol > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt --code > code
    head -c 63 kept/site.secret > site/keys/site.secret
    got=0
    site receipt --code > out 2> err || got=$?
    [ $got != 0 ] || fail 'a code from a cut secret'
    says 'site.secret is not 64 hexadecimal digits'
    [ ! -s out ] || fail 'a code was said'
    # An older home has no secret; it is made, and the enrolment with it, of a public key that is one.
    rm site/keys/site.secret site/keys/site.enrol
    echo nonsense > site/keys/site.pub
    got=0
    site init --site ALPHA > out 2> err || got=$?
    got2=0
    site receipt --code > out 2> err2 || got2=$?
    cat err err2 > both
    [ $got != 0 ] || [ $got2 != 0 ] || fail 'a site whose public key is none'
    cp kept/* site/keys/
    expect 0 hub receipt add "$(cat code)"
}

# Pinning: roles, names and numbers that mean nothing or too much.
test_refusals_trust() {
    site init --site ALPHA > /dev/null
    hub init > /dev/null
    for name in one two; do
        hub key generate --name $name > /dev/null
        hub key export --name $name > $name.pub
    done
    expect 2 site trust add one.pub --role admiral
    sed 's/^role .*/role admiral/' one.pub > admiral.pub
    expect 4 site trust add admiral.pub
    expect 0 site trust add one.pub
    sed 's/^name .*/name one/' two.pub > same.pub
    expect 0 site trust add same.pub
    sqlite3 -readonly site/update-point.db 'SELECT key_id, name, last_sequence FROM trust ORDER BY 1' > before
    expect 2 site trust revoke one
    says 'several keys are called one; give the fingerprint'
    sqlite3 -readonly site/update-point.db 'SELECT key_id, name, last_sequence FROM trust ORDER BY 1' | diff before - || fail 'one of them was revoked'
    expect 0 site trust revoke "$(sed -n 's/^fingerprint //p' two.pub)"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=CA -sha384 \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2> /dev/null
    expect 2 site trust add ca.pem --role reviewer --subject "$(printf '%065d' 0)"
    says '--subject has more than 64 bytes'
    expect 0 site trust add ca.pem --role reviewer --subject "$(printf '%064d' 0)"
    # A database in which somebody has put more keys than a site pins.
    sqlite3 site/update-point.db "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2001)
        INSERT INTO trust (key_id, name, role, pem, added) SELECT unhex(printf('%064x', i)), 'k' || i, 'exporter', (SELECT pem FROM trust WHERE kind = 0 LIMIT 1), '' FROM n" 2> /dev/null ||
        python3 - << 'END'
import sqlite3
db = sqlite3.connect("site/update-point.db")
pem = db.execute("SELECT pem FROM trust WHERE kind = 0 LIMIT 1").fetchone()[0]
db.executemany("INSERT INTO trust (key_id, name, role, pem, added) VALUES (?, ?, 'exporter', ?, '')", [(i.to_bytes(32, "big"), f"k{i}", pem) for i in range(1, 2002)])
db.commit()
END
    got=0
    site trust list > out 2> err || got=$?
    [ $got != 0 ] || fail 'more keys than there may be'
}

# A hole that the hub signed for must be the one that is there: as many, but others, are refused.
test_refusals_other_hole() {
    need_data "$EXPORT_SELFMADE"
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from "$EXPORT_SELFMADE" > /dev/null 2>&1
    hub site add ALPHA --content none > /dev/null
    small_site
    hub export --site ALPHA --out stick --allow-incomplete > /dev/null
    edit stick/SU-ALPHA-000001/MANIFEST.TXT "re.sub(rb'(\nhole prerequisite [^\n]*)([0-9a-f])\n(?!hole)', lambda m: m.group(1) + (b'0' if m.group(2) != b'0' else b'1') + b'\n', d, count=1)"
    resign stick/SU-ALPHA-000001
    refused 11 site import stick --allow-incomplete
    says 'open clause that the manifest does not declare: prerequisite '
    refused 11 site plan stick --allow-incomplete
}

# What undo has kept was touched: where it leads elsewhere than to the state before, nothing is undone.
test_refusals_undo_changed() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    site import stick > /dev/null
    site import stick2 > /dev/null
    cp site/update-point.db kept.db
    for change in 'DELETE FROM undo WHERE (update_id, revision) = (SELECT update_id, revision FROM undo WHERE state = 0 AND import_id = 2 LIMIT 1)' \
        'DELETE FROM undo WHERE (update_id, revision) = (SELECT update_id, revision FROM undo WHERE state = 1 AND import_id = 2 LIMIT 1)'; do
        cp kept.db site/update-point.db
        rm -f site/update-point.db-*
        sqlite3 site/update-point.db "$change"
        site_dump > before
        got=0
        site undo > out 2> err || got=$?
        [ $got != 0 ] || fail "undone: $change"
        says 'does not lead to the state before it'
        site_dump | diff before - || fail "something was undone: $change"
    done
    cp kept.db site/update-point.db
    rm -f site/update-point.db-*
    expect 0 site undo
}

# Books that came back from an old copy, and a site that is further: nothing from before the newest receipt is taken.
test_refusals_state_file_too_old() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt --state --out ALPHA.state > /dev/null
    sqlite3 hub/update-point.db "DELETE FROM export; DELETE FROM site_state; DELETE FROM site_item; DELETE FROM site_file; UPDATE site SET acknowledged=0, newest_entry=9"
    hub_dump > before
    got=0
    hub receipt add ALPHA.state --rebuild > out 2> err || got=$?
    [ $got = 10 ] || { cat err >&2; fail "exit $got"; }
    says 'a receipt of entry 9 was taken before'
    says 'Bring a new state file'
    hub_dump | diff before - || fail 'something was taken'
    sqlite3 hub/update-point.db 'UPDATE site SET newest_entry=1'
    expect 0 hub receipt add ALPHA.state --rebuild
}

# A line of the books that is none.
test_refusals_hole_in_the_books() {
    small_hub
    small_site
    hub sync --from "$SMALL/m2/export.cab" > /dev/null # its new file is not added
    hub export --site ALPHA --out stick --allow-incomplete > /dev/null
    expect 9 site import stick
    sqlite3 site/update-point.db "UPDATE hole SET line='content nothing 7'"
    expect 3 site import stick
    says 'a hole has a line that is none: content nothing 7'
}

# A state file that the site's key signed, and that is none: each line wrong in its own way, nothing taken. What a
# thief of that key could write.
test_refusals_state_file_signed() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt --state --out ALPHA.state > /dev/null
    rm -rf hub
    hub init > /dev/null
    hub key generate --name hub-new > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    expect 2 hub receipt add ALPHA.state --rebuild
    says 'ALPHA'
    hub site add ALPHA --key site/keys/site.enrol > /dev/null
    hub_dump > before
    tried=0
    while IFS= read -r change; do
        sed -e '$d' -e "$change" ALPHA.state > bad
        sed '$d' ALPHA.state | cmp -s - bad && fail "the change changes nothing: $change"
        { echo 'SU-SITE-STATE-DIGEST 1'; sha256sum < bad | cut -c1-64; } > signed
        openssl pkeyutl -sign -inkey site/keys/site.key -rawin -in signed -out sig
        echo "signature $(base64 -w 0 sig)" >> bad
        got=0
        hub receipt add bad --rebuild > out 2> err || got=$?
        case $got in 2 | 3 | 4 | 10) ;; *) cat err >&2; fail "exit $got after $change" ;; esac
        grep -q 'Nothing was written' err || fail "does not say what holds after $change"
        hub_dump | cmp -s before - || fail "something was taken after $change"
        tried=$((tried + 1))
    done << 'END'
/^sequence/s/ .*/ 0/
/^sequence/s/ .*/ 1000000/
/^sequence/s/ .*/ one/
/^sequence/s/ .*/ 3/
/^highest/s/ .*/ 0/
/^highest/s/ .*/ 01/
/^highest/d
/^hub/s/ .*/ a hub/
/^hub/s/ .*/ /
/^site/s/$/ABCDEFGHIJKL/
/^site/s/ .*/ /
/^created/s/ .*/ yesterday/
/^created/s/ .*/ 2026-10-14T02:00:00Z2026-10-14T02:00:00Z2026-10-14T02:00:00Z/
/^manifest/s/.$//
/^manifest/s/.$/G/
/^state/s/.$/x/
/^content-owed/s/ .*/ -1/
/^content-owed/s/ .*/ 1000000/
/^entry/s/ .*/ 1000000000000/
/^content all/s/all/everything/
/^express/s/no/perhaps/
/^express/d
/^express/s/.*/express no\nexpress no/
/^content all/s/.*/content all\nproduct 0754d566-3c34-479e-83d9-18f2d1fd5eb4/
/^created/s/ .*/ /
0,/^R /s/^R \(.\)/R G/
0,/^R /s/^R \(.\{36\}\) [0-9]*/R \1 4294967296/
0,/^R /s/^R \(.\{36\}\) [0-9]*/R \1 one/
0,/^R /s/^R \(.\{36\}\) \([0-9]*\) 0/R \1 \2 7/
0,/^R /s/^R \(.*\)./R \1/
0,/^R /s/^R \(.*\)/R \1 more/
0,/^R /s/^R \(.*\) .*/R \1/
0,/^R /s/^R .*/R/
0,/^R /s/^R .*/R 05d46e84/
0,/^R /s/^\(R .*\)[0-9a-f]$/\1G/
0,/^R /s/^R \(.*\)/R \1\nR \1/
/^R /{h;n;G}
0,/^F /s/^F .*/F/
0,/^F /s/^F \(.*\)./F \1G/
0,/^F /s/^F \(.*\)./F \1/
0,/^F /s/^F \(.*\)/F \1\nF \1/
0,/^F /s/^F \(.*\)/F \1\nproduct 0754d566-3c34-479e-83d9-18f2d1fd5eb4/
0,/^R /s/^R \(.*\)/F 44611bdbc415d189c625b4f3d48ddb540dfc1c83cec425608094e5675916e357\nR \1/
0,/^R /s/^R \(.*\)/X \1/
END
    [ $tried -ge 43 ] || fail "only $tried changes were tried"
    expect 0 hub receipt add ALPHA.state --rebuild
}

# An urgent bundle that certifies another closure than its records have, or leaves out a file they need.
test_refusals_urgent_certificate() {
    small_hub
    hub site set ALPHA --products 'Fabrikam Server 2022' > /dev/null
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    hub audit excluded --site ALPHA --json > excluded
    for id in $(jq -r '[.excluded[] | select(.reason == "product not chosen" and .kb != "")] | .[0:2] | .[].update_id' excluded); do
        hub pin add "$id" > /dev/null
    done
    hub export --site ALPHA --urgent --out urgent > /dev/null
    cp -a urgent whole
    m=urgent/SU-ALPHA-U00001/MANIFEST.TXT
    for change in 's/^closure \([0-9]*\) /closure 1\1 /' 's/^closure \([0-9]*\) \([0-9]*\)/closure \1 1\2/' \
        's/^closure \([0-9]* [0-9]*\) \([0-9]*\)/closure \1 1\2/' 's/^closure \([0-9]* [0-9]* [0-9]*\) \([0-9]*\)/closure \1 1\2/' \
        's/^catalogue \([0-9]*\)/catalogue 1\1/' 's/^result ./result x/; s/^result x/result 0/; s/^result 0\(0\)/result 1\1/'; do
        rm -rf urgent
        cp -a whole urgent
        sed -i "$change" $m
        cmp -s $m whole/SU-ALPHA-U00001/MANIFEST.TXT && continue
        resign urgent/SU-ALPHA-U00001
        got=0
        site import urgent > out 2> err || got=$?
        case $got in 3 | 11) ;; *) cat err >&2; fail "exit $got after $change" ;; esac
        same "$(sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM overlay')" 0 "what is laid over after $change"
    done
    expect 0 site import whole
}
