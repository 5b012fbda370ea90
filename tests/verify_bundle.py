#!/usr/bin/env python3
"""verify_bundle.py - an independent reader of bundles, written from docs/bundle-format.md alone.

    verify_bundle.py --key [ROLE:]FILE... [--ca ROLE:FILE[:NAME]]... [--policy exporter=1,reviewer=1] [--revoked KEY-ID:LAST]...
                     --site CODE [--allow-incomplete] [--tar] FOLDER...

Takes the folders as one chain, from an empty site on, and judges the last: prints the verdict, the reason and the
state digest, and ends with the status that `suimport import` must end with. --tar also compares the tar members
with the manifest. Needs the python3 standard library and the commands openssl and zstd; shares no code with suimport.
"""
import argparse, base64, calendar, hashlib, os, re, stat, subprocess, sys, tarfile, tempfile, time
import xml.etree.ElementTree as ET

BLOCK, MAX_FRAME, MAX_PIECE = 1 << 20, 76 << 20, 4 << 30
NUM, HEX, SHA1, TIME = r"(0|[1-9][0-9]{0,18})", r"([0-9a-f]{64})", r"([0-9a-f]{40})", r"([0-9:T.Z+-]{1,39})"
GUID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
EXTENTS = rf"((?: {NUM}:{NUM}:{NUM}(?:,{NUM}:{NUM}:{NUM})*)?)"
SITE, NAME = r"([A-Z0-9](?:[A-Z0-9-]{0,14}[A-Z0-9])?)", r"([A-Za-z0-9_][A-Za-z0-9._-]{0,63})"
SIG = r"[0-9A-F]{8}\.(?:SIG|P7S)"
PAPERS = ("VERIFY.txt", "SLIP.TXT", "SLIP.HTM")
UPD = "{http://schemas.microsoft.com/msus/2002/12/Update}"

class Bad(Exception):
    def __init__(self, verdict, status, text):
        super().__init__(text)
        self.verdict, self.status = verdict, status

def damaged(text):
    return Bad("damaged", 3, text)

def sha256(data):
    return hashlib.sha256(data).digest()

# ---- the manifest (chapter 2) ----
class Lines: # of the manifest; each must match its pattern as a whole
    def __init__(self, data):
        if not data.isascii() or not data.endswith(b"\n"):
            raise damaged("the manifest is not ASCII, or does not end with a line end")
        self.lines, self.at = data.decode()[:-1].split("\n"), 0

    def maybe(self, pattern):
        found = re.fullmatch(pattern, self.lines[self.at]) if self.at < len(self.lines) else None
        self.at += found is not None
        return found

    def need(self, pattern):
        if not (found := self.maybe(pattern)):
            raise damaged(f"the manifest is not canonical at line {self.at + 1}, expected {pattern[:40]}")
        return found

    def many(self, pattern):
        return list(iter(lambda: self.maybe(pattern), None))

def number(text, most=2**63 - 1):
    if int(text) <= most:
        return int(text)
    raise damaged(f"the number {text} is larger than {most}")

def extents(text):
    return [(number(v, 999), number(o), number(n, MAX_PIECE)) for v, o, n in (e.split(":") for e in text.split(",") if e)]

def rising(values):
    return all(a < b for a, b in zip(values, values[1:]))

def parse_manifest(data):
    m, l = {"files": [], "volumes": []}, Lines(data)
    if not l.maybe("SU-BUNDLE-MANIFEST 1 transfer"):
        raise Bad("stale-format", 2, "another version") if l.maybe("SU-BUNDLE-MANIFEST .*") else damaged("no bundle manifest")
    name = l.need(r"bundle (.+)")[1]
    l.need(f"hub {NAME}")
    m["site"] = l.need(f"site {SITE}")[1]
    m["sequence"] = number(l.need(rf"sequence {NUM}")[1], 999999)
    kind = l.need(r"kind (full|delta|urgent)")[1]
    m["full"] = kind != "delta"
    m["created"] = l.need(rf"created {TIME}")[1]
    number(l.need(rf"promise-days {NUM}")[1], 36500)
    m["jump"] = number(l.need(rf"jump-limit {NUM}")[1], 999999)
    required = [x[1] for x in l.many(r"requires (.+)")]
    if set(required) - {"urgent-1"}:
        raise Bad("stale-format", 2, f"the bundle requires {required}")
    m["urgent"] = number(l.need(r"urgent ([1-9][0-9]*)")[1], 99999) if kind == "urgent" else 0
    if required != ["urgent-1"] * (kind == "urgent"):
        raise damaged("kind and required features do not agree")
    m["also"] = [x[1] for x in l.many(rf"also {SITE}")]
    m["keys"] = [(x[1], base64.b64decode(x[3])) for x in l.many(rf"key (exporter|reviewer) {NAME} ([A-Za-z0-9+/]{{58}}[AEIMQUYcgkosw048]=)")]
    m["revoked"] = [(x[1], number(x[2], 999999)) for x in l.many(rf"revoke {HEX} {NUM}")]
    if not all(map(rising, [m["also"], [spki for _, spki in m["keys"]], [x[0] for x in m["revoked"]]])):
        raise damaged("the lines about children and keys are not canonical")
    digest, start = l.need(rf"profile {HEX}")[1], l.at
    filters = [[x[1] for x in l.many(form)] for form in (f"product {GUID}", f"classification {GUID}", r"language ([a-z0-9-]{2,12})")]
    m["languages"] = filters[2]
    m["content"] = l.need(r"content (none|licence|approved|all)")[1]
    m["express"] = l.need(r"express (yes|no)")[1] == "yes"
    profile = "".join(line + "\n" for line in l.lines[start:l.at])
    m["approved"] = [x[1] for x in l.many(rf"approved {GUID}")]
    if sha256(profile.encode()).hex() != digest or not all(map(rising, [*filters, m["approved"]])):
        raise damaged("the profile is not canonical, or its digest is not that of the profile")
    bases = [(number(x[1], 999999), x[2]) for x in l.many(rf"fits {NUM} {HEX}")] or [l.need("fits any") and (0, None)]
    m["fits"] = [digest for _, digest in bases]
    l.maybe(rf"follows [1-9][0-9]* {TIME}")
    m["result"] = l.need(rf"result {HEX}")[1]
    m["catalogue"] = tuple(number(x, 2**32 - 1) for x in l.need(rf"catalogue {NUM} {NUM}").groups())
    *m["closure"], holes = (number(x) for x in l.need(rf"closure {NUM} {NUM} {NUM} {NUM} {NUM}").groups())
    m["holes"] = [x[1] for x in l.many(rf"hole (bundled {GUID} {NUM} {GUID} {NUM}|(?:content|licence) {SHA1} {NUM}|prerequisite {GUID} {NUM} {GUID})")]
    for part in ("licence", "content"):
        l.need(f"part {part}")
        while (x := l.maybe(rf"file {HEX} {SHA1} {NUM}( pool|{EXTENTS})")):
            path = x[4] == " pool" and f"../SU-POOL/{x[1][:2]}/{x[1][2:10]}.DAT".upper()
            if path: # the next line is for sha256sum
                l.need(rf"{x[1]}  {re.escape(path)}")
            m["files"].append((path, x[1], x[2], number(x[3]), [] if path else extents(x[4].strip())))
    l.need("part metadata")
    m["records"] = tuple(number(x, 2**32 - 1) for x in l.need(rf"records {NUM} {NUM}").groups())
    m["frames"] = [(number(x[1], MAX_FRAME), extents(x[2].strip())) for x in l.many(rf"frame {NUM}{EXTENTS}")]
    l.need("part policy")
    x = l.need(rf"recovery (?:none|{NUM} {NUM} {NUM} {NUM})")
    m["recovery"], m["data"] = x[1] and tuple(number(n) for n in x.groups()), 0
    while (v := l.maybe(rf"volume {NUM} (\S+) {NUM} (data|recovery)")):
        m["data"] += v[4] == "data"
        expected = (f"SUU{m['urgent']:05}." if m["urgent"] else f"SU{m['sequence']:06}.") + (f"{m['data']:03}" if v[4] == "data" else f"R{len(m['volumes']) + 1 - m['data']:02}")
        l.need(rf"{HEX}  {re.escape(v[2])}") # for sha256sum; the blocks cover the same bytes
        blocks = [x[1] for x in l.many(rf"block {HEX}")]
        if number(v[1], 999) != len(m["volumes"]) + 1 or v[2] != expected or (v[4] == "data") != (m["data"] > len(m["volumes"])) or len(blocks) != -(-number(v[3]) // BLOCK):
            raise damaged(f"the lines of volume {v[1]} do not agree")
        m["volumes"].append((v[2], int(v[3]), blocks))
    m["papers"] = {name: l.need(rf"{HEX}  {re.escape(name)}")[1] for name in PAPERS}
    m["name"] = f"SU-{m['site']}-" + (f"U{m['urgent']:05}" if m["urgent"] else f"{m['sequence']:06}")
    l.need("end")
    if l.at != len(l.lines) or name != m["name"] or m["sequence"] == 0 or len(m["holes"]) != holes \
            or m["urgent"] and (holes or m["records"][1]) or not rising(m["holes"]) or not rising([n for n, _ in bases]) \
            or (m["recovery"] is None) != (m["data"] == len(m["volumes"])) or 0 in (m["recovery"] or ()) or m["full"] != (m["fits"] == [None]):
        raise damaged("the manifest's facts do not agree with each other")
    for total, exact, places in [(f[3], True, f[4]) for f in m["files"] if not f[0]] + [(MAX_FRAME, False, f[1]) for f in m["frames"]]:
        length = sum(n for _, _, n in places)
        if any(not 1 <= v <= m["data"] or o + n > m["volumes"][v - 1][1] for v, o, n in places) \
                or (length != total or (total == 0 and len(places) != 1) if exact else length > total):
            raise damaged("an extent lies outside its volume, or lengths do not add up")
    if m["recovery"]:
        check_geometry(m, [size for _, size, _ in m["volumes"]])
    return m

def check_geometry(m, sizes): # 4.4
    n, percent, up = m["data"], m["recovery"][0], lambda a, b: -(-a // b)
    cells = up(max(sizes[:n], default=0), 4096)
    top = max((t for t in range(1, 255) if n * t + up(n * t * percent, 100) <= 254), default=0)
    if percent > 100 or not cells or not top:
        raise damaged("no code has this geometry")
    s = up(cells, top)
    c = up(cells, s)
    k, parity = n * c, up(n * c * percent, 100)
    r = up(parity, c)
    want = [4096 * (1 + s * (min(q * c, parity) - (q - 1) * c) + up(6, r) * up(s, 4)) for q in range(1, r + 1)]
    if (k, parity, s) != m["recovery"][1:] or sizes[n:] != want or r > 99:
        raise damaged(f"the recovery line must say {percent} {k} {parity} {s}, with volumes of {want}")

# ---- signature and folder (chapters 1 and 3) ----
def run(command, data=None):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)

def read_regular(folder, name, most):
    path = os.path.join(folder, name)
    if not os.path.lexists(path) or not stat.S_ISREG(os.lstat(path).st_mode) or os.lstat(path).st_size > most:
        raise damaged(f"{name} is absent, no regular file, or too large")
    with open(path, "rb") as f:
        return f.read()

def load_key(text): # [ROLE:]FILE, its key id, role and SubjectPublicKeyInfo
    role, _, path = text.rpartition(":")
    spki = run(["openssl", "pkey", "-pubin", "-in", path, "-outform", "DER"]).stdout
    if spki[:12].hex() != "302a300506032b6570032100":
        sys.exit(f"verify_bundle.py: {path} is no Ed25519 key")
    return sha256(spki).hex(), (role or "exporter", spki)

def policy(text):
    wanted = {role: int(n) for role, _, n in (part.partition("=") for part in text.split(","))}
    if "exporter" not in wanted or min(wanted.values()) < 1:
        raise Bad("untrusted", 4, "a policy that demands no exporter, or fewer than one of a role, is none")
    return wanted

def cms_signer(path, content, authority): # 3.2; (role, key id, when a certificate of the chain ended, common name) or None
    role, ca, name = (authority + ":").split(":")[:3]
    with tempfile.NamedTemporaryFile() as signer:
        verify = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", path, "-content", content, "-CAfile", ca, "-no-CApath", "-no-CAstore",
                  "-purpose", "any", "-auth_level", "3", "-out", os.devnull]
        if run([*verify, "-no_check_time", "-signer", signer.name]).returncode != 0:
            return None
        text, spki = (run(["openssl", "x509", "-in", signer.name, "-noout", *x]).stdout.decode() for x in (("-text", "-subject", "-nameopt", "multiline"), ("-pubkey",)))
        said = run(["openssl", "cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", path]).stdout.decode()
        bits = re.search(r"rsaEncryption\s+Public-Key: \((\d+) bit\)", text)
        der = run(["openssl", "pkey", "-pubin", "-outform", "DER"], spki.encode()).stdout
        if not ("NIST CURVE: P-384" in text and der[23] == 4 or bits and int(bits[1]) >= 3072) or not re.search(r"Key Usage:[^\n]*\n\s+[^\n]*Digital Signature", text) \
                or not re.search(r"Extended Key Usage:[^\n]*\n\s+[^\n]*Code Signing", text) or not re.search(r"digestAlgorithm: *\n\s+algorithm: sha(256|384|512) ", said) \
                or name and not re.search(rf"commonName\s+= {re.escape(name)}\n", text) or said.count("sid:") > 1:
            return None
        with open(content, "rb") as f: # the file is gone when the date is known
            verify[verify.index(content)], manifest = "/dev/stdin", f.read()
        at = lambda time: b"has expired" in subprocess.run([*verify, "-attime", str(time)], input=manifest, stdout=subprocess.PIPE,
                                                           stderr=subprocess.STDOUT, check=False).stdout
    common = re.findall(r"(?m)^ +commonName +=( .*)", re.search(r"(?s)\nsubject=.*?(?=\n\S|\Z)", "\n" + text)[0])
    return role, sha256(der).hex(), at, common[0] if len(common) == 1 else ca

def check_signatures(folder, manifest, options, site): # those who signed: key id, role, when it is too late for it
    names = [n for n in sorted(os.listdir(folder)) if re.fullmatch(SIG, n)]
    if len(names) > 16:
        raise damaged("too many signature files")
    sizes = [(n, len(read_regular(folder, n, 1 << 20))) for n in names]
    if any(size != 64 if n.endswith("G") else not 0 < size <= 64 << 10 for n, size in sizes):
        raise Bad("untrusted", 4, "a signature file has not the size of one")
    signers = {}
    with tempfile.NamedTemporaryFile() as copy, tempfile.NamedTemporaryFile() as key: # the very bytes that will be parsed
        copy.write(manifest), copy.flush()
        for key_id, (role, spki) in site["keys"].items():
            key.seek(0), key.write(spki), key.flush()
            verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key.name, "-rawin", "-in", copy.name, "-sigfile"]
            if any(n.endswith("G") and run([*verify, os.path.join(folder, n)]).returncode == 0 for n in names):
                signers[key_id] = role, None, None
        for name, ca in ((n, c) for n in names for c in options.ca if n.endswith("S")):
            if (found := cms_signer(os.path.join(folder, name), copy.name, ca)) and found[1] not in signers:
                signers[found[1]] = found[0], *found[2:]
    demand(options, signers)
    return signers

def demand(options, signers):
    for role, least in policy(options.policy).items():
        if (have := sum(s[0] == role for s in signers.values())) < least:
            raise Bad("untrusted", 4, f"{have} of {least} {role} keys signed")

def check_again(m, options, site, signers): # with the sequence and the date, which only the manifest says
    dates = [d for d in (m["created"], site["latest"]) if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", d)]
    now = max(dates, default=None) and calendar.timegm(time.strptime(max(dates)[:19], "%Y-%m-%dT%H:%M:%S"))
    limit = lambda k: min([m["sequence"], *(n for key, n in [*site["revoked"].items(), *m["revoked"]] if key == k)])
    good = {k: (role, late, name) for k, (role, late, name) in signers.items() if m["sequence"] <= limit(k)
            and (late is None or now is not None and not late(now))}
    demand(options, {name or k: (role,) for k, (role, _, name) in reversed(good.items())}) # a common name counts once, the first
    return max(dates, default="")

def check_folder(folder, m):
    extra = [n for n in os.listdir(folder) if n not in ["MANIFEST.TXT", *PAPERS, *(v[0] for v in m["volumes"])] and not re.fullmatch(SIG, n)]
    if extra:
        raise damaged(f"{extra} is not declared")
    for name, digest in m["papers"].items():
        if sha256(read_regular(folder, name, 16 << 20)).hex() != digest:
            raise damaged(f"{name} differs")

# ---- volumes and metadata (chapters 4 and 5) ----
def read_volumes(folder, m):
    volumes = []
    for name, size, blocks in m["volumes"][:m["data"]]: # the others are not needed when these are whole
        data = read_regular(folder, name, size)
        bad = [i for i, block in enumerate(blocks) if sha256(data[i * BLOCK:(i + 1) * BLOCK]).hex() != block]
        if len(data) != size or bad:
            raise damaged(f"{name} differs, in blocks {bad}")
        volumes.append(data)
    return lambda places: b"".join(volumes[v - 1][o:o + n] for v, o, n in places)

def take_document(document, guid, revision): # what the closure needs of it
    if b"<!DOCTYPE" in document:
        raise damaged("a document type declaration")
    try:
        root = ET.fromstring(document)
    except ET.ParseError as error:
        raise damaged(f"document of {guid}: {error}") from error
    identity, p = root.find(UPD + "UpdateIdentity"), root.find(UPD + "Properties")
    if None in (identity, p) or [root.tag, identity.get("UpdateID", "").lower(), identity.get("RevisionNumber")] != [UPD + "Update", guid, str(revision)]:
        raise damaged(f"the document of {guid} revision {revision} is not that of its record")

    def clauses(kind):
        groups = [[c] if c.tag == UPD + "UpdateIdentity" else c.findall(UPD + "UpdateIdentity") if c.tag == UPD + "AtLeastOne" else []
                  for c in root.findall(f"{UPD}Relationships/{UPD}{kind}/*")]
        return [sorted((u.get("UpdateID").lower(), int(u.get("RevisionNumber", 0))) for u in g) for g in groups if g]

    def files(path, licence):
        for f in root.findall(path):
            more = [base64.b64decode(d.text).hex() for d in f.findall(UPD + "AdditionalDigest") if d.get("Algorithm") == "SHA256"] or [None]
            is_express = f.get("PatchingType") == "Express" or re.search(r".\.psf$", f.get("FileName", ""))
            yield base64.b64decode(f.get("Digest")).hex(), more[0], int(f.get("Size")), licence, f.get("Language", "") if licence else "", is_express
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
            addresses, at = stream[at:at + address_bytes], at + address_bytes
            document, at = stream[at:at + document_bytes], at + document_bytes + 1
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

def check_closure(m, state, store, base=()): # base: what else the site holds, where the bundle is urgent
    newest, opened = dict(sorted(state)), set() # the highest revision stands last
    ids, exact = {*newest, *(g for g, _ in base)}, {*state, *base}
    for (guid, revision), (_, d) in state.items():
        opened |= {f"prerequisite {guid} {revision} {c[0][0]}" for c in d["prerequisites"] if not any(t in ids for t, _ in c)}
        opened |= {f"bundled {guid} {revision} {c[0][0]} {c[0][1]}" for c in d["bundled"] if not any(t in exact for t in c)}
    if m["urgent"] and opened:
        raise Bad("gap", 5, f"neither the bundle nor the site holds: {sorted(opened)}")

    def live(roots):
        found = [k for k in roots if not state[k][1]["expired"]]
        for key in found: # grows
            found += {t for c in state[key][1]["bundled"] for t in c if t in state and t not in found}
        return [state[k][1] for k in found]
    every, need, ours = live(newest.items()), {}, set(m["languages"])
    some = {"all": every, "approved": live((g, r) for g, r in newest.items() if g in m["approved"])}.get(m["content"], [])
    wanted = [f for d in every for f in d["files"] if m["content"] != "none" and f[3] and (not ours or f[4] in {"", "en", *ours})]
    for f in wanted + [f for d in some for f in d["files"] if not f[3] and (m["express"] or not f[5])
                       and (not ours or not d["languages"] or d["languages"] & {"all", *ours})]:
        old = need.get(f[0], f)
        need[f[0]] = f[0], max(filter(None, (old[1], f[1])), default=None), min(old[2], f[2]), old[3] or f[3]
    for sha1, digest, size, licence in need.values():
        if sha1 not in store or store[sha1][1] != size or digest not in (None, store[sha1][0]):
            opened.add(f"{'licence' if licence else 'content'} {sha1} {size}")
    kinds, licences = ("prerequisites", "bundled"), sum(f[3] for f in need.values())
    have = [*(sum(len(d[k]) for _, d in state.values()) for k in kinds), licences, len(need) - licences]
    if have != m["closure"] or opened - set(m["holes"]):
        raise Bad("incomplete", 11, f"the closure is {have}, open and not declared: {sorted(opened - set(m['holes']))}")

def check_tar(folder, m):
    places = {(v, o): n for f in m["files"] for v, o, n in f[4]} | {(v, o): n for f in m["frames"] for v, o, n in f[1]}
    for i, (name, *_) in enumerate(m["volumes"][:m["data"]], 1):
        with tarfile.open(os.path.join(folder, name), "r:") as tar:
            have = {(i, t.offset_data): t.size for t in tar.getmembers() if t.name != "SU-HEAD" and t.isreg()}
        if have != {k: n for k, n in places.items() if k[0] == i}:
            raise damaged(f"{name}: the tar members are not the manifest's extents")
    return f"{m['name']}, with the tar members in their places"

def judge(folder, options, site): # in the order of chapter 9; a good bundle brings the site forward
    if "MANIFEST.TXT" not in os.listdir(folder):
        raise Bad("-", 2, "no bundle")
    data = read_regular(folder, "MANIFEST.TXT", 64 << 20) or Lines(b"")
    signers = check_signatures(folder, data, options, site)
    m = parse_manifest(data)
    latest = check_again(m, options, site, signers)
    if options.site not in (m["site"], *m["also"]):
        raise Bad("wrong-site", 10, f"for site {m['site']}")
    past, reached, own = (site["urgent"], max((n for n, _ in site["urgent"]), default=0), m["urgent"]) if m["urgent"] else (site["past"], site["sequence"], m["sequence"])
    if m["urgent"] and past and sha256(data) == past[-1][1]:
        return "imported already"
    if not m["urgent"] and site["past"] and sha256(data) == site["past"][-1][1] and m["result"] == state_digest(site["state"]):
        return "imported already"
    if any(n == own and digest != sha256(data) for n, digest in past) or own <= reached:
        raise Bad("replay", 10, f"number {own}, the site has reached {reached}")
    if m["urgent"] and site["sequence"] >= m["sequence"]:
        return "an ordinary bundle has taken its place"
    if not m["full"] and state_digest(site["state"]) not in m["fits"]:
        raise Bad("gap", 5, "fits none but other states")
    if not m["urgent"] and site["jump"] and m["sequence"] - site["sequence"] > site["jump"]:
        raise Bad("gap", 10, f"sequence {m['sequence']}, from {site['sequence']} a jump of {site['jump']} is allowed")
    check_folder(folder, m)
    if not options.allow_incomplete and any(h.startswith(("prerequisite ", "bundled ")) for h in m["holes"]):
        raise Bad("incomplete", 11, f"the hub signed for {len(m['holes'])} holes")
    item = read_volumes(folder, m)
    for pool, digest, sha1, size, places in m["files"]:
        content = read_regular(folder, pool, size) if pool else item(places)
        if len(content) != size or sha256(content).hex() != digest or hashlib.sha1(content).hexdigest() != sha1:
            raise damaged(f"file {digest[:16]} is not what the manifest says")
        site["store"][sha1] = digest, size
    stream, state = b"", {} if m["full"] else dict(site["state"])
    for i, (size, places) in enumerate(m["frames"], 1):
        frame = run(["zstd", "-dc", "--single-thread"], item(places))
        if frame.returncode != 0 or len(frame.stdout) != size:
            raise damaged(f"frame {i} does not unpack to {size} bytes")
        stream += frame.stdout
    if apply_records(stream, state) != m["records"]:
        raise damaged("the frames hold other numbers of records than the manifest says")
    if state_digest(state) != m["result"] or (len({g for g, _ in state}), len(state)) != m["catalogue"]:
        raise damaged(f"the state is {state_digest(state)}, the manifest promises {m['result']}")
    check_closure(m, state, site["store"], site["state"] if m["urgent"] else ())
    site["keys"] = {sha256(spki).hex(): (role, spki) for role, spki in m["keys"]} | site["keys"]
    site["revoked"] |= {k: min(n, site["revoked"].get(k, n)) for k, n in m["revoked"]}
    past.append((own, sha256(data)))
    site.update(latest=latest, **{} if m["urgent"] else {"sequence": m["sequence"], "jump": m["jump"], "state": state})
    return check_tar(folder, m) if options.tar else m["name"]

def new_site(options):
    revoked = {k: int(n) for k, _, n in (x.partition(":") for x in options.revoked)}
    return {"sequence": 0, "jump": 0, "past": [], "urgent": [], "state": {}, "store": {}, "keys": dict(map(load_key, options.key)), "revoked": revoked, "latest": ""}

def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("key", "ca", "revoked"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--site", required=True), parser.add_argument("--policy", default="exporter=1")
    parser.add_argument("--allow-incomplete", action="store_true"), parser.add_argument("--tar", action="store_true")
    parser.add_argument("folder", nargs="*")
    return parser.parse_args(words)

def main():
    options, text = arguments(sys.argv[1:]), "no bundle"
    site = new_site(options)
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
