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

# What a site knows: its code, the keys it pins, how many bundles (or which) it imports, what it says then, more words for the reader.
HUB, REVIEWER = ("exporter", "hub.pub"), ("reviewer", "reviewer.pub")
SITES = {
    "new": ("ALPHA", [HUB], 0, [], []),
    "at-1": ("ALPHA", [HUB], 1, [], []),
    "at-2": ("ALPHA", [HUB], 2, [], []),
    "at-3": ("ALPHA", [HUB], 3, [], []),
    "at-4": ("ALPHA", [HUB], 4, [], []),
    "at-1U": ("ALPHA", [HUB], [1, "U"], [], []),
    "untrusting": ("ALPHA", [], 0, [], []),
    "bravo": ("BRAVO", [HUB], 0, [], []),
    "reviewed": ("ALPHA", [HUB, REVIEWER], 2, ["trust policy --reviewer 1"], ["--policy", "exporter=1,reviewer=1"]),
    "revoking": ("ALPHA", [HUB], 2, ["trust revoke rfc8032-1 --up-to 2"],
                 ["--revoked", "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9:2"]),
}
SUIMPORT, WORK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])

def suimport(home, *arguments):
    done = subprocess.run([SUIMPORT, "--home", home, "--quiet", *arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.returncode, json.loads(done.stdout or b"{}")

def digest(home):
    return suimport(home, "status")[1]["state_digest"]

def bundle(number): # "U": the urgent one
    return os.path.join(VECTORS, "SU-ALPHA-U00001" if number == "U" else f"SU-ALPHA-{number:06}")

def brought(bundles): # so many of the chain, or a list
    return bundles if isinstance(bundles, list) else [n + 1 for n in range(bundles)]

def make_site(name):
    code, keys, bundles, said, _ = SITES[name]
    home = os.path.join(WORK, name)
    for command in [("init", "--site", code), *(("trust", "add", os.path.join(VECTORS, k)) for _, k in keys),
                    *(("import", bundle(n)) for n in brought(bundles)), *(words.split() for words in said)]:
        status, answer = suimport(home, *command)
        if status:
            sys.exit(f"{name}: {command} ended with {status}: {answer}")
    return name, digest(home)

def reader(name): # its options and what it knows, for that site
    code, keys, bundles, _, more = SITES[name]
    words = ["--site", code, *(x for role, k in keys for x in ("--key", f"{role}:{os.path.join(VECTORS, k)}"))]
    before, options = verify_bundle.arguments(words), verify_bundle.arguments(words + more)
    site = verify_bundle.new_site(before)
    for n in brought(bundles):
        verify_bundle.judge(bundle(n), before, site)
    return options, site | {"revoked": verify_bundle.new_site(options)["revoked"] | site["revoked"]}

def bring(row):
    name, source, home, edits, verify, verdict, status, message = row
    work = os.path.join(WORK, "rows", name)
    folder = os.path.join(work, source)
    shutil.copytree(os.path.join(VECTORS, source), folder)
    shutil.copytree(os.path.join(WORK, home), os.path.join(work, "home"))
    if os.path.isdir(os.path.join(VECTORS, "SU-POOL")):
        shutil.copytree(os.path.join(VECTORS, "SU-POOL"), os.path.join(work, "SU-POOL"))
    try:
        edit.apply(folder, edits)
    except (edit.Unmade, OSError, LookupError, ValueError, subprocess.CalledProcessError) as why:
        return [f"{name}: cannot be made: {why}"]
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
