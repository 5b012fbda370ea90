#!/usr/bin/env python3
"""run.py - searches with the fuzzing harnesses until each has had its processor minutes.

  tests/fuzz/run.py --build BUILD --work DIR [--minutes 30] [--turn 5] [--size BYTES] [HARNESS...]
  tests/fuzz/run.py --build BUILD --work DIR --merge [HARNESS...]   the working corpus, minimized, into the tree
  tests/fuzz/run.py --work DIR --table                              figures so far, as a table of Markdown

DIR keeps for each harness: corpus/ (what it found worth keeping), found/ (inputs that are findings), log, and figures.json,
which adds up over runs; so stopping and starting again loses nothing. One process at a time, in turns. Memory beyond 2 GiB,
an input that takes longer than 20 seconds, a leak, and anything the sanitizers see are findings. Exit status 1 if there is any.
"""
import argparse, glob, json, os, re, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
LIMITS = ['-rss_limit_mb=2048', '-malloc_limit_mb=1024', '-timeout=20']
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS='detect_leaks=1:allocator_may_return_null=1:handle_abort=1',
                   UBSAN_OPTIONS='print_stacktrace=1:halt_on_error=1', LC_ALL='C.UTF-8', TZ='UTC')
TICK = os.sysconf('SC_CLK_TCK')
MOST_BYTES = {'volume': 40000, 'scan': 40000, 'vendor': 40000, 'package': 40000, 'signature': 30000, 'profile': 4096, 'typed': 2500}


def processor_seconds(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as file:
            fields = file.read().rsplit(')', 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICK


class Harness:
    def __init__(self, name, options):
        self.name, self.options = name, options
        self.work = os.path.join(options.work, name)
        self.corpus, self.found = os.path.join(self.work, 'corpus'), os.path.join(self.work, 'found')
        self.kept = os.path.join(HERE, 'corpus', name)
        for folder in self.corpus, self.found:
            os.makedirs(folder, exist_ok=True)
        self.figures = {'executions': 0, 'seconds': 0.0, 'edges': 0, 'features': 0}
        if os.path.exists(self.path()):
            with open(self.path(), encoding='ascii') as file:
                self.figures.update(json.load(file))

    def path(self):
        return os.path.join(self.work, 'figures.json')

    def program(self):
        return os.path.join(self.options.build, 'fuzz', self.name)

    def findings(self):
        return sorted(os.listdir(self.found))

    def count(self):
        files = [entry.stat().st_size for entry in os.scandir(self.corpus)]
        return len(files), sum(files)

    def turn(self, seconds):
        """Fuzzes for so many processor seconds, or until there is a finding."""
        log_path = os.path.join(self.work, 'log')
        command = [self.program(), *LIMITS, f'-artifact_prefix={self.found}/', '-print_final_stats=1',
                   '-reload=0', f'-max_len={MOST_BYTES.get(self.name, 16384)}', '-len_control=20']
        command.append(self.corpus)
        if os.path.isdir(self.kept):
            command.append(self.kept)
        with open(log_path, 'wb') as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT, cwd=self.work)
            used, asked = 0.0, False
            try:
                while process.poll() is None:
                    used = processor_seconds(process.pid) or used
                    if used >= seconds and not asked:
                        process.send_signal(signal.SIGUSR1)  # ends after the input at hand
                        asked = True
                    time.sleep(0.5)
            except KeyboardInterrupt:
                process.send_signal(signal.SIGUSR1)
                process.wait()
                self.note(log_path, used)
                raise
        self.note(log_path, used)
        if process.returncode != 0 and not self.findings():
            shutil.copy(log_path, os.path.join(self.found, 'log-of-a-failure'))
        elif self.findings():
            shutil.copy(log_path, os.path.join(self.work, 'log-of-the-finding'))

    def note(self, log_path, used):
        with open(log_path, encoding='utf-8', errors='replace') as file:
            text = file.read()
        executed = re.findall(r'stat::number_of_executed_units:\s+(\d+)', text) or re.findall(r'^#(\d+)\s', text, re.M)
        covered = re.findall(r'cov: (\d+) ft: (\d+)', text)
        self.figures['executions'] += int(executed[-1]) if executed else 0
        self.figures['seconds'] += used
        if covered:
            self.figures['edges'], self.figures['features'] = int(covered[-1][0]), int(covered[-1][1])
        with open(self.path() + '.new', 'w', encoding='ascii') as file:
            json.dump(self.figures, file)
        os.replace(self.path() + '.new', self.path())

    def merge(self, most_bytes):
        """The fewest inputs that reach all that is reached, into the tree; named ones, the findings, stay."""
        with tempfile.TemporaryDirectory(dir=self.work) as work:
            new, now = os.path.join(work, 'new'), os.path.join(work, 'now')  # a copy: who fuzzes meanwhile renames
            os.makedirs(new)
            os.makedirs(now)
            for folder in [self.corpus] + ([self.kept] if os.path.isdir(self.kept) else []):
                for entry in os.scandir(folder):
                    try:
                        shutil.copy(entry.path, now)
                    except FileNotFoundError:
                        pass
            command = [self.program(), *LIMITS, '-set_cover_merge=1', '-use_counters=0', f'-max_len={most_bytes}', new, now]
            subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.work, check=True)
            self.replace(new)

    def replace(self, new):
        os.makedirs(self.kept, exist_ok=True)
        for old in os.listdir(self.kept):
            if re.fullmatch('[0-9a-f]{40}', old):
                os.remove(os.path.join(self.kept, old))
        for name in os.listdir(new):
            shutil.copy(os.path.join(new, name), self.kept)


def table(harnesses):
    print('| harness | executions | processor minutes | edges | corpus files | bytes | findings |')
    print('|---|---|---|---|---|---|---|')
    for h in harnesses:
        files, size = h.count()
        print(f"| {h.name} | {h.figures['executions']:,} | {h.figures['seconds'] / 60:.1f} | {h.figures['edges']:,} | {files:,} | {size:,} | {len(h.findings())} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default='build-fuzz')
    parser.add_argument('--work', required=True)
    parser.add_argument('--minutes', type=float, default=30)
    parser.add_argument('--turn', type=float, default=5)
    parser.add_argument('--size', type=int, default=8192, help='no larger input is merged into the tree')
    parser.add_argument('--merge', action='store_true')
    parser.add_argument('--table', action='store_true')
    parser.add_argument('harness', nargs='*')
    options = parser.parse_args()
    options.work, options.build = os.path.abspath(options.work), os.path.abspath(options.build)
    known = sorted(os.path.basename(path)[5:-2] for path in glob.glob(os.path.join(HERE, 'fuzz_*.c')))
    unknown = [name for name in options.harness if name not in known]
    if unknown:
        sys.exit(f"no such harness: {' '.join(unknown)}; there are: {' '.join(known)}")
    harnesses = [Harness(name, options) for name in options.harness or known]
    if options.merge:
        for h in harnesses:
            h.merge(options.size)
    elif not options.table:
        for number in signal.SIGINT, signal.SIGTERM:  # also where a shell had it ignored
            signal.signal(number, signal.default_int_handler)
        try:
            while True:
                due = [h for h in harnesses if h.figures['seconds'] < 60 * options.minutes and not h.findings() and os.path.exists(h.program())]
                if not due:
                    break
                h = min(due, key=lambda each: each.figures['seconds'])
                h.turn(60 * min(options.turn, options.minutes - h.figures['seconds'] / 60))
        except KeyboardInterrupt:
            print('stopped; the same command goes on', file=sys.stderr)
    table(harnesses)
    found = sum(len(h.findings()) for h in harnesses)
    for h in harnesses:
        for name in h.findings():
            print(f'finding: {h.found}/{name}')
    print(f"{len(harnesses)} harnesses, {sum(h.figures['executions'] for h in harnesses):,} executions, "
          f"{sum(h.figures['seconds'] for h in harnesses) / 60:.0f} processor minutes, {found} findings")
    sys.exit(1 if found else 0)


main()
