#!/usr/bin/env python3
"""check_kill.py HOME OUT POINTS PROGRAM ARGUMENT... - kill -9 at any moment leaves before or after.

HOME is a home in the state before, OUT a folder the command writes to (it may be absent, "-" for none);
ARGUMENT... is the command, run as PROGRAM --home COPY --quiet ARGUMENT..., where @ stands for the copy
of OUT. The command is killed POINTS times while it works, after different delays that cover its run time,
half of them spread evenly, half of them around the moment when before becomes after. Each time: the database is sound, the
state is the one before or the one after, what stands under a final name is whole, and the same command,
run again, ends with status 0, the state after and no temporary file. With KILL_ONCE in the environment
it is run again only where the state is the one before (an undo run twice goes back two steps).
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from books import check_bundles, check_store, state, temporary

HOME, OUT, POINTS = sys.argv[1], sys.argv[2], int(sys.argv[3])
PROGRAM, ARGUMENTS = sys.argv[4], sys.argv[5:]


class Try:
    def __init__(self, folder, name):
        self.home, self.out = os.path.join(folder, name), os.path.join(folder, name + ".out")
        shutil.copytree(HOME, self.home)
        if OUT != "-" and os.path.isdir(OUT):
            shutil.copytree(OUT, self.out)
        self.command = [PROGRAM, "--home", self.home, "--quiet"] + [self.out if a == "@" else a for a in ARGUMENTS]

    def start(self):
        return subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run(self):
        child = self.start()
        said = child.communicate(timeout=120)[1]
        return child.returncode, said.decode(errors="replace")

    def state(self):
        return state(self.home)

    def check(self):
        check_store((self.home, self.out))
        check_bundles(self.out)

    def left_over(self):
        return temporary((self.home, self.out))

    def drop(self):
        shutil.rmtree(self.home)
        shutil.rmtree(self.out, ignore_errors=True)


def main():
    failures, killed, was_before, was_after = [], 0, 0, 0
    with tempfile.TemporaryDirectory(dir=".") as folder:
        before = Try(folder, "before").state()
        length = []
        for number in range(3):
            one = Try(folder, f"whole{number}")
            started = time.monotonic()
            status, said = one.run()
            length.append(time.monotonic() - started)
            assert status == 0, f"the command fails undisturbed: {said}"
            after = one.state()
            one.drop()
        assert before != after, "the command changes nothing"
        span = min(length)
        # The latest kill that left before and the earliest that left after, as they become known.
        low, high = 0.0, span
        number = 0
        while killed < POINTS and number < 4 * POINTS:
            number += 1
            if number % 2 == 0:
                delay = span * (number % POINTS + 0.5) / POINTS
            else:
                width = max(high - low, span / 20)
                delay = max(0.0, (low + high) / 2 + width * ((number * 0.6180339) % 1 - 0.5))
            one = Try(folder, str(number))
            what = f"killed after {delay * 1000:.2f} ms of {span * 1000:.0f}"
            try:
                child = one.start()
                time.sleep(delay)
                child.send_signal(signal.SIGKILL)
                child.communicate()
                if child.returncode == -signal.SIGKILL:
                    killed += 1
                    span *= 1.01
                else:  # faster than thought: the next kills come sooner
                    span, high = span * 0.96, min(high, delay)
                now = one.state()
                assert now in (before, after), f"neither before nor after: {[k for k in now if now[k] != before[k]]} differ from before, {[k for k in now if now[k] != after[k]]} from after"
                if now == before:
                    was_before += 1
                    low = max(low, min(delay, high))
                    if was_after == 0 and delay > 0.7 * high:  # slower than thought: the moment lies later
                        span, high = span * 1.4, high * 1.4
                else:
                    was_after += 1
                    high = min(high, max(delay, low))
                one.check()
                if now == after and os.environ.get("KILL_ONCE"):
                    one.drop()
                    continue
                status, said = one.run()
                assert status == 0, f"run again: exit {status}: {said}"
                if OUT == "-":
                    again = one.state()
                    again["history"] = after["history"]  # doing nothing may be a row there
                    assert again == after, "run again: not the state after"
                else:  # the books may hold a bundle more; what counts is that one can be carried
                    assert any(not f.endswith(".partial") for f in os.listdir(one.out)), "run again: status 0, but no bundle bears its name"
                one.check()
                left = one.left_over()
                assert not left, f"run again: {left} left over"
            except (AssertionError, subprocess.SubprocessError) as problem:
                failures.append(f"{what}: {problem}")
            one.drop()
    print(*failures[:20], sep="\n")
    print(f"{killed} kills of {number} over {span * 1000:.0f} ms: {was_before} left before, {was_after} left after; {len(failures)} wrong")
    if killed < POINTS or was_before == 0 or was_after == 0:
        print("too few kills met the command at work")
        sys.exit(1)
    sys.exit(1 if failures else 0)


main()
