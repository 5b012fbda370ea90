# vectors.sh - the test vectors of docs/bundle-format.md: the good import to the stated digests, the bad get the
# stated verdicts, and the independent reader tests/verify_bundle.py agrees on every one.

VECTORS=$TOP/tests/vectors
READER=$TOP/tests/verify_bundle.py

# Homes of site ALPHA to bring vectors to: new, at-1 … at-4.
vector_homes() {
    "$SUIMPORT" --home new init --site ALPHA > /dev/null
    "$SUIMPORT" --home new trust add "$VECTORS/hub.pub" > /dev/null
    before=new
    for n in 1 2 3 4; do
        cp -r $before at-$n
        "$SUIMPORT" --home at-$n --quiet import "$VECTORS/SU-ALPHA-00000$n" > /dev/null
        before=at-$n
    done
}
digest_of() { "$SUIMPORT" --home "$1" status --json | jq -r .state_digest; }
stated() { sed -n "s/^| state after $1 | \`\\(.*\\)\` |\$/\\1/p" "$VECTORS/README.md"; }

# reader SITE-STATE FOLDER: the independent reader's line in 'read', its status in 'read_status'.
reader() {
    chain=
    for n in 1 2 3 4; do [ "${1#at-}" = new ] || [ "${1#at-}" -lt $n ] || chain="$chain $VECTORS/SU-ALPHA-00000$n"; done
    read_status=0
    # shellcheck disable=SC2086 # several words
    "$READER" --site ALPHA --key "$VECTORS/hub.pub" $chain "$2" > read 2>&1 || read_status=$?
}

test_vectors_readme() {
    sed -n '/^| file /,/^$/s/^| `\([^`]*\)` | [0-9,]* | `\([0-9a-f]\{64\}\)` |.*/\2  \1/p' "$VECTORS/README.md" > sums
    (cd "$VECTORS" && sha256sum --strict --quiet -c) < sums
    (cd "$VECTORS" && find . -type f | sed 's/^\.\///' | grep -vE '^(README\.md|bad\.tsv|edit\.py|make\.sh|__pycache__/.*)$' | sort) > have
    sed 's/.*  //' sums | sort > listed
    diff have listed
    total=$(cd "$VECTORS" && find SU-* ./*.pub ./*.receipt -type f -exec cat {} + | wc -c)
    [ "$total" -lt 300000 ] || fail "the vectors have $total bytes"
}

test_vectors_good() {
    vector_homes
    same "$(digest_of new)" "$(stated 'nothing')" 'empty site'
    for n in 1 2 3 4; do same "$(digest_of at-$n)" "$(stated "SU-ALPHA-00000$n")" "after bundle $n"; done
    for case in 'new 1' 'at-1 2' 'at-1 1' 'at-2 2' 'at-2 3' 'at-3 4' 'at-4 4'; do
        folder=$VECTORS/SU-ALPHA-00000${case#* }
        expect 0 "$SUIMPORT" --home "${case% *}" verify "$folder" --json
        same "$(json .verdict)" good "$case"
        reader "${case% *}" "$folder"
        same "$read_status $(sed 's/: .* state .*//' read)" '0 good' "reader, $case"
    done
    chain=
    for n in 1 2 3 4; do
        chain="$chain $VECTORS/SU-ALPHA-00000$n"
        # shellcheck disable=SC2086 # several words
        "$READER" --site ALPHA --key "$VECTORS/hub.pub" --tar $chain > read
        grep -q "state $(stated SU-ALPHA-00000$n)$" read || fail "reader: $(cat read)"
    done
}

test_vectors_recovery() { python3 "$CHECK/check_recovery.py" "$VECTORS/SU-ALPHA-000003"; }

# VERIFY.txt of the good vectors, step by step.
test_vectors_recipe() {
    for folder in "$VECTORS"/SU-ALPHA-?0000?; do
        export HUB_PUB="$VECTORS/hub.pub"
        [ "${folder##*-}" != 000004 ] || HUB_PUB=$VECTORS/next.pub # the successor signs alone
        sed -n 's/^   //p' "$folder/VERIFY.txt" > steps
        same "$(wc -l < steps)" 4 'commands of VERIFY.txt'
        while read -r step; do
            (cd "$folder" && sh -ec "$step") > out 2>&1 || fail "$step: $(cat out)"
        done < steps
    done
}

test_vectors_bad() {
    in_memory
    "$CHECK/check_vectors.py" "$SUIMPORT" . > said || fail "$(cat said)"
    says ' vectors, 0 wrong answers' said
}

# The vectors can be made again, byte for byte; only another zstd may pack otherwise.
test_vectors_make() {
    zstd --version | grep -q 'v1\.5\.4,' || skip 'the vectors were packed by zstd 1.5.4'
    "$VECTORS/make.sh" "$BUILD" made work
    for name in SU-ALPHA-000001 SU-ALPHA-000002 SU-ALPHA-000003 SU-ALPHA-000004 SU-ALPHA-U00001 SU-POOL hub.pub next.pub reviewer.pub site.pub ALPHA.receipt; do
        diff -r "$VECTORS/$name" "made/$name"
    done
    # The receipt of the vectors is one this hub takes, once; with another byte it takes none.
    expect 0 "$SUEXPORT" --home work/hub receipt add "$VECTORS/ALPHA.receipt" --json
    same "$(json '"\(.site) \(.sequence) \(.already_taken)"')" 'ALPHA 2 false' receipt
    expect 0 "$SUEXPORT" --home work/hub receipt add "$VECTORS/ALPHA.receipt" --json
    same "$(json .already_taken)" true 'the same receipt again'
    sed 's/^sequence 2/sequence 1/' "$VECTORS/ALPHA.receipt" > forged
    expect 4 "$SUEXPORT" --home work/hub receipt add forged
}

# Several volumes, files that span them, bundled updates, expired ones: the reader agrees with the programs.
test_reader_on_the_samples() {
    small_hub 1
    small_site
    hub export --site ALPHA --out usb --volume-size 100K --recovery 30 > /dev/null
    site import usb > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out usb --volume-size 70000 --recovery 100 > /dev/null
    site import usb > /dev/null
    [ -e usb/SU-ALPHA-000001/SU000001.010 ] || fail 'only a few volumes'
    "$READER" --site ALPHA --key hub.pub --tar usb/SU-ALPHA-000001 usb/SU-ALPHA-000002 > read || fail "$(cat read)"
    same "$(sed 's/.* state //' read)" "$(site_digest)" 'state digest'
    for volume in usb/*/SU00000?.???; do
        size=$(wc -c < "$volume")
        [ "$size" -le 102400 ] || fail "$volume has $size bytes"
    done
}

# CMS signatures: the reader and the program agree on a good certificate, one for another purpose, one that had ended, a stranger's.
test_reader_on_certificates() {
    for ca in ca stranger; do
        faketime '2026-01-01 00:00:00' openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout $ca.key -out $ca.pem -subj /CN=$ca \
            -days 9000 -sha384 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
    done
    site init --site ALPHA > /dev/null
    site trust add "$VECTORS/hub.pub" > /dev/null
    site trust add ca.pem --role reviewer > /dev/null
    site trust policy --reviewer 1 > /dev/null
    while read -r name ca purpose days want; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout k.key -out k.csr -subj "/CN=$name" 2> /dev/null
        printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$purpose" > ext
        faketime '2026-01-02 00:00:00' openssl x509 -req -in k.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -days "$days" -sha384 -extfile ext -out k.pem 2> /dev/null
        rm -rf signed
        cp -r "$VECTORS/SU-ALPHA-000001" signed
        openssl cms -sign -binary -outform DER -in signed/MANIFEST.TXT -signer k.pem -inkey k.key -md sha384 -out signed/ABCDEF01.P7S
        "$SUIMPORT" --home site verify signed --json > out 2> /dev/null || true
        read_by=$("$READER" --site ALPHA --key "$VECTORS/hub.pub" --ca reviewer:ca.pem --policy exporter=1,reviewer=1 signed | sed 's/:.*//')
        same "$(json .verdict) $read_by" "$want $want" "$name"
    done << 'END'
good ca codeSigning 3000 good
other-purpose ca emailProtection 3000 untrusted
ended ca codeSigning 30 untrusted
stranger stranger codeSigning 3000 untrusted
END
}
