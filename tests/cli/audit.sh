# audit.sh - what the books prove: the chain, refusals, bundles, files, what does not travel, how long it took.

test_audit_ledger() {
    small_hub
    small_site
    printf 'clean\n' > 'scan report.txt'
    "$SUEXPORT" --home hub --quiet --operator Ann --witness Ben --change CHG-1 --scan-report 'scan report.txt' export --site ALPHA --out stick > /dev/null
    "$SUIMPORT" --home site --quiet --operator Cid --witness Dot import stick > /dev/null
    for side in hub site; do
        expect 0 $side audit verify --json
        same "$(json .entries) entries" "$(python3 "$CHECK/check_ledger.py" $side/update-point.db)" "$side"
        head=$(json .head)
        same "$head" "$(sqlite3 -readonly $side/update-point.db 'SELECT hash FROM v_ledger ORDER BY entry DESC LIMIT 1')" 'the head'
        expect 0 $side audit verify --head "$head"
        expect 3 $side audit verify --head "$(printf '%064d' 7)"
        says 'cut off'
    done
    expect 0 hub audit ledger --json --limit 1
    same "$(json '.entries[0] | "\(.operator) \(.witness) \(.change) \(.scan_name) \(.scan_sha256) \(.kind) \(.sequence)"')" \
        "Ann Ben CHG-1 scan report.txt $(sha256sum < 'scan report.txt' | cut -c 1-64) export 1" 'the entry'
    expect 0 hub audit ledger --since 2 --limit 2 --json
    same "$(json '[.entries[].entry] | tostring')" '[2,3]' 'entries from 2 on'
    # The receipt carries the head: a ledger whose end was cut off does not hold it.
    site receipt --out receipt > /dev/null
    head=$(sed -n 's/^ledger .*\([0-9a-f]\{64\}\)$/\1/p' receipt)
    expect 0 site audit verify --head "$head"
    sqlite3 site/update-point.db 'DELETE FROM ledger WHERE entry = (SELECT max(entry) FROM ledger)'
    expect 0 site audit verify
    expect 3 site audit verify --head "$head"
    sqlite3 hub/update-point.db "UPDATE ledger SET witness = 'Mallory' WHERE entry = 4"
    expect 3 hub audit verify --json
    same "$(json '"\(.bad_entry) \(.entries) \(.what) \(.error.id)"')" '4 3 its hash is not that of its columns 7620' 'the bad row'
}

# What was refused stands in the ledger, and nothing else changed; the same again is not said twice.
test_audit_refused() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    hub export --site ALPHA --full --out stick2 > /dev/null
    expect 0 site audit refused
    says 'nothing was refused' out
    cp -R stick bad
    flip bad/SU-ALPHA-000001/SU000001.001 5000
    refused 3 site --operator Eve import bad
    refused 3 site --operator Eve import bad
    expect 0 site audit refused --json
    same "$(json '.entries | length')" 1 'refusals'
    same "$(json '.entries[0] | "\(.operator) \(.site) \(.sequence) \(.subject) \(.detail[0:5])"')" \
        "Eve ALPHA 1 $(sha256sum < bad/SU-ALPHA-000001/MANIFEST.TXT | cut -c 1-64) 7304 " 'the refusal'
    # Unverified facts are marked as claims.
    flip bad/SU-ALPHA-000001/MANIFEST.TXT 700
    refused 4 site import bad
    expect 0 site audit refused --json --limit 1
    same "$(json '.entries[0] | "\(.site)|\(.sequence)|\(.detail | test("^7301 .*; claims SU-ALPHA-000001$"))"')" '|0|true' 'claims'
    site import stick2 > /dev/null
    site undo > /dev/null
    # verify and plan are no attempts.
    before=$(site audit ledger --json | jq '.entries | length')
    expect 4 site verify bad
    expect 4 site plan bad
    same "$(site audit ledger --json | jq '.entries | length')" "$before" 'entries after verify and plan'
    # At the hub: a receipt of nobody, an export without room.
    printf 'SU-RECEIPT\n' > receipt
    expect 4 hub receipt add receipt
    expect 0 hub audit refused --json
    same "$(json '.entries[0] | "\(.kind) \(.subject)"')" "refuse $(sha256sum < receipt | cut -c 1-64)" 'the receipt'
    expect 2 hub export --site NOWHERE --out x
    expect 0 hub audit refused --json
    same "$(json '.entries | length') $(json '.entries[0].site')" '2 NOWHERE' 'the export'
    expect 2 hub export
    same "$(hub audit refused --json | jq '.entries | length')" 2 'a wrong command line is no refusal'
    expect 0 hub audit verify
    expect 0 site audit verify
}

test_audit_bundle() {
    small_hub
    small_site
    "$SUEXPORT" --home hub --quiet --operator Ann export --site ALPHA --out stick > /dev/null
    "$SUIMPORT" --home site --quiet --operator Cid --witness Dot import stick > /dev/null
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    site undo > /dev/null
    manifest=$(sha256sum < stick/SU-ALPHA-000001/MANIFEST.TXT | cut -c 1-64)
    expect 0 hub audit bundle 1 --site ALPHA --json
    same "$(json '"\(.site) \(.sequence) \(.exports[0].manifest_sha256) \([.entries[].kind] | join(",")) \(.receipts[0].kind)"')" "ALPHA 1 $manifest export,receipt file" 'the hub'
    expect 0 hub audit bundle SU-ALPHA-000001
    says 'by Ann' out
    expect 0 site audit bundle 1 --json
    same "$(json '"\(.imports[0].manifest_sha256) \(.imports[0].undone) \([.entries[].kind] | join(","))"')" "$manifest true import,undo" 'the site'
    fingerprint=$(hub key list --json | jq -r '.keys[0].fingerprint')
    same "$(json '.entries[0].detail | sub("; (not )?confined.*"; "")')" "SU-ALPHA-000001; signed hub-test (exporter) $fingerprint" 'who signed'
    same "$(json '.entries[0] | "\(.operator) \(.witness)"')" 'Cid Dot' 'who imported'
    expect 2 site audit bundle 9
    expect 2 hub audit bundle 1
    expect 2 hub audit bundle SU-ALPHA-x
}

test_audit_file() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    file=$(find site/content -type f -size +100k | sort | head -n 1)
    sha256=$(basename "$file")
    sha1=$(sha1sum < "$file" | cut -c 1-40)
    for word in "$sha256" "$sha1"; do
        expect 0 site audit file "$word" --json
        same "$(json '.files[0] | "\(.verdict) \(.sha1) \(.sha256) \(.read_sha256) \(.read_sha1) \(.bytes) \(.bundle)"')" \
            "good $sha1 $sha256 $sha256 $sha1 $(stat -c %s "$file") SU-ALPHA-000001" 'the file'
    done
    name=$(json '.files[0].name')
    id=$(json '.files[0].update_id')
    for word in "$name" "$id"; do
        expect 0 site audit file "$word" --json
        same "$(json "[.files[] | select(.sha1 == \"$sha1\")][0].verdict")" good "by $word"
    done
    expect 0 site audit file "$sha1"
    says 'came with    SU-ALPHA-000001' out
    expect 0 hub audit file "$sha1" --json
    same "$(json '.files[0] | "\(.verdict) \(.bundle)"')" 'good null' 'the hub adopted it'
    chmod u+w "$file"
    flip "$file" 1000
    expect 3 site audit file "$sha1" --json
    same "$(json '.files[0] | "\(.verdict) \(.read_sha256)"')" "wrong $(sha256sum < "$file" | cut -c 1-64)" 'a changed file'
    rm -f "$file"
    expect 9 site audit file "$sha1" --json
    same "$(json '.files[0].verdict')" missing 'a lost file'
    expect 2 site audit file nothing.cab
}

# Every update is on one side: what the plan carries, or the list of the excluded with one reason.
test_audit_excluded() {
    small_hub
    hub site set ALPHA --products 'Fabrikam Server 2022' --classifications 'Security Updates; Critical Updates' > /dev/null
    expect 0 hub audit excluded --site ALPHA --json
    sqlite3 -readonly hub/update-point.db "SELECT update_id FROM v_update WHERE type IN ('Software', 'Driver') AND is_latest ORDER BY 1" > all
    json '.excluded[].update_id' | sort > excluded
    same "$(json '.counts | "\(.travel + .product + .classification + .both + .not_needed)"')" "$(wc -l < all)" 'all are counted'
    [ -s excluded ] || fail 'nothing is excluded'
    same "$(json '[.counts.product, .counts.classification, .counts.both] | map(. > 0) | tostring')" '[true,true,true]' 'reasons'
    cp out answer
    hub export --site ALPHA --out stick > /dev/null
    small_site
    site import stick > /dev/null
    sqlite3 -readonly site/update-point.db "SELECT update_id FROM v_update WHERE type IN ('Software', 'Driver') AND is_latest ORDER BY 1" > held
    sort held excluded | diff - all
    # The reasons, from the relations themselves.
    product=$(hub products --json | jq -r '.products[] | select(.title == "Fabrikam Server 2022").update_id' | tr -d -)
    jq -r '.excluded[] | select(.reason == "product not chosen").update_id' answer | while read -r id; do
        same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM prerequisite p JOIN v_update v USING (rev_id) WHERE v.update_id = '$id' AND is_latest AND hex(p.target) = upper('$product')")" 0 "$id"
    done
    expect 0 hub audit excluded --site ALPHA --since 2100-01-01 --json
    same "$(json '.excluded | length')" 0 'a date to come'
    expect 2 hub audit excluded --site ALPHA --since yesterday
    expect 2 hub audit excluded
}

test_audit_latency() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    arrived=$(site history --json | jq -r '.history[0].finished')
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    faketime -f '+40d' "$SUIMPORT" --home site --quiet import stick > /dev/null
    for undone in no yes; do
        [ $undone = no ] || { site undo > /dev/null && faketime -f '+90d' "$SUIMPORT" --home site --quiet import stick > /dev/null; }
        expect 0 site audit latency --json
        same "$(json .count)" "$(sqlite3 -readonly site/update-point.db "SELECT count(*) FROM v_update WHERE type = 'Software' AND is_latest")" 'counted'
        python3 -B - "$arrived" << 'END'
import datetime, json, re, sys
answer = json.load(open("out"))
time = lambda text: datetime.datetime.fromisoformat(re.sub(r"\.[0-9]+", "", text).replace("Z", "+00:00"))
for u in answer["updates"]:
    made = time(u["created"])
    if made.tzinfo is None: made = made.replace(tzinfo=datetime.timezone.utc)
    assert int((time(u["arrived"]) - made).total_seconds() / 86400) == u["days"], u
days = sorted(u["days"] for u in answer["updates"])
assert answer["worst_days"] == days[-1] and answer["median_days"] == days[(len(days) - 1) // 2], days
first = [u for u in answer["updates"] if u["arrived"] == sys.argv[1]]
assert 0 < len(first) < len(days), (len(first), len(days))
END
        [ $undone = yes ] || json '[.updates[] | select(.arrived == "'"$arrived"'")] | length' > first
    done
    same "$(json '[.updates[] | select(.arrived == "'"$arrived"'")] | length')" "$(cat first)" 'what came first, after an undo and another import'
    expect 0 site audit latency --since 2100-01-01 --json
    same "$(json .count)" 0 'a date to come'
}

test_audit_receipts() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    expect 0 hub audit receipts --json
    json '.receipts[0].text' > text
    cmp text receipt || [ "$(cat text)" = "$(cat receipt)" ] || fail 'other bytes'
    same "$(json '.receipts[0] | "\(.site) \(.sequence) \(.kind)"')" 'ALPHA 1 file' 'the receipt'
    expect 0 hub audit receipts --site BRAVO --json
    same "$(json '.receipts | length')" 0 'of another site'
}
