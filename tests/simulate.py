#!/usr/bin/env python3
"""simulate.py - twelve monthly bundles for three sites, carried by people who lose, mix up, copy twice and damage them.

    simulate.py BUILD [--runs N] [--seed S] [--work DIR]

Runs the seeds S, S+1, ... S+N-1, on all processors. What happens follows from the seed alone. After every step: a site
is in a state that the hub sent to it; a refusal changed nothing; verdict and exit status say the same. In the end each
site gets the newest bundle and then only what the programs' own remedies ask for, until it is in the state the hub
plans for it; anything else is a failure, and its seed and story are printed.
"""
import argparse, base64, collections, concurrent.futures, glob, hashlib, json, os, random, re, shutil, sqlite3, subprocess, sys, tempfile

MONTHS = 12
SITES = {"ALPHA": [], "BRAVO": ["--product", "Widget 1", "--languages", "en"], "CHARLIE": ["--classification", "Critical Updates", "--content", "licence"]}
EMPTY = hashlib.sha256(b"SU-STATE 1\n" + bytes(8192)).hexdigest()
# What 'suimport import' may end with after that verdict of 'suimport verify'.
STATUS = {"good": (0, 9), "damaged": (3,), "repairable": (0, 3, 9), "untrusted": (4,), "wrong-site": (10,), "gap": (5, 10), "replay": (10,), "stale-format": (2,)}

class Wrong(Exception):
    pass

# ---- what the source holds, month by month -----------------------------------------------------------------

NS = "http://schemas.microsoft.com/msus/2002/12/"
CLASSES = [("0fa1201d-4330-4fa8-8ae9-b877473b6441", "Security Updates"), ("e6cf1350-c01b-414d-a61f-263d14d133b4", "Critical Updates")]
PRODUCTS = [(f"0a00000{n}-0000-4000-8000-000000000001", f"Widget {n}") for n in (1, 2, 3)]
DETECTOID = "0a000009-0000-4000-8000-000000000009"

def attributes(name, data):
    sha1, sha256 = (base64.b64encode(h(data).digest()).decode() for h in (hashlib.sha1, hashlib.sha256))
    return (f'Digest="{sha1}" DigestAlgorithm="SHA1" FileName="{name}" Size="{len(data)}" Modified="2026-10-01T00:00:00Z"',
            f'<upd:AdditionalDigest Algorithm="SHA256">{sha256}</upd:AdditionalDigest>')

def document(guid, revision, kind, title, rest="", more="", state="Published", licence=None):
    eula = '<upd:EulaFile {} Language="en">{}</upd:EulaFile>'.format(*attributes(*licence)) if licence else ""
    return (f'<upd:Update xmlns:upd="{NS}Update"><upd:UpdateIdentity UpdateID="{guid}" RevisionNumber="{revision}" /><upd:Properties UpdateType="{kind}" '
            f'DefaultPropertiesLanguage="en" PublicationState="{state}" CreationDate="2026-01-01T00:00:00Z" ExplicitlyDeployable="true">{more}</upd:Properties>'
            f'<upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Language>en</upd:Language><upd:Title>{title}</upd:Title>'
            f'</upd:LocalizedProperties>{eula}</upd:LocalizedPropertiesCollection>{rest}</upd:Update>')

def category(guid, kind, title):
    return document(guid, 1, "Category", title, f'<upd:HandlerSpecificData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
                    f'xmlns:cat="{NS}UpdateHandlers/Category" xsi:type="cat:Category"><cat:CategoryInformation CategoryType="{kind}" /></upd:HandlerSpecificData>')

def software_id(month, i):
    return f"f000{month:02}0{i}-0000-4000-8000-00000000000{i}"

def software(month, i, revision, state):
    identity = '<upd:UpdateIdentity UpdateID="{}" />'.format
    needs = "".join(f"<upd:AtLeastOne>{identity(g)}</upd:AtLeastOne>" for g in (DETECTOID, PRODUCTS[i][0], CLASSES[(month + i) % 2][0]))
    bundled = f'<upd:BundledUpdates><upd:UpdateIdentity UpdateID="{software_id(month, 2)}" RevisionNumber="1" /></upd:BundledUpdates>' if i == 1 else ""
    old = f"<upd:SupersededUpdates>{identity(software_id(month - 1, i))}</upd:SupersededUpdates>" if month > 1 and i == 0 else ""
    name, data = payload(month, i)
    one = "<upd:File {}>{}</upd:File>".format(*attributes(name, data))
    return document(software_id(month, i), revision, "Software", f"Update {month}-{i}, edition {revision}",
                    f"<upd:Relationships>{old}<upd:Prerequisites>{needs}</upd:Prerequisites>{bundled}</upd:Relationships><upd:Files>{one}</upd:Files>",
                    f"<upd:KBArticleID>90{month:02}0{i}</upd:KBArticleID>", state, terms(month) if i != 1 else None)

def payload(month, i):
    return f"widget-{month}-{i}.cab", random.Random(f"{month} {i}").randbytes(90000 if i == 0 and month % 3 == 1 else 1500 + 700 * i)

def terms(month):
    return f"terms-{month % 4}.txt", f"Terms of edition {month % 4}. All of it is invented.\r\n".encode()

def make_month(folder, now):
    """The updates of month j: the first is revised in j+1, the second removed in j+3 and its file moves in j+1, the third expires in j+2."""
    records = [(g, 1, category(g, "UpdateClassification", t)) for g, t in CLASSES] + [(g, 1, category(g, "Product", t)) for g, t in PRODUCTS]
    records.append((DETECTOID, 1, document(DETECTOID, 1, "Detectoid", "Widget is there")))
    files, places = {}, ""
    for j in range(1, now + 1):
        for i in range(3):
            if i == 1 and now >= j + 3:
                continue
            newest = 2 if now >= (j + 1, 99, j + 2)[i] else 1
            for revision in range(1, newest + 1):
                records.append((software_id(j, i), revision, software(j, i, revision, "Expired" if i == 2 and revision == 2 else "Published")))
            files[payload(j, i)[0]] = payload(j, i)[1]
            files[terms(j)[0]] = terms(j)[1]
            digest = attributes(*payload(j, i))[0].split('"')[1]
            places += f'<File Digest="{digest}" MUUrl="http://download.fabrikam.example/{min(now, j + 1) if i == 1 else j}/{payload(j, i)[0]}" />'
    os.makedirs(folder)
    entries = "".join(f'<Update UpdateId="{g}" RevisionNumber="{r}"><Files /><Categories /><Classifications /></Update>' for g, r, _ in records)
    with open(f"{folder}/package.xml", "w", encoding="utf-8") as f:
        f.write(f'<?xml version="1.0" encoding="utf-8"?><ExportPackage ServerID="5e000000-0000-4000-8000-000000000000" CreationTime="20{25 + now // 12}-{now % 12 + 1:02}-14T02:00:00Z" '
                f'FormatVersion="1.0" ProtocolVersion="1.20"><Languages /><Files>{places}</Files><Updates>{entries}</Updates></ExportPackage>')
    with open(f"{folder}/metadata.txt", "w", encoding="utf-8", newline="") as f:
        f.writelines(f"{g},{r:08x},{len(d.encode('utf-16-le')) // 2:08x},{d}\r\n" for g, r, d in records)
    subprocess.run(["gcab", "-c", "-n", "export.cab", "package.xml", "metadata.txt"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for name, data in files.items():
        sha1 = hashlib.sha1(data).hexdigest().upper()
        os.makedirs(f"{folder}/WsusContent/{sha1[-2:]}", exist_ok=True)
        with open(f"{folder}/WsusContent/{sha1[-2:]}/{sha1}{os.path.splitext(name)[1]}", "wb") as f:
            f.write(data)

# ---- the programs ------------------------------------------------------------------------------------------

def call(build, program, home, *words, may=(0,)):
    done = subprocess.run([f"{build}/{program}", "--home", home, "--quiet", "--operator", "simulation", "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    answer = json.loads(done.stdout or b"{}")
    if may and done.returncode not in may:
        raise Wrong(f"{program} {' '.join(words)} ended with {done.returncode}: {done.stderr.decode()}")
    return done.returncode, answer

def prepare(build, base):
    """The months, a hub with its sites and sites that trust it, and the state each site is to have after each month."""
    for month in range(1, MONTHS + 1):
        make_month(f"{base}/month/{month}", month)
    hub, planned = f"{base}/hub", {}
    call(build, "suexport", hub, "init", "--name", "SIMULATED")
    call(build, "suexport", hub, "key", "generate", "--name", "hub")
    call(build, "suexport", hub, "key", "export", "--name", "hub", "--out", f"{base}/hub.pub")
    sync(build, hub, base, 1)
    for code, options in SITES.items():
        call(build, "suimport", f"{base}/{code}", "init", "--site", code)
        call(build, "suimport", f"{base}/{code}", "trust", "add", f"{base}/hub.pub")
        call(build, "suexport", hub, "site", "add", code, "--key", f"{base}/{code}/keys/site.enrol", *options)
    shutil.copytree(hub, f"{base}/ahead")
    for month in range(1, MONTHS + 1):
        sync(build, f"{base}/ahead", base, month)
        for code in SITES:
            planned[month, code] = call(build, "suexport", f"{base}/ahead", "plan", "--site", code, "--full")[1]["result_digest"]
        if planned[month, "ALPHA"] != call(build, "suexport", f"{base}/ahead", "status")[1]["state_digest"]:
            raise Wrong("a site that takes everything is not to have the hub's own state")
    if len(set(planned.values())) < 2 * MONTHS:
        raise Wrong("the months hardly differ")
    return planned

def sync(build, hub, base, month):
    call(build, "suexport", hub, "sync", "--from", f"{base}/month/{month}/export.cab")
    call(build, "suexport", hub, "content", "add", f"{base}/month/{month}/WsusContent")

# ---- one run -----------------------------------------------------------------------------------------------

def rows(home, query):
    db = sqlite3.connect(f"file:{home}/update-point.db?mode=ro", uri=True)
    found = db.execute(query).fetchall()
    db.close()
    return found

def held(home): # all a site holds: a refusal may change nothing of it
    return [rows(home, q) for q in ("SELECT hex(update_id), revision, origin, hex(record_sha256) FROM revision ORDER BY 1, 2",
                                    "SELECT sequence, undone FROM import ORDER BY import_id", "SELECT * FROM v_file ORDER BY 1, 2, 3, 5")]

def state_digest(revisions): # docs/bundle-format.md 5.4
    buckets = [b""] * 256
    for guid, _, _, record in revisions:
        buckets[int(guid[:2], 16)] += bytes.fromhex(record)
    return hashlib.sha256(b"SU-STATE 1\n" + b"".join(hashlib.sha256(b).digest() if b else bytes(32) for b in buckets)).hexdigest()

class Run:
    def __init__(self, build, base, planned, seed, work):
        self.build, self.base, self.planned, self.work, self.dice = build, base, planned, work, random.Random(seed)
        self.story, self.counts = [], collections.Counter()
        self.sent = {code: {EMPTY} for code in SITES}   # the states the hub sent a site
        self.newest = dict.fromkeys(SITES)              # the newest bundle of a site, as the hub wrote it
        self.sticks = []                                # on their way: (site, folder)
        self.receipts = []                              # on their way: files
        self.month = 0
        for name in ("hub", *SITES):
            shutil.copytree(f"{base}/{name}", f"{work}/{name}")

    def tell(self, text):
        self.story.append(f"month {self.month}: {text}")
        self.counts[text.split(":")[0]] += 1

    def hub(self, *words, may=(0,)):
        return call(self.build, "suexport", f"{self.work}/hub", *words, may=may)

    def at(self, code, *words, may=(0,)):
        return call(self.build, "suimport", f"{self.work}/{code}", *words, may=may)

    def chance(self, percent):
        return self.dice.random() * 100 < percent

    def digest(self, code):
        have = state_digest(held(f"{self.work}/{code}")[0])
        if have not in self.sent[code]:
            raise Wrong(f"{code} is in state {have}, which the hub never sent")
        return have

    # -- the hub --

    def export(self, code, *options):
        if self.chance(50):
            options += ("--volume-size", "64K")
        if self.chance(30):
            options += ("--recovery", str(self.dice.choice((20, 50, 100))))
        made = self.hub("export", "--site", code, "--out", f"{self.work}/out", *options)[1]
        if made["kind"] == "none":
            if self.planned[self.month, code] not in self.sent[code]:
                raise Wrong(f"nothing is to be sent to {code}, which never got {self.planned[self.month, code]}")
            self.tell(f"nothing to send: {code}")
            return
        if made["result_digest"] != self.planned[self.month, code]:
            raise Wrong(f"{made['bundle']} leads to {made['result_digest']}, {self.planned[self.month, code]} was planned")
        self.sent[code].add(made["result_digest"])
        self.newest[code] = f"{self.work}/out/{made['bundle']}"
        self.tell(f"export: {made['bundle']} {made['kind']} {' '.join(options)}")

    def send(self, code):
        copy = tempfile.mkdtemp(prefix="stick-", dir=self.work)
        shutil.copytree(self.newest[code], f"{copy}/{os.path.basename(self.newest[code])}")
        self.sticks.append((code, copy))

    # -- the way --

    def damage(self, stick):
        path = self.dice.choice(sorted(glob.glob(f"{stick}/SU-*/*")))
        how = self.dice.choice(("flip", "cut", "remove", "add", "scratch"))
        with open(path, "rb") as f:
            data = bytearray(f.read())
        if how == "cut":
            data = data[:self.dice.randrange(len(data))]
        elif how == "flip":
            data[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
        elif how == "scratch": # sectors that cannot be read come as zeros
            for start in range(0, len(data), 512):
                if self.chance(3):
                    data[start:start + 512] = bytes(len(data[start:start + 512]))
        if how == "remove":
            os.remove(path)
        elif how == "add":
            shutil.copy(path, path[:-1] + "Z")
        else:
            with open(path, "wb") as f:
                f.write(data)
        self.tell(f"damage: {how} {os.path.relpath(path, stick)}")

    # -- a site --

    def receive(self, code, stick):
        """What 'verify' says, 'import' does; a refusal changes nothing. Returns the import's answer."""
        before, digest = held(f"{self.work}/{code}"), self.digest(code)
        _, said = self.at(code, "verify", stick, may=None)
        verdict = said.get("verdict", "-")
        status, answer = self.at(code, "import", stick, may=None)
        name = os.path.basename((glob.glob(f"{stick}/SU-*") or [stick])[0])
        self.tell(f"import {verdict}: {name}, exit {status} {answer.get('error', {}).get('id', '')}")
        if answer.get("already_imported"): # not a byte more of it is read
            return status, answer
        if verdict in STATUS and status not in STATUS[verdict] or verdict not in STATUS and status != 2:
            raise Wrong(f"{code}: verdict {verdict}, but import ended with {status}: {answer}")
        if status in (0, 9):
            if answer["state_digest"] != self.digest(code):
                raise Wrong(f"{code}: import says {answer['state_digest']}, the records do not")
        elif (held(f"{self.work}/{code}"), self.digest(code)) != (before, digest):
            raise Wrong(f"{code}: a refused import changed the site")
        if verdict == "repairable" or verdict == "damaged" and self.chance(30):
            return self.repair(code, stick, verdict) or (status, answer)
        return status, answer

    def repair(self, code, stick, verdict):
        whole = tempfile.mkdtemp(prefix="whole-", dir=self.work)
        status, answer = self.at(code, "repair", stick, "--to", whole, may=None)
        self.tell(f"repair {verdict}: {os.path.basename(stick)}, exit {status}")
        if status != 0:
            if verdict == "repairable" or os.listdir(whole):
                raise Wrong(f"{code}: {verdict}, but repair ended with {status}, leaving {os.listdir(whole)}: {answer}")
            return None
        if self.at(code, "verify", whole, may=None)[1].get("verdict") not in ("good", "replay", "gap"):
            raise Wrong(f"{code}: repaired, and still not good")
        return self.receive(code, whole)

    def undo(self, code):
        before = self.digest(code)
        status, _ = self.at(code, "undo", may=None)
        self.tell(f"undo: {code} exit {status}")
        if status != 0 and before != self.digest(code):
            raise Wrong(f"{code}: undo ended with {status} and the state changed")

    def report(self, code):
        path = tempfile.mktemp(prefix="receipt-", dir=self.work)
        how = ("--code",) if self.chance(30) else ("--out", path)
        status, answer = self.at(code, "receipt", *how, may=(0, 2))
        if (status == 0) != bool(rows(f"{self.work}/{code}", "SELECT 1 FROM import WHERE NOT undone")):
            raise Wrong(f"{code}: receipt ended with {status}")
        if status == 0:
            self.receipts.append((code, answer["code"] if how == ("--code",) else path))

    def take_receipt(self, code, receipt):
        books = lambda: rows(f"{self.work}/hub", "SELECT code, acknowledged FROM site ORDER BY code")
        before, is_code = books(), not os.path.exists(receipt)
        forged = self.chance(10)
        if forged and is_code: # misheard
            at = self.dice.choice([i for i, c in enumerate(receipt) if c != "-"])
            receipt = receipt[:at] + ("7" if receipt[at] != "7" else "8") + receipt[at + 1:]
        elif forged:
            with open(receipt, "r+b") as f:
                data = bytearray(f.read())
                data[self.dice.randrange(len(data))] ^= 1
                f.seek(0), f.write(data)
        status, answer = self.hub("receipt", "add", receipt, may=None)
        kind = "code" if is_code else "receipt"
        self.tell(f"{kind} {'taken' if status == 0 else 'refused'}: {code}, exit {status} {answer.get('error', {}).get('id', '')}{' forged' * forged}")
        if forged and status == 0 or status not in (0, 4, 10) and not forged:
            raise Wrong(f"{kind} of {code}, forged {forged}: {status} {answer}")
        fell = [now for now, old in zip(books(), before) if now[1] < old[1]]
        if status != 0 and books() != before or fell and not answer.get("is_undo"):
            raise Wrong(f"{kind} of {code} ended with {status}: from {before} to {books()}")

    # -- the story --

    def a_month(self):
        self.month += 1
        if self.month > 1:
            sync(self.build, f"{self.work}/hub", self.base, self.month)
        for code in self.dice.sample(sorted(SITES), len(SITES)):
            if self.chance(93):
                self.export(code, *(("--full",) if self.chance(4) else ()))
                if self.chance(80):
                    self.send(code)
                else:
                    self.tell("lost: a stick")
                if self.chance(10):
                    self.send(code)
        self.dice.shuffle(self.sticks)
        late = []
        due, self.sticks = self.sticks, []
        for code, stick in due:
            if self.chance(15):
                late.append((code, stick)) # comes in another month, perhaps after its successors
                continue
            if self.chance(15):
                self.damage(stick)
            if self.chance(3):
                self.receive(self.dice.choice([c for c in SITES if c != code]), stick)
            status, answer = self.receive(code, stick)
            if status == 5 and self.chance(50):
                self.ask(code, answer)
                self.send(code)
            if self.chance(6):
                self.undo(code)
            if self.chance(70):
                self.report(code)
        self.sticks += late
        self.dice.shuffle(self.receipts)
        late = []
        for code, path in self.receipts:
            if self.chance(20):
                late.append((code, path))
            elif self.chance(80):
                self.take_receipt(code, path)
            else:
                self.tell("lost: a receipt")
        self.receipts = late

    def ask(self, code, refusal): # the hub for what the refusal says
        found = re.search(r"suexport (export --site \S+ --(?:since \d+|full))", refusal["error"].get("remedy", ""))
        if not found:
            raise Wrong(f"{code}: no way out in: {refusal['error']}")
        self.tell(f"remedy: {found[1]}")
        self.export(code, *found[1].split()[3:])

    def final_delivery(self, code):
        """The newest bundle, then what the programs' own words ask for."""
        if self.newest[code] is None:
            self.export(code)
        for _ in range(6):
            if self.digest(code) == self.planned[MONTHS, code]:
                status = self.at(code, "status")[1]
                if status["state_digest"] != self.planned[MONTHS, code] or status["content_owed"]:
                    raise Wrong(f"{code}: {status}")
                return
            self.tell(f"final delivery: {code}")
            status, answer = self.receive(code, self.newest[code])
            if status not in (0, 9):
                self.ask(code, answer)
            elif self.digest(code) != self.planned[MONTHS, code]:
                self.export(code) # nothing was made for it in the last month
        raise Wrong(f"{code} does not reach {self.planned[MONTHS, code]}")

    def go(self):
        for _ in range(MONTHS):
            self.a_month()
        for code in SITES:
            self.final_delivery(code)
            self.at(code, "content", "verify")

def one(build, base, planned, seed, work):
    folder = f"{work}/run-{seed}"
    os.mkdir(folder)
    run = None
    try:
        run = Run(build, base, planned, seed, folder)
        run.go()
    except (Wrong, OSError, ValueError, KeyError, IndexError, sqlite3.Error) as why:
        story = run.story[-25:] if run else []
        return seed, [*story, f"seed {seed} FAILED: {type(why).__name__}: {why}", f"(its homes and sticks are kept in {folder})"], {}
    shutil.rmtree(folder)
    return seed, None, run.counts

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    for name, default in (("--runs", 200), ("--seed", 1)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--work", help="where the runs happen; default: in memory where there is such a place")
    options = parser.parse_args()
    parent = options.work or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    work, failed, counts = tempfile.mkdtemp(prefix="su-simulation.", dir=parent), 0, collections.Counter()
    base, build = f"{work}/base", os.path.abspath(options.build)
    planned = prepare(build, base)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool: # the work is in other processes
        for seed, story, counted in pool.map(lambda s: one(build, base, planned, s, work), range(options.seed, options.seed + options.runs)):
            counts.update(counted)
            if story:
                failed += 1
                print(*story, sep="\n", flush=True)
    print(", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    print(f"{options.runs} runs from seed {options.seed}, {failed} failed")
    if not failed:
        shutil.rmtree(work)
    return 1 if failed else 0

if __name__ == "__main__":
    sys.exit(main())
