#!/usr/bin/env python3
"""many_files.py PKG COUNT BYTES COPIES - a package with many small files.

PKG holds package.xml, metadata.txt and WsusContent as the sample generator wrote them. The updates that
have files name COUNT files of BYTES bytes instead, in turn; the first COPIES lie in the tree a second time.
"""
import base64
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check_documents import join, records

folder, count, size, copies = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
content = os.path.join(folder, "WsusContent")
for where, _, names in os.walk(content):
    for name in names:
        if not name.endswith(".txt"):  # licence terms stay
            os.remove(os.path.join(where, name))


def make(number):
    block = hashlib.sha256(b"%d" % number).digest()
    data = (block * (size // 32 + 1))[:size]
    sha1, sha256 = hashlib.sha1(data).digest(), hashlib.sha256(data).digest()
    name = sha1.hex().upper() + ".cab"
    for place in ("", "again")[: 1 + (number < copies)]:
        where = os.path.join(content, place, name[38:40])
        os.makedirs(where, exist_ok=True)
        with open(os.path.join(where, name), "wb") as file:
            file.write(data)
    a, b = base64.b64encode(sha1).decode(), base64.b64encode(sha256).decode()
    return a, (f'<upd:File Digest="{a}" DigestAlgorithm="SHA1" FileName="small-{number}.cab" Size="{size}" '
               f'Modified="2026-09-18T17:00:07Z" PatchingType="SelfContained">'
               f'<upd:AdditionalDigest Algorithm="SHA256">{b}</upd:AdditionalDigest></upd:File>').encode()


files = [make(number) for number in range(count)]
with open(os.path.join(folder, "metadata.txt"), "rb") as file:
    updates = records(file.read())
some = re.compile(rb"(<upd:Files>).*?(</upd:Files>)", re.S)
owners = [n for n, (_, _, document) in enumerate(updates) if some.search(document) and b"License" not in document]
shares = {}
for turn, owner in enumerate(owners):
    mine = files[turn :: len(owners)]
    guid, revision, document = updates[owner]
    shares[guid, revision] = mine
    updates[owner] = guid, revision, some.sub(lambda m: m[1] + b"".join(f for _, f in mine) + m[2], document)
with open(os.path.join(folder, "metadata.txt"), "wb") as file:
    file.write(join(updates))

with open(os.path.join(folder, "package.xml"), encoding="utf-8") as file:
    index = file.read()
there = "".join(f'<File Digest="{a}" MUUrl="http://download.windowsupdate.com/{n}.cab" />' for n, (a, _) in enumerate(files))
index = index.replace("</Files><Updates>", there + "</Files><Updates>")
for (guid, revision), mine in shares.items():
    listed = "".join(f'<File Digest="{a}" />' for a, _ in mine)
    index = re.sub(f'(<Update UpdateId="{guid}" RevisionNumber="{revision}">)(<Files />|<Files>.*?</Files>)',
                   lambda m: f"{m[1]}<Files>{listed}</Files>", index)
with open(os.path.join(folder, "package.xml"), "w", encoding="utf-8") as file:
    file.write(index)
