"""ours.py - the two programs: the whole job of two months, every result proved."""
import os
import shutil
import subprocess

from steps import same_bytes, tree_bytes

WHO = "ours"


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


def volume_of(log, medium):
    folder = log.path("ours", medium)
    bundle = next(d for d in os.listdir(folder) if d.startswith("SU-ALPHA"))
    return os.path.join(folder, bundle, next(f for f in os.listdir(os.path.join(folder, bundle)) if f.endswith(".001")))


def month(log, build, number, before_import=None):
    """One month: from the server's export to the site's receipt at the hub; before_import() may make room."""
    hub, site = programs(build)
    kind, usb = ("full", "delta")[number - 1], f"usb{number}"
    cwd = log.path("ours")
    source = log.path(f"m{number}")

    def timed(what, *command):
        return log.answer(WHO, what, *command, cwd=cwd)
    timed(f"sync, month {number}", *hub, "sync", "--from", f"{source}/export.cab")
    timed(f"content add, month {number}", *hub, "content", "add", f"{source}/WsusContent")
    exported = timed(f"export, {kind}", *hub, "export", "--site", "ALPHA", "--out", usb)
    verified = timed(f"verify, {kind}", *site, "verify", usb)
    if before_import:
        before_import()
    imported = timed(f"import, {kind}", *site, "import", usb)
    log.demand(verified["verdict"], "good", "verdict")
    log.demand(imported["state_digest"], exported["result_digest"], f"state after the {kind} import")
    log.demand(imported["content_owed"], 0, "files owed")
    log.demand(imported["files_stored"], exported["files"], f"files stored by the {kind} import")
    carried = tree_bytes(os.path.join(cwd, usb))
    log.bytes[WHO, kind] = carried
    log.bytes[WHO, f"metadata, {kind}"] = carried - imported["bytes_stored"]
    quietly(log, site + ["receipt", "--out", f"receipt{number}"], hub + ["receipt", "add", f"receipt{number}"])


def small_commands(log, build):
    """What people wait for; after month 2."""
    hub, site = programs(build)
    cwd = log.path("ours")
    both = [log.answer(WHO, f"status, {who}", *command, "status", cwd=cwd)["state_digest"]
            for who, command in (("hub", hub), ("site", site))]
    log.demand(both[0], both[1], "state of hub and site")
    found = log.answer(WHO, "search", *site, "search", "security", cwd=cwd)
    log.answer(WHO, "show", *site, "show", found["found"][-1]["update_id"], cwd=cwd)
    plan = log.answer(WHO, "plan, nothing to do", *hub, "plan", "--site", "ALPHA", cwd=cwd)
    log.demand(plan["records"], 0, "records of an empty plan")


def resend(log, build):
    hub, _ = programs(build)
    log.answer(WHO, "resend, one volume", *hub, "resend", "--site", "ALPHA", "--sequence", "1", "--volume", "1", "--out",
               "again", cwd=log.path("ours"))
    if not same_bytes(volume_of(log, "usb1"), volume_of(log, "again")):
        log.invalid("the volume made again differs from the first one")


def play(log, build, after_month=None):
    """A whole round; after_month(1 or 2) may look at the homes."""
    start(log, build)
    for number in (1, 2):
        month(log, build, number)
        if after_month:
            after_month(number)
    small_commands(log, build)
    resend(log, build)
    shutil.rmtree(log.path("ours"))
