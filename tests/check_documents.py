#!/usr/bin/env python3
"""check_documents.py PACKAGE DATABASE - are the documents in the database those of the package?

An oracle that shares no code with the programs: it takes the cabinet apart with cabextract, walks
metadata.txt by the UTF-16 lengths in its record heads, reads the database with the sqlite3 module,
unpacks with the zstd command, and compares every document and every address byte for byte.
PACKAGE is a .cab, or a folder that holds package.xml and metadata.txt.
"""
import base64
import hashlib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import uuid
import xml.etree.ElementTree as ET

HEAD = re.compile(rb"([0-9a-fA-F-]{36}),([0-9a-f]{8}),([0-9a-f]{8}),")


def utf16_cut(data, start, units):
    """The offset where `units` UTF-16 units that begin at `start` end."""
    guess = start + units  # right for ASCII; each step then looks at what is still missing
    have = len(data[start:guess].decode("utf-8", "ignore").encode("utf-16-le")) // 2
    while have < units:
        guess += max(1, units - have)
        while guess < len(data) and data[guess] & 0xC0 == 0x80:
            guess += 1
        have = len(data[start:guess].decode("utf-8").encode("utf-16-le")) // 2
    while have > units:  # overshot: back by whole characters
        guess -= 1
        while data[guess] & 0xC0 == 0x80:
            guess -= 1
        have = len(data[start:guess].decode("utf-8").encode("utf-16-le")) // 2
    assert have == units, "a length cuts a character"
    return guess


def records(data):
    """metadata.txt as a list of (head text of the GUID, revision, document)."""
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    out = []
    while at < len(data):
        head = HEAD.match(data, at)
        assert head, f"no record head at offset {at}"
        end = utf16_cut(data, head.end(), int(head[3], 16))
        assert data[end:end + 2] == b"\r\n", f"no line end at offset {end}"
        out.append((head[1].decode(), int(head[2], 16), data[head.end():end]))
        at = end + 2
    return out


def join(items):
    """The reverse of records(): right lengths whatever the documents became."""
    out = []
    for guid, revision, document in items:
        units = len(document.decode("utf-8", "surrogateescape").encode("utf-16-le", "surrogatepass")) // 2
        out.append(b"%s,%08x,%08x,%s\r\n" % (guid.encode(), revision, units, document))
    return b"".join(out)


def unpack(connection):
    """rev_id -> document, unpacked in one run of zstd for each dictionary."""
    out = {}
    ids = [row[0] for row in connection.execute("SELECT DISTINCT dictionary_id FROM document")]
    for dictionary in ids:
        rows = connection.execute(
            "SELECT rev_id, raw_bytes, packed FROM document WHERE dictionary_id IS ? ORDER BY rev_id", (dictionary,)).fetchall()
        command = ["zstd", "-d", "-c", "-q"]
        with tempfile.NamedTemporaryFile() as file:
            if dictionary is not None:
                file.write(connection.execute("SELECT bytes FROM dictionary WHERE dictionary_id=?", (dictionary,)).fetchone()[0])
                file.flush()
                command += ["-D", file.name]
            raw = subprocess.run(command, input=b"".join(row[2] for row in rows), stdout=subprocess.PIPE, check=True).stdout
        assert len(raw) == sum(row[1] for row in rows), "the documents are not as long as the database says"
        at = 0
        for rev_id, size, _ in rows:
            out[rev_id] = raw[at:at + size]
            at += size
    return out


def held(path):
    """(guid, revision) -> dict of what the database holds."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    documents = unpack(connection)
    out = {}
    for rev_id, guid, revision, origin, record, digest, urls in connection.execute(
            "SELECT rev_id, update_id, revision, origin, record_sha256, doc_sha256, urls FROM revision JOIN document USING (rev_id)"):
        out[str(uuid.UUID(bytes=guid)), revision] = {
            "document": documents[rev_id], "origin": origin, "record": record, "digest": digest, "urls": urls}
    total = connection.execute("SELECT count(*) FROM revision").fetchone()[0]
    assert total == len(out), f"{total} revisions, {len(out)} with documents"
    return out


def digests_named(document):
    """SHA-1 of every file and licence file a document names, as hex."""
    out = set()
    for element in ET.fromstring(document).iter():
        if element.tag.rsplit("}", 1)[-1] in ("File", "EulaFile") and "Digest" in element.attrib:
            out.add(base64.b64decode(element.attrib["Digest"]).hex())
    return out


def main():
    package, database = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        if not os.path.isdir(package):
            subprocess.run(["cabextract", "-q", "-d", folder, package], check=True)
            package = folder
        with open(os.path.join(package, "metadata.txt"), "rb") as file:
            wanted = {(str(uuid.UUID(guid)), revision): document for guid, revision, document in records(file.read())}
        root = ET.parse(os.path.join(package, "package.xml")).getroot()
    urls = {base64.b64decode(f.attrib["Digest"]).hex(): f.attrib["MUUrl"] for f in root.find("Files") or ()}
    have = held(database)
    assert set(have) == set(wanted), f"identities differ: {sorted(set(have) ^ set(wanted))[:5]}"
    for key, document in wanted.items():
        row = have[key]
        assert row["document"] == document, f"document of {key} differs"
        assert row["digest"] == hashlib.sha256(document).digest(), f"digest of {key} is not its document's"
        named = digests_named(document) if urls else ()
        lines = "".join(f"{d} {urls[d]}\n" for d in sorted(named) if urls.get(d))
        assert row["urls"] == lines, f"addresses of {key} differ: {row['urls']!r}, expected {lines!r}"
    print(f"{len(wanted)} documents, {sum(map(len, wanted.values()))} bytes, all the same")


if __name__ == "__main__":
    main()
