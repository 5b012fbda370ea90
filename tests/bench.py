#!/usr/bin/env python3
"""bench.py - times the whole main job on a generated update point and proves the result.

    bench.py BUILD UPDATES CONTENT_BYTES [--json FILE]

Prints wall seconds, peak memory and rate of every command. The run is invalid, and says so with
exit status 1, unless hub and site end in the same state. Figures on shared machines are noisy:
compare ratios of alternating runs, not single numbers.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

LIMIT_MIB = 256


def measure(name, command, rows):
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        out.seek(0)
        text = out.read().decode()
    if status != 0:
        sys.exit(f"bench: {name} failed with status {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    rows.append({"step": name, "seconds": round(seconds, 2), "cpu": round(usage.ru_utime + usage.ru_stime, 2),
                 "peak_mib": usage.ru_maxrss // 1024})
    print(f"{name:<22} {seconds:8.2f} s  cpu {usage.ru_utime + usage.ru_stime:7.2f} s  peak {usage.ru_maxrss // 1024:4d} MiB", flush=True)
    return text


def tree_bytes(path):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(path) for f in files)


def main():
    build, updates, content = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
    here = os.path.dirname(os.path.abspath(__file__))
    work = tempfile.mkdtemp(prefix="su-bench.")
    rows = []
    try:
        os.chdir(work)
        hub = [f"{build}/suexport", "--home", "hub", "--json", "--quiet"]
        site = [f"{build}/suimport", "--home", "site", "--json", "--quiet"]
        for month in "12":
            measure(f"(generate month {month})", [f"{here}/../samples/make-package.sh", f"{build}/samples/generate", f"m{month}",
                    "--updates", updates, "--content-bytes", content, "--month", month], rows)
        for command in (hub + ["init"], hub + ["key", "generate", "--name", "bench"], hub + ["site", "add", "ALPHA"],
                        site + ["init", "--site", "ALPHA"], site + ["trust", "add", "hub/keys/bench.pub"]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        digests = []
        for month, kind in (("1", "full"), ("2", "delta")):
            out = f"usb{month}"
            measure(f"sync, month {month}", hub + ["sync", "--from", f"m{month}/export.cab"], rows)
            measure(f"content, month {month}", hub + ["content", "add", f"m{month}/WsusContent"], rows)
            exported = json.loads(measure(f"export, {kind}", hub + ["export", "--site", "ALPHA", "--out", out], rows))
            measure(f"verify, {kind}", site + ["verify", out], rows)
            imported = json.loads(measure(f"import, {kind}", site + ["import", out], rows))
            carried, stored = tree_bytes(out), imported["bytes_stored"]
            print(f"{'':<22} on the medium {carried / 1e6:.1f} MB, of it metadata {(carried - stored) / 1e6:.1f} MB")
            digests.append((exported["result_digest"], imported["state_digest"]))
        measure("status", site + ["status"], rows)
        measure("search", site + ["search", "security"], rows)
        measure("plan, nothing to do", hub + ["plan", "--site", "ALPHA"], rows)
        measure("export, --recovery 20", hub + ["export", "--site", "ALPHA", "--full", "--out", "usb3", "--recovery", "20"], rows)
        volume = next(f"usb3/{d}/{f}" for d in os.listdir("usb3") for f in os.listdir(f"usb3/{d}") if f.endswith(".001"))
        with open(volume, "r+b") as file:  # one sector in 50
            for at in range(0, os.path.getsize(volume), 50 * 4096):
                file.seek(at)
                file.write(os.urandom(4096))
        measure("repair, 2 % lost", site + ["repair", "usb3", "--to", "whole"], rows)
    finally:
        os.chdir("/")
        shutil.rmtree(work)
    if any(a != b for a, b in digests):
        sys.exit("bench: INVALID, hub and site ended in different states")
    over = [r["step"] for r in rows if r["peak_mib"] > LIMIT_MIB and not r["step"].startswith("(")]
    if over:
        sys.exit(f"bench: INVALID, more than {LIMIT_MIB} MiB in: {', '.join(over)}")
    print(f"valid: both states equal, every command below {LIMIT_MIB} MiB")
    if "--json" in sys.argv:
        with open(sys.argv[sys.argv.index("--json") + 1], "w") as file:
            json.dump({"updates": int(updates), "content_bytes": int(content), "steps": rows}, file, indent=1)


if __name__ == "__main__":
    main()
