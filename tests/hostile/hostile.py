"""hostile.py - what the drivers of hostile input share: runs a program on an input and judges what it did.

    from hostile import Hostile
    with Hostile("names in a bundle's folder", homes=["site"]) as h:
        h.run("suimport", "--home", "site", "verify", folder, status=3, says="7309")

Demanded of every run: the exit status that the manual fixes for such input, words of the message, nothing a terminal would obey in any output, an end within
SECONDS, a peak below MEMORY. Of all together: nothing is new outside the homes and what the driver itself declared with
h.settle(), nothing that an evil name would make is anywhere above them, no file of the system (SYSTEM) was touched, and the homes answer as before unless h.changed() said otherwise.

$BUILD is the folder of the programs. $HOSTILE_COUNT, where given, is a file that gets a line "inputs kind" of each
block. Anything wrong is printed and ends the driver with 1.
"""
import hashlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import unicodedata

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
BUILD = os.environ["BUILD"]
WATCHED = "asan" in BUILD or "tsan" in BUILD or "ASAN_OPTIONS" in os.environ  # sanitizers want memory and time
SECONDS, MEMORY = 5, 160  # MiB
CANARIES = ["/tmp/su-evil", "/var/tmp/su-evil", "/etc/su-evil", "/su-evil", os.path.expanduser("~/su-evil"), "/dev/shm/su-evil", "/dev/su-evil"]
# What a run that reached the system would change: names, links and bytes that are always there. No bait of ours, so
# they are only looked at; every link and name that is planted leads to a bait instead, or to what is not there.
SYSTEM = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/fstab", "/etc/hosts", "/etc/hostname", "/etc/profile", "/etc/ld.so.preload", "/etc/crontab", "/bin", "/bin/sh", "/usr/bin/env", "/dev/null", "/dev/zero", "/dev/full",
          *(os.path.expanduser("~/" + n) for n in (".profile", ".bashrc", ".ssh", ".ssh/authorized_keys"))]
REMEDY = "\n  do: "


SHARE = int(os.environ.get("HOSTILE_SHARE", "4"))


def share(things):
    """What costs a run each: every fourth in `make check`, all in `make hostile`."""
    return list(things)[::SHARE]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def obeyed(text):
    """What a terminal obeys, without regard to what the programs think that is."""
    if "\ufeff" in text:
        return "a byte order mark"
    for c in text:
        if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI") or c in "\u061c\u200e\u200f"):
            return repr(c)
    return None


def digest_of(home, is_store=True):
    """All rows of a home's database but the ledger of refusals, the alerts and the failed runs, and the names of its files."""
    rows = []
    db = sqlite3.connect(f"file:{home}/update-point.db?mode=ro", uri=True)
    tables = [n for n, in db.execute("SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%search%' ORDER BY 1")]
    for table in tables:
        if table in ("ledger", "alert", "sync_history", "alert_event"):
            continue
        rows.append((table, sorted(map(repr, db.execute(f'SELECT * FROM "{table}"')))))
    db.close()
    files = []
    for where, folders, names in os.walk(os.path.join(home, "content")) if is_store else ():
        files += [os.path.join(where, n) for n in folders + names]
    return rows, sorted(files)


def looks(path):
    """A file of the system: kind, rights, owner, size, times and bytes; None where it is not there."""
    try:
        st = os.lstat(path)
        kept = (st.st_mode, st.st_uid, st.st_gid, st.st_ino, st.st_nlink)
        if stat.S_ISLNK(st.st_mode):
            return kept + (os.readlink(path),)
        if stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                return kept + (st.st_size, st.st_mtime_ns, sha256(f.read()))
        return kept
    except OSError as why:
        return why.errno


def above():
    """Where a name with .. in it would come out."""
    here = os.path.dirname(os.getcwd())
    while len(here) > 1:
        yield os.path.join(here, "su-evil")
        here = os.path.dirname(here)


def tree(root, without):
    found = set()
    for where, folders, names in os.walk(os.fsencode(root)):
        if os.path.samefile(where, root):
            folders[:] = [f for f in folders if f not in without]
            names = [n for n in names if n not in without]
        found.update(os.path.join(where, n) for n in folders + names)
    return found


class Hostile:
    def __init__(self, kind, homes=(), root=".", is_store=True):
        """is_store False: files may come into the store, which harm nobody, by an import that fails later."""
        self.is_store = is_store
        self.kind, self.homes, self.root = kind, homes, root
        self.inputs, self.wrong, self.peak, self.longest = 0, 0, 0, 0.0
        self.is_changed, self.own = False, set()

    def __enter__(self):
        self.outside = {c: os.path.lexists(c) for c in (*CANARIES, *above())}
        self.system = {path: looks(path) for path in SYSTEM}
        self.before = {h: digest_of(h, self.is_store) for h in self.homes}
        self.there = None
        return self

    def bad(self, *why):
        self.wrong += 1
        if self.wrong <= 10:
            print(f"WRONG {self.kind}:", *why)

    def settle(self, *names):
        """From here on nothing but these may come to be below the root."""
        self.own = {os.fsencode(n) for n in (*self.homes, *names, ".out", ".err")}
        self.there = tree(self.root, self.own)

    def changed(self):
        self.is_changed = True

    def count(self, inputs=1):
        self.inputs += inputs

    def run(self, program, *arguments, status=(3,), says=(), what="", inputs=1, memory=None, seconds=None, where=None, remedy=True, feed=None):
        if self.there is None:
            self.settle()
        self.inputs += inputs
        status = (status,) if isinstance(status, int) else status
        says = (says,) if isinstance(says, (str, bytes)) else says
        limit = (seconds or SECONDS) * (6 if WATCHED else 1)
        argv = [os.fsencode(a) for a in (os.path.join(BUILD, program), *arguments)]
        with open(".out", "w+b") as out, open(".err", "w+b") as err:
            began = time.monotonic()
            child = subprocess.Popen(argv, stdin=feed or subprocess.DEVNULL, stdout=out, stderr=err, cwd=where)
            signal.signal(signal.SIGALRM, lambda *_: child.kill())
            signal.setitimer(signal.ITIMER_REAL, 40 + 2 * limit)  # the machine may be busy: the processor's time is what counts
            _, code, used = os.wait4(child.pid, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            child.returncode = code = os.waitstatus_to_exitcode(code)
            took = used.ru_utime + used.ru_stime
            out.seek(0), err.seek(0)
            self.out, self.err = out.read(), err.read()
        name = what or b" ".join(argv[1:])[:300]
        self.longest, self.peak = max(self.longest, took), max(self.peak, used.ru_maxrss // 1024)
        if code not in status:
            self.bad(name, f"exit {code}, expected {status}:", self.err[-600:], f"after {time.monotonic() - began:.1f} s")
        if code == -9:
            self.bad(name, "hangs")
        if took > limit:
            self.bad(name, f"took {took:.1f} s of the processor")
        if used.ru_maxrss > (memory or MEMORY) * 1024 * (8 if WATCHED else 1):
            self.bad(name, f"took {used.ru_maxrss // 1024} MiB")
        for stream, label in ((self.out, "stdout"), (self.err, "stderr")):
            try:
                text = stream.decode()
            except UnicodeDecodeError as why:
                self.bad(name, f"{label} is no UTF-8: {why}", stream[:300])
                continue
            if obeyed(text):
                self.bad(name, f"{label} holds {obeyed(text)}:", text[:400].encode("unicode_escape"))
        for words in says:
            if os.fsencode(words) not in self.out + self.err:
                self.bad(name, f"does not say {words!r}:", self.out[-300:], self.err[-600:])
        if code in range(1, 9) and remedy and b"\n  do: " not in self.err:
            self.bad(name, "says not what to do:", self.err[-400:])
        return code

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as why:
            self.bad("no JSON:", why, self.out[:300])
            return {}

    def __exit__(self, kind, *_):
        if kind:
            return
        for name, was in self.outside.items():
            if os.path.lexists(name) != was:
                self.bad(f"{name} was", "removed" if was else "made")
        for path, was in self.system.items():
            if looks(path) != was:
                self.bad(f"{path} is not as it was:", was, looks(path))
        if self.there is not None:
            for new in sorted(tree(self.root, self.own) - self.there)[:5]:
                self.bad("new outside the home:", new)
            for gone in sorted(self.there - tree(self.root, self.own))[:5]:
                self.bad("gone:", gone)
        for home in self.homes:
            if not self.is_changed and digest_of(home, self.is_store) != self.before[home]:
                now = digest_of(home, self.is_store)
                self.bad(f"{home} is not as before:", [t for t, rows in now[0] if (t, rows) not in self.before[home][0]], sorted(set(now[1]) ^ set(self.before[home][1]))[:3])
        print(f"{self.inputs} {self.kind}: {self.wrong} wrong; at most {self.longest:.2f} s, {self.peak} MiB")
        if os.environ.get("HOSTILE_COUNT"):
            with open(os.environ["HOSTILE_COUNT"], "a", encoding="utf-8") as counts:
                counts.write(f"{self.inputs}\t{self.wrong}\t{self.longest:.2f}\t{self.peak}\t{self.kind}\n")
        if self.wrong:
            sys.exit(1)
