"""ours.py - the two programs: the whole job of two months, every result proved."""
import os
import shutil
import subprocess
import tempfile

from steps import files_below, package_of, same_bytes, tree_bytes

WHO = "ours"
HUB, SITE = "hub/update-point.db", "site/update-point.db"


def programs(build, jobs=None):
    more = ["--json", "--quiet"] + (["--jobs", str(jobs)] if jobs else [])
    return [f"{build}/suexport", "--home", "hub"] + more, [f"{build}/suimport", "--home", "site"] + more


def quietly(log, *commands):
    for command in commands:
        subprocess.run(command, check=True, cwd=log.path("ours"), stdout=subprocess.DEVNULL)


def start(log, build):
    """A fresh hub and a fresh site that trusts it."""
    hub, site = programs(build)
    shutil.rmtree(log.path("ours"), ignore_errors=True)
    os.mkdir(log.path("ours"))
    quietly(log, hub + ["init"], hub + ["key", "generate", "--name", "bench"], hub + ["site", "add", "ALPHA"],
            site + ["init", "--site", "ALPHA"], site + ["trust", "add", "hub/keys/bench.pub"],
            hub + ["site", "set", "ALPHA", "--key", "site/keys/site.pub"])


def bundle_of(log, medium):
    folder = log.path("ours", medium)
    return os.path.join(folder, next(d for d in os.listdir(folder) if d.startswith("SU-ALPHA")))


def volume_of(log, medium):
    return next(f for f in files_below(bundle_of(log, medium)) if f.endswith(".001"))


def weigh(log, kind, medium):
    """What of the bundle is no content: the metadata's members with manifest and signature; papers for people. And
    the members' records as one zstd 3 stream."""
    bundle = bundle_of(log, medium)
    size = {os.path.basename(f): os.path.getsize(f) for f in files_below(bundle)}
    with open(f"{bundle}/MANIFEST.TXT", encoding="utf-8") as manifest:
        extents = [e.split(":") for line in manifest if line.startswith("frame ") for e in line.split()[2:]]
    with tempfile.TemporaryFile() as frames, open(volume_of(log, medium), "rb") as volume:
        for _, offset, length in extents:
            volume.seek(int(offset))
            frames.write(volume.read(int(length)))
        log.bytes[WHO, f"metadata, {kind}"] = frames.tell() + \
            sum(n for name, n in size.items() if name == "MANIFEST.TXT" or name.endswith(".SIG"))
        log.bytes[WHO, f"papers, {kind}"] = sum(n for name, n in size.items() if name.lower().endswith((".txt", ".htm"))
                                                and name != "MANIFEST.TXT")
        if shutil.which("zstd"):
            frames.seek(0)
            packed = subprocess.run(["sh", "-c", "zstd -q -dc | zstd -q -3 -c | wc -c"], stdin=frames, check=True, capture_output=True)
            log.bytes["zstd 3", f"records, {kind}"] = int(packed.stdout)


def month(log, build, number, before_import=None):
    """One month: from the server's export to the site's receipt at the hub; before_import() may make room."""
    hub, site = programs(build)
    kind, usb = ("full", "delta")[number - 1], f"usb{number}"
    cwd = log.path("ours")
    source = log.path(f"m{number}")

    def timed(what, reads, *command):
        return log.answer(WHO, what, *command, reads=reads, cwd=cwd)
    package, content = package_of(source), f"{source}/WsusContent"
    timed(f"sync, month {number}", [HUB, package], *hub, "sync", "--from", package)
    timed(f"content add, month {number}", [HUB, content], *hub, "content", "add", content)
    exported = timed(f"export, {kind}", ["hub"], *hub, "export", "--site", "ALPHA", "--out", usb)
    verified = timed(f"verify, {kind}", [usb], *site, "verify", usb)
    if before_import:
        before_import()
    imported = timed(f"import, {kind}", [SITE, usb], *site, "import", usb)
    log.demand(verified["verdict"], "good", "verdict")
    log.demand(imported["state_digest"], exported["result_digest"], f"state after the {kind} import")
    log.demand(imported["content_owed"], 0, "files owed")
    log.demand(imported["files_stored"], exported["files"], f"files stored by the {kind} import")
    log.bytes[WHO, kind] = tree_bytes(os.path.join(cwd, usb))
    quietly(log, site + ["receipt", "--out", f"receipt{number}"], hub + ["receipt", "add", f"receipt{number}"])


def small_commands(log, build):
    """What people wait for; after month 2."""
    hub, site = programs(build)
    cwd = log.path("ours")
    both = [log.answer(WHO, f"status, {who}", *command, "status", reads=[books], cwd=cwd)["state_digest"]
            for who, command, books in (("hub", hub, HUB), ("site", site, SITE))]
    log.demand(both[0], both[1], "state of hub and site")
    found = log.answer(WHO, "search", *site, "search", "security", reads=[SITE], cwd=cwd)
    log.answer(WHO, "show", *site, "show", found["found"][-1]["update_id"], reads=[SITE], cwd=cwd)
    plan = log.answer(WHO, "plan, nothing to do", *hub, "plan", "--site", "ALPHA", reads=[HUB], cwd=cwd)
    log.demand(plan["records"], 0, "records of an empty plan")


def resend(log, build):
    hub, _ = programs(build)
    log.answer(WHO, "resend, one volume", *hub, "resend", "--site", "ALPHA", "--sequence", "1", "--volume", "1", "--out",
               "again", reads=["hub"], cwd=log.path("ours"))
    if not same_bytes(volume_of(log, "usb1"), volume_of(log, "again")):
        log.invalid("the volume made again differs from the first one")


def play(log, build, after_month=None):
    """A whole round; after_month(1 or 2) may look at the homes."""
    start(log, build)
    for number in (1, 2):
        month(log, build, number)
        if log.round == 1:
            weigh(log, ("full", "delta")[number - 1], f"usb{number}")
        if after_month:
            after_month(number)
    small_commands(log, build)
    resend(log, build)
    shutil.rmtree(log.path("ours"))
