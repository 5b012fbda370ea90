#!/usr/bin/env python3
"""Compares the scan metadata of an update point with an offline scan cabinet, read independently.

    check_scan.py CABINET DATABASE            cabextract and ElementTree against the tables, row by row
    check_scan.py --golden FOLDER DATABASE    the expected JSON of another project's reader against the tables
"""
import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

failures = 0


def differ(what, have, want):
    global failures
    if have != want:
        failures += 1
        if failures < 10:
            print(f"{what}: the database has {repr(have):.300}, the cabinet {repr(want):.300}")


def guid(blob):
    h = blob.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def local(tag):
    return tag.rsplit("}", 1)[-1]


def under(element, *path):
    found = [element]
    for name in path:
        found = [child for parent in found for child in parent if local(child.tag) == name]
    return found


def sha1(text):
    return base64.b64decode(text).hex()


def members(path):
    """Names and bytes, by cabextract; in memory, because there are thousands."""
    listing = subprocess.run(["cabextract", "-l", path], check=True, capture_output=True).stdout.decode()
    entries = re.findall(r"^ *([0-9]+) \| [0-9. :]+ \| (.*)$", listing, re.M)
    data = subprocess.run(["cabextract", "-q", "-p", path], check=True, capture_output=True).stdout
    at = 0
    for size, name in entries:
        yield name, data[at:at + int(size)]
        at += int(size)
    assert at == len(data), f"{path}: {at} bytes are listed, {len(data)} came"


class Cabinet:
    """The rules of formats.md 2.2, a second time."""

    def __init__(self, path):
        outer = dict(members(path))
        cabs = [(int(c.get("RANGESTART")), c.get("NAME")) for c in ET.fromstring(outer["index.xml"]).iter("CAB") if c.get("RANGESTART")]
        cabs.sort()
        self.fragments = {}
        for n, (first, name) in enumerate(cabs):
            end = cabs[n + 1][0] if n + 1 < len(cabs) else 1 << 63
            for where, file, text in ((*m.rpartition("/")[::2], text) for m, text in self.inside(outer[name])):
                if re.fullmatch(r"c|x|l/[^/]+", where) and file.isdigit() and first <= int(file) < end:
                    self.fragments[where, int(file)] = ET.fromstring(b"<r>" + text + b"</r>")
        self.root = ET.fromstring(dict(self.inside(outer["package.cab"]))["package.xml"])

    @staticmethod
    def inside(cab):
        with tempfile.NamedTemporaryFile() as f:
            f.write(cab)
            f.flush()
            yield from members(f.name)

    def tables(self):
        t = {name: set() for name in "update title tag relation superseded category file location".split()}
        known = set()
        for u in under(self.root, "Updates", "Update"):
            r = int(u.get("RevisionId"))
            known.add(r)
            core, extended = self.fragments.get(("c", r)), self.fragments.get(("x", r))
            properties = under(extended, "ExtendedProperties") if extended is not None else []
            x = properties[0].attrib if properties else {}
            titles = {f.split("/")[1]: (f2.findtext("LocalizedProperties/Title"), f2.findtext("LocalizedProperties/Description"))
                      for (f, n), f2 in self.of(r) if f.startswith("l/") and n == r}
            title = next((titles[k][0] for k in (u.get("DefaultLanguage", "").lower(), "en", *sorted(titles)) if k in titles), "")
            t["update"].add((r, u.get("UpdateId").lower(), int(u.get("RevisionNumber")), core.find("Properties").get("UpdateType") if core is not None else "",
                             int(u.get("IsBundle") == "true"), int(u.get("IsLeaf") == "true"), int(u.get("IsSoftware") != "false"), u.get("DeploymentAction", ""),
                             u.get("CreationDate", ""), u.get("DefaultLanguage", ""), x.get("MsrcSeverity", ""), x.get("Handler", ""), int(x.get("MaxDownloadSize", 0)),
                             int(x.get("MinDownloadSize", 0)), title))
            t["title"] |= {(r, k, *v) for k, v in titles.items()}
            for kind, name in (("kb", "KBArticleID"), ("bulletin", "SecurityBulletinID"), ("cve", "CveID"), ("language", "Language"), ("url", "MoreInfoUrl"), ("support", "SupportUrl")):
                t["tag"] |= {(r, kind, e.text) for p in properties for e in under(p, name)}
            for kind, name in ((0, "BundledBy"), (1, "SupersededBy")):
                t["relation"] |= {(r, kind, int(e.get("Id"))) for e in under(u, name, "Revision")}
            if core is not None:
                t["superseded"] |= {(r, e.get("UpdateID").lower()) for e in under(core, "Relationships", "SupersededUpdates", "UpdateIdentity")}
            t["category"] |= {(r, e.get("Type"), e.get("Id").lower()) for e in under(u, "Categories", "Category")}
            files = {(sha1(e.get("Id")), 0, ""): (None, "", None) for e in under(u, "PayloadFiles", "File")}
            files |= {(sha1(e.get("Id")), 1, l.get("Name")): (None, "", None) for e in under(u, "EulaFiles", "File") for l in under(e, "Language")}
            for e in under(extended, "Files", "File") if extended is not None else []:
                other = [base64.b64decode(d.text).hex() for d in under(e, "AdditionalDigest") if d.get("Algorithm") == "SHA256"]
                files[sha1(e.get("Digest")), 0, ""] = (other[0] if other else None, e.get("FileName", ""), int(e.get("Size")))
            t["file"] |= {(r, *k, *v) for k, v in files.items()}
        t["location"] = {(sha1(e.get("Id")), e.get("Url")) for e in under(self.root, "FileLocations", "FileLocation")}
        return t

    def of(self, r):
        if not hasattr(self, "by_revision"):
            self.by_revision = {}
            for key, value in self.fragments.items():
                self.by_revision.setdefault(key[1], []).append((key, value))
        return self.by_revision.get(r, [])


def compare_cabinet(path, db):
    want = Cabinet(path).tables()
    lower = lambda row, *at: tuple(guid(v) if i in at else v for i, v in enumerate(row))
    have = {
        "update": {lower(r, 1) for r in db.execute("SELECT * FROM scan_update")},
        "title": set(db.execute("SELECT revision_id, language, title, text FROM scan_title LEFT JOIN scan_text USING (text_id)")),
        "tag": set(db.execute("SELECT * FROM scan_tag")),
        "relation": set(db.execute("SELECT * FROM scan_relation")),
        "superseded": {lower(r, 1) for r in db.execute("SELECT * FROM scan_superseded")},
        "category": {lower(r, 2) for r in db.execute("SELECT * FROM scan_category")},
        "file": set(db.execute("SELECT revision_id, lower(hex(sha1)), licence, language, CASE WHEN sha256 IS NULL THEN NULL ELSE lower(hex(sha256)) END, name, bytes FROM scan_file")),
        "location": set(db.execute("SELECT lower(hex(sha1)), url FROM scan_location")),
    }
    for name, rows in want.items():
        for row in sorted(have[name] ^ rows, key=repr)[:3]:
            differ(f"scan_{name}", row if row in have[name] else None, row if row in rows else None)
    texts = {row[0] for row in db.execute("SELECT text_id FROM scan_text")}
    differ("scan_text", texts, {row[0] for row in db.execute("SELECT text_id FROM scan_title WHERE text_id IS NOT NULL")})
    print(" ".join(f"{name} {len(rows)}" for name, rows in want.items()))


def compare_golden(folder, db):
    """Every field of the expected JSON that is kept here."""
    def load(kind):
        at = os.path.join(folder, kind)
        return {int(n[:-5]): json.load(open(os.path.join(at, n))) for n in sorted(os.listdir(at))}

    def tags(r, kind):
        return [v for (v,) in db.execute("SELECT value FROM scan_tag WHERE revision_id=? AND kind=? ORDER BY value", (r, kind))]

    compared = 0
    update = {row[0]: row for row in db.execute("SELECT * FROM scan_update")}
    differ("revisions", sorted(update), sorted(load("u")))
    for r, j in load("u").items():
        differ(f"u/{r}", (guid(update[r][1]), update[r][2], update[r][8], update[r][9], bool(update[r][4]), bool(update[r][5])),
               (j["updateid"], int(j["revisionnumber"]), j["creationdate"], j["defaultlanguage"], j.get("isbundle") == "true", j.get("isleaf") == "true"))
        differ(f"u/{r} superseded by", [t for (t,) in db.execute("SELECT target FROM scan_relation WHERE revision_id=? AND kind=1 ORDER BY target", (r,))],
               sorted(int(e["id"]) for e in j.get("supersededby", {}).get("revision", [])))
        differ(f"u/{r} categories", sorted((k, guid(t)) for k, t in db.execute("SELECT type, target FROM scan_category WHERE revision_id=?", (r,))),
               sorted((e["type"], e["id"]) for e in j.get("categories", {}).get("category", [])))
        compared += 8
    for r, j in load("c").items():
        differ(f"c/{r}", (guid(update[r][1]), update[r][2], update[r][3]),
               (j["updateidentity"]["updateid"], int(j["updateidentity"]["revisionnumber"]), j["properties"]["updatetype"]))
        differ(f"c/{r} supersedes", sorted(guid(t) for (t,) in db.execute("SELECT target FROM scan_superseded WHERE revision_id=?", (r,))),
               sorted(e["updateid"] for e in j["relationships"].get("supersededupdates", {}).get("updateidentity", [])))
        compared += 4
    for r, j in load("x").items():
        differ(f"x/{r}", (update[r][10], tags(r, "support"), tags(r, "bulletin"), tags(r, "kb")),
               (j["msrcseverity"], [j["supporturl"]["text"]], [j["securitybulletinid"]["text"]], [j["kbarticleid"]["text"]]))
        compared += 4
    for r, j in load("l").items():
        have = db.execute("SELECT language, title, text FROM scan_title LEFT JOIN scan_text USING (text_id) WHERE revision_id=?", (r,)).fetchall()
        differ(f"l/{r}", have, [(j["language"]["text"], j["title"]["text"], j["description"]["text"])])
        compared += 3
    print(f"{compared} fields")


if sys.argv[1] == "--golden":
    compare_golden(sys.argv[2], sqlite3.connect(f"file:{sys.argv[3]}?mode=ro", uri=True))
else:
    compare_cabinet(sys.argv[1], sqlite3.connect(f"file:{sys.argv[2]}?mode=ro", uri=True))
sys.exit(1 if failures else 0)
