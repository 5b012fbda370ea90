"""upstream_data.py - what the test upstream serves: generated packages, as a server holds them.

A package is a folder of samples/generate (package.xml and metadata.txt, or export.cab with both; WsusContent
beside them). Several packages are the months of one server. Documents stay in the mapped file and become
blobs when they are asked for.
"""
import base64
import hashlib
import mmap
import os
import re
import struct
import subprocess
import tempfile
import xml.etree.ElementTree as ET
import zlib
from xml.sax.saxutils import escape

from check_documents import HEAD, utf16_cut

PLAIN_LIMIT = 5120  # bytes of UTF-16 up to which a document travels as text
BLOCK = 32768  # of a cabinet
CONFIG_TYPES = (b"Category", b"Detectoid")


def checksum(data, seed=0):
    """CFDATA's: 32-bit words folded together; what is left over counts big end first."""
    whole = len(data) & ~3
    words = int.from_bytes(data[:whole], "little")
    bits = whole * 8
    while bits > 32:
        half = (bits // 32 + 1) // 2 * 32
        words, bits = (words >> half) ^ (words & ((1 << half) - 1)), half
    return words ^ int.from_bytes(data[whole:], "big") ^ seed


def cabinet_of(blocks, size):
    """A cabinet with one MSZIP folder and one file `blob`; blocks are (unpacked size, bytes)."""
    frames = bytearray()
    count = 0
    for raw, packed in blocks:
        sizes = struct.pack("<HH", len(packed), raw)
        frames += struct.pack("<I", checksum(sizes, checksum(packed))) + sizes + packed
        count += 1
    start = 36 + 8 + 16 + 5
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, start + len(frames), 0, 44, 0, 3, 1, 1, 1, 0, 0, 0)
    return head + struct.pack("<IHH", start, count, 1) + struct.pack("<IIHHHH", size, 0, 0, 0, 0, 0) + b"blob\0" + bytes(frames)


def cabinet(data):
    def blocks():
        before = b""
        for at in range(0, len(data), BLOCK):
            block = data[at:at + BLOCK]
            packer = zlib.compressobj(1, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, before) if before \
                else zlib.compressobj(1, zlib.DEFLATED, -15)
            yield len(block), b"CK" + packer.compress(block) + packer.flush()
            before = block
    return cabinet_of(blocks(), len(data))


def bomb(size):
    """A small cabinet that unpacks to `size` bytes, all of them text: `<a><a>...`."""
    def blocks():
        block = ("<a>" * BLOCK).encode("utf-16-le")[:BLOCK]
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"CK" + packer.compress(block) + packer.flush()
        for _ in range(min(size // BLOCK, 65535)):
            yield BLOCK, packed
    return cabinet_of(blocks(), min(size // BLOCK, 65535) * BLOCK)


class Update:
    """One revision: where its document lies and what a filter asks of it."""
    __slots__ = ("id", "revision", "package", "start", "end", "kind", "categories", "classifications", "files", "changed", "captured")

    def document(self):
        return self.package.text[self.start:self.end]

    def key(self):
        return self.id, self.revision


class Package:
    def __init__(self, folder):
        self.folder = folder
        self.content = os.path.join(folder, "WsusContent")
        if not os.path.exists(os.path.join(folder, "metadata.txt")):
            self.unpacked = tempfile.TemporaryDirectory()
            folder = self.unpacked.name
            subprocess.run(["cabextract", "-q", "-d", folder, os.path.join(self.folder, "export.cab")], check=True)
        with open(os.path.join(folder, "metadata.txt"), "rb") as file:
            self.text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.updates, self.urls, self.languages, self.server = {}, {}, [], None
        self.read_records()
        self.read_index(os.path.join(folder, "package.xml"))

    def read_records(self):
        at = 0
        kind = re.compile(rb'UpdateType="(\w+)"')
        while at < len(self.text):
            head = HEAD.match(self.text, at)
            one = Update()
            units = int(head[3], 16)
            one.id, one.revision, one.package, one.start = head[1].decode().lower(), int(head[2], 16), self, head.end()
            tail = self.text[head.end():head.end() + units + 2]
            one.end = head.end() + units if tail.isascii() and tail[-2:] == b"\r\n" else utf16_cut(self.text, head.end(), units)
            one.kind = kind.search(self.text, one.start, one.end)[1]
            one.categories = one.classifications = one.files = ()
            one.changed, one.captured = 1, None
            self.updates[one.key()] = one
            at = one.end + 2

    def read_index(self, path):
        for _, element in ET.iterparse(path):
            if element.tag == "Update":
                one = self.updates[element.attrib["UpdateId"].lower(), int(element.attrib["RevisionNumber"])]
                one.categories = tuple(c.attrib["Value"].lower() for c in element.iter("Category"))
                one.classifications = tuple(c.attrib["Value"].lower() for c in element.iter("Classification"))
                one.files = tuple(f.attrib["Digest"] for f in element.iter("File"))
                element.clear()
            elif element.tag == "File" and "MUUrl" in element.attrib:
                self.urls[element.attrib["Digest"]] = element.attrib["MUUrl"]
            elif element.tag == "Language":
                self.languages.append(element.attrib)
            elif element.tag == "ExportPackage":
                self.server = element.attrib["ServerID"]
                self.created = element.attrib["CreationTime"]


def take_captured(path):
    """A genuine GetUpdateData answer, served as it was: (update, addresses by digest)."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    one = Update()
    one.captured = re.search(r"<ServerSyncUpdateData>.*?</ServerSyncUpdateData>", text, re.S)[0]
    one.id = re.search(r"<UpdateID>([^<]*)</UpdateID>", one.captured)[1]
    one.revision = int(re.search(r"<RevisionNumber>([^<]*)</RevisionNumber>", one.captured)[1])
    one.kind, one.categories, one.classifications, one.changed = b"Software", None, None, 1
    urls = dict(re.findall(r"<ServerSyncUrlData><FileDigest>([^<]*)</FileDigest><MUUrl>([^<]*)</MUUrl>", text))
    one.files = tuple(urls)
    return one, urls


class Server:
    """The months, which of them is now, and what belongs to an answer."""

    def __init__(self, folders, month=1, all_revisions=False, children_listed=True, captured=None, server=None, without=()):
        self.months = [Package(folder) for folder in folders]
        for package in self.months:
            package.updates = {key: one for key, one in package.updates.items() if one.id not in without}
        self.all_revisions, self.children_listed = all_revisions, children_listed
        self.captured, self.captured_urls = take_captured(captured) if captured else (None, {})
        self.id = server or self.months[0].server
        self.turn(month)

    def turn(self, month):
        """From now on the server is in that month; what its documents changed since each earlier one is known."""
        now = self.months[month - 1]
        for back in range(month - 1):
            before = self.months[back].updates
            for key, one in now.updates.items():
                old = before.get(key)
                if old is None or old.document() != one.document():
                    one.changed = max(one.changed, back + 2)
        known = {key: one for package in self.months[:month] for key, one in package.updates.items()}
        if self.captured:
            known[self.captured.key()] = self.captured
        parents = self.parents_of_categories(now)
        children = set() if self.children_listed else self.children(now)
        urls = {digest: url for package in self.months[:month] for digest, url in package.urls.items()}
        urls.update(self.captured_urls)
        listed = [one for one in now.updates.values() if one.id not in children]
        if not self.all_revisions:
            newest = {}
            for one in listed:
                newest[one.id] = max(newest.get(one.id, 0), one.revision)
            listed = [one for one in listed if one.revision == newest[one.id]]
        # A real server's order means nothing, and nobody may lean on ours.
        listed.sort(key=lambda one: hashlib.md5(one.id.encode()).digest())
        self.month, self.now, self.known, self.parents, self.urls, self.listed = month, now, known, parents, urls, listed

    @staticmethod
    def parents_of_categories(package):
        """Category -> itself and all above it."""
        above = {}
        for one in package.updates.values():
            if one.kind == b"Category":
                groups = re.findall(rb'<upd:AtLeastOne IsCategory="true">(.*?)</upd:AtLeastOne>', one.document(), re.S)
                above[one.id] = {m.decode().lower() for g in groups for m in re.findall(rb'UpdateID="([^"]*)"', g)}

        def whole(name):
            out, rest = set(), [name]
            while rest:
                name = rest.pop()
                if name not in out:
                    out.add(name)
                    rest += above.get(name, ())
            return frozenset(out)
        return {name: whole(name) for name in above}

    @staticmethod
    def children(package):
        group = re.compile(rb"<upd:BundledUpdates>(.*?)</upd:BundledUpdates>", re.S)
        return {m.decode().lower() for one in package.updates.values() for g in group.findall(package.text, one.start, one.end)
                for m in re.findall(rb'UpdateID="([^"]*)"', g)}

    def config_list(self, since):
        return [one.key() for one in self.listed if one.kind in CONFIG_TYPES and one.changed > since]

    def update_list(self, since, categories, classifications, all_again):
        """categories and classifications: id -> delta."""
        out = []
        for one in self.listed:
            if one.kind in CONFIG_TYPES:
                continue
            above = {name for c in one.categories for name in self.parents.get(c, (c,))}
            deltas = [categories[c] for c in above if c in categories]
            kinds = [classifications[c] for c in one.classifications if c in classifications]
            if deltas and kinds and (one.changed > since or all_again or not all(deltas) or not all(kinds)):
                out.append(one.key())
        if self.captured and categories and classifications and since == 0:
            out.append(self.captured.key())
        return out

    def revisions_of(self, ids):
        return sorted(key for key in self.known if key[0] in ids)

    def blob(self, one):
        """ServerSyncUpdateData of one update, as text."""
        if one.captured:
            return one.captured
        wide = one.document().decode("utf-8").encode("utf-16-le")
        if len(wide) > PLAIN_LIMIT:
            return self.entry(one, "", base64.b64encode(cabinet(wide)).decode())
        return self.entry(one, one.document().decode("utf-8"), "")

    @staticmethod
    def entry(one, plain, packed):
        digests = "".join(f"<base64Binary>{d}</base64Binary>" for d in one.files)
        # A carriage return would become a line feed on the way if it were not written as a reference.
        text = escape(plain, {"\r": "&#13;"})
        return (f"<ServerSyncUpdateData><Id><UpdateID>{one.id}</UpdateID><RevisionNumber>{one.revision}</RevisionNumber></Id>"
                + (f"<XmlUpdateBlob>{text}</XmlUpdateBlob>" if plain else "")
                + (f"<FileDigestList>{digests}</FileDigestList>" if digests else "<FileDigestList />")
                + (f"<XmlUpdateBlobCompressed>{packed}</XmlUpdateBlobCompressed>" if packed else "") + "</ServerSyncUpdateData>")

    def content_file(self, folder, name):
        """The path of a file of the store as IIS finds it, without regard to case."""
        if "." not in name:
            return None
        stem, extension = name.split(".", 1)
        for package in self.months[:self.month]:
            for path in (os.path.join(package.content, folder.upper(), stem.upper() + "." + e) for e in (extension, extension.lower())):
                if re.fullmatch("[0-9A-F]{2}", folder.upper()) and re.fullmatch("[0-9A-F]{40}", stem.upper()) and os.path.isfile(path):
                    return path
        return None
