#!/usr/bin/env python3
"""check_vectors.py - brings every line of tests/vectors/bad.tsv to suimport and to the independent reader.

    check_vectors.py SUIMPORT WORK

Makes the sites the table names in WORK, then each bad bundle in a folder of its own, on both processors, and prints
every answer that is not the stated one. Ends with 1 when there was any, or when the table is no table.
"""
import concurrent.futures, copy, json, os, shutil, subprocess, sys

TESTS = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(TESTS, "vectors")
sys.path[:0] = [TESTS, VECTORS]
import edit, verify_bundle

# What a site knows: its code, the keys it pinned, the bundles it has imported, more words for the reader.
SITES = {
    "new": ("ALPHA", ["hub.pub"], 0, []),
    "at-1": ("ALPHA", ["hub.pub"], 1, []),
    "at-2": ("ALPHA", ["hub.pub"], 2, []),
    "untrusting": ("ALPHA", [], 0, []),
    "bravo": ("BRAVO", ["hub.pub"], 0, []),
}
SUIMPORT, WORK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])

def suimport(home, *arguments):
    done = subprocess.run([SUIMPORT, "--home", home, "--quiet", *arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.returncode, json.loads(done.stdout or b"{}")

def digest(home):
    return suimport(home, "status")[1]["state_digest"]

def bundle(number):
    return os.path.join(VECTORS, f"SU-ALPHA-{number:06}")

def make_site(name):
    code, keys, bundles, _ = SITES[name]
    home = os.path.join(WORK, name)
    for command in [("init", "--site", code), *(("trust", "add", os.path.join(VECTORS, k)) for k in keys), *(("import", bundle(n + 1)) for n in range(bundles))]:
        status, answer = suimport(home, *command)
        if status:
            sys.exit(f"{name}: {command} ended with {status}: {answer}")
    return name, digest(home)

def reader(name): # its options and what it knows, for that site
    code, keys, bundles, more = SITES[name]
    options = verify_bundle.arguments(["--site", code, *more, *(x for k in keys for x in ("--key", os.path.join(VECTORS, k)))])
    site = verify_bundle.new_site(options)
    for n in range(bundles):
        verify_bundle.judge(bundle(n + 1), options, site)
    return options, site

def bring(row):
    name, source, home, edits, verify, verdict, status, message = row
    work = os.path.join(WORK, "rows", name)
    folder = os.path.join(work, source)
    shutil.copytree(os.path.join(VECTORS, source), folder)
    shutil.copytree(os.path.join(WORK, home), os.path.join(work, "home"))
    if os.path.isdir(os.path.join(VECTORS, "SU-POOL")):
        shutil.copytree(os.path.join(VECTORS, "SU-POOL"), os.path.join(work, "SU-POOL"))
    edit.apply(folder, edits)
    options, site = READERS[home]
    text, have = "", [suimport(os.path.join(work, "home"), "verify", folder)[1].get("verdict", "-")]
    try:
        verify_bundle.judge(folder, options, copy.deepcopy(site))
        have += ["good", "0"]
    except verify_bundle.Bad as bad:
        have, text = have + [bad.verdict, str(bad.status)], str(bad)
    have.append(str(suimport(os.path.join(work, "home"), "plan", folder)[0]))
    code, answer = suimport(os.path.join(work, "home"), "import", folder)
    have += [str(code), str(answer.get("error", {}).get("id", "-"))]
    want = [verify, verdict, status, status, status, message]
    said = [] if have == want else [f"{name}: expected {want}, got {have}; {text}"]
    if int(status) not in (0, 9) and digest(os.path.join(work, "home")) != DIGESTS[home]:
        said.append(f"{name}: the site changed")
    shutil.rmtree(work)
    return said

def main():
    with open(os.path.join(VECTORS, "bad.tsv"), encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    names = [row[0] for row in rows]
    if len(rows) < 130 or len(set(names)) != len(names) or any(len(row) != 8 or row[2] not in SITES for row in rows):
        sys.exit("bad.tsv is no table of vectors")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool: # the work is in other processes
        DIGESTS.update(pool.map(make_site, SITES))
        READERS.update(zip(SITES, pool.map(reader, SITES)))
        said = [line for lines in pool.map(bring, rows) for line in lines]
    print(*said, f"{len(rows)} vectors, {len(said)} wrong answers", sep="\n")
    return 1 if said else 0

DIGESTS, READERS = {}, {}
if __name__ == "__main__":
    sys.exit(main())
