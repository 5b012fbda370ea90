#!/usr/bin/env python3
"""check_flip.py SUIMPORT HOME BUNDLE dense|sparse|all RUNS SEED - damages a bundle in many ways.

None may be imported. dense: one bit in every byte of the signature, and every length of it; in every fourth byte of
the manifest, the recipe and the first 1.5 KiB of each volume, and every fourth length of the small files, beginning
where SEED says, so that four runs meet all; then, as sparse does, about RUNS more: bits and lengths at every Nth
place of everything, and damage of many bytes drawn from SEED. all: N and the four are 1.

After each import the exit status must be that of the damage (4 for manifest and signature, 3 for what
the manifest names), the database must hold what it held but for
the note of the refusal in the ledger and the alert that it opens, and no file may have a final name in the
store that its bytes do not have. At the end the whole bundle must still be importable.
"""
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading

SUIMPORT, HOME, BUNDLE = sys.argv[1:4]
DENSITY, RUNS, SEED = sys.argv[4], int(sys.argv[5]), int(sys.argv[6])
HEAD = 1536
STRIDE = 4  # the signature is over the whole manifest, a hash over each other part: any place is like any other


def is_volume(name):
    return name.startswith("SU") and name[-4] == "."


def is_large(name):
    """What is hashed as a whole, or block by block: each place of it is like any other."""
    return is_volume(name) or name.startswith("SLIP")


def statuses(name, path):
    """The exit statuses that say what is wrong when this file is not what it was."""
    if name == "MANIFEST.TXT":  # without one, or with an empty one, there is nothing to mistrust
        return {2} if not os.path.exists(path) else {3} if os.path.getsize(path) == 0 else {4}
    return {4} if name.endswith(".SIG") else {3}


def places(name, size, step, dense):
    """Up to `dense` as dense as the sweep is, and every step-th of all."""
    stride = 1 if DENSITY == "all" or name.endswith(".SIG") else STRIDE
    return sorted(set(range(SEED % stride, min(dense, size), stride)) | set(range(0, size, step)))


def flips(name, size, step):
    return places(name, size, step, 0 if DENSITY == "sparse" else HEAD if is_large(name) else size)


def cuts(name, size, step):
    return places(name, size, step, 0 if DENSITY == "sparse" or is_large(name) else size)


class Worker(threading.Thread):
    def __init__(self, folder, jobs, lock, failures):
        super().__init__()
        self.home, self.bundle = os.path.join(folder, "site"), os.path.join(folder, os.path.basename(BUNDLE))
        shutil.copytree(HOME, self.home)
        shutil.copytree(BUNDLE, self.bundle)
        self.jobs, self.lock, self.failures, self.done = jobs, lock, failures, 0
        self.good = self.database()

    def database(self):
        connection = sqlite3.connect(f"file:{self.home}/update-point.db?mode=ro", uri=True)
        schema = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name, type").fetchall()
        tables = [name for name, sql in schema if sql and sql.startswith("CREATE TABLE") and name not in ("ledger", "alert")]
        rows = [connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables]
        rows.append(connection.execute("SELECT * FROM ledger WHERE kind <> 'refuse'").fetchall())
        connection.close()
        return schema, rows

    def store(self):
        """A finished name in the store tells its bytes."""
        for folder, _, names in os.walk(os.path.join(self.home, "content")):
            for name in names:
                if len(name) == 64:
                    with open(os.path.join(folder, name), "rb") as file:
                        if hashlib.sha256(file.read()).hexdigest() != name:
                            return name
        return None

    def attempt(self, what, allowed):
        command = [SUIMPORT, "--home", self.home, "--quiet", "import", self.bundle]
        status = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode
        problem = None
        if status not in allowed:
            said = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60).stderr
            problem = f"exit {status}, expected {sorted(allowed)}: {said.decode(errors='replace')[:300]}"
        elif self.done % 100 == 0 and self.database() != self.good:  # a change stays until it is seen
            problem = "the database changed, here or in one of the hundred before"
        elif self.done % 200 == 0 and self.store():
            problem = f"the store holds {self.store()}, whose bytes are others"
        if problem:
            with self.lock:
                self.failures.append(f"{what}: {problem}")
        self.done += 1

    def run(self):
        while not self.failures or len(self.failures) < 20:
            with self.lock:
                job = next(self.jobs, None)
            if job is None:
                break
            name, what, damage = job
            path = os.path.join(self.bundle, name)
            try:
                damage(path)
                self.attempt(f"{name} {what}", statuses(name, path))
            except Exception as problem:  # a hang, or a mistake of this file
                with self.lock:
                    self.failures.append(f"{name} {what}: {problem!r}")
            shutil.copyfile(os.path.join(BUNDLE, name), path)


def flip(at, bit):
    def damage(path):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << bit]))
    return damage


def cut(size):
    return lambda path: os.truncate(path, size)


def scramble(seed):
    def damage(path):
        rng = random.Random(seed)
        with open(path, "rb") as file:
            good = file.read()
        made = bytearray(good)
        kind = rng.randrange(6)
        at, size = rng.randrange(len(good)), rng.randrange(1, 1 + min(len(good), 1 << rng.randrange(1, 14)))
        if kind == 0:  # a run of noise
            made[at:at + size] = rng.randbytes(len(made[at:at + size]))
        elif kind == 1:  # a run of zeros, as a lost sector reads
            made[at:at + size] = bytes(len(made[at:at + size]))
        elif kind == 2:  # two runs change places
            to = rng.randrange(len(good))
            made[at:at + size], made[to:to + size] = made[to:to + size], made[at:at + size]
        elif kind == 3:  # bytes lost in the middle
            del made[at:at + size]
        elif kind == 4:  # bytes added
            made[at:at] = rng.randbytes(size)
        else:  # scattered bits
            for _ in range(rng.randrange(2, 20)):
                made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
        if bytes(made) == good:
            made[at] ^= 1
        with open(path, "wb") as file:
            file.write(made)
    return damage


def main():
    names = sorted(os.listdir(BUNDLE))
    sizes = {name: os.path.getsize(os.path.join(BUNDLE, name)) for name in names}
    total = sum(sizes.values())
    many = RUNS // 4
    step = 1 if DENSITY == "all" else max(1, 2 * total // max(1, RUNS - many))
    jobs = []
    for name in names:
        jobs += [(name, f"byte {at} flipped", flip(at, at % 8)) for at in flips(name, sizes[name], step)]
        jobs += [(name, f"cut to {at} bytes", cut(at)) for at in cuts(name, sizes[name], step)]
        jobs.append((name, "absent", os.remove))
    rng = random.Random(SEED)
    for number in range(many):
        seed = rng.randrange(1 << 32)
        jobs.append((rng.choice(names), f"damage {number} (seed {seed} of {SEED})", scramble(seed)))
    rng.shuffle(jobs)
    print(f"{len(jobs)} damages of {total} bytes, {DENSITY}, every {step}th place; seed {SEED}")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        lock, failures, queue = threading.Lock(), [], iter(jobs)
        workers = []
        for number in range(min(4, os.cpu_count() or 1)):
            os.mkdir(os.path.join(folder, str(number)))
            workers.append(Worker(os.path.join(folder, str(number)), queue, lock, failures))
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for worker in workers:  # the same home and the same folder, undamaged: now it must work
            if worker.database() != worker.good:
                failures.append("the database changed in one of the last hundred")
            if worker.store():
                failures.append(f"the store holds {worker.store()}, whose bytes are others")
            run = subprocess.run([SUIMPORT, "--home", worker.home, "--quiet", "import", worker.bundle], stdout=subprocess.DEVNULL)
            if run.returncode != 0 or worker.database() == worker.good:
                failures.append(f"the whole bundle gives exit {run.returncode}")
        done = sum(worker.done for worker in workers)
    print(*failures[:20], sep="\n")
    print(f"{done} imports, {len(failures)} wrong")
    sys.exit(1 if failures or done != len(jobs) else 0)


main()
