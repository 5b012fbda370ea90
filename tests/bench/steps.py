"""steps.py - runs commands of the benchmark one after the other and keeps what each took."""
import collections
import json
import os
import statistics
import subprocess
import tempfile
import time

LIMIT_MIB = int(os.environ.get("BENCH_MIB", "256"))  # programs built with a sanitizer need more


class Step(collections.namedtuple("Step", "who what round seconds flush user kernel mib")):
    @property
    def cpu(self):
        return self.user + self.kernel



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

    def run(self, who, what, *commands, reads=(), cwd=None, env=None):
        """Times the commands together; afterwards, apart, how long the disk takes for what they left.
        `reads`: what the step reads, files and folders; read once before, so that every step starts warm."""
        cwd = cwd or self.work
        for path in reads:
            warm(os.path.join(cwd, path))
        user = kernel = mib = 0
        started = time.monotonic()
        for command in commands:
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
                process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=cwd,
                                           env={**os.environ, **(env or {})})
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode != 0:
                    errors.seek(0)
                    raise Failure(f"{who}: {what} ended with {process.returncode}: {' '.join(map(str, command))}\n"
                                  + errors.read().decode(errors="replace")[-2000:])
                out.seek(0)
                text = out.read().decode()
            user += usage.ru_utime
            kernel += usage.ru_stime
            mib = max(mib, usage.ru_maxrss // 1024)  # of the largest process
        seconds, started = time.monotonic() - started, time.monotonic()
        subprocess.run(["sync", "-f", self.work], check=True)
        flush = time.monotonic() - started
        self.steps.append(Step(who, what, self.round, seconds, flush, user, kernel, mib))
        self.say(f"  {who:<14} {what:<26} {seconds:8.2f} s   cpu {user:6.2f} +{kernel:6.2f}   flush {flush:5.2f}   {mib:5d} MiB")
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


def package_of(folder):
    """What the server exported: a cabinet, or for what no cabinet can hold compressed XML."""
    cabinet = os.path.join(folder, "export.cab")
    return cabinet if os.path.exists(cabinet) else os.path.join(folder, "export.xml.gz")


def files_below(path):
    return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]


def tree_bytes(path):
    return sum(os.path.getsize(file) for file in files_below(path))


def warm(path):
    """Into the page cache: what its maker wrote past it, and what was pushed out since."""
    piece = bytearray(1 << 20)
    for file in files_below(path) if os.path.isdir(path) else [path]:
        with open(file, "rb", buffering=0) as reader:
            while reader.readinto(piece):
                pass


def same_bytes(a, b):
    return os.path.getsize(a) == os.path.getsize(b) and \
        subprocess.run(["cmp", "-s", a, b], check=False).returncode == 0


def missing_or_different(source, copy):
    """The files of `source` that `copy` has not got with the same bytes."""
    names = [os.path.relpath(file, source) for file in files_below(source)]
    return [name for name in names if not os.path.isfile(os.path.join(copy, name)) or
            not same_bytes(os.path.join(source, name), os.path.join(copy, name))]
