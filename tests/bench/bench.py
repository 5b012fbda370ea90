#!/usr/bin/env python3
"""bench.py - the programs beside their limit and beside what people use instead, in alternating rounds.

    bench.py BUILD [--size small|standard|large|UPDATES:BYTES] [--rounds N] [--work DIR] [--json FILE]
                   [--no-peers] [--keep]

Every round runs all contenders one after the other, and each begins with another one. The result is invalid, and the exit status 1,
when hub and site end in different states, when something restored differs from its source, when the
limit's counts are wrong, or when one of our commands needs more than 256 MiB. DIR should be on a
fast disk; without it a temporary folder is used and removed. docs/performance.md explains the figures.
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

import limit
import ours
import peers
import reference
import report
from steps import LIMIT_MIB, Failure, Log

SIZES = {"tiny": (600, 3000000), "small": (20000, 400000000), "standard": (100000, 2000000000), "large": (400000, 4000000000)}
IN_A_CABINET = 200000  # updates; it cannot hold 2 GiB
HERE = os.path.dirname(os.path.abspath(__file__))


def size_of(text):
    if text in SIZES:
        return SIZES[text]
    updates, content = text.split(":")
    return int(updates), int(float(content))


def space_needed(updates, content):
    """Measured at the standard size, and a tenth more: two months, and the greatest contender's copies."""
    return 5 * content + updates * 90000


def demand_space(work, needed):
    free = shutil.disk_usage(work).free
    if free < needed:
        sys.exit(f"bench: needs about {needed / 1e9:.1f} GB in {work}, free are {free / 1e9:.1f} GB; name another folder with WORK=DIR")


def generate(build, work, updates, content, months=(1, 2), with_texts=True):
    """The update point, its months beside each other; kept from an earlier run when it was made in the same way."""
    with open(f"{build}/samples/generate", "rb") as program:
        made_by = f"{updates} {content} {with_texts} {hashlib.sha256(program.read()).hexdigest()}"
    running = []
    for number in months:
        folder, stamp = f"{work}/m{number}", f"{work}/m{number}/made-by"
        if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == made_by:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        running.append((stamp, subprocess.Popen(
            [f"{HERE}/../../samples/make-package.sh", f"{build}/samples/generate", folder, "--updates", str(updates), "--content-bytes",
             str(content), "--month", str(number)], stdout=subprocess.DEVNULL, env={**os.environ, "KEEP": "1" if with_texts else "0", **({"CAB": "gz"} if updates > IN_A_CABINET else {})})))
    for stamp, process in running:
        if process.wait() != 0:
            raise Failure(f"generating {os.path.dirname(stamp)} ended with {process.returncode}")
        if with_texts:
            os.remove(f"{os.path.dirname(stamp)}/package.xml")  # only metadata.txt is read
        with open(stamp, "w", encoding="utf-8") as out:
            out.write(made_by)


def play_round(log, build, with_peers):
    """Each round starts with another contender. The first is ours: what the others work on is made of its homes."""
    program = f"{build}/limit"
    make = (lambda number: reference.after_month(program, log.work, number)) if log.round == 1 else None
    turns = [lambda: ours.play(log, build, make), lambda: limit.play(log, program, False), lambda: limit.play(log, program, True),
             lambda: limit.play_stages(log, program)] + [lambda peer=peer: peers.play(log, peer) for peer in with_peers]
    first = (log.round - 1) % len(turns)
    for turn in turns[first:] + turns[:first]:
        turn()


def judge(log):
    for s in log.steps:
        if s.who == "ours" and s.mib > LIMIT_MIB:
            log.invalid(f"{s.what} needed {s.mib} MiB, more than {LIMIT_MIB}")


def options():
    parser = argparse.ArgumentParser(prog="bench.py")
    parser.add_argument("build")
    parser.add_argument("--size", default="standard", type=size_of)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", default="")
    parser.add_argument("--json", default="")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leaves the generated update point in DIR")
    return parser.parse_args()


def clear(work, kept):
    """Removes what a run leaves, and one that was killed."""
    for name in os.listdir(work):
        if name in LEFTOVERS and name not in kept:
            (shutil.rmtree if os.path.isdir(f"{work}/{name}") else os.remove)(f"{work}/{name}")


def main():
    o = options()
    build, (updates, content) = os.path.abspath(o.build), o.size
    work = os.path.abspath(o.work) if o.work else tempfile.mkdtemp(prefix="su-bench.")
    os.makedirs(work, exist_ok=True)
    demand_space(work, space_needed(updates, content))
    wanted = [] if o.no_peers else list(peers.ALL)
    missing = [f"{p.name} (lacks {', '.join(p.missing())}; {peers.INSTALL})" for p in wanted if p.missing()]
    log = Log(work)
    clear(work, ("m1", "m2"))
    try:
        print(f"generating {updates} updates and {content / 1e9:g} GB of content, two months, in {work}", flush=True)
        generate(build, work, updates, content)
        for log.round in range(1, o.rounds + 1):
            print(f"round {log.round} of {o.rounds}", flush=True)
            play_round(log, build, [p for p in wanted if not p.missing()])
    except Failure as failure:
        log.invalid(str(failure))
    finally:
        if o.work:
            clear(work, ("m1", "m2") if o.keep else ())
        if not o.work:
            shutil.rmtree(work)
    judge(log)
    doc = report.document(log, {"updates": updates, "content_bytes": content}, missing)
    print("\n" + "\n".join(report.text(doc)))
    if o.json:
        with open(o.json, "w", encoding="utf-8") as out:
            json.dump(doc, out, indent=1)
    sys.exit(0 if doc["valid"] else 1)


LEFTOVERS = ("m1", "m2", "ours", "lim", "ref", "tree", "medium", "restored", "cache", "m.pub", "m.key", "target.db")

if __name__ == "__main__":
    main()
