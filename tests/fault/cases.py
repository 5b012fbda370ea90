"""cases.py - the commands that are disturbed: how each is prepared, and what before and after are."""
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from books import check_bundles, check_store, names, state  # noqa: E402 -- below tests


class Case:
    """A command in a folder of its own. Each run gets a fresh copy of what `copied` names: the home, and out/.

    `keeps_out`: what lies in out/ afterwards is part of the state, byte for byte. `makes_bundle`: a bundle appears
    there; the books may have it and the folder not, which is like a lost medium. `status` is the exit status when
    nothing fails; a command that has to refuse may never say yes. `is_once`: run again it does the next thing, so
    it is run again only from before. `is_piecemeal`: it may leave out single files, and says so.
    `writes_first`: what it writes may be there before the books say so.
    """

    def __init__(self, name, program, arguments, copied=("site",), keeps_out=False, makes_bundle=False, status=0, is_once=False, is_piecemeal=False, writes_first=False):
        self.name, self.program, self.arguments, self.copied = name, program, arguments, copied
        self.keeps_out, self.makes_bundle, self.status, self.is_once = keeps_out, makes_bundle, status, is_once
        self.is_piecemeal, self.writes_first = is_piecemeal, writes_first
        self.known = {}  # databases that were looked at, by their bytes

    def fresh(self, made, work):
        """work/home and work/out as they are before."""
        shutil.rmtree(work, ignore_errors=True)
        os.mkdir(work)
        for source, name in zip(self.copied, ("home", "out")):
            if os.path.isdir(os.path.join(made, source)):
                shutil.copytree(os.path.join(made, source), os.path.join(work, name))
        os.makedirs(os.path.join(work, "out"), exist_ok=True)

    def outcome(self, work, scratch):
        """What the home and what was written hold, and that both are sound. The database is looked at in a copy:
        the next run shall find its log and its journal as they were left. From the same bytes comes the same."""
        home, out = os.path.join(work, "home"), os.path.join(work, "out")
        books = None
        names_of_db = sorted(name for name in os.listdir(home) if name.startswith("update-point.db")) if os.path.isdir(home) else []
        if "update-point.db" in names_of_db:
            shutil.rmtree(scratch, ignore_errors=True)
            os.mkdir(scratch)
            digest = hashlib.blake2b()
            for name in names_of_db:
                with open(os.path.join(home, name), "rb") as file, open(os.path.join(scratch, name), "wb") as copy:
                    read = file.read()
                    copy.write(read)
                    digest.update(f"{name} {len(read)}\n".encode() + read)
            books = self.known.get(digest.digest())
            if not books:
                books = self.known[digest.digest()] = state(scratch, refusals=False)
                connection = sqlite3.connect(os.path.join(scratch, "update-point.db"), timeout=1, isolation_level=None)
                connection.execute("BEGIN IMMEDIATE")  # nobody holds it
                connection.execute("ROLLBACK")
                connection.close()
        check_store((home, out))
        if self.keeps_out:
            written = {path[len(out):]: hashlib.sha256(open(path, "rb").read()).hexdigest()
                       for path in names((out,), lambda name: not name.startswith(".tmp-")) if ".partial/" not in path}
            if self.writes_first:
                written = sorted(written.values())  # a signature may have another name
        else:
            check_bundles(out)
            written = sorted(f for f in os.listdir(out) if not f.endswith(".partial")) if self.makes_bundle and os.path.isdir(out) else []
        return books, written


def prepare(build, folder):
    """Homes and media below `folder`, from the small sample; answers the cases."""
    export, take, samples = (os.path.join(build, name) for name in ("suexport", "suimport", "samples"))

    def run(*command, want=0):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == want, f"{command}: {done.stderr}"

    def hub(home, *command):
        run(export, "--home", home, "--quiet", *command)

    def site(home, *command):
        run(take, "--home", home, "--quiet", *command)

    def copy(of, to):
        shutil.copytree(os.path.join(folder, of), os.path.join(folder, to))

    first, second = (os.path.join(samples, month, "export.cab") for month in ("m1", "m2"))
    content = os.path.join(samples, "m1", "WsusContent")
    hub("hub", "init")
    copy("hub", "hub-empty")
    hub("hub", "key", "generate", "--name", "hub-test")
    hub("hub", "sync", "--from", first)
    copy("hub", "hub-bare")
    hub("hub", "content", "add", content)
    hub("hub", "site", "add", "ALPHA")
    hub("hub", "key", "export", "--name", "hub-test", "--out", "hub.pub")
    hub("hub", "key", "generate", "--name", "reviewer", "--role", "reviewer")
    site("site", "init", "--site", "ALPHA")
    copy("site", "site-stranger")
    site("site", "trust", "add", "hub.pub")
    hub("hub", "site", "set", "ALPHA", "--key", "site/keys/site.pub")
    copy("hub", "hub-ready")
    hub("hub", "export", "--site", "ALPHA", "--out", "stick", "--volume-size", "1M", "--recovery", "50")
    copy("site", "site-new")
    site("site", "import", "stick")
    copy("site", "site-full")
    site("site", "receipt", "--out", "receipt")
    copy("hub", "hub-waiting")
    hub("hub", "sync", "--from", second)
    hub("hub", "content", "add", os.path.join(samples, "m2", "WsusContent"))
    hub("hub", "export", "--site", "ALPHA", "--out", "stick2")
    site("site", "import", "stick2")
    for bad in ("bad", "rotten"):
        copy("stick", bad)
    bundle = os.listdir(os.path.join(folder, "stick"))[0]
    with open(os.path.join(folder, "bad", bundle, "SU000001.002"), "r+b") as file:
        file.seek(70000)
        file.write(b"tampered")
    for name in ("bad", "rotten"):
        os.remove(os.path.join(folder, name, bundle, "SU000001.001"))
    for name in names((os.path.join(folder, "bad"),), lambda name: ".R" in name):
        os.remove(name)
    copy("stick", "unsigned")
    at = lambda name: os.path.join(folder, name)  # noqa: E731 -- one expression
    return [
        Case("init", export, ["init"], ("new",)),
        Case("init again", export, ["init"], ("hub-bare",)),
        Case("sync", export, ["sync", "--from", second], ("hub-bare",)),
        Case("content add", export, ["content", "add", content], ("hub-bare",), is_piecemeal=True),
        Case("export", export, ["export", "--site", "ALPHA", "--out", "out", "--volume-size", "1M", "--recovery", "50"], ("hub-ready",), makes_bundle=True),
        Case("sign", export, ["sign", f"out/{bundle}", "--key", "reviewer", "--role", "reviewer"], ("hub-ready", "unsigned"), keeps_out=True, writes_first=True),
        Case("verify", take, ["verify", at("stick")], ("site-new",)),
        Case("verify damaged", take, ["verify", at("bad")], ("site-new",), status=3),
        Case("import", take, ["import", at("stick")], ("site-new",)),
        Case("import delta", take, ["import", at("stick2")], ("site-full",)),
        Case("import damaged", take, ["import", at("bad")], ("site-new",), status=3),
        Case("import untrusted", take, ["import", at("stick")], ("site-stranger",), status=4),
        Case("undo", take, ["undo"], ("site",), is_once=True),
        Case("repair", take, ["repair", at("rotten"), "--to", "out"], ("site-new",), keeps_out=True, is_once=True),
        Case("receipt", take, ["receipt", "--out", "out/receipt"], ("site-full",), keeps_out=True, is_once=True),
        Case("receipt add", export, ["receipt", "add", at("receipt")], ("hub-waiting",)),
    ]
