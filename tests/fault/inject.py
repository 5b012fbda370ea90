"""inject.py - the plan that inject.c reads: which calls count, which of them fails."""
import errno
import mmap
import os
import struct

KINDS = ("malloc", "open", "read", "write", "sync", "rename", "close", "unlink", "mmap", "truncate", "mkdir", "stat",
         "list", "lock", "start", "out", "random", "behind")
MAX_STACKS = 1 << 20
HEAD = struct.Struct("=IIIIiIII")  # as struct plan
COUNTS = struct.Struct(f"=II{len(KINDS)}I")
COUNTS_AT = HEAD.size
HIT_AT = (COUNTS_AT + COUNTS.size + 7) // 8 * 8
CRASH_AT, CRASH_BYTES = HIT_AT + 8, 64
STACKS_AT = CRASH_AT + CRASH_BYTES
BYTES = STACKS_AT + 8 * MAX_STACKS
FILES, DATABASE, BOTH = 0, 1, 2  # is_db


class Plan:
    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.truncate(BYTES)
        self.file = os.open(path, os.O_RDWR)
        self.map = mmap.mmap(self.file, BYTES)

    def set(self, kinds, where=FILES, at=0, is_on=False, error="EIO", is_short=False, stacks=0):
        """`stacks`: the stack of each call is kept, as deep as that."""
        bits = sum(1 << KINDS.index(kind) for kind in kinds)
        self.map[:STACKS_AT] = bytes(STACKS_AT)
        self.map[:HEAD.size] = HEAD.pack(bits, where, at, is_on, getattr(errno, error), is_short, stacks > 0, stacks or 16)

    def counted(self):
        """Calls counted, faults injected, and the calls of each kind."""
        count, hits, *of = COUNTS.unpack_from(self.map, COUNTS_AT)
        return count, hits, dict(zip(KINDS, of))

    def stack(self):
        return struct.unpack_from("=Q", self.map, HIT_AT)[0]

    def crashed_in(self):
        return self.map[CRASH_AT:STACKS_AT].rstrip(b"\0").decode()

    def stacks(self):
        count = min(self.counted()[0], MAX_STACKS)
        return struct.unpack_from(f"={count}Q", self.map, STACKS_AT)
