"""at_sign.py - seals and signs a bundle that was changed, as somebody who holds the key could."""
import hashlib
import os
import re
import subprocess


def reseal(folder, key):
    """Hash and blocks of the first volume, then the signatures."""
    path = os.path.join(folder, "MANIFEST.TXT")
    manifest = open(path, "rb").read()
    name = re.search(rb"\nvolume 1 (\S+) ", manifest)[1]
    data = open(os.path.join(folder, name.decode()), "rb").read()
    blocks = b"".join(b"block " + hashlib.sha256(data[i:i + 2**20]).hexdigest().encode() + b"\n" for i in range(0, len(data), 2**20))
    manifest = re.sub(rb"(volume 1 \S+) \d+ data\n\w+  (\S+)\n(block \w+\n)+",
                      lambda m: m[1] + b" %d data\n" % len(data) + hashlib.sha256(data).hexdigest().encode() + b"  " + m[2] + b"\n" + blocks, manifest, count=1)
    with open(path, "wb") as out:
        out.write(manifest)
    sign(folder, key)


def sign(folder, key):
    made = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", os.path.join(folder, "MANIFEST.TXT")], stdout=subprocess.PIPE, check=True).stdout
    for name in os.listdir(folder):
        if name.endswith(".SIG"):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(made)
