#!/usr/bin/env python3
"""scale.py - what an update and a gigabyte cost as an update point grows; plot.py draws the result.

    scale.py BUILD [--size tiny|small|standard] [--work DIR] [--json FILE]

Updates grow at fixed content, then content at fixed updates. One run each, the programs alone; a
point that finds no room on the disk is left out and named, one that fails does not end the others.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile

import bench
import ours
import report
from steps import LIMIT_MIB, Failure, Log

GROWTH = {  # (updates, bytes of content)
    "standard": {"updates": [(10000, 400e6), (100000, 400e6), (400000, 400e6)],
                 "content": [(10000, 1e9), (10000, 4e9), (10000, 16e9)]},
    "small": {"updates": [(5000, 100e6), (20000, 100e6), (50000, 100e6)],
              "content": [(2000, 250e6), (2000, 1e9), (2000, 2e9)]},
    "tiny": {"updates": [(300, 3e6), (600, 3e6)], "content": [(300, 1e6), (300, 3e6)]},
}


def room_for(updates, content, months):
    """Content lies there twice: at the hub (links) and in the bundle, then in the bundle and at the site."""
    return (3.2 if len(months) == 2 else 2.1) * content + len(months) * updates * 25000


def measure(build, work, growth, updates, content):
    """Month 2 only where updates grow: a difference costs the same whatever content lies beside it."""
    months = (1, 2) if growth == "updates" else (1,)
    free = shutil.disk_usage(work).free
    if free < room_for(updates, content, months):
        return {"left_out": f"{updates} updates and {content / 1e9:g} GB: free are {free / 1e9:.0f} GB"}
    log = Log(work)

    def forget_content():
        for folder in ("m1/WsusContent", "ours/hub/content"):
            shutil.rmtree(log.path(folder))
    try:
        bench.generate(build, work, updates, content, months, with_texts=False)
        ours.start(log, build)
        for log.round in months:
            ours.month(log, build, log.round, forget_content if growth == "content" else None)
        if growth == "updates":
            ours.small_commands(log, build)
    except Failure as failure:
        return {"problems": [f"{updates} updates and {content / 1e9:g} GB: {failure}"]}
    finally:
        for name in ("ours", "m1", "m2"):
            shutil.rmtree(log.path(name), ignore_errors=True)
    steps = {s.what: {"seconds": round(s.seconds, 3), "user": round(s.user, 3), "kernel": round(s.kernel, 3), "peak_mib": s.mib} for s in log.steps}
    over = [what for what, step in steps.items() if step["peak_mib"] > LIMIT_MIB]
    problems = log.problems + [f"more than {LIMIT_MIB} MiB: {what}" for what in over]
    return {"growth": growth, "updates": updates, "content_bytes": content, "steps": steps, "problems": problems}


def save(path, points):
    doc = {"machine": report.machine(), "points": points}
    if path:
        with open(path, "w", encoding="utf-8") as out:
            json.dump(doc, out, indent=1)
    return doc


def main():
    parser = argparse.ArgumentParser(prog="scale.py")
    parser.add_argument("build")
    parser.add_argument("--size", default="standard", choices=GROWTH)
    parser.add_argument("--work", default="")
    parser.add_argument("--json", default="")
    o = parser.parse_args()
    work = os.path.abspath(o.work) if o.work else tempfile.mkdtemp(prefix="su-scale.")
    os.makedirs(work, exist_ok=True)
    points = []
    try:
        for growth, sizes in GROWTH[o.size].items():
            for updates, content in sizes:
                print(f"{updates} updates, {content / 1e9:g} GB of content", flush=True)
                points.append(measure(os.path.abspath(o.build), work, growth, updates, int(content)))
                save(o.json, points)  # what was measured outlives a run that is ended
    finally:
        if not o.work:
            shutil.rmtree(work)
    print("\n".join(report.growth(save(o.json, points))))
    for point in points:
        for line in point.get("problems", []) + ([f"left out: {point['left_out']}"] if "left_out" in point else []):
            print(line)
    sys.exit(1 if any(point.get("problems") for point in points) else 0)


if __name__ == "__main__":
    main()
