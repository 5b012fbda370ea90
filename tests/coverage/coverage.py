#!/usr/bin/env python3
"""coverage.py BUILD [--list MODULE-OR-FILE]... - what the tests of a build with gcov have run, by module.

Prints a table: lines and branches of each module, how many branches were never taken, and why, by the classes of
gaps.tsv. A branch stands for one side of one condition; gcov counts them at -O0. A gap without a reason is printed
whole with --list. Ends with status 1 when gaps.tsv names a gap that is none, or a module has more gaps without a reason
than gaps.tsv allows.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


def add_up(build, into):
    """The counters of all tests in BUILD/ran as one tree, with the notes of the compiler beside them."""
    ran = os.path.join(build, "ran")
    tests = [os.path.join(ran, name) for name in sorted(os.listdir(ran))]
    total = tests[0]
    for at, test in enumerate(tests[1:]):
        new = os.path.join(into, str(at))
        subprocess.run(["gcov-tool", "merge", total, test, "-o", new], check=True, capture_output=True)
        if at:
            shutil.rmtree(total)
        total = new
    for part in ("common", "tools"):
        for folder, _, names in os.walk(os.path.join(build, part)):
            for name in names:
                if name.endswith(".gcno"):
                    os.makedirs(total + folder, exist_ok=True)
                    shutil.copy(os.path.join(folder, name), total + folder)
    return total + build


BARE = re.compile(r"^(\}? *(else )?(if|while) \()?!?\*?[\w.>\[\]-]+\)* *\{?$")  # a pointer and nothing else


def gcov(build):
    """For each source file: {line: (count, function, [branch counts])}, summed over the tests."""
    found = sorted(os.path.join(folder, name) for part in ("common", "tools") for folder, _, names in os.walk(os.path.join(build, part))
                   for name in names if name.endswith(".gcno"))
    files = {}
    for at in range(0, len(found), 50):
        text = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", *found[at:at + 50]], cwd=TOP,
                              capture_output=True, check=True, text=True).stdout
        for document in text.splitlines():
            for file in json.loads(document)["files"] if document.startswith("{") else []:
                name = os.path.relpath(os.path.join(TOP, file["file"]), TOP)
                if not name.startswith(("common/", "tools/")) or not name.endswith(".c"):
                    continue
                lines = files.setdefault(name, {})
                for line in file["lines"]:
                    lines[line["line_number"]] = (line["count"], line.get("function_name"), [b["count"] for b in line["branches"]])
    return files


def operands(text):
    """The conditions of a line in the order in which they are asked."""
    text = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    text = re.sub(r"'(\\.|[^'\\])*'", "' '", text)
    return [part for part in re.split(r"\|\||&&|\?|;", text) if re.search(r"[<>=!]|\bif\b|\bwhile\b|\bfor\b|\w", part)]


def load_rules():
    """gaps.tsv: rules (reason, pattern of the condition), single gaps (file, text, reason), allowances (module, count)."""
    rules, single, allowed, names = [], {}, {}, {}
    for line in open(os.path.join(HERE, "gaps.tsv")):
        if line.startswith("#") or not line.strip():
            continue
        kind, *rest = line.rstrip("\n").split("\t")
        if kind == "reason":
            names[rest[0]] = rest[1]
        elif kind == "rule":
            rules.append((rest[0], re.compile(rest[1])))
        elif kind == "gap":
            single[(rest[1], rest[2])] = rest[0]
        elif kind == "allow":
            allowed[rest[0]] = int(rest[1])
        else:
            sys.exit(f"gaps.tsv: {line}")
    for reason in [r for r, _ in rules] + list(single.values()):
        assert reason in names, f"gaps.tsv: reason {reason} is not described"
    return rules, single, allowed, names


def module_of(name):
    return os.path.dirname(name)


def gaps_of(name, lines):
    """Each branch that was never taken, and each line never run that holds none: (line, text of the condition)."""
    source = [""] + open(os.path.join(TOP, name)).read().split("\n")
    for number, (count, _, branches) in sorted(lines.items()):
        asked = operands(source[number])
        for at, taken in enumerate(branches):
            if taken == 0:
                part = asked[at // 2] if len(branches) == 2 * len(asked) else source[number]
                yield number, part.strip(), count
        if count == 0 and not branches:
            yield number, source[number].strip(), None


def why(name, number, text, source, rules, single, used):
    for key in ((name, source[number].strip()), (name, text)):
        if key in single:
            used.add(key)
            return single[key]
    # What the condition guards says most, then what came before it, then its own words.
    guarded, before = " ".join(source[number:number + 3]), " ".join(source[max(number - 3, 0):number])
    for reason, pattern in rules:
        where = {"=>": guarded, "<=": before}.get(pattern.pattern[:2])
        if where is not None and re.search(pattern.pattern[2:], where) and (pattern.pattern[:2] == "=>" or BARE.search(text)):
            return reason
    for reason, pattern in rules:
        if pattern.search(text):
            return reason
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--list", action="append", default=[])
    options = parser.parse_args()
    rules, single, allowed, names = load_rules()
    table, reasons, unexplained, used = defaultdict(Counter), defaultdict(Counter), defaultdict(list), set()
    with tempfile.TemporaryDirectory() as into:
        held = gcov(add_up(os.path.realpath(options.build), into))
    for name, lines in sorted(held.items()):
        source = [""] + open(os.path.join(TOP, name)).read().split("\n")
        row = table[module_of(name)]
        for count, _, branches in lines.values():
            row["lines"] += 1
            row["lines run"] += count > 0
            row["branches"] += len(branches)
            row["branches taken"] += sum(taken > 0 for taken in branches)
        for number, text, count in gaps_of(name, lines):
            reason = why(name, number, text, source, rules, single, used)
            if count is None:  # a line: told, but it is no branch; the branch before it has the reason
                if reason is None and re.search(r"\bsu_fail", text):
                    unexplained[name].append((number, text, "never run"))
                continue
            reasons[module_of(name)][reason] += 1
            if reason is None:
                unexplained[name].append((number, text, "one side never taken" if count else "never reached"))
    order = [r for r in names if any(reasons[m][r] for m in reasons)]
    print(f"{'module':26} {'lines':>13} {'branches':>13} {'not taken':>9}", *[f"{r:>12}" for r in order], f"{'no reason':>9}")
    failed = total = 0
    sums = Counter()
    for module, row in table.items():
        none = reasons[module][None]
        sums += row
        total += none
        print(f"{module:26} {row['lines']:6} {100 * row['lines run'] / row['lines']:5.1f}% {row['branches']:6} "
              f"{100 * row['branches taken'] / max(1, row['branches']):5.1f}% {row['branches'] - row['branches taken']:9}",
              *[f"{reasons[module][r]:12}" for r in order], f"{none:9}")
        if none > allowed.get(module, none):
            failed += 1
            print(f"  {module}: {none} branches were never taken for no reason given, {allowed[module]} are allowed")
    for module, part in (("all", lambda _: True),):
        print(f"{module:26} {sums['lines']:6} {100 * sums['lines run'] / sums['lines']:5.1f}% {sums['branches']:6} "
              f"{100 * sums['branches taken'] / sums['branches']:5.1f}% {sums['branches'] - sums['branches taken']:9}",
              *[f"{sum(reasons[m][r] for m in reasons):12}" for r in order], f"{total:9}")
    for name, listed in unexplained.items():
        if any(name == wanted or module_of(name) == wanted or wanted == "all" for wanted in options.list):
            for number, text, what in listed:
                print(f"{name}:{number}: {what}: {text}")
    for key in single:
        if key not in used:
            failed += 1
            print(f"gaps.tsv names a gap that is none: {key[0]}: {key[1]}")
    print(f"{sums['branches taken']} of {sums['branches']} branches taken, {total} of the others without a reason, {failed} findings")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
