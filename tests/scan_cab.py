#!/usr/bin/env python3
"""Makes an invented offline scan cabinet: index.xml, package.cab and shards of fragments, as formats.md 2.2 has it.

    scan_cab.py OUT [--revisions N] [--shards N] [--languages N] [--every N] [--edition N] [--core BYTES]

Every N-th revision has a title in all languages, the others in two. A bundle has nine children. Some fragments are
missing, some bundles are not in the file, and the first revision of each shard stands, wrongly, in the one before too.
Edition 2 has a revision more of some, lacks some, and has new ones. The module also writes cabinets for other tests.
"""
import argparse
import base64
import hashlib
import struct
import zlib

LANGUAGES = ("en de fr es it ja ko zh-cn zh-tw pt pt-br ru pl cs hu nl sv da no fi el tr he ar th uk bg hr ro sk sl et lv lt sr-latn-rs hi vi").split()
NOWHERE = 99999999


def cabinet(members, packed=True, announced=None, count=None, signature=b""):
    """The bytes of a cabinet with one folder; members: (name, bytes). A signature is appended as Authenticode does."""
    files, data = b"", b"".join(content for _, content in members)
    at = 0
    for name, content in members:
        name = name.replace("/", "\\").encode()
        files += struct.pack("<IIHHHH", len(content), at, 0, 0x58D3, 0x8A0F, 0xA0) + name + b"\0"
        at += len(content)
    blocks = []
    for i in range(0, len(data), 32768):
        block = data[i:i + 32768]
        if packed:
            z = zlib.compressobj(6, zlib.DEFLATED, -15)
            cut = b"CK" + z.compress(block) + z.flush()
        else:
            cut = block
        blocks.append(struct.pack("<IHH", 0, len(cut), len(block)) + cut)
    reserve = 24 if signature else 0
    start = 36 + reserve + 8 + len(files)
    size = start + sum(map(len, blocks))
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, announced or size, 0, 44 + reserve, 0, 3, 1, 1, count or len(members), 4 if signature else 0, 0, 0)
    if signature:
        head += struct.pack("<HBBIIIQ", 20, 0, 0, 0x100000, size, len(signature), 0)
    return head + struct.pack("<IHH", start, len(blocks), 1 if packed else 0) + files + b"".join(blocks) + signature


def guid(*what):
    h = hashlib.md5(repr(what).encode()).hexdigest()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def digest(kind, *what):
    return base64.b64encode(hashlib.new(kind, repr(what).encode()).digest()).decode()


class Edition:
    def __init__(self, options):
        self.o = options
        self.number = {}  # serial -> RevisionId; they move between editions
        serials = [s for s in range(options.revisions) if options.edition == 1 or s % 50 != 7]
        if options.edition > 1:
            serials += range(options.revisions, options.revisions + 20)
        for place, serial in enumerate(serials):
            self.number[serial] = 3 * place + options.edition * 100
        self.serials = serials

    def revision(self, s):
        return 200 + (1 if self.o.edition > 1 and s % 30 == 11 else 0)

    def is_bundle(self, s):
        return s % 10 == 0

    def update(self, s):
        parent = s - s % 10
        kind = ' IsSoftware="false" DeploymentAction="Evaluate"' if s % 40 == 3 else ' IsBundle="true"' if self.is_bundle(s) else ' IsLeaf="true" DeploymentAction="Bundle"'
        text = f'<Update CreationDate="2026-0{1 + s % 9}-10T18:00:00Z" DefaultLanguage="{"de" if s % 21 == 5 else "en"}" UpdateId="{guid("update", s)}" RevisionNumber="{self.revision(s)}" RevisionId="{self.number[s]}"{kind}>'
        if not self.is_bundle(s):
            text += f'<PayloadFiles><File Id="{digest("sha1", "file", s)}"/></PayloadFiles>'
        text += f'<Prerequisites><UpdateId Id="{guid("detectoid")}"/><Or><UpdateId Id="{guid("a")}"/><UpdateId Id="{guid("b")}"/></Or></Prerequisites>'
        if s % 100 == 50:
            text += f'<EulaFiles><File Id="{digest("sha1", "licence", s)}"><Language Name="en"/><Language Name="de"/></File></EulaFiles>'
        if self.is_bundle(s):
            if self.number.get(s + 10):
                text += f'<SupersededBy><Revision Id="{self.number[s + 10]}"/></SupersededBy>'
        else:
            text += f'<BundledBy><Revision Id="{self.number.get(parent, NOWHERE) if s % 7 else NOWHERE}"/></BundledBy>'
        return text + f'<Categories><Category Type="Company" Id="{guid("company")}"/><Category Type="Product" Id="{guid("product", s % 5)}"/></Categories></Update>'

    def package(self):
        yield f'<?xml version="1.0" encoding="utf-8"?><OfflineSyncPackage xmlns="http://schemas.microsoft.com/msus/2004/02/OfflineSync" MinimumClientVersion="5.8.0.2678" PackageId="{guid("package", self.o.edition)}" SourceId="{guid("source")}" PackageVersion="1.1" ProtocolVersion="1.0" CreationDate="2026-{self.o.edition:02d}-14T10:00:00Z"><Updates>'
        for s in self.serials:
            yield self.update(s)
        yield '</Updates><FileLocations>'
        for s in self.serials:
            if not self.is_bundle(s):
                sha1 = base64.b64decode(digest("sha1", "file", s)).hex()
                yield f'<FileLocation Id="{digest("sha1", "file", s)}" Url="http://download.example/c/msdownload/update/software/secu/2026/01/windows-kb{5000000 + s}-x64_{sha1}.cab" IsIncluded="false"/>'
        yield '</FileLocations></OfflineSyncPackage>'

    def core(self, s):
        rules = ""
        while len(rules) < self.o.core:
            rules += f'<b.RegSz Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\\Invented\\{s}\\{len(rules)}" Value="Version" Comparison="GreaterThan" Data="10.0.{s}" /><And><CbsPackageInstalled /></And>'
        relations = ""
        if self.is_bundle(s) and s >= 10:
            relations = "<Relationships><SupersededUpdates>" + "".join(f'<UpdateIdentity UpdateID="{guid("update", t)}" />' for t in range(max(0, s - 50), s, 10)) + \
                f'<UpdateIdentity UpdateID="{guid("gone", s)}" /></SupersededUpdates><Prerequisites><UpdateIdentity UpdateID="{guid("detectoid")}" /></Prerequisites></Relationships>'
        kind = "Category" if s % 40 == 3 else "Software"
        return f'<UpdateIdentity UpdateID="{guid("update", s).upper()}" RevisionNumber="{self.revision(s)}" /><Properties UpdateType="{kind}" />{relations}<ApplicabilityRules><IsInstalled>{rules}</IsInstalled></ApplicabilityRules>'

    def extended(self, s):
        if self.is_bundle(s):
            return f'<ExtendedProperties DefaultPropertiesLanguage="en" MsrcSeverity="{("Critical", "Important")[s % 20 == 0]}" MaxDownloadSize="{1000 + s}" MinDownloadSize="0"><SupportUrl>http://support.example/?a=1&amp;b={s}</SupportUrl><Language>all</Language><KBArticleID>{5000000 + s}</KBArticleID><SecurityBulletinID>MS26-{s:03d}</SecurityBulletinID><CveID>CVE-2026-{s:04d}</CveID></ExtendedProperties>'
        return f'<ExtendedProperties DefaultPropertiesLanguage="en" Handler="http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Cbs" /><Files><File Digest="{digest("sha1", "file", s)}" DigestAlgorithm="SHA1" FileName="windows-kb{5000000 + s}-x64.cab" Size="{70000 + s}" Modified="2026-01-01T00:00:00Z" PatchingType="SelfContained"><AdditionalDigest Algorithm="SHA256">{digest("sha256", "file", s)}</AdditionalDigest></File></Files><HandlerSpecificData type="cbs"><CbsData /></HandlerSpecificData>'

    def localized(self, s, language):
        return f'<LocalizedProperties><Language>{language}</Language><Title>{language}: Cumulative Invention {s} for Product {s % 5} &lt;x64&gt; (KB{5000000 + s - s % 10})</Title><Description>What happens in {language}, case {s % 12}.</Description><SupportUrl>http://support.example</SupportUrl></LocalizedProperties>'

    def languages(self, s):
        if s % 19 == 4:
            return []
        return LANGUAGES[:self.o.languages] if s % self.o.every == 0 else LANGUAGES[1:3] if s % 23 == 6 else LANGUAGES[:2]

    def shard(self, serials, strays):
        made = []
        for s in serials:
            if s % 17 != 9:
                made.append((f"c/{self.number[s]}", self.core(s)))
        for s in serials:
            if s % 13 != 2:
                made.append((f"x/{self.number[s]}", self.extended(s)))
        for language in LANGUAGES[:self.o.languages]:
            made += [(f"l/{language}/{self.number[s]}", self.localized(s, language)) for s in serials if language in self.languages(s)]
        for s in strays:
            made.append((f"x/{self.number[s]}", "<ExtendedProperties><KBArticleID>666</KBArticleID></ExtendedProperties>"))
        made += [("s/1", "not known"), ("files/licence.txt", "terms")]
        return [(name, text.encode()) for name, text in made]

    def members(self):
        per = -(-len(self.serials) // self.o.shards)
        parts = [self.serials[i:i + per] for i in range(0, len(self.serials), per)]
        index = '<?xml version="1.0" encoding="utf-8"?>\n<INDEX VERSION="1"><CABLIST XOR="0"><CAB NAME="package.cab"/>'
        for n, part in enumerate(parts):
            index += f'<CAB NAME="package{n + 2}.cab" RANGESTART="{self.number[part[0]] if n else 0}"{" FILESDIR=" + chr(34) + "1" + chr(34) if n == 0 else ""}/>'
        yield "index.xml", (index + "</CABLIST></INDEX>").encode()
        yield "package.cab", cabinet([("package.xml", "".join(self.package()).encode())])
        for n, part in enumerate(parts):
            yield f"package{n + 2}.cab", cabinet(self.shard(part, parts[n + 1][:1] if n + 1 < len(parts) else []))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    for name, value in (("revisions", 2000), ("shards", 3), ("languages", 37), ("every", 20), ("edition", 1), ("core", 300)):
        p.add_argument("--" + name, type=int, default=value)
    options = p.parse_args()
    with open(options.out, "wb") as out:
        out.write(cabinet(list(Edition(options).members()), packed=False))


if __name__ == "__main__":
    main()
