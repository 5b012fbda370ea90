# catalog_import.sh - single updates by UpdateID from an upstream server, whatever is chosen of it.

packages() { for _month in 1 2; do "$SMALL/generate" --out "p$_month" --month "$_month" --small > /dev/null; done; }
# months: homes m1 and m2 that hold the packages whole, to ask and to compare with.
months() {
    for _month in 1 2; do
        "$SUEXPORT" --home "m$_month" init > /dev/null
        "$SUEXPORT" --home "m$_month" --quiet sync --from "$SMALL/m$_month/export.cab" > /dev/null
    done
}
ask() { sqlite3 -readonly "$1/update-point.db" "$2"; } # HOME SQL
GUID="lower(substr(hex(update_id),1,8)||'-'||substr(hex(update_id),9,4)||'-'||substr(hex(update_id),13,4)||'-'||substr(hex(update_id),17,4)||'-'||substr(hex(update_id),21))"
held() { ask "${2:-hub}" "SELECT r.origin || ' ' || r.revision || ' ' || hex(r.doc_sha256) FROM revision r WHERE $GUID='$1' ORDER BY revision"; }
import() { hub catalog import --from "$UP" "$@"; }
server_hub() { # a hub that knows a server and has chosen nothing of it
    packages
    months
    upstream p1 p2 "$@"
    hub init > /dev/null
    hub sync --from "$UP" > /dev/null
}

# An update that bundles others comes with them, as the catalogue's, is pinned, and is what the package holds.
test_import_by_id_brings_what_it_needs() {
    server_hub --children by-id
    id=$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=2 AND deployable AND rev_id IN (SELECT rev_id FROM bundled) ORDER BY 1 LIMIT 1")
    [ -z "$(held "$id")" ] || fail 'it is held before'
    expect 0 import --update-ids "$id" --json
    has_keys . source new updates revisions state_digest imported open_prerequisites
    same "$(json '.imported | map("\(.update_id) \(.held)") | join(",")')" "$id true" 'answer'
    same "$(held "$id")" "$(ask m1 "SELECT '1 ' || max(revision) || ' ' || hex(doc_sha256) FROM revision WHERE $GUID='$id'")" 'the document'
    same "$(ask hub "SELECT count(*) FROM bundled b WHERE NOT EXISTS (SELECT 1 FROM revision r WHERE r.update_id=b.target AND r.revision=b.target_revision)")" 0 'children missing'
    [ "$(ask hub 'SELECT count(*) FROM revision JOIN info USING (rev_id) WHERE type=2 AND origin=1')" -gt 1 ] || fail 'no child came'
    same "$(ask hub 'SELECT count(*) FROM revision JOIN info USING (rev_id) WHERE type>1 AND origin<>1')" 0 'others came too'
    same "$(hub pin list --json | jq -r '.pins | map("\(.update_id) \(.reason)") | join(",")')" "$id catalogue" 'the pin'
    # Again: nothing to do, nothing changes.
    state=$(hub_digest)
    expect 0 import --update-ids "$id" --json
    same "$(json '"\(.new) \(.revised) \(.state_digest)"')" "0 0 $state" 'again'
}

# A server may leave out the call that tells revisions: then customary ones are tried, for the update and for whatever
# it needs; one that counts otherwise is not found, and what lacks it is told.
test_import_by_id_guesses_revisions() {
    packages
    months
    upstream p1 p2 --children by-id
    id=$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=2 AND deployable AND rev_id IN (SELECT rev_id FROM bundled) ORDER BY 1 LIMIT 1")
    told=faults=none
    untold=fault=InvalidParameters@GetRelatedRevisionsForUpdates:1%2b
    new_hub() { # ORDER
        rm -rf hub
        hub init > /dev/null
        hub source add "$UP" > /dev/null
        control "$1"
        : > upstream.log
    }
    result() { json '"\(.new) \(.state_digest) \(.open_prerequisites) \(.imported[0].held)"'; }
    asked() { grep -c operation=GetUpdateData upstream.log; }
    new_hub $told
    expect 0 import --update-ids "$id" --json
    want=$(result)
    calls=$(asked)
    same "$(json .open_prerequisites)" 0 'told: nothing open'
    new_hub $untold
    expect 0 import --update-ids "$id" --json
    same "$(result)" "$want" 'guessed'
    [ "$(asked)" -gt "$calls" ] || fail 'nothing was tried'
    # A prerequisite of another revision than those tried.
    id=$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=2 AND deployable AND revision BETWEEN 200 AND 205 AND rev_id IN
        (SELECT p.rev_id FROM prerequisite p JOIN revision t ON t.update_id=p.target WHERE t.revision NOT BETWEEN 200 AND 205 AND t.revision NOT BETWEEN 100 AND 105) ORDER BY 1 LIMIT 1")
    [ -n "$id" ] || fail 'the sample has none'
    new_hub $told
    expect 0 import --update-ids "$id" --json
    same "$(json .open_prerequisites)" 0 'told'
    new_hub $untold
    expect 0 import --update-ids "$id" --json
    [ "$(json .open_prerequisites)" -gt 0 ] || fail 'what is not found is not told'
    # Of the update itself nothing is found when it counts otherwise.
    id=$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=0 GROUP BY update_id HAVING max(revision)=208 ORDER BY 1 LIMIT 1")
    expect 11 import --update-ids "$id" --json
}

# It travels to a site that chose something else, and only in ordinary ways.
test_import_by_id_travels() {
    server_hub
    id=$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=2 AND deployable AND rev_id NOT IN (SELECT rev_id FROM file) AND rev_id NOT IN (SELECT rev_id FROM bundled)
        UNION SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=2 AND deployable ORDER BY 1 LIMIT 1")
    import --update-ids "$id" > /dev/null
    hub key generate --name hub-test > /dev/null
    hub site add ALPHA --content none --classification 'Drivers' > /dev/null
    small_site
    expect 0 hub export --site ALPHA --out stick
    expect 0 site import stick
    same "$(held "$id" site)" "$(held "$id")" 'at the site'
}

# A synchronization from elsewhere that does not have it leaves it; a server's newer revision of it comes by itself.
test_import_by_id_stays_and_is_followed() {
    server_hub
    gone=$(ask m1 "ATTACH 'm2/update-point.db' AS n; SELECT $GUID FROM main.revision WHERE update_id NOT IN (SELECT update_id FROM n.revision) LIMIT 1")
    revised=$(ask m1 "ATTACH 'm2/update-point.db' AS n; SELECT $GUID FROM main.revision r JOIN main.info i USING (rev_id) WHERE i.type=2 AND r.origin=0 AND
        (SELECT max(revision) FROM n.revision x WHERE x.update_id=r.update_id) > (SELECT max(revision) FROM main.revision x WHERE x.update_id=r.update_id) LIMIT 1")
    [ -n "$gone" ] && [ -n "$revised" ] || fail 'the months do not differ as they should'
    expect 0 import --update-ids "$gone" "$revised"
    before=$(held "$gone")
    control month=2
    expect 0 hub sync --from "$UP"
    same "$(held "$revised" | tail -n 1)" "$(ask m2 "SELECT '1 ' || revision || ' ' || hex(doc_sha256) FROM revision WHERE $GUID='$revised' ORDER BY revision DESC LIMIT 1")" 'the new revision'
    expect 0 hub sync --from "$UP" --full
    same "$(held "$gone")" "$before" 'after a full one from the server'
    expect 0 hub sync --from "$SMALL/m2/export.cab"
    same "$(held "$gone")" "$before" 'after a package without it'
    same "$(held "$revised" | cut -d ' ' -f 1 | sort -u)" 1 'its origin, after a package that has it'
    [ "$(ask hub "SELECT group_concat(DISTINCT origin) FROM revision WHERE $GUID NOT IN ('$gone', '$revised')")" != 1 ] || fail 'everything is an import'
}

# A list as the vendor's script takes it. One that the server does not know does not keep the others out.
test_import_by_list() {
    server_hub
    ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=2 AND deployable GROUP BY update_id ORDER BY 1 LIMIT 3" > ids
    { printf '\357\273\277# for the ward\r\n\r\n'; sed 's/.*/  {&}\r/' ids; head -n 1 ids | tr a-f A-F; printf '00000000-0000-4000-8000-000000000000'; } > list.txt
    expect 11 import --update-ids list.txt --json
    same "$(json '[.imported[] | .held] | map(tostring) | join(" ")')" 'true true true false' 'what is held'
    same "$(json .error.id)" 7147 'message'
    says 'The others are imported.'
    while read -r id; do [ -n "$(held "$id")" ] || fail "$id is not held"; done < ids
    hub_dump > before
    printf '%s\nKB4012345\n' "$(head -n 1 ids)" > bad.txt
    expect 2 import --update-ids bad.txt
    says 'bad.txt: line 2 is no UpdateID: KB4012345'
    expect 1 import --update-ids nothing.txt
    expect 11 import --update-ids 00000000-0000-4000-8000-000000000000
    says 'Nothing was imported.'
    hub_dump | cmp -s - before || fail 'a refused import changed the catalogue'
    most=$(limit SU_MAX_IMPORT_IDS)
    seq -f '00000000-0000-4000-8000-%012.0f' "$most" > many.txt
    echo KB4012345 >> many.txt # all before it are taken
    expect 2 import --update-ids many.txt
    says "many.txt: line $((most + 1)) is no UpdateID"
    seq -f '00000000-0000-4000-8000-%012.0f' $((most + 1)) > many.txt
    expect 3 import --update-ids many.txt
    says "more than $most updates"
    most=$(limit SU_MAX_ID_LIST_BYTES)
    head -c "$most" /dev/zero | tr '\0' '\n' > long.txt
    expect 2 import --update-ids long.txt # it is read, and names none
    echo >> long.txt
    expect 3 import --update-ids long.txt
    expect 2 hub catalog import --from "$SMALL/m1/export.cab" --update-ids "$(head -n 1 ids)"
}

# An interrupted synchronization is finished before anything is imported; an interrupted import leaves nothing behind.
test_import_and_interruptions() {
    server_hub
    id=$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE type=2 AND deployable ORDER BY 1 LIMIT 1")
    hub_dump > before
    control 'fault=InvalidParameters@GetUpdateData:1'
    expect 1 import --update-ids "$id"
    hub_dump | cmp -s - before || fail 'a failed import changed the catalogue'
    control faults=none
    expect 0 import --update-ids "$id"
    [ -n "$(held "$id")" ] || fail 'not held after all'
    hub products add "$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE category_type='Product' ORDER BY 1 LIMIT 1")" > /dev/null
    hub classifications add "$(ask m1 "SELECT $GUID FROM revision JOIN info USING (rev_id) WHERE category_type='UpdateClassification' ORDER BY 1 LIMIT 1")" > /dev/null
    control 'fault=InvalidParameters@GetRevisionIdList:2'
    expect 1 hub sync --from "$UP"
    control faults=none
    expect 2 import --update-ids "$id"
    says 'was interrupted and waits to go on'
    expect 0 hub sync --from "$UP"
    expect 0 import --update-ids "$id"
}
