#!/usr/bin/env python3
"""check_ledger.py DATABASE - recomputes the hash chain of the ledger; prints "N entries"."""
import hashlib
import sqlite3
import sys

connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
previous = bytes(32)
count = 0
for entry, time, operator, kind, site, sequence, subject, detail, before, stored, form, *more in connection.execute(
        "SELECT entry, time, operator, kind, site, sequence, subject, detail, previous, hash, form, witness, change, scan_name, scan_sha256 FROM ledger ORDER BY entry"):
    count += 1
    assert entry == count, f"entry {entry} stands in place {count}"
    assert before == previous, f"entry {entry} does not follow the one before it"
    assert form in (1, 2) and (form == 2 or not any(more)), f"the form of entry {entry} is not that of its fields"
    assert not any("\n" in x for x in (time, operator, kind, site, detail, *more[:3])), f"entry {entry} holds a line end"
    added = "" if form == 1 else "".join(f"{x}\n" for x in more[:3]) + f"{(more[3] or b'').hex()}\n"
    text = f"SU-LEDGER {form}\n{entry}\n{time}\n{operator}\n{kind}\n{site}\n{sequence}\n{subject.hex()}\n{detail}\n{added}{previous.hex()}\n"
    assert hashlib.sha256(text.encode()).digest() == stored, f"the hash of entry {entry} is not that of its fields"
    previous = stored
print(f"{count} entries")
