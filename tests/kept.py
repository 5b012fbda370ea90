"""kept.py - rows of a long run that are kept in a file, so that a run that was broken off goes on behind them.

One JSON line each, [key, row]; the key holds what the row depends on, but for the program: who changes that begins
a new file. A row is written whole or, when the run ends in the middle of it, not read again.
"""
import json
import os


class Kept:
    def __init__(self, path):
        self.path, self.rows = path, {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    if line.endswith("\n"):
                        key, row = json.loads(line)
                        self.rows[json.dumps(key)] = row

    def find(self, key):
        return self.rows.get(json.dumps(key))

    def add(self, key, row):
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps([key, row]) + "\n")
