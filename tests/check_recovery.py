#!/usr/bin/env python3
"""check_recovery.py - computes the recovery volumes of a small bundle from its data volumes, by
docs/bundle-format.md alone, and compares every byte.

    check_recovery.py BUNDLE

Arithmetic in GF(2^8) is done here with tables of its own; zlib gives the CRC-32.
"""
import hashlib
import os
import sys
import zlib

CELL, RECORD = 4096, 1024

# x^8 + x^4 + x^3 + x^2 + 1
EXP, LOG = [0] * 512, [0] * 256
value = 1
for power in range(255):
    EXP[power] = EXP[power + 255] = value
    LOG[value] = power
    value <<= 1
    if value & 0x100:
        value ^= 0x11D


def times(a):
    """The table of multiplication by a, for bytes.translate."""
    return bytes(EXP[LOG[a] + LOG[b]] if a and b else 0 for b in range(256))


def inverse(a):
    return EXP[255 - LOG[a]]


def up(a, b):
    return -(-a // b)


def geometry(sizes, percent):
    n, cells = len(sizes), up(max(sizes), CELL)
    most = 0
    while (most + 1) * n + up((most + 1) * n * percent, 100) <= 254:
        most += 1
    codewords = up(cells, most)
    c = up(cells, codewords)
    k = n * c
    m = up(k * percent, 100)
    return c, k, m, codewords, up(m, c)


def expected(lines, volumes, percent):
    """The recovery volumes as bytes, in order."""
    c, k, m, codewords, r = geometry([len(v) for v in volumes], percent)
    field = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines if " " in line}
    padded = [v + bytes(c * codewords * CELL - len(v)) for v in volumes]
    # column: the cells of one place in all codewords, one after the other
    columns = [padded[i // c][i % c * codewords * CELL:][:codewords * CELL] for i in range(k)]
    size = codewords * CELL
    for row in range(m):
        total = 0
        for i in range(k):
            total ^= int.from_bytes(columns[i].translate(times(inverse((k + row) ^ i))), "big")
        columns.append(total.to_bytes(size, "big"))
    table = b""
    for x in range(codewords):
        record = b"".join(zlib.crc32(column[x * CELL:(x + 1) * CELL]).to_bytes(4, "little") for column in columns)
        record = (record + x.to_bytes(4, "little")).ljust(RECORD - 4, b"\0")
        table += record + zlib.crc32(record).to_bytes(4, "little")
    table += bytes(-len(table) % CELL)
    text = f"SU-SET 1\n{field['hub']}\n{field['site']}\n{field['sequence']}\n{field['kind']}\n{field['result']}"
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    out = []
    for j in range(r):
        head = f"SU-VOLUME 1\nbundle {field['bundle']}\nset {name}\nrecovery {j + 1}\n".encode().ljust(CELL, b"\0")
        out.append(head + b"".join(columns[k + j * c:k + min((j + 1) * c, m)]) + table * max(1, up(6, r)))
    return (percent, k, m, codewords), out


def main():
    bundle = sys.argv[1]
    with open(os.path.join(bundle, "MANIFEST.TXT"), encoding="ascii") as file:
        lines = file.read().split("\n")
    declared = tuple(int(word) for word in next(line for line in lines if line.startswith("recovery ")).split()[1:])
    names = [line.split(" ") for line in lines if line.startswith("volume ")]
    data = []
    for word in names:
        if word[4] == "data":
            with open(os.path.join(bundle, word[2]), "rb") as file:
                data.append(file.read())
    numbers, recovery = expected(lines, data, declared[0])
    if numbers != declared:
        sys.exit(f"recovery {declared} is declared, it must be {numbers}")
    made = [word for word in names if word[4] == "recovery"]
    if [word[2] for word in made] != [f"{names[0][2][:8]}.R{j + 1:02d}" for j in range(len(recovery))]:
        sys.exit(f"recovery volumes are {[word[2] for word in made]}, there must be {len(recovery)}")
    for word, want in zip(made, recovery):
        with open(os.path.join(bundle, word[2]), "rb") as file:
            have = file.read()
        if int(word[3]) != len(want) or have != want:
            at = next((i for i, (a, b) in enumerate(zip(have, want)) if a != b), min(len(have), len(want)))
            sys.exit(f"{word[2]} differs at {at} (of {len(have)}, {len(want)} expected)")
    print(f"good: {len(data)} data volumes, {len(recovery)} recovery volumes, {numbers}")


if __name__ == "__main__":
    main()
