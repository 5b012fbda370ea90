#!/usr/bin/env python3
"""at_files.py PLACE - something else where a file or folder is expected: links, devices, pipes, sockets, holes.

KINDS are planted one after the other at every path of a place; each command must end soon and say why, and what a link
leads to must be as it was.
"""
import os
import re
import shutil
import socket
import stat
import sys

from hostile import Hostile, SHARE

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KINDS = ["link to the same bytes", "link to a file outside", "link to a folder outside", "link to nothing", "link to itself", "link to /dev/zero", "link to /proc/self/mem", "pipe", "socket", "folder",
         "folder with a file", "character device", "block device", "hole of 1 TiB", "empty file", "hard link to a file outside"]
SECRET = b"nobody writes here\n" * 50


def outside():
    shutil.rmtree("outside", ignore_errors=True)
    os.makedirs("outside/folder")
    for name in ("outside/file", "outside/folder/file"):
        with open(name, "wb") as f:
            f.write(SECRET)


def outside_is_whole():
    """All that a link or hard link leads to, its bytes and what lies beside it."""
    try:
        return (sorted(os.listdir("outside")) == ["file", "folder"] and os.listdir("outside/folder") == ["file"]
                and all(open(n, "rb").read() == SECRET for n in ("outside/file", "outside/folder/file")))
    except OSError:
        return False


def plant(path, kind):
    """False where this kind is not to be had. What stood there is at 'same', out of the way."""
    here = os.path.abspath("outside")
    if os.path.lexists(path):
        os.rename(path, "same")
    to = {"link to a file outside": here + "/file", "link to a folder outside": here + "/folder", "link to nothing": here + "/none", "link to itself": os.path.basename(path), "link to /dev/zero": "/dev/zero",
          "link to /proc/self/mem": "/proc/self/mem"}
    try:
        if kind == "link to the same bytes":
            if not os.path.lexists("same"):
                return False
            os.symlink(os.path.abspath("same"), path)
        elif kind in to:
            os.symlink(to[kind], path)
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            at = os.getcwd()
            os.chdir(os.path.dirname(path) or ".")
            socket.socket(socket.AF_UNIX).bind(os.path.basename(path))
            os.chdir(at)
        elif kind.startswith("folder"):
            os.mkdir(path)
            if "with" in kind:
                open(path + "/file", "w").close()
        elif kind == "character device":
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
        elif kind == "block device":
            os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(7, 250))
        elif kind == "hole of 1 TiB":
            with open(path, "wb") as f:
                f.truncate(2**40)
        elif kind == "empty file":
            open(path, "w").close()
        elif kind == "hard link to a file outside":
            os.link("outside/file", path)
    except PermissionError:
        return False
    return True


def remove(path):
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            os.remove(path)
    else:
        shutil.rmtree(path)


def restore(path):
    remove(path)
    if os.path.lexists("same"):
        os.rename("same", path)


def is_irregular(kind):
    """No file at all, however it is looked at; the others are files with other bytes."""
    return not kind.startswith(("hole", "empty", "hard"))


def sweep(h, paths, commands, expect, kinds=KINDS, after=None, prepare=None, proof=None):
    """Each kind at each path, then each command. expect(path, kind, verb) is the status, or (status, message id); what
    `proof` has for the verb must succeed after status 0."""
    for n, (path, kind) in enumerate((p, k) for p in paths for k in kinds):
        if (n + n // len(kinds)) % SHARE == 0:
            if prepare:
                prepare()
            if plant(path, kind):
                for k, command in enumerate(commands):
                    what, verb = f"{kind} at {path}: {' '.join(command[:6])}", command[3] if command[1] == "--home" else command[1]
                    wanted = expect(path, kind, verb)
                    status, message = wanted if isinstance(wanted, tuple) else (wanted, None)
                    code = h.run(*command, what=what, inputs=k == 0, status=status, says=f"{command[0]}: {message} " if message else ())
                    if code == 0 and proof and verb in proof:
                        h.run(*proof[verb], what=what + ", what came of it", inputs=0, status=0)
                    if not outside_is_whole():
                        h.bad(f"{kind} at {path}: {command} reached what lies outside")
                        outside()
                if after:
                    after(path, kind)
            restore(path)


def bundle():
    """The files of a bundle, of its recovery and of the pool, and the folders they lie in."""
    outside()
    paths = [os.path.join("stick/SU-ALPHA-000001", n) for n in sorted(os.listdir("stick/SU-ALPHA-000001"))]
    papers = [p for p in paths if p.endswith((".txt", ".TXT", ".HTM")) and "MANIFEST" not in p]
    paths = [p for p in paths if p not in papers[1:] and not re.search(r"\.00[2-9]|\.R0[2-9]|\.0[1-9]", p)]
    recovery = [p for p in paths if p.endswith(".R01")]
    paths = [p for p in paths if p not in recovery]
    with Hostile("kinds of files in a bundle", homes=["site"], is_store=False) as h:
        h.settle("same", "outside", "whole")
        def expect(path, kind, verb):
            name = os.path.basename(path)
            if name.startswith("SU-ALPHA"):  # no bundle there
                return 0 if verb == "watch" else (2, 7207)
            if verb == "watch":  # a volume that is no file; of other sizes it is still being copied
                return (3, 7011) if name.endswith(".001") and is_irregular(kind) else 0
            if name == "MANIFEST.TXT":
                return (3, 7011) if is_irregular(kind) else (3, 7010) if "hole" in kind else (3, 7302) if "empty" in kind or verb == "inspect" else (4, 7301)
            if verb == "inspect":  # volumes are not opened
                return 0
            if name.endswith(".SIG"):
                return (3, 7011) if is_irregular(kind) else (4, 7301)
            if name.endswith(".R01"):
                return 3, 7330
            if verb == "repair":
                return 3, 7331
            return (3, 7011) if verb == "import" and name.endswith(".001") and is_irregular(kind) else (3, 7304)
        sweep(h, recovery, [("suimport", "--home", "site", "verify", "stick")], expect)
        sweep(h, paths, [("suimport", "--home", "site", "verify", "stick"), ("suimport", "--home", "site", "import", "stick")], expect, kinds=[k for k in KINDS if not k.startswith("link to /")])
        sweep(h, ["stick/SU-ALPHA-000001"], [("suimport", "--home", "site", "verify", "stick"), ("suimport", "--home", "site", "import", "stick"), ("suimport", "inspect", "stick"),
                                             ("suimport", "--home", "site", "watch", "--inbox", "stick", "--once")], expect, kinds=[k for k in KINDS if k != "hole of 1 TiB"])
        sweep(h, ["stick/SU-ALPHA-000001/MANIFEST.TXT", "stick/SU-ALPHA-000001/SU000001.001"], [("suimport", "inspect", "stick"), ("suimport", "--home", "site", "repair", "stick", "--to", "outside/../whole"),
                                             ("suimport", "--home", "site", "watch", "--inbox", "stick", "--once")], expect, after=lambda *_: remove("whole"))


def pool():
    """The pool beside bundles: its folder, its subfolders, its files."""
    outside()
    below = sorted(os.listdir("pooled/SU-POOL"))[0]
    file = sorted(os.listdir(f"pooled/SU-POOL/{below}"))[0]
    with Hostile("kinds of files in a pool", homes=["site"], is_store=False) as h:
        h.settle("same", "outside")
        sweep(h, ["pooled/SU-POOL", f"pooled/SU-POOL/{below}", f"pooled/SU-POOL/{below}/{file}"], [("suimport", "--home", "site", "verify", "pooled"), ("suimport", "--home", "site", "import", "pooled")],
              lambda *_: (3, 7304))


def given():
    """Files that are named on the command line. A link there is the user's own word, and still not followed to a device."""
    outside()
    # A file with other bytes is what its reader says of it; what is no file, or endless, is the same everywhere.
    places = [("x.cab", (3, 7011), [("suexport", "--home", "hub", "sync", "--from", "x.cab")]),
              ("v/5d000000-0000-4000-8000-000000000001.sdp", (3, 7011), [("suexport", "--home", "hub", "catalog", "subscribe", "v", "--name", "v", "--allow-unsigned")]),
              ("b.msu", (11, 7152), [("suexport", "--home", "hub", "catalog", "import", "--file", "b.msu")]),
              ("ids", (2, 7005), [("suexport", "--home", "hub", "catalog", "import", "--update-ids", "ids")]),
              ("k.pub", (4, 7601), [("suimport", "--home", "site", "trust", "add", "k.pub"), ("suexport", "--home", "hub", "site", "set", "ALPHA", "--key", "k.pub")]),
              ("r", (4, 7603), [("suexport", "--home", "hub", "receipt", "add", "r")]),
              ("s", (2, 7207), [("suimport", "--home", "site", "import", "nowhere", "--scan-report", "s")]),  # a report that can be read
              ("a.json", (3, 7011), [("suimport", "--home", "site", "diff", "--digest", "--with", "a.json")]),
              ("p.key", (4, 7601), [("suexport", "--home", "hub", "sign", "stick", "--role", "reviewer", "--key", "./p.key")])]
    other = {path: wanted for path, wanted, _ in places}

    def expect(path, kind, _):
        if path == "s" and (is_irregular(kind) or "hole" in kind):
            return 2, 7005
        if is_irregular(kind) or "hole" in kind and path.endswith((".cab", ".sdp")):
            return 3, 7011  # the start of a package is looked at before its size
        return (3, 7010) if "hole" in kind else other[path]
    for path, _, _ in places:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as f:
            f.write(b"nothing of use")
    with Hostile("kinds of files named on the command line", homes=["hub", "site"]) as h:
        h.settle("same", "outside")
        for path, _, commands in places:
            sweep(h, [path], commands, expect)
        h.changed()  # runs are in the history


def home():
    """Everything inside a home: whoever may write there plants links and pipes. Nothing outside is changed, no command hangs."""
    outside()
    lines = [("suimport", "--home", "site", "import", "stick")]
    stored = sorted(os.path.join(w, n) for w, _, names in os.walk("site/content") for n in names)[0]
    paths = ["site/update-point.db", "site/update-point.db-wal", "site/update-point.db-shm", "site/update-point.db-journal", "site/update-point.db.new", "site/lock", "site/keys", "site/keys/site.key", "site/keys/site.pub",
             "site/keys/site.secret", "site/content", os.path.dirname(stored), stored, "site/log", "site/log/suimport.log", "site/log/suimport.lo_", "site/.tmp-1-1"]
    shutil.copytree("site", "good")
    with Hostile("kinds of files in a home") as h:
        h.settle("same", "outside", "site", "good", "hub", "good.hub", "out")

        def fresh():
            remove("same")
            remove("same")
            shutil.rmtree("site")
            shutil.copytree("good", "site")

        def whole(path, kind):
            status, message = (3, "7401 ") if path == stored else (3, "7011 ") if path == "site/content" and kind != "folder with a file" else (9, ())
            h.run("suimport", "--home", "site", "content", "verify", what=f"{kind} at {path}: what is stored", status=status, says=message, inputs=0)
            if not outside_is_whole():
                h.bad(f"{kind} at {path}: the verification of content reached what lies outside")

        def expect(path, kind, verb):
            """A folder that holds something else is a folder; what is missing below is told by who needs it."""
            name, is_folder = os.path.basename(path), kind == "folder with a file"
            if name in ("update-point.db", "update-point.db-journal"):
                return 3, 7011
            if name in ("update-point.db-wal", "update-point.db-shm"):
                return 0 if "hole" in kind else (3, 7011)
            if name == "lock":  # who only reads takes none
                return (3, 7011) if is_irregular(kind) and verb != "content" else 0
            if name == "inbox":
                return (2, 7161) if is_folder else (3, 7011)
            if name == "FULL.SYN":  # a file is a request
                return (2, 7161) if is_irregular(kind) else 0
            if path.startswith("hub/") and name.endswith((".key", ".pub")):
                return (3, 7011) if is_irregular(kind) else (3, 7010)
            if is_folder:
                return {"hub/keys": (2, 7105), "hub/content": (11, 7104), "hub/sent": (2, 7322) if verb == "resend" else 0}.get(path, 0)
            return (3, 7011) if name in ("keys", "content", "log", "sent") else 0
        kinds = ["link to a file outside", "link to a folder outside", "pipe", "socket", "folder with a file", "character device", "hole of 1 TiB", "hard link to a file outside"]
        sweep(h, [p for p in paths if "update-point" in p], [("suimport", "--home", "site", "status"), *lines], expect, kinds=kinds, prepare=fresh)
        # A log with a second name is one whose owner copied it so: it is written to.
        sweep(h, [p for p in paths if p.endswith(".log")], lines, expect, kinds=kinds[:-1], prepare=fresh)
        sweep(h, [p for p in paths if "update-point" not in p and not p.endswith(".log")], lines, expect, kinds=kinds, prepare=fresh, after=lambda p, k: whole(p, k) if "content" in p else None)
        fresh()
        hub = ["hub/keys", "hub/keys/hub-test.key", "hub/keys/hub-test.pub", "hub/inbox", "hub/inbox/FULL.SYN", "hub/lock", "hub/log/suexport.log", "hub/content", "hub/content/fetch", "hub/sent", "hub/sent/ALPHA"]
        shutil.copytree("hub", "good.hub")

        def fresh_hub():
            remove("same")
            shutil.rmtree("hub")
            shutil.copytree("good.hub", "hub")
            remove("out")
        verify = ("suimport", "--home", "site", "verify", "out")
        how = {"prepare": fresh_hub, "proof": {"export": verify, "resend": verify}}
        sweep(h, [p for p in hub if "inbox" not in p], [("suexport", "--home", "hub", "export", "--site", "ALPHA", "--full", "--out", "out")], expect, kinds=kinds[:-1], **how)
        sweep(h, ["hub/lock"], [("suexport", "--home", "hub", "content", "list")], expect, kinds=kinds, **how)
        sweep(h, [p for p in hub if "inbox" in p], [("suexport", "--home", "hub", "sync", "--if-due")], expect, kinds=kinds, **how)
        sweep(h, ["hub/sent", "hub/sent/ALPHA"], [("suexport", "--home", "hub", "resend", "--site", "ALPHA", "--out", "out")], expect, kinds=kinds, **how)


def rights():
    """A home made under any mask is its owner's alone; nothing in it is for others to write."""
    with Hostile("masks a home is made under") as h:
        h.settle("s", "h", "k.pub")
        for mask in (0, 0o22, 0o77, 0o777):
            for name in ("s", "h"):
                shutil.rmtree(name, ignore_errors=True)
            before = os.umask(mask)
            h.run("suimport", "--home", "s", "init", "--site", "ALPHA", status=0)
            h.run("suexport", "--home", "h", "init", status=0)
            h.run("suexport", "--home", "h", "key", "generate", "--name", "k", status=0)
            os.umask(before)
            for top in ("s", "h"):
                for where, folders, names in os.walk(top):
                    for name in folders + names + [""]:
                        mode = os.stat(os.path.join(where, name)).st_mode
                        if mode & 0o022 or (stat.S_ISDIR(mode) or name.endswith((".key", ".secret", ".enrol"))) and mode & 0o077:
                            h.bad(f"umask {mask:o}: {where}/{name} has mode {mode & 0o7777:o}")


def out():
    """What the programs write, where something lies already: an export's folder, a receipt, a key, a report."""
    outside()
    commands = {"out/SU-ALPHA-000002.partial": ("suexport", "--home", "hub", "export", "--site", "ALPHA", "--full", "--out", "out"),
                "out/SU-ALPHA-000001.partial": ("suexport", "--home", "hub", "resend", "--site", "ALPHA", "--out", "out"),
                "out/r": ("suimport", "--home", "site", "receipt", "--out", "out/r"), "out/k": ("suexport", "--home", "hub", "key", "export", "--name", "hub-test", "--out", "out/k"),
                "out/p.html": ("suexport", "--home", "hub", "report", "--html", "out/p.html"), "out/t": ("suimport", "--home", "site", "receipt", "--state", "--out", "out/t"),
                "whole/SU-ALPHA-000001": ("suimport", "--home", "site", "repair", "stick", "--to", "whole"), "whole/SU-ALPHA-000001.partial": ("suimport", "--home", "site", "repair", "stick", "--to", "whole")}
    os.mkdir("out"), os.mkdir("whole")
    with Hostile("kinds of files where output goes") as h:
        h.settle("same", "outside", "out", "hub", "site", "whole")
        for path, command in commands.items():
            def clear():
                for top in ("out", "whole"):
                    for name in os.listdir(top):
                        remove(os.path.join(top, name))
            # What an ended run left is swept away; what stands there under a final name stays.
            proof = {verb: ("suimport", "--home", "site", "verify", where) for verb, where in (("export", "out"), ("resend", "out"), ("repair", "whole"))}
            sweep(h, [path], [command], lambda path, *_: 0 if path.endswith(".partial") else (2, 7107), prepare=clear, proof=proof, kinds=[k for k in KINDS if k not in ("link to the same bytes", "link to /dev/zero", "link to /proc/self/mem", "hole of 1 TiB")])


if __name__ == "__main__":
    globals()[sys.argv[1]]()
