# children.sh - documents, answers and signatures are read in confined children: the same comes of it, and when one ends, nothing does.

# Everything derived from documents, and the documents.
derived() {
    sqlite3 -readonly "$1/update-point.db" "SELECT hex(update_id), revision, hex(record_sha256) FROM revision ORDER BY 1,2;
        SELECT hex(r.update_id), r.revision, t.* FROM info t JOIN revision r USING (rev_id) ORDER BY 1,2,3,4,5;
        SELECT hex(r.update_id), r.revision, hex(target), clause FROM prerequisite JOIN revision r USING (rev_id) ORDER BY 1,2,4,3;
        SELECT hex(r.update_id), r.revision, hex(target), target_revision FROM bundled JOIN revision r USING (rev_id) ORDER BY 1,2,3,4;
        SELECT * FROM v_file ORDER BY 1,2,3,5; SELECT * FROM v_title ORDER BY 1,2,3;"
}

# until_killed COMMAND...: which kills children must refuse; tried again when it was faster than the killer.
until_killed() {
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
        killed_status=0
        "$@" > out 2> err || killed_status=$?
        case $killed_status in 0 | 99) ;; *) grep -q 'ended before it had begun' err || return 0 ;; esac
    done
    skip "$try times the command, or the killer, was too fast"
}

test_children_change_nothing() {
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    mv hub confined
    hub init > /dev/null
    SU_UNCONFINED=1 hub sync --from "$SMALL/m1/export.cab" > /dev/null 2>&1
    SU_UNCONFINED=1 hub sync --from "$SMALL/m2/export.cab" > /dev/null 2>&1
    derived confined > a
    derived hub > b
    [ -s a ] || fail 'there is nothing to compare'
    cmp a b || fail 'another catalogue'
}

test_children_change_nothing_genuine() {
    need_data "$EXPORT_2015"
    hub init > /dev/null
    hub sync --from "$EXPORT_2015" > /dev/null
    mv hub confined
    hub init > /dev/null
    SU_UNCONFINED=1 hub sync --from "$EXPORT_2015" > /dev/null 2>&1
    derived confined > a
    derived hub > b
    cmp a b || fail 'another catalogue'
}

# On the hub as it was, whatever a try before made of it.
sync_again() {
    rm -rf hub
    cp -R fresh hub
    python3 "$CHECK/check_children.py" 2 -- "$SUEXPORT" --home hub --jobs 1 --quiet sync --from "$SMALL/m2/export.cab"
}

test_children_killed_at_sync() {
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    before=$(hub_digest)
    cp -R hub fresh
    until_killed sync_again
    [ "$killed_status" != 98 ] || fail 'a child outlived the command'
    same "$killed_status" 3 "status; $(cat err)"
    grep -q 7012 err || fail "$(cat err)"
    grep -q 'The catalogue is as it was' err || fail "$(cat err)"
    same "$(hub_digest)" "$before" 'state digest'
    same "$(sqlite3 hub/update-point.db 'PRAGMA integrity_check')" ok 'integrity'
    expect 0 hub sync --from "$SMALL/m2/export.cab"
}

import_fresh() {
    rm -rf site
    cp -R fresh site
    python3 "$CHECK/check_children.py" 2 -- "$SUIMPORT" --home site --jobs 1 --quiet import stick
}

# What a trusted hub signed, a hub whose child was taken over may have let in.
test_children_killed_at_import() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    cp -R site fresh
    before=$(site_digest)
    until_killed import_fresh
    [ "$killed_status" != 98 ] || fail 'a child outlived the command'
    same "$killed_status" 3 "status; $(cat err)"
    grep -q '7012.*update documents' err || fail "$(cat err)"
    grep -q 'The catalogue is unchanged\|Nothing was written' err || fail "$(cat err)"
    same "$(site_digest)" "$before" 'state digest'
    same "$(sqlite3 site/update-point.db 'PRAGMA integrity_check')" ok 'integrity'
    expect 0 site import stick
    same "$(site_digest)" "$(hub_digest)" 'the state'
    same "$(site audit ledger --json | jq '[.entries[] | select(.kind == "import" and (.detail | test("; confined: ")))] | length')" 1 'the ledger'
}

test_children_killed_at_verify() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    python3 -c 'import sys; open(sys.argv[1] + "/0123ABCD.P7S", "wb").write(bytes(range(48)) * 20)' "$(ls -d stick/*/)"
    expect 0 site verify stick
    until_killed python3 "$CHECK/check_children.py" 1 -- "$SUIMPORT" --home site --quiet verify stick
    [ "$killed_status" != 98 ] || fail 'a child outlived the command'
    same "$killed_status" 3 "status; $(cat err)"
    grep -q '7012.*signatures of a bundle' err || fail "$(cat err)"
    expect 0 site import stick
}

# A manifest that is none, and one that nobody signed, are looked at in a child.
test_children_inspect() {
    small_hub
    hub export --site ALPHA --out stick > /dev/null
    expect 0 "$SUIMPORT" inspect stick --json
    mv out confined
    expect 0 env SU_UNCONFINED=1 "$SUIMPORT" inspect stick --json
    cmp out confined || fail 'another answer'
    head -c 3000 /dev/urandom > "$(ls -d stick/*/)MANIFEST.TXT"
    expect 3 "$SUIMPORT" inspect stick
    grep -q 7302 err || fail "$(cat err)"
}
