"""peers.py - what people use instead: they carry the plain database as a file, and the content beside it.

They insert no rows, parse nothing and prove no closure. Each runs in the way its manual shows, with
both processors where it can. A tool that is not installed is named and left out.
"""
import os
import shutil
import subprocess

from steps import missing_or_different, tree_bytes

INSTALL = "apt-get install restic borgbackup minisign zstd tar"


class Peer:
    name = ""
    tools = ()
    env = {}
    verify = None  # command of a check without import, or None
    is_one_medium = True  # the second month goes to the same medium, beside the first

    def prepare(self, run):
        """What is made once, before the first export."""

    def missing(self):
        return [tool for tool in self.tools if not shutil.which(tool)]


class Copy(Peer):
    name, tools = "cp -a", ("cp",)

    def export(self, kind, work):
        return [["cp", "-a", "-u", "tree/.", "medium/"]]

    def load(self, _):
        return [["cp", "-a", "-u", "medium/.", "restored/"]]


class Tar(Peer):
    name, tools = "tar+zstd+sums", ("tar", "zstd", "sha256sum", "minisign")
    is_one_medium = False

    def prepare(self, run):
        run(["minisign", "-G", "-W", "-f", "-p", "m.pub", "-s", "m.key"])

    def export(self, kind, work):
        newer = f"--newer-mtime=@{os.path.getmtime(work + '/ref/content1'):.6f}" if kind == "delta" else ""
        return [["sh", "-c", f"tar -c {newer} -C tree . | zstd -q -3 -T0 -o medium/set.tar.zst && cd medium &&"
                 "sha256sum set.tar.zst > SHA256SUMS && minisign -S -W -s ../m.key -m SHA256SUMS"]]

    verify = [["sh", "-c", "cd medium && minisign -V -q -p ../m.pub -m SHA256SUMS && sha256sum --quiet -c SHA256SUMS"]]

    def load(self, _):
        return self.verify + [["sh", "-c", "zstd -q -dc medium/set.tar.zst | tar -x -C restored"]]


class Restic(Peer):
    name, tools = "restic", ("restic",)
    env = {"RESTIC_REPOSITORY": "../medium", "RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": "../cache"}

    def prepare(self, run):
        run(["sh", "-c", "cd tree && restic -q init"])

    def export(self, kind, work):
        return [["sh", "-c", "cd tree && restic -q backup ."]]

    verify = [["sh", "-c", "cd tree && restic -q check --read-data"]]

    def load(self, _):
        return [["sh", "-c", "cd tree && restic -q restore latest --target ../restored"]]


class Borg(Peer):
    name, tools = "borg", ("borg",)
    env = {"BORG_REPO": "../medium", "BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": "../cache",
           "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}

    def prepare(self, run):
        run(["sh", "-c", "cd tree && borg init -e authenticated"])

    def export(self, kind, work):
        return [["sh", "-c", f"cd tree && borg create -C zstd,3 ::{kind} ."]]

    verify = [["sh", "-c", "cd tree && borg check --verify-data"]]

    def load(self, kind):
        return [["sh", "-c", f"cd restored && borg extract ::{kind}"]]


FOLDERS = ("medium", "restored", "cache")
ALL = (Copy(), Tar(), Restic(), Borg())


def absolute(env, work):
    """Programs change folders: paths of the environment start at the work folder."""
    return {k: os.path.join(work, v[3:]) if v.startswith("../") else v for k, v in env.items()}


def play(log, peer):
    work, env = log.work, absolute(peer.env, log.work)
    medium, tree = log.path("medium"), log.path("tree")
    for folder in FOLDERS:
        shutil.rmtree(log.path(folder), ignore_errors=True)
        os.mkdir(log.path(folder))

    def timed(what, commands, *reads):
        log.run(peer.name, what, *commands, reads=reads, cwd=work, env=env)
    before = 0
    for number, kind in ((1, "full"), (2, "delta")):
        os.rename(log.path("ref", f"tree{number}"), tree)
        try:
            if number == 1:
                peer.prepare(lambda command: subprocess.run(command, check=True, cwd=work, env={**os.environ, **env},
                                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            elif not peer.is_one_medium:
                shutil.rmtree(medium)
                os.mkdir(medium)
                before = 0
            timed(f"export, {kind}", peer.export(kind, work), "tree", "medium")
            log.bytes[peer.name, kind] = tree_bytes(medium) - before
            before = tree_bytes(medium)
            if peer.verify and number == 1:
                timed("verify, full", peer.verify, "medium")
            timed(f"import, {kind}", peer.load(kind), "medium")
            if log.round == 1:
                bad = missing_or_different(tree, log.path("restored"))
                if bad:
                    log.invalid(f"{peer.name} gave back {len(bad)} files wrong, as {bad[0]}")
        finally:
            os.rename(tree, log.path("ref", f"tree{number}"))
    for folder in FOLDERS:
        shutil.rmtree(log.path(folder))
