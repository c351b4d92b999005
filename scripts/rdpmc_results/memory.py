# SPDX-License-Identifier: GPL-2.0-or-later
"""What was made of result files before, so that thousands are not read anew each night.

A file is the same while its inode, size and times are. All is forgotten when this package changes.
Nothing here is needed: whatever is wrong with it, files are read as if there were no memory."""

import contextlib
import os
import pathlib
import sqlite3
import sys
import time
import zlib

import numpy

LARGEST = 1 << 30           # bytes; a memory that has grown beyond begins anew
YOUNG = 2                   # s: a file might change again and its times would not show it
TABLES = (
    "DROP TABLE IF EXISTS files", "DROP TABLE IF EXISTS shared",
    "CREATE TABLE files (path BLOB PRIMARY KEY, state TEXT, own TEXT, shared TEXT, figures BLOB, "
    "checksum INTEGER)",
    "CREATE TABLE shared (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
FORGIVEN = sqlite3.Error, OSError, ValueError


def place():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(home, "rdpmc", "history.sqlite")


def version():
    """A number that is another one when this package, or what it reckons with, is."""
    number = zlib.crc32(f"{sys.version} {numpy.__version__}".encode())
    for source in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        number = zlib.crc32(source.read_bytes(), number)
    return number >> 1      # SQLite's has a sign


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


class Memory:
    """Of each file a text of its own, texts that it shares with others, and figures as bytes."""

    def __init__(self):
        self.states = {}    # of the files asked for, from before they are read
        self.texts = {}     # number: text that is shared
        self.new = []       # to be written in the end
        self.database = None
        self.path = place()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.database = sqlite3.connect(self.path, isolation_level=None)
            self.begin_anew_if_needed()
            self.texts = dict(self.database.execute("SELECT id, text FROM shared"))
        except FORGIVEN as error:
            self.give_up(error)

    def give_up(self, error):
        """What is damaged goes, so that the next one begins anew; all else may pass."""
        self.database = None
        if type(error) is sqlite3.DatabaseError:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def begin_anew_if_needed(self):
        size, = self.database.execute("SELECT page_count * page_size FROM pragma_page_count, "
                                      "pragma_page_size").fetchone()
        if size > LARGEST or self.database.execute("PRAGMA user_version").fetchone()[0] != version():
            for statement in (*TABLES, f"PRAGMA user_version = {version()}", "VACUUM"):
                self.database.execute(statement)

    def recall(self, path):
        """(own, [shared], figures) of a file that has not changed since; None: it is to be read."""
        if not self.database:
            return None
        self.states[path] = now = state(path)
        with contextlib.suppress(KeyError, TypeError, AttributeError, *FORGIVEN):
            was, own, numbers, figures, good = self.database.execute(
                "SELECT state, own, shared, figures, checksum FROM files WHERE path = ?",
                (os.fsencode(os.path.abspath(path)),)).fetchone() or [None] * 5
            if was and was == now:
                shared = [self.texts[int(number)] for number in numbers.split()]
                if checksum(was, own, shared, figures) == good:
                    return own, shared, figures
        return None

    def keep(self, path, own, shared, figures):
        """What was made of a file that recall() did not know."""
        now = self.states.get(path)
        if now:
            self.new.append((os.fsencode(os.path.abspath(path)), now, own, shared, figures))

    def close(self):
        """Writes what is new. Another process may have written meanwhile, or begun anew."""
        if not self.database or not self.new:
            return
        try:
            self.begin_anew_if_needed()
            self.database.execute("BEGIN IMMEDIATE")
            self.write()
            self.forget()
            self.database.execute("COMMIT")
        except FORGIVEN as error:
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

    def forget(self):
        """What is of files that are gone."""
        gone = [row for row in self.database.execute("SELECT path FROM files").fetchall()
                if not os.path.exists(row[0])]
        self.database.executemany("DELETE FROM files WHERE path = ?", gone)
