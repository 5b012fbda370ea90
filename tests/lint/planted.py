#!/usr/bin/env python3
"""Could lint find anything? A tree of a few files, each with one defect, is given to house.py and analyse.py; whoever
should find it must. A file without one must have no finding. Ends with "N defects planted, M not found".

    tests/lint/planted.py --build DIR      FLAGS as for analyse.py; what analyse.py keeps, it keeps here too
"""
import argparse
import os
import shlex
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAD = '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n#include "common/base/planted.h"\n\n'
STEPS = ''.join(f'    total += text[{n}] == {n};\n' for n in range(80))
DEEP = ''.join('    ' * n + f'    for (int {c} = 0; {c} < most; {c}++)\n' for n, c in enumerate('abcd')) + '    ' * 5 + \
    'if (a == b && c != d)\n' + '    ' * 6 + 'sum += a > c || b > d ? 1 : a;\n'

GOOD = {
    'common/base/planted.h': '/*\n * planted.h - what the planted files offer.\n */\n#ifndef SU_PLANTED_H\n#define SU_PLANTED_H\nint su_planted(int n);\n#endif\n',
    'common/base/planted.c': HEAD + '''int su_planted(int n)
{
    char *kept = malloc(16);
    if (!kept)
        return -1;
    (void)snprintf(kept, 16, "%d", n);
    n = kept[0] == '1';
    free(kept);
    return n;
}
''',
}

# (what, file, its text or the body of su_planted in it, [(who finds it, in these words)])
HOUSE = 'house'
DEFECTS = [
    ('memory used after it was freed', 'common/base/freed.c', '''
    char *kept = malloc(16);
    if (!kept)
        return -1;
    kept[0] = (char)n;
    if (puts("begun") < 0)
        free(kept);
    n = kept[0];
    free(kept);
    return n;
''', [('gcc -fanalyzer', '[analyzer-use-after-free]'), ('cppcheck', '[deallocuse]')]),
    ('memory freed twice', 'common/base/twice.c', '''
    char *kept = malloc(16);
    if (!kept)
        return -1;
    kept[0] = (char)n;
    free(kept);
    if (n > 3)
        free(kept);
    return 0;
''', [('gcc -fanalyzer', '[analyzer-double-free]'), ('cppcheck', '[doubleFree]')]),
    ('memory that is not freed', 'common/base/leak.c', '''
    char *kept = malloc(16);
    if (!kept)
        return -1;
    kept[0] = (char)n;
    if (n > 3)
        return 1;
    free(kept);
    return 0;
''', [('gcc -fanalyzer', '[analyzer-malloc-leak]'), ('cppcheck', '[memleak]')]),
    ('a file that is not closed', 'common/base/unclosed.c', '''
    FILE *f = fopen("/dev/null", "re");
    if (!f)
        return -1;
    if (n > 3)
        return 1;
    return fclose(f);
''', [('gcc -fanalyzer', '[analyzer-file-leak]')]),
    ('a result that is not looked at: no memory', 'common/base/unasked.c', '''
    char *kept = malloc(16);
    kept[0] = (char)n;
    n = puts(kept);
    free(kept);
    return n;
''', [('gcc -fanalyzer', '[analyzer-possible-null-dereference]')]),
    ('a failure that is passed over', 'common/base/unchecked.c', HEAD + '''#include "common/base/err.h"
static int step(int n, struct su_err *err) SU_CHECKED;
static int step(int n, struct su_err *err)
{
    return n < 3 ? 0 : su_fail(err, SU_LIMIT, "too many");
}
int su_planted(int n)
{
    struct su_err err = SU_ERR_INIT;
    step(n, &err);
    return 0;
}
''', [('gcc -fanalyzer', '[unused-result]'), ('clang -Weverything', '[unused-result]')]),
    ('a null pointer that is read', 'common/base/null.c', '''
    const int *at = NULL;
    if (n > 3)
        at = &n;
    return *at;
''', [('gcc -fanalyzer', '[analyzer-null-dereference]'), ('clang analyzer', '[clang-analyzer-core.NullDereference]'), ('cppcheck', '[nullPointer]')]),
    ('a variable that nobody set', 'common/base/unset.c', '''
    int set;
    if (n > 3)
        set = 1;
    return set;
''', [('clang -Weverything', '[sometimes-uninitialized]'), ('clang analyzer', '[clang-analyzer-core.uninitialized.UndefReturn]')]),
    ('a read past the end', 'common/base/past.c', '''
    int four[4] = {n, n, n, n}, sum = 0;
    for (int i = 0; i <= 4; i++)
        sum += four[i];
    return sum;
''', [('cppcheck', '[arrayIndexOutOfBounds]')]),
    ('a text with no room for its end', 'common/base/ended.c', '''
    char four[4];
    (void)strncpy(four, "four", sizeof four);
    return (int)strlen(four) + n;
''', [('cppcheck', '[terminateStrncpy]'), (HOUSE, 'banned: strncpy')]),
    ('more bytes copied than there is room', 'common/base/room.c', '''
    char four[4];
    memcpy(four, "more than four", 10);
    return four[n & 3];
''', [('clang analyzer', '[clang-analyzer-alpha.unix.cstring.OutOfBounds]'), ('cppcheck', '[bufferAccessOutOfBounds]')]),
    ('the size of a pointer for that of what it points to', 'common/base/pointer.c', '''
    char text[16], *at = text;
    memset(at, n, sizeof at);
    return text[n & 7];
''', [('clang -Weverything', '[sizeof-pointer-memaccess]')]),
    ('a number that is cut', 'common/base/narrow.c', '''
    size_t long_one = strlen(getenv("HOME") ? "a" : "b") + (size_t)n;
    int short_one = long_one;
    return short_one;
''', [('clang -Weverything', '[shorten-64-to-32]'), ('clang-tidy', '[concurrency-mt-unsafe]')]),
    ('a banned function', 'common/base/banned.c', '''
    char four[4];
    strcpy(four, n > 3 ? "a" : "b");
    return four[0];
''', [(HOUSE, 'banned: strcpy'), ('clang analyzer', '[clang-analyzer-security.insecureAPI.strcpy]')]),
    ('a semicolon too many', 'common/base/semicolon.c', '''
    if (n > 3);
        n = 3;
    return n;
''', [('clang-tidy', '[bugprone-suspicious-semicolon]')]),
    ('two branches alike', 'common/base/alike.c', '''
    if (n > 3)
        n = n * 2 + 1;
    else
        n = n * 2 + 1;
    return n;
''', [('clang-tidy', '[bugprone-branch-clone]')]),
    ('a function that calls itself without a bound', 'common/base/itself.c', '    return n < 1 ? 0 : n + su_planted(n - 1);\n',
     [('clang-tidy', '[misc-no-recursion]')]),
    ('a function of 80 lines', 'common/base/lines.c', f'    int total = 0;\n    const char *text = "{"a" * 80}";\n{STEPS}    return total + n;\n',
     [(HOUSE, 'a function of 8'), ('clang-tidy', '[readability-function-size]')]),
    ('a function nobody can follow', 'common/base/deep.c', f'    int sum = 0, most = n;\n{DEEP}{DEEP}    return sum;\n',
     [('clang-tidy', '[readability-function-cognitive-complexity]')]),
    ('a header that needs another one first', 'common/base/needs.h',
     '/*\n * needs.h - a header that is no good alone.\n */\n#ifndef SU_NEEDS_H\n#define SU_NEEDS_H\nsize_t su_needs(void);\n#endif\n',
     [('headers alone', 'unknown type name')]),
    ('a header that does not say what it is for', 'common/base/silent.h', '#ifndef SU_SILENT_H\n#define SU_SILENT_H\n#endif\n', [(HOUSE, 'does not open with its role')]),
    ('a header of a layer above', 'common/base/above.c', HEAD + '#include "common/sys/file.h"\nint su_planted(int n) { return n; }\n', [(HOUSE, 'a layer above it')]),
    ("a library's header outside of its adapter", 'common/base/adapter.c', HEAD + '#include <sqlite3.h>\nint su_planted(int n) { return n; }\n', [(HOUSE, 'which belongs to')]),
    ('a function that no other file uses', 'common/base/unused.c', HEAD + 'int su_planted_alone(void);\nint su_planted_alone(void) { return 1; }\n', [(HOUSE, 'is used by no other file')]),
    ('a suppression without a reason', 'common/base/reason.c', '    return n; /* NOLINT(misc-no-recursion) */\n', [('', 'a suppression names its check and its reason')]),
    ('a suppression that meets nothing', 'common/base/stale.c', '    return n; /* NOLINT(misc-no-recursion): as it was */\n', [('', 'nothing is found here any more')]),
    ('a suppression in a script that meets nothing', 'tests/stale.sh', '#!/bin/sh\n# shellcheck disable=SC2086 # as it was\necho "$1"\n', [('', 'nothing is found here any more: shellcheck')]),
    ('memory that a test uses after it was freed', 'tests/unit/test_freed.c', '#include <stdlib.h>\n\nint main(int count, char **words)\n{\n    char *kept = malloc(16);\n'
     '    if (!kept)\n        return 1;\n    kept[0] = words[0][0];\n    free(kept);\n    return *kept + count;\n}\n', [('gcc -fanalyzer', '[analyzer-use-after-free]')]),
    ('a shell word that falls apart', 'tests/apart.sh', '#!/bin/sh\nrm -rf $1/kept\n', [('shellcheck', '[SC2086]')]),
    ('a name that Python does not know', 'tests/name.py', 'print(unknown)\n', [('pyflakes', 'undefined name')]),
]


def write(tree, path, text):
    to = os.path.join(tree, path)
    os.makedirs(os.path.dirname(to), exist_ok=True)
    with open(to, 'w', encoding='utf-8') as out:
        out.write(text)


def plant(tree, build):
    """The tree, and the objects whose symbols the house rules look at."""
    shutil.rmtree(tree, ignore_errors=True)
    for path in ('.clang-tidy', '.shellcheckrc', 'tests/lint/house.py', 'tests/lint/analyse.py', 'common/base/err.h', 'common/base/message.def',
                 'common/sys/file.h', 'common/base/buf.h', 'common/base/limits.h', 'common/base/text.h'):
        os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
        shutil.copy(os.path.join(TOP, path), os.path.join(tree, path))
    subprocess.run(['git', 'init', '-q', tree], check=True) # scripts are those that git knows
    for path, text in GOOD.items():
        write(tree, path, text)
    for _, path, text, _ in DEFECTS:
        is_body = path.endswith('.c') and 'int su_planted' not in text and '#include' not in text
        write(tree, path, HEAD + 'int su_planted(int n)\n{' + ('' if text.startswith('\n') else '\n') + text + '}\n' if is_body else text)
    for path in [p for p in list(GOOD) + [d[1] for d in DEFECTS] if p.startswith('common/') and p.endswith('.c')]:
        to = os.path.join(build, path[:-2] + '.o')
        os.makedirs(os.path.dirname(to), exist_ok=True)
        subprocess.run(['gcc', '-w', *shlex.split(os.environ['FLAGS']), '-c', path, '-o', to], cwd=tree, check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', required=True)
    where = os.path.join(os.path.abspath(parser.parse_args().build), 'lint', 'planted')
    tree, build = os.path.join(where, 'tree'), os.path.join(where, 'build')
    plant(tree, build)

    def said(*command):
        done = subprocess.run([sys.executable, '-B', *command], cwd=tree, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    house = said('tests/lint/house.py', build)
    analysers = said('tests/lint/analyse.py', '--build', build, '--small')
    lines = [(HOUSE, line) for line in house[1].splitlines()] + [(line.rsplit('(', 1)[-1].rstrip(')'), line) for line in analysers[1].splitlines()]
    bad = 0
    for what, path, _, finders in DEFECTS:
        for who, words in finders:
            if not any(f'lint: {path}' in line and words in line and who in by for by, line in lines if (by == HOUSE) == (who == HOUSE)):
                print(f'lint: planted: {what} ({path}): not found by {who or "analyse.py"}: {words}')
                bad += 1
    for _, line in lines:
        if 'common/base/planted.' in line and 'is used by' not in line:
            print(f'lint: planted: a finding where nothing is wrong: {line}')
            bad += 1
    if house[0] != 1 or analysers[0] != 1:
        print(f'lint: planted: with defects the exit statuses are {house[0]} and {analysers[0]}\n{house[1][-2000:]}{analysers[1][-2000:]}')
        bad += 1
    print(f'planted: {len(DEFECTS)} defects, {sum(len(d[3]) for d in DEFECTS)} times to be found, {bad} wrong')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
