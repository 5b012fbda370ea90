# export.sh - what a bundle carries, that it is the same bytes everywhere, and that anybody can check it.

bundle=stick/SU-ALPHA-000001
SERVER_2022=0754d566-3c34-479e-83d9-18f2d1fd5eb4 # a product of the small sample
DESKTOP=89b5c549-fcfe-4628-846d-73ba180b52e6     # a family: Desktop 10 and 11
CRITICAL=e6cf1350-c01b-414d-a61f-263d14d133b4    # a classification
TERMS=d3d4bae6-be18-4538-8ac6-ca2d4c8db5a7       # the update with licence terms

test_plan_writes_nothing() {
    small_hub
    hub_dump > before.dump
    find . | sort | grep -v -x ./before.names > before.names
    tree_sum hub/content > before.content
    expect 0 hub plan --site ALPHA --json
    has_keys . site sequence kind base_digest result_digest bundle volumes bytes updates revisions files manifest_sha256
    same "$(json '"\(.kind) \(.sequence) \(.updates) \(.revisions) \(.files) \(.bundle)"')" 'full 1 41 43 16 null' 'the plan'
    mv out plan.json
    hub_dump | cmp -s - before.dump || fail 'plan changed the database'
    find . | grep -v -x -E '\./(plan\.json|err|before\.content|before\.names)' | sort | diff before.names - || fail 'plan wrote files'
    tree_sum hub/content | cmp -s - before.content || fail 'plan changed the store'
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM export')" 0 'exports in the books'
    # What was planned is what is exported.
    expect 0 hub export --site ALPHA --out stick --json
    for key in kind sequence result_digest updates revisions files new revised expired removed records removals; do
        same "$(json ".$key")" "$(json ".$key" plan.json)" "$key of plan and export"
    done
    expect 0 hub plan --site ALPHA
    says 'nothing written' out
    expect 2 hub plan --site NOWHERE
    expect 2 hub plan
}

test_export_keys() {
    small_hub
    expect 0 hub export --site ALPHA --out stick --json
    has_keys . site sequence kind base_digest result_digest bundle volumes bytes updates revisions files manifest_sha256
    same "$(json '"\(.site) \(.sequence) \(.kind) \(.base_digest) \(.bundle) \(.volumes) \(.updates) \(.revisions) \(.files)"')" \
        'ALPHA 1 full null SU-ALPHA-000001 1 41 43 16' 'the export'
    same "$(json .manifest_sha256)" "$(sha256sum "$bundle/MANIFEST.TXT" | cut -d' ' -f1)" 'the manifest'
    same "$(json .bytes)" "$(cat "$bundle"/* | wc -c)" 'bytes'
    same "$(json .result_digest)" "$(hub_digest)" 'the whole catalogue'
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    base=$(json .result_digest)
    expect 0 hub export --site ALPHA --out stick --json
    same "$(json '"\(.sequence) \(.kind) \(.base_digest) \(.new) \(.revised) \(.expired) \(.removed) \(.files)"')" "2 delta $base 2 2 1 1 1" 'the delta'
    same "$(json .result_digest)" "$(hub_digest)" 'the new catalogue'
    [ "$(cat stick/SU-ALPHA-000002/* | wc -c)" -lt 430000 ] || fail 'a delta as large as its one new file and more'
}

# Only the catalogue, the profile, the key and the sequence decide the bytes.
test_export_reproducible() {
    small_hub
    hub site set ALPHA --products 'Fabrikam Server 2022; Fabrikam Desktop 11' --languages de,fr > /dev/null
    hub export --site ALPHA --out a --volume-size 200K > /dev/null
    mkdir other tree
    # Another machine: the tree in another order, other locale, zone, mask, priority, one processor.
    find "$SMALL/m1/WsusContent" -type f | sort -r | while read -r file; do
        mkdir -p "tree/$(basename "$(dirname "$file")")"
        cp "$file" "tree/$(basename "$(dirname "$file")")"
    done
    one=; command -v taskset > /dev/null && one='taskset 1'
    (cd other && umask 077 && export TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 LANG=C SOURCE_DATE_EPOCH=1 &&
        hub init > /dev/null && cp ../hub/keys/hub-test.* hub/keys &&
        hub sync --from "$SMALL/m1/export.cab" > /dev/null && hub content add ../tree > /dev/null &&
        hub site add ALPHA --languages fr,de --content all > /dev/null &&
        hub site set ALPHA --product 'Fabrikam Desktop 11' --product "$SERVER_2022" > /dev/null &&
        $one nice -n 19 "$SUEXPORT" --home hub --quiet export --site ALPHA --out ../b --volume-size 204800 > /dev/null)
    diff -r a b
    same "$(cd a && find . -printf '%p %m\n' | sort)" "$(cd b && find . -printf '%p %m\n' | sort)" 'names and modes'
    same "$(ls a)" SU-ALPHA-000001 'the bundle'
    # The hub's name is signed: a hub of another name makes another bundle.
    sed -n 3p a/SU-ALPHA-000001/MANIFEST.TXT > out
    says 'hub HUB' out
}

# How many threads work on it decides nothing: volumes that cut files and frames, licences, recovery, a resend.
test_export_same_with_any_threads() {
    small_hub
    for jobs in 1 2 8; do
        cp -R hub hub-$jobs
        "$SUEXPORT" --home hub-$jobs --quiet --jobs $jobs export --site ALPHA --out out-$jobs --volume-size 200K --recovery 20 > /dev/null ||
            fail "export with $jobs threads"
        [ $jobs = 1 ] || diff -r out-1 out-$jobs || fail "$jobs threads make another bundle"
        cmp hub-1/sent/SU-ALPHA-000001/FRAMES hub-$jobs/sent/SU-ALPHA-000001/FRAMES || fail "$jobs threads keep other frames"
    done
    "$SUEXPORT" --home hub-1 --quiet --jobs 8 resend --site ALPHA --out again > /dev/null || fail 'resend'
    diff -r out-1 again || fail 'the resend differs'
}

# Content and metadata fail at the same time: what is said does not depend on which was first.
test_export_tells_content_before_metadata() {
    small_hub
    file=$(find hub/content -type f -size +100k | sort | head -n 1)
    cp --remove-destination "$file" copy && mv -f copy "$file" # not the sample's own file
    sqlite3 hub/update-point.db 'UPDATE document SET packed=zeroblob(length(packed)) WHERE rev_id=(SELECT max(rev_id) FROM document)'
    expect 3 hub export --site ALPHA --out stick
    says 'decompressing'
    printf X | dd of="$file" bs=1 seek=100000 conv=notrunc 2> /dev/null
    for jobs in 1 2 2 2 8; do
        expect 3 hub --jobs $jobs export --site ALPHA --out stick
        says 'has changed since it was adopted'
    done
    truncate -s 50000 "$file"
    expect 3 hub export --site ALPHA --out stick
    says 'has changed since it was adopted'
    [ -z "$(ls stick)" ] || fail 'something was left'
}

# By whatever way a hub came to its catalogue, the full bundle of it is the same.
test_export_independent_of_history() {
    small_hub
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out a > /dev/null
    mkdir direct
    (cd direct && hub init > /dev/null && cp ../hub/keys/hub-test.* hub/keys && hub sync --from "$SMALL/m2/export.cab" > /dev/null &&
        hub content add "$SMALL/m2/WsusContent" > /dev/null && hub site add ALPHA > /dev/null && hub export --site ALPHA --out ../b > /dev/null)
    diff -r a b
}

test_export_genuine_independent_of_history() {
    genuine_hub 2024
    hub export --site ALPHA --out a > /dev/null
    mkdir direct
    (cd direct && hub init > /dev/null && cp ../hub/keys/hub-test.* hub/keys && hub sync --from "$EXPORT_2024" > /dev/null &&
        hub site add ALPHA > /dev/null && hub export --site ALPHA --out ../b > /dev/null)
    diff -r a b
}

# The records of the genuine export take less room than in the LZX cabinet they came in.
test_export_genuine_size() {
    genuine_hub 2024
    hub export --site ALPHA --out stick > /dev/null
    size=$(sed -n 's/^frame [0-9]* //p' "$bundle/MANIFEST.TXT" | tr ',' '\n' | awk -F: '{ sum += $3 } END { print sum }')
    [ "$size" -gt 100000 ] && [ "$size" -lt 676573 ] || fail "metadata takes $size bytes"
    [ "$(cat "$bundle"/* | wc -c)" -lt 676573 ] || fail 'the bundle is larger than the package'
}

# open_volumes DIR: takes all members of a bundle out into ./open and joins the parts.
open_volumes() {
    rm -rf open
    mkdir open
    for volume in "$1"/SU[0-9]*.[0-9]*; do tar -xf "$volume" -C open --exclude SU-HEAD; done
    chmod -R u+w open
    for part in $(find open -name '*.part-0001'); do
        cat "${part%.part-0001}".part-* > "${part%.part-0001}"
        rm "${part%.part-0001}".part-*
    done
}

test_export_volumes() {
    small_hub
    for size in 64K 200K 1M; do
        rm -rf stick
        bytes=$(numfmt --from=iec "$size")
        expect 0 hub export --site ALPHA --out stick --full --volume-size "$size" --json
        same "$(json .volumes)" "$(find stick -name 'SU0*.[0-9]*' | wc -l)" 'volumes'
        [ "$(json .volumes)" -ge $((2900000 / bytes)) ] || fail "only $(json .volumes) volumes of $size"
        dir=stick/$(json .bundle)
        number=0
        for volume in "$dir"/SU[0-9]*.[0-9]*; do
            number=$((number + 1))
            same "${volume##*.}" "$(printf %03d $number)" 'the name of a volume'
            [ "$(stat -c %s "$volume")" -le "$bytes" ] || fail "$volume is larger than $size"
            bsdtar -tf "$volume" > names.bsd
            tar -tf "$volume" > names.gnu
            cmp names.bsd names.gnu
            same "$(head -n 1 names.gnu)" SU-HEAD 'the first member'
            tar -xOf "$volume" SU-HEAD > head.txt
            says "bundle $(json .bundle)" head.txt
            says "volume $number" head.txt
        done
        open_volumes "$dir"
        same "$(find open/content open/licence -type f | wc -l)" 16 'files'
        for file in open/content/* open/licence/*; do
            same "$(sha256sum "$file" | cut -d' ' -f1)" "$(basename "$file")" "the bytes of $file"
        done
        cat open/metadata/*.zst | zstd -dc | head -c 2 > head.txt
        same "$(cat head.txt)" 'R ' 'the first record'
    done
    expect 2 hub export --site ALPHA --out stick --full --volume-size $(($(limit SU_MIN_VOLUME_BYTES) - 1))
    expect 2 hub export --site ALPHA --out stick --full --volume-size huge
    expect 2 hub export --site ALPHA --out stick --full --volume-size 10Q
}

# Names that people give media; a small bundle then is one volume.
test_export_media_names() {
    small_hub
    for size in fat32 dvd5 dvd9 bd25; do
        expect 0 hub export --site ALPHA --out "stick-$size" --full --volume-size $size --json
        same "$(json .volumes)" 1 "volumes on $size"
    done
}

# run_recipe DIR: the commands of VERIFY.txt, literally, each in the bundle's folder; fails when one does.
run_recipe() {
    sed -n 's/^   //p' "$1/VERIFY.txt" > commands
    [ "$(wc -l < commands)" -ge 3 ] && [ "$(wc -l < commands)" -le 6 ] || fail 'not three to six commands'
    while read -r command; do
        (cd "$1" && sh -c "$command") > recipe.log 2>&1 || return 1
    done < commands
}

test_export_recipe() {
    small_hub
    hub key export --name hub-test --out hub.pub
    HUB_PUB=$PWD/hub.pub
    export HUB_PUB
    hub export --site ALPHA --out stick --volume-size 1M > /dev/null
    run_recipe "$bundle" || fail "the recipe fails on a good bundle: $(cat recipe.log)"
    for kind in MANIFEST.TXT VERIFY.txt '*.SIG' '*.001' '*.003'; do
        for at in 0 10 40; do
            rm -rf copy
            cp -R "$bundle" copy
            # shellcheck disable=SC2086 # several words
            flip "$(echo copy/$kind)" $at
            cp "$bundle/VERIFY.txt" good.txt
            ! run_recipe_of good.txt copy || fail "byte $at of $kind flipped and the recipe passes"
        done
    done
    for name in extra.txt .hidden SU000002.001 SU000001.0001 AUTORUN.INF; do
        rm -rf copy
        cp -R "$bundle" copy
        echo hello > "copy/$name"
        ! run_recipe copy || fail "an extra file $name and the recipe passes"
    done
    for name in SU000001.001 SU000001.003 VERIFY.txt MANIFEST.TXT; do
        rm -rf copy
        cp -R "$bundle" copy
        rm "copy/$name"
        ! run_recipe_of good.txt copy || fail "without $name the recipe passes"
    done
    # Another hub's key.
    openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out hub.pub
    ! run_recipe "$bundle" || fail 'the recipe passes with another key'
}
# The reader may take the commands from an untouched copy of VERIFY.txt.
run_recipe_of() { # RECIPE DIR
    sed -n 's/^   //p' "$1" > commands.given
    while read -r command; do
        (cd "$2" && sh -c "$command") > recipe.log 2>&1 || return 1
    done < commands.given
}

# A volume that the manifest does not name is an undeclared file too, whatever its name.
test_export_recipe_extra_volume() {
    small_hub
    hub key export --name hub-test --out hub.pub
    HUB_PUB=$PWD/hub.pub
    export HUB_PUB
    hub export --site ALPHA --out stick > /dev/null
    cp "$bundle/SU000001.001" "$bundle/SU000001.002"
    ! run_recipe "$bundle" || fail 'an undeclared volume and the recipe passes'
}

test_export_overwrites_nothing() {
    small_hub
    mkdir -p "$bundle"
    echo mine > "$bundle/MANIFEST.TXT"
    hub_dump > before.dump
    expect 2 hub export --site ALPHA --out stick
    says 'exists already'
    says '  do: '
    same "$(cat "$bundle/MANIFEST.TXT")" mine 'the file in the way'
    hub_dump | cmp -s - before.dump || fail 'the books changed'
    same "$(ls stick)" SU-ALPHA-000001 'the medium'
    rm -r "$bundle"
    expect 0 hub export --site ALPHA --out stick
}

test_export_needs_key_and_catalogue() {
    hub init > /dev/null
    hub site add ALPHA > /dev/null
    expect 2 hub export --site ALPHA --out stick
    says 'key generate'
    hub key generate --name one > /dev/null
    expect 2 hub export --site ALPHA --out stick
    says 'never synchronized'
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub site set ALPHA --content none > /dev/null
    hub key generate --name two > /dev/null
    hub key generate --name eyes --role reviewer > /dev/null
    expect 2 hub export --site ALPHA --out stick
    expect 2 hub export --site ALPHA --out stick --key three
    expect 2 hub export --site ALPHA --key two
    expect 2 hub export --site BRAVO --out stick --key two
    expect 0 hub export --site ALPHA --out stick --key two
    small_id=$(openssl pkey -pubin -in hub/keys/two.pub -outform DER | sha256sum | cut -c1-8 | tr a-f A-F)
    [ -e "$bundle/$small_id.SIG" ] || fail 'the signature does not bear the key id'
    same "$(stat -c '%a' hub/keys/two.key)" 600 'mode of a private key'
}

test_export_incomplete_closure() {
    need_data "$EXPORT_SELFMADE"
    missing=0aac58ee-82a0-4452-a7fa-19f68398f1fa
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from "$EXPORT_SELFMADE" > /dev/null 2>&1
    hub site add ALPHA --content none > /dev/null
    small_site
    expect 11 hub plan --site ALPHA
    says "$missing" out
    expect 11 hub export --site ALPHA --out stick
    says 'selected '
    says "-> prerequisite $missing"
    says '--allow-incomplete'
    says 'Nothing was written.'
    [ ! -e stick ] || fail 'something was written'
    expect 0 hub export --site ALPHA --out stick --allow-incomplete --json
    same "$(json '.holes | length > 0')" true 'holes in the answer'
    sed -n 's/^hole //p' "$bundle/MANIFEST.TXT" > holes
    python3 "$CHECK/check_closure.py" --open hub/update-point.db > open
    cmp holes open
    says "$missing" holes
    same "$(sed -n 's/^closure .* //p' "$bundle/MANIFEST.TXT")" "$(wc -l < holes)" 'the certificate'
    refused 11 site import stick
    says "$missing"
    refused 11 site plan stick
    expect 11 site verify stick --json
    same "$(json .verdict)" incomplete 'verdict'
    expect 0 site import stick --allow-incomplete
    same "$(site_digest)" "$(hub_digest)" 'digest'
    same "$(site status --json | jq .ReplicationLinkStatus)" 1 'link of an incomplete site'
}

test_export_missing_content() {
    small_hub
    small_site
    sha256=$(sha256sum "$(find "$SMALL/m1/WsusContent" -name '*.msp' | sort | head -n 1)" | cut -d' ' -f1)
    sha1=$(basename "$(find "$SMALL/m1/WsusContent" -name '*.msp' | sort | head -n 1)" .msp | tr A-F a-f)
    # As if it had never been added.
    rm "hub/content/$(echo "$sha256" | cut -c1-2)/$sha256"
    sqlite3 hub/update-point.db "DELETE FROM stored_file WHERE hex(sha256)=upper('$sha256')"
    expect 11 hub export --site ALPHA --out stick
    says "$sha1"
    says 'not in the content store'
    [ ! -e stick ] || fail 'something was written'
    expect 0 hub export --site ALPHA --out stick --allow-incomplete --json
    same "$(json .files)" 15 'files'
    same "$(sed -n 's/^hole //p' "$bundle/MANIFEST.TXT" | cut -d' ' -f1,2)" "content $sha1" 'the hole'
    # The catalogue is whole, only content is owed: no consent needed, but not a plain yes either.
    expect 9 site import stick --json
    same "$(json '"\(.content_owed) \(.state_digest)"')" "1 $(hub_digest)" 'the import'
    same "$(site status --json | jq -r '"\(.content_owed) \(.LastSyncState) \(.ReplicationLinkStatus)"')" '1 6707 1' 'status'
    expect 9 site content verify
    # Found again: the next bundle pays.
    hub content add "$SMALL/m1/WsusContent" > /dev/null
    expect 0 hub export --site ALPHA --out stick --json
    same "$(json '"\(.sequence) \(.kind) \(.files) \(.records)"')" '2 delta 1 0' 'the bundle that pays'
    expect 0 site import stick/SU-ALPHA-000002 --json
    same "$(json .content_owed)" 0 'owed after it'
    expect 0 site content verify
    same "$(site status --json | jq -r '"\(.content_owed) \(.LastSyncState) \(.ReplicationLinkStatus)"')" '0 6702 0' 'status'
}

# 'already imported' says nothing about what is still owed.
test_import_repeated_while_owed() {
    small_hub
    small_site
    hub sync --from "$SMALL/m2/export.cab" > /dev/null # its new file is not added
    hub export --site ALPHA --out stick --allow-incomplete > /dev/null
    expect 9 site import stick
    expect 9 site import stick --json
    same "$(json .content_owed)" 1 'owed'
    same "$(json .already_imported)" true 'repeated'
}

test_export_missing_licence() {
    small_hub
    small_site
    file=$(grep -rl LIZENZ "$SMALL/m1/WsusContent")
    sha256=$(sha256sum "$file" | cut -d' ' -f1)
    rm "hub/content/$(echo "$sha256" | cut -c1-2)/$sha256"
    sqlite3 hub/update-point.db "DELETE FROM stored_file WHERE hex(sha256)=upper('$sha256')"
    expect 11 hub export --site ALPHA --out stick
    says 'licence file license-1-de.txt'
    hub export --site ALPHA --out stick --allow-incomplete > /dev/null
    expect 9 site import stick --json
    same "$(json '"\(.content_owed) \(.licence_owed)"')" '1 1' 'owed'
    same "$(site status --json | jq .LastSyncState)" 6708 'done with licence terms pending'
}

# carried WORDS...: what a site with that profile receives is what the oracle says (FILTERS, one a word).
carried() {
    rm -rf stick site
    hub site set ALPHA --content none --products '' --classifications '' "$@" > /dev/null
    hub export --site ALPHA --out stick --full > /dev/null
    small_site
    expect 0 site import stick --json
    sqlite3 -readonly site/update-point.db 'SELECT DISTINCT update_id FROM v_update ORDER BY 1' > have
    # shellcheck disable=SC2086 # several words
    python3 "$CHECK/check_closure.py" hub/update-point.db $FILTERS > want
    diff want have || fail "what travels for $*"
    same "$(python3 "$CHECK/check_closure.py" --open site/update-point.db)" '' 'open clauses at the site'
    same "$(json .updates)" "$(wc -l < want)" 'updates'
    same "$(json .state_digest)" "$(python3 "$CHECK/check_state.py" site/update-point.db)" 'digest'
}

test_export_selection() {
    small_hub
    FILTERS="product=$SERVER_2022"
    carried --product 'Fabrikam Server 2022'
    cp have by-name
    carried --product "$SERVER_2022"
    cmp have by-name
    carried --products "$(echo "$SERVER_2022" | tr a-f A-F)"
    cmp have by-name
    carried --product 'FABRIKAM server 2022'
    cmp have by-name
    # Its hidden children, through a hidden bundle, are there; other products are not.
    says 5108dbd4-5339-474e-868c-9e0c6d684ef7 have
    says 16f9093c-f127-46e4-85e1-fdc4ddc83084 have
    says 9c722e9d-4700-40c0-8943-df95c82d80cb have
    silent_about bb0a617c-7fe9-4b93-87df-2f72786edc33 have
    FILTERS="product=$DESKTOP"
    carried --product 'Fabrikam Desktop'
    says 77d9821a-daca-4518-8915-981e5ec9cc3e have
    says fc8daadd-40dc-483b-8127-d244bb2fc056 have
    FILTERS="classification=$CRITICAL"
    carried --classification 'Critical Updates'
    FILTERS="product=$SERVER_2022 product=$DESKTOP classification=$CRITICAL"
    carried --products "Fabrikam Server 2022; Fabrikam Desktop" --classifications 'critical updates'
    says 9366ceda-ab27-450f-820f-da4a30b852f2 have
    silent_about 5108dbd4-5339-474e-868c-9e0c6d684ef7 have
    FILTERS=
    carried
    same "$(wc -l < have)" 41 'everything'
}

test_export_selection_genuine() {
    genuine_hub 2024
    id=$(hub products --json | jq -r '[.products[] | select(.title == "Windows Server 2012 R2")][0].update_id')
    FILTERS="product=$id"
    carried --product 'Windows Server 2012 R2'
    [ "$(wc -l < have)" -gt 2 ] || fail 'nothing was selected'
}

test_export_unknown_names() {
    small_hub
    hub_dump > before.dump
    for name in 'Fabrikam Toaster' 01234567-89ab-cdef-0123-456789abcdef; do
        expect 2 hub site set ALPHA --product "$name"
        says "$name"
        expect 2 hub site add BRAVO --classification "$name"
        says "$name"
    done
    # A classification is no product.
    expect 2 hub site set ALPHA --product 'Critical Updates'
    expect 2 hub site set ALPHA --classification 'Fabrikam Desktop 11'
    expect 2 hub site set ALPHA --languages 'de,../../etc'
    expect 2 hub site set ALPHA --content some
    expect 2 hub site set ALPHA --approve KB9999999
    hub_dump | cmp -s - before.dump || fail 'a refused profile was kept'
    same "$(hub site list --json | jq '.sites | length')" 1 'sites'
}

test_export_ambiguous_name() {
    small_package
    edit pkg/metadata.txt '(lambda r: join([(g, n, t.replace(b"Fabrikam Desktop 10<", b"Fabrikam Desktop 11<")) for g, n, t in r]))(records(d))'
    pack_cab
    hub init > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    expect 2 hub site add ALPHA --product 'Fabrikam Desktop 11'
    says bb0a617c-7fe9-4b93-87df-2f72786edc33
    says fc8daadd-40dc-483b-8127-d244bb2fc056
    says 'Use the GUID'
    expect 0 hub site add ALPHA --product fc8daadd-40dc-483b-8127-d244bb2fc056
}

test_export_explain() {
    small_hub
    hub site set ALPHA --product 'Fabrikam Server 2022' > /dev/null
    expect 0 hub explain KB5100032 --site ALPHA
    says 'selected 5108dbd4-5339-474e-868c-9e0c6d684ef7' out
    expect 0 hub explain 05d46e84-25c5-4f9e-8448-360445edaf9e --site ALPHA --json
    json '.chains[0]' | grep -q '^selected .* -> prerequisite 05d46e84-25c5-4f9e-8448-360445edaf9e (Computers with an x64' || fail "$(cat out)"
    expect 2 hub explain KB5100036 --site ALPHA
    says 'does not travel'
    expect 2 hub explain KB1 --site ALPHA
    expect 2 hub explain KB5100036 --site NOWHERE
}

files() { json '"\(.files)"'; }
test_export_content_modes() {
    small_hub
    for mode in none licence all; do
        hub site set ALPHA --content $mode > /dev/null
        expect 0 hub export --site ALPHA --out $mode --full --json
        echo "$mode $(files) $(json '"\(.updates) \(.result_digest)"')"
    done > modes
    digest=$(hub_digest)
    printf 'none 0 41 %s\nlicence 2 41 %s\nall 16 41 %s\n' "$digest" "$digest" "$digest" | diff - modes
    # Approved: the payload of what is approved, through its bundle; licence terms of everything.
    hub site set ALPHA --content approved > /dev/null
    expect 0 hub plan --site ALPHA --full --json
    same "$(files)" 2 'nothing approved yet'
    hub site set ALPHA --approve KB5100032 --approve KB5100040 > /dev/null
    expect 0 hub export --site ALPHA --out approved --full --json
    same "$(files)" 4 'two approved' # part 1 and part 2 share one file
    open_volumes "approved/$(json .bundle)"
    find open/content -type f -exec stat -c %s {} + | sort -n > sizes
    printf '110000\n150000\n' | diff - sizes
    grep '^approved ' "approved/$(json .bundle)/MANIFEST.TXT" | sort > lines
    printf 'approved 5108dbd4-5339-474e-868c-9e0c6d684ef7\napproved b510a86d-99b7-48c2-8db8-efbe4cb6c460\n' | diff - lines
    hub site set ALPHA --unapprove KB5100032 > /dev/null
    expect 0 hub plan --site ALPHA --full --json
    same "$(files)" 3 'one approval taken back'
    # Expired and superseded-by-revision payload does not travel: month 2 expires KB5100038.
    hub site set ALPHA --content all > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    expect 0 hub plan --site ALPHA --full --json
    sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM stored_file' > stored
    [ "$(files)" -lt "$(cat stored)" ] || fail 'files of removed updates travel'
}

test_export_languages() {
    small_package
    # One leaf is for German only, one for all languages, one for French and German.
    edit pkg/metadata.txt '(lambda say, r: join([(g, n, say.get(g, lambda t: t)(t)) for g, n, t in r]))((lambda put: {"2ad376e5-0d78-4dc6-8045-3a3d7d45c919": put("de"), "260de872-6335-4255-82f2-ebd5477e60f3": put("all"), "3a2597b2-c97f-4b82-8eba-315610850b59": put("fr", "de")})(lambda *languages: lambda t: t.replace(b"</upd:Properties>", b"".join(b"<upd:Language>%s</upd:Language>" % x.encode() for x in languages) + b"</upd:Properties>")), records(d))'
    pack_cab
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    hub content add pkg/WsusContent > /dev/null
    hub site add ALPHA > /dev/null
    small_site
    # languages: files of content, licence files
    for languages in '' de fr en ja 'fr,de'; do
        hub site set ALPHA --languages "$languages" > /dev/null
        expect 0 hub export --site ALPHA --out "to-$languages" --full --json
        open_volumes "to-$languages/$(json .bundle)"
        echo "$languages: $(find open/content -type f | wc -l) $(find open/licence -type f | wc -l) $(json .updates)"
    done > counts
    printf ': 14 2 41\nde: 14 2 41\nfr: 13 1 41\nen: 12 1 41\nja: 12 1 41\nfr,de: 14 2 41\n' | diff - counts
    # The site agrees with the certificate.
    expect 0 site import to-fr
    expect 0 site content verify
}

test_export_express() {
    small_package
    edit pkg/metadata.txt 'join([(g, n, t.replace(b"PatchingType=\"SelfContained\"", b"PatchingType=\"Express\"") if b"fabrikam-kb5100021-x64" in t else t) for g, n, t in records(d)])'
    pack_cab
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    hub content add pkg/WsusContent > /dev/null
    hub site add ALPHA > /dev/null
    small_site
    for express in no yes; do
        hub site set ALPHA --express $express > /dev/null
        expect 0 hub export --site ALPHA --out "to-$express" --full --json
        open_volumes "to-$express/$(json .bundle)"
        echo "$express $(find open/content -type f | wc -l) $(find open/content -type f -size 1500000c | wc -l)"
    done > counts
    printf 'no 12 0\nyes 14 1\n' | diff - counts # that document has two files
    # The site knows which it holds; the other choice is refused until it is accepted.
    expect 0 site import to-no
    expect 0 site content verify
    refused 10 site import to-yes
    says 'express yes'
    expect 0 site import to-yes --accept-profile
    expect 0 site content verify
}

test_export_since() {
    small_hub
    small_site
    hub export --site ALPHA --out one > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out two > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    expect 0 hub plan --site ALPHA --since 2 --json
    expect 0 hub export --site ALPHA --out three --since 2 --json
    same "$(sed -n 's/^fits \([0-9]*\) .*/\1/p' three/SU-ALPHA-000003/MANIFEST.TXT)" 2 'fits'
    site import one > /dev/null
    refused 5 site import three
    site import two > /dev/null
    expect 0 site import three
    same "$(site_digest)" "$(hub_digest)" 'digest'
    expect 2 hub export --site ALPHA --out four --since 9
    says 'the last bundle made for ALPHA is 3'
}

# Killed after the books were written and before the folder got its name: the same command, run
# again, still ends with a bundle that the site can use.
test_export_lost_between_books_and_name() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    mv "$bundle" "$bundle.partial"
    expect 0 hub export --site ALPHA --out stick
    site import stick > /dev/null
    same "$(site_digest)" "$(hub_digest)" 'digest'
}

# Approvals change every month; they are not the profile, and nobody has to consent to them.
test_export_approvals_later() {
    small_hub
    small_site
    hub site set ALPHA --content approved > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    expect 0 site import stick
    same "$(find site/content -type f | wc -l)" 2 'files with nothing approved'
    hub site set ALPHA --approve KB5100032 > /dev/null
    expect 0 hub export --site ALPHA --out stick2 --json
    same "$(json '"\(.kind) \(.records) \(.files)"')" 'delta 0 1' 'the approval'
    expect 0 site import stick2
    same "$(find site/content -type f | wc -l)" 3 'files after it'
    expect 0 site content verify
    # Taken back: nothing travels for it, and the next full bundle does without the file.
    hub site set ALPHA --unapprove KB5100032 > /dev/null
    expect 0 hub plan --site ALPHA --full --json
    same "$(json .files)" 2 'files of a full bundle'
}

# A medium that is too small is refused before anything is on it.
test_export_no_space() {
    small_hub
    hub_dump > before
    mkdir tiny
    unshare -rm mount -t tmpfs -o size=1m none tiny 2> /dev/null || skip 'cannot mount here'
    # shellcheck disable=SC2016 # the $ is of another language
    expect 6 unshare -rm sh -c 'mount -t tmpfs -o size=1m none tiny && { "$0" --home hub --quiet export --site ALPHA --out tiny; status=$?; ls -A tiny; exit $status; }' "$SUEXPORT"
    says '  do: '
    [ ! -s out ] || fail "left on the medium: $(cat out)"
    hub_dump | cmp -s - before || fail 'the books changed'
}
