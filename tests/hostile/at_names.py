#!/usr/bin/env python3
"""at_names.py PLACE - brings every evil name (names.py) to one place where names from outside meet a disk or a terminal.

The test that calls it (tests/cli/hostile_names.sh) has made the homes and samples in the working directory.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib

from hostile import Hostile, SHARE, obeyed, share
from names import NAMES, in_xml, on_disk

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VECTOR = os.path.join(TOP, "tests/vectors/SU-ALPHA-000001")
FILES = [n for _, n in NAMES if on_disk(n)]


def put(path, data=b"x"):
    with open(path, "wb") as f:
        f.write(data)


def folder():
    """A stranger in a bundle's folder."""
    shutil.copytree(VECTOR, "bundle")
    with Hostile("names in a bundle's folder", homes=["site"]) as h:
        h.settle("bundle")
        for n, name in share(enumerate(FILES)):
            path = os.path.join(b"bundle", name)
            put(path) if n % 3 else os.mkdir(path)
            is_signature = re.fullmatch(rb"[0-9A-F]{8}\.(SIG|P7S)", name)
            h.run("suimport", "--home", "site", "import" if n % 16 == 1 else "verify", "bundle", status=4 if is_signature and n % 3 else 3,  # a folder is no signature
                  says="suimport: 7301" if is_signature and n % 3 else "suimport: 7011" if is_signature else "suimport: 7309", what=name)
            os.remove(path) if n % 3 else os.rmdir(path)


def manifest():
    """File names and other names in a manifest: signed by somebody who holds the key, and by somebody who does not.

    The file that an evil name would lead to is there, with the bytes that the manifest states, so that nothing but the
    name itself is wrong with it."""
    from at_sign import sign
    os.mkdir("attacker")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "attacker/key.pem"], check=True)
    folder = b"stick/SU-ALPHA-000001"
    with open(b"stick/SU-ALPHA-000001/MANIFEST.TXT", "rb") as f:
        text = f.read()
    signature = next(n for n in os.listdir("stick/SU-ALPHA-000001") if n.endswith(".SIG"))
    form = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
    # What stands there, and what would be as good; a paper and a volume may lie there under their new name.
    places = {"volume": (rb"SU000001\.001", None), "recovery volume": (rb"SU000001\.R01", None), "page": (rb"SLIP\.HTM", None), "instructions": (rb"VERIFY\.txt", None), "pool": (rb"(?<=\nfile )(\w+ \w+ \d+).*\n", None),
              "hub": (rb"(?<=\nhub )\S+", form), "bundle": (rb"(?<=\nbundle )\S+", None), "site": (rb"(?<=\nsite )\S+", None), "also": (rb"(?=profile )", None), "key": (rb"(?=profile )", form)}
    commands = [("suimport", "--home", "site", "verify", "stick"), ("suimport", "--home", "site", "import", "stick"), ("suimport", "--home", "site", "plan", "stick"), ("suimport", "inspect", "stick"),
                ("suimport", "--home", "site", "repair", "stick", "--to", "whole"), ("suimport", "--home", "site", "watch", "--inbox", "stick", "--once")]
    with Hostile("names in manifests, signed by the hub and by others", homes=["site", "hub"]) as h:
        h.settle("stick", "whole", "kept", "bait", "x")
        n = 0
        for k, (kind, name) in share(enumerate(NAMES)):
            step = len(places) if SHARE > 1 else 2  # a name at one place, or at every second
            for place, (pattern, good) in list(places.items())[k // SHARE % step::step]:
                n += 1
                if good and good.fullmatch(name) or place in ("also", "site") and re.fullmatch(rb"[A-Z0-9](?:[A-Z0-9-]{0,14}[A-Z0-9])?", name):
                    continue
                made = {"pool": lambda m: m[1] + b" pool\n" + m[1].split()[0] + b"  ../" + name + b"\n", "also": lambda _: b"also " + name + b"\n",
                        "key": lambda _: b"key exporter " + name + b" MCowBQYDK2VwAyEAJ4EX/BRMcjQPZ9DyMW6Dhs7/vyskKMnFH+98WX8dQm4=\n"}.get(place, lambda _: name)
                evil = re.sub(pattern, made, text, count=0 if place.endswith("volume") else 1)
                if evil == text:  # the right name
                    continue
                put(folder + b"/MANIFEST.TXT", evil)
                old = {"volume": b"SU000001.001", "recovery volume": b"SU000001.R01", "page": b"SLIP.HTM", "instructions": b"VERIFY.txt"}.get(place)
                is_there = old and on_disk(name) and not name.endswith(b".SIG") and not os.path.lexists(os.path.join(folder, name))
                if is_there:
                    os.rename(os.path.join(folder, old), os.path.join(folder, name))
                for is_trusted in (n // len(commands) % 2 == 0,):
                    if is_trusted or n % 3 == 0:
                        sign("stick/SU-ALPHA-000001", "hub/keys/hub-test.key" if is_trusted else "attacker/key.pem")
                    elif n % 3 == 1:
                        put(folder + b"/" + signature.encode(), bytes(64))
                    command = commands[n % len(commands)]
                    verb = command[3] if command[1] == "--home" else command[1]
                    # Who signed is asked before anything is read; `inspect` asks nobody, `watch` waits for what may still come.
                    status, message = (0, None) if verb == "watch" else (3, "7302") if is_trusted or verb == "inspect" else (4, "7301")
                    h.run(*command, status=status, says=message or (), what=f"{place} {name[:80]} {'signed' if is_trusted else 'not signed'}: {verb}")
                if is_there:
                    os.rename(os.path.join(folder, name), os.path.join(folder, old))
        if os.path.lexists("whole") or len(os.listdir("stick/SU-ALPHA-000001")) != len(re.findall(rb"(?m)^volume ", text)) + 5:
            h.bad("files came or went:", os.listdir("stick/SU-ALPHA-000001"))
        put(folder + b"/MANIFEST.TXT", text)
        sign("stick/SU-ALPHA-000001", "hub/keys/hub-test.key")
        h.run("suimport", "--home", "site", "verify", "stick", status=0, inputs=0)


def medium():
    """Folders of evil names that bear a good bundle, all on one medium; and one of them as an argument."""
    os.mkdir("medium")
    for name in FILES:
        path = os.path.join(b"medium", name)
        os.mkdir(path)
        for file in os.listdir(VECTOR):
            os.link(os.path.join("vector", file), os.path.join(path, os.fsencode(file)))
    with Hostile("names of folders on a medium", homes=["site"]) as h:
        h.run("suimport", "inspect", "medium", status=0, inputs=len(FILES))
        h.run("suimport", "inspect", "medium", "--json", status=0, inputs=0)
        listed = len(h.json().get("bundles", []))
        partial = sum(n.endswith(b".partial") for n in FILES)
        if listed != len(FILES) - partial:
            h.bad(f"{listed} bundles of {len(FILES) - partial} listed")
        h.run("suimport", "--home", "site", "verify", "medium", status=0, inputs=0)
        h.run("suimport", "--home", "site", "plan", "medium", status=0, inputs=0)
        h.run("suimport", "--home", "site", "import", "medium", status=0, inputs=0)
        h.run("suimport", "--home", "site", "watch", "--inbox", "medium", "--once", status=0, inputs=0)
        h.changed()
        for name in FILES[::12]:
            h.run("suimport", "--home", "site", "verify", b"./medium/" + name, status=0, inputs=0)


def tar():
    """The members of a volume, under evil names and kinds, and everything signed: nobody reads them."""
    from at_sign import reseal
    kinds = b"0123456LKxgSV7\0"
    path = next(os.path.join(w, n) for w, _, names in os.walk("stick") for n in names if n.endswith(".001"))
    data = bytearray(open(path, "rb").read())
    fits = [n for _, n in NAMES if len(n) <= 100]
    at = members = 0
    while at < len(data) and data[at]:
        size = int(data[at + 124:at + 135], 8)
        name = fits[members % len(fits)]
        data[at:at + 100] = name.ljust(100, b"\0")
        data[at + 156] = kinds[members % len(kinds)]
        data[at + 157:at + 257] = b"/etc/passwd".ljust(100, b"\0") if members % 2 else b"../../su-evil".ljust(100, b"\0")
        members += 1
        at += 512 + -(-size // 512) * 512
    put(path, bytes(data))
    with Hostile("names and kinds of tar members", homes=["site"]) as h:
        reseal(os.path.dirname(path), "hub/keys/hub-test.key")
        h.settle()
        h.run("suimport", "--home", "site", "verify", "stick", status=0, inputs=members)
        h.run("suimport", "--home", "site", "import", "stick", status=0, inputs=0)
        h.changed()
        if members < len(fits):
            h.bad(f"only {members} members")
        for where, _, names in os.walk("site/content"):
            for name in names:
                if not re.fullmatch(r"[0-9a-f]{60,64}", name):
                    h.bad("in the store:", where, name)


def cabinet(members, packed=False):
    """As scan_cab.py's, of raw names, a slash as it is; and the real size in the head."""
    files, data, at = b"", b"".join(c for _, c in members), 0
    for name, content in members:
        files += struct.pack("<IIHHHH", len(content), at, 0, 0x58D3, 0x8A0F, 0xA0 if any(b > 127 for b in name) else 0x20) + name.split(b"\0")[0][:255] + b"\0"
        at += len(content)
    blocks = b""
    for i in range(0, len(data), 32768):
        block = data[i:i + 32768]
        if packed:
            z = zlib.compressobj(6, zlib.DEFLATED, -15)
            cut = b"CK" + z.compress(block) + z.flush()
        else:
            cut = block
        blocks += struct.pack("<IHH", 0, len(cut), len(block)) + cut
    start = 36 + 8 + len(files)
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, start + len(blocks), 0, 44, 0, 3, 1, 1, len(members), 0, 0, 0)
    return head + struct.pack("<IHH", start, -(-len(data) // 32768), packed) + files + blocks


def package():
    """Members of a wsusutil package beside the two that are looked for, fourteen at a time."""
    names = [n for _, n in NAMES if n and not n.startswith(b"\0")]
    genuine = [(n.encode(), open(f"pkg/{n}", "rb").read()) for n in ("package.xml", "metadata.txt")]
    with Hostile("names of members of a package", homes=["hub"]) as h:
        h.settle("x.cab")
        for i in range(0, len(names), 14):
            put("x.cab", cabinet([(n, b"evil") for n in names[i:i + 14]] + genuine))
            # What is not UTF-8 is refused by name; a second package.xml, whatever leads to it, too.
            code = h.run("suexport", "--home", "hub", "sync", "--from", "x.cab", status=(0, 3), inputs=len(names[i:i + 14]), what=f"{i}")
            h.refused = getattr(h, "refused", 0) + (code == 3)
        if h.refused > 8:
            h.bad(f"{h.refused} of the packages refused for names that nobody uses")
        h.changed()


def scan():
    """Members of a scan cabinet, beside the inner cabinets and inside one."""
    import argparse
    import scan_cab
    e = scan_cab.Edition(argparse.Namespace(revisions=20, shards=1, languages=1, every=20, edition=1, core=10))
    outer = [(n.encode(), c) for n, c in e.members()]
    inner = [(n.encode(), c) for n, c in e.shard(e.serials, [])]
    cut = lambda name: name.split(b"\0")[0].replace(b"\\", b"/")  # as a cabinet's reader sees it

    def is_refused(name, inside=False):
        seen = cut(name)[:255]
        return not n_is_utf8(seen) or not seen or seen.startswith(b"/") or b".." in seen.split(b"/") or any(b < 32 or b == 127 for b in seen) or not inside and seen.lower().endswith(b".cab")
    names = [n for _, n in NAMES if cut(n)]
    with Hostile("names of members of scan cabinets", homes=["hub"]) as h:
        h.settle("x.cab")
        names = [n for n in names if b"\0" not in n]  # a cabinet cannot hold one
        fine = [n for n in names if not is_refused(n) and cut(n).lower() not in (b"index.xml",)]
        for inside in (False, True):
            def made(bad):
                shard = cabinet(inner + [(n, b"evil") for n in bad]) if inside else outer[2][1]
                return cabinet([outer[0], outer[1], (outer[2][0], shard)] + ([] if inside else [(n, b"evil") for n in bad]))
            for n, name in enumerate(names):
                # libarchive takes a pair of surrogates in three bytes each for the character they stand for
                if is_refused(name, inside) and (n + inside) % (SHARE if SHARE > 1 else 2) == 0 and name != b"\xed\xa0\xbd\xed\xb8\x80":  # each at one of the two places
                    put("x.cab", made([name]))
                    h.run("suexport", "--home", "hub", "sync", "--from", "x.cab", says="The catalogue is as it was.", what=name)
            put("x.cab", made(fine))
            h.run("suexport", "--home", "hub", "sync", "--from", "x.cab", status=0, inputs=len(fine), what="all others")
        h.changed()


def zipped(members):
    """A zip of raw names."""
    data = directory = b""
    for name, content in members:
        crc, at = zlib.crc32(content), len(data)
        common = struct.pack("<HHHHHIIIHH", 20, 0x800 if name.isascii() is False and n_is_utf8(name) else 0, 0, 0, 0x5821, crc, len(content), len(content), len(name), 0)
        data += b"PK\3\4" + common + name + content
        directory += b"PK\1\2" + struct.pack("<H", 0x314) + common + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, at) + name
    return data + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, len(members) & 0xffff, len(members) & 0xffff, len(directory), len(data), 0)


def n_is_utf8(name):
    try:
        name.decode()
        return True
    except UnicodeDecodeError:
        return False


def vendor():
    """Members of a vendor's catalogue, zip and cabinet: as they are, and as packages that are to be read."""
    import third_party
    names = [n for _, n in NAMES if n and len(n) < 60000]
    fine = [n for n in names if n_is_utf8(n) and b"\0" not in n]
    packages = [third_party.package(k)[1].encode() for k in range(len(fine))]
    with Hostile("names of members of vendor catalogues", homes=["hub"]) as h:
        h.settle("x.zip", "x.cab")
        subscribe = ("suexport", "--home", "hub", "catalog", "subscribe", "--allow-unsigned")
        # A zip's folders are passed over: a name that ends in a slash is one.
        put("x.zip", zipped([(n, b"evil") for n in fine if not n.lower().endswith((b".xml", b".sdp", b".cab")) and not n.endswith(b"/")] + [(b"a.sdp", packages[0])]))
        h.run(*subscribe, "x.zip", "--name", "v", status=0, inputs=len(fine))
        h.run("suexport", "--home", "hub", "catalog", "unsubscribe", "v", status=0, inputs=0)
        put("x.zip", zipped([(n + b".sdp", p) for n, p in zip(fine, packages)]))
        h.run(*subscribe, "x.zip", "--name", "v", status=0, inputs=len(fine))
        h.run("suexport", "--home", "hub", "catalog", "show", "v", status=0, inputs=0)
        h.run("suexport", "--home", "hub", "catalog", "unsubscribe", "v", status=0, inputs=0)
        put("x.cab", cabinet([(n[:240] + b".SDP", p) for n, p in zip(fine, packages) if n_is_utf8(n[:240])]))
        h.run(*subscribe, "x.cab", "--name", "v", status=0, inputs=len(fine))
        h.run("suexport", "--home", "hub", "catalog", "unsubscribe", "v", status=0, inputs=0)
        for name in names:
            if not n_is_utf8(name) or name.endswith(b"\\"):
                put("x.zip", zipped([(name + b".sdp", packages[0][:-9])]))
                h.run(*subscribe, "x.zip", "--name", "v", status=3, what=name)
        h.run("suexport", "--home", "hub", "status", "--json", status=0, inputs=0)
        if h.json().get("revisions") != 0:
            h.bad("what was unsubscribed is still there")
        h.changed()  # the history has the runs


def content():
    """Files and folders of a WsusContent tree."""
    os.mkdir("tree")
    for n, name in enumerate(FILES):
        path = os.path.join(b"tree", name)
        if n % 2:
            os.mkdir(path)
            if len(path) < 3000:
                put(os.path.join(path, name))
        else:
            put(path)
    with Hostile("names in a WsusContent tree", homes=["hub"]) as h:
        h.run("suexport", "--home", "hub", "content", "add", "tree", status=0, says=f"{len(FILES)} unknown", inputs=len(FILES), remedy=False)
        h.run("suexport", "--home", "hub", "content", "add", "tree", "--json", status=0, inputs=0, remedy=False)
        h.json()


def words():
    """Names on the command line: of sites, keys, hubs; nothing of them becomes a file."""
    names = [n for _, n in NAMES if b"\0" not in n and len(n) < 100000]
    good_site, good_name = re.compile(rb"[A-Z0-9][A-Z0-9-]{0,14}[A-Z0-9]|[A-Z0-9]"), re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
    places = [("suimport", ["--home", "new", "init", "--site"], good_site), ("suexport", ["--home", "hub", "site", "add"], good_site),
              ("suexport", ["--home", "hub", "key", "generate", "--name"], good_name), ("suexport", ["--home", "hub", "key", "export", "--name"], None),
              ("suexport", ["--home", "hub", "export", "--out", "nowhere", "--site"], None), ("suimport", ["--home", "site", "import"], None)]
    with Hostile("names on the command line", homes=["hub", "site"]) as h:
        for n, name in share(enumerate(names)):
            program, before, form = places[n // SHARE % len(places)]
            if form and form.fullmatch(name) or name == b"--help":
                continue
            h.run(program, *before, name, status=2, what=name)


def documents():
    """File names, titles and texts inside update documents."""
    from check_documents import records, join
    texts = [t for t in (in_xml(n) for _, n in NAMES if len(n) < 5000) if t]
    made = records(open("pkg/metadata.txt", "rb").read())
    index = open("pkg/package.xml", encoding="utf-8").read()
    at = 0
    for n, (guid, revision, document) in enumerate(made):
        def next_text(match):
            nonlocal at
            at += 1
            return match[1] + texts[at % len(texts)].encode() + match[2]
        document = re.sub(rb'( FileName=")[^"]*(")', next_text, document)
        for tag in (rb"Title", rb"Description", rb"KBArticleID", rb"SecurityBulletinID"):
            document = re.sub(rb"(<upd:" + tag + rb">)[^<]*(</)", next_text, document)
        made[n] = guid, revision, document
    put("pkg/metadata.txt", join(made))
    put("pkg/package.xml", index.encode())
    put("x.cab", cabinet([(b"package.xml", index.encode()), (b"metadata.txt", open("pkg/metadata.txt", "rb").read())], packed=True))
    with Hostile("names and texts inside update documents", homes=["hub", "site"]) as h:
        h.settle("stick", "report.html", "x.cab")
        h.run("suexport", "--home", "hub", "sync", "--from", "x.cab", status=0, inputs=at)
        for command in (["content", "list"], ["content", "add", "pkg/WsusContent"], ["search", "evil"], ["plan", "--site", "ALPHA"], ["report"], ["report", "--html", "report.html"], ["history"], ["products"],
                        ["export", "--site", "ALPHA", "--out", "stick"], ["audit", "file", made[0][0]], ["explain", made[-1][0], "--site", "ALPHA"]):
            h.run("suexport", "--home", "hub", *command, status=2 if command[:2] == ["audit", "file"] else 0, inputs=0)
        for guid, _, _ in made[:12]:
            h.run("suexport", "--home", "hub", "show", guid, status=0, inputs=0)
            h.run("suexport", "--home", "hub", "show", guid, "--json", status=0, inputs=0)
            h.json()
        h.run("suimport", "--home", "site", "import", "stick", status=0, inputs=0)
        h.run("suimport", "--home", "site", "report", status=0, inputs=0)
        for paper in ("SLIP.TXT", "SLIP.HTM"):
            text = open(f"stick/SU-ALPHA-000001/{paper}", encoding="utf-8").read()
            if obeyed(text.replace("\r", "")):
                h.bad(paper, "holds", obeyed(text.replace("\r", "")))
            if "<script>alert" in text:
                h.bad(paper, "holds markup")
        h.changed()


def inbox():
    """Request files: two names ask for something, the others are nothing, and nothing happens to them."""
    names = [n for n in FILES if n.upper() not in (b"FULL.SYN", b"SELF.SYN")]
    for name in names:
        put(os.path.join(b"hub/inbox", name))
    with Hostile("names of request files", homes=["hub"]) as h:
        h.run("suexport", "--home", "hub", "sync", "--if-due", "--json", status=0, inputs=len(names))
        if h.json().get("due") is not False:
            h.bad("something was due")
        if len(os.listdir(b"hub/inbox")) != len(names):
            h.bad("some request files are gone")


def keys():
    """Files in the folder of keys; name and role lines in a key that is brought."""
    good = open("hub/keys/hub-test.pub", "rb").read()
    form = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
    strangers = [n for n in FILES if len(n) <= 250 and not form.fullmatch(n)]
    for name in strangers:
        put(os.path.join(b"hub/keys", name + b".pub"), good)
    with Hostile("names of keys", homes=["site"]) as h:
        h.settle("hub", "k.pub")
        h.run("suexport", "--home", "hub", "key", "list", status=0, inputs=len(strangers))
        h.run("suexport", "--home", "hub", "export", "--site", "ALPHA", "--out", "hub/stick", status=0, inputs=0)
        for _, name in share(NAMES):
            if form.fullmatch(name) or len(name) > 10000 or not name.strip(b"\r\n") or form.fullmatch(re.split(rb"[\r\n]", name)[0]) or b"\0" in name:
                continue
            put("k.pub", re.sub(rb"\nname .*\n", lambda m: b"\nname " + name + b"\n", good))
            h.run("suimport", "--home", "site", "trust", "add", "k.pub", status=4 if len(name) <= 64 and b"\n" not in name else (2, 4), what=name)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
