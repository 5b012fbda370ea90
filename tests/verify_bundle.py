#!/usr/bin/env python3
"""verify_bundle.py - an independent reader of bundles, written from docs/bundle-format.md alone.

    verify_bundle.py --key FILE [--key FILE]... --site CODE [--allow-incomplete] [--tar] FOLDER...

Takes the folders as one chain, from an empty site on, and judges the last: prints the verdict, the reason and the
state digest, and ends with the status that `suimport import` must end with. --tar also compares the tar members
with the manifest. Needs the python3 standard library and the commands openssl and zstd; shares no code with suimport.
"""
import argparse, base64, hashlib, os, re, stat, subprocess, sys, tempfile
import xml.etree.ElementTree as ET

BLOCK, MAX_FRAME, MAX_PIECE = 1 << 20, 76 << 20, 4 << 30
NUM, HEX, SHA1, TIME = r"(0|[1-9][0-9]*)", r"([0-9a-f]{64})", r"([0-9a-f]{40})", r"([0-9:T.Z+-]{1,39})"
GUID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
EXTENTS = rf"((?: {NUM}:{NUM}:{NUM}(?:,{NUM}:{NUM}:{NUM})*)?)"
UPD = "{http://schemas.microsoft.com/msus/2002/12/Update}"


class Bad(Exception):
    def __init__(self, verdict, status, text):
        super().__init__(text)
        self.verdict, self.status = verdict, status


def damaged(text):
    return Bad("damaged", 3, text)


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- the manifest (chapter 2) -------------------------------------------------------------------------

class Lines:
    """The manifest line by line; every line must match its pattern as a whole."""

    def __init__(self, data):
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError as error:
            raise damaged("the manifest is not ASCII") from error
        if not text.endswith("\n"):
            raise damaged("the manifest does not end with a line end")
        self.lines, self.at = text[:-1].split("\n"), 0

    def maybe(self, pattern):
        found = re.fullmatch(pattern, self.lines[self.at], re.ASCII) if self.at < len(self.lines) else None
        self.at += found is not None
        return found

    def need(self, pattern):
        found = self.maybe(pattern)
        if not found:
            raise damaged(f"the manifest is not canonical at line {self.at + 1}, expected {pattern[:40]}")
        return found

    def many(self, pattern):
        found = []
        while (line := self.maybe(pattern)):
            found.append(line)
        return found


def number(text, most=2**63 - 1):
    if int(text) > most:
        raise damaged(f"the number {text} is larger than {most}")
    return int(text)


def extents(text):
    return [(number(v, 999), number(o), number(n, MAX_PIECE)) for v, o, n in (e.split(":") for e in text.split(",") if e)]


def rising(values):
    return all(a < b for a, b in zip(values, values[1:]))


def parse_manifest(data):
    m, l = {}, Lines(data)
    if not l.maybe(r"SU-BUNDLE-MANIFEST 1 transfer"):
        known = l.lines[0].startswith("SU-BUNDLE-MANIFEST ")
        raise Bad("stale-format", 2, "another version or purpose") if known else damaged("not a bundle manifest")
    name = l.need(r"bundle (.+)")[1]
    m["hub"] = l.need(r"hub ([A-Za-z0-9_][A-Za-z0-9._-]{0,63})")[1]
    m["site"] = l.need(r"site ([A-Z0-9](?:[A-Z0-9-]{0,14}[A-Z0-9])?)")[1]
    m["sequence"] = number(l.need(rf"sequence {NUM}")[1], 999999)
    m["full"] = l.need(r"kind (full|delta)")[1] == "full"
    l.need(rf"created {TIME}")
    number(l.need(rf"promise-days {NUM}")[1], 36500)
    required = l.many(r"requires (.+)")
    digest, start = l.need(rf"profile {HEX}")[1], l.at
    filters = {kind: [x[1] for x in l.many(f"{kind} {form}")] for kind, form in
               (("product", GUID), ("classification", GUID), ("language", r"([a-z0-9-]{2,12})"))}
    m["languages"] = filters["language"]
    m["content"] = l.need(r"content (none|licence|approved|all)")[1]
    m["express"] = l.need(r"express (yes|no)")[1] == "yes"
    m["profile"] = "".join(line + "\n" for line in l.lines[start:l.at])
    m["approved"] = [x[1] for x in l.many(rf"approved {GUID}")]
    if required:
        raise Bad("stale-format", 2, f"the bundle requires {required[0][1]}")
    if sha256(m["profile"].encode()).hex() != digest or not all(map(rising, [*filters.values(), m["approved"]])):
        raise damaged("the profile is not canonical, or its digest is not that of the profile")
    m["fits"] = [l.need(r"fits any")] and None if m["full"] else [x[2] for x in l.many(rf"fits {NUM} {HEX}")]
    l.maybe(rf"follows [1-9][0-9]* {TIME}")
    m["result"] = l.need(rf"result {HEX}")[1]
    m["catalogue"] = tuple(number(x, 2**32 - 1) for x in l.need(rf"catalogue {NUM} {NUM}").groups())
    *m["closure"], holes = (number(x) for x in l.need(rf"closure {NUM} {NUM} {NUM} {NUM} {NUM}").groups())
    m["holes"] = [x[1] for x in l.many(rf"hole (bundled {GUID} {NUM} {GUID} {NUM}|(?:content|licence) {SHA1} {NUM}|prerequisite {GUID} {NUM} {GUID})")]
    m["files"] = []
    for part in ("licence", "content"):
        l.need(f"part {part}")
        m["files"] += [(part, x[1], x[2], number(x[3]), extents(x[4].strip())) for x in l.many(rf"file {HEX} {SHA1} {NUM}{EXTENTS}")]
    l.need(r"part metadata")
    m["records"] = tuple(number(x, 2**32 - 1) for x in l.need(rf"records {NUM} {NUM}").groups())
    m["frames"] = [(number(x[1], MAX_FRAME), extents(x[2].strip())) for x in l.many(rf"frame {NUM}{EXTENTS}")]
    l.need(r"part policy")
    l.need(r"recovery none")
    m["volumes"] = []
    while (v := l.maybe(rf"volume {NUM} (\S+) {NUM} data")):
        expected = f"SU{m['sequence']:06}.{len(m['volumes']) + 1:03}"
        whole = l.need(rf"{HEX}  {re.escape(v[2])}")[1]
        blocks = [x[1] for x in l.many(rf"block {HEX}")]
        if number(v[1], 999) != len(m["volumes"]) + 1 or v[2] != expected or len(blocks) != -(-number(v[3]) // BLOCK):
            raise damaged(f"the lines of volume {v[1]} do not agree")
        m["volumes"].append((v[2], int(v[3]), whole, blocks))
    m["recipe"] = l.need(rf"{HEX}  VERIFY\.txt")[1]
    l.need(r"end")
    m["name"] = f"SU-{m['site']}-{m['sequence']:06}"
    if l.at != len(l.lines) or name != m["name"] or m["sequence"] == 0 or len(m["holes"]) != holes or not rising(m["holes"]) or m["fits"] == []:
        raise damaged("the manifest's facts do not agree with each other")
    for total, exact, places in [(f[3], True, f[4]) for f in m["files"]] + [(MAX_FRAME, False, f[1]) for f in m["frames"]]:
        length = sum(n for _, _, n in places)
        if any(not 1 <= v <= len(m["volumes"]) or o + n > m["volumes"][v - 1][1] for v, o, n in places) or (length != total if exact else length > total):
            raise damaged("an extent lies outside its volume, or lengths do not add up")
    return m


# ---- signature and folder (chapters 1 and 3) ----------------------------------------------------------

def run(command, data=None):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)


def read_regular(folder, name, most):
    try:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise damaged(f"{name}: {error.strerror}") from error
    with os.fdopen(fd, "rb") as f:
        if not stat.S_ISREG(os.fstat(fd).st_mode) or os.fstat(fd).st_size > most:
            raise damaged(f"{name} is no regular file, or too large")
        return f.read()


def check_signature(folder, manifest, keys):
    names = [n for n in sorted(os.listdir(folder)) if re.fullmatch(r"[0-9A-F]{8}\.SIG", n)]
    if len(names) > 16:
        raise damaged("too many signature files")
    good = False
    with tempfile.TemporaryDirectory() as temp:
        with open(os.path.join(temp, "m"), "wb") as f:
            f.write(manifest)
        for name in names:
            if os.path.getsize(os.path.join(folder, name)) != 64:
                raise Bad("untrusted", 4, f"{name} has not 64 bytes")
            for key in keys:
                der = run(["openssl", "pkey", "-pubin", "-in", key, "-outform", "DER"]).stdout
                good |= der[:12].hex() == "302a300506032b6570032100" and run(
                    ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", os.path.join(temp, "m"),
                     "-sigfile", os.path.join(folder, name)]).returncode == 0
    if not good:
        raise Bad("untrusted", 4, "no signature by a key that was given")


def check_folder(folder, m):
    allowed = {"MANIFEST.TXT", "VERIFY.txt"} | {v[0] for v in m["volumes"]}
    for name in sorted(os.listdir(folder)):
        if name not in allowed and not re.fullmatch(r"[0-9A-F]{8}\.SIG", name):
            raise damaged(f"{name} is not declared")
    if sha256(read_regular(folder, "VERIFY.txt", 64 << 10)).hex() != m["recipe"]:
        raise damaged("VERIFY.txt differs")


# ---- volumes and metadata (chapters 4 and 5) ----------------------------------------------------------

def read_volumes(folder, m):
    volumes = []
    for name, size, whole, blocks in m["volumes"]:
        data = read_regular(folder, name, size)
        if len(data) != size or sha256(data).hex() != whole:
            raise damaged(f"{name} differs")
        for i, block in enumerate(blocks):
            if sha256(data[i * BLOCK:(i + 1) * BLOCK]).hex() != block:
                raise damaged(f"{name}: block {i} differs")
        volumes.append(data)
    return volumes


def item(volumes, places):
    return b"".join(volumes[v - 1][o:o + n] for v, o, n in places)


def take_document(document, guid, revision):
    """What the closure needs of an update document."""
    if b"<!DOCTYPE" in document:
        raise damaged("a document type declaration")
    try:
        root = ET.fromstring(document)
    except ET.ParseError as error:
        raise damaged(f"document of {guid}: {error}") from error
    identity, p = root.find(UPD + "UpdateIdentity"), root.find(UPD + "Properties")
    if root.tag != UPD + "Update" or identity is None or p is None or identity.get("UpdateID", "").lower() != guid or identity.get("RevisionNumber") != str(revision):
        raise damaged(f"the document of {guid} revision {revision} is not that of its record")

    def clauses(kind):
        groups = [[c] if c.tag == UPD + "UpdateIdentity" else c.findall(UPD + "UpdateIdentity") if c.tag == UPD + "AtLeastOne" else []
                  for c in root.findall(f"{UPD}Relationships/{UPD}{kind}/*")]
        return [sorted((u.get("UpdateID").lower(), int(u.get("RevisionNumber", 0))) for u in g) for g in groups if g]

    def files(path, licence):
        for f in root.findall(path):
            more = [d.text for d in f.findall(UPD + "AdditionalDigest") if d.get("Algorithm") == "SHA256"]
            yield (base64.b64decode(f.get("Digest")).hex(), base64.b64decode(more[0]).hex() if more else None, int(f.get("Size")), licence,
                   f.get("Language", "") if licence else "", f.get("PatchingType") == "Express" or (f.get("FileName", "").endswith(".psf") and len(f.get("FileName")) > 4))
    return {"expired": p.get("PublicationState") == "Expired", "prerequisites": clauses("Prerequisites"), "bundled": clauses("BundledUpdates"),
            "languages": {x.text for x in p.findall(UPD + "Language")},
            "files": [*files(f"{UPD}LocalizedPropertiesCollection/{UPD}EulaFile", True), *files(f"{UPD}Files/{UPD}File", False)]}


def apply_records(stream, state):
    at, count = 0, [0, 0]
    while at < len(stream):
        end = stream.find(b"\n", at)
        head = stream[at:end].decode("latin-1") if end >= 0 else ""
        put, gone = re.fullmatch(rf"R {GUID} {NUM} ([012]) {NUM} {NUM}", head), re.fullmatch(rf"D {GUID} {NUM}", head)
        if not (put or gone) or int((put or gone)[2]) > 2**32 - 1:
            raise damaged(f"no record at {at}")
        at = end + 1
        if gone:
            state.pop((gone[1], int(gone[2])), None)
        else:
            document_bytes, address_bytes = number(put[4], 64 << 20), number(put[5], 4 << 20)
            addresses, document = stream[at:at + address_bytes], stream[at + address_bytes:at + address_bytes + document_bytes]
            at += address_bytes + document_bytes + 1
            lines = addresses.decode("latin-1").split("\n")
            if stream[at - 1:at] != b"\n" or lines.pop() != "" or not all(re.fullmatch(r"[0-9a-f]{40} [!-~]{1,2048}", x) for x in lines) or not rising([x[:40] for x in lines]):
                raise damaged(f"malformed record of {put[1]}")
            leaf = sha256(f"SU-RECORD 1\n{put[1]} {put[2]} {put[3]}\n{sha256(document).hex()}\n".encode() + addresses)
            state[put[1], int(put[2])] = leaf, take_document(document, put[1], int(put[2]))
        count[gone is not None] += 1
    return tuple(count)


def state_digest(state):
    buckets = [b""] * 256
    for (guid, _), (leaf, _) in sorted(state.items(), key=lambda x: (bytes.fromhex(x[0][0].replace("-", "")), x[0][1])):
        buckets[int(guid[:2], 16)] += leaf
    return sha256(b"SU-STATE 1\n" + b"".join(sha256(b) if b else bytes(32) for b in buckets)).hex()


def check_closure(m, state, store):
    ids, newest, opened = {g for g, _ in state}, {}, set()
    for guid, revision in state:
        newest[guid] = max(revision, newest.get(guid, 0))
    for (guid, revision), (_, d) in state.items():
        opened |= {f"prerequisite {guid} {revision} {c[0][0]}" for c in d["prerequisites"] if not any(t in ids for t, _ in c)}
        opened |= {f"bundled {guid} {revision} {c[0][0]} {c[0][1]}" for c in d["bundled"] if not any(t in state for t in c)}

    def live(roots):
        found, queue = set(), [k for k in roots if not state[k][1]["expired"]]
        while queue:
            if (key := queue.pop()) not in found:
                found.add(key)
                queue += [t for c in state[key][1]["bundled"] for t in c if t in state]
        return [state[k][1] for k in found]
    everything, need, any_language = live(newest.items()), {}, not m["languages"]
    if m["content"] != "none":
        need = {f[0]: f for d in everything for f in d["files"] if f[3] and (any_language or f[4] in ("", "en", *m["languages"]))}
    if m["content"] in ("approved", "all"):
        for d in everything if m["content"] == "all" else live((g, r) for g, r in newest.items() if g in m["approved"]):
            if any_language or not d["languages"] or "all" in d["languages"] or d["languages"] & set(m["languages"]):
                need = {f[0]: f for f in d["files"] if not f[3] and (m["express"] or not f[5])} | need
    for sha1, digest, size, licence, *_ in need.values():
        if sha1 not in store or store[sha1][1] != size or digest not in (None, store[sha1][0]):
            opened.add(f"{'licence' if licence else 'content'} {sha1} {size}")
    licences = sum(f[3] for f in need.values())
    have = [sum(len(d["prerequisites"]) for _, d in state.values()), sum(len(d["bundled"]) for _, d in state.values()), licences, len(need) - licences]
    if have != m["closure"] or opened - set(m["holes"]):
        raise Bad("incomplete", 11, f"the closure is {have}, open and not declared: {sorted(opened - set(m['holes']))}")


def check_tar(folder, m):
    import tarfile
    places = {(v, o): n for f in m["files"] for v, o, n in f[4]} | {(v, o): n for f in m["frames"] for v, o, n in f[1]}
    for i, (name, *_) in enumerate(m["volumes"], 1):
        with tarfile.open(os.path.join(folder, name), "r:") as tar:
            have = {(i, t.offset_data): t.size for t in tar.getmembers() if t.name != "SU-HEAD" and t.isreg()}
        if have != {k: n for k, n in places.items() if k[0] == i}:
            raise damaged(f"{name}: the tar members are not the manifest's extents")


def judge(folder, options, site):
    """One bundle against a site: (last manifest hash, sequence, digest, state, store, profile); in the order of chapter 9."""
    data = read_regular(folder, "MANIFEST.TXT", 64 << 20)
    check_signature(folder, data, options.key)
    m = parse_manifest(data)
    if m["site"] != options.site:
        raise Bad("wrong-site", 10, f"for site {m['site']}")
    if sha256(data) == site["manifest"] and m["result"] == state_digest(site["state"]):
        return "imported already"
    if m["sequence"] <= site["sequence"]:
        raise Bad("replay", 10, f"sequence {m['sequence']}, the site has reached {site['sequence']}")
    if not m["full"] and state_digest(site["state"]) not in m["fits"]:
        raise Bad("gap", 5, "fits none but other states")
    check_folder(folder, m)
    if not options.allow_incomplete and any(h.startswith(("prerequisite ", "bundled ")) for h in m["holes"]):
        raise Bad("incomplete", 11, f"the hub signed for {len(m['holes'])} holes")
    volumes = read_volumes(folder, m)
    for _, digest, sha1, size, places in m["files"]:
        content = item(volumes, places)
        if len(content) != size or sha256(content).hex() != digest or hashlib.sha1(content).hexdigest() != sha1:
            raise damaged(f"file {digest[:16]} is not what the manifest says")
        site["store"][sha1] = digest, size
    stream, state = b"", {} if m["full"] else dict(site["state"])
    for i, (size, places) in enumerate(m["frames"], 1):
        frame = run(["zstd", "-dc", "--single-thread"], item(volumes, places))
        if frame.returncode != 0 or len(frame.stdout) != size:
            raise damaged(f"frame {i} does not unpack to {size} bytes")
        stream += frame.stdout
    if apply_records(stream, state) != m["records"]:
        raise damaged("the frames hold other numbers of records than the manifest says")
    if state_digest(state) != m["result"] or (len({g for g, _ in state}), len(state)) != m["catalogue"]:
        raise damaged(f"the state is {state_digest(state)}, the manifest promises {m['result']}")
    check_closure(m, state, site["store"])
    if options.tar:
        check_tar(folder, m)
    site.update(manifest=sha256(data), sequence=m["sequence"], state=state)
    return m["name"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--site", required=True)
    parser.add_argument("--allow-incomplete", action="store_true")
    parser.add_argument("--tar", action="store_true")
    parser.add_argument("folder", nargs="+")
    options = parser.parse_args()
    site = {"manifest": b"", "sequence": 0, "state": {}, "store": {}}
    try:
        for folder in options.folder:
            text = judge(folder, options, site)
    except Bad as bad:
        print(f"{bad.verdict}: {bad}")
        return bad.status
    print(f"good: {text}, state {state_digest(site['state'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
