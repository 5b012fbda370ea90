"""judge.py - what must hold of a home and of what was written beside it, whenever the power went.

A Place is a folder with a home and a folder `out` beside it. Everything here looks from outside: by SQLite, by
digests, by the programs' own status and audit, and by the reader of bundles at a site.
"""
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from books import state

DATABASE = "update-point.db"
PASSING = ("history", "ledger", "refusals")  # doing a thing twice may add a row there


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest()


def files(top, want=lambda name: True):
    return [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names if want(name)]


def check_store(home):
    """Every file of the store is what its name says, and every row of the books has its file."""
    there = {}
    for path in files(os.path.join(home, "content"), lambda name: len(name) == 64):
        assert digest(path) == os.path.basename(path), f"{path} is not its name"
        there[os.path.basename(path)] = os.path.getsize(path)
    if os.path.exists(os.path.join(home, DATABASE)):
        connection = sqlite3.connect(os.path.join(home, DATABASE))
        for name, length in connection.execute("SELECT lower(hex(sha256)), bytes FROM stored_file"):
            assert there.get(name) == length, f"the books have {name}, the store has not"
        connection.close()


def manifest_files(folder):
    """(digest, name) of the files a bundle's manifest names; it must end."""
    with open(os.path.join(folder, "MANIFEST.TXT"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    assert lines[-2:] == ["end", ""], f"{folder}: the manifest does not end"
    return [line.split("  ", 1) for line in lines if len(line) > 66 and line[64:66] == "  "]


def check_sent(home):
    """Every bundle in the books can be made again: what is kept of it is whole."""
    top = os.path.join(home, "sent")
    kept = [n for n in os.listdir(top) if not n.endswith(".partial")] if os.path.isdir(top) else []
    for name in kept:
        folder = os.path.join(top, name)
        for want, file in manifest_files(folder):
            if not re.match(r"\.\./|SUU?[0-9]{5}", file):  # volumes are made again, the pool lies on the medium
                assert digest(os.path.join(folder, file)) == want, f"sent/{name}/{file} is not what was signed"
    if os.path.exists(os.path.join(home, DATABASE)):
        connection = sqlite3.connect(os.path.join(home, DATABASE))
        rows = connection.execute("SELECT code, sequence, lower(hex(manifest_sha256)) FROM export JOIN site USING (site_id)").fetchall()
        connection.close()
        for code, sequence, want in rows:
            name = f"SU-{code}-{sequence:06}"
            assert name in kept and digest(os.path.join(top, name, "MANIFEST.TXT")) == want, f"the books have {name}, sent/ has not"


def bundles(out):
    return [os.path.join(out, n) for n in os.listdir(out) if n.startswith("SU-") and n != "SU-POOL" and not n.endswith(".partial")] if os.path.isdir(out) else []


def tree_digest(top):
    whole = hashlib.sha256()
    for path in sorted(files(top)):
        whole.update(f"{os.path.relpath(path, top)} {digest(path)}\n".encode())
    return whole.hexdigest()


class Judge:
    """Knows the programs, a site's home to read bundles with, and what that reader has said already."""

    def __init__(self, build, reader, hub):
        self.build, self.reader, self.hub = build, reader, hub
        self.known = set()
        self.environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0")

    def run(self, *arguments, **more):
        program = subprocess.run([os.path.join(self.build, arguments[0]), *arguments[1:]], capture_output=True, text=True,
                                 errors="replace", timeout=300, env=self.environment, check=False, **more)
        return program.returncode, program.stdout, program.stderr

    def demand(self, *arguments, **more):
        status, out, err = self.run(*arguments, **more)
        assert status == 0, f"{' '.join(arguments)}: exit {status}: {err or out}"
        return out

    def check_bundle(self, path):
        """Whole, by its manifest and by the reader of a site."""
        assert os.path.exists(os.path.join(path, "MANIFEST.TXT")), f"{path} has no manifest"
        for want, name in manifest_files(path):
            assert digest(os.path.join(path, name)) == want, f"{path}/{name} is not what was signed"
        beside = os.path.join(os.path.dirname(path), "SU-POOL")
        known = tree_digest(path) + (tree_digest(beside) if os.path.isdir(beside) else "")
        if known not in self.known:
            self.demand("suimport", "--home", self.reader, "--quiet", "verify", path)
            self.known.add(known)

    def check_receipt(self, path, work):
        """The hub takes it."""
        known = digest(path)
        if known not in self.known:
            copy = os.path.join(work, f"hub-for-receipt-{os.getpid()}")
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(self.hub, copy)
            self.demand("suexport", "--home", copy, "--quiet", "receipt", "add", path)
            self.known.add(known)

    def check_out(self, out, work):
        """Whatever bears a final name is whole."""
        for path in bundles(out):
            self.check_bundle(path)
        for path in files(out, lambda name: name.endswith(".receipt")):
            self.check_receipt(path, work)

    def look(self, program, home):
        """What the program itself says of the home; its books."""
        if not os.path.exists(os.path.join(home, DATABASE)):
            return None
        shown = json.loads(self.demand(program, "--home", home, "--quiet", "status", "--json"))["state_digest"]
        self.demand(program, "--home", home, "--quiet", "audit", "verify")
        said = state(home)
        check_store(home)
        check_sent(home)
        return dict(said, digest=shown)
