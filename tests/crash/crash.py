#!/usr/bin/env python3
"""crash.py BUILD [options] - SIGKILL at the Nth system call, and the power lost after the Nth: before or after.

  --kinds kill,power     which of the two (default both)
  --only NAME[,NAME]     these commands only (--list names them)
  --every N              every Nth call is a crash point (default 1); calls that sync or name always are
  --points N             so many of these, drawn by the seed, and the end
  --states N             states drawn by chance at each power loss, besides the five plain ones (default 4)
  --seed N               another seed, other states
  --defect NAME[,NAME]   leaves calls out of the log as if the program forgot them; then there must be failures
                         (DEFECTS below); "all": one after the other, the commands each of them concerns
  --resume FILE          keeps the rows of finished commands there when nothing is wrong, and goes on behind them

A tracer runs the command once and logs every call that changes a file (tracer.c). kill: the command is run again
for each of them and killed before it, and for each write once more after half of its bytes. power: disk.py builds
what the disk may hold. Each time judge.py looks, the command is run again, and judge.py looks again.
"""
import argparse
import collections
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import disk
from kept import Kept
from judge import PASSING, Judge, bundles, files, tree_digest

# What is forgotten: a line of the log, and whether it is left out. The commands that must show it.
DEFECTS = {
    "database never synced": (lambda w: w[0] == "sync" and "update-point.db" in w[2], "sync,import,receipt add"),
    "write-ahead log never synced": (lambda w: w[0] == "sync" and w[2].endswith("-wal"), "undo"),
    "store not synced before names": (lambda w: w[0] == "syncfs", "content add,import"),
    "volumes not synced": (lambda w: w[0] == "sync" and w[2].rsplit("/", 1)[1].startswith("SU0"), "export,repair,resend"),
    "small files not synced": (lambda w: w[0] == "sync" and ("/.tmp-" in w[2] or "/#" in w[2]), "export,sign,receipt,key generate"),
    "bundle's folder not synced": (lambda w: w[0] == "sync" and w[2].endswith(".partial"), "export,repair,resend"),
    "medium's folder not synced": (lambda w: w[0] == "sync" and w[2].endswith("/out"), "export,receipt,repair,resend"),
    "kept bundle not synced": (lambda w: w[0] == "sync" and "/home/sent/" in w[2], "export"),
    "folder of keys not synced": (lambda w: w[0] == "sync" and w[2].endswith("/keys"), "key generate"),
    "home not synced": (lambda w: w[0] == "sync" and w[2].endswith("/home"), "init"),
}


class Command:
    """One command on a home, with what it writes beside it in `out`."""

    def __init__(self, name, program, before, arguments, again="same", makes=()):
        self.name, self.program, self.before, self.arguments = name, program, before, arguments
        self.again = again  # same: again is status 0 and the same state; once: only while it is not done; more: again is one bundle more
        self.makes = makes  # names in `out` that are there once it has said yes
        self.log = self.data = self.was = self.now = None

    def argv(self, top):
        return [self.program, "--home", f"{top}/home", "--quiet", *(a.replace("@", f"{top}/out") for a in self.arguments)]


class Crashes:
    def __init__(self, build, work, options):
        self.build, self.work, self.options = build, work, options
        self.small = os.path.join(build, "samples")
        self.tracer = os.path.join(build, "tests/crash/tracer")
        self.judge = Judge(build, f"{work}/reader", f"{work}/hub-month")
        os.environ["SQLITE_TMPDIR"] = os.environ["TMPDIR"] = work
        self.commands, self.inodes = {}, {}
        self.proved = {}  # what was found good, by its bytes: from the same comes the same

    # The homes that the commands begin with.

    def folder(self, name, home=None, out=None):
        top = f"{self.work}/{name}"
        os.mkdir(top)
        if home:
            shutil.copytree(f"{self.work}/{home}", f"{top}/home")
        if out:
            shutil.copytree(f"{self.work}/{out}", f"{top}/out")
        return top

    def keep(self, name, home):
        shutil.copytree(f"{self.work}/{home}", f"{self.work}/{name}")

    def prepare(self):
        def hub(*arguments):
            return self.judge.demand("suexport", "--home", f"{w}/hub", "--quiet", *arguments)

        def site(*arguments):
            return self.judge.demand("suimport", "--home", f"{w}/site", "--quiet", *arguments)

        w = self.work
        shutil.copytree(f"{self.small}/m1/WsusContent", f"{w}/content1")
        shutil.copytree(f"{self.small}/m2/WsusContent", f"{w}/content2")
        hub("init")
        self.keep("hub-keyless", "hub")
        hub("key", "generate", "--name", "hub-test")
        hub("key", "generate", "--name", "reviewer", "--role", "reviewer")
        hub("site", "add", "ALPHA")
        site("init", "--site", "ALPHA")
        hub("key", "export", "--name", "hub-test", "--out", f"{w}/hub.pub")
        self.keep("site-new", "site")
        site("trust", "add", f"{w}/hub.pub")
        hub("site", "set", "ALPHA", "--key", f"{w}/site/keys/site.pub")
        self.keep("hub-sync", "hub")
        self.keep("site-import", "site")
        self.keep("reader", "site")
        hub("sync", "--from", f"{self.small}/m1/export.cab")
        self.keep("hub-content", "hub")
        hub("content", "add", f"{w}/content1")
        self.keep("hub-export", "hub")
        hub("export", "--site", "ALPHA", "--out", f"{w}/stick", "--volume-size", "1M", "--recovery", "60")
        self.keep("hub-month", "hub")
        site("import", f"{w}/stick")
        self.keep("site-delta", "site")
        site("receipt", "--out", f"{w}/ALPHA.receipt")
        shutil.copytree(f"{w}/stick", f"{w}/damaged")
        os.remove(f"{w}/damaged/SU-ALPHA-000001/SU000001.002")
        hub("sync", "--from", f"{self.small}/m2/export.cab")
        hub("content", "add", f"{w}/content2")
        hub("pin", "add", new_update(f"{w}/hub", f"{w}/hub-month"))
        self.keep("hub-later", "hub")
        hub("export", "--site", "ALPHA", "--out", f"{w}/urgent", "--urgent")
        hub("export", "--site", "ALPHA", "--out", f"{w}/stick2")
        site("import", f"{w}/stick2")
        self.keep("site-undo", "site")

    def list_commands(self):
        w, first = self.work, "SU-ALPHA-000001"
        made = [
            Command("init", "suexport", self.folder("c-init"), ["init"]),
            Command("init of a site", "suimport", self.folder("c-site"), ["init", "--site", "ALPHA"]),
            Command("key generate", "suexport", self.folder("c-key", "hub-keyless"), ["key", "generate", "--name", "k"], "once"),
            Command("sync", "suexport", self.folder("c-sync", "hub-sync"), ["sync", "--from", f"{self.small}/m1/export.cab"]),
            Command("sync of a month", "suexport", self.folder("c-month", "hub-month"), ["sync", "--from", f"{self.small}/m2/export.cab"]),
            Command("content add", "suexport", self.folder("c-content", "hub-content"), ["content", "add", f"{w}/content1"]),
            Command("export", "suexport", self.folder("c-export", "hub-export"), ["export", "--site", "ALPHA", "--out", "@", "--volume-size", "1M"], "more", [first]),
            Command("export with recovery", "suexport", self.folder("c-recovery", "hub-export"), ["export", "--site", "ALPHA", "--out", "@", "--volume-size", "2M", "--recovery", "50", "--read-back"], "more", [first]),
            Command("export to a pool", "suexport", self.folder("c-pool", "hub-export"), ["export", "--site", "ALPHA", "--out", "@", "--pool"], "more", [first]),
            Command("sign", "suexport", self.folder("c-sign", "hub-month", "stick"), ["sign", f"@/{first}", "--key", "reviewer", "--role", "reviewer"]),
            Command("resend", "suexport", self.folder("c-resend", "hub-month"), ["resend", "--site", "ALPHA", "--out", "@"], "once", [first]),
            Command("receipt add", "suexport", self.folder("c-acknowledge", "hub-month"), ["receipt", "add", f"{w}/ALPHA.receipt"]),
            Command("urgent export", "suexport", self.folder("c-urgent-export", "hub-later"), ["export", "--site", "ALPHA", "--out", "@", "--urgent"], "more", ["SU-ALPHA-U00001"]),
            Command("import", "suimport", self.folder("c-import", "site-import"), ["import", f"{w}/stick"]),
            Command("import of a month", "suimport", self.folder("c-delta", "site-delta"), ["import", f"{w}/stick2"]),
            Command("urgent import", "suimport", self.folder("c-urgent", "site-delta"), ["import", f"{w}/urgent"]),
            Command("undo", "suimport", self.folder("c-undo", "site-undo"), ["undo"], "once"),
            Command("repair", "suimport", self.folder("c-repair", "site-import"), ["repair", f"{w}/damaged", "--to", "@"], "once", [first]),
            Command("receipt", "suimport", self.folder("c-receipt", "site-delta", "damaged"), ["receipt", "--out", "@/ALPHA.receipt"], "once", ["ALPHA.receipt"]),
            Command("trust add", "suimport", self.folder("c-trust", "site-new"), ["trust", "add", f"{w}/hub.pub"]),
            Command("rebuild", "suimport", self.folder("c-rebuild", "site-undo"), ["rebuild"], "once"),
        ]
        os.remove(f"{w}/c-receipt/out/SU-ALPHA-000001/MANIFEST.TXT")
        shutil.rmtree(f"{w}/c-receipt/out/SU-ALPHA-000001")
        self.commands = {c.name: c for c in made}

    # A run that is logged.

    def trace(self, command, name, *options):
        top = f"{self.work}/{name}"
        shutil.copytree(command.before, top)
        self.inodes = {os.path.relpath(os.path.join(f, n), top): os.lstat(os.path.join(f, n)).st_ino for f, d, names in os.walk(top) for n in d + names}
        status, out, err = self.judge.run(self.tracer, *options, "--count", f"{top}.count", "--below", top, "--",
                                          os.path.join(self.build, command.program), *command.argv(top)[1:])
        return top, status, out + err

    def learn(self, command):
        """Its calls, the state before and after, what it wrote."""
        folder = "l-" + command.name.replace(" ", "-")
        top, status, said = self.trace(command, folder, "--log", f"{self.work}/{folder}.log")
        if status != 0:
            raise SystemExit(f"{command.name} fails undisturbed: {said}")
        with open(f"{self.work}/{folder}.log", encoding="utf-8", errors="surrogateescape") as file:
            command.log = file.read().splitlines()
        with open(f"{self.work}/{folder}.log.data", "rb") as file:
            command.data = file.read()
        with open(f"{top}.count", encoding="utf-8") as file:
            assert int(file.read()) == len(command.log) - 1, "the log has not every call"
        command.top, command.inodes = top, self.inodes
        command.now = self.judge.look(command.program, f"{top}/home")
        command.out = {n: tree_or_file(f"{top}/out/{n}") for n in command.makes}
        shutil.copytree(command.before, f"{top}.was")
        command.was = self.judge.look(command.program, f"{top}.was/home")

    # What must hold.

    def check(self, command, top, has_ended, is_logged):
        """The state at `top` after a crash, and the command run again there. Returns whether it is before or after."""
        known = command.name, has_ended, is_logged, everything(top)
        if known not in self.proved:
            self.proved[known] = self.check_new(command, top, has_ended, is_logged)
        return self.proved[known]

    def check_new(self, command, top, has_ended, is_logged):
        now = self.judge.look(command.program, f"{top}/home")
        if now not in (command.was, command.now):
            raise AssertionError("neither before nor after: " + differences(now, command.was) + " from before, " + differences(now, command.now) + " from after")
        if has_ended:
            assert now == command.now, "it had said yes, and its state is lost: " + differences(now, command.now)
        for name, want in command.out.items():
            there = os.path.lexists(f"{top}/out/{name}")
            assert there or not has_ended, f"it had said yes, and {name} is lost"
            assert not there or not is_logged or tree_or_file(f"{top}/out/{name}") == want, f"{name} is not what was written"
        self.judge.check_out(f"{top}/out", self.work)
        self.run_again(command, top, now)
        return now == command.was

    def run_again(self, command, top, now):
        done = all(os.path.lexists(f"{top}/out/{n}") for n in command.makes) if command.makes else now == command.now
        status, out, err = self.judge.run(*command.argv(top)) if command.again != "once" or not done else (0, "", "")
        assert status == 0, f"run again: exit {status}: {err or out}"
        then = self.judge.look(command.program, f"{top}/home")
        if command.again == "more":
            assert then and then["digest"] == command.now["digest"], "run again: another catalogue"
            assert bundles(f"{top}/out"), "run again: status 0, but no bundle bears its name"
        else:
            other = [k for k in then if then[k] != command.now[k] and k not in PASSING]
            assert not other, f"run again: not the state after: {other}"
            for name in command.makes:
                assert os.path.lexists(f"{top}/out/{name}"), f"run again: status 0, but no {name}"
        self.judge.check_out(f"{top}/out", self.work)
        left = files(top, lambda name: name.startswith(".tmp-")) + [f for f, _, _ in os.walk(top) if f.endswith(".partial")]
        assert not left, f"run again: {[os.path.relpath(f, top) for f in left]} left over"

    def kill(self, command, number, how):
        try:
            top, status, said = self.trace(command, f"k{os.getpid()}", "--kill", str(number), how)
            if status == 0:  # threads: this time there were fewer calls
                return None
            assert status == 137, f"exit {status}: {said}"
            return self.check(command, top, False, False)
        finally:
            shutil.rmtree(f"{self.work}/k{os.getpid()}")

    def power(self, command, state, chance, has_ended):
        top = f"{self.work}/p{os.getpid()}"
        disk.write(state, top, chance)
        try:
            return self.check(command, top, has_ended, True)
        finally:
            shutil.rmtree(top, ignore_errors=True)

    # Points.

    def points(self, command):
        """Numbers of the calls before which the machine may stop; one past the last: the command has ended."""
        every, want, last = self.options.every, ("sync", "syncfs", "rename", "link", "unlink"), len(command.log)
        points = [n for n in range(1, last) if n % every == 0 or command.log[n - 1].split("\t")[0] in want]
        if self.options.points and self.options.points < len(points):
            points = sorted(random.Random(f"{self.options.seed} {command.name}").sample(points, self.options.points))
        return points + [last]

    def do_kills(self, command, numbers):
        tally = Tally(command.name, "kill")
        for number in numbers:
            if number == len(command.log):
                continue  # it ends before
            for how in ("before", "half") if command.log[number - 1].startswith("write") else ("before",):
                tally.judge(f"killed {how} call {number} ({command.log[number - 1][-120:]})", lambda n=number, h=how: self.kill(command, n, h))
            tally.points += 1
        return tally

    def do_power(self, command, numbers, forgets):
        """The machine stops before call `number`, so all earlier ones are done; each state once."""
        tally, seen, wanted = Tally(command.name, "power"), set(), set(numbers)
        one = disk.Disk(command.before, command.data, command.top, command.inodes)
        for number, line in enumerate(command.log, 1):
            if number in wanted:
                chance = random.Random(f"{self.options.seed} {command.name} {number}")
                has_ended = line.startswith("end")
                for state in one.states(chance, self.options.states):
                    who = disk.identity(state) + bytes([has_ended])
                    if who not in seen:
                        seen.add(who)
                        tally.judge(f"power lost before call {number} ({line[-120:]})", lambda s=state, e=has_ended: self.power(command, s, chance, e))
                        if forgets and tally.wrong:
                            return tally
                tally.points += 1
            if not line.startswith(("end", "failed", "open")) and not (forgets and forgets(line.split("\t"))):
                one.do(line)
        return tally


def new_update(later, earlier):
    """An update with files that only the later hub knows."""
    connection = sqlite3.connect(f"file:{later}/update-point.db?mode=ro", uri=True)
    connection.execute("ATTACH ? AS earlier", (f"file:{earlier}/update-point.db?mode=ro",))
    row = connection.execute("SELECT update_id FROM v_file WHERE NOT is_licence AND update_id NOT IN (SELECT update_id FROM earlier.v_file) LIMIT 1").fetchone()
    connection.close()
    return row[0]


def everything(top):
    """Folders, names and bytes as one digest, but for the log and the numbers of processes."""
    whole = hashlib.blake2b()
    for folder, below, names in os.walk(top):
        below.sort()
        whole.update(f"\0{os.path.relpath(folder, top)}\0".encode())
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not folder.endswith("home/log") and not path.endswith("home/lock"):
                with open(path, "rb") as file:
                    read = file.read()
                name = re.sub(r"^\.tmp-\d+", ".tmp", name)
                whole.update(f"{name}\0{len(read)}\0".encode(errors="surrogateescape") + read)
    return whole.digest()


def tree_or_file(path):
    if os.path.isdir(path):
        return tree_digest(path)
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def differences(a, b):
    return "nothing there" if a is None or b is None else ",".join(k for k in a if a[k] != b[k])


class Tally:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.calls = self.points = self.states = self.before = self.missed = 0
        self.wrong = []

    def show(self):
        print(f"{self.name:22} {self.kind:6} {self.calls:6} {self.points:7} {self.states:7} {self.before:7} {self.states - self.before - len(self.wrong):7} {len(self.wrong):6}", flush=True)

    def judge(self, what, check):
        try:
            was_before = check()
            if was_before is None:
                self.missed += 1
                return
            self.before += was_before
        except Exception as problem:
            self.wrong.append(f"{self.name}, {what}: {type(problem).__name__}: {problem}")
        self.states += 1

    def add(self, other):
        self.points += other.points
        self.states += other.states
        self.before += other.before
        self.missed += other.missed
        self.wrong += other.wrong


CRASHES = None  # for the workers


def work_on(task):
    kind, name, numbers, defect = task
    command = CRASHES.commands[name]
    if kind == "kill":
        return CRASHES.do_kills(command, numbers)
    return CRASHES.do_power(command, numbers, DEFECTS[defect][0] if defect else None)


def key_of(kind, name):
    options = CRASHES.options
    return [kind, name, options.seed, options.every, options.points, options.states]


def run_all(pool, tasks, tells=True, kept=Kept(None)):
    sums, left = collections.OrderedDict(), collections.Counter()
    for kind, name, _, _ in tasks:
        sums.setdefault((kind, name), Tally(name, kind))
        left[kind, name] += 1
    if tells:
        print(f"{'command':22} {'':6} {'calls':>6} {'points':>7} {'states':>7} {'before':>7} {'after':>7} {'wrong':>6}", flush=True)
    for (kind, name), tally in sums.items():
        row = kept.find(key_of(kind, name))
        if row:
            tally.__dict__.update(row)
            tally.show()
    tasks = [task for task in tasks if not kept.find(key_of(*task[:2]))]
    for tally in pool.imap_unordered(work_on, tasks):
        one = tally.kind, tally.name
        sums[one].add(tally)
        left[one] -= 1
        for line in tally.wrong[:2] if tells else ():
            print("WRONG " + line[:600].replace(CRASHES.work, ""), flush=True)
        if left[one] == 0:
            sums[one].calls = len(CRASHES.commands[tally.name].log) - 1
            if not sums[one].wrong:
                kept.add(key_of(*one), vars(sums[one]))
            if tells:
                sums[one].show()
    return sums


def tasks_of(crashes, kinds, names, defect=None):
    tasks = []
    for kind in kinds:
        for name in names:
            points, size = crashes.points(crashes.commands[name]), 12 if kind == "kill" else 25
            tasks += [(kind, name, points[i:i + size], defect) for i in range(0, len(points), size)]
    return tasks


def plant(pool, defects):
    """Each defect must be found, at a command that it concerns."""
    found = lost = 0
    for name, names in defects.items():
        ends = [("power", n, [len(CRASHES.commands[n].log)], name) for n in names]
        seen = {n: len(t.wrong) for (_, n), t in run_all(pool, ends, False).items()}
        rest = tasks_of(CRASHES, ["power"], [n for n in names if not seen[n]], name)  # not lost at the end, then on the way
        seen.update((n, len(t.wrong)) for (_, n), t in run_all(pool, rest, False).items())
        print(f"planted: {name:32} " + ", ".join(f"{n} {count}" for n, count in seen.items()))
        found += all(seen.values())
        lost += not all(seen.values())
    return found, lost


def main():
    global CRASHES
    parser = argparse.ArgumentParser(add_help=False, usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--kinds", default="kill,power")
    parser.add_argument("--only")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--points", type=int)
    parser.add_argument("--states", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--defect")
    parser.add_argument("--resume")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    began = time.monotonic()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30 else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="su-crash-") as work:
        CRASHES = Crashes(os.path.abspath(options.build), work, options)
        CRASHES.prepare()
        CRASHES.list_commands()
        names = list(CRASHES.commands) if not options.only else options.only.split(",")
        if options.list:
            print(*names, sep="\n")
            return 0
        defects = {d: [n for n in DEFECTS[d][1].split(",") if not options.only or n in names]
                   for d in (DEFECTS if options.defect == "all" else (options.defect or "").split(",")) if d}
        for name in names if not defects else {n for concerned in defects.values() for n in concerned}:
            CRASHES.learn(CRASHES.commands[name])
        with multiprocessing.Pool(options.jobs) as pool:
            if defects:
                found, lost = plant(pool, defects)
                print(f"{found} defects found, {lost} missed")
                return lost > 0
            sums = run_all(pool, tasks_of(CRASHES, options.kinds.split(","), names), kept=Kept(options.resume))
        wrong = sum(len(t.wrong) for t in sums.values())
        passed = sum(t.states for t in sums.values()) - wrong
        for kind in options.kinds.split(","):
            of = [t for t in sums.values() if t.kind == kind]
            print(f"{kind}: {sum(t.calls for t in of)} calls, {sum(t.points for t in of)} points, {sum(t.states for t in of)} states, {sum(len(t.wrong) for t in of)} wrong")
        print(f"seed {options.seed}, {time.monotonic() - began:.0f} s: {passed} passed, {wrong} failed")
        return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
