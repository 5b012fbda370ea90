# sync.sh - what a synchronization takes, counts and refuses.

documents() { python3 "$CHECK/check_documents.py" "$1" hub/update-point.db; }
count() { json '"\(.new) \(.revised) \(.expired) \(.removed) \(.unchanged) \(.updates) \(.revisions)"'; }

test_sync_small_months() {
    hub init > /dev/null
    expect 0 hub sync --from "$SMALL/m1/export.cab" --json
    same "$(count)" '41 0 0 0 0 41 43' 'month 1'
    documents "$SMALL/m1/export.cab"
    expect 0 hub sync --from "$SMALL/m2/export.cab" --json
    same "$(count)" '2 2 1 1 37 42 46' 'month 2'
    same "$(json .content_version)" 2 'content version'
    documents "$SMALL/m2/export.cab"
    same "$(json .state_digest)" "$(python3 "$CHECK/check_state.py" hub/update-point.db)" 'state digest'
    # Back again: what was new is removed, what was removed is new, an un-expired update is revised.
    expect 0 hub sync --from "$SMALL/m1/export.cab" --json
    same "$(count)" '1 3 0 2 37 41 43' 'back to month 1'
    documents "$SMALL/m1/export.cab"
}

test_sync_keys() {
    hub init > /dev/null
    expect 0 hub sync --from "$SMALL/m1/export.cab" --json
    has_keys . source kind new revised expired removed unchanged updates revisions content_version state_digest seconds
    same "$(json '"\(.source) \(.kind)"')" 'export.cab wsusutil-cab' 'source'
}

test_sync_genuine() {
    need_data "$EXPORT_2015"
    need_data "$EXPORT_2024"
    hub init > /dev/null
    expect 0 hub sync --from "$EXPORT_2015" --json
    same "$(count)" '2336 0 0 0 0 2336 2358' '2015'
    documents "$EXPORT_2015"
    expect 0 hub sync --from "$EXPORT_2024" --json
    same "$(count)" '1784 90 2 33 2211 4087 4125' '2024'
    same "$(json .content_version)" 2 'content version'
    open_clauses_counted
    documents "$EXPORT_2024"
    state=$(json .state_digest)
    same "$state" "$(python3 "$CHECK/check_state.py" hub/update-point.db)" 'state digest'
    expect 0 hub sync --from "$EXPORT_2024" --json
    same "$(count)" '0 0 0 0 4087 4087 4125' '2024 again'
    same "$(json '"\(.content_version) \(.state_digest)"')" "2 $state" 'an unchanged catalogue'
    same "$(hub history --json | jq -r '[.history[] | "\(.state) \(.new) \(.content_version)"] | join(", ")')" \
        '6702 0 2, 6702 1784 2, 6702 2336 1' 'history'
}

# What the program counts in memory, asked of the tables.
open_clauses_counted() {
    same "$(json .open_prerequisites)" "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM (SELECT DISTINCT rev_id, clause FROM prerequisite p
        WHERE NOT EXISTS (SELECT 1 FROM prerequisite o JOIN revision r ON r.update_id = o.target WHERE o.rev_id = p.rev_id AND o.clause = p.clause))')" \
        'open prerequisites'
}

test_sync_mini() {
    need_data "$EXPORT_MINI"
    hub init > /dev/null
    expect 0 hub sync --from "$EXPORT_MINI" --json
    same "$(count)" '22 0 0 0 0 22 27' 'mini'
    open_clauses_counted
    documents "$EXPORT_MINI"
}

test_sync_selfmade_keeps_addresses() {
    need_data "$EXPORT_SELFMADE"
    hub init > /dev/null
    expect 0 "$SUEXPORT" --home hub sync --from "$EXPORT_SELFMADE" --json
    [ "$(json .open_prerequisites)" -gt 0 ] || fail 'the missing prerequisite was not noticed'
    open_clauses_counted
    says 'prerequisite clauses name nothing this hub holds'
    documents "$EXPORT_SELFMADE"
}

# The same package in other clothes gives the same catalogue.
test_sync_layouts() {
    small_package
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    want=$(hub_digest)
    (cd pkg && gcab -c -n plain.cab package.xml metadata.txt && gcab -c -n -z turned.cab metadata.txt package.xml &&
        gcab -c -n -z more.cab readme.txt package.xml metadata.txt 2> /dev/null || { echo hello > readme.txt &&
        gcab -c -n -z more.cab readme.txt package.xml metadata.txt; })
    for layout in plain turned more; do
        rm -rf hub
        hub init > /dev/null
        expect 0 hub sync --from "pkg/$layout.cab" --json
        same "$(json .state_digest)" "$want" "layout $layout"
    done
}

test_sync_gzip() {
    small_package
    gzip -c pkg/metadata.txt > stream.xml.gz
    hub init > /dev/null
    expect 0 hub sync --from stream.xml.gz --json
    same "$(json '"\(.kind) \(.updates) \(.revisions)"')" 'wsusutil-xml-gz 41 43' 'a record stream'
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM revision')" 43 'rows'
    # No package.xml, so no CreationTime: the catalogue is as old as its newest document, and can be sent.
    newest=$(grep -ao ' CreationDate="[^"]*"' pkg/metadata.txt | cut -d '"' -f 2 | sort | tail -n 1 | sed 's/\.[0-9]*Z/Z/')
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT source_time FROM v_sync_history')" "$newest" 'the date of the catalogue'
    hub key generate --name one > /dev/null
    hub site add ALPHA --content none > /dev/null
    expect 0 hub export --site ALPHA --out stick
    same "$(sed -n 's/^created //p' stick/SU-ALPHA-000001/MANIFEST.TXT)" "$newest" 'the date of the bundle'
    # The documents are the package's; addresses stand in package.xml only.
    mkdir bare
    cp pkg/metadata.txt bare
    echo '<ExportPackage/>' > bare/package.xml
    documents bare
    # Documents as text inside package.xml.
    edit pkg/package.xml '(lambda docs: re.sub(rb"</Update>|(<Update [^>]*)/>", lambda m: (m[1] + b">" if m[1] else b"") + b"<Xml><![CDATA[" + next(docs) + b"]]></Xml></Update>", d))(iter([r[2] for r in records(open("pkg/metadata.txt", "rb").read())]))'
    gzip -c pkg/package.xml > inside.xml.gz
    rm -rf hub
    hub init > /dev/null
    expect 0 hub sync --from inside.xml.gz --json
    same "$(json '"\(.updates) \(.revisions)"')" '41 43' 'documents inside'
    documents "$SMALL/m1/export.cab"
}

# refused_sync FILE TEXT [STATUS]: refused with the place named, the catalogue as it was, the failure
# in the history.
refused_sync() {
    before=$(hub_digest)
    rows=$(hub history --json | jq '.history | length')
    sqlite3 -readonly hub/update-point.db 'SELECT * FROM v_title ORDER BY 1,2,3; SELECT * FROM setting' > dump.before
    expect "${3:-3}" hub sync --from "$1"
    says "$2"
    says '  do: '
    says 'The catalogue is as it was.'
    same "$(hub_digest)" "$before" "digest after a refused $1"
    sqlite3 -readonly hub/update-point.db 'SELECT * FROM v_title ORDER BY 1,2,3; SELECT * FROM setting' | cmp -s - dump.before || fail "the catalogue changed: $1"
    hub history --json > out
    same "$(jq '.history | length' out)" $((rows + 1)) 'rows of the history'
    same "$(jq -r '.history[0] | "\(.state) \(.error != "") \(.state_digest)"' out)" "6703 true $before" 'the failure in the history'
}

# A hub at month 1; damaged packages are made of month 2, so that taking any part of one would show.
damage_hub() {
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    small_package 2
}

# damaged FILE EXPRESSION TEXT: month 2 with one member edited.
damaged() {
    small_package_again
    edit "pkg/$1" "$2"
    pack_cab
    refused_sync pkg/export.cab "$3"
}
small_package_again() { rm -rf pkg; small_package 2; }

test_sync_refuses_inconsistent() {
    damage_hub
    damaged metadata.txt 'join(records(d)[:-1])' 'package.xml lists 46 revisions, metadata.txt has 45'
    damaged package.xml 'd.replace(re.findall(rb"<Update [^>]*>.*?</Update>", d)[-1], b"")' 'metadata.txt has more records than package.xml lists (45)'
    damaged metadata.txt '(lambda r: join(r[:4] + [r[5], r[4]] + r[6:]))(records(d))' 'record 5: package.xml lists'
    damaged metadata.txt 'd.replace(b"," + re.search(rb",([0-9a-f]{8}),<", d)[1] + b",<", b",00000010,<", 1)' 'metadata.txt, record 1 at offset'
    damaged metadata.txt 're.sub(rb",([0-9a-f]{8}),<", lambda m: b",%08x,<" % (int(m[1], 16) + 1), d, count=1)' 'metadata.txt, record 1 at offset'
    damaged metadata.txt 're.sub(rb",([0-9a-f]{8}),<", b",7fffffff,<", d, count=1)' 'metadata.txt, record 1'
    damaged metadata.txt 're.sub(rb",([0-9a-f]{8}),<", b",0000zz00,<", d, count=1)' 'no valid record head'
    damaged metadata.txt 'd[:-2]' 'no line end'
    damaged metadata.txt 'd[:-40]' 'the stream ends inside the document'
    damaged metadata.txt 'd + b"tail"' 'the stream ends inside a record head'
    damaged package.xml 'd.replace(b"FormatVersion=\"1.0\"", b"FormatVersion=\"2.0\"")' 'FormatVersion is 2.0'
    damaged package.xml 're.sub(rb"CreationTime=\"[^\"]*\"", b"CreationTime=\"yesterday at noon sharp\"", d)' 'CreationTime'
    damaged package.xml 're.sub(rb"<File [^>]*MUUrl[^>]*/>", b"", d, count=1)' 'not in the file map'
    damaged package.xml 'd[:len(d) // 2]' 'package.xml'
    damaged package.xml 'd.replace(b"<Updates>", b"<Updates><Nested>" * 200, 1)' 'nest deeper'
}

# with_threads STATUS PACKAGE: one thread and eight do the same to the hub, to the last stored byte, and say the same.
with_threads() {
    for jobs in 1 8; do
        rm -rf "hub.$jobs"
        cp -a hub "hub.$jobs"
        expect "$1" "$SUEXPORT" --home "hub.$jobs" --quiet --jobs "$jobs" sync --from "$2"
        cp err "err.$jobs"
        sqlite3 -readonly "hub.$jobs/update-point.db" '.dump dictionary revision document info title tag prerequisite bundled superseded file search%' > "dump.$jobs"
    done
    [ "$1" = 0 ] || [ -s err.1 ] || fail 'nothing was said'
    cmp err.1 err.8 || fail "another error with threads: $(cat err.1 err.8)"
    cmp dump.1 dump.8 || fail 'something else is stored with threads'
    [ "$(wc -l < dump.1)" -gt 100 ] || fail 'the dump is empty'
}

test_sync_threads() {
    damage_hub
    with_threads 0 "$SMALL/m2/export.cab"
    # Two faults: the first in the order of the records is told, whoever finds its own first.
    for places in '9 12' '12 9' '30 31' '31 30'; do
        small_package_again
        edit pkg/metadata.txt "(lambda r: join([(x[0], x[1], b'no XML at all' if i == ${places% *} else b'<Update/>' if i == ${places#* } else x[2]) for i, x in enumerate(r)]))(records(d))"
        pack_cab
        with_threads 3 pkg/export.cab
        says "record $(($(printf '%s\n' $places | sort -n | head -n 1) + 1)) "
    done
    small_package_again
    edit pkg/metadata.txt "(lambda r: join([(x[0], x[1], b'no XML at all' if i == 20 else x[2]) for i, x in enumerate(r)])[:-3])(records(d))"
    pack_cab
    with_threads 3 pkg/export.cab
    says 'record 21 '
}

test_sync_threads_genuine() {
    need_data "$EXPORT_2015"
    need_data "$EXPORT_2024"
    hub init > /dev/null
    with_threads 0 "$EXPORT_2015"
    cp -a hub.8/. hub
    with_threads 0 "$EXPORT_2024"
}

test_sync_refuses_duplicates_and_nothing() {
    damage_hub
    edit pkg/metadata.txt '(lambda r: join(r + [r[20]]))(records(d))'
    edit pkg/package.xml '(lambda u: d.replace(u[-1], u[-1] + u[20]))(re.findall(rb"<Update [^>]*?(?:/>|>.*?</Update>)", d))'
    pack_cab
    refused_sync pkg/export.cab 'twice'
    small_package_again
    edit pkg/metadata.txt 'b""'
    edit pkg/package.xml 're.sub(rb"<Updates>.*</Updates>", b"<Updates></Updates>", d)'
    pack_cab
    refused_sync pkg/export.cab 'holds no update'
}

# The document has its own idea of who it is; both must be the same update.
test_sync_refuses_bad_documents() {
    damage_hub
    damaged metadata.txt '(lambda r: join(r[:9] + [(r[9][0], r[9][1], b"<!DOCTYPE x [<!ENTITY a \"b\">]>" + r[9][2])] + r[10:]))(records(d))' 'record 10'
    says 'document type declaration'
    damaged metadata.txt '(lambda r: join(r[:9] + [(r[9][0], r[9][1], re.sub(rb"UpdateID=\"[^\"]*\"", b"UpdateID=\"00000000-1111-2222-3333-444444444444\"", r[9][2], count=1))] + r[10:]))(records(d))' 'record 10'
    damaged metadata.txt '(lambda r: join(r[:9] + [(r[9][0], r[9][1], re.sub(rb"RevisionNumber=\"[^\"]*\"", b"RevisionNumber=\"77\"", r[9][2], count=1))] + r[10:]))(records(d))' 'record 10'
    damaged metadata.txt '(lambda r: join(r[:9] + [(r[9][0], r[9][1], r[9][2][:-9])] + r[10:]))(records(d))' 'record 10'
    damaged metadata.txt '(lambda r: join(r[:9] + [(r[9][0], r[9][1], b"no XML at all")] + r[10:]))(records(d))' 'record 10'
    damaged metadata.txt '(lambda r: join(r[:9] + [(r[9][0], r[9][1], b"<Update/>")] + r[10:]))(records(d))' 'record 10'
    damaged metadata.txt '(lambda r: join(r[:9] + [(r[9][0], r[9][1], b"")] + r[10:]))(records(d))' 'record 10'
    damaged metadata.txt 'd.replace(b"Fabrikam", b"Fabrik\xc3(m", 1)' 'not UTF-8'
}

test_sync_refuses_damaged_cabinet() {
    damage_hub
    cp "$SMALL/m2/export.cab" good.cab
    size=$(stat -c %s good.cab)
    for cut in 4 12 36 100 1000 $((size / 2)) $((size - 1000)) $((size - 1)); do
        head -c "$cut" good.cab > cut.cab
        refused_sync cut.cab cut.cab
    done
    cp good.cab grown.cab
    printf x >> grown.cab
    refused_sync grown.cab "the cabinet has $((size + 1)) bytes, its head announces $size"
    (cd pkg && gcab -c -n -z one.cab package.xml && gcab -c -n -z two.cab metadata.txt)
    refused_sync pkg/one.cab 'holds no metadata.txt'
    refused_sync pkg/two.cab 'holds no package.xml'
    cp pkg/metadata.txt pkg/metadatb.txt
    (cd pkg && gcab -c -n -z three.cab package.xml metadata.txt metadatb.txt)
    edit pkg/three.cab 'd.replace(b"metadatb.txt", b"metadata.txt")'
    refused_sync pkg/three.cab 'two members named metadata.txt'
    cp pkg/package.xml pkg/packagf.xml
    (cd pkg && gcab -c -n -z four.cab package.xml packagf.xml metadata.txt)
    edit pkg/four.cab 'd.replace(b"packagf.xml", b"package.xml")'
    refused_sync pkg/four.cab 'two members named package.xml'
}

# A flipped byte is refused, or it lies where a cabinet keeps dates and the like and means nothing:
# then the catalogue is that of the whole package.
test_sync_flipped_bytes() {
    damage_hub
    before=$(hub_digest)
    cp -a hub clean
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    whole=$(hub_digest)
    rm -rf hub
    cp -a clean hub
    size=$(stat -c %s "$SMALL/m2/export.cab")
    at=0 taken=0 tried=0
    while [ "$at" -lt "$size" ]; do
        cp "$SMALL/m2/export.cab" flipped.cab
        flip flipped.cab "$at"
        tried=$((tried + 1))
        if hub sync --from flipped.cab > out 2> err; then
            taken=$((taken + 1))
            [ "$at" -lt 110 ] || fail "taken with byte $at flipped"
            same "$(hub_digest)" "$whole" "a package with byte $at flipped"
            rm -rf hub
            cp -a clean hub
        else
            grep -q '^suexport: 7' err || fail "byte $at: $(cat err)"
            same "$(hub_digest)" "$before" "digest with byte $at flipped"
        fi
        at=$((at < 110 ? at + 6 : at + 1201))
    done
    [ "$taken" -lt $((tried / 3)) ] || fail "$taken of $tried flipped packages were taken"
}

test_sync_genuine_damaged() {
    genuine_hub 2015
    for at in 36 16082 67341 159187 282719 548795 676500; do
        cp "$EXPORT_2024" flipped.cab
        chmod u+w flipped.cab
        flip flipped.cab "$at"
        refused_sync flipped.cab flipped.cab
    done
    head -c 600000 "$EXPORT_2024" > cut.cab
    refused_sync cut.cab 'its head announces 676573'
}

test_sync_refuses_gzip() {
    damage_hub
    gzip -c pkg/package.xml > index.xml.gz
    refused_sync index.xml.gz 'lists 46 revisions'
    says 'no documents'
    says 'ends in .cab'
    printf 'Something else that nobody knows the layout of, and rather more of it than 64 bytes.' > strange
    hex=$(head -c 64 strange | od -An -v -tx1 | tr -d ' \n')
    gzip -c strange > strange.xml.gz
    refused_sync strange.xml.gz "$hex"
    says 'ends in .cab'
    gzip -c /dev/null > empty.xml.gz
    refused_sync empty.xml.gz empty.xml.gz
    gzip -c pkg/metadata.txt > stream.xml.gz
    size=$(stat -c %s stream.xml.gz)
    head -c $((size / 2)) stream.xml.gz > cut.xml.gz
    refused_sync cut.xml.gz cut.xml.gz
    head -c $((size - 6)) stream.xml.gz > cut2.xml.gz
    refused_sync cut2.xml.gz cut2.xml.gz
    cp stream.xml.gz flipped.xml.gz
    flip flipped.xml.gz $((size / 2))
    refused_sync flipped.xml.gz flipped.xml.gz
}

test_sync_refuses_what_is_no_package() {
    damage_hub
    : > empty
    refused_sync empty 'no package is that small'
    echo 'just a text' > text.cab
    refused_sync text.cab 'neither a cabinet (MSCF) nor gzip: starts with 6a 75 73 74'
    refused_sync pkg pkg
    mkfifo pipe
    refused_sync pipe pipe
    expect 1 hub sync --from nowhere.cab
    says 'nowhere.cab'
    rm -rf hub && hub init > /dev/null
    expect 2 hub sync
    expect 2 hub sync --from ftp://somewhere/else
}

# An address that changed alone is no revision of its update, but the catalogue is another one and the
# address travels.
test_sync_address_alone() {
    small_package
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    edit pkg/package.xml 're.sub(rb"MUUrl=\"[^\"]*\"", lambda m: m[0][:-1] + b"?moved\"", d, count=1)'
    pack_cab
    expect 0 hub sync --from pkg/export.cab --json
    same "$(count)" '0 0 0 0 41 41 43' 'classes'
    same "$(json .content_version)" 2 'content version'
    documents pkg/export.cab
    expect 0 hub export --site ALPHA --out stick2 --json
    same "$(json '"\(.kind) \(.revised) \(.files)"')" 'delta 0 0' 'the delta'
    [ "$(json .records)" -ge 1 ] || fail 'the address does not travel'
    expect 0 site import stick2
    same "$(site_digest)" "$(hub_digest)" 'digest'
    same "$(sqlite3 -readonly site/update-point.db "SELECT count(*) > 0 FROM v_file WHERE url LIKE '%?moved'")" 1 'the address at the site'
    # a document that changed in place is one, to hub and site
    edit pkg/metadata.txt 're.sub(rb"<upd:Title>[^<]", b"<upd:Title>#", d, count=1)'
    pack_cab
    expect 0 hub sync --from pkg/export.cab --json
    same "$(count)" '0 1 0 0 40 41 43' 'a document in place'
    hub export --site ALPHA --out stick3 > /dev/null
    expect 0 site import stick3 --json
    same "$(json '"\(.new) \(.revised) \(.removed)"')" '0 1 0' 'and at the site'
    same "$(site_digest)" "$(hub_digest)" 'digest'
}

# Bytes that the database no longer holds as they came are never passed on.
test_sync_tampered_database() {
    small_hub
    sqlite3 hub/update-point.db "UPDATE document SET (packed, raw_bytes, dictionary_id) = (SELECT packed, raw_bytes, dictionary_id FROM document WHERE rev_id=5) WHERE rev_id=6"
    expect 3 hub export --site ALPHA --out stick
    says 'is not the one that was stored'
    [ ! -e stick/SU-ALPHA-000001 ] || fail 'a bundle was made of it'
    # The source mends it.
    sqlite3 hub/update-point.db "UPDATE revision SET doc_sha256=zeroblob(32), record_sha256=zeroblob(32) WHERE rev_id=6"
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    documents "$SMALL/m1/export.cab"
    expect 0 hub export --site ALPHA --out stick
}

# What a trial says is what happens then; and until then nothing does.
test_sync_dry_run() {
    hub init > /dev/null
    for month in 1 2; do
        hub_dump > before
        hub history --json > history
        expect 0 hub sync --from "$SMALL/m$month/export.cab" --dry-run --json
        jq 'del(.seconds, .dry_run)' out > tried
        same "$(json .dry_run)" true 'a trial says so'
        hub_dump | cmp - before || fail 'a trial changed something'
        hub history --json | cmp - history || fail 'a trial stands in the history'
        expect 0 hub sync --from "$SMALL/m$month/export.cab" --json
        jq 'del(.seconds, .dry_run)' out | diff tried - || fail 'the trial said something else'
        same "$(json .dry_run)" false 'no trial'
    done
    # Nor is a failure of a trial one of the hub, or its source the one to go on with.
    hub history --json > history
    echo 'no package' > other
    expect 3 hub sync --from other --dry-run
    says 'The catalogue is as it was.'
    expect 0 hub sync --from "$SMALL/m1/export.cab" --dry-run
    hub history --json | cmp - history
    expect 0 hub sync --json
    same "$(json '"\(.new) \(.revised) \(.expired) \(.removed)"')" '0 0 0 0' 'the source it went on with'
    # An answer for people says that nothing was done.
    "$SUEXPORT" --home hub sync --from "$SMALL/m1/export.cab" --dry-run > out 2> err
    says 'Nothing was written.'
    says 'what it would change' out
    silent_about 'synchronization done'
}

# What is new to choose from.
test_sync_brings_products() {
    hub init > /dev/null
    faketime -f '2026-10-14 02:00:00' "$SUEXPORT" --home hub --quiet sync --from "$SMALL/m1/export.cab" > /dev/null
    hub products --json | jq -r '.products[].title' > all
    [ "$(wc -l < all)" -gt 5 ] || fail 'few products'
    expect 0 hub products --since 2026-10-14 --json
    json '.products[].title' | diff all -
    expect 0 hub products --since 2026-10-15 --json
    same "$(json '.products | length')" 0 'products since the day after'
    expect 0 hub classifications --since 2026-10-15 --json
    same "$(json '.classifications | length')" 0 'classifications since the day after'
    same "$(hub products --json | jq -r '[.products[].came] | unique | join(",")')" 2026-10-14T02:00:00Z 'when they came'
    # One that came later.
    sqlite3 hub/update-point.db "UPDATE revision SET arrived=99 WHERE rev_id=(SELECT rev_id FROM info WHERE title='Fabrikam Desktop 11' AND type=0)"
    sqlite3 hub/update-point.db "INSERT INTO sync_history SELECT 99, started, '2026-11-11T02:00:00Z', source, kind, source_time, state, error, new, revised, expired, removed, unchanged, updates, revisions, content_version, state_digest, error_id FROM sync_history"
    expect 0 hub products --since 2026-11-01 --json
    same "$(json '.products | map(.title) | join(",")')" 'Fabrikam Desktop 11' 'the product that came later'
    # A product that is revised is no new one.
    small_package
    edit pkg/metadata.txt 'd.replace(b"Fabrikam Desktop 10", b"Fabrikam Desktop XX")'
    pack_cab
    faketime -f '2026-12-01 02:00:00' "$SUEXPORT" --home hub --quiet sync --from pkg/export.cab > /dev/null
    expect 0 hub products --since 2026-11-30
    [ ! -s out ] || fail "a revised product is no new one: $(cat out)"
    expect 2 hub products --since yesterday
}
