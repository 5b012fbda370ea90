#!/usr/bin/env python3
"""check_ledger.py DATABASE - recomputes the hash chain of the ledger; prints "N entries"."""
import hashlib
import sqlite3
import sys

connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
previous = bytes(32)
count = 0
for entry, time, operator, kind, site, sequence, subject, detail, before, stored in connection.execute(
        "SELECT entry, time, operator, kind, site, sequence, subject, detail, previous, hash FROM ledger ORDER BY entry"):
    count += 1
    assert entry == count, f"entry {entry} stands in place {count}"
    assert before == previous, f"entry {entry} does not follow the one before it"
    text = f"SU-LEDGER 1\n{entry}\n{time}\n{operator}\n{kind}\n{site}\n{sequence}\n{subject.hex()}\n{detail}\n{previous.hex()}\n"
    assert hashlib.sha256(text.encode()).digest() == stored, f"the hash of entry {entry} is not that of its fields"
    previous = stored
print(f"{count} entries")
