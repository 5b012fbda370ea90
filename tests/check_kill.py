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
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

HOME, OUT, POINTS = sys.argv[1], sys.argv[2], int(sys.argv[3])
PROGRAM, ARGUMENTS = sys.argv[4], sys.argv[5:]
BOOKS = {  # the state: the catalogue and what the books say of it, apart from the time of day
    "revision": "SELECT hex(update_id), revision, origin, hex(record_sha256) FROM revision ORDER BY 1, 2",
    "title": "SELECT * FROM v_title ORDER BY 1, 2, 3",
    "file": "SELECT * FROM v_file ORDER BY 1, 2, 3, 5",
    "import": "SELECT sequence, bundle, undone FROM import ORDER BY import_id",
    "export": "SELECT site_id, sequence, kind, hex(state_digest) FROM export ORDER BY 1, 2",
    "sent": "SELECT site_id, hex(update_id), revision, from_sequence, to_sequence FROM site_state ORDER BY 1, 2, 3, 4",
    "urgent": "SELECT number, bundle, undone, (SELECT count(*) FROM urgent_record r WHERE r.urgent_id=u.urgent_id) FROM urgent u ORDER BY urgent_id",
    "overlay": "SELECT hex(update_id), revision FROM overlay JOIN revision USING (rev_id) ORDER BY 1, 2",
    "urgent_export": "SELECT site_id, number, sequence, hex(state_digest) FROM urgent_export ORDER BY 1, 2",
    "setting": "SELECT * FROM setting WHERE key <> 'dictionary' ORDER BY 1",
    "ledger": "SELECT entry, kind, sequence FROM ledger ORDER BY entry",
    "history": "SELECT kind, state, new, revised, expired, removed, updates, revisions FROM sync_history ORDER BY sync_id",
}


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
        connection = sqlite3.connect(os.path.join(self.home, "update-point.db"))
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
        assert sound == "ok", f"integrity_check: {sound}"
        digest = {name: hashlib.sha256(repr(connection.execute(sql).fetchall()).encode()).hexdigest() for name, sql in BOOKS.items()}
        connection.close()
        return digest

    def names(self, want):
        return [os.path.join(f, n) for top in (self.home, self.out) for f, _, names in os.walk(top) for n in names if want(n)]

    def check_store(self):
        for path in self.names(lambda n: len(n) == 64):
            with open(path, "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == os.path.basename(path), f"{path} is not its name"

    def check_bundles(self):
        """A folder without .partial is a whole bundle."""
        for folder in os.listdir(self.out) if os.path.isdir(self.out) else ():
            if not folder.endswith(".partial"):
                check = "grep -E '^[0-9a-f]{64}  ' MANIFEST.TXT | sha256sum --strict --quiet -c - && tail -n 1 MANIFEST.TXT | grep -qx end && ls *.SIG"
                subprocess.run(check, shell=True, cwd=os.path.join(self.out, folder), check=True, stdout=subprocess.DEVNULL)

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
                one.check_store()
                one.check_bundles()
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
                    one.check_bundles()
                    assert any(not f.endswith(".partial") for f in os.listdir(one.out)), "run again: status 0, but no bundle bears its name"
                one.check_store()
                left = one.names(lambda n: n.startswith(".tmp-"))
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
