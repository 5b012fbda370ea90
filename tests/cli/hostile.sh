# hostile.sh - attacks on the trust, on the books and on the medium that were tried by somebody hostile.
# Directly above each test stand the threats of docs/threats.md that it is about; tests/cli/docs.sh compares.

. "$TOP/tests/cli/trust.sh"
. "$TOP/tests/cli/receipts.sh"

# The same P-384 key in the hybrid form of its point: another SubjectPublicKeyInfo, the same person.
# T18
test_one_key_two_encodings() {
    trust_base
    pki
    python3 - pki/good.key pki/hybrid.key <<'END'
import subprocess, sys
der = subprocess.run(["openssl", "ec", "-in", sys.argv[1], "-outform", "DER"], capture_output=True, check=True).stdout
at = der.rindex(bytes.fromhex("03620004")) + 3
hybrid = der[:at] + bytes([6 | der[-1] & 1]) + der[at + 1:]
open(sys.argv[2] + ".der", "wb").write(hybrid)
END
    openssl ec -inform DER -in pki/hybrid.key.der -conv_form hybrid -out pki/hybrid.key 2> /dev/null
    openssl req -new -config pki/ca.cnf -key pki/hybrid.key -subj /CN=good2 -out pki/hybrid.csr
    issue hybrid signing
    same "$(openssl x509 -in pki/hybrid.pem -noout -pubkey | openssl pkey -pubin -outform DER | wc -c)" 120 'as long as the other'
    pki_site
    expect 0 site trust policy --exporter 2
    cms good
    mv $BUNDLE/00000001.P7S keep
    cms hybrid
    mv $BUNDLE/00000001.P7S $BUNDLE/00000002.P7S
    cp keep $BUNDLE/00000001.P7S
    refused_for 7316 'point not compressed'
    expect 4 python3 "$CHECK/verify_bundle.py" $BUNDLE --site ALPHA --ca exporter:pki/ca.pem --policy exporter=2
}

# Two certificates of one person, as after a renewal, with two keys.
# T18
test_one_name_two_certificates() {
    trust_base
    pki
    p384 renewed good
    issue renewed signing
    pki_site
    expect 0 site trust policy --exporter 2
    cms good
    mv $BUNDLE/00000001.P7S keep
    cms renewed
    mv $BUNDLE/00000001.P7S $BUNDLE/00000002.P7S
    cp keep $BUNDLE/00000001.P7S
    refused_for 7310 'exporter: 1 of 2'
    expect 4 python3 "$CHECK/verify_bundle.py" $BUNDLE --site ALPHA --ca exporter:pki/ca.pem --policy exporter=2
    expect 4 site verify stick
    expect 0 site trust policy --exporter 1
    expect 0 site verify stick --json
    same "$(json '[.not_counted[].reason] | join(";")')" "one name counts once: a certificate of 'good' is counted already" 'why not'
    # One that has expired does not stand in the way of the one that has not.
    p384 before good
    ca -extensions signing -startdate 20200101000000Z -enddate 20261013235959Z -keyfile pki/ca.key -cert pki/ca.pem -in pki/before.csr -out pki/before.pem
    cms before
    cp keep $BUNDLE/00000002.P7S
    expect 0 site verify stick --json
    same "$(json '[.signers[].file] | join(";")')" 00000002.P7S 'who counts'
    # Two persons are two.
    cms rsa
    cp keep $BUNDLE/00000002.P7S
    expect 0 site trust policy --exporter 2
    expect 0 site verify stick
    expect 0 python3 "$CHECK/verify_bundle.py" $BUNDLE --site ALPHA --ca exporter:pki/ca.pem --policy exporter=2
}

# A reviewer, and who takes the medium over, are told that a bundle changes whom its sites trust.
# T17
test_key_lines_are_shown() {
    trust_base
    expect 0 hub key rotate --name hub-test --to k2 --json
    new=$(json .fingerprint)
    hub export --site ALPHA --full --out n3 > /dev/null
    dir=n3/SU-ALPHA-000003
    expect 0 hub sign n3 --key rev-a --role reviewer
    says "new key      k2 (exporter) $new" out
    grep -qF "k2 (exporter) $new" $dir/SLIP.TXT || fail 'not on the slip'
    grep -qF "k2 (exporter) $new" $dir/SLIP.HTM || fail 'not on the page'
    expect 0 site inspect n3 --json
    same "$(json '[.bundles[0].introduces[] | "\(.name) \(.role) \(.fingerprint)"] | join(";")')" "k2 exporter $new" 'inspect'
    expect 0 site verify n3 --json
    same "$(json '[.introduces[].fingerprint] | join(";")')" "$new" 'verify'
    expect 0 hub key revoke --name hub-test --json
    old=$(json .fingerprint)
    hub export --site ALPHA --full --out n4 > /dev/null
    expect 0 hub sign n4 --key rev-a --role reviewer --json
    same "$(json '.revokes[] | "\(.fingerprint) \(.last_sequence)"')" "$old 3" 'sign'
    expect 0 site inspect n4
    says "revoked key  $old: counts up to sequence 3" out
    grep -qF "$old, counts up to sequence 3" n4/SU-ALPHA-000004/SLIP.TXT || fail 'not on the slip'
    silent_about 'Keys that change' stick/SU-ALPHA-000001/SLIP.TXT
}

# A code that was heard once is read out again after the site has gone back.
# T35
test_code_replayed_after_undo() {
    two_bundles
    site import stick > /dev/null
    expect 0 site receipt --code
    first=$(cat out)
    expect 0 hub receipt add "$first"
    site import stick2 > /dev/null
    expect 0 site receipt --code
    second=$(cat out)
    expect 0 hub receipt add "$second"
    site undo > /dev/null
    site receipt --out back > /dev/null
    expect 0 hub receipt add back
    same "$(acknowledged)" 1 'gone back'
    refused_at_hub 10 hub receipt add "$second"
    says 7130
    says 'has gone back there by an undo'
    same "$(acknowledged)" 1 'still gone back'
    # The site's own next bundle is forward again, by code too.
    hub export --site ALPHA --out stick3 > /dev/null
    site import stick3 > /dev/null
    expect 0 site receipt --code
    expect 0 hub receipt add "$(cat out)"
    same "$(acknowledged)" 3 'forward'
}

# Pinning a key again does not say that it is trusted when it is revoked.
# T17
test_revoked_key_pinned_again() {
    trust_base
    expect 0 site trust revoke hub-test --up-to 3
    expect 4 site trust add hub.pub
    says 'suimport: 7311 '
    says 'counts up to sequence 3'
    says 'Nothing was written.'
    # Revoked before it was pinned: pinned, and said so.
    rm -rf site
    small_site
    sqlite3 site/update-point.db "INSERT INTO trust_revoked (key_id, last_sequence, introduced) SELECT key_id, 3, 'SU-ALPHA-000009' FROM trust; DELETE FROM trust"
    expect 0 site trust add hub.pub --json
    same "$(json .revoked_up_to)" 3 'said'
    expect 4 site trust add hub.pub
}

# A bundle that revokes who signed it: a thief shuts out the genuine key with a bundle that two must sign.
# T17
test_bundle_revokes_its_own_signer() {
    trust_base
    hub key generate --name second > /dev/null
    hub key export --name second --out second.pub > /dev/null
    dir=stick/SU-ALPHA-000001
    id=$(openssl pkey -pubin -in hub.pub -outform DER | sha256sum | cut -c 1-64)
    edit $dir/MANIFEST.TXT "d.replace(b'\nprofile ', b'\nrevoke $id 0\nprofile ', 1)"
    resign $dir
    refused_for 7311 'may sign up to sequence 0, this bundle is 1'
    same "$(site trust list --json | jq '.keys[0].revoked_up_to')" null 'nothing taken back'
    expect 4 python3 "$CHECK/verify_bundle.py" $dir --site ALPHA --key hub.pub
    # With enough others it is a revocation like any other.
    expect 0 site trust add second.pub
    sign_with hub/keys/second.key $dir 00000002
    expect 0 python3 "$CHECK/verify_bundle.py" $dir --site ALPHA --key hub.pub --key second.pub
    expect 0 site import stick --json
    same "$(json '[.keys_revoked[].last_sequence] | join(",")')" 0 'revoked'
}

# A link on the medium that leads somewhere else is no folder of a bundle.
# T13
test_medium_with_links() {
    trust_base
    mkdir medium
    mv stick/SU-ALPHA-000001 elsewhere
    ln -s ../elsewhere medium/SU-ALPHA-000001
    expect 2 site import medium
    expect 2 site verify medium
    cp -r stick2/SU-ALPHA-000002 medium
    expect 5 site import medium # the delta that is there, without the one the link leads to
    same "$(sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM import')" 0 'what was imported'
}

# Books restored from an old copy are not rebuilt from what the site said before its newest receipt.
# T35
test_old_state_file_is_not_for_rebuilding() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    cp -r hub copy
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    site import stick > /dev/null
    site import stick2 > /dev/null
    expect 0 site receipt --state --out state
    site receipt --out receipt > /dev/null
    site undo > /dev/null
    site receipt --out back > /dev/null
    rm -rf hub && mv copy hub
    expect 0 hub receipt add back
    for old in state receipt; do
        expect 10 hub receipt add $old --rebuild
        says 7130
        says 'Nothing was written.'
    done
    same "$(acknowledged)" 1 'acknowledged'
}

# Two repairs into one folder: the second would sweep away what the first is writing.
# T27
test_two_repairs_into_one_folder() {
    trust_base
    mkdir whole
    exec 8< whole
    flock -n 8
    expect 7 site repair stick --to whole
    says 'another run writes to that folder'
    says 'Nothing was written.'
    exec 8<&-
    expect 0 site repair stick --to whole
}
