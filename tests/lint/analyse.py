#!/usr/bin/env python3
"""Analysers over every C file of the programs, and over every script: several at once, and only what changed.

    tests/lint/analyse.py --build DIR [--only TOOL[,TOOL]] [--slow N] [FILE...]
    FLAGS in the environment: what the compiler is given for the programs (the Makefile says).

What a tool said of a file is kept under DIR/lint, named by everything it depends on: the file, the headers of the tree
that it includes, the tool's version and command line, .clang-tidy. So a second run without a change starts no tool.

A finding that is wrong is suppressed on its line, or on the line above, with the reason:
    /* NOLINT(CHECK): reason */      /* NOLINTNEXTLINE(CHECK): reason */
for every tool alike; in scripts it is shellcheck's own way. A suppression without a reason, or which no finding meets any
more, is a finding itself. What a tool is not heard about at all stands in the lists below, in .clang-tidy and .shellcheckrc, each
with its reason; what nothing is met of any more there is told, too.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# gcc's analyser follows one function at a time through what it calls in the same file. It runs cleanup attributes, as
# clang's of this age does not, so leaks are its part.
GCC = ['-fanalyzer', '-O1', '-fdiagnostics-plain-output', '-S', '-o', '/dev/null']

# Everything clang can warn of, without
CLANG_WITHOUT = {
    'disabled-macro-expansion': 'su_fail and others are macros that call the function of their name (err.h)',
    'c++98-compat': 'this is C',
    'declaration-after-statement': 'C has had it since 1999: a variable begins where its value is known',
    'padded': 'tells that there is padding, not that there should be none',
    'gnu-zero-variadic-macro-arguments': '__VA_OPT__ with nothing in it, which gcc 12 and C23 have',
    'used-but-marked-unused': 'macros of OpenSSL use names that they call unused',
    'comma': 'house style: two assignments of one thought',
    'bad-function-cast': 'an enum out of a column of integers that the schema checks',
    'atomic-implicit-seq-cst': 'the strongest order is the one that is wanted',
    'class-varargs': 'structs passed to `...` are how libseccomp takes conditions; formats are checked by -Wformat',
    'switch-enum': 'a switch over message codes has a default; over an enum of its own -Wswitch demands all',
}

# cppcheck: its warnings, performance, portability and style, without
CPPCHECK_WITHOUT = {
    'funcArgNamesDifferent': 'house style: a header says "writer", the few lines that use it say "w"',
    'unusedStructMember': 'members of the vector macro that only su_vec_push uses, by address',
    'resourceLeak': 'does not run cleanup attributes; gcc follows descriptors and memory',
    'unreadVariable': 'nor does it see that the cleanup reads them',
    'readdirCalled': 'clang-tidy asks the same, and each place has its reason',
    'getpwuidCalled': 'as readdir',
    'variableScope': 'house style: declared together with what it belongs to; clang and gcc see what is unset',
}
# Of what is no part of the programs (tests, samples) gcc's and clang's analysers are asked, and cppcheck for what is wrong rather
# than how it is written, without
CPPCHECK_WITHOUT_IN_TESTS = {
    'leakReturnValNotUsed': 'tests of confinement open what they may not, and must fail',
}

# clang's static analyser, as scan-build runs it, with all its checkers for C (also security.*, valist.*, nullability.*, optin.*)
# and the few of its experimental ones that pay; all of those take ten times as long and were wrong each time. Without
ANALYZER_WITHOUT = {
    'unix.Malloc': 'clang 14 does not run cleanup attributes: every SU_AUTO is a leak to it. Leaks and double frees are for gcc',
    'deadcode.DeadStores': 'nor does it see that the cleanup reads what is stored last',
    'security.insecureAPI.DeprecatedOrUnsafeBufferHandling': 'asks for memcpy_s and the like, which the C library has not; the dangerous ones are banned (house.py)',
}


# Not core.SizeofPtr, which is met where a pointer itself is copied: -Wsizeof-pointer-memaccess knows the difference.
ANALYZER_ALPHA = ['security.ReturnPtrRange', 'unix.cstring.NotNullTerminated', 'unix.cstring.OutOfBounds']


SHELL = ['--norc', '-s', 'sh', '-f', 'gcc']
SHELL_DIRECTIVE = re.compile(r'# shellcheck disable=(SC\d+(?:,SC\d+)*)')
UNHEARD = 'shellcheck unheard' # as if no script suppressed anything, as an editor sees it; only to see which of that is of use
LEFT_OUT = 'left out, so many times'


class Tool:
    """A tool: how it is called for a file, what its words mean, and which checks are left out for a file: these are asked
    all the same and counted, so that one that would meet nothing any more can be told."""

    def __init__(self, name, version, over, command, pattern, left_out=lambda path: ()):
        self.name = name
        self.left_out = left_out
        self.met = {}
        self.over = over
        self.command = command
        self.pattern = re.compile(pattern)
        said = subprocess.run(version, capture_output=True, text=True, check=True).stdout
        self.version = said
        self.seconds = 0.0
        self.ran = self.reused = 0

    def key(self, path):
        return self.version + '\0'.join([*self.command(path), *sorted(self.left_out(path))])

    def run(self, path):
        started = time.monotonic()
        done = subprocess.run(self.command(path), capture_output=True, text=True, cwd=TOP, check=False)
        said = done.stdout + done.stderr
        found, left_out, unheard = [], {}, self.left_out(path)
        for line in said.splitlines():
            hit = self.pattern.match(line)
            if hit:
                where = os.path.relpath(os.path.join(TOP, hit['file']), TOP)
                for check in (hit['check'] or self.name).split(','):
                    if check in unheard:
                        left_out[check] = left_out.get(check, 0) + 1
                    else:
                        found.append((where, int(hit['line']), check, hit['text']))
        if not found and not left_out and done.returncode != 0:
            found.append((path, 1, 'failed', said.strip().splitlines()[0] if said.strip() else f'status {done.returncode}'))
        found += [('', times, check, LEFT_OUT) for check, times in left_out.items()]
        return found, time.monotonic() - started


def tools(build, flags):
    programs, headers = sources(('.c',)), sources(('.h',))
    python, shell = scripts()
    everything = sorted(programs + sources(('.c',), ('tests', 'samples')))
    includes = [f for f in flags if f.startswith(('-I', '-D'))]
    shadow = os.path.join(build, 'lint', 'include')
    unheard = '--vfsoverlay=' + os.path.join(build, 'lint', 'unheard.json')
    clang_like = r'(?P<file>[^ :]+):(?P<line>\d+):\d+: (?:warning|error): (?P<text>.*) \[(?P<check>[^ \]]*)\]$'
    shell_like = r'(?P<file>[^ :]+):(?P<line>\d+):\d+: \w+: (?P<text>.*) \[(?P<check>SC\d+)\]$'
    severity = lambda path: '-Swarning' if path.startswith('tests/cli/') else '-Sstyle'
    without = lambda prefix, names: [prefix + name for name in sorted(names)]
    tidy = read('.clang-tidy')
    tidy_without = set(re.findall(r'^ *-([a-z][a-z0-9-]*[a-z0-9])', tidy.replace(',', '\n'), re.M))
    shell_without = set(re.findall(r'SC\d+', ''.join(re.findall(r'^disable=.*', read('.shellcheckrc'), re.M))))
    shell_unheard = {path for path in shell if SHELL_DIRECTIVE.search(read(path))}
    analyzer = ','.join(['-*', 'clang-analyzer-*', '-clang-analyzer-alpha.*', *without('clang-analyzer-alpha.', ANALYZER_ALPHA)] + without('-clang-analyzer-', ANALYZER_WITHOUT))
    return [
        Tool('gcc -fanalyzer', ['gcc', '--version'], everything, lambda path: ['gcc', *GCC, *flags, path],
             r'(?P<file>[^ :]+):(?P<line>\d+):\d+: (?:warning|error): (?P<text>.*) \[-W(?P<check>[^ \]]*)\]$'),
        Tool('clang -Weverything', ['clang', '--version'], programs,
             lambda path: ['clang', '-fsyntax-only', '-Weverything', *flags, path],
             r'(?P<file>[^ :]+):(?P<line>\d+):\d+: (?:warning|error): (?P<text>.*) \[-W(?P<check>[^ \]]*)\]$', lambda path: CLANG_WITHOUT),
        Tool('clang-tidy', ['clang-tidy', '--version'], programs,
             lambda path: ['clang-tidy', '--quiet', unheard, '--config=' + tidy, '--checks=' + ','.join(sorted(tidy_without)), path, '--', *flags],
             clang_like, lambda path: tidy_without),
        Tool('clang analyzer', ['clang-tidy', '--version'], everything,
             lambda path: ['clang-tidy', '--quiet', unheard, '--allow-enabling-analyzer-alpha-checkers', f'--checks={analyzer}', path, '--', *flags],
             clang_like),
        Tool('cppcheck', ['cppcheck', '--version'], everything,
             lambda path: ['cppcheck', '-q', '--std=c11', '--language=c', '--platform=unix64', '--inconclusive',
                           '--enable=warning,performance,portability' + ('' if is_of_tests(path) else ',style'),
                           '--library=posix', '--library=gnu', '--library=sqlite3', '--library=libcurl', '--library=openssl',
                           '--template={file}:{line}:{column}: warning: {message} [{id}]', '-I' + shadow, *includes, path],
             clang_like, lambda path: {**CPPCHECK_WITHOUT, **(CPPCHECK_WITHOUT_IN_TESTS if is_of_tests(path) else {})}),
        Tool('headers alone', ['gcc', '--version'], headers,
             lambda path: ['gcc', '-fsyntax-only', '-Wall', '-Wextra', '-fdiagnostics-plain-output', *flags, '-x', 'c', path],
             r'(?P<file>[^ :]+):(?P<line>\d+):\d+: (?:warning|error|fatal error): (?P<text>.*?)(?: \[-W(?P<check>[^ \]]*)\])?$'),
        Tool('shellcheck', ['shellcheck', '--version'], shell,
             # command tests have their own directory and make their own names: there, no advice on style
             lambda path: ['shellcheck', *SHELL, severity(path), path], shell_like, lambda path: shell_without),
        Tool(UNHEARD, ['shellcheck', '--version'], [path for path in shell if path in shell_unheard],
             lambda path: ['shellcheck', *SHELL, '-Sstyle', os.path.join(build, 'lint', 'unheard', path)], shell_like, lambda path: shell_without),
        Tool('pyflakes', ['pyflakes3', '--version'], python, lambda path: ['pyflakes3', path],
             r'(?P<file>[^ :]+):(?P<line>\d+):\d+:? (?P<text>.*?)(?P<check>)$'),
    ]


def shadow_headers(build):
    """cppcheck 2.10 cannot read __VA_OPT__: it is given those headers with the older form of the same."""
    for path in sources(('.h',)):
        text = open(os.path.join(TOP, path), encoding='utf-8').read()
        if '__VA_OPT__' not in text:
            continue
        older = re.sub(r'\{__VA_ARGS__ __VA_OPT__\(,\) (\{.*\})\}\)', r'{\1, ##__VA_ARGS__})', text)
        if '__VA_OPT__' in older:
            sys.exit(f'analyse: {path}: a use of __VA_OPT__ that is not understood here')
        to = os.path.join(build, 'lint', 'include', path)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with open(to, 'w', encoding='utf-8') as out:
            out.write(older)


def unheard_suppressions(build):
    """clang-tidy heeds suppressions by itself, so that nobody would see which of them meets nothing any more: it is shown those
    files with the word spelled otherwise."""
    shown = []
    for path in every_c():
        text = open(os.path.join(TOP, path), encoding='utf-8').read()
        if 'NOLINT' in text:
            to = os.path.join(build, 'lint', 'unheard', path)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            with open(to, 'w', encoding='utf-8') as out:
                out.write(text.replace('NOLINT', 'NO-LNT'))
            shown.append({'type': 'file', 'name': os.path.join(TOP, path), 'external-contents': to})
    with open(os.path.join(build, 'lint', 'unheard.json'), 'w', encoding='utf-8') as out:
        json.dump({'version': 0, 'case-sensitive': 'true', 'use-external-names': False, 'roots': shown}, out)


    for path in scripts()[1]:
        text = read(path)
        if SHELL_DIRECTIVE.search(text):
            to = os.path.join(build, 'lint', 'unheard', path)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            with open(to, 'w', encoding='utf-8') as out:
                out.write(SHELL_DIRECTIVE.sub('# unheard \\1', text))


def stale_shell(found):
    """Directives of shellcheck in a script that keep nothing out: nothing of their kind is found below them without them."""
    for path in scripts()[1]:
        for number, line in enumerate(read(path).splitlines(), 1):
            directive = SHELL_DIRECTIVE.search(line)
            for check in directive[1].split(',') if directive else ():
                if not any(where.endswith(os.path.join('unheard', path)) and c == check and n > number for where, n, c, _ in found):
                    yield path, number, check


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def is_of_tests(path):
    return path.startswith(('tests/', 'samples/'))


def every_c():
    return sorted(sources(('.c', '.h')) + sources(('.c', '.h'), ('tests', 'samples')))


def sources(endings, folders=('common', 'tools')):
    found = []
    for folder in folders:
        for where, _, names in os.walk(os.path.join(TOP, folder)):
            found += [os.path.relpath(os.path.join(where, n), TOP) for n in names if n.endswith(endings)]
    return sorted(found)


def scripts():
    kept = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', 'tests', 'samples'], cwd=TOP, capture_output=True, text=True, check=False)
    python, shell = [], []
    for path in kept.stdout.splitlines():
        try:
            with open(os.path.join(TOP, path), 'rb') as f:
                first = f.read(64).split(b'\n')[0]
        except OSError:
            continue
        if path.endswith('.py'):
            python.append(path)
        elif path.endswith('.sh') or (first.startswith(b'#!') and first.endswith(b'sh')):
            shell.append(path)
    return python, shell


class Tree:
    """Digest of a file with all headers of the tree that it includes, and of those."""

    def __init__(self, build):
        self.build = build
        self.text = {}
        self.below = {}

    def read(self, path):
        if path not in self.text:
            real = path if os.path.exists(os.path.join(TOP, path)) else os.path.join(self.build, path)
            try:
                with open(os.path.join(TOP, real), 'rb') as f:
                    self.text[path] = f.read()
            except OSError:
                self.text[path] = b''
        return self.text[path]

    def included(self, path, seen):
        if path in seen:
            return
        seen.add(path)
        if path not in self.below:
            self.below[path] = [n.decode() for n in re.findall(rb'^#include "([^"]+)"', self.read(path), re.M)]
        for name in self.below[path]:
            beside = os.path.join(os.path.dirname(path), name)
            self.included(beside if os.path.exists(os.path.join(TOP, beside)) else name, seen)

    def digest(self, path, key):
        seen = set()
        self.included(path, seen)
        h = hashlib.sha256(key.encode())
        for name in sorted(seen):
            h.update(name.encode() + b'\0' + hashlib.sha256(self.read(name)).digest())
        return h.hexdigest()


SUPPRESSION = re.compile(r'NOLINT(?P<next>NEXTLINE)?\((?P<checks>[^)]*)\)(?P<reason>:[ ]*\S.*)?')


def suppressions(path):
    """{line: {check: line of the comment}} of a file; and those that do not say why."""
    by_line, bad = {}, []
    lines = read(path).splitlines()
    for number, line in enumerate(lines, 1):
        if 'NOLINT' not in line:
            continue
        hit = SUPPRESSION.search(line)
        if not hit or not hit['reason']:
            bad.append((path, number, 'suppression', 'a suppression names its check and its reason: NOLINT(CHECK): reason'))
            continue
        at = number
        if hit['next']: # the line behind the comment, which may be of several
            at = next(n for n in range(number, len(lines) + 1) if '*/' in lines[n - 1]) + 1
        for check in hit['checks'].split(','):
            by_line.setdefault(at, {})[check.strip()] = number
    return by_line, bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', required=True)
    parser.add_argument('--only', help='tools, by the beginning of their names')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--slow', type=int, default=0, help='show the slowest N')
    parser.add_argument('--small', action='store_true', help='a tree so small that not all of what is left out is met')
    parser.add_argument('--counts', action='store_true', help='say how often what is left out would be met')
    parser.add_argument('files', nargs='*')
    args = parser.parse_args()
    build = os.path.abspath(args.build)
    flags = shlex.split(os.environ['FLAGS'])
    store = os.path.join(build, 'lint', 'said')
    os.makedirs(store, exist_ok=True)
    shadow_headers(build)
    unheard_suppressions(build)
    tree = Tree(build)
    chosen = [t for t in tools(build, flags) if not args.only or any(t.name.startswith(o) for o in args.only.split(','))]
    lock = threading.Lock()
    found, durations, used = {}, [], set()

    def one(tool, path):
        digest = tree.digest(path, tool.key(path))
        kept = os.path.join(store, f'{tool.name.replace(" ", "")}-{digest}')
        try:
            lines = open(kept, encoding='utf-8').read().splitlines()
            said, seconds = [(f, int(n), c, t) for f, n, c, t in (line.split('\t', 3) for line in lines[1:])], float(lines[0])
            reused = True
        except (OSError, ValueError, IndexError):
            said, seconds = tool.run(path)
            reused = False
            if Tree(build).digest(path, tool.key(path)) == digest: # nobody wrote while the tool read
                with open(f'{kept}.{os.getpid()}', 'w', encoding='utf-8') as out:
                    out.write(f'{seconds:.2f}\n' + ''.join(f'{f}\t{n}\t{c}\t{t}\n' for f, n, c, t in said))
                os.rename(f'{kept}.{os.getpid()}', kept)
        with lock:
            durations.append((seconds, tool.name, path))
            used.add(os.path.basename(kept))
            tool.seconds += seconds
            tool.ran += not reused
            tool.reused += reused
            for item in said:
                if item[3] == LEFT_OUT:
                    tool.met[item[2]] = tool.met.get(item[2], 0) + item[1]
                else:
                    found.setdefault(item, set()).add(tool.name)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        asked = [(tool, path) for tool in chosen for path in tool.over if not args.files or path in args.files]
        asked.sort(key=lambda a: a[1])
        for done in [pool.submit(one, tool, path) for tool, path in asked]:
            done.result()
    if not args.files and not args.only: # what nobody asked for any more
        for name in os.listdir(store):
            if name not in used:
                os.unlink(os.path.join(store, name))

    checked = args.files or every_c()
    known, count, met = {}, 0, set()
    for path in checked:
        known[path], bad = suppressions(path)
        for where, line, check, text in bad:
            print(f'lint: {where}:{line}: {text}')
            count += 1
    kept_out = {t.name: 0 for t in chosen}
    shown = {t.name: 0 for t in chosen}
    for (where, line, check, text), names in sorted(found.items()):
        if names == {UNHEARD}:
            continue
        if where.startswith('..') or os.path.isabs(where): # a header of the system
            continue
        if check in known.get(where, {}).get(line, {}):
            met.add((where, known[where][line][check], check))
            for name in names:
                kept_out[name] += 1
            continue
        print(f'lint: {where}:{line}: {text} [{check}] ({", ".join(sorted(names))})')
        count += 1
        for name in names:
            shown[name] += 1
    if not args.only and not args.files:
        for path in checked:
            for line, checks in known[path].items():
                for check, at in checks.items():
                    if (path, at, check) not in met:
                        print(f'lint: {path}:{at}: nothing is found here any more: NOLINT({check})')
                        count += 1
        for path, at, check in stale_shell(found):
            print(f'lint: {path}:{at}: nothing is found here any more: shellcheck disable={check}')
            count += 1
        for t in chosen:
            for check in sorted({c for path in t.over for c in t.left_out(path)} - set(t.met)) if t.name != UNHEARD and not args.small else ():
                print(f'lint: {t.name}: {check} is left out, and nothing would be found')
                count += 1
    for seconds, name, path in sorted(durations, reverse=True)[:args.slow]:
        print(f'{seconds:7.2f} s  {name}  {path}')
    for t in [t for t in chosen if t.name != UNHEARD]:
        print(f'{t.name}: {t.ran} files read, {t.reused} unchanged, {t.seconds:.0f} s of work, {shown[t.name]} findings, {kept_out[t.name]} suppressed'
              + (', left out: ' + ', '.join(f'{check} {times}' for check, times in sorted(t.met.items(), key=lambda m: -m[1])) if args.counts else ''))
    print(f'analyse: {count} findings')
    return 1 if count else 0


if __name__ == '__main__':
    sys.exit(main())
