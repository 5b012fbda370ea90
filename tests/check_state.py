#!/usr/bin/env python3
"""check_state.py DATABASE - prints the state digest, computed from the documents alone.

The definition is that of the format page: the digest of a record covers its identity, origin,
document and addresses; bucket b holds the records whose id begins with byte b, in order of
(id, revision); the state is the digest over the 256 buckets.
"""
import hashlib
import sys
import uuid

from check_documents import held


def leaf(guid, revision, row):
    text = f"SU-RECORD 1\n{guid} {revision} {row['origin']}\n{hashlib.sha256(row['document']).hexdigest()}\n{row['urls']}"
    return hashlib.sha256(text.encode()).digest()


def state(rows):
    buckets = [b""] * 256
    for (guid, revision), row in sorted(rows.items(), key=lambda item: (uuid.UUID(item[0][0]).bytes, item[0][1])):
        made = leaf(guid, revision, row)
        assert made == row["record"], f"the record digest of {guid} revision {revision} is not what is stored"
        buckets[uuid.UUID(guid).bytes[0]] += made
    tree = b"".join(hashlib.sha256(b).digest() if b else bytes(32) for b in buckets)
    return hashlib.sha256(b"SU-STATE 1\n" + tree).hexdigest()


if __name__ == "__main__":
    print(state(held(sys.argv[1])))
