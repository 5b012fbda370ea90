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
    seal                    brings sizes and hashes of the first volume in the manifest up to date
    sign                    signs MANIFEST.TXT with the hub's key, in the file of that signature
    sign-as KEY FILE        signs it with the hub's, site's, reviewer's or next key (RFC 8032 TEST 1, 2, 3, 1024), in FILE
"""
import hashlib, os, re, shutil, subprocess, sys, tempfile

KEYS = {"hub": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "site": "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "reviewer": "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "next": "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5"}
HERE = os.path.dirname(os.path.abspath(__file__))

class Unmade(Exception):
    pass

class Folder:
    def __init__(self, folder):
        self.folder = folder.rstrip("/")

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name="MANIFEST.TXT"):
        with open(self.path(name), "rb") as f:
            return f.read()

    def write(self, data, name="MANIFEST.TXT"):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def volume_name(self):
        return re.search(rb"\nvolume 1 (\S+) ", self.read())[1].decode()

    def profile(self):
        manifest = self.read()
        lines = re.search(rb"\nprofile \w+\n((?:.*\n)*?express \w+\n)", manifest)[1]
        self.write(re.sub(rb"\nprofile \w+\n", b"\nprofile " + hashlib.sha256(lines).hexdigest().encode() + b"\n", manifest))

    def seal(self):
        name = self.volume_name()
        data, manifest = self.read(name), self.read().decode()
        digest = hashlib.sha256(data).hexdigest()
        self.write(re.sub(rf"volume 1 {name} \d+ data\n\w+  {name}\nblock \w+\n", f"volume 1 {name} {len(data)} data\n{digest}  {name}\nblock {digest}\n", manifest).encode())

    def stream(self, edit):
        """The frame is the last item, so it may change its length; the tar header is nobody's business."""
        name, manifest = self.volume_name(), self.read().decode()
        _, offset, length = (int(x) for x in re.search(r"\nframe (\d+) 1:(\d+):(\d+)\n", manifest).groups())
        data = self.read(name)
        raw = replace(subprocess.run(["zstd", "-dc"], input=data[offset:offset + length], stdout=subprocess.PIPE, check=True).stdout, edit)
        packed = subprocess.run(["zstd", "-c"], input=raw, stdout=subprocess.PIPE, check=True).stdout
        self.write(data[:offset] + packed + bytes(-len(packed) % 512) + bytes(1024), name)
        self.write(re.sub(r"\nframe .*\n", f"\nframe {len(raw)} 1:{offset}:{len(packed)}\n", manifest).encode())
        self.seal()

    def sign(self, key, name):
        with tempfile.NamedTemporaryFile() as private:
            private.write(bytes.fromhex("302e020100300506032b657004220420" + KEYS[key]))
            private.flush()
            subprocess.run(["openssl", "pkeyutl", "-sign", "-keyform", "DER", "-inkey", private.name, "-rawin", "-in", self.path("MANIFEST.TXT"),
                            "-out", self.path(name)], check=True)

    def flip(self, name, offset, bit):
        data = bytearray(self.read(name))
        data[int(offset)] ^= 1 << int(bit)
        self.write(data, name)

    def link(self, name):
        os.rename(self.path(name), self.folder + ".linked")
        os.symlink(os.path.abspath(self.folder + ".linked"), self.path(name))

def replace(data, edit):
    old, new = (x.replace("\\n", "\n").replace("\\r", "\r").replace("\\0", "\0").encode() for x in edit.split(" => "))
    if data.count(old) != 1:
        raise Unmade(f"{old} stands {data.count(old)} times")
    return data.replace(old, new)

def apply(folder, edits):
    f = Folder(folder)
    does = {"flip": f.flip, "cut": lambda name, length: f.write(f.read(name)[:int(length)], name), "link": f.link,
            "grow": lambda name, data: f.write(f.read(name) + bytes.fromhex(data), name),
            "create": lambda name, data: f.write(bytes.fromhex(data), name), "remove": lambda name: os.remove(f.path(name)),
            "rename": lambda name, new: os.rename(f.path(name), f.path(new)), "folder": lambda name: os.mkdir(f.path(name)),
            "take": lambda name, source: shutil.copyfile(os.path.join(HERE, source), f.path(name)), "none": lambda: None,
            "profile": f.profile, "seal": f.seal, "sign": lambda: f.sign("hub", "06E3FD8F.SIG"), "sign-as": f.sign}
    for line in edits.split(" ; "):
        command, _, rest = line.partition(" ")
        if command == "text":
            f.write(replace(f.read(), rest))
        elif command == "stream":
            f.stream(rest)
        elif command in does:
            does[command](*rest.split(" ") if rest else ())
        else:
            raise Unmade(f"unknown edit {command}")

if __name__ == "__main__":
    try:
        apply(sys.argv[1], sys.argv[2])
    except Unmade as why:
        sys.exit(f"edit.py: {why}")
