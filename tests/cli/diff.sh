# diff.sh - where two catalogues differ, found by a few short codes.

# Two hubs whose catalogues differ in one word of one update of many.
two_hubs() {
    "$SMALL/generate" --out pkg --updates 1500 --content-bytes 0 > /dev/null
    pack_cab
    hub init > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    edit pkg/metadata.txt '(lambda r: join([(g, n, t.replace(b"<upd:Title>", b"<upd:Title>Other ", 1) if i == len(r) * 2 // 3 else t) for i, (g, n, t) in enumerate(r)]))(records(d))'
    pack_cab
    mv hub other
    hub init > /dev/null
    hub sync --from pkg/export.cab > /dev/null
}

test_diff_by_telephone() {
    cached two-hubs two_hubs
    [ "$(hub_digest)" != "$("$SUEXPORT" --home other --quiet status --json | jq -r .state_digest)" ] || fail 'equal catalogues'
    # Each side reads out 16 codes; both go to the prefix whose code differs.
    prefix=''
    for exchange in 1 2 3 4 5; do
        for side in hub other; do
            # shellcheck disable=SC2086 # several words
            "$SUEXPORT" --home $side --quiet diff --digest $prefix > $side.text
            # shellcheck disable=SC2086 # several words
            "$SUEXPORT" --home $side --quiet diff --digest $prefix --json > $side.json
        done
        [ "$(jq '.listed | length' hub.json)" = 0 ] || break
        jq -r '.children[] | "\(.prefix) \(.code)"' hub.json > codes
        sed -n 's/^  \([0-9a-f]*\)  \([0-9a-f]\{4\}\)  .*/\1 \2/p' hub.text | diff - codes
        jq -r '.children[] | "\(.prefix) \(.code)"' other.json | diff codes - | sed -n 's/^< \([0-9a-f]*\) .*/\1/p' > differs
        same "$(wc -l < differs)" 1 "differing codes at '$prefix'"
        prefix=$(cat differs)
    done
    [ $exchange -le 4 ] || fail "$exchange exchanges"
    jq -r '.listed[] | "\(.update_id) \(.revision) \(.record_sha256)"' hub.json > here
    jq -r '.listed[] | "\(.update_id) \(.revision) \(.record_sha256)"' other.json | diff here - | sed -n 's/^< \([^ ]* [0-9]*\) .*/\1/p' > found
    sqlite3 -readonly hub/update-point.db "ATTACH 'other/update-point.db' AS o; SELECT u.update_id || ' ' || u.revision FROM main.v_update u JOIN main.revision r USING (rev_id)
        JOIN o.revision s ON s.update_id = r.update_id AND s.revision = r.revision WHERE s.record_sha256 <> r.record_sha256" | diff - found
    same "$(wc -l < found)" 1 'updates found'
    # At once, with a file.
    "$SUEXPORT" --home other --quiet diff --digest --all --json > other.json
    expect 0 hub diff --digest --with other.json --json
    same "$(json '"\(.equal) \(.differing | tostring) \(.other_state_digest)"')" "false [\"$(cut -c 1-2 found)\"] $(jq -r .state_digest other.json)" 'with a file'
    jq . other.json > pretty.json
    expect 0 hub diff --digest --with pretty.json
    says "prefix $(cut -c 1-2 found)" out
    expect 0 hub diff --digest --all --json
    mv out own.json
    expect 0 hub diff --digest --with own.json --json
    same "$(json '"\(.equal) \(.differing | length)"')" 'true 0' 'with itself'
}

# Digests, counts and codes, by another program.
test_diff_codes_are_the_tree() {
    small_hub
    for prefix in '' 0 f 4a; do
        # shellcheck disable=SC2086 # several words
        expect 0 hub diff --digest $prefix --all --json
        python3 -B - "$prefix" << 'END'
import hashlib, json, sqlite3, sys
answer, prefix = json.load(open("out")), sys.argv[1]
rows = sqlite3.connect("file:hub/update-point.db?mode=ro", uri=True).execute("SELECT lower(hex(update_id)), revision, record_sha256 FROM revision ORDER BY 1, 2").fetchall()
node = lambda p: (b"".join(leaf for guid, _, leaf in rows if guid.startswith(p)), sum(guid.startswith(p) for guid, *_ in rows))
digest = lambda data: hashlib.sha256(data).hexdigest() if data else "00" * 32
assert len(answer["children"]) == 16
for i, child in enumerate(answer["children"]):
    data, count = node(prefix + "%x" % i)
    assert (child["prefix"], child["revisions"], child["digest"], child["code"]) == (prefix + "%x" % i, count, digest(data), digest(data)[:4]), child
assert answer["below"] == node(prefix)[1] and answer["revisions"] == len(rows)
assert answer["buckets"] == [digest(node("%02x" % b)[0]) for b in range(256)]
assert answer["state_digest"] == hashlib.sha256(b"SU-STATE 1\n" + b"".join(map(bytes.fromhex, answer["buckets"]))).hexdigest()
want = [r for r in rows if r[0].startswith(prefix)]
have = [(x["update_id"].replace("-", ""), x["revision"], bytes.fromhex(x["record_sha256"])) for x in answer["listed"]]
assert have == (want if len(want) <= 16 else []), (have, want)
END
    done
    same "$(json .state_digest)" "$(hub_digest)" 'the state digest'
}

# What the hub believes a site to hold is what it holds.
test_diff_of_a_site() {
    small_hub
    small_site
    hub site set ALPHA --products 'Fabrikam Server 2022' > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    expect 2 hub diff --digest --site ALPHA
    says '--sequence'
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    expect 0 site diff --digest --all --json
    mv out site.json
    expect 0 hub diff --digest --site ALPHA --with site.json --json
    same "$(json '"\(.equal) \(.sequence)"')" 'true 1' 'after the acknowledged bundle'
    expect 0 hub diff --digest --site ALPHA --sequence 2 --with site.json --json
    same "$(json .equal)" false 'after the next'
    site import stick > /dev/null
    expect 0 site diff --digest --all --json
    mv out site.json
    expect 0 hub diff --digest --site ALPHA --sequence 2 --with site.json --json
    same "$(json .equal)" true 'imported'
    for wrong in 'diff' 'diff --digest xyz' 'diff --digest 00000000000000000000000000000000' 'diff --digest --sequence 1' 'diff --digest --site NOBODY' 'diff --digest --site ALPHA --sequence 9'; do
        # shellcheck disable=SC2086 # several words
        expect 2 hub $wrong
    done
    for edit in 's/"buckets"/"buckets2"/' 's/"buckets":\["/"buckets":["0/' 's/"buckets":\["[0-9a-f]*",/"buckets":[/' 's/\("buckets":\["\)\([0-9a-f]*"\)/\1\2,"\2/' 's/"buckets".*//'; do
        sed "$edit" site.json > bad.json
        ! cmp -s site.json bad.json || fail "$edit changed nothing"
        expect 3 hub diff --digest --with bad.json
        says 'bucket'
    done
}
