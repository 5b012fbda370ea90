# vectors.sh - the test vectors of docs/bundle-format.md: the good import to the stated digests, the bad get the
# stated verdicts, and the independent reader tests/verify_bundle.py agrees on every one.

VECTORS=$TOP/tests/vectors
READER=$TOP/tests/verify_bundle.py

# Homes to bring vectors to: new, at-1, at-2, untrusting (all site ALPHA), bravo.
vector_homes() {
    for home in untrusting bravo; do
        site=ALPHA
        [ $home = untrusting ] || site=BRAVO
        "$SUIMPORT" --home $home init --site $site > /dev/null
    done
    cp -r untrusting new
    "$SUIMPORT" --home new trust add "$VECTORS/hub.pub" > /dev/null
    "$SUIMPORT" --home bravo trust add "$VECTORS/hub.pub" > /dev/null
    cp -r new at-1
    "$SUIMPORT" --home at-1 --quiet import "$VECTORS/SU-ALPHA-000001" > /dev/null
    cp -r at-1 at-2
    "$SUIMPORT" --home at-2 --quiet import "$VECTORS/SU-ALPHA-000002" > /dev/null
}
digest_of() { "$SUIMPORT" --home "$1" status --json | jq -r .state_digest; }
stated() { sed -n "s/^| state after $1 | \`\\(.*\\)\` |\$/\\1/p" "$VECTORS/README.md"; }

# reader SITE-STATE FOLDER: the independent reader's line in 'read', its status in 'read_status'.
reader() {
    set -- "$1" "$2" --site ALPHA --key "$VECTORS/hub.pub"
    case $1 in
    new) set -- "$@" "$2" ;;
    at-1) set -- "$@" "$VECTORS/SU-ALPHA-000001" "$2" ;;
    at-2) set -- "$@" "$VECTORS/SU-ALPHA-000001" "$VECTORS/SU-ALPHA-000002" "$2" ;;
    untrusting) set -- "$1" "$2" --site ALPHA "$2" ;;
    bravo) set -- "$1" "$2" --site BRAVO --key "$VECTORS/hub.pub" "$2" ;;
    esac
    shift 2
    read_status=0
    "$READER" "$@" > read 2>&1 || read_status=$?
}

test_vectors_readme() {
    sed -n '/^| file /,/^$/s/^| `\([^`]*\)` | [0-9,]* | `\([0-9a-f]\{64\}\)` |.*/\2  \1/p' "$VECTORS/README.md" > sums
    (cd "$VECTORS" && sha256sum --strict --quiet -c) < sums
    (cd "$VECTORS" && find . -type f | sed 's/^\.\///' | grep -vE '^(README\.md|bad\.tsv|edit\.py|make\.sh|__pycache__/.*)$' | sort) > have
    sed 's/.*  //' sums | sort > listed
    diff have listed
    total=$(cd "$VECTORS" && find SU-* ./*.pub ./*.receipt -type f -exec cat {} + | wc -c)
    [ "$total" -lt 60000 ] || fail "the vectors have $total bytes"
}

test_vectors_good() {
    vector_homes
    same "$(digest_of new)" "$(stated 'nothing')" 'empty site'
    same "$(digest_of at-1)" "$(stated 'SU-ALPHA-000001')" 'after the full bundle'
    same "$(digest_of at-2)" "$(stated 'SU-ALPHA-000002')" 'after the delta'
    for case in 'new 1' 'at-1 2' 'at-1 1' 'at-2 2'; do
        folder=$VECTORS/SU-ALPHA-00000${case#* }
        expect 0 "$SUIMPORT" --home "${case% *}" verify "$folder" --json
        same "$(json .verdict)" good "$case"
        reader "${case% *}" "$folder"
        same "$read_status $(sed 's/: .* state .*//' read)" '0 good' "reader, $case"
    done
    for n in 1 2; do
        "$READER" --site ALPHA --key "$VECTORS/hub.pub" --tar "$VECTORS/SU-ALPHA-000001" "$VECTORS/SU-ALPHA-00000$n" > read
        grep -q "state $(stated SU-ALPHA-00000$n)$" read || fail "reader: $(cat read)"
    done
}

# VERIFY.txt of the good vectors, step by step.
test_vectors_recipe() {
    export HUB_PUB="$VECTORS/hub.pub"
    for folder in "$VECTORS"/SU-ALPHA-00000?; do
        sed -n 's/^   //p' "$folder/VERIFY.txt" > steps
        same "$(wc -l < steps)" 4 'commands of VERIFY.txt'
        while read -r step; do
            (cd "$folder" && sh -ec "$step") > out 2>&1 || fail "$step: $(cat out)"
        done < steps
    done
}

# bad_vectors LIST: runs those of a list in folders of its own, and says which got another answer.
bad_vectors() {
    mkdir "$1.work"
    cd "$1.work"
    tab=$(printf '\t')
    while IFS=$tab read -r name bundle home edits verify verdict status message <&3; do
        rm -rf work && mkdir work
        cp -r "$VECTORS/$bundle" "../$home" work
        "$VECTORS/edit.py" "work/$bundle" "$edits" || { echo "$name: cannot be made"; continue; }
        { "$SUIMPORT" --home "work/$home" --quiet verify "work/$bundle" --json 2> err || true; } > out
        have=$(json '.verdict // "-"')
        for command in plan import; do
            { "$SUIMPORT" --home "work/$home" --quiet $command "work/$bundle" --json 2> err && echo 0 > status || echo $? > status; } > out
            have="$have $(cat status)"
        done
        reader "$home" "work/$bundle"
        have="$have $(json .error.id) $(sed -n '1s/: .*//p' read) $read_status"
        want="$verify $status $status $message $verdict $status"
        [ "$have" = "$want" ] || echo "$name: expected $want, got $have; $(cat read)"
        [ "$(digest_of "work/$home")" = "$(cat "../$home.digest")" ] || echo "$name: the site changed"
    done 3< "../$1"
}
test_vectors_bad() {
    vector_homes
    for home in new at-1 at-2 untrusting bravo; do digest_of $home > $home.digest; done
    grep -v '^#' "$VECTORS/bad.tsv" > list
    same "$(cut -f 1 list | sort | uniq -d)" '' 'names that stand twice'
    [ "$(wc -l < list)" -gt 130 ] || fail 'only a few vectors'
    sed -n 'p;n' list > half1
    sed -n 'n;p' list > half2
    (bad_vectors half1) > said1 2>&1 &
    (bad_vectors half2) > said2 2>&1
    wait $!
    same "$(cat said1 said2)" '' 'wrong answers'
    for half in half1 half2; do [ -e "$half.work/read" ] || fail "$half was not run"; done
}

# The vectors can be made again, byte for byte; only another zstd may pack otherwise.
test_vectors_make() {
    zstd --version | grep -q 'v1\.5\.4,' || skip 'the vectors were packed by zstd 1.5.4'
    "$VECTORS/make.sh" "$BUILD" made work
    for name in SU-ALPHA-000001 SU-ALPHA-000002 hub.pub site.pub ALPHA.receipt; do
        diff -r "$VECTORS/$name" "made/$name"
    done
    # The receipt of the vectors is one this hub takes, once; with another byte it takes none.
    expect 0 "$SUEXPORT" --home work/hub receipt add "$VECTORS/ALPHA.receipt" --json
    same "$(json '"\(.site) \(.sequence) \(.is_stale)"')" 'ALPHA 2 false' receipt
    expect 0 "$SUEXPORT" --home work/hub receipt add "$VECTORS/ALPHA.receipt" --json
    same "$(json .is_stale)" true 'the same receipt again'
    sed 's/^sequence 2/sequence 1/' "$VECTORS/ALPHA.receipt" > forged
    expect 4 "$SUEXPORT" --home work/hub receipt add forged
}

# Several volumes, files that span them, bundled updates, expired ones: the reader agrees with the programs.
test_reader_on_the_samples() {
    small_hub 1
    small_site
    hub export --site ALPHA --out usb --volume-size 100K > /dev/null
    site import usb > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out usb --volume-size 70000 > /dev/null
    site import usb > /dev/null
    [ -e usb/SU-ALPHA-000001/SU000001.010 ] || fail 'only a few volumes'
    "$READER" --site ALPHA --key hub.pub --tar usb/SU-ALPHA-000001 usb/SU-ALPHA-000002 > read || fail "$(cat read)"
    same "$(sed 's/.* state //' read)" "$(site_digest)" 'state digest'
    for volume in usb/*/SU00000?.???; do
        size=$(wc -c < "$volume")
        [ "$size" -le 102400 ] || fail "$volume has $size bytes"
    done
}
