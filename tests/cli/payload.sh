# payload.sh - files brought by hand: catalog import --file.

# A hub that knows the small sample and has none of its content; $file is one of its files.
bare_hub() {
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    file=$(find "$SMALL/m1/WsusContent" -name '*.cab' | sort | head -n 1)
    sha1=$(sha1sum < "$file" | cut -d ' ' -f 1)
}
stored() { sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM stored_file'; }
names() { hub pin list --json | jq -r '[.. | .update_id? // empty] | sort | join(" ")'; }
# refused_file STATUS WORDS ARGUMENT...: refused, and nothing was written.
refused_file() {
    _status=$1 _says=$2; shift 2
    hub_dump > before; find hub/content -type f | sort >> before; names >> before
    expect "$_status" hub catalog import "$@"
    says "$_says"
    says 'Nothing was written.'
    (hub_dump; find hub/content -type f | sort; names) | diff before - || fail "something changed: $_says"
}

# At the limit it would be read, if a cabinet could have so many bytes; past it nothing of it is looked at.
test_payload_of_any_size() {
    bare_hub
    most=$(limit SU_MAX_BROUGHT_BYTES)
    printf MSCF > huge.cab
    truncate -s "$most" huge.cab
    refused_file 3 'no cabinet has so many' --file huge.cab
    truncate -s $((most + 1)) huge.cab
    refused_file 3 "at most $most are accepted" --file huge.cab
}

# Known to the catalogue: into the store, and what it serves is pinned.
test_payload_adopted() {
    bare_hub
    cp "$file" "windows-kb5100023-x64_$sha1.cab"
    expect 0 hub catalog import --file "windows-kb5100023-x64_$sha1.cab" --json
    same "$(json '.files[0] | "\(.sha1) \(.kb) \(.architecture) \(.is_refused) \(.taken[0].is_held)"')" "$sha1 5100023 x64 false false" 'answer'
    same "$(json '.files[0].sha256')" "$(sha256sum < "$file" | cut -d ' ' -f 1)" 'SHA-256'
    same "$(sha256sum < "hub/content/$(json '.files[0].sha256' | cut -c 1-2)/$(json '.files[0].sha256')" | cut -d ' ' -f 1)" "$(json '.files[0].sha256')" 'the stored file'
    serves=$(sqlite3 -readonly hub/update-point.db "SELECT update_id FROM v_file WHERE sha1='$sha1'" | sort -u)
    for id in $serves; do json '.files[0].updates[].update_id' | grep -q "$id" || fail "does not say that it serves $id"; done
    # the bundle is what travels
    same "$(names)" "$(json '[.files[0].updates[] | select(.is_pinned).update_id] | sort | join(" ")')" 'pins'
    [ -n "$(names)" ] || fail 'nothing is pinned'
    for id in $(names); do same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM bundled WHERE lower(hex(target))='$(echo "$id" | tr -d -)'")" 0 "who bundles $id"; done
    same "$(hub audit ledger --json | jq -r '[.. | .kind? // empty] | last')" catalog 'ledger'
    expect 0 hub catalog import --file "$file" --json
    logged hub 7153
    same "$(json '.files[0].taken[0].is_held')" true 'again'
    hub content verify > /dev/null || [ $? = 9 ]
}

# The metadata names the cabinet inside an MSU as often as the MSU.
test_payload_inside_msu() {
    bare_hub
    python3 "$CHECK/msu.py" package.bin "$file"
    expect 0 hub catalog import --file package.bin --json
    same "$(json '.files[0] | "\(.kind) \(.kb) \(.architecture) \(.package) \(.package_version) \(.taken[0].name) \(.taken[0].sha1)"')" \
        "msu 7654321 AMD64 Package_for_KB7654321 10.0.1.7 Windows10.0-KB7654321-x64.cab $sha1" 'answer'
    same "$(stored)" 1 'stored files'
    hub content verify > /dev/null || [ $? = 9 ]
    # several files, all or none
    refused_file 11 'no update document of the catalogue names this file' --file "$(find "$SMALL/m1/WsusContent" -name '*.cab' | sort | sed -n 2p)" --file "$TOP/README.md"
    says 'suexport: 7152 README.md '
}

test_payload_refused() {
    bare_hub
    head -c 3000 /dev/urandom > unknown.cab
    python3 "$CHECK/msu.py" unknown.msu unknown.cab
    # what the file tells of itself
    refused_file 10 'update 11111111-2222-4333-8444-555555555555 revision 200' --file unknown.msu
    says 'bundle 66666666-7777-4888-8999-aaaaaaaaaaaa revision 201'
    says 'KB7654321, AMD64, package Package_for_KB7654321 10.0.1.7'
    says 'suexport catalog import --update-ids 66666666-7777-4888-8999-aaaaaaaaaaaa'
    expect 10 hub catalog import --file unknown.msu --json
    same "$(json '.files[0] | "\(.kind) \(.is_refused) \(.tells_of | length)"') $(json .error.id)" 'msu true 2 7151' 'JSON'
    # nothing tells of it
    for start in 'MZ program' 'MSWIM wim' 'PK other'; do
        printf '%s\0\0\0 and so on' "${start% *}" > some.msu
        refused_file 11 "some.msu (${start#* }, " --file some.msu
    done
    : > empty.msu
    refused_file 11 'empty.msu (other, 0 bytes' --file empty.msu
    # names
    cp "$file" "other_$(printf '%040d' 0).cab"
    refused_file 3 "its SHA-1 is $sha1, its name says 0000" --file "other_$(printf '%040d' 0).cab"
    ln -s "$file" link.cab
    refused_file 3 'link.cab is a symbolic link' --file link.cab
    mkdir folder.cab
    refused_file 3 'folder.cab' --file folder.cab
    expect 2 hub catalog import
    # the catalogue's other facts
    sqlite3 hub/update-point.db "UPDATE file SET sha256=zeroblob(32) WHERE sha1=x'$sha1'"
    cp "$file" wrong.cab
    refused_file 3 'its SHA-256 does not' --file wrong.cab
    sqlite3 hub/update-point.db "UPDATE file SET bytes=7 WHERE sha1=x'$sha1'"
    refused_file 3 'the update that names its SHA-1 says 7' --file wrong.cab
}

# Scan metadata tells which update a file is of, and never makes it deployable.
test_payload_of_scan_metadata() {
    bare_hub
    python3 - "$CHECK" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from scan_cab import *
import argparse
class Real(Edition):
    def update(self, s):
        return super().update(s).replace(digest("sha1", "file", s), base64.b64encode(hashlib.sha1(b"payload 11").digest()).decode() if s == 11 else digest("sha1", "file", s))
o = argparse.Namespace(revisions=60, shards=2, languages=3, every=20, edition=1, core=100)
open("scan.cab", "wb").write(cabinet(list(Real(o).members()), packed=False))
print(guid("update", 10))
END
    hub sync --from scan.cab > /dev/null 2>&1
    printf 'payload 11' > windows.cab
    bundle=$(sqlite3 -readonly hub/update-point.db "SELECT update_id FROM v_scan_update WHERE title LIKE '%Invention 10 %'")
    refused_file 10 "scan metadata names it for update $bundle" --file windows.cab
    says "suexport catalog import --update-ids $bundle"
    # inside an MSU without metadata of its own
    python3 "$CHECK/msu.py" stub.msu windows.cab 'm = m[1:2]'
    refused_file 10 "scan metadata names it for update $bundle" --file stub.msu
}

test_payload_hostile() {
    bare_hub
    head -c 3000 /dev/urandom > unknown.cab
    msu() { python3 "$CHECK/msu.py" x.msu unknown.cab "$1"; }
    msu 'm[0] = ("WSUSSCAN.cab", b"no cabinet at all" * 9)'; refused_file 3 'WSUSSCAN.cab: it has 153 bytes, its head announces 0' --file x.msu
    msu 'm[0] = ("WSUSSCAN.cab", scan(payload)[:-1])'; refused_file 3 'its head announces' --file x.msu
    msu 'm[0] = ("WSUSSCAN.cab", cabinet([("package.cab", cabinet([("package.xml", b"<a>")]))]))'; refused_file 3 'package.xml' --file x.msu
    msu 'm[0] = ("WSUSSCAN.cab", cabinet([("package.cab", cabinet([("package.xml", b"<!DOCTYPE a><OfflineSyncPackage/>")]))]))'; refused_file 3 'document type' --file x.msu
    # no deeper than its place says: this one holds itself
    msu 'a = cabinet([("package.xml", package(payload))])
for _ in range(40): a = cabinet([("package.cab", a)])
m[0] = ("WSUSSCAN.cab", a)'
    refused_file 11 'no update document' --file x.msu
    # one past the updates of a scan cabinet
    msu 'm[0] = ("WSUSSCAN.cab", scan(payload, 19998))'; refused_file 10 'no update document' --file x.msu
    msu 'm[0] = ("WSUSSCAN.cab", scan(payload, 19999))'; refused_file 3 'more than 20000 updates' --file x.msu
    # names
    msu 'm.append(("../../etc/x", b"a"))'; refused_file 3 'leads out of its folder' --file x.msu
    msu 'm.append(("a\x1b]0;b", b"a"))'; refused_file 3 'control character' --file x.msu
    # ten thousand members: the payload behind them is not looked at, before them it is
    cp "$file" unknown.cab
    msu 'm = [("f%d" % i, b"") for i in range(10000)] + m'; refused_file 11 'no update document' --file x.msu
    msu 'm = [("f%d" % i, b"") for i in range(1999)] + m[1:]'; expect 0 hub catalog import --file x.msu
    # cut, and a bit wrong in packed data
    msu 'made = cabinet(m)[:-40]'; refused_file 3 'x.msu' --file x.msu
    msu 'made = cabinet(m, packed=True); at = len(made) // 2; made = made[:at] + bytes([made[at] ^ 1]) + made[at + 1:]'
    expect_some hub catalog import --file x.msu
}
expect_some() { # either it is still what the catalogue names, or it is refused
    _got=0
    "$@" > out 2> err || _got=$?
    case $_got in 0 | 3 | 10 | 11) ;; *) cat err >&2; fail "exit $_got" ;; esac
}
