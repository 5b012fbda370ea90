#!/usr/bin/env python3
"""at_database.py KIND - hostile SQLite files as the database of a home.

The test has made ./site, which holds one bundle, and ./stick2 with the next. Each case edits a copy of the home as
somebody who carries it could, with SQLite itself and nothing hardened, or byte by byte.
"""
import glob
import hashlib
import os
import shutil
import sqlite3
import struct
import subprocess
import sys

from hostile import Hostile, SHARE, digest_of, sha256

PAGE = 8192
DB = "case/update-point.db"
LARGE = 20_000_000
DAMAGED = (3,)
SPARED = (0, *DAMAGED)  # whether it is noticed depends on where it hits; what is said with 0 must be so
READ, WRITE = ("suimport", "--home", "case", "status"), ("suimport", "--home", "case", "import", "stick2")


def fresh():
    shutil.rmtree("case", ignore_errors=True)
    shutil.copytree("site", "case")


def sql(text):
    db = sqlite3.connect(DB, isolation_level=None)
    db.execute("PRAGMA writable_schema=ON")
    db.execute("PRAGMA ignore_check_constraints=ON")
    db.execute("PRAGMA foreign_keys=OFF")
    db.executescript(text)
    changes = db.total_changes
    db.close()
    if not changes and not text.startswith("CREATE"):
        raise sqlite3.DatabaseError("nothing was changed: " + text)


def patch(edits):
    """[(offset, bytes)] in the file of the database."""
    with open(DB, "r+b") as f:
        for at, data in edits:
            f.seek(at)
            f.write(data)


def copy(name, folder):
    if os.path.getsize(name) > LARGE:
        subprocess.run(["cp", "--sparse=always", name, folder], check=True)
    else:
        shutil.copy(name, folder)


def held():
    """What the database of the case holds, but for what a refusal itself leaves; None where it cannot be read to the end."""
    try:
        return digest_of("case", False)[0]
    except (sqlite3.Error, UnicodeDecodeError, OverflowError):
        return None


def state():
    """The state digest by its definition (check_state.py), of the records' digests as they are stored."""
    db = sqlite3.connect(f"file:{DB}?mode=ro", uri=True)
    buckets = [b""] * 256
    for update, record in db.execute("SELECT update_id, record_sha256 FROM revision ORDER BY update_id, revision"):
        buckets[update[0]] += record
    db.close()
    return sha256(b"SU-STATE 1\n" + b"".join(hashlib.sha256(b).digest() if b else bytes(32) for b in buckets))


def result(stick):
    with open(f"{stick}/MANIFEST.TXT", encoding="ascii") as f:
        return next(line.split()[1] for line in f if line.startswith("result "))


def tell(h, what, commands=(READ, WRITE), status=SPARED, **how):
    """Each command meets the database as it was made. status: what may come, of all or by verb. A refusal leaves what was
    held; after an import that says yes the state is the one the bundle's manifest signs, after an undo it is empty."""
    shutil.rmtree("made", ignore_errors=True)
    os.mkdir("made")
    for name in glob.glob(DB + "*"):
        copy(name, "made")
    is_large = os.path.getsize(DB) > LARGE  # the driver's memory would be counted as the program's
    before = None if is_large else held()
    for n, command in enumerate(commands):
        if n and commands[n - 1] != READ:
            for name in glob.glob(DB + "*"):
                os.remove(name)
            for name in glob.glob("made/*"):
                copy(name, "case")
        verb = command[3]
        code = h.run(*command, status=status.get(verb, 0) if isinstance(status, dict) else status, what=f"{what}: {verb}", inputs=n == 0, **how)
        if code == 0 and verb in ("import", "undo") and not is_large:
            want = result("stick2/SU-ALPHA-000002") if verb == "import" else EMPTY
            if state() != want:
                h.bad(what, verb, "says yes, and the state is", state(), "and not", want)
        elif code and before is not None and held() not in (before, None):
            h.bad(what, verb, "was refused and changed what is held")


EMPTY = sha256(b"SU-STATE 1\n" + bytes(32 * 256))


def schema():
    """Whatever the schema's own table says that our steps do not make is refused, before any statement of ours is prepared."""
    plants = {
        "a generated column that calls": "UPDATE sqlite_schema SET sql=replace(sql, 'STRICT', ', x TEXT AS (load_extension(''x'')) STRICT') WHERE name='trust'",
        "a default that calls": "UPDATE sqlite_schema SET sql=replace(sql, 'NOT NULL DEFAULT 0', 'NOT NULL DEFAULT (load_extension(''x''))') WHERE name='trust'",
        "a check that calls": "UPDATE sqlite_schema SET sql=replace(sql, 'STRICT', ', CHECK (load_extension(''x'')) STRICT') WHERE name='setting'",
        "a check that writes a file": "UPDATE sqlite_schema SET sql=replace(sql, ')', ', CHECK (writefile(''/tmp/su-evil'', ''x'')))') WHERE name='setting'",
        "an index over a function": "UPDATE sqlite_schema SET sql='CREATE INDEX info_order ON info (load_extension(title))' WHERE name='info_order'",
        "a partial index": "CREATE INDEX evil ON setting (key) WHERE value LIKE '%x%'",
        "a view in place of a table": "UPDATE sqlite_schema SET type='view', rootpage=0, sql='CREATE VIEW setting AS SELECT ''role'' AS key, ''site'' AS value' WHERE name='setting'",
        "a view without end": "CREATE VIEW evil AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT x FROM n",
        "a table of another module": "CREATE VIRTUAL TABLE evil USING fts5 (x, content='trust')",
        "a module nobody has": "INSERT INTO sqlite_schema VALUES ('table','evil','evil',0,'CREATE VIRTUAL TABLE evil USING zipfile(''/etc/passwd'')')",
        "a temporary name": "CREATE TABLE \"temp.need\" (x)",
        "a name with a schema in it": "CREATE TABLE \"main.setting\" (x)",
        "a name of a terminal": "CREATE TABLE \"\x1b]0;x\x07\" (x)",
        "a trigger instead of": "CREATE TRIGGER evil INSTEAD OF INSERT ON v_title BEGIN DELETE FROM trust; END",
        "a trigger on trust": "CREATE TRIGGER evil AFTER INSERT ON ledger BEGIN INSERT INTO trust SELECT * FROM trust; END",
        "two rows of one table": "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name='setting'",
        "a row of nothing": "INSERT INTO sqlite_schema VALUES (NULL,NULL,NULL,NULL,NULL)",
        "a text that is no SQL": "UPDATE sqlite_schema SET sql='CREATE GARBAGE' WHERE name='hole'",
        "no text": "UPDATE sqlite_schema SET sql=NULL WHERE name='hole'",
        "a text of 20 MiB": "UPDATE sqlite_schema SET sql=sql || '/*' || hex(zeroblob(10000000)) || '*/' WHERE name='hole'",
        "twenty thousand tables": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x<20000) INSERT INTO sqlite_schema SELECT 'view','e'||x,'e'||x,0,'CREATE VIEW e'||x||' AS SELECT 1' FROM n",
        "deeply nested": "INSERT INTO sqlite_schema VALUES ('view','evil','evil',0,'CREATE VIEW evil AS SELECT ' || replace(hex(zeroblob(5000)), '00', '(') || '1' || replace(hex(zeroblob(5000)), '00', ')'))",
        "a name like SQLite's own": "CREATE VIEW \"sqlite-stat1\" AS SELECT 1",
        "a table without STRICT": "UPDATE sqlite_schema SET sql=replace(sql, 'STRICT', '') WHERE name='trust'",
        "another collation": "UPDATE sqlite_schema SET sql=replace(sql, 'TEXT', 'TEXT COLLATE evil') WHERE name='setting'",
    }
    with Hostile("schemas that are not ours", homes=["site"]) as h:
        h.settle("case", "made")
        for what, text in plants.items():
            fresh()
            sql(text)
            # Where SQLite itself finds the schema no schema, it says so first.
            tell(h, what, status=DAMAGED, memory=300 if "MiB" in what else None)  # SQLite reads all of the schema, then we judge it


def rows():
    """Rows that no program of ours writes."""
    edits = {
        "no role": "DELETE FROM setting WHERE key='role'",
        "another role": "UPDATE setting SET value='hub' WHERE key='role'",
        "a role with an escape": "UPDATE setting SET value=char(27)||'[31m' WHERE key='role'",
        "a name with escapes": "UPDATE setting SET value=char(27)||']0;x'||char(7)||char(8238)||x'fffe' WHERE key='name'",
        "a name of a megabyte": "UPDATE setting SET value=hex(zeroblob(1000000)) WHERE key='name'",
        "a name that is a path": "UPDATE setting SET value='../../su-evil' WHERE key='name'",
        "numbers that are none": "UPDATE setting SET value='9999999999999999999999' WHERE value GLOB '[0-9]*'",
        "no settings": "DELETE FROM setting",
        "keys cut short": "UPDATE trust SET key_id=x'00'",
        "keys of no form": "UPDATE trust SET pem='-----BEGIN'||char(27)",
        "keys of 50 MB": "UPDATE trust SET pem=hex(zeroblob(25000000))",
        "names of keys with escapes": "UPDATE trust SET name=char(27)||'[2J'||char(10)||'x'",
        "roles of keys": "UPDATE trust SET role='root'",
        "documents that are no zstd": "UPDATE document SET packed=zeroblob(100)",
        "documents that say 2 GB": "UPDATE document SET raw_bytes=2147483647",
        "documents that say -1": "UPDATE document SET raw_bytes=-1",
        "documents that say nothing": "UPDATE document SET raw_bytes=0",
        "a dictionary that is not there": "UPDATE document SET dictionary_id=4711",
        "revisions cut short": "UPDATE revision SET update_id=x'0001'",
        "revisions below nothing": "UPDATE revision SET revision=-5",
        "digests cut short": "UPDATE revision SET record_sha256=x'00', doc_sha256=x''",
        "relations of no form": "UPDATE prerequisite SET clause=-clause-1",
        "titles with escapes": "UPDATE title SET title=char(27)||'[31m'||char(155)||char(8238)||title",
        "titles of 2 MB": "UPDATE title SET title=hex(zeroblob(1000000))",
        "files of no size": "UPDATE file SET bytes=-1",
        "files of all bytes there are": "UPDATE file SET bytes=9223372036854775807",
        "digests of files": "UPDATE file SET sha1=substr(sha1, 1, 3), sha256=x''",
        "names of files with escapes": "UPDATE file SET name=char(27)||'c/../../su-evil'",
        "stored files of no form": "UPDATE stored_file SET sha256=substr(sha256, 1, 9), bytes=-1",
        "stored files that are nowhere": "UPDATE stored_file SET sha256=randomblob(32)",
        "imports of no form": "UPDATE import SET sequence=-1, manifest_sha256=x''",
        "imports of the future": "UPDATE import SET sequence=999999, created='99999'",
        "bundles with escapes": "UPDATE import SET bundle=char(27)||'[0m../../x'",
        "undo of no form": "UPDATE undo SET packed=zeroblob(50), raw_bytes=2147483647",
        "a ledger edited": "UPDATE ledger SET detail=char(27)||'[5m', operator=char(8238)",
        "a ledger without hashes": "UPDATE ledger SET hash=x'', previous=x''",
        "policy of nothing": "UPDATE trust_policy SET threshold=0",
        "no rows at all": "DELETE FROM revision; DELETE FROM document; DELETE FROM import; DELETE FROM ledger",
    }
    with Hostile("rows that no program writes", homes=["site"]) as h:
        h.settle("case", "made")
        db = sqlite3.connect("site/update-point.db")
        first = db.execute("SELECT lower(hex(update_id)) FROM revision").fetchone()[0]
        db.close()
        guid = "-".join((first[:8], first[8:12], first[12:16], first[16:20], first[20:]))
        commands = [READ, ("suimport", "--home", "case", "search", "server"), ("suimport", "--home", "case", "show", guid), ("suimport", "--home", "case", "history"), ("suimport", "--home", "case", "trust", "list"),
                    ("suimport", "--home", "case", "audit", "verify"), ("suimport", "--home", "case", "report"), ("suimport", "--home", "case", "content", "verify"), ("suimport", "--home", "case", "undo")]
        # Everything else says yes; what it then says is safe to be shown, and the state is the right one.
        show, every = {"show": 3}, {command[3]: 3 for command in (*commands, WRITE)}
        wanted = {"no role": every, "no settings": every, "a name of a megabyte": every, "another role": {verb: 2 for verb in every},
                  "a name with escapes": {"import": 10}, "a name that is a path": {"import": 10}, "imports of the future": {"import": 10},
                  "keys cut short": {"trust": 3, "import": 3}, "keys of no form": {"trust": 4, "import": 4}, "keys of 50 MB": {"trust": 4, "import": 4}, "roles of keys": {"import": 4}, "policy of nothing": {"trust": 4, "import": 4},
                  "documents that are no zstd": show, "documents that say 2 GB": show, "documents that say -1": show, "documents that say nothing": show, "a dictionary that is not there": show,
                  "revisions cut short": {**every, "show": 2, "history": 0, "trust": 0, "audit": 0}, "revisions below nothing": {"show": 3, "undo": 3, "import": 5}, "digests cut short": {**every, "search": 0, "history": 0, "trust": 0, "audit": 0},
                  "titles with escapes": {"undo": 3}, "files of no size": {"content": 9, "import": 11}, "files of all bytes there are": {"content": 9, "report": 1, "import": 11},
                  "digests of files": {"report": 3, "content": 3, "import": 3}, "stored files of no form": {"content": 3, "import": 11}, "stored files that are nowhere": {"content": 9, "import": 11},
                  "imports of no form": {"undo": 3, "status": 3, "import": 3}, "a ledger edited": {"audit": 3}, "a ledger without hashes": {"undo": 3, "audit": 3, "import": 3},
                  "no rows at all": {"show": 2, "report": 3, "content": 3, "undo": 10, "import": 5}}
        skipped = 0
        for n, (what, text) in enumerate(edits.items()):
            fresh()
            try:
                sql(text)
            except sqlite3.DatabaseError as why:
                skipped += 1
                print("not made:", what, why)
                continue
            # The one that matters each time, and the others in turn.
            tell(h, what, [commands[(n + k) % len(commands)] for k in (range(2) if SHARE > 1 else range(len(commands)))] + [WRITE], status=wanted.get(what, {}), memory=700 if "MB" in what else None)
        if skipped:
            h.bad(f"{skipped} edits could not be made")


def pages():
    """Every page overwritten: by nothing, by ones, by another page; and every field of the header."""
    raw = open("site/update-point.db", "rb").read()
    with Hostile("pages overwritten", homes=["site"]) as h:
        h.settle("case", "made")
        for page in range(len(raw) // PAGE):
            for n, data in enumerate((bytes(PAGE), b"\xff" * PAGE, raw[-PAGE:], bytes((b * 7 + i) & 255 for i, b in enumerate(raw[page * PAGE:page * PAGE + PAGE])))):
                if (page * 4 + n + page // 2) % (SHARE * 4 - 3) == 0:
                    fresh()
                    patch([(page * PAGE, data)])
                    # A page of a table with other rows' values: it wants files, a policy or a search that are not there.
                    tell(h, f"page {page + 1}, {n}", status={"status": SPARED, "import": (0, 1, 3, 4, 11)})
    fields = [(16, 2, (0, 1, 3, 256, 511, 512, 4096, 32768, 65535)), (18, 1, (0, 3, 255)), (19, 1, (0, 3, 255)), (20, 1, (1, 32, 200, 255)), (21, 1, (0, 63, 255)), (22, 1, (0, 33)), (23, 1, (0, 31)),
              (24, 4, (0, 0xffffffff)), (28, 4, (0, 1, 2, 0x7fffffff, 0xffffffff)), (32, 4, (1, 2, 0x7fffffff, 0xffffffff)), (36, 4, (1, 0x7fffffff, 0xffffffff)), (40, 4, (0, 0xffffffff)), (44, 4, (0, 3, 5, 0xffffffff)),
              (48, 4, (0xffffffff,)), (52, 4, (1, 0xffffffff)), (56, 4, (0, 2, 3, 4, 0xffffffff)), (60, 4, (0, 11, 0x7fffffff, 0x80000000)), (64, 4, (1, 0xffffffff)), (68, 4, (0, 1, 0x53554443)), (92, 4, (0, 0xffffffff)), (96, 4, (0, 0xffffffff)),
              (100, 1, (0, 2, 5, 10, 255)), (101, 2, (1, 0xffff)), (103, 2, (0, 0xffff)), (105, 2, (0, 1, 0xffff)), (108, 4, (0, 1, 0x7fffffff))]
    with Hostile("fields of the database's header", homes=["site"]) as h:
        h.settle("case", "made")
        for at, size, values in fields:
            for value in values if SHARE == 1 else values[-2:]:
                fresh()
                patch([(at, value.to_bytes(size, "big"))])
                # A size, version or encoding that is not there; a form SQLite does not know (44), or will not write (18).
                tell(h, f"header, {at} is {value}", status=(0, 1) if at in (18, 44) else 2 if at in (60, 68) else SPARED)
    with Hostile("files cut or grown", homes=["site"]) as h:
        h.settle("case", "made")
        for length in (0, 1, 15, 16, 17, 99, 100, 101, 107, 108, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE + 7, len(raw) - PAGE, len(raw) - 1, len(raw) + 1, len(raw) + PAGE, 2**40):
            if length % SHARE == 0 or length < 2:
                fresh()
                os.truncate(DB, length)
                tell(h, f"of {length} bytes", status=2 if length < 2 else DAMAGED if length < len(raw) - 1 else SPARED)
        for what, data in (("a text", b"not a database\n" * 100), ("a zip", b"PK\3\4" + bytes(9000)), ("zeroes", bytes(50000)), ("only a head", raw[:100] + bytes(50000)), ("another SQLite", b"SQLite format 2\0" + raw[16:])):
            fresh()
            open(DB, "wb").write(data)
            tell(h, what, status=DAMAGED)


def beside():
    """What SQLite reads beside its file: logs, journals, and the index of a log."""
    fresh()
    db = sqlite3.connect(DB)  # a valid log of an edit that would be a change of the schema
    db.execute("PRAGMA wal_autocheckpoint=0")
    db.execute("CREATE TRIGGER evil AFTER INSERT ON ledger BEGIN DELETE FROM trust; END")
    db.commit()
    trigger = open(DB + "-wal", "rb").read()
    db.close()
    fresh()
    db = sqlite3.connect(DB)  # a valid log that only a row changes
    db.execute("PRAGMA wal_autocheckpoint=0")
    db.execute("UPDATE setting SET value=char(27)||'x' WHERE key='name'")
    db.commit()
    row = open(DB + "-wal", "rb").read()
    db.close()
    raw = open("site/update-point.db", "rb").read()
    nonce, sectors = 0x12345678, 512
    page = bytes(PAGE)
    checksum = (nonce + sum(page[i] for i in range(PAGE - 200, 0, -200))) & 0xffffffff
    journal = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">IIIII", 1, nonce, len(raw) // PAGE, sectors, PAGE)
    journal = journal.ljust(sectors, b"\0") + struct.pack(">I", 2) + page + struct.pack(">I", checksum)
    master = os.fsencode(os.path.abspath("bait"))  # SQLite would delete it: no child of it is at work
    open("bait", "wb").write(b"not yours")
    plants = [("-wal", "a trigger", trigger, DAMAGED), ("-wal", "a row", row, {"import": 10}), ("-wal", "half of one", trigger[:len(trigger) // 2], 0), ("-wal", "noise", os.urandom(100000), 0), ("-wal", "a head alone", trigger[:32], 0),
              ("-wal", "a flipped bit", trigger[:5000] + bytes([trigger[5000] ^ 1]) + trigger[5001:], 0), ("-wal", "frames of page 0xffffffff", trigger[:32] + b"\xff" * 24 + trigger[56:], 0),
              ("-shm", "noise", os.urandom(32768), 0), ("-shm", "one byte", b"x", 0), ("-shm", "ones", b"\xff" * 65536, 0),
              ("-journal", "a page", journal, DAMAGED), ("-journal", "noise", os.urandom(50000), DAMAGED), ("-journal", "of 2^32 pages", journal[:8] + b"\xff" * 4 + journal[12:], DAMAGED),
              ("-journal", "with a master", journal + master + struct.pack(">II", len(master), sum(master)) + journal[:8], DAMAGED), (".new", "what was left", raw[:5000], (0,))]
    with Hostile("what lies beside a database", homes=["site"]) as h:
        h.settle("case", "made")
        for where, what, data, status in plants:
            fresh()
            open(DB + where, "wb").write(data)
            tell(h, f"{where}: {what}", status=status)


def paths():
    """Homes whose own path looks like an address, an option or a statement of SQLite's."""
    names = ["file:case", "case?mode=memory", "case?vfs=unix-none&immutable=1", "case#x", "case%00", ":memory:", "'; ATTACH 'x' AS y; --", "case\nx", "\x1b[31mcase", "a" * 200, "file:case?cache=shared", "-home", "case;", "\u202ecase", " "]
    with Hostile("paths of homes", homes=["site"]) as h:
        h.settle("homes", "case")
        os.mkdir("homes")
        for name in names:
            home = "homes/" + name
            h.run("suimport", "--home", home, "init", "--site", "ALPHA", status=0, what=name)
            h.run("suimport", "--home", home, "status", status=0, what=name, inputs=0)
            if not os.path.isfile(os.path.join(home, "update-point.db")):
                h.bad(name, "is not where it was asked for")
        if sorted(os.listdir("homes")) != sorted(n for n in names):
            h.bad("other folders came to be:", sorted(os.listdir("homes")))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
