"""books.py - what a home holds, so that two can be compared; shared by the tests that disturb a command.

Before and after differ in what `state` gives, and nothing in between may be seen: the catalogue, and what the
books say of it, apart from the time of day. Without `refusals`, what failed and was noted is no difference.
"""
import hashlib
import os
import sqlite3
import subprocess

BOOKS = {
    "revision": "SELECT hex(update_id), revision, origin, hex(record_sha256) FROM revision ORDER BY 1, 2",
    "title": "SELECT * FROM v_title ORDER BY 1, 2, 3",
    "file": "SELECT * FROM v_file ORDER BY 1, 2, 3, 5",
    "import": "SELECT sequence, bundle, undone FROM import ORDER BY import_id",
    "export": "SELECT site_id, sequence, kind, hex(state_digest) FROM export ORDER BY 1, 2",
    "sent": "SELECT site_id, hex(update_id), revision, from_sequence, to_sequence FROM site_state ORDER BY 1, 2, 3, 4",
    "urgent": "SELECT number, bundle, undone, (SELECT count(*) FROM urgent_record r WHERE r.urgent_id=u.urgent_id) FROM urgent u ORDER BY urgent_id",
    "overlay": "SELECT hex(update_id), revision FROM overlay JOIN revision USING (rev_id) ORDER BY 1, 2",
    "urgent_export": "SELECT site_id, number, sequence, hex(state_digest) FROM urgent_export ORDER BY 1, 2",
    "setting": "SELECT * FROM setting WHERE key <> 'dictionary' ORDER BY 1",
    "ledger": "SELECT kind, sequence FROM ledger WHERE kind <> 'refuse' ORDER BY entry",
    "history": "SELECT kind, state, new, revised, expired, removed, updates, revisions FROM sync_history {tries} ORDER BY sync_id",
    "stored": "SELECT hex(sha256), hex(sha1), bytes FROM stored_file ORDER BY 1",
    "site": "SELECT code, acknowledged, complete, content_owed, newest_entry FROM site ORDER BY 1",
    "receipt": "SELECT kind, sequence, entry, text FROM receipt ORDER BY receipt_id",
    "trust": "SELECT hex(key_id), role, last_sequence FROM trust ORDER BY 1, 2",
}


def state(home, refusals=True):
    """A digest for each book, after PRAGMA integrity_check said yes."""
    connection = sqlite3.connect(os.path.join(home, "update-point.db"))
    sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
    assert sound == "ok", f"integrity_check: {sound}"
    tries = "" if refusals else "WHERE error = ''"
    books = {name: hashlib.sha256(repr(connection.execute(sql.format(tries=tries)).fetchall()).encode()).hexdigest() for name, sql in BOOKS.items()}
    if refusals:
        books["refusals"] = connection.execute("SELECT count(*) FROM ledger WHERE kind = 'refuse'").fetchone()[0]
    connection.close()
    return books


def names(tops, want):
    """The paths of all files below these folders whose names are wanted."""
    return [os.path.join(folder, name) for top in tops for folder, _, below in os.walk(top) for name in below if want(name)]


def temporary(tops):
    return names(tops, lambda name: name.startswith(".tmp-"))


def check_store(tops):
    """A file named by a digest has that digest."""
    for path in names(tops, lambda name: len(name) == 64):
        with open(path, "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == os.path.basename(path), f"{path} is not its name"


def check_bundles(out):
    """A folder without .partial is a whole bundle."""
    for folder in os.listdir(out) if os.path.isdir(out) else ():
        if not folder.endswith(".partial"):
            check = "grep -E '^[0-9a-f]{64}  ' MANIFEST.TXT | sha256sum --strict --quiet -c - && tail -n 1 MANIFEST.TXT | grep -qx end && ls *.SIG"
            subprocess.run(check, shell=True, cwd=os.path.join(out, folder), check=True, stdout=subprocess.DEVNULL)
