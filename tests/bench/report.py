"""report.py - medians, ratios and targets of a run; as text and as one JSON document.

    report.py FILE.json [PAGE.md]   prints what bench.py or scale.py kept, or puts it into the page
"""
import json
import os
import platform
import statistics
import sys

from steps import LIMIT_MIB

NOISY = 1.3  # a step whose slowest run took so much longer than its quickest is named


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"processor": processor(), "processors": os.cpu_count(), "memory_gib": round(memory / 2**30),
            "system": f"{platform.system()} {platform.release()}", "load": round(os.getloadavg()[2], 1)}


def median(log, field, who, what):
    return statistics.median(getattr(s, field) for s in log.of(who, what))


def ratio(log, top, bottom):
    """Of the medians; the least and greatest of the rounds' own ratios; those of the processors' seconds: all, user, kernel."""
    if log.median(*top) is None or log.median(*bottom) is None:
        return None
    by_round = {s.round: s.seconds for s in log.of(*bottom)}
    own = [s.seconds / by_round[s.round] for s in log.of(*top) if s.round in by_round]
    spent = [[median(log, field, *pair) for field in ("cpu", "user", "kernel")] for pair in (top, bottom)]
    return [log.median(*top) / log.median(*bottom), min(own, default=0), max(own, default=0)] + [a / max(b, 0.01) for a, b in zip(*spent)]


def ours(what):
    return "ours", what


def slowest_stage(log):
    stages = [s for s in ("decompress alone", "parse alone", "insert alone") if log.median("sync", s)]
    return "sync", max(stages, key=lambda s: log.median("sync", s)) if stages else ""


def times(log):
    """(name, top, bottom, 'most' or 'least', target or None)"""
    full = ("export, full", "verify, full", "import, full")
    rows = []
    for what, target in zip(full, (1.3, 1.25, 1.3)):
        bottom = ("limit, durable", what) if log.of("limit, durable", what) else ("limit", what)
        rows.append((f"{what} : {bottom[0]}", ours(what), bottom, "most", target))
        if bottom[0] != "limit":
            rows.append((f"{what} : limit without final sync", ours(what), ("limit", what), "most", None))
    stage = slowest_stage(log)
    rows += [(f"sync : {stage[1]}, its slowest stage", ours("sync, month 1"), stage, "most", 1.5),
             ("export, delta : full", ours("export, delta"), ours("export, full"), "most", 0.08),
             ("import, delta : full", ours("import, delta"), ours("import, full"), "most", 0.08),
             ("export, delta : limit, durable", ours("export, delta"), ("limit, durable", "export, delta"), "most", None),
             ("import, delta : limit, durable", ours("import, delta"), ("limit, durable", "import, delta"), "most", None)]
    for who, what, target in (("tar+zstd+sums", "export, full", 3.5), ("restic", "export, full", 2.5),
                              ("borg", "export, full", None), ("cp -a", "export, full", None),
                              ("tar+zstd+sums", "verify, full", None), ("tar+zstd+sums", "import, full", 1.0),
                              ("restic", "import, full", None), ("borg", "import, full", None), ("cp -a", "import, full", None),
                              ("restic", "export, delta", 8.0), ("restic", "import, delta", 8.0)):
        rows.append((f"{who} : ours, {what}", (who, what), ours(what), "least", target))
    return rows


def verdict(value, side, target):
    if target is None:
        return ""
    return "met" if (value <= target if side == "most" else value >= target) else "MISSED"


def ratios(log):
    found = []
    for name, top, bottom, side, target in times(log):
        value = ratio(log, top, bottom)
        if value:
            fields = zip(("value", "least", "greatest", "cpu", "user", "kernel"), value)
            found.append({**{field: round(x, 3) for field, x in fields}, "name": name, "target": target and f"{'<=' if side == 'most' else '>='} {target}", "verdict": verdict(value[0], side, target)})
    for kind in ("full", "delta"):
        mine = log.bytes.get(ours(f"metadata, {kind}"))
        for what, against, target in (("of the documents alone", "documents", 1.0 if kind == "full" else None),
                                      ("of the same records", "records", None)):
            other = log.bytes.get(("zstd 3", f"{against}, {kind}"))
            if mine and other:
                found.append({"name": f"metadata on the medium : zstd 3 {what}, {kind}", "value": round(mine / other, 3),
                              "target": target and "<= 1", "verdict": verdict(mine / other, "most", target)})
        if ours(f"papers, {kind}") in log.bytes:
            found.append({"name": f"papers on the medium, {kind}, MB", "value": round(log.bytes[ours(f"papers, {kind}")] / 1e6, 3),
                          "target": None, "verdict": ""})
    for what in ("status, hub", "status, site", "search", "show", "plan, nothing to do"):
        seconds = log.median(*ours(what))
        if seconds is not None:
            found.append({"name": f"{what}, seconds", "value": round(seconds, 3), "target": "<= 0.2",
                          "verdict": verdict(seconds, "most", 0.2)})
    peak = max((s.mib for s in log.steps if s.who == "ours"), default=0)
    found.append({"name": "peak memory of our commands, MiB", "value": peak, "target": f"<= {LIMIT_MIB}",
                  "verdict": verdict(peak, "most", LIMIT_MIB)})
    return found


def noise(log):
    found = []
    for who, what in log.pairs():
        seconds = [s.seconds for s in log.of(who, what)]
        if max(seconds) > NOISY * min(seconds) and max(seconds) > 0.5:
            found.append(f"{who}: {what}: " + ", ".join(f"{x:.2f}" for x in seconds) + " s")
    return found


def document(log, size, missing):
    rows = []
    for who, what in log.pairs():
        steps = log.of(who, what)
        seconds = [s.seconds for s in steps]
        rows.append({"who": who, "what": what, "seconds": [round(x, 3) for x in seconds],
                     "median": round(statistics.median(seconds), 3), "least": round(min(seconds), 3), "greatest": round(max(seconds), 3),
                     "flush": round(statistics.median(s.flush for s in steps), 3),
                     **{field: round(median(log, field, who, what), 3) for field in ("cpu", "user", "kernel")}, "peak_mib": max(s.mib for s in steps)})
    return {"machine": machine(), "size": size, "rounds": log.round, "steps": rows, "ratios": ratios(log),
            "bytes": [{"who": who, "what": what, "bytes": n} for (who, what), n in log.bytes.items()],
            "noise": noise(log), "not_installed": missing, "valid": not log.problems, "problems": log.problems}


def cell(row):
    return f"{row['median']:.2f}" if row else "-"


def spent(row):
    return f"{row['user']:.2f} + {row['kernel']:.2f}" if row else "-"


def table(doc):
    """Contenders beside each other, as the page in docs has it: by the clock, then by the processors."""
    columns = ("export, full", "verify, full", "import, full", "export, delta", "import, delta")
    at = {(r["who"], r["what"]): r for r in doc["steps"]}
    everyone = dict.fromkeys(r["who"] for r in doc["steps"] if r["what"] == "export, full")
    carried = {(r["who"], r["what"]): r["bytes"] for r in doc["bytes"]}
    yield "| seconds (median) | " + " | ".join(columns) + " | flush after import | MB carried, full | delta | peak MiB |"
    yield "|---|" + "---|" * (len(columns) + 4)
    for who in everyone:
        full, delta = carried.get((who, "full")), carried.get((who, "delta"))
        peak = max(r["peak_mib"] for r in doc["steps"] if r["who"] == who and r["what"] in columns)
        size = [f"{n / 1e6:.1f}" if n else "" for n in (full, delta)]
        flush = at.get((who, "import, full"))
        yield f"| {who} | " + " | ".join(cell(at.get((who, c))) for c in columns) + \
            f" | {flush['flush'] if flush else 0:.2f} | {size[0]} | {size[1]} | {peak} |"
    yield ""
    yield "| user + kernel (median) | " + " | ".join(columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for who in everyone:
        yield f"| {who} | " + " | ".join(spent(at.get((who, c))) for c in columns) + " |"


def text(doc):
    yield f"- machine: {doc['machine']['processor']}, {doc['machine']['processors']} processors, {doc['machine']['memory_gib']} GiB; " \
        f"load of the last 15 minutes, this run's included: {doc['machine']['load']}"
    yield f"- size: {doc['size']['updates']} updates, {doc['size']['content_bytes'] / 1e9:g} GB of content; rounds: {doc['rounds']}"
    yield ""
    yield "| step | seconds | least | greatest | user + kernel | flush | peak MiB |"
    yield "|---|---|---|---|---|---|---|"
    for r in doc["steps"]:
        if r["who"] in ("ours", "sync"):
            yield f"| {r['what']} | {r['median']:.2f} | {r['least']:.2f} | {r['greatest']:.2f} | {spent(r)} | {r['flush']:.2f} | {r['peak_mib']} |"
    yield ""
    yield from table(doc)
    yield ""
    yield "| ratio | value | of single rounds | of processor seconds (user, kernel) | target | |"
    yield "|---|---|---|---|---|---|"
    for r in doc["ratios"]:
        spread = f"{r['least']:.2f}-{r['greatest']:.2f}" if "least" in r else ""
        cpu = f"{r['cpu']:.2f} ({r['user']:.2f}, {r['kernel']:.2f})" if "cpu" in r else ""
        yield f"| {r['name']} | {r['value']:.3g} | {spread} | {cpu} | {r['target'] or ''} | {r['verdict']} |"
    yield ""
    for name in doc["not_installed"]:
        yield f"- not installed: {name}"
    for line in doc["noise"]:
        yield f"- noisy: {line}"
    yield ""
    for line in doc["problems"]:
        yield f"INVALID: {line}"
    yield "valid: states equal, all that was restored equals its source" if doc["valid"] else "INVALID: use none of these figures"


def growth(doc):
    """The table of what scale.py measured: seconds, and the peak of all commands."""
    points = [p for p in doc["points"] if "steps" in p]
    steps = list(dict.fromkeys(what for p in points for what in p["steps"]))
    yield "| seconds | " + " | ".join(f"{p['updates']:,} updates, {p['content_bytes'] / 1e9:g} GB" for p in points) + " |"
    yield "|---|" + "---|" * len(points)
    for what in steps:
        yield f"| {what} | " + " | ".join(f"{p['steps'][what]['seconds']:.2f}" if what in p["steps"] else "" for p in points) + " |"
    yield "| peak MiB | " + " | ".join(str(max(s["peak_mib"] for s in p["steps"].values())) for p in points) + " |"


def put_into(page, lines, mark):
    """Between the lines "<!-- MARK -->" and "<!-- end of MARK -->"."""
    first, last = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->\n"
    with open(page, encoding="utf-8") as file:
        before, rest = file.read().split(first)
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + first + "\n" + "\n".join(lines) + "\n\n" + last + rest.split(last)[1])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        doc = json.load(file)
    mark = "growth" if "points" in doc else "figures"
    lines = [line.rstrip() for line in (growth if "points" in doc else text)(doc)]
    if len(sys.argv) > 2:
        put_into(sys.argv[2], lines, mark)
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
