# scan.sh - offline scan cabinets (wsusscn2.cab): what is taken, that it stays apart from the catalogue, what is refused.

HAPPY=$DATA/scan-cab/wsusscn2-happy.cab
GOLDEN=$DATA/scan-cab/expected/microsoft/wsusscn2/testdata/golden

big_scan() { python3 "$CHECK/scan_cab.py" big.cab "$@"; }
count() { json '"\(.new) \(.revised) \(.expired) \(.removed) \(.unchanged)"'; }
# What the scan tables hold, as text; times apart.
scan_dump() {
    sqlite3 -readonly hub/update-point.db "SELECT source, created, updates, revisions FROM scan_edition;
        SELECT * FROM v_scan_update ORDER BY revision_id; SELECT * FROM v_scan_file ORDER BY 1, 2, 5, 7, 8;
        SELECT * FROM scan_title ORDER BY 1, 2; SELECT count(*), sum(length(text)) FROM scan_text; SELECT * FROM scan_tag ORDER BY 1, 2, 3;
        SELECT * FROM scan_relation ORDER BY 1, 2, 3; SELECT count(*) FROM scan_superseded; SELECT count(*) FROM scan_category"
}
# scan_refused WORDS: x.cab is refused as damaged, and both catalogue and scan metadata are as they were.
scan_refused() {
    (scan_dump; hub_dump) > before
    expect 3 hub sync --from x.cab
    says "$1"
    says 'The catalogue is as it was.'
    (scan_dump; hub_dump) | cmp -s - before || fail "something changed: $1"
}
# make_scan PYTHON: x.cab from the members of a small edition; m is the list of outer members, which PYTHON changes.
make_scan() {
    python3 -B - "$CHECK" "$1" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from scan_cab import *
import argparse
o = argparse.Namespace(revisions=60, shards=3, languages=3, every=20, edition=1, core=100)
e = Edition(o)
m = list(e.members())
names = [name for name, _ in m]
def inner(name, members, **more):
    m[names.index(name)] = (name, cabinet(members, **more))
def text(name, old, new):
    at = names.index(name)
    assert old in m[at][1]
    m[at] = (name, m[at][1].replace(old, new))
exec(sys.argv[2])
open("x.cab", "wb").write(cabinet(m, packed=False))
END
}

# The three-layer cabinet gives the records that another reader of it expects.
test_scan_golden() {
    need_data "$HAPPY"
    hub init > /dev/null
    cp "$HAPPY" 'no cabinet by its name.txt'
    expect 0 hub sync --from 'no cabinet by its name.txt' --json
    logged hub 7150
    same "$(count) $(json .kind)" '4 0 0 0 0 wsusscn2' 'taken'
    same "$(json .content_version)" 0 'content version'
    same "$(python3 "$CHECK/check_scan.py" --golden "$GOLDEN" hub/update-point.db)" '65 fields' 'compared'
    python3 "$CHECK/check_scan.py" "$HAPPY" hub/update-point.db
    expect 0 hub show 765432
    says '2020-09 Security Monthly Quality Rollup' out
    says 'scan metadata' out
    # a field that differs is found
    sqlite3 hub/update-point.db "UPDATE scan_tag SET value='1' WHERE kind='kb' AND value='765432'"
    expect 1 python3 "$CHECK/check_scan.py" --golden "$GOLDEN" hub/update-point.db
    expect 1 python3 "$CHECK/check_scan.py" "$HAPPY" hub/update-point.db
}

# Three shards whose ranges meet, 37 languages, missing fragments, bundles that are not there; an independent reader agrees.
test_scan_three_shards() {
    big_scan
    hub init > /dev/null
    expect 0 hub sync --from big.cab --json
    same "$(count)" '2000 0 0 0 0' 'first edition'
    says '2 fragments lie outside the range of their cabinet'
    python3 "$CHECK/check_scan.py" big.cab hub/update-point.db
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT count(DISTINCT language) FROM scan_title')" 37 'languages'
    python3 "$CHECK/scan_cab.py" next.cab --edition 2
    expect 0 hub sync --from next.cab --json --jobs 1
    same "$(count)" '20 67 0 40 1893' 'second edition'
    python3 "$CHECK/check_scan.py" next.cab hub/update-point.db
    expect 0 hub sync --from next.cab --json
    same "$(count)" '0 0 0 0 1980' 'again'
    scan_dump > once
    hub sync --from big.cab > /dev/null 2>&1
    hub sync --from next.cab --jobs 4 > /dev/null 2>&1
    scan_dump | diff - once
    # made by another program
    mkdir g && cabextract -q -d g next.cab && (cd g && gcab -c -n -z ../gcab.cab index.xml package.cab package2.cab package3.cab package4.cab)
    expect 0 hub sync --from gcab.cab --json
    same "$(count)" '0 0 0 0 1980' 'packed by gcab'
}

# By construction: nothing of it in the catalogue, the digest, a plan, a bundle.
test_scan_stays_apart() {
    small_hub
    small_site
    digest=$(hub_digest)
    version=$(hub sync --from "$SMALL/m1/export.cab" --json | jq .content_version)
    hub export --site ALPHA --out usb --json > exported
    hub_dump | grep -av '^last_source' | sed '$d' > before # the last line counts the ledger, which notes the synchronization
    big_scan --revisions 300
    expect 0 hub sync --from big.cab --json
    noted=$(sqlite3 -readonly hub/update-point.db "SELECT kind || ' ' || detail FROM ledger ORDER BY entry DESC LIMIT 1")
    case $noted in 'sync big.cab (wsusscn2): 300 new, '*) ;; *) fail "the ledger: $noted" ;; esac
    same "$(json '"\(.state_digest) \(.content_version)"')" "$digest $version" 'state'
    hub_dump | grep -av '^last_source' | sed '$d' | diff before - || fail 'the catalogue changed'
    same "$(hub_digest)" "$digest" 'status'
    expect 0 hub plan --site ALPHA --full --json
    same "$(json .updates)" "$(jq .updates exported)" 'plan'
    hub export --site ALPHA --out usb2 --full > /dev/null
    site import usb2 > /dev/null
    same "$(site_digest)" "$digest" 'the site'
    same "$(sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM scan_update')" 0 'scan metadata at the site'
    same "$(hub history --json | jq -r '.history[0] | "\(.kind) \(.state) \(.new)"')" 'wsusscn2 6702 300' 'history'
    same "$(hub status --json | jq -r '"\(.scan_edition) \(.scan_updates)"')" '2026-01-14T10:00:00Z 300' 'status'
    # a package after it is still compared with the package before it
    expect 0 hub sync --from "$SMALL/m2/export.cab" --json
    same "$(count)" '2 2 1 1 37' 'the next package'
}

test_scan_show_search_explain() {
    small_hub
    big_scan --revisions 300
    hub sync --from big.cab > /dev/null 2>&1
    expect 0 hub show KB5000100 --json --lang fr
    same "$(json '.updates[0] | "\(.origin) \(.edition) \(.title) \(.severity) \(.is_bundle)"')" \
        'scan 2026-01-14T10:00:00Z fr: Cumulative Invention 100 for Product 0 <x64> (KB5000100) Important true' 'properties'
    same "$(json '.updates[0].description')" 'What happens in fr, case 4.' 'description'
    same "$(json '.updates[0] | "\(.bundled | length) \(.supersedes | length) \(.superseded_by | length) \(.files | length) \(.categories | length)"')" '8 6 1 8 2' 'relations'
    same "$(json '.updates[0].files[] | select(.name == "windows-kb5000101-x64.cab") | "\(.bytes) \(.sha1) \(.sha256 | length) \(.sha1 as $d | .url | contains($d))"')" \
        "70101 $(python3 -c 'import hashlib; print(hashlib.sha1(repr(("file", 101)).encode()).hexdigest())') 64 true" 'file'
    same "$(json '[.updates[0].files[] | select(.name == "" and .bytes == null and .sha256 == null)] | length')" 1 'file without its fragment'
    # a language it has not: the default one
    expect 0 hub show KB5000100 --json --lang xx
    same "$(json '.updates[0].title')" 'en: Cumulative Invention 100 for Product 0 <x64> (KB5000100)' 'fallback'
    same "$(hub show "$(json '.updates[0].update_id')" --json | jq -r '.updates[0].origin')" scan 'by id'
    # a bundle that is not in the edition
    child=$(sqlite3 -readonly hub/update-point.db 'SELECT update_id FROM v_scan_update JOIN scan_relation USING (revision_id) WHERE kind=0 AND target=99999999 LIMIT 1')
    expect 0 hub show "$child" --json
    same "$(json '.updates[0].bundled_by[0] | "\(.update_id) \(.note)"')" 'null RevisionId 99999999' 'bundle'
    expect 2 hub show KB5000100 --xml
    says 'scan metadata only'
    expect 0 hub search invention 100 --json
    same "$(json '.found[0] | "\(.kb) \(.origin) \(.is_expired)"')" 'KB5000100 scan false' 'search'
    same "$(hub search invention --limit 7 --json | jq -r '"\(.count) \(.found | length)"')" '7 7' 'limit'
    expect 0 hub search --json server
    same "$(json '[.found[] | select(.origin == "scan")] | length')" 0 'what the catalogue holds'
    expect 0 hub explain KB5000100 --site ALPHA --json
    same "$(json .origin)" scan 'explain'
    json '.chains[0]' | grep -q 'known from scan metadata only, so it travels to no site' || fail 'explain'
    # what the catalogue holds is answered by the catalogue, what neither does is not found
    id=$(hub search server --json | jq -r '.found[0].update_id')
    same "$(hub show "$id" --json | jq -r '.updates[0].origin')" synchronization 'catalogue first'
    expect 2 hub show KB1
    expect 2 hub explain KB1 --site ALPHA
}

# A signature (Authenticode) lies behind the cabinet, and the head says so; what the head does not count is refused.
test_scan_signed() {
    hub init > /dev/null
    make_scan 's = e.shard(range(0, 20), []); inner("package2.cab", s, signature=b"s" * 96); m[0:0] = []; cabinet = (lambda plain: lambda *a, **k: plain(*a, signature=b"S" * 1000, **k))(cabinet)'
    cabextract -t x.cab > /dev/null 2>&1 || fail 'cabextract refuses it'
    expect 0 hub sync --from x.cab --json
    same "$(json .new)" 60 'signed'
    printf x >> x.cab
    scan_refused 'its head announces'
}

# Every fragment is proved by what package.xml and index.xml say of it.
test_scan_lying() {
    hub init > /dev/null
    make_scan 'pass'
    expect 0 hub sync --from x.cab
    make_scan 'm[1:2] = []'; scan_refused 'holds no package.xml'
    make_scan 'm.pop()'; scan_refused 'names package4.cab, which the cabinet does not hold'
    make_scan 'm.append(("package9.cab", m[3][1]))'; scan_refused 'holds package9.cab, which index.xml does not name'
    make_scan 'm.append(m[2])'; scan_refused 'two members named package2.cab'
    make_scan 'text("index.xml", b"XOR=\"0\"", b"XOR=\"7\"")'; scan_refused 'XOR is not 0'
    make_scan 'text("index.xml", b"NAME=\"package3.cab\"", b"NAME=\"package2.cab\"")'; scan_refused 'package2.cab is listed twice'
    make_scan 'inner("package.cab", [("package.xm_", b"<a/>")])'; scan_refused 'package.cab: it holds no package.xml'
    make_scan 'inner("package.cab", [("package.xml", b"<OfflineSyncPackage><Updates/></OfflineSyncPackage>")])'; scan_refused 'package.xml lists no update'
    make_scan 'p = "".join(e.package()).encode(); inner("package.cab", [("package.xml", p), ("package.xml", p)])'; scan_refused 'two members named package.xml'
    make_scan 'p = "".join(e.package()).encode(); i = p.index(b"<Update "); j = p.index(b"</Update>") + 9; inner("package.cab", [("package.xml", p[:j] + p[i:])])'
    scan_refused '1 updates of package.xml of 61 stand in the cabinet twice'
    make_scan 'p = "".join(e.package()).encode(); inner("package.cab", [("package.xml", p.replace(b"RevisionNumber=\"200\"", b"RevisionNumber=\"9\"", 1))])'
    scan_refused 'is of another update than package.xml says'
    make_scan 's = e.shard(range(0, 20), []); inner("package2.cab", s + s[:1])'; scan_refused '1 core fragments of'
    make_scan 's = e.shard(range(0, 20), []); inner("package2.cab", [(n, t.replace(b"Title>", b"Titel>", 1)) for n, t in s])'; scan_refused 'package2.cab: l/'
    make_scan 's = e.shard(range(0, 20), []); inner("package2.cab", [(n, b"</r><r>" + t) for n, t in s])'; scan_refused 'package2.cab: c/100'
    make_scan 's = e.shard(range(0, 20), []); inner("package2.cab", [(n, b"<!DOCTYPE a [<!ENTITY b \"c\">]>" + t) for n, t in s])'; scan_refused 'package2.cab: c/100'
    # sizes
    make_scan 's = e.shard(range(0, 20), []); inner("package2.cab", s, announced=99999)'; scan_refused 'its head announces 99999'
    make_scan 's = e.shard(range(0, 20), []); inner("package2.cab", s, count=len(s) + 5)'; scan_refused 'package2.cab'
    make_scan 'm[2] = ("package2.cab", b"MSCF")'; scan_refused 'it has 4 bytes and is no cabinet'
    make_scan 'm[2] = ("package2.cab", b"")'; scan_refused 'is no cabinet'
    make_scan 'm[2] = ("package2.cab", b"x" * 5000)'; scan_refused 'its head announces 0'
    # cabinets where fragments should be, and this one in itself: nothing is opened deeper than its place says
    make_scan 'm[1] = ("package.cab", cabinet(m, packed=False))'; scan_refused 'package.cab: it holds no package.xml'
    make_scan 'whole = cabinet(m, packed=False); s = e.shard(range(0, 20), []); inner("package2.cab", s + [("c/100", whole)])'; scan_refused 'package2.cab: c/100'
    # more cabinets than any edition has
    make_scan 'm[0] = ("index.xml", b"<INDEX><CABLIST><CAB NAME=\"package.cab\"/>" + b"".join(b"<CAB NAME=\"p%d.cab\" RANGESTART=\"%d\"/>" % (i, i) for i in range(1000)) + b"</CABLIST></INDEX>")'
    scan_refused 'more than 1000 cabinets'
    # an index.xml as long as it may be, and one byte more
    most=$(limit SU_MAX_SCAN_INDEX_BYTES)
    make_scan "m[0] = (m[0][0], m[0][1].ljust($most))"
    expect 0 hub sync --from x.cab
    make_scan "m[0] = (m[0][0], m[0][1].ljust($most + 1))"
    scan_refused "index.xml has $((most + 1)) bytes, at most $most"
}

test_scan_hostile_names() {
    hub init > /dev/null
    make_scan 'inner("package2.cab", e.shard(range(0, 20), []) + [("c/../../etc/passwd", b"a")])'; scan_refused 'leads out of its folder'
    make_scan 'inner("package2.cab", e.shard(range(0, 20), []) + [("/c/7", b"a")])'; scan_refused 'no relative name'
    make_scan 'inner("package2.cab", e.shard(range(0, 20), []) + [("c/\x1b[31m7", b"a")])'; scan_refused 'control character'
    grep -q "$(printf '\033')" err && fail 'an escape got out'
    make_scan 'm.append(("../x", b"a"))'; scan_refused 'leads out of its folder'
    # ten thousand members of no meaning, and names that are nearly fragments, are passed over
    make_scan 'm += [("note%d.txt" % i, b"") for i in range(10000)]; inner("package2.cab", e.shard(range(0, 20), []) + [("c/7.xml", b"a"), ("c/-7", b"a"), ("l/../e", b""), ("l/e n/7", b"a"), ("x/99999999999999999999", b"a")][:2])'
    expect 0 hub sync --from x.cab
    says '3 fragments lie outside the range'
    [ ! -e etc ] && [ ! -e ../x ] || fail 'a member became a file'
}

# Cut anywhere, one bit wrong anywhere that is proved: refused whole or read the same, never half.
test_scan_cut_and_flipped() {
    in_memory
    hub init > /dev/null
    make_scan 'pass'
    mv x.cab good.cab
    hub sync --from good.cab > /dev/null 2>&1
    scan_dump > good
    bytes=$(stat -c %s good.cab)
    for i in 1 2 3 4 5 6; do
        head -c $((bytes * i / 7)) good.cab > x.cab
        scan_refused ''
    done
    # with a head that lies about it
    python3 -c 'import struct; d = open("good.cab", "rb").read(); d = d[:len(d) * 2 // 3]; open("x.cab", "wb").write(d[:8] + struct.pack("<I", len(d)) + d[12:])'
    scan_refused ''
    # a name of a member inside its data
    python3 -c 'd = bytearray(open("good.cab", "rb").read()); at = d.index(b"MSCF", 4) + 8; d[at] ^= 1; open("x.cab", "wb").write(d)'
    scan_refused 'its head announces'
}

test_scan_interrupted() {
    big_scan --revisions 1500 --every 3
    hub init > /dev/null
    make_scan 'pass'
    hub sync --from x.cab > /dev/null 2>&1
    scan_dump > before
    for delay in 0.02 0.08 0.15; do
        timeout -s KILL $delay "$SUEXPORT" --home hub --quiet sync --from big.cab > /dev/null 2>&1 || true
        scan_dump > after
        cmp -s before after || [ "$(hub history --limit 1 --json | jq -r '.history[0].new')" = 1500 ] || fail "half of an edition after $delay s"
    done
    expect 0 hub sync --from big.cab
    python3 "$CHECK/check_scan.py" big.cab hub/update-point.db
}
