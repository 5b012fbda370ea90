#!/usr/bin/env python3
"""mutate.py BUILD WORK [N=200] [SEED=1] [MINUTES=60] [FILES=pattern,...] [KEYS=key,...] - would a test notice?

Takes N mutants (operators.py) of the verification and import modules, drawn by SEED, compiles each alone, links the programs
with it and runs the tests that run its line, the likeliest and fastest first, until one fails: the mutant is killed. What
no test notices has survived: a test is missing, or tests/mutants/survivors.tsv says why none can be.

BUILD is a plain build of the same sources, made with the flags in the environment (CC, FLAGS, LIBS: see the Makefile).
WORK holds `cov/ran`, what each test runs (tests/coverage/run.sh), and keeps results.jsonl, so that another run goes on
where this one ended; a mutant whose file, line or tests have changed since is tried again only with KEYS.
"""
import collections
import fnmatch
import glob
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from operators import mutants

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULES = ["common/trust/*.c", "common/bundle/manifest_parse.c", "common/bundle/volume_read.c", "common/bundle/frame_read.c",
           "common/bundle/damage.c", "common/site/*.c", "common/receipt/*.c", "common/lib/sign.c", "common/lib/cms.c", "common/lib/mac.c"]
SLOW = 40      # seconds: a test that takes longer alone is not asked
PATIENCE = 60  # seconds of tests for one mutant; what is left over is told
# Leaks and closed descriptors are the sanitizers' and the fault loops' to see, not these tests'.
CLEANING = re.compile(r"^\s*(\(void\))?(free|close|su_\w*cleanup|OPENSSL_\w+|BIO_free|EVP_\w+_free|X509\w*_free|explicit_bzero)\b")


class Tests:
    """Which tests run a line, how long each takes alone, whether it passes at all."""

    def __init__(self, build, work, files):
        self.build, self.work = build, work
        self.baseline_path = os.path.join(work, "baseline.json")
        self.baseline = json.load(open(self.baseline_path)) if os.path.exists(self.baseline_path) else {}
        self.kills = collections.Counter()
        self.by_line = self.load_map(files)

    def load_map(self, files):
        ran, cov = os.path.join(self.work, "cov", "ran"), os.path.join(self.work, "cov")
        stamp = hashlib.sha256("".join(sorted(files) + [str(os.path.getmtime(ran))] + sorted(os.listdir(ran))).encode()).hexdigest()[:12]
        kept = os.path.join(self.work, f"map-{stamp}.json")
        if os.path.exists(kept):
            return json.load(open(kept))
        found = {}
        for test in sorted(os.listdir(ran)):
            with tempfile.TemporaryDirectory() as folder:
                names = []
                for file in files:
                    counters = f"{ran}/{test}{cov}/{file[:-2]}.gcda"
                    if not os.path.exists(counters):
                        continue
                    flat = file[:-2].replace("/", "#")
                    os.symlink(counters, f"{folder}/{flat}.gcda")
                    os.symlink(f"{cov}/{file[:-2]}.gcno", f"{folder}/{flat}.gcno")
                    names.append(f"{flat}.gcda")
                if not names:
                    continue
                text = subprocess.run(["gcov", "--json-format", "--stdout", *names], cwd=folder, capture_output=True, text=True).stdout
                for line in text.splitlines():
                    for file in json.loads(line)["files"] if line.startswith("{") else []:
                        if file["file"] in files:
                            lines = found.setdefault(file["file"], {})
                            for at in file["lines"]:
                                if at["count"]:
                                    lines.setdefault(str(at["line_number"]), []).append(test)
        json.dump(found, open(kept, "w"))
        return found

    def of(self, mutant, line_count):
        """Tests of the mutant's line: a statement over several lines is counted at its first."""
        lines = self.by_line.get(mutant.file, {})
        for line in range(mutant.line, max(mutant.line - 12, 0), -1):
            if str(line) in lines:
                return lines[str(line)]
        return []

    def run(self, test, build, limit):
        """0 passed, 1 failed, 2 took too long."""
        environment = dict(os.environ, BUILD=build, JOBS="1", SU_UNCONFINED="")
        if test.startswith("test_") and "." not in test:
            command = [f"{build}/tests/unit/{test}"]
        else:
            command = [f"{TOP}/tests/run", test]
        with tempfile.TemporaryDirectory(prefix="su-mutant.") as folder:
            environment["TMPDIR"] = folder
            child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     stdin=subprocess.DEVNULL, start_new_session=True)
            try:
                return 1 if child.wait(limit) else 0
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    pass
                return 2
            finally:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                child.wait()

    def seconds(self, test):
        """Alone and unchanged; None: it fails or is too slow."""
        if test not in self.baseline:
            start = time.time()
            passed = self.run(test, self.build, SLOW) == 0
            self.baseline[test] = round(time.time() - start, 2) if passed else None
            json.dump(self.baseline, open(self.baseline_path, "w"))
        return self.baseline[test]

    def ordered(self, mutant, names):
        """The likeliest and fastest first; one that was never timed is guessed."""
        known = [(self.baseline.get(name, 4 if "." in name else 1), name) for name in names]
        return [name for _, name in sorted((s / (1 + 8 * self.kills[(mutant.file, n)]), n) for s, n in known if s is not None)]


class Trial:
    """Compiles a mutant, links what it needs, asks the tests."""

    def __init__(self, build, work):
        self.build = build
        self.here = os.path.join(work, "trial")
        shutil.rmtree(self.here, ignore_errors=True)
        os.makedirs(f"{self.here}/tests/unit")
        os.symlink(f"{build}/samples", f"{self.here}/samples")
        if os.path.exists(f"{build}/limit"):
            os.symlink(f"{build}/limit", f"{self.here}/limit")
        self.cc, self.flags, self.libs = os.environ["CC"], os.environ["FLAGS"].split(), os.environ["LIBS"].split()
        self.plain = {}

    def compile(self, text, name, out):
        folder = os.path.join(self.here, "source")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, os.path.basename(name))
        open(path, "w").write(text)
        done = subprocess.run([self.cc, *self.flags, "-w", "-c", path, "-o", out], cwd=TOP, capture_output=True)
        return done.returncode == 0

    def object_of(self, name):
        if name not in self.plain:
            out = f"{self.here}/plain.o"
            assert self.compile(open(f"{TOP}/{name}").read(), name, out), name
            self.plain[name] = open(out, "rb").read()
        return self.plain[name]

    def link(self, out, objects, more=()):
        subprocess.run([self.cc, "-pie", "-o", out, f"{self.here}/mutant.o", *objects, f"{self.build}/libsu.a", *self.libs, *more], check=True,
                       cwd=TOP, capture_output=True)

    def try_one(self, mutant, tests):
        if not self.compile(mutant.text, mutant.file, f"{self.here}/mutant.o"):
            return "does not compile", None, 0
        if open(f"{self.here}/mutant.o", "rb").read() == self.object_of(mutant.file):
            return "equivalent", None, 0
        names = tests.ordered(mutant, tests.of(mutant, 0))
        if not names:
            return "not run", None, 0
        for unit in glob.glob(f"{self.here}/tests/unit/*"):
            os.unlink(unit)
        is_linked = False
        spent, tried = 0.0, 0
        for name in names:
            if spent > PATIENCE:
                return "survived", f"{tried} of {len(names)} tests", tried
            if tests.seconds(name) is None:
                continue
            if "." not in name:
                if not os.path.exists(f"{self.here}/{name}.o"):  # make does not keep it
                    subprocess.run([self.cc, *self.flags, "-w", "-c", f"tests/unit/{name}.c", "-o", f"{self.here}/{name}.o"], check=True, cwd=TOP)
                self.link(f"{self.here}/tests/unit/{name}", [f"{self.here}/{name}.o"], ["-lcmocka"])
            elif not is_linked:
                for program in ("suexport", "suimport"):
                    self.link(f"{self.here}/{program}", sorted(glob.glob(f"{self.build}/tools/{program}/*.o") + glob.glob(f"{self.build}/tools/cli/*.o")))
                is_linked = True
            limit = 30 + 8 * tests.seconds(name)
            got = tests.run(name, self.here, limit)
            spent += tests.seconds(name)
            tried += 1
            if got:
                tests.kills[(mutant.file, name)] += 1
                return "killed" if got == 1 else "timed out", name, tried
        return "survived", f"all {tried} tests", tried


def chosen(options):
    files = sorted(f for pattern in MODULES for f in glob.glob(pattern, root_dir=TOP))
    if "FILES" in options:
        files = [f for f in files if any(fnmatch.fnmatch(f, p) for p in options["FILES"].split(","))]
    every = [m for f in files for m in mutants(os.path.join(TOP, f), f)]
    every = [m for m in every if not (m.operator == "dropped" and CLEANING.match(m.before))]
    if "KEYS" in options:
        return files, [m for m in every if m.key in options["KEYS"].split(",")], len(every)
    every.sort(key=lambda m: m.key)
    random.Random(int(options.get("SEED", 1))).shuffle(every)
    return files, every[:int(options.get("N", 200))], len(every)


def main():
    build, work = (os.path.abspath(a) for a in sys.argv[1:3])
    options = dict(a.split("=", 1) for a in sys.argv[3:])
    files, wanted, of = chosen(options)
    path = os.path.join(work, "results.jsonl")
    known = {r["key"]: r for r in map(json.loads, open(path))} if os.path.exists(path) else {}
    tests, trial = Tests(build, work, files), Trial(build, work)
    for result in known.values():
        if result["result"] in ("killed", "timed out"):
            tests.kills[(result["file"], result["test"])] += 1
    end = time.time() + 60 * float(options.get("MINUTES", 60))
    with open(path, "a") as out:
        for mutant in wanted:
            if mutant.key in known and "KEYS" not in options:
                continue
            if time.time() > end:
                break
            start = time.time()
            result, test, tried = trial.try_one(mutant, tests)
            row = dict(key=mutant.key, file=mutant.file, function=mutant.function, line=mutant.line, operator=mutant.operator, before=mutant.before,
                       after=mutant.after, result=result, test=test, tried=tried, seconds=round(time.time() - start, 1))
            known[mutant.key] = row
            out.write(json.dumps(row) + "\n")
            out.flush()
            if result in ("survived", "not run"):
                print(f"{result}: {mutant.key} {mutant.file}:{mutant.line} {mutant.function}: {mutant.operator}: {mutant.before!r} -> {mutant.after!r} ({test})", flush=True)
    shutil.rmtree(trial.here, ignore_errors=True)
    sys.exit(report([known[m.key] for m in wanted if m.key in known], len(wanted), of))


def report(results, wanted, of):
    explained = {}
    for line in open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "survivors.tsv")):
        if not line.startswith("#") and line.strip():
            key, reason = line.rstrip("\n").split("\t")[:2]
            explained[key] = reason
    table = collections.defaultdict(collections.Counter)
    for r in results:
        what = r["result"]
        if what in ("survived", "not run"):
            what = "explained" if r["key"] in explained else what
        table[os.path.dirname(r["file"])][what] += 1
    kinds = ["does not compile", "equivalent", "killed", "timed out", "explained", "survived", "not run"]
    print(f"{'module':16}", *[f"{k:>16}" for k in ["tried"] + kinds])
    total = collections.Counter()
    for module, row in sorted(table.items()):
        total += row
        print(f"{module:16} {sum(row.values()):16}", *[f"{row[k]:16}" for k in kinds])
    print(f"{'all':16} {sum(total.values()):16}", *[f"{total[k]:16}" for k in kinds])
    bad = total["survived"] + total["not run"]
    meaning = sum(total[k] for k in kinds[2:])
    print(f"{sum(total.values())} of {wanted} drawn (of {of} possible) tried: {total['killed'] + total['timed out']} killed of {meaning} that could be, "
          f"{total['explained']} explained, {bad} neither")
    return bad > 0


if __name__ == "__main__":
    main()
