# sites.sh - many sites: one medium with one pool of content, child sites, the table of all.

# ALPHA, BRAVO and CHARLIE at one hub, each with a home that trusts it; BRAVO takes less.
three_sites() {
    small_hub
    hub site add BRAVO --product 'Fabrikam Server 2022' > /dev/null
    hub site add CHARLIE --content none > /dev/null
    hub key export --name hub-test > hub.pub
    for code in ALPHA BRAVO CHARLIE; do
        "$SUIMPORT" --home "$code" --quiet init --site $code > /dev/null
        "$SUIMPORT" --home "$code" --quiet trust add hub.pub > /dev/null
        hub site set $code --key "$code/keys/site.enrol" > /dev/null
    done
}
at() { _code=$1; shift; "$SUIMPORT" --home "$_code" --quiet "$@"; }
pool_files() { (cd "$1" && find SU-POOL -name '*.DAT' | sort); }
# What VERIFY.txt's second step says.
recipe_two() { (cd "$1" && grep -E '^[0-9a-f]{64}  ' MANIFEST.TXT | sha256sum --strict --quiet -c -); }

test_all_due() {
    three_sites
    expect 0 hub export --all-due --out disk --json
    same "$(json '.sites[] | "\(.site) \(.sequence) \(.kind)"' | paste -sd,)" 'ALPHA 1 full,BRAVO 1 full,CHARLIE 1 full' 'the sites, in order'
    same "$(json '"\(.bundles) \(.failed)"')" '3 0' 'the sums'
    # Each file once, under its digest, and nothing of it in the volumes.
    same "$(pool_files disk | wc -l | tr -d ' ')" "$(json '.sites[0].pool_files')" 'files in the pool'
    for file in $(pool_files disk); do
        sum=$(sha256sum "disk/$file" | cut -c1-10 | tr a-f A-F)
        same "$file" "SU-POOL/$(echo "$sum" | cut -c1-2)/$(echo "$sum" | cut -c3-10).DAT" 'its name'
    done
    same "$(json .pool_written)" "$(cat disk/SU-POOL/*/*.DAT | wc -c | tr -d ' ')" 'bytes written'
    [ "$(json .pool_bytes)" -gt "$(json .pool_written)" ] || fail 'nothing was shared'
    for bundle in disk/SU-*-000001; do
        recipe_two "$bundle"
        same "$(tar -tf "$bundle"/SU000001.001 | grep -c '^content/\|^licence/' || true)" 0 "$bundle: content in a volume"
    done
    # Each site takes its own; the pool is no bundle.
    for code in ALPHA BRAVO CHARLIE; do
        expect 0 at $code verify disk
        expect 0 at $code plan disk
        expect 0 at $code import disk --json
        same "$(json .state_digest)" "$(sed -n 's/^result //p' disk/SU-$code-000001/MANIFEST.TXT)" "$code"
        expect 0 at $code content verify
        at $code receipt --out $code.receipt > /dev/null
        hub receipt add $code.receipt > /dev/null
    done
    expect 10 at BRAVO import disk/SU-ALPHA-000001
    says 'is for site ALPHA, this is BRAVO'
    # The same again: nothing due. Then one update more: delta bundles beside the old ones.
    expect 0 hub export --all-due --out disk --json
    same "$(json '[.sites[].kind] | unique | join(" ")')" none 'nothing due'
    expect 0 hub export --all-due --out disk
    same "$(grep -c 'nothing due' out)" 3 'lines'
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    expect 0 hub export --all-due --out disk --read-back
    says 'ALPHA            seq 2  +2' out
    for code in ALPHA BRAVO CHARLIE; do expect 0 at $code import disk; done
    expect 0 at ALPHA content verify
    # A bundle out without its receipt is no reason for another one.
    expect 0 hub export --all-due --out disk --json
    same "$(json .bundles)" 0 'nothing new'
}

test_all_due_separate() {
    three_sites
    expect 0 hub export --all-due --separate --out disk --json
    [ ! -e disk/SU-POOL ] || fail 'a pool was made'
    same "$(json '"\(.bundles) \(.pool_bytes)"')" '3 0' 'the sums'
    # Word for word what each site's own export gives.
    small=$(pwd)/disk
    mkdir again
    (cd again && small_hub && cp ../hub/keys/hub-test.* hub/keys && hub export --site ALPHA --out one > /dev/null && diff -r one/SU-ALPHA-000001 "$small/SU-ALPHA-000001")
    expect 0 at ALPHA import disk
    expect 2 hub export --all-due --separate --pool --out disk
    expect 2 hub export --all-due --site ALPHA --out disk
    expect 2 hub export --site ALPHA --full --pool --recovery 10 --out disk
    says 'Give --separate'
}

# One site that cannot be served does not stop the others, and decides the status.
test_all_due_one_fails() {
    three_sites
    hub export --site BRAVO --out other > /dev/null
    mkdir -p disk/SU-ALPHA-000001
    expect 2 hub export --all-due --out disk --json
    same "$(json '.sites[] | "\(.site) \(.exit_status) \(.kind)"' | paste -sd,)" 'ALPHA 2 null,BRAVO null none,CHARLIE null full' 'the sites'
    same "$(json '"\(.bundles) \(.failed) \(.error.exit_status)"')" '1 1 2' 'the sums'
    says '1 of 3 sites failed, the worst: disk/SU-ALPHA-000001 exists already'
    says 'The bundles of the other sites were made.'
    expect 0 at CHARLIE import disk
}

test_pool_of_one_site() {
    small_hub
    small_site
    # Larger than a volume: FAT could not hold it, so it goes into volumes.
    expect 0 hub export --site ALPHA --out stick --pool --volume-size 100K --json
    pooled=$(grep -c ' pool$' stick/SU-ALPHA-000001/MANIFEST.TXT)
    same "$(json .pool_files)" "$pooled" 'files in the pool'
    [ "$pooled" -gt 0 ] && [ "$pooled" -lt "$(json .files)" ] || fail "$pooled of $(json .files) files in the pool"
    [ "$(find stick/SU-POOL -size +102400c | wc -l)" = 0 ] || fail 'a file too large for the medium'
    recipe_two stick/SU-ALPHA-000001
    expect 0 site import stick/SU-ALPHA-000001
    expect 0 site content verify
}

# A lost medium is made again with its pool; what lies in the pool already stays.
test_pool_resent() {
    small_hub
    hub export --site ALPHA --out stick --pool > /dev/null
    expect 0 hub resend --site ALPHA --out again --json
    diff -r again stick
    rm -rf again/SU-ALPHA-000001
    some=again/$(pool_files again | head -n 1)
    rm "$some"
    expect 0 hub resend --site ALPHA --out again
    diff -r again stick
    rm -rf again/SU-ALPHA-000001
    echo other > "$some"
    expect 2 hub resend --site ALPHA --out again
    says "$some is another file"
    [ ! -e again/SU-ALPHA-000001 ] || fail 'a bundle without its content'
    # single volumes go to where the rest lies
    expect 0 hub resend --site ALPHA --volume 1 --out one
    [ ! -e one/SU-POOL ] || fail 'a pool was made'
}

# Every pooled file, spoilt in turn: named, and nothing is imported.
test_pool_damaged() {
    small_hub
    small_site
    hub export --site ALPHA --out stick --pool > /dev/null
    for file in $(pool_files stick); do
        cp "stick/$file" kept
        flip "stick/$file" 10
        expect 3 site verify stick --json
        same "$(json '.bad[] | "\(.volume) \(.reason)"')" "0 pool file $file differs" 'the bad place'
        expect 3 site verify stick
        says "pool file $file differs"
        cp kept "stick/$file"
    done
    flip "stick/$file" 10
    refused 3 site import stick
    says "pool file $file differs"
    refused 3 site plan stick
    head -c 5 kept > "stick/$file"
    refused 3 site import stick
    says 'has not the size'
    rm "stick/$file"
    refused 3 site import stick
    says "pool file $file is absent"
    # A link leads nowhere, at any step of the path.
    ln -s "$PWD/kept" "stick/$file"
    refused 3 site import stick
    rm "stick/$file" && cp kept "stick/$file"
    mv stick/SU-POOL elsewhere
    ln -s ../elsewhere stick/SU-POOL
    refused 3 site import stick
    rm stick/SU-POOL && mv elsewhere stick/SU-POOL
    expect 0 site verify stick
    # The metadata can land without it; the same stick, mended, pays the debt.
    flip "stick/$file" 10
    expect 9 site import stick --allow-partial-content --json
    same "$(json .content_owed)" 1 'owed'
    cp kept "stick/$file"
    expect 0 site import stick
    expect 0 site content verify
}

# What lies in the pool under a name is believed by its bytes alone.
test_pool_name_taken() {
    small_hub
    small_site
    hub export --site ALPHA --out first --pool > /dev/null
    mkdir -p "stick/$(dirname "$(pool_files first | head -n 1)")"
    taken=$(pool_files first | head -n 1)
    echo 'something else' > "stick/$taken"
    expect 0 hub export --site ALPHA --full --out stick --pool --json
    same "$(json .pool_files)" "$(($(pool_files first | wc -l) - 1))" 'all but one in the pool'
    same "$(cat "stick/$taken")" 'something else' 'what lay there'
    expect 0 site import stick
    expect 0 site content verify
    # A stored file that changed since it was adopted is not carried.
    file=$(find hub/content -type f -size +10k | head -n 1)
    cp "$file" copy && mv -f copy "$file" # it is a link into the sample
    flip "$file" 0
    expect 3 hub export --site ALPHA --full --out new --pool
    says 'changed since it was adopted'
    same "$(ls new | grep -v '^SU-POOL$' || true)" '' 'no bundle'
}

# A bundle for ALPHA may be relayed to NORTH, which keeps ALPHA's chain.
test_child_site() {
    small_hub
    small_site
    hub site set ALPHA --child NORTH --child EAST > /dev/null
    same "$(hub site show ALPHA --json | jq -r '.children | join(" ")')" 'EAST NORTH' 'children'
    hub export --site ALPHA --out stick > /dev/null
    same "$(sed -n 's/^also //p' stick/SU-ALPHA-000001/MANIFEST.TXT | paste -sd' ')" 'EAST NORTH' 'signed'
    hub site set ALPHA --no-child EAST > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub site add BRAVO > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    hub export --site BRAVO --out stick > /dev/null
    for code in NORTH EAST WEST; do
        at $code init --site $code > /dev/null
        at $code trust add hub.pub > /dev/null
    done
    expect 0 at NORTH import stick # both, in order; BRAVO's is left
    same "$(at NORTH status --json | jq -r '"\(.SiteCode) \(.last_sequence) \(.state_digest)"')" "NORTH 2 $(hub_digest)" 'the child'
    same "$(sqlite3 -readonly NORTH/update-point.db "SELECT group_concat(bundle, ' ') FROM import")" 'SU-ALPHA-000001 SU-ALPHA-000002' 'the chain of its parent'
    expect 0 at EAST import stick/SU-ALPHA-000001
    expect 10 at EAST import stick/SU-ALPHA-000002
    says 'SU-ALPHA-000002 is for site ALPHA and may be relayed to NORTH, this is EAST'
    expect 10 at WEST verify stick/SU-ALPHA-000001 --json
    same "$(json .verdict)" wrong-site 'verdict'
    # A child's receipt is for people at the parent; the hub never sent it anything.
    at NORTH receipt --out north > /dev/null
    expect 2 hub receipt add north
    expect 2 hub site set ALPHA --child ALPHA
    expect 2 hub site set ALPHA --child north
}

test_status_table() {
    three_sites
    hub site set BRAVO --languages de,fr > /dev/null
    hub export --site ALPHA --out a > /dev/null
    at ALPHA import a > /dev/null
    hub receipt add "$(at ALPHA receipt --code)" > /dev/null
    hub export --site BRAVO --out b > /dev/null
    expect 0 hub status
    sed -n '/^SITE/,/^site /p' out | grep -v '^site ' > table
    cat > want <<'EOF'
SITE             LAST SENT  ACKED  PENDING  LINK      AGE     PROFILE
ALPHA                    1      1        0  healthy   0 d     all
BRAVO                    1      0        1  degraded  0 d     1 product/de,fr/all
CHARLIE                  0      0        0  healthy   -       none
EOF
    diff want table
    expect 0 hub status --json
    for key in code last_sent acknowledged pending link age_days promise_days content_owed; do
        jq -e ".sites[0] | has(\"$key\")" out > /dev/null || fail "no key $key"
    done
    same "$(json '.sites[] | "\(.code) \(.last_sent) \(.acknowledged) \(.pending) \(.link) \(.age_days)"' | paste -sd,)" \
        'ALPHA 1 1 0 healthy 0,BRAVO 1 0 1 degraded 0,CHARLIE 0 0 0 healthy null' 'the table'
}

# Products that the vendor went on with under another name. A profile that would get nothing new any more says so.
test_successors() {
    genuine_hub 2024
    expect 0 hub site add BRAVO --product a3c2375d-0c8a-42f9-bce0-28333e198407 --json
    same "$(json '.successors | map("\(.product) > \(.successor) \(.update_id)") | join("; ")')" 'Windows 10 > Windows 10, version 1903 and later b3c75dc1-155f-4be4-b015-3f1a91758e52' 'a successor'
    hub site show BRAVO > out
    says 'Windows 10 goes on as Windows 10, version 1903 and later (b3c75dc1-155f-4be4-b015-3f1a91758e52), which this profile does not take' out
    # Both are there, or the family, or nothing is chosen: then all is well.
    family=6964aab4-c5b5-43bd-a17d-ffb4346a8e1d
    same "$(sqlite3 -readonly hub/update-point.db "SELECT category_type||' '||title FROM v_update WHERE update_id='$family' AND is_latest")" 'ProductFamily Windows' 'the family'
    for chosen in 'a3c2375d-0c8a-42f9-bce0-28333e198407;b3c75dc1-155f-4be4-b015-3f1a91758e52' "a3c2375d-0c8a-42f9-bce0-28333e198407;$family" b3c75dc1-155f-4be4-b015-3f1a91758e52 ''; do
        expect 0 hub site set BRAVO --products "$chosen" --json
        same "$(json '.successors | length')" 0 "successors of '$chosen'"
    done
    # What the hub does not hold is no advice.
    expect 0 hub site set BRAVO --products a3c2375d-0c8a-42f9-bce0-28333e198407 --json
    same "$(json '.successors | length')" 1 'once more'
    sqlite3 hub/update-point.db "DELETE FROM revision WHERE update_id=x'b3c75dc1155f4be4b0153f1a91758e52'" 2> /dev/null ||
        sqlite3 hub/update-point.db "PRAGMA foreign_keys=OFF; DELETE FROM revision WHERE update_id=x'b3c75dc1155f4be4b0153f1a91758e52'"
    expect 0 hub site show BRAVO --json
    same "$(json '.successors | length')" 0 'a successor that is not held'
}
