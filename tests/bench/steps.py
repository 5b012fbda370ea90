"""steps.py - runs commands of the benchmark one after the other and keeps what each took."""
import collections
import json
import os
import statistics
import subprocess
import tempfile
import time

LIMIT_MIB = int(os.environ.get("BENCH_MIB", "256"))  # programs built with a sanitizer need more
Step = collections.namedtuple("Step", "who what round seconds flush cpu mib")


class Failure(Exception):
    """A command failed, or what it left behind is wrong: no figure of this run may be used."""


class Log:
    """All steps of a run, in a work folder."""

    def __init__(self, work, quiet=False):
        self.work, self.quiet, self.steps, self.round, self.problems = work, quiet, [], 0, []
        self.bytes = {}  # (who, what): bytes carried

    def path(self, *names):
        return os.path.join(self.work, *names)

    def say(self, text):
        if not self.quiet:
            print(text, flush=True)

    def run(self, who, what, *commands, cwd=None, env=None):
        """Times the commands together; afterwards, apart, how long the disk takes for what they left."""
        cpu = mib = 0
        started = time.monotonic()
        for command in commands:
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
                process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=cwd or self.work,
                                           env={**os.environ, **(env or {})})
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode != 0:
                    errors.seek(0)
                    raise Failure(f"{who}: {what} ended with {process.returncode}: {' '.join(map(str, command))}\n"
                                  + errors.read().decode(errors="replace")[-2000:])
                out.seek(0)
                text = out.read().decode()
            cpu += usage.ru_utime + usage.ru_stime
            mib = max(mib, usage.ru_maxrss // 1024)  # of the largest process
        seconds, started = time.monotonic() - started, time.monotonic()
        subprocess.run(["sync", "-f", self.work], check=True)
        flush = time.monotonic() - started
        self.steps.append(Step(who, what, self.round, seconds, flush, cpu, mib))
        self.say(f"  {who:<14} {what:<26} {seconds:8.2f} s   cpu {cpu:7.2f}   flush {flush:5.2f}   {mib:5d} MiB")
        return text

    def answer(self, who, what, *command, **more):
        return json.loads(self.run(who, what, list(command), **more))

    def invalid(self, why):
        self.say(f"  INVALID: {why}")
        self.problems.append(why)

    def demand(self, left, right, what):
        if left != right:
            self.invalid(f"{what}: {left} is not {right}")

    def of(self, who, what):
        return [s for s in self.steps if s.who == who and s.what == what]

    def median(self, who, what, flushed=False):
        seconds = [s.seconds + (s.flush if flushed else 0) for s in self.of(who, what)]
        return statistics.median(seconds) if seconds else None

    def pairs(self):
        return list(dict.fromkeys((s.who, s.what) for s in self.steps))


def tree_bytes(path):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(path) for f in files)


def same_bytes(a, b):
    return os.path.getsize(a) == os.path.getsize(b) and \
        subprocess.run(["cmp", "-s", a, b], check=False).returncode == 0


def missing_or_different(source, copy):
    """The files of `source` that `copy` has not got with the same bytes."""
    bad = []
    for folder, _, files in os.walk(source):
        for name in files:
            path = os.path.join(folder, name)
            other = os.path.join(copy, os.path.relpath(path, source))
            if not os.path.isfile(other) or not same_bytes(path, other):
                bad.append(os.path.relpath(path, source))
    return bad
