"""limit.py - the bare limit (limit.c) on the same bytes, documents and rows, proved by its counts."""
import os
import shutil

from reference import rows_of
from steps import package_of, tree_bytes

PARTS = "sync"  # who the stages of a sync, each alone, are booked under


def files_of(path):
    with open(path, encoding="utf-8") as lines:
        return lines.read().splitlines()


def play(log, program, is_durable):
    who = "limit, durable" if is_durable else "limit"
    base = [program] + (["--durable"] if is_durable else [])
    cwd = log.path("lim")
    shutil.rmtree(cwd, ignore_errors=True)
    os.mkdir(cwd)
    for kind, plain, rows, more in (("full", "plain1.db", "site.db", []), ("delta", "plain2.db", "delta.db", ["new"])):
        content = "content1" if kind == "full" else "content2"
        listed = files_of(log.path("ref", content))
        wanted = len(listed), sum(os.path.getsize(file) for file in listed)
        done = log.answer(who, f"export, {kind}", *base, "export", f"out-{kind}", "../ref/" + plain, "../ref/" + content, *more,
                          reads=["../ref/" + plain] + listed, cwd=cwd)
        log.demand((done["files"], done["content_bytes"]), wanted, f"limit's {kind} content")
        documents = done["documents"]
        log.bytes[who, kind] = tree_bytes(f"{cwd}/out-{kind}")
        if not is_durable:
            log.answer(who, f"verify, {kind}", *base, "verify", f"out-{kind}", reads=[f"out-{kind}"], cwd=cwd)
        if kind == "delta":
            shutil.copyfile(log.path("ref", "site1.db"), f"{cwd}/site/rows.db")
        done = log.answer(who, f"import, {kind}", *base, "import", f"out-{kind}", "site", "../ref/" + rows,
                          reads=[f"out-{kind}", "../ref/" + rows] + ["site/rows.db"] * (kind == "delta"), cwd=cwd)
        log.demand((done["files"], done["content_bytes"]), wanted, f"limit's {kind} content at the site")
        log.demand(done["documents"], documents, f"limit's {kind} documents parsed")
        log.demand(done["rows"], rows_of(log.path("ref", rows)), f"limit's {kind} rows")
    shutil.rmtree(cwd)


def play_stages(log, program):
    """The stages of a sync, each alone; and the documents as one zstd 3 stream."""
    for what, command in (("decompress alone", ["unpack", package_of(log.path("m1"))]), ("parse alone", ["parse", "m1/metadata.txt"]),
                          ("insert alone", ["insert", "ref/hub.db", "target.db"])):
        log.answer(PARTS, what, program, *command, reads=[command[1]])
    os.remove(log.path("target.db"))
    for kind, plain, more in (("full", "plain1.db", []), ("delta", "plain2.db", ["new"])):
        packed = log.answer(PARTS, f"zstd 3, {kind}", program, "pack", "ref/" + plain, *more, reads=["ref/" + plain])
        log.bytes["zstd 3", f"documents, {kind}"] = packed["packed_bytes"]
