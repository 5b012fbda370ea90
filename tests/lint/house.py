#!/usr/bin/env python3
"""The house rules that a script can check, in a second or two; each finding is one line, any finding fails.

    tests/lint/house.py BUILD       (symbols are looked at in BUILD's objects)
"""
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(TOP)
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build')
found = 0


def finding(text):
    global found
    print(f'lint: {text}')
    found += 1


def files(*patterns):
    return sorted(f for p in patterns for f in glob.glob(p, recursive=True))


def text_of(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


C = {f: text_of(f) for f in files('common/**/*.c', 'tools/**/*.c')}
H = {f: text_of(f) for f in files('common/**/*.h', 'tools/**/*.h')}
ALL = {**C, **H}
BENCH = {f: text_of(f) for f in files('tests/bench/*.c')}


def without_comments(text):
    """The same lines, comments and texts blanked: what is said in them is not done."""
    blank = lambda m: re.sub(r'[^\n]', ' ', m[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


CODE = {f: without_comments(t) for f, t in ALL.items()}

# ---- layers: arrows point down; a file includes its own layer or lower ones ---------------------------
LAYERS = '''common/base common/sys common/lib common/point common/catalogue common/source common/source/package
    common/source/upstream common/source/scan common/source/vendor common/source/payload common/bundle common/trust
    common/hub common/site common/receipt tools/cli tools/suexport tools/suimport'''.split()
NEVER = [ # (folder, what it never includes): side by side, not one below the other
    ('common/site/', 'common/hub/'), ('tools/suexport/', 'tools/suimport/'), ('tools/suimport/', 'tools/suexport/'),
]


def rank(path):
    mine = [i for i, layer in enumerate(LAYERS) if path.startswith(layer + '/')]
    return mine[-1] if mine else -1


for folder in files('common/*/', 'common/*/*/', 'tools/*/'):
    if folder != 'common/schema/' and rank(folder) < 0:
        finding(f'{folder} is no layer')
for entry in sorted(os.listdir('.')): # a folder more is decided; a file more was forgotten there
    if not entry.startswith(('.', 'build')) and entry not in ('tools', 'common', 'tests', 'samples', 'docs', 'Makefile', 'README.md'):
        finding(f'{entry} is no part of the top level')
for path, text in ALL.items():
    for included in re.findall(r'^#include "((?:common|tools)/[^"]*)"', text, re.M):
        if rank(included) > rank(path):
            finding(f'{path} includes {included}, a layer above it')
        if not os.path.exists(included):
            finding(f'{path} includes {included}, which is not there')
        for here, there in NEVER:
            if path.startswith(here) and included.startswith(there):
                finding(f'{path} includes {included}, which is on the other side')

# ---- a third-party header appears in its adapter only -------------------------------------------------
ADAPTERS = {
    'archive': r'common/lib/archive\.c', 'libxml': r'common/lib/xml\.c', 'sqlite3': r'common/lib/(db|feed)\.c',
    'openssl': r'common/lib/(digest|mac|sign|cms|authenticode)\.c', 'z(std|dict)': r'common/lib/pack\.c',
    'isa-l': r'common/lib/shards\.c', 'curl': r'common/lib/http(_url)?\.c', 'seccomp|linux/landlock': r'common/lib/confine_self\.c',
}
for path, text in ALL.items():
    for header in re.findall(r'^#include <([^>]*)>', text, re.M):
        for library, adapter in ADAPTERS.items():
            if re.match(library, header) and not re.fullmatch(adapter, path):
                finding(f'{path} includes <{header}>, which belongs to {adapter}')

# ---- banned functions: what is wrong with them, and where they may be all the same ---------------------
BANNED = [ # (functions, reason, files that may)
    ('strcpy strcat stpcpy sprintf vsprintf gets strncpy strncat bcopy bzero', 'no length, or one that lies', ''),
    ('strtok strsep', 'changes its input', ''),
    ('atoi atol atoll atof strtol strtoul strtoll strtoull strtod scanf sscanf fscanf vsscanf', 'no error, or one that is forgotten; bound to the locale', ''),
    ('system popen execlp execvp execl vfork posix_spawnp', 'a shell, or a search path, between us and what runs', ''),
    ('tmpnam tempnam mktemp mkstemp mkdtemp tmpfile', 'a name that somebody else can take, outside the home', ''),
    ('gmtime localtime asctime ctime', 'one result for all threads', ''),
    ('access', 'what it said is over when it is used', ''),
    ('alloca setjmp longjmp _setjmp siglongjmp', 'past the cleanup of variables', ''),
    ('rand srand random srandom drand48', 'chance that can be foretold', ''),
    ('exit _exit abort assert', 'a library tells; the command line ends the program', r'common/sys/program\.c|common/lib/confine\w*\.c|tools/cli/cli\.c'),
    ('chdir fchdir', 'the working directory belongs to all threads', ''),
    ('gethostbyname gethostbyaddr inet_addr', 'one result for all threads', ''),
    ('usleep sleep', 'not to be interrupted', ''),
    ('setlocale', 'the programs speak one language; numbers are written one way', r'tools/cli/cli\.c'), # LC_CTYPE alone
    ('putenv unsetenv clearenv', 'the environment belongs to all threads', ''),
    ('su_update_parse su_update_take_apart', 'documents are parsed in a confined child (update_child.h)',
     r'common/catalogue/update(_child\.c|\.[ch])|common/source/vendor/vendor_confined\.c'),
    ('open creat lstat rename unlink rmdir mkdir opendir chmod chown link symlink truncate remove mknod mkfifo',
     'by path: names are relative to a directory that is held open (common/sys)', r'common/sys/\w+\.c|common/lib/confine\w*\.c|common/site/assemble\.c'), # a folder the user named
]
for names, reason, may in BANNED:
    word = re.compile(r'(?<![\w>.])(?:%s)\s*\(' % '|'.join(names.split()))
    for path, code in CODE.items():
        if may and re.fullmatch(may, path):
            continue
        for hit in word.finditer(code):
            line = code.count('\n', 0, hit.start()) + 1
            finding(f'{path}:{line}: banned: {hit[0][:-1].strip()}: {reason}')
for path, code in CODE.items(): # what is shown belongs to the command line
    if path.startswith('common/') and path.endswith('.c'):
        for hit in re.finditer(r'(?<!\w)(?:printf|puts|putchar|perror)\s*\(|\bfprintf\s*\(\s*std(?:err|out)|\bfputs\s*\([^;]*std(?:err|out)\)', code):
            line = code.count('\n', 0, hit.start()) + 1
            finding(f'{path}:{line}: banned: {hit[0]}: the command line prints, the core tells events')

# SQL is never pasted together from text at run time.
for path, text in C.items():
    for hit in re.finditer(r'snprintf\([^;]*"(SELECT|INSERT|UPDATE|DELETE) ', text):
        finding(f'{path}:{text.count(chr(10), 0, hit.start()) + 1}: SQL made by printf')

# ---- form: role of a header, length of a file and of a function ----------------------------------------
for path, text in H.items():
    if f'{os.path.basename(path)} - ' not in '\n'.join(text.split('\n')[:2]):
        finding(f'{path} does not open with its role')
for path, text in {**C, **BENCH}.items():
    lines = text.split('\n')
    if len(lines) - 1 > 650:
        finding(f'{path} has {len(lines) - 1} lines')
    start = 0
    for number, line in enumerate(lines, 1):
        if line.startswith('{'):
            start = number
        elif line.startswith('}') and start:
            if number - start > 75:
                finding(f'{path}:{start}: a function of {number - start} lines')
            start = 0

# ---- symbols: what only its own file uses is static; what nobody uses is not there ---------------------
ALONE = { # symbols that only tests use from outside
    **{name: 'what confined children say, tested by itself and by children that lie' for name in '''su_claims_get su_claims_put
        su_code_signature_get su_code_signature_put su_soap_child_start_as su_update_child_start_as su_verdict_get su_verdict_put'''.split()},
    **{name: 'what crosses between processes, tested cut and changed' for name in ('su_brought_get', 'su_brought_put', 'su_scan_rows_get', 'su_scan_rows_put')},
    'su_fsync_count': 'how a test proves that a file was synced',
    'su_cookie_use': 'a rule of dates, tested as one',
    'su_server_address': 'a rule of addresses, tested as one',
}
defined, used = {}, set()
objects = [o for f in C for o in [os.path.join(BUILD, f[:-2] + '.o')] if os.path.exists(o)]
if len(objects) < len(C):
    finding(f'{len(C) - len(objects)} files are not built: symbols are not looked at')
else:
    said = subprocess.run(['nm', '-A', '-g', *objects], capture_output=True, text=True, check=True).stdout
    for line in said.splitlines():
        where, rest = line.split(':', 1)
        kind, name = rest.split()[-2:]
        if kind == 'U':
            used.add(name)
        else:
            defined[name] = os.path.relpath(where, BUILD)
    for name in sorted(set(defined) - used - {'main'} - set(ALONE)):
        finding(f'{defined[name][:-2]}.c: {name} is used by no other file: static, or gone')
    for name in sorted(set(ALONE) & used | set(ALONE) - set(defined)):
        finding(f'tests/lint/house.py: {name} needs no exception any more')

# ---- every suppression says why ------------------------------------------------------------------------
# NOLINT is looked at by analyse.py; here are the others. The reason stands behind it, on the line above, or for a
# pragma on the line itself.
MARKS = r'shellcheck disable|cppcheck-suppress|#pragma (?:GCC|clang) diagnostic ignored|# noqa|type: ignore|__clang_analyzer__|NOLINTBEGIN'
for path in files('common/**/*.[ch]', 'tools/**/*.[ch]', 'tests/**/*.[ch]', 'tests/**/*.py', 'tests/**/*.sh', 'tests/run', 'samples/*'):
    if path.startswith('tests/lint/') or os.path.isdir(path):
        continue
    lines = text_of(path).split('\n')
    for number, line in enumerate(lines, 1):
        mark = re.search(MARKS, line)
        if not mark:
            continue
        behind = re.search(r'(?:SC\d+(?:,SC\d+)*|"[^"]*"|F\d+|E\d+|\[[^\]]*\])\s*(?:#|/\*|--)\s*\S', line[mark.end():])
        if not behind:
            finding(f'{path}:{number}: a suppression without its reason: {line.strip()}')

print(f'house: {found} findings')
sys.exit(1 if found else 0)
