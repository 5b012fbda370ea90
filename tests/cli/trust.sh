# trust.sh - who must have signed: policy, distinct keys, revocation, certificates, rotation, protected keys.
# openssl is the second opinion: it makes keys, certificates and signatures, and reads ours.

# A hub with two bundles (stick, stick2), reviewers' keys, and a site that trusts the hub.
trust_base() { cached trust-base make_trust_base; }
make_trust_base() {
    small_hub
    hub key generate --name rev-a --role reviewer > /dev/null
    hub key generate --name rev-b --role reviewer > /dev/null
    hub key generate --name border --role receiver > /dev/null
    for key in rev-a rev-b border; do hub key export --name $key --out $key.pub > /dev/null; done
    hub export --site ALPHA --out stick > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    small_site
}
BUNDLE=stick/SU-ALPHA-000001
sign_with() { openssl pkeyutl -sign -inkey "$1" -rawin -in "$2/MANIFEST.TXT" -out "$2/$3.SIG"; } # KEY DIR NAME
site_sql() { sqlite3 site/update-point.db "PRAGMA ignore_check_constraints=ON; PRAGMA foreign_keys=OFF; $1"; }
# refused_for ID TEXT: an import of stick is refused with status 4, that message and text, and so is verify.
refused_for() {
    refused 4 site import "${3:-stick}"
    says "suimport: $1 "
    says "$2"
    expect 4 site verify "${3:-stick}" --json
    same "$(json .verdict)" untrusted "verdict for $1"
    same "$(json .error.id)" "$1" 'message of verify'
}

test_trust_policy() {
    trust_base
    expect 0 site trust policy --json
    same "$(json '.policy | "\(.exporter) \(.reviewer) \(.receiver)"')" '1 0 0' 'the policy at first'
    expect 2 site trust policy --reviewer 0
    says 'threshold of 0'
    expect 2 site trust policy --exporter 0
    says threshold
    expect 2 site trust policy --exporter none
    says 'every bundle needs one'
    for many in 1 16; do
        expect 2 site trust policy --reviewer $many
        says 'suimport trust add FILE --role reviewer'
        says 'Nothing was written.'
    done
    expect 2 site trust policy --reviewer 17
    expect 2 site trust policy --reviewer -1
    site trust add rev-a.pub > /dev/null
    expect 2 site trust policy --reviewer 2
    says '1 keys of that role'
    expect 0 site trust policy --reviewer 1 --operator kim
    expect 2 site trust policy --exporter 2
    expect 0 site trust list --json
    same "$(json '.policy | "\(.exporter) \(.reviewer) \(.receiver)"')" '1 1 0' 'the policy'
    same "$(json '[.keys[] | "\(.name) \(.role) \(.kind) \(.revoked_up_to)"] | join(";")')" 'hub-test exporter ed25519 null;rev-a reviewer ed25519 null' 'the keys'
    same "$(sqlite3 -readonly site/update-point.db "SELECT operator, detail FROM ledger WHERE kind='policy'")" 'kim|exporter 1, reviewer 1' 'the ledger'
    expect 0 site trust revoke rev-a
    expect 2 site trust policy --reviewer 1 # a revoked key gives no signature
    expect 0 site trust policy --reviewer none
    expect 0 site import stick
}

test_trust_policy_forged_in_database() {
    trust_base
    for sql in "UPDATE trust_policy SET threshold=0" "DELETE FROM trust_policy" "UPDATE trust_policy SET threshold=-1" \
        "DELETE FROM trust_policy; INSERT INTO trust_policy VALUES ('reviewer', 1)" "INSERT INTO trust_policy VALUES ('nobody', 1)"; do
        cp -r site kept
        site_sql "$sql"
        refused_for 7319 'the stored trust policy'
        expect 0 site trust policy --exporter 1 # says what to do, and that works
        expect 0 site verify stick
        rm -rf site
        mv kept site
    done
}

test_trust_two_persons() {
    trust_base
    site trust add rev-a.pub > /dev/null
    site trust add rev-b.pub > /dev/null
    site trust policy --reviewer 2 > /dev/null
    refused_for 7310 'reviewer: 0 of 2'
    expect 0 hub sign stick --key rev-a --role reviewer
    refused_for 7310 'reviewer: 1 of 2'
    # one signature under another name, and as many times as there is room
    file=$(find $BUNDLE -name '*.SIG' -newer $BUNDLE/MANIFEST.TXT -printf '%f\n' | head -n 1)
    for name in 00000000 FFFFFFFF 12345678; do cp "$BUNDLE/$file" $BUNDLE/$name.SIG; done
    refused_for 7310 'reviewer: 1 of 2'
    same "$(json '[.not_counted[] | select(.name == "rev-a") | .id] | unique | join(",")')" 7310 'copies are not counted'
    rm $BUNDLE/00000000.SIG $BUNDLE/FFFFFFFF.SIG
    sign_with hub/keys/rev-b.key $BUNDLE 0000000B # openssl's signature is as good
    expect 0 site verify stick --json
    same "$(json '[.signers[] | "\(.name) \(.role) \(.kind)"] | sort | join(";")')" 'hub-test exporter ed25519;rev-a reviewer ed25519;rev-b reviewer ed25519' 'signers'
    same "$(json '.not_counted | length')" 1 'the copy'
    expect 0 site import stick
    # reviewers alone are not enough
    rm "$BUNDLE/$(hub key list --json | jq -r '.keys[] | select(.name == "hub-test").key_id[0:8] | ascii_upcase').SIG"
    rm -rf site
    small_site
    site trust add rev-a.pub > /dev/null
    site trust add rev-b.pub > /dev/null
    refused_for 7310 'exporter: 0 of 1'
}

test_trust_receiver_signs_at_the_border() {
    trust_base
    site trust add border.pub > /dev/null
    site trust policy --receiver 1 > /dev/null
    refused_for 7310 'receiver: 0 of 1'
    mkdir card && cp hub/keys/border.key hub/keys/border.pub card/
    expect 2 "$SUEXPORT" sign $BUNDLE --key card/border.key --role reviewer # its .pub says receiver
    says 'role receiver, not reviewer'
    expect 0 "$SUEXPORT" sign $BUNDLE --key card/border.key --role receiver # no home
    expect 0 site import stick
    expect 2 "$SUEXPORT" sign $BUNDLE --key border --role receiver
    says 'Give the path of a private key, or --home'
}

test_trust_one_key_two_names() {
    trust_base
    expect 2 site trust add hub.pub --name another
    says 'would not make it a second key'
    expect 2 site trust add hub.pub --role reviewer
    same "$(site trust list --json | jq '.keys | length')" 1 'keys'
    expect 0 site trust add hub.pub # the same again is harmless
    # a forged row makes two of one key; the count does not
    site_sql "INSERT INTO trust (key_id, kind, subject, name, role, pem, added) SELECT key_id, kind, 'x', 'another', role, pem, added FROM trust; UPDATE trust_policy SET threshold=2"
    same "$(site trust list --json | jq '.keys | length')" 2 'rows'
    refused_for 7310 'exporter: 1 of 2'
    cp $BUNDLE/*.SIG $BUNDLE/00000000.SIG
    refused_for 7310 'exporter: 1 of 2'
    # nor does one key serve two roles
    site_sql "UPDATE trust SET role='reviewer' WHERE name='another'; UPDATE trust_policy SET threshold=1; INSERT INTO trust_policy VALUES ('reviewer', 1)"
    refused_for 7310 '0 of 1'
    # a row whose key is not the one it names is no row
    site_sql "UPDATE trust SET key_id=randomblob(32) WHERE name='another'"
    expect 3 site verify stick
}

test_trust_revoked_key() {
    trust_base
    cp -r site new
    expect 2 site trust revoke nobody
    says 'no key with name or fingerprint'
    fingerprint=$(site trust list --json | jq -r '.keys[0].fingerprint')
    expect 0 site trust revoke "$fingerprint" --up-to 1
    same "$(site trust list --json | jq '.keys[0].revoked_up_to')" 1 'revoked up to'
    expect 0 site import stick # sequence 1 is not above it
    refused_for 7311 'key hub-test may sign up to sequence 1, this bundle is 2' stick2
    expect 4 site trust revoke hub-test --up-to 2
    says 'is not raised to 2'
    expect 0 site trust revoke hub-test --up-to 1 # again is harmless
    expect 0 site trust revoke hub-test # and lower is possible
    same "$(site trust list --json | jq '.keys[0].revoked_up_to')" 0 'revoked up to'
    expect 4 site trust add hub.pub # does not bring it back
    same "$(site trust list --json | jq '.keys[0].revoked_up_to')" 0 'still revoked'
    refused_for 7311 'may sign up to sequence 0' stick2
    # a site without state: the older good bundle counts, the newer does not
    rm -rf site && mv new site
    expect 0 site trust revoke hub-test
    refused_for 7311 'up to sequence 0, this bundle is 1'
    expect 0 python3 "$CHECK/check_ledger.py" site/update-point.db
}

# ---- sign ----------------------------------------------------------------------------------------------

test_sign_adds_one_file() {
    trust_base
    (cd $BUNDLE && sha256sum -- * | sort) > before
    expect 0 hub sign stick --key rev-a --role reviewer --operator park --json
    same "$(json '"\(.bundle) \(.site) \(.sequence) \(.role) \(.kind) \(.is_new)"')" 'SU-ALPHA-000001 ALPHA 1 reviewer ed25519 true' 'the answer'
    file=$(json .file)
    same "$file" "$(hub key list --json | jq -r '.keys[] | select(.name == "rev-a").key_id[0:8] | ascii_upcase').SIG" 'the name'
    (cd $BUNDLE && sha256sum -- * | grep -v "  $file\$" | sort) | diff before - || fail 'other bytes changed'
    openssl pkeyutl -verify -pubin -inkey rev-a.pub -rawin -in $BUNDLE/MANIFEST.TXT -sigfile "$BUNDLE/$file" > /dev/null
    tree_sum $BUNDLE > after
    expect 0 hub sign stick --key rev-a --role reviewer --json
    same "$(json .is_new)" false 'again'
    tree_sum $BUNDLE | diff after - || fail 'signing again changed something'
    same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*), min(operator), min(site), min(sequence), min(detail) FROM ledger WHERE kind='sign'")" \
        '1|park|ALPHA|1|SU-ALPHA-000001 as reviewer by rev-a' 'the ledger'
    # a name that is taken by somebody else's bytes is left alone
    rm "$BUNDLE/$file"
    head -c 64 /dev/urandom > "$BUNDLE/$file"
    cp "$BUNDLE/$file" foreign
    expect 0 hub sign stick --key rev-a --role reviewer --json
    [ "$(json .file)" != "$file" ] || fail 'the name of another file'
    cmp foreign "$BUNDLE/$file"
    expect 2 hub sign stick --key rev-a --role exporter
    expect 2 hub sign stick --key rev-a
    expect 2 hub sign stick --role reviewer
    expect 2 hub sign stick --key nobody --role reviewer
    cp -r stick2/SU-ALPHA-000002 stick/
    expect 2 hub sign stick --key rev-a --role reviewer
    says 'name the folder of one'
}

test_sign_refuses_what_is_damaged() {
    trust_base
    tree_sum stick > before
    not_signed() { # STATUS
        ls $BUNDLE > names
        expect "$1" hub sign $BUNDLE --key rev-a --role reviewer
        says 'No signature was added.'
        ls $BUNDLE | diff names - || fail 'a file was added'
    }
    cp -r stick whole
    flip $BUNDLE/SU000001.001 5000
    not_signed 3
    rm -rf stick && cp -r whole stick
    : > $BUNDLE/extra.txt
    not_signed 3
    rm -rf stick && cp -r whole stick
    rm $BUNDLE/SU000001.001
    not_signed 3
    rm -rf stick && cp -r whole stick
    edit $BUNDLE/MANIFEST.TXT "d.replace(b'sequence 1', b'sequence 01')"
    not_signed 3
    rm -rf stick && cp -r whole stick
    edit $BUNDLE/VERIFY.txt "d + b'x'"
    not_signed 3
    rm -rf stick && cp -r whole stick
    hub export --site ALPHA --full --pool --out medium > /dev/null # content beside the bundle is proved too
    pooled=$(find medium/SU-POOL -type f -size +1k | head -n 1)
    flip "$pooled" 100
    expect 3 hub sign medium/SU-ALPHA-000003 --key rev-a --role reviewer
    says "$(basename "$pooled")"
    flip "$pooled" 100
    expect 0 hub sign medium/SU-ALPHA-000003 --key rev-a --role reviewer
    for n in 0 1 2 3 4 5 6 7 8 9 A B C D E; do head -c 64 /dev/zero > $BUNDLE/0000000$n.SIG; done
    not_signed 3 # sixteen there are
    says '16 signatures'
}

# ---- certificates --------------------------------------------------------------------------------------

# A PKI made by openssl: root, authority below it, people; all in pki. The sample's bundles are of 2026-10-14.
pki() { cached pki make_pki; }
ca() { openssl ca -batch -notext -config pki/ca.cnf -md sha384 "$@" 2> /dev/null; }
make_pki() {
    mkdir pki
    : > pki/index && echo 01 > pki/serial && echo 01 > pki/crlnumber
    cat > pki/ca.cnf << 'END'
[ca]
default_ca = d
[d]
database = pki/index
serial = pki/serial
crlnumber = pki/crlnumber
new_certs_dir = pki
policy = p
unique_subject = no
[p]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signing]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = codeSigning
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
[any]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
[agree]
basicConstraints = CA:FALSE
keyUsage = critical, keyAgreement
extendedKeyUsage = codeSigning
END
    p384 ca 'Fabrikam Root' && p384 alien 'Fabrikam Root' # two authorities of one name
    for name in ca alien; do
        openssl req -x509 -new -config pki/ca.cnf -extensions root -sha384 -days 7300 -key pki/$name.key -subj '/CN=Fabrikam Root' -out pki/$name.pem
    done
    for name in good wrong any agree expired revoked reviewer foreign below; do p384 $name; done
    p384 sub
    openssl req -new -config pki/ca.cnf -newkey rsa:3072 -nodes -keyout pki/rsa.key -subj /CN=rsa -out pki/rsa.csr 2> /dev/null
    openssl req -new -config pki/ca.cnf -newkey rsa:1024 -nodes -keyout pki/weak.key -subj /CN=weak -out pki/weak.csr 2> /dev/null
    openssl req -new -config pki/ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout pki/p256.key -subj /CN=p256 -out pki/p256.csr 2> /dev/null
    for name in good revoked reviewer rsa weak p256; do issue $name signing; done
    issue wrong server
    issue any any
    issue agree agree
    issue sub root
    ca -extensions signing -startdate 20200101000000Z -enddate 20261013235959Z -keyfile pki/ca.key -cert pki/ca.pem -in pki/expired.csr -out pki/expired.pem
    ca -extensions signing -days 3650 -keyfile pki/alien.key -cert pki/alien.pem -in pki/foreign.csr -out pki/foreign.pem
    ca -extensions signing -days 3650 -keyfile pki/sub.key -cert pki/sub.pem -in pki/below.csr -out pki/below.pem
    list crl-1 20261001000000Z 20401001000000Z
    ca -keyfile pki/ca.key -cert pki/ca.pem -revoke pki/revoked.pem
    list crl-2 20261101000000Z 20401001000000Z
    list crl-stale 20261102000000Z 20261103000000Z
    openssl ca -gencrl -config pki/ca.cnf -md sha384 -keyfile pki/alien.key -cert pki/alien.pem -crldays 9 -out pki/crl-alien.pem 2> /dev/null
}
p384() { # NAME [COMMON NAME]
    openssl req -new -config pki/ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "pki/$1.key" -subj "/CN=${2:-$1}" -out "pki/$1.csr" 2> /dev/null
}
issue() { ca -extensions "$2" -days 3650 -keyfile pki/ca.key -cert pki/ca.pem -in "pki/$1.csr" -out "pki/$1.pem"; } # NAME EXTENSIONS
list() { openssl ca -gencrl -config pki/ca.cnf -md sha384 -keyfile pki/ca.key -cert pki/ca.pem -crl_lastupdate "$2" -crl_nextupdate "$3" -out "pki/$1.pem" 2> /dev/null; }
# cms NAME [OPTION...]: that person's signature by the openssl command, alone on the bundle.
cms() {
    _name=$1; shift
    rm -f $BUNDLE/*.SIG $BUNDLE/*.P7S
    openssl cms -sign -binary -outform DER -in $BUNDLE/MANIFEST.TXT -signer "pki/$_name.pem" -inkey "pki/$_name.key" -md sha384 "$@" -out $BUNDLE/00000001.P7S
}
# A site that trusts the PKI and no key.
pki_site() {
    rm -rf site
    site init --site ALPHA > /dev/null
    site trust add pki/ca.pem --role exporter "$@" > /dev/null
}

test_cms_good() {
    trust_base
    pki
    pki_site
    for name in good rsa; do
        for md in sha256 sha384 sha512; do
            cms $name -md $md
            expect 0 site verify stick --json
            same "$(json '[.signers[] | "\(.name) \(.role) \(.kind) \(.file)"] | join(";")')" "$name exporter cms 00000001.P7S" "by openssl, $name $md"
        done
        cms $name
        rm $BUNDLE/*.P7S
        expect 0 "$SUEXPORT" sign stick --key pki/$name.key --cert pki/$name.pem --role exporter --json
        file=$BUNDLE/$(json .file)
        same "$(json .kind)" cms 'kind'
        openssl cms -verify -binary -inform DER -in "$file" -content $BUNDLE/MANIFEST.TXT -CAfile pki/ca.pem -purpose any -out /dev/null 2> /dev/null || fail "openssl refuses $name"
        same "$(openssl x509 -in pki/$name.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-8 | tr a-f A-F).P7S" "$(basename "$file")" 'the name'
        sha256sum "$file" > before
        expect 0 "$SUEXPORT" sign stick --key pki/$name.key --cert pki/$name.pem --role exporter --json
        same "$(json .is_new)" false 'signed again'
        sha256sum -c --quiet before
        expect 0 site verify stick --json
        same "$(json '.signers[0].kind')" cms "by suexport sign, $name"
    done
    cms good -keyid
    expect 0 site verify stick
    cms rsa -keyopt rsa_padding_mode:pss
    expect 0 site verify stick
    expect 0 site import stick
    expect 4 "$SUEXPORT" sign stick --key pki/rsa.key --cert pki/good.pem --role exporter
    says 'not that of the certificate'
}

test_cms_chain_through_an_authority_below() {
    trust_base
    pki
    pki_site
    cms below
    refused_for 7315 'leads to no authority pinned here' # the way to the root is not there
    cms below -certfile pki/sub.pem
    expect 0 site verify stick
    rm $BUNDLE/*.P7S
    cat pki/below.pem pki/sub.pem > both.pem
    expect 0 "$SUEXPORT" sign stick --key pki/below.key --cert both.pem --role exporter
    expect 0 site verify stick
    cms good -certfile pki/alien.pem # what a signature carries is never a root
    expect 0 site verify stick
    cms foreign -certfile pki/alien.pem
    refused_for 7315 'authority'
}

test_cms_refused() {
    trust_base
    pki
    pki_site
    cms foreign
    refused_for 7315 'leads to no authority pinned here'
    cms wrong
    refused_for 7313 'codeSigning'
    cms any
    refused_for 7313 'codeSigning'
    openssl cms -sign -binary -outform DER -in $BUNDLE/MANIFEST.TXT -signer pki/agree.pem -inkey pki/agree.key -md sha384 -out $BUNDLE/00000001.P7S
    refused_for 7313 'digitalSignature'
    cms weak
    refused_for 7316 'RSA key of 1024 bits'
    cms p256
    refused_for 7316 'ECDSA on P-384'
    cms good -md sha1
    refused_for 7316 'SHA1'
    cms expired
    refused_for 7312 'ended 2026-10-13T23:59:59; the bundle is of 2026-10-14'
    expect 4 "$SUEXPORT" sign stick --key pki/weak.key --cert pki/weak.pem --role exporter
    says 7316
    # not a signature over these bytes, or none at all
    cms good
    edit $BUNDLE/MANIFEST.TXT "d.replace(b'hub FABRIKAM-HUB', b'hub FABRIKAM-HUC') if b'FABRIKAM' in d else d.replace(b'hub HUB', b'hub HUC')"
    refused_for 7301 'verifies under'
    cp stick2/SU-ALPHA-000002/MANIFEST.TXT $BUNDLE/MANIFEST.TXT
    refused_for 7301 'verifies under'
    for text in x "$(head -c 3000 /dev/zero | tr '\0' 0)"; do
        printf %s "$text" > $BUNDLE/00000001.P7S
        refused_for 7301 'verifies under'
    done
    head -c "$(limit SU_MAX_CMS_BYTES)" /dev/zero > $BUNDLE/00000001.P7S # the largest that is read
    refused_for 7301 'verifies under'
    echo >> $BUNDLE/00000001.P7S
    refused_for 7301 'larger than'
    : > $BUNDLE/00000001.P7S
    refused_for 7301 'empty'
}

test_cms_form() {
    trust_base
    pki
    pki_site
    cms good -nodetach # the content inside
    refused_for 7301 'verifies under'
    cms good -signer pki/rsa.pem -inkey pki/rsa.key 2> /dev/null # two signers
    refused_for 7301 'verifies under'
    cms good -nocerts
    refused_for 7301 'verifies under'
    cms good
    cat $BUNDLE/00000001.P7S $BUNDLE/MANIFEST.TXT > longer && mv longer $BUNDLE/00000001.P7S
    refused_for 7301 'verifies under'
    # each byte of a good one: counts as before or not at all, and nothing breaks
    cms good
    expect 0 site verify stick
    cp $BUNDLE/00000001.P7S whole
    size=$(wc -c < whole)
    at=7
    while [ $at -lt "$size" ]; do
        cp whole $BUNDLE/00000001.P7S
        flip $BUNDLE/00000001.P7S $at
        status=0
        site verify stick > /dev/null 2> err || status=$?
        [ $status = 4 ] || [ $status = 0 ] || fail "byte $at: status $status $(cat err)"
        at=$((at + 97))
    done
}

test_cms_revocation_list() {
    trust_base
    pki
    pki_site
    cms revoked
    expect 0 site verify stick # no list, nothing known
    expect 4 site trust add pki/crl-alien.pem
    says 'no authority pinned here has signed'
    expect 0 site trust add pki/crl-1.pem --json
    same "$(json '"\(.kind) \(.number) \(.is_new)"')" 'crl 1 true' 'the list'
    expect 0 site verify stick
    expect 0 site trust add pki/crl-2.pem
    refused_for 7314 "'revoked' stands in the revocation list of 'Fabrikam Root'"
    expect 4 site trust add pki/crl-1.pem
    says 'older than the one pinned'
    expect 0 site trust add pki/crl-2.pem --json
    same "$(json .is_new)" false 'the same list'
    cms good
    expect 0 site verify stick
    expect 0 site trust list --json
    same "$(json '.crls[0] | "\(.number) \(.last_update) \(.next_update)"')" '2 2026-11-01T00:00:00 2040-10-01T00:00:00' 'the list'
    # bundle and list give the dates, the clock gives none: the list of November is fresh for a bundle of October
    expect 0 site trust add pki/crl-stale.pem
    for clock in '1970-01-02 00:00:00' '2038-01-19 04:00:00' '2050-01-01 00:00:00'; do
        expect 0 faketime "$clock" "$SUIMPORT" --home site --quiet verify stick
    done
    site_sql "INSERT INTO import (sequence, kind, bundle, hub, created, imported, manifest_sha256, profile, approvals, promise_days, base_digest, state_digest, undone) VALUES (0, 'full', '', '', '2026-11-04T00:00:00Z', '', zeroblob(32), '', '', 0, zeroblob(32), zeroblob(32), 1)"
    refused_for 7317 'ended 2026-11-03T00:00:00; the bundle is of 2026-11-04T00:00:00 or later'
    says "Bring the authority's newest list"
}

test_cms_one_authority_two_roles() {
    trust_base
    pki
    pki_site --subject good
    expect 2 site trust add pki/ca.pem
    says '--role'
    expect 0 site trust add pki/ca.pem --role reviewer --subject reviewer --name review --fingerprint "$(openssl x509 -in pki/ca.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-20)"
    expect 0 site trust policy --reviewer 1
    cms good
    refused_for 7310 'reviewer: 0 of 1'
    cms reviewer
    refused_for 7310 'exporter: 0 of 1'
    cms rsa
    refused_for 7315 "of 'rsa'"
    cms good
    mv $BUNDLE/00000001.P7S kept
    cms reviewer
    mv kept $BUNDLE/00000002.P7S
    expect 0 site verify stick --json
    same "$(json '[.signers[] | "\(.name) \(.role)"] | sort | join(";")')" 'good exporter;reviewer reviewer' 'signers'
    # the same key under both names serves one role only
    openssl req -new -config pki/ca.cnf -key pki/good.key -subj /CN=reviewer -out pki/twice.csr
    cp pki/good.key pki/twice.key
    issue twice signing
    openssl cms -sign -binary -outform DER -in $BUNDLE/MANIFEST.TXT -signer pki/twice.pem -inkey pki/twice.key -md sha384 -out $BUNDLE/00000001.P7S
    refused_for 7310 '0 of 1'
    # a mixed policy: key and certificate
    rm $BUNDLE/*.P7S
    rm -rf site
    small_site
    site trust add pki/ca.pem --role reviewer > /dev/null
    site trust policy --reviewer 1 > /dev/null
    sign_with hub/keys/hub-test.key $BUNDLE 0000000A
    refused_for 7310 'reviewer: 0 of 1'
    expect 0 "$SUEXPORT" sign stick --key pki/good.key --cert pki/good.pem --role reviewer
    expect 0 site import stick
    # revoking the authority takes its people with it
    expect 0 site trust revoke authority --json # no name of ours, so it is called that
    same "$(json '"\(.kind) \(.revoked_up_to)"')" 'authority 0' 'the authority'
}

test_trust_add_no_authority() {
    trust_base
    pki
    expect 4 site trust add pki/good.pem --role exporter
    says 'not that of an authority'
    expect 4 site trust add pki/ca.pem --role exporter --fingerprint '0000 0000 0000 0000 0000'
    expect 2 site trust add hub.pub --subject x
    printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' > no.pem
    expect 4 site trust add no.pem --role exporter
    printf -- '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n' > no.pem
    expect 4 site trust add no.pem
    same "$(site trust list --json | jq '.keys | length')" 1 'keys'
    # the largest file that is read, and one byte more
    { head -c $((1048577 - $(wc -c < pki/ca.pem))) /dev/zero | tr '\0' '\n'; cat pki/ca.pem; } > large.pem
    expect 3 site trust add large.pem --role exporter
    tail -c 1048576 large.pem > most.pem
    expect 0 site trust add most.pem --role exporter
}

# ---- protected keys ------------------------------------------------------------------------------------

test_passphrase() {
    trust_base
    printf 'correct horse\nsecond line\n' > pass
    printf 'wrong\n' > wrong
    : > nothing
    expect 0 hub key generate --name safe --role reviewer --passphrase-file pass
    head -n 1 hub/keys/safe.key | grep -qx -- '-----BEGIN ENCRYPTED PRIVATE KEY-----'
    openssl asn1parse -in hub/keys/safe.key | grep -q scrypt
    openssl pkey -in hub/keys/safe.key -passin file:pass -pubout -out read.pub
    tail -n 3 hub/keys/safe.pub | diff - read.pub || fail 'openssl reads another key'
    same "$(openssl pkey -in hub/keys/safe.key -passin file:wrong -noout > /dev/null 2>&1 && echo opens)" '' 'the wrong passphrase'
    expect 4 hub sign stick --key safe --role reviewer --passphrase-file wrong
    says 7610
    says 'does not open'
    expect 4 hub sign stick --key safe --role reviewer < /dev/null
    says 'no terminal to ask on'
    says 'passphrase-file FILE'
    expect 4 hub sign stick --key safe --role reviewer --passphrase-file nothing
    expect 4 hub key generate --name other --passphrase-file nothing
    head -c 1024 /dev/zero | tr '\0' a > long
    expect 4 hub key generate --name other --passphrase-file long
    head -c 1023 long > longest
    expect 0 hub key generate --name most --role reviewer --passphrase-file longest
    expect 0 hub sign stick --key most --role reviewer --passphrase-file longest
    expect 0 hub sign stick --key safe --role reviewer --passphrase-file pass
    hub key export --name safe --out safe.pub > /dev/null
    site trust add safe.pub > /dev/null
    site trust policy --reviewer 1 > /dev/null
    expect 0 site verify stick
    # keys that openssl protected, and an exporter's
    openssl pkcs8 -topk8 -in hub/keys/rev-a.key -passout file:pass -out card.key
    expect 0 "$SUEXPORT" sign stick --key ./card.key --role reviewer --passphrase-file pass
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -aes256 -pass file:pass -out ec.key 2> /dev/null
    openssl req -x509 -key ec.key -passin file:pass -subj /CN=c -addext extendedKeyUsage=codeSigning -out ec.pem
    expect 4 "$SUEXPORT" sign stick --key ./ec.key --cert ec.pem --role reviewer --passphrase-file wrong
    says 7610
    expect 0 "$SUEXPORT" sign stick --key ./ec.key --cert ec.pem --role reviewer --passphrase-file pass
    expect 0 hub key rotate --name hub-test --to hub-safe --passphrase-file pass
    expect 4 hub export --site ALPHA --full --out stick3 < /dev/null
    says 'no terminal'
    [ ! -e stick3/SU-ALPHA-000003 ] || fail 'a bundle without its signatures'
    expect 0 hub export --site ALPHA --full --out stick3 --passphrase-file pass
    expect 0 hub site add BRAVO
    expect 4 hub export --all-due --out disk < /dev/null
    expect 0 hub export --all-due --out disk --passphrase-file pass
    same "$(find disk/SU-BRAVO-000001 -name '*.SIG' | wc -l | tr -d ' ')" 2 'signatures for BRAVO'
}

# ---- rotation and revocation ---------------------------------------------------------------------------

test_rotation_three_times() {
    trust_base
    cp -r site asleep # this site will miss some
    cp -r site today
    expect 0 site import stick
    expect 0 hub key rotate --name hub-test --to k2
    hub export --site ALPHA --full --out n3 > /dev/null
    same "$(find n3 -name '*.SIG' | wc -l | tr -d ' ')" 2 'both sign'
    grep -q '^key exporter k2 ' n3/SU-ALPHA-000003/MANIFEST.TXT
    expect 0 site plan n3 --json
    same "$(json '[.keys_introduced[].name] | join(",")')" k2 'the plan tells it'
    same "$(site trust list --json | jq '.keys | length')" 1 'a plan changes nothing'
    expect 0 site import n3 --json
    same "$(json '[.keys_introduced[] | "\(.name) \(.role)"] | join(",")')" 'k2 exporter' 'the import tells it'
    logged site 7613
    same "$(site trust list --json | jq -r '.keys[] | select(.name == "k2").introduced')" SU-ALPHA-000003 'introduced by'
    expect 0 hub key rotate --name k2 --to k3
    hub export --site ALPHA --full --out n4 > /dev/null
    expect 0 hub key rotate --name k3 --to k4
    hub export --site ALPHA --full --out n5 > /dev/null
    expect 0 site import n5 # 4 was missed
    same "$(site trust list --json | jq -r '[.keys[].name] | sort | join(",")')" 'hub-test,k2,k3,k4' 'the chain'
    # the site that slept through all of it knows the first key, and that one still signs
    mv site awake && mv asleep site
    expect 0 site import n5 --json
    same "$(json '[.keys_introduced[].name] | sort | join(",")')" 'k2,k3,k4' 'all at once'
    # the old ones go; a site that knows a later one follows, with the bundle that says so
    expect 0 hub key revoke --name hub-test
    expect 0 hub key revoke --name k2
    same "$(hub key list --json | jq -r '[.keys[] | select(.role == "exporter" and .is_revoked).name] | join(",")')" 'hub-test,k2' 'revoked'
    hub export --site ALPHA --full --out n6 > /dev/null
    same "$(grep -c '^revoke [0-9a-f]* 5$' n6/SU-ALPHA-000006/MANIFEST.TXT)" 2 'up to the last bundle made'
    same "$(grep -c '^key ' n6/SU-ALPHA-000006/MANIFEST.TXT)" 2 'keys that go on'
    same "$(find n6 -name '*.SIG' | wc -l | tr -d ' ')" 2 'k3 and k4 sign'
    expect 0 site import n6 --json
    same "$(json '[.keys_revoked[] | "\(.name) \(.last_sequence)"] | sort | join(",")')" 'hub-test 5,k2 5' 'revoked at the site'
    expect 0 site import n6 # again is harmless
    expect 0 python3 "$CHECK/check_ledger.py" site/update-point.db
    same "$(sqlite3 -readonly site/update-point.db "SELECT count(*) FROM ledger WHERE kind='revoke'")" 2 'the ledger'
    # the site that saw no rotation at all must be told by hand
    mv site awake2 && mv today site
    refused_for 7301 'verifies under' n6
    says 'compare the new one'
    hub key export --name k4 --out k4.pub > /dev/null
    expect 0 site trust add k4.pub --fingerprint "$(hub key list --json | jq -r '.keys[] | select(.name == "k4").fingerprint')"
    expect 0 site import n6
    same "$(site trust list --json | jq -r '[.keys[] | "\(.name) \(.revoked_up_to)"] | sort | join(",")')" 'hub-test 5,k3 null,k4 null' 'the site caught up'
}

test_stolen_key() {
    trust_base
    expect 0 site import stick
    expect 0 hub key rotate --name hub-test --to k2
    hub export --site ALPHA --out n3 --full > /dev/null
    expect 0 site import n3
    expect 2 hub key revoke --name nobody
    cp hub/keys/hub-test.key stolen.key
    expect 0 hub key revoke --name hub-test --up-to 1
    expect 4 hub export --site ALPHA --out no --full --key hub-test
    says 7311
    expect 4 hub sign n3 --key hub-test --role exporter
    expect 4 hub key rotate --name hub-test --to k3
    hub export --site ALPHA --out n4 --full > /dev/null
    grep -q '^revoke [0-9a-f]* 1$' n4/SU-ALPHA-000004/MANIFEST.TXT
    expect 0 site import n4
    # the thief makes a bundle that follows, and takes the revocation back in it
    cp -r n4 forged && mv forged/SU-ALPHA-000004 forged/SU-ALPHA-000005
    dir=forged/SU-ALPHA-000005
    edit $dir/MANIFEST.TXT "re.sub(rb'(?m)^revoke .*\n', b'', d.replace(b'bundle SU-ALPHA-000004', b'bundle SU-ALPHA-000005').replace(b'sequence 4\n', b'sequence 5\n').replace(b'SU000004', b'SU000005'))"
    for file in "$dir"/SU000004.*; do mv "$file" "$dir/SU000005.${file##*.}"; done
    rm $dir/*.SIG
    sign_with stolen.key $dir 00000001
    refused_for 7311 'key hub-test may sign up to sequence 1, this bundle is 5' forged
    # and an older number does not help him either: the site has passed it
    same "$(site trust list --json | jq '.keys[] | select(.name == "hub-test").revoked_up_to')" 1 'revoked up to'
    # the last key is not revoked
    expect 2 hub key revoke --name k2
    says 7611
    says 'key rotate --name k2'
    # a revocation for a key that is not pinned is kept for the day somebody pins it
    rm -rf site
    site init --site ALPHA > /dev/null
    hub key export --name k2 --out k2.pub > /dev/null
    site trust add k2.pub > /dev/null
    expect 0 site import n4
    expect 0 site trust add hub.pub
    same "$(site trust list --json | jq '.keys[] | select(.name == "hub-test").revoked_up_to')" 1 'revoked before it was pinned'
}

# What a bundle says about keys counts only when the bundle does, and never lifts a revocation or changes a role.
test_key_lines_believe_nobody() {
    trust_base
    expect 0 site import stick
    expect 0 hub key rotate --name hub-test --to k2
    hub export --site ALPHA --full --out n3 > /dev/null
    hub key export --name k2 --out k2.pub > /dev/null
    # k2 is known as a reviewer, and revoked
    expect 0 site trust add k2.pub --role reviewer --name somebody
    expect 0 site trust revoke somebody
    expect 0 site import n3 --json
    same "$(json '.keys_introduced | length')" 0 'nothing introduced'
    same "$(site trust list --json | jq -r '.keys[] | select(.name == "somebody") | "\(.role) \(.revoked_up_to)"')" 'reviewer 0' 'role and revocation stay'
    # signed by k2 alone: its own introduction is no reason to believe it
    rm -rf site
    small_site
    cp -r n3 alone
    rm alone/SU-ALPHA-000003/*.SIG
    sign_with hub/keys/k2.key alone/SU-ALPHA-000003 00000002
    refused_for 7301 'verifies under' alone
    same "$(site trust list --json | jq '.keys | length')" 1 'keys'
    # undo takes the import back, not the knowledge
    expect 0 site import n3
    expect 0 site undo
    same "$(site trust list --json | jq '.keys | length')" 2 'keys after undo'
}

# A home that an older program made: readers say what to do, that works, and its keys are still trusted.
test_trust_of_an_older_home() {
    trust_base
    key=$(sqlite3 -readonly site/update-point.db "SELECT quote(key_id)||', name, role, pem, added'||'|'||quote(name)||','||quote(role)||','||quote(pem)||','||quote(added) FROM trust")
    rm site/update-point.db*
    sqlite3 site/update-point.db < "$TOP/common/schema/0001_core.sql"
    sqlite3 site/update-point.db "PRAGMA application_id=0x53554442; PRAGMA user_version=1; INSERT INTO setting VALUES ('role','site'),('name','ALPHA'),('content_version','0');
        INSERT INTO trust VALUES (${key%%,*},${key#*|}); PRAGMA journal_mode=WAL" > /dev/null
    expect 2 site verify stick
    says 'schema version 1'
    expect 0 site rebuild
    same "$(site trust list --json | jq -r '[.keys[] | "\(.name) \(.role) \(.kind)"] | join(",")')" 'hub-test exporter ed25519' 'the key'
    expect 0 site import stick
}
