#!/usr/bin/env python3
"""edit.py - makes a bad bundle of a good one, as a line of bad.tsv says.

    edit.py FOLDER EDITS

FOLDER is a copy of a vector that may be changed. EDITS are parted by " ; ":

    flip FILE OFFSET BIT    cut FILE LENGTH        grow FILE HEX          create FILE HEX
    remove FILE             rename FILE NEW        link FILE              folder NAME
    take FILE PATH          FILE becomes a copy of PATH, beside this program
    text OLD => NEW         replaces the one place in MANIFEST.TXT; \\n \\r \\0 and nothing else are escapes
    stream OLD => NEW       the same in the unpacked metadata frame; packs it again, then as seal
    profile                 brings the profile digest in the manifest up to date
    seal                    brings sizes and hashes of the volume in the manifest up to date
    sign, sign-site         signs MANIFEST.TXT with the hub's (RFC 8032 TEST 1) or the site's key (TEST 2)
"""
import hashlib, os, re, shutil, subprocess, sys, tempfile

KEYS = {"sign": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "sign-site": "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"}
HERE = os.path.dirname(os.path.abspath(__file__))
folder = sys.argv[1]

def path(name):
    return os.path.join(folder, name)

def read(name):
    with open(path(name), "rb") as f:
        return f.read()

def write(name, data):
    with open(path(name), "wb") as f:
        f.write(data)

def replace(data, edit):
    old, new = (x.replace("\\n", "\n").replace("\\r", "\r").replace("\\0", "\0").encode() for x in edit.split(" => "))
    if data.count(old) != 1:
        sys.exit(f"edit.py: {old} stands {data.count(old)} times")
    return data.replace(old, new)

def volume_name():
    return re.search(rb"\nvolume 1 (\S+) ", read("MANIFEST.TXT"))[1].decode()

def profile(_):
    manifest = read("MANIFEST.TXT")
    lines = re.search(rb"\nprofile \w+\n((?:.*\n)*?express \w+\n)", manifest)[1]
    write("MANIFEST.TXT", re.sub(rb"\nprofile \w+\n", b"\nprofile " + hashlib.sha256(lines).hexdigest().encode() + b"\n", manifest))

def seal(_=""):
    name = volume_name()
    data, manifest = read(name), read("MANIFEST.TXT").decode()
    digest = hashlib.sha256(data).hexdigest()
    manifest = re.sub(rf"volume 1 {name} \d+ data\n\w+  {name}\nblock \w+\n", f"volume 1 {name} {len(data)} data\n{digest}  {name}\nblock {digest}\n", manifest)
    write("MANIFEST.TXT", manifest.encode())

def stream(edit):
    """The frame is the last item, so it may change its length; the tar header is nobody's business."""
    name, manifest = volume_name(), read("MANIFEST.TXT").decode()
    _, offset, length = (int(x) for x in re.search(r"\nframe (\d+) 1:(\d+):(\d+)\n", manifest).groups())
    data = read(name)
    raw = replace(subprocess.run(["zstd", "-dc"], input=data[offset:offset + length], stdout=subprocess.PIPE, check=True).stdout, edit)
    packed = subprocess.run(["zstd", "-c"], input=raw, stdout=subprocess.PIPE, check=True).stdout
    write(name, data[:offset] + packed + bytes(-len(packed) % 512) + bytes(1024))
    write("MANIFEST.TXT", re.sub(r"\nframe .*\n", f"\nframe {len(raw)} 1:{offset}:{len(packed)}\n", manifest).encode())
    seal()

def sign(command):
    name = next(n for n in os.listdir(folder) if n.endswith(".SIG"))
    with tempfile.TemporaryDirectory() as temp:
        key = os.path.join(temp, "key")
        with open(key, "wb") as f:
            f.write(bytes.fromhex("302e020100300506032b657004220420" + KEYS[command]))
        subprocess.run(["openssl", "pkeyutl", "-sign", "-keyform", "DER", "-inkey", key, "-rawin", "-in", path("MANIFEST.TXT"), "-out", path(name)], check=True)

for line in sys.argv[2].split(" ; "):
    command, _, rest = line.partition(" ")
    words = rest.split(" ")
    if command == "flip":
        data = bytearray(read(words[0]))
        data[int(words[1])] ^= 1 << int(words[2])
        write(words[0], data)
    elif command == "cut":
        write(words[0], read(words[0])[:int(words[1])])
    elif command == "grow":
        write(words[0], read(words[0]) + bytes.fromhex(words[1]))
    elif command == "create":
        write(words[0], bytes.fromhex(words[1]))
    elif command == "remove":
        os.remove(path(words[0]))
    elif command == "rename":
        os.rename(path(words[0]), path(words[1]))
    elif command == "link":
        os.rename(path(words[0]), folder.rstrip("/") + ".linked")
        os.symlink(os.path.abspath(folder.rstrip("/") + ".linked"), path(words[0]))
    elif command == "folder":
        os.mkdir(path(words[0]))
    elif command == "take":
        shutil.copyfile(os.path.join(HERE, words[1]), path(words[0]))
    elif command == "text":
        write("MANIFEST.TXT", replace(read("MANIFEST.TXT"), rest))
    elif command in ("stream", "seal", "profile"):
        globals()[command](rest)
    elif command in KEYS:
        sign(command)
    elif command != "none":
        sys.exit(f"edit.py: unknown edit {command}")
