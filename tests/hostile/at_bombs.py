#!/usr/bin/env python3
"""at_bombs.py PLACE - bombs, lies about sizes, duplicates, entities, depth: small files that want to be large or endless.

Each is refused for the reason given, soon, in little memory; what was held is held. The bounds of hostile.py are the
test: a parser that believes a size, or unpacks what it is given, goes past them.
"""
import gzip
import re
import struct
import subprocess
import sys
import zlib

from at_names import cabinet, put
from check_documents import join, records
from hostile import Hostile, share

MIB = 1 << 20


def deflated(pieces):
    """One cabinet member's MSZIP blocks from (byte, count) runs: 32 KiB each, so a mebibyte of one byte is 32 small ones."""
    out, last = [], {}
    for byte, count in pieces:
        if byte not in last:
            z = zlib.compressobj(9, zlib.DEFLATED, -15)
            last[byte] = b"CK" + z.compress(byte * 32768) + z.flush()
        out += [last[byte]] * (count // 32768)
    return out


def bomb(name, byte, size, announced=None, genuine=()):
    """A cabinet whose last member is `size` bytes of one byte; it may announce another size."""
    blocks = []
    front = b"".join(c for _, c in genuine)
    front += byte * (-len(front) % 32768)
    for i in range(0, len(front), 32768):
        z = zlib.compressobj(6, zlib.DEFLATED, -15)
        blocks.append(b"CK" + z.compress(front[i:i + 32768]) + z.flush())
    blocks += deflated([(byte, size)])
    files, at = b"", 0
    for other, content in genuine:
        files += struct.pack("<IIHHHH", len(content), at, 0, 0x58D3, 0x8A0F, 0x20) + other + b"\0"
        at += len(content)
    files += struct.pack("<IIHHHH", size if announced is None else announced, at, 0, 0x58D3, 0x8A0F, 0x20) + name + b"\0"
    data = b"".join(struct.pack("<IHH", 0, len(b), 32768) + b for b in blocks)
    start = 44 + len(files)
    return b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, start + len(data), 0, 44, 0, 3, 1, 1, len(genuine) + 1, 0, 0, 0) + struct.pack("<IHH", start, len(blocks) & 0xffff, 1) + files + data


def patched(data, *edits):
    data = bytearray(data)
    for at, form, value in edits:
        struct.pack_into(form, data, at, value)
    return bytes(data)


def zeros(size):
    """gzip of `size` zeros, from pieces: the driver's own memory is no test."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(z.compress(bytes(MIB)) for _ in range(size // MIB)) + z.flush()


def laughs(levels=30):
    return b"<!DOCTYPE a [<!ENTITY e0 \"ha\">" + b"".join(b"<!ENTITY e%d \"&e%d;&e%d;&e%d;&e%d;\">" % (n, n - 1, n - 1, n - 1, n - 1) for n in range(1, levels)) + b"]>"


def packages():
    """What a hub is given as a source: packages, scan cabinets, catalogues of vendors, files brought by hand."""
    with open("pkg/package.xml", "rb") as f:
        index = f.read()
    with open("pkg/metadata.txt", "rb") as f:
        text = f.read()
    good = cabinet([(b"package.xml", index), (b"metadata.txt", text)], packed=True)
    root = index[:index.index(b"<", index.index(b"<ExportPackage") + 5)]
    head = re.match(rb"(?:\xef\xbb\xbf)?([0-9a-fA-F-]{36},[0-9a-f]{8},)([0-9a-f]{8}),", text)
    document = text[head.end():]

    def package(new_index=index, new_text=text, packed=True):
        return cabinet([(b"package.xml", new_index), (b"metadata.txt", new_text)], packed=packed)

    made = records(text)

    def in_document(evil, at=b"<upd:Properties "):
        guid, revision, old = made[0]
        assert at in old
        return package(new_text=join([(guid, revision, old.replace(at, evil + at, 1))] + made[1:]))

    first = text.index(b"\r\n", head.end()) + 2
    files = {
        # bombs
        "zlib: metadata.txt of 1 GiB of zeros": bomb(b"metadata.txt", b"\0", 1024 * MIB, genuine=[(b"package.xml", index)]),
        "zlib: package.xml of 512 MiB in one tag": bomb(b"package.xml", b"<", 512 * MIB),
        "zlib: package.xml of 512 MiB of letters": bomb(b"package.xml", b"a", 512 * MIB),
        "gzip: 128 MiB of zeros": lambda: zeros(128 * MIB),
        "gzip in gzip: 128 MiB of zeros": lambda: gzip.compress(zeros(128 * MIB)),
        "gzip: 100 MiB of blanks after a root": lambda: gzip.compress(root) + b"".join([gzip.compress(b" " * MIB)] * 100),
        # entities, depth, attributes
        "entities in package.xml": package(laughs() + index[index.index(b"<ExportPackage"):]),
        "entities in a document": in_document(laughs(), b"<upd:Update "),
        "an external entity": package(b"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" + index[index.index(b"<ExportPackage"):]),
        "depth of 200,000 in package.xml": package(root + b"<a>" * 200000),
        "depth of 200,000 in a document": in_document(b"<a>" * 200000),
        "100,000 attributes in package.xml": package(root + b"<Files " + b"".join(b"a%d=\"\" " % n for n in range(100000)) + b"/>"),
        "100,000 attributes in a document": in_document(b"<a " + b"".join(b"a%d=\"\" " % n for n in range(100000)) + b"/>"),
        "100,000 namespaces in a document": in_document(b"<a " + b"".join(b"xmlns:a%d=\"u%d\" " % (n, n) for n in range(100000)) + b"/>"),
        "a comment without end": package(root + b"<!--" + b"x" * (8 * MIB)),
        "a name of 8 MiB": package(root + b"<" + b"x" * (8 * MIB) + b"/>"),
        # sizes that lie
        "a document that says 4 GiB": package(new_text=head[1] + b"ffffffff," + document),
        "a document that says 64 MiB": package(new_text=head[1] + b"04000000," + document),
        "a document that says 65 MiB": package(new_text=head[1] + b"04100000," + document),
        "a document that says nothing": package(new_text=head[1] + b"00000000," + document),
        "a document one unit short": package(new_text=text.replace(head[2], b"%08x" % (int(head[2], 16) - 1), 1)),
        "a document one unit long": package(new_text=text.replace(head[2], b"%08x" % (int(head[2], 16) + 1), 1)),
        "the cabinet's size: nothing": patched(good, (8, "<I", 0)),
        "the cabinet's size: 4 GiB": patched(good, (8, "<I", 0xffffffff)),
        "the head is longer than the file": patched(good, (16, "<I", len(good) + 1000)),
        "the head is longer than any file": patched(good, (16, "<I", 0xffffffff)),
        "a reserved head longer than the file": patched(good, (30, "<H", 4)) [:36] + b"\xff\xff\xff\xff" + good[36:],
        "65,535 members": patched(good, (28, "<H", 65535)),
        "65,535 folders": patched(good, (26, "<H", 65535)),
        "no member": patched(good, (28, "<H", 0)),
        "no folder": patched(good, (26, "<H", 0)),
        "the data begins after the file": patched(good, (36, "<I", len(good) + 1)),
        "the data begins in the head": patched(good, (36, "<I", 0)),
        "65,535 blocks": patched(good, (40, "<H", 65535)),
        "no block": patched(good, (40, "<H", 0)),
        "a member of 4 GiB": patched(good, (44, "<I", 0xffffffff)),
        "a member that begins at 4 GiB": patched(good, (48, "<I", 0xffffffff)),
        "a member of no folder": patched(good, (52, "<H", 4711)),
        "continued from another cabinet": patched(good, (52, "<H", 0xfffd)),
        "a block that unpacks to nothing": patched(good, (struct.unpack_from("<I", good, 36)[0] + 6, "<H", 0)),
        "a block that unpacks to 65,535": patched(good, (struct.unpack_from("<I", good, 36)[0] + 6, "<H", 65535)),
        "a block longer than the file": patched(good, (struct.unpack_from("<I", good, 36)[0] + 4, "<H", 65535)),
        "a compression nobody knows": patched(good, (42, "<H", 0x0f)),
        "LZX with a window of 2^31": patched(good, (42, "<H", 0x1f03)),
        "cut in the head": good[:40], "cut in the data": good[:len(good) // 2], "of a signature alone": good[:4],
        # duplicates
        "package.xml twice": cabinet([(b"package.xml", index)] * 2 + [(b"metadata.txt", text)]),
        "metadata.txt twice": cabinet([(b"package.xml", index)] + [(b"metadata.txt", text)] * 2),
        "one record twice": package(new_text=text[:first] + text),
        "one update twice": package(new_index=re.sub(rb"(<Update .*?</Update>)", rb"\1\1", index, count=1, flags=re.S)),
    }
    reasons = {"entit": "document type", "depth": "nest deeper than 128", "attributes": "longer than 65536", "namespaces": "longer than 65536", "comment": "longer than 65536", "name of": "longer than 65536", "in one tag": "longer than 65536",
               "says 4 GiB": "claims 4294967295", "says 65 MiB": "at most 67108864", "one unit": "no line end where", "cabinet's size": "its head announces",
               "xml twice": "two members named", "txt twice": "two members named"}
    with Hostile("bombs, lying sizes and duplicates in packages", homes=["hub"]) as h:
        h.settle("x")
        for what, data in share(files.items()):
            put("x", data() if callable(data) else data)
            words = [w for start, w in reasons.items() if start in what]
            h.run("suexport", "--home", "hub", "sync", "--from", "x", status=3, says=["The catalogue is as it was.", *words], what=what)
        h.changed()
        put("x", good)
        h.run("suexport", "--home", "hub", "sync", "--from", "x", status=0, inputs=0, what="the good one")


def frames():
    """The records of a bundle, zstd, replaced in place by somebody who holds the key: everything is signed and hashed."""
    from at_sign import reseal
    folder = "stick/SU-ALPHA-000001"
    with open(folder + "/MANIFEST.TXT", "rb") as f:
        text = f.read()
    raw, at, length = map(int, re.search(rb"\nframe (\d+) 1:(\d+):(\d+)\n", text).groups())
    with open(folder + "/SU000001.001", "rb") as f:
        volume = f.read()
    own = volume[at:at + length]

    def zstd(data, *options):
        return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout

    def skippable(size):
        return struct.pack("<II", 0x184D2A50, size - 8) + bytes(size - 8)
    zero = zstd(bytes(64 * MIB))
    plain = subprocess.run(["zstd", "-q", "-d", "-c"], input=own, stdout=subprocess.PIPE, check=True).stdout
    cases = {
        "64 MiB of zeros": zero + skippable(length - len(zero)), "one byte more than announced": zstd(plain + b"x", "--ultra", "-22"), "one byte less": zstd(plain[:-1], "--ultra", "-22"),
        "announces 2^60 bytes": b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 60) + b"\x01\0\0", "announces what the manifest does, and is empty": b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", raw) + b"\x01\0\0",
        "a window of 2^41": b"\x28\xb5\x2f\xfd\x00\xff\x01\0\0", "a reserved bit": own[:4] + bytes([own[4] | 8]) + own[5:], "a dictionary nobody has": b"\x28\xb5\x2f\xfd\x23" + struct.pack("<IB", 4711, 0) + b"\x01\0\0",
        "a block of the reserved kind": b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", raw) + b"\x07\0\0", "a block that repeats 2 MiB": b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", raw) + struct.pack("<I", (2 * MIB << 3 | 2 | 1) & 0xffffff)[:3] + b"x",
        "cut in half": own[:length // 2], "nothing but skippable": skippable(length), "zeros": bytes(length), "ones": b"\xff" * length, "an older format": b"\x27" + own[1:], "a skippable that is longer than all": struct.pack("<II", 0x184D2A50, 0xffffffff),
        "no zstd but gzip": gzip.compress(plain[:1000]),
    }
    with Hostile("records of a signed bundle that are bombs or lie", homes=["site"], is_store=False) as h:
        h.settle("stick")
        for n, (what, data) in enumerate(cases.items()):
            if len(data) <= length:
                rest = length - len(data)  # what follows is passed over
                put(folder + "/SU000001.001", volume[:at] + data + (skippable(rest) if rest >= 8 else bytes(rest)) + volume[at + length:])
                put(folder + "/MANIFEST.TXT", text)
                reseal(folder, "hub/keys/hub-test.key")
                h.run("suimport", "--home", "site", "plan" if n % 4 == 3 else "import", "stick", status=3, says="decompressed to" if what in ("one byte less", "nothing but skippable") else (), what=what)
        if h.inputs < 12:
            h.bad(f"only {h.inputs} of them fit into {length} bytes")
        put(folder + "/SU000001.001", volume)
        put(folder + "/MANIFEST.TXT", text)
        reseal(folder, "hub/keys/hub-test.key")
        h.run("suimport", "--home", "site", "plan", "stick", status=0, inputs=0, what="as it was")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
