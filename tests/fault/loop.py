#!/usr/bin/env python3
"""loop.py BUILD [--short] [--only COMMAND,...] [--calls KIND,...] [--share N] [--depth N] [--sanitizer] [--details FILE] [--resume FILE]
- fails the Nth call of a kind, N = 1, 2, 3 ... until the command succeeds, once and from then on.

After each: the status is that of a refusal, with a message of the program, or 0 when what was asked for is true;
database, store and bundles are sound, and before or after; the failure does not claim what is not so; no temporary
file is left over where removing works; the same command without a fault completes and leads to the state after.

Memory is asked for tens of thousands of times: there the first and the last call of each distinct stack is failed,
--depth (8) callers deep, and 200 spread evenly. --share N takes about N points of each command instead of all.
With --sanitizer BUILD is one of the address sanitizer, and its reports and leaks are findings. --resume FILE keeps
the rows that are finished and have nothing wrong, and goes on behind them.
"""
import argparse
import collections
import ctypes
import hashlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from cases import prepare  # noqa: E402 -- below tests
from inject import BOTH, DATABASE, FILES, KINDS, Plan  # noqa: E402 -- below tests
from kept import Kept  # noqa: E402 -- below tests

CALLS = {  # name: kinds, on which files, errno, short
    "malloc": (("malloc",), FILES, "ENOMEM", False),
    "open": (("open",), FILES, "EMFILE", False),
    "read": (("read",), FILES, "EIO", False),
    "read short": (("read",), FILES, "EIO", True),
    "write": (("write",), FILES, "ENOSPC", False),
    "write error": (("write",), FILES, "EIO", False),
    "write short": (("write",), FILES, "EIO", True),
    "sync": (("sync",), FILES, "EIO", False),
    "rename": (("rename",), FILES, "EIO", False),
    "close": (("close",), FILES, "EIO", False),
    "unlink": (("unlink",), FILES, "EACCES", False),
    "truncate": (("truncate",), FILES, "ENOSPC", False),
    "mkdir": (("mkdir",), FILES, "ENOSPC", False),
    "stat": (("stat",), FILES, "EIO", False),
    "list": (("list",), FILES, "EIO", False),
    "lock": (("lock",), FILES, "ENOLCK", False),
    "write behind": (("behind",), FILES, "EIO", False),
    "start": (("start", "mmap"), FILES, "EAGAIN", False),
    "answer": (("out",), FILES, "EIO", False),
    "db read": (("read",), DATABASE, "EIO", False),
    "db read short": (("read",), DATABASE, "EIO", True),
    "db write": (("write", "truncate"), DATABASE, "ENOSPC", False),
    "db write short": (("write",), DATABASE, "EIO", True),
    "db sync": (("sync",), DATABASE, "EIO", False),
    "db other": (("open", "mmap", "unlink", "close", "lock", "stat"), DATABASE, "EIO", False),
    "db any": (("open", "read", "write", "sync", "unlink", "close", "mmap", "truncate", "stat", "lock"), DATABASE, "EIO", False),
    "everything": (KINDS[1:], BOTH, "EIO", False),
}
UNCHANGED = ("Nothing was written.", "The catalogue is unchanged.", "The catalogue is as it was.", "No signature was added.",
             "books are as they were", "Nothing was imported.")
SHORT = {  # what --short takes, a few points of each: where something was found, and the gate
    "init again": ("db other",),
    "sync": ("malloc", "db write"),
    "content add": ("open",),
    "export": ("write", "sync", "rename"),
    "verify damaged": ("malloc", "start"),
    "import": ("open", "write", "write error", "everything"),
    "import untrusted": ("malloc",),
    "repair": ("sync", "stat"),
    "sign": ("sync",),
    "undo": ("db sync",),
}
VERDICTS = {3, 4, 5, 10, 11}  # about the bundle, or the input. No fault of this machine is one, but what cannot be read of
MAY_JUDGE = {"read", "stat", "list", "db read", "db other", "db any", "everything"}  # it is damaged, and a database too
CANNOT_REMOVE = {"unlink", "everything"}  # so it stays until the next run
CANNOT_LOOK = {"malloc", "open", "stat", "list"}  # from then on: a folder that cannot be listed cannot be emptied
MUST_FAIL = {"write", "write error", "sync", "truncate"}  # nothing of it is optional but the log
FROM_THEN_ON = {"everything", "db any"}  # once each is one of the others
SANITIZER = re.compile(r"Sanitizer|runtime error:")
GAVE_UP = "Fatal Internal Error in libarchive: "  # it ends the process, which is like a kill
CRASHES = "libarchive."  # its reader of cabinets does not look at what it allocates; in a child that is told as an attack
STATE = {}  # of a worker


class Wrong(Exception):
    pass


def disturbed(case, work, jobs, plan_path=None):
    environment = dict(os.environ, TMPDIR=os.path.join(work, "tmp"))
    os.makedirs(environment["TMPDIR"], exist_ok=True)
    if plan_path:
        environment.update(LD_PRELOAD=STATE["library"], SU_FAULT=plan_path, SU_FAULT_CLOCK=STATE["now"])
    command = [case.program, "--home", "home", "--quiet", "--jobs", str(jobs), "--operator", "tester", *case.arguments]
    try:
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        raise Wrong("it hangs") from None
    return done.returncode, done.stderr.decode(errors="replace")


def bytes_of(work):
    """Everything a rerun could see, as one digest; the log apart."""
    digest = hashlib.blake2b()
    for top in ("home", "out"):
        for folder, _, files in sorted(os.walk(os.path.join(work, top))):
            if folder.endswith("home/log"):
                continue
            digest.update(f"{os.path.relpath(folder, work)}\0".encode())
            for name in sorted(files):
                if name != "lock":
                    with open(os.path.join(folder, name), "rb") as file:
                        name = re.sub(r"^\.tmp-\d+", ".tmp", name)  # the number of the process
                        digest.update(f"{name}\0".encode() + hashlib.blake2b(file.read()).digest())
    return digest.hexdigest()


def left_over(work):
    return [os.path.join(folder, name) for folder, folders, files in os.walk(work) for name in folders + files
            if name.startswith((".tmp-", "etilqs_")) or name.endswith((".partial", "-journal"))]


def check_message(case, status, said):
    if status < 0 or status in (97, 99) or status > 11:
        raise Wrong(f"status {status}: {said[-1500:]}")
    if SANITIZER.search(said):
        raise Wrong(f"a report: {said[-2000:]}")
    if status == 0:
        return
    program = os.path.basename(case.program)
    if status == 1 and GAVE_UP in said:
        return
    if not re.search(rf"^{program}: \d+ .+\n  do: .+", said, re.M) and f"{program}: the answer could not be written" not in said:
        raise Wrong(f"status {status} without a message: {said}")


def check_truth(case, call, status, said, now, hits):
    before, after = STATE["before"], STATE["after"]
    allowed = [before, after] + ([(after[0], [])] if case.makes_bundle else [])
    if case.writes_first:
        allowed.append((before[0], after[1]))
    if case.is_piecemeal and status == 3 and "they were left out, the others are adopted" in said:
        allowed.append(now)
    if now not in allowed:
        raise Wrong(f"neither before nor after: {difference(now, before)} from before, {difference(now, after)} from after: status {status}: {said}")
    if status == 0 and (case.status != 0 or now != after):
        raise Wrong(f"status 0, and what was asked for is not so: {said}")
    is_sqlite = case.name == "init" and call == "sync"  # it does not mind when its folder is not synced
    if status == 0 and call in MUST_FAIL and hits and not is_sqlite and "the log could not be written" not in said:
        raise Wrong("a failure to write or to sync passed for none")
    is_crash_of_library = call == "malloc" and status == 3 and STATE["plan"].crashed_in().startswith(CRASHES)
    if status in VERDICTS and status != case.status and call not in MAY_JUDGE and not is_crash_of_library:
        raise Wrong(f"a fault of the machine is told as one of the bundle: {said}")
    if now != before and any(words in said for words in UNCHANGED):
        raise Wrong(f"something changed, and it says: {said}")
    if CALLS[call][3] and status != case.status:
        raise Wrong(f"a short transfer is no failure: {said}")


def difference(now, then):
    books = [name for name in now[0] or {} if now[0][name] != (then[0] or {}).get(name)]
    return books + (["files"] if now[1] != then[1] else [])


def check_rerun(case, work, status, said, now):
    """From the same bytes it ends the same; so once for each."""
    if now == STATE["after"] and case.is_once:
        return
    mark = os.path.join(STATE["seen"], f"{case.name} {bytes_of(work)}")
    if os.path.exists(mark):
        return
    again, words = disturbed(case, work, 1)
    check_message(case, again, words)
    then = case.outcome(work, STATE["scratch"])
    if again != case.status:
        raise Wrong(f"run again: status {again}: {words} after: {said}")
    if case.makes_bundle:
        if not then[1]:
            raise Wrong("run again: status 0, but no bundle bears its name")
    elif then != STATE["after"]:
        after = STATE["after"]
        wrong = [what for what in difference(then, after) if what != "history"]  # doing nothing may be a row there
        if wrong:
            raise Wrong(f"run again: {wrong} are not as after: status {status}: {said}")
    left = left_over(work)
    if left:
        raise Wrong(f"run again: {left} left over")
    open(mark, "wb").close()


def point(task):
    """One fault; answers how it ended, what was said, what is wrong."""
    name, call, at, is_on, jobs = task
    case, plan, work = STATE["cases"][name], STATE["plan"], STATE["work"]
    kinds, where, error, is_short = CALLS[call]
    if STATE["case"] != name:
        begin_case(case)
    case.fresh(STATE["made"], work)
    plan.set(kinds, where, at, is_on, error, is_short)
    status = said = None
    try:
        status, said = disturbed(case, work, jobs, plan.path)
        _, hits, _ = plan.counted()
        stack = plan.stack()
        check_message(case, status, said)
        now = case.outcome(work, STATE["scratch"])
        check_truth(case, call, status, said, now, hits)
        if hits == 0 and status != case.status:
            raise Wrong(f"status {status} without a fault: {said}")
        left = left_over(work)
        if left and call not in CANNOT_REMOVE and not (is_on and call in CANNOT_LOOK):
            raise Wrong(f"left over: {left} after: {said}")
        if case.writes_first and call in CANNOT_REMOVE:
            for path in left:
                os.remove(path)  # as the next run would demand: nothing foreign may lie beside a bundle
        check_rerun(case, work, status, said, now)
    except (Wrong, AssertionError, subprocess.SubprocessError) as problem:
        return task, plan.counted()[1] > 0, status, said, plan.stack(), str(problem) or repr(problem)
    return task, hits > 0, status, said, stack, None


def begin_case(case):
    """What before and after are, from an undisturbed run."""
    work, scratch = STATE["work"], STATE["scratch"]
    case.fresh(STATE["made"], work)
    STATE["before"] = case.outcome(work, scratch)
    status, said = disturbed(case, work, 1)
    assert status == case.status, f"{case.name} fails undisturbed: {status}: {said}"
    STATE["after"] = case.outcome(work, scratch)
    STATE["case"] = case.name


ADDR_NO_RANDOMIZE = 0x0040000


def begin_worker(cases, made, folder, library):
    ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)  # so that stacks can be told apart; children have it from us
    work = tempfile.mkdtemp(dir=folder)
    seen = os.path.join(folder, "seen")  # of all workers
    os.makedirs(seen, exist_ok=True)
    STATE.update(seen=seen, cases={case.name: case for case in cases}, made=made, now=str(int(time.time())), library=library, plan=Plan(os.path.join(work, "plan")),
                 work=os.path.join(work, "work"), scratch=os.path.join(work, "scratch"), case=None)


def count(case, call, jobs, depth):
    """How often it is called, and the first and last call of each distinct stack."""
    kinds, where, error, is_short = CALLS[call]
    case.fresh(STATE["made"], STATE["work"])
    STATE["plan"].set(kinds, where, 0, stacks=depth)
    status, said = disturbed(case, STATE["work"], jobs, STATE["plan"].path)
    assert status == case.status, f"{case.name} fails when only counted: {status}: {said}"
    first, last = {}, {}
    for number, stack in enumerate(STATE["plan"].stacks() if depth else (), 1):
        first.setdefault(stack, number)
        last[stack] = number
    return STATE["plan"].counted()[0], first, last


def spread(numbers, most):
    numbers = sorted(numbers)
    return numbers if len(numbers) <= most else [numbers[i * len(numbers) // most] for i in range(most)]


def points(case, call, options, share):
    """The tasks of a command and a kind of call, how many calls there are and how many stacks."""
    depth = options.depth if call == "malloc" else 0
    total, first, last = count(case, call, 1, depth)
    if call == "malloc" and total > 3000:
        even = range(1, total + 1, max(1, total // 200))
        once = sorted({*first.values(), *last.values(), *even})
        on = spread(first.values(), 400)
    else:
        once = on = list(range(1, total + 3))  # the last ones meet nothing
    if share:
        once, on = spread(once, share), spread(on, max(1, share // 3))
    tasks = [(case.name, call, at, False, 1 if call == "malloc" else 2) for at in once] if call not in FROM_THEN_ON else []
    return tasks + [(case.name, call, at, True, 1 if call == "malloc" else 2) for at in on], total, len(first)


def compile_library(folder):
    library = os.path.join(folder, "inject.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject.c")
    subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-fPIC", "-ftls-model=initial-exec", "-shared", "-o", library, source, "-ldl"], check=True)
    return library


def show_sums(by_command):
    print("each command, all its kinds of call")
    for name, seen in by_command.items():
        print(f"{name:<17}{'':<16}{seen['calls']:>7}{'':>7}{seen['tried']:>7}{seen['refused']:>9}{seen['completed']:>10}{seen['wrong']:>7}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--short", action="store_true", help="a few points of some commands, for make check")
    parser.add_argument("--only")
    parser.add_argument("--calls")
    parser.add_argument("--share", type=int, default=0)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sanitizer", action="store_true")
    parser.add_argument("--details")
    parser.add_argument("--resume")
    parser.add_argument("--at", type=int, help="only this call: who made it, and what is said")
    parser.add_argument("--on", action="store_true", help="with --at: and all after it")
    options = parser.parse_args()
    options.share = options.share or (5 if options.short else 0)
    if options.sanitizer:
        os.environ["ASAN_OPTIONS"] = "verify_asan_link_order=0:detect_leaks=1:exitcode=99:allocator_may_return_null=1"
        os.environ["UBSAN_OPTIONS"] = "exitcode=99"
    memory = "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30 else None
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory, prefix="su-fault-") as folder:
        made = os.path.join(folder, "made")
        os.mkdir(made)
        cases = prepare(os.path.abspath(options.build), made)
        library = compile_library(folder)
        begin_worker(cases, made, folder, library)
        pool = multiprocessing.Pool(options.jobs, begin_worker, (cases, made, folder, library))
        details = collections.Counter()
        total_of = collections.Counter()
        by_command = collections.defaultdict(collections.Counter)
        kept = Kept(options.resume)
        print(f"{'command':<17}{'call':<16}{'calls':>7}{'stacks':>7}{'tried':>7}{'refused':>9}{'completed':>10}{'wrong':>7}", flush=True)
        for case in cases:
            if options.only and case.name not in options.only.split(","):
                continue
            for call in SHORT.get(case.name, ()) if options.short else CALLS:
                if options.calls and call not in options.calls.split(","):
                    continue
                if options.at:
                    os.environ["SU_FAULT_SHOW"] = "1"
                    _, _, status, said, _, wrong = point((case.name, call, options.at, options.on, 1 if call == "malloc" else 2))
                    print(f"status {status}\n{said}\n{wrong or 'as it should be'}")
                    continue
                key = [case.name, call, options.share, options.depth, options.sanitizer]
                row = kept.find(key)
                if row:
                    total, stacks, seen, tasks = *row[:2], collections.Counter(row[2]), []
                else:
                    tasks, total, stacks = points(case, call, options, options.share)
                    seen = collections.Counter()
                shown = 0
                for task, was_hit, status, said, _, wrong in pool.imap_unordered(point, tasks, chunksize=8):
                    if wrong:
                        seen["wrong"] += 1
                        if shown < 10:
                            print(f"WRONG {case.name}, {call}, call {task[2]}{' and on' if task[3] else ''}: {wrong}", flush=True)
                        shown += 1
                    seen["tried" if was_hit else "none"] += 1
                    if was_hit:
                        seen["refused" if status else "completed"] += 1
                        words = re.search(r"^su[a-z]+: \d+ .*", said or "", re.M) or re.search(".*", said or "")
                        first = re.sub(r"[0-9a-f]{16,}|(?<!: )\b\d+", "#", words[0])[:200]
                        details[case.name, call, status, first] += 1
                if not row and not seen["wrong"]:
                    kept.add(key, [total, stacks, seen])
                total_of.update(seen)
                by_command[case.name].update(seen, calls=total)
                print(f"{case.name:<17}{call:<16}{total:>7}{stacks or '':>7}{seen['tried']:>7}{seen['refused']:>9}{seen['completed']:>10}{seen['wrong']:>7}", flush=True)
        pool.close()
        pool.join()
        if options.details:
            with open(options.details, "w") as file:
                for (name, call, status, said), number in sorted(details.items(), key=str):
                    file.write(f"{name}\t{call}\t{status}\t{number}\t{said}\n")
        if not options.short:
            show_sums(by_command)
    failed = total_of["wrong"]
    passed = total_of["tried"] + total_of["none"] - failed
    print(f"{total_of['tried']} faults: {total_of['refused']} refused, {total_of['completed']} completed, {total_of['wrong']} wrong; {total_of['none']} runs met none; "
          f"{time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
