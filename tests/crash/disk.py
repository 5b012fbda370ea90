"""disk.py - what a disk may hold after the power went: a model of files and directories that lose what was not synced.

A Disk begins as a copy of a folder, all of it durable, and is told the calls of a program one by one, from the
tracer's log. At any moment it can be asked for a state the disk may be in:

  what was synced is there;
  bytes written and not synced are there, absent or torn, each page of 4 KiB for itself, in sectors of 512 bytes;
  a file may be as long as it was made and hold zeros there, or be as short as before;
  a name made, changed or removed is so or not, each for itself, until its directory was synced (that of a file says
  nothing about its name); a rename happens as a whole or not at all;
  syncfs makes everything durable, sync_file_range nothing.

This is more than any one file system may lose. The shared memory of SQLite's WAL is no durable state: it comes up
absent, as it was, or as noise.
"""
import hashlib
import os

PAGE, SECTOR = 4096, 512


class File:
    def __init__(self, content=b"", mode=0o600):
        self.durable, self.now, self.pending, self.mode = content, bytearray(content), [], mode

    def apply(self, change):
        put(self.now, change)
        self.pending.append(change)

    def sync(self):
        if self.pending:
            self.durable, self.pending = bytes(self.now), []


class Folder:
    def __init__(self, mode=0o700):
        self.durable, self.now, self.mode = {}, {}, mode


def put(content, change):
    """A change is (place, bytes) or (length, None)."""
    place, what = change
    if what is None:
        del content[place:]
        content.extend(bytes(place - len(content)))
    else:
        if len(content) < place:
            content.extend(bytes(place - len(content)))
        content[place:place + len(what)] = what


class Strange(Exception):
    """A call that the model does not know."""


class Disk:
    """Of the files below `before`. The log speaks of a copy of that, at `top`, with `inodes` of its own: {path: number}."""

    def __init__(self, before, data, top, inodes):
        self.top, self.data = top, data
        self.root, self.inodes = Folder(), {}
        self.names = []  # changes of names that are not durable: (folder, ((folder, name, node or None), ...))
        self.load(before, "", self.root, inodes)

    def load(self, path, below, folder, inodes):
        with os.scandir(path) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    node = Folder(status.st_mode & 0o777)
                    self.load(entry.path, below + entry.name + "/", node, inodes)
                else:
                    with open(entry.path, "rb") as file:
                        node = File(file.read(), status.st_mode & 0o777)
                self.inodes[inodes[below + entry.name]] = node
                folder.durable[entry.name] = folder.now[entry.name] = node

    def find(self, path):
        """(folder, name) of an absolute path."""
        parts = os.path.relpath(path, self.top).split("/")
        folder = self.root
        for part in parts[:-1]:
            folder = folder.now[part]
        return folder, parts[-1]

    def rename(self, folder, *entries):
        for where, name, node in entries:
            if node is None:
                where.now.pop(name, None)
            else:
                where.now[name] = node
        self.names.append((folder, entries))

    def sync_folder(self, folder):
        self.names, done = [n for n in self.names if n[0] is not folder], [n for n in self.names if n[0] is folder]
        settle(done, lambda where: where.durable)

    def do(self, line):
        """One line of the log."""
        act, *rest = line.rstrip("\n").split("\t")
        if act == "create":
            folder, name = self.find(rest[1])
            self.inodes[int(rest[0])] = node = File()
            self.rename(folder, (folder, name, node))
        elif act == "nameless":
            self.inodes[int(rest[0])] = File()
        elif act == "write":
            start = int(rest[3])
            self.inodes[int(rest[0])].apply((int(rest[1]), self.data[start:start + int(rest[2])]))
        elif act == "truncate":
            self.inodes[int(rest[0])].apply((int(rest[1]), None))
        elif act == "rename":
            (old, old_name), (new, new_name) = self.find(rest[0]), self.find(rest[1])
            node = old.now[old_name]
            if new.now.get(new_name) is not node:  # between two links of one file it does nothing
                self.rename(new, (old, old_name, None), (new, new_name, node))
        elif act == "link":
            folder, name = self.find(rest[3])
            node = self.inodes.get(int(rest[0]))
            if node is None:  # from outside: nobody has synced it yet, for all we know
                self.inodes[int(rest[0])] = node = File()
                node.apply((0, self.data[int(rest[2]):int(rest[2]) + int(rest[1])]))
            self.rename(folder, (folder, name, node))
        elif act == "unlink":
            folder, name = self.find(rest[0])
            self.rename(folder, (folder, name, None))
        elif act == "mkdir":
            folder, name = self.find(rest[1])
            self.inodes[int(rest[0])] = node = Folder()
            self.rename(folder, (folder, name, node))
        elif act == "sync":
            node = self.inodes.get(int(rest[0]), self.root)
            if isinstance(node, Folder):
                self.sync_folder(node)
            else:
                node.sync()
        elif act == "syncfs":
            settle(self.names, lambda where: where.durable)
            self.names = []
            for node in self.inodes.values():
                if isinstance(node, File):
                    node.sync()
        elif act == "map" and not rest[1].endswith("-shm") or act == "strange":
            raise Strange(line)

    def is_settled(self):
        return not self.names and not any(isinstance(n, File) and n.pending for n in self.inodes.values())

    # States. A policy says of each change of names whether it is kept, and makes of a file its content.

    def build(self, keeps_name, content_of):
        """{path: bytes or None for a folder} with modes, as after a crash."""
        entries = {}

        def of(folder):
            if id(folder) not in entries:
                entries[id(folder)] = dict(folder.durable)
            return entries[id(folder)]

        settle([n for n in self.names if keeps_name()], of)
        contents, found = {}, {}

        def walk(folder, path):
            for name, node in sorted(of(folder).items()):
                if isinstance(node, Folder):
                    found[path + name] = (None, node.mode)
                    walk(node, path + name + "/")
                elif not name.endswith("-shm"):
                    if id(node) not in contents:
                        contents[id(node)] = content_of(node)
                    found[path + name] = (contents[id(node)], node.mode)

        walk(self.root, "")
        return found

    def states(self, chance, count):
        """The plain ones and `count` drawn by chance."""
        lost, kept = lambda: False, lambda: True
        yield self.build(lost, lambda f: f.durable)
        if self.is_settled():
            return
        yield self.build(kept, lambda f: bytes(f.now))
        yield self.build(kept, lambda f: f.durable)
        yield self.build(kept, zeros)
        yield self.build(lost, lambda f: bytes(f.now))
        for _ in range(count):
            names, share = chance.random(), chance.choice((0.1, 0.5, 0.9, 0.97))
            order = chance.random() < 0.5
            yield self.build(lambda n=names: chance.random() < n,
                             lambda f, s=share, o=order: prefix(f, chance) if o else torn(f, chance, s))


def settle(changes, entries_of):
    for _, entries in changes:
        for folder, name, node in entries:
            if node is None:
                entries_of(folder).pop(name, None)
            else:
                entries_of(folder)[name] = node


def zeros(file):
    """As long as it was made, and nothing in it that is new."""
    return file.durable[:len(file.now)] + bytes(max(0, len(file.now) - len(file.durable)))


def prefix(file, chance):
    """The first few changes in order, the last of them torn."""
    if not file.pending:
        return file.durable
    content, count = bytearray(file.durable), chance.randrange(len(file.pending) + 1)
    for change in file.pending[:count]:
        put(content, change)
    if count < len(file.pending):
        tear(content, file.pending[count], chance, 0.5)
    return bytes(content)


def torn(file, chance, share):
    """Any of the changes, in pages; some of those in sectors."""
    if not file.pending:
        return file.durable
    content = bytearray(file.durable)
    for change in file.pending:
        if change[1] is None:
            if chance.random() < share:
                put(content, change)
        else:
            tear(content, change, chance, share)
    if chance.random() < 0.3:
        content.extend(bytes(max(0, len(file.now) - len(content))))
    elif chance.random() < 0.3:
        del content[chance.choice((len(file.durable), len(file.now))):]
    return bytes(content)


def tear(content, change, chance, share):
    place, what = change
    if what is None:
        return
    at = 0
    while at < len(what):
        page = min(len(what) - at, PAGE - (place + at) % PAGE)
        draw = chance.random()
        if draw < share:
            put(content, (place + at, what[at:at + page]))
        elif draw < share + (1 - share) * 0.2:
            for sector in range(at, at + page, SECTOR):
                if chance.random() < 0.5:
                    put(content, (place + sector, what[sector:min(sector + SECTOR, at + page)]))
        at += page


def identity(state):
    whole = hashlib.sha256()
    for path, (content, _) in state.items():
        whole.update(path.encode() + b"\0" + (b"-" if content is None else hashlib.sha256(content).digest()))
    return whole.digest()


def write(state, top, chance):
    """Makes the folder `top` of a state."""
    os.mkdir(top)
    for path, (content, mode) in state.items():
        where = os.path.join(top, path)
        if content is None:
            os.mkdir(where, mode)
        else:
            with open(where, "wb", opener=lambda p, flags, m=mode: os.open(p, flags, m)) as file:
                file.write(content)
            if path.endswith("-wal") and chance.random() < 0.5:
                with open(where[:-4] + "-shm", "wb") as file:
                    file.write(chance.randbytes(32768))
