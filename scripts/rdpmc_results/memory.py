# SPDX-License-Identifier: GPL-2.0-or-later
"""What was made of result files before, so that thousands are not read anew each night.

A file is the same while its inode, size and times are. Another version of this package has a memory of
its own. Nothing here is needed: whatever is wrong with it, files are read as if there were none."""

import contextlib
import os
import sqlite3
import sys
import time
import zlib

import numpy
import scipy

from .output import cache

LARGEST = 1 << 30           # bytes; a memory that has grown beyond begins anew
YOUNG = 2                   # s: a file might change again and its times would not show it
UNUSED = 60 * 86400         # s after which the memory of another version goes
PATIENCE = 1                # s to wait for another process that writes
FAILURES = sqlite3.Error, OSError, ValueError       # the last of text that is none
# Result codes of SQLite that speak of another process, the disk or permissions, not of damage: PERM,
# BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN.
PASSING = {3, 5, 6, 7, 8, 9, 10, 13, 14}
# No index beside a table: damage could make one disagree with the other, and a row be written for ever
# and never found.
TABLES = (
    "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, state TEXT, own TEXT, shared TEXT, "
    "figures BLOB, checksum INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS shared (id INTEGER PRIMARY KEY, text TEXT)")


def version():
    """Text that is another one when this package is, or what it reckons with."""
    number = zlib.crc32(f"{sys.version} {sys.byteorder} {numpy.__version__} {scipy.__version__}".encode())
    here = os.path.dirname(os.path.abspath(__file__))
    for name in sorted(os.listdir(here)):
        if name.endswith(".py"):
            with open(os.path.join(here, name), "rb") as source:
                number = zlib.crc32(source.read(), number)
    return f"{number:08x}"


def place():
    return os.path.join(cache(), "history", f"{version()}.sqlite")


def state(path):
    """Text that is another one when the file is; None: that cannot be relied on."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if max(found.st_mtime, found.st_ctime) > time.time() - YOUNG:
        return None
    return f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def checksum(state, own, shared, figures):
    return zlib.crc32(figures, zlib.crc32("\n".join((state, own, *shared)).encode()))


def remove(path):
    """A database; its journal first, which is of no other."""
    for each in f"{path}-journal", path:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(each)


class Memory:
    """Of each file a text of its own, texts that it shares with others, and figures as bytes."""

    def __init__(self):
        self.path = place()
        self.states = {}    # of the files asked for, from before they are read
        self.texts = {}     # number: text that is shared
        self.new = []       # to be written in the end
        self.database = None
        try:
            self.open()
        except FAILURES as error:
            self.give_up(error)

    def open(self):
        folder = os.path.dirname(self.path)
        if not os.path.isabs(folder):
            return          # no home
        if not os.path.exists(self.path):
            os.makedirs(folder, exist_ok=True)
            for name in os.listdir(folder):
                other = os.path.join(folder, name)
                if name.endswith(".sqlite") and os.path.getmtime(other) < time.time() - UNUSED:
                    remove(other)
        elif os.path.getsize(self.path) > LARGEST:
            remove(self.path)
        self.database = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        for table in TABLES:
            self.database.execute(table)
        self.texts = dict(self.database.execute("SELECT id, text FROM shared"))

    def give_up(self, error):
        """What is damaged goes, so that the next one begins anew."""
        self.database = None
        code = getattr(error, "sqlite_errorcode", None)     # from Python 3.11 on
        if not isinstance(error, OSError) and (code is None or code & 0xff not in PASSING):
            with contextlib.suppress(OSError):
                remove(self.path)

    def recall(self, path):
        """(own, [shared], figures) of a file that has not changed since; None: it is to be read."""
        if not self.database:
            return None
        self.states[path] = now = state(path)
        try:
            return self.find(os.fsencode(os.path.abspath(path)), now)
        except sqlite3.Error as error:
            self.give_up(error)
        return None

    def find(self, path, now):
        """What is kept of a file of that state."""
        found = self.database.execute(
            "SELECT state, own, shared, figures, checksum FROM files WHERE path = ?", (path,)).fetchone()
        with contextlib.suppress(KeyError, ValueError, TypeError, AttributeError):
            if found and found[0] == now:
                shared = [self.texts[int(number)] for number in found[2].split()]
                if checksum(now, found[1], shared, found[3]) == found[4]:
                    return found[1], shared, found[3]
        return None         # or damage that SQLite does not see: it is written anew

    def keep(self, path, own, shared, figures):
        """What was made of a file that recall() did not know."""
        now = self.states.get(path)
        if now:
            self.new.append((os.fsencode(os.path.abspath(path)), now, own, shared, figures))

    def close(self):
        """Writes what is new; another process may have written meanwhile."""
        if not self.database:
            return
        try:
            if self.new:
                self.database.execute("BEGIN IMMEDIATE")
                self.write()
                self.prove()
                self.forget()
                self.database.execute("COMMIT")
            self.database.close()
        except FAILURES as error:
            self.give_up(error)

    def write(self):
        known = dict(self.database.execute("SELECT text, id FROM shared"))
        for path, now, own, shared, figures in self.new:
            for text in shared:
                if text not in known:
                    known[text] = self.database.execute("INSERT INTO shared (text) VALUES (?)",
                                                        (text,)).lastrowid
            self.database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", (
                path, now, own, " ".join(str(known[text]) for text in shared), figures,
                checksum(now, own, shared, figures)))

    def prove(self):
        """In a damaged table a row may be written and not be found: for ever, if it stays."""
        self.texts = dict(self.database.execute("SELECT id, text FROM shared"))
        for path, now, *_ in self.new:
            if not self.find(path, now):
                raise sqlite3.DatabaseError("what was written is not found")

    def forget(self):
        """What is of files that are gone from the folders at hand."""
        folders = {os.path.dirname(row[0]) for row in self.new}
        gone = [(path,) for path, in self.database.execute("SELECT path FROM files").fetchall()
                if os.path.dirname(path) in folders and not os.path.exists(path)]
        self.database.executemany("DELETE FROM files WHERE path = ?", gone)
