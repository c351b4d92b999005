# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases that a campaign keeps: files named by what they hold, and a log of what was kept and given up.

A case counts as kept once it and its line in the log are on the disk. One is given up only after the
log says that others reach all that it does; what is in the log and not given up is there.
"""

import os
import re

from rdpmc_cases import name, read, sync_folder, write_new

from .worker import remove_file

KEPT, GIVEN_UP = "kept", "given-up"
NAME = re.compile("[0-9a-f]{40}")
AT_ONCE = 200               # cases that are taken from a shared folder at a time
LONGEST = 4 << 20           # bytes of the log before it is written anew, without what was given up


class Corpus:
    def __init__(self, directory, seeds):
        self.folder = f"{directory}/corpus"
        self.log = f"{directory}/corpus.log"
        self.seeds = {name(data) for folder in seeds for each in os.listdir(folder)
                      if (data := read(f"{folder}/{each}"))}
        os.makedirs(self.folder, exist_ok=True)
        for each in os.listdir(self.folder):
            if each.startswith("."):        # of one that was killed while it wrote
                os.unlink(f"{self.folder}/{each}")
        self.names = {each for each in os.listdir(self.folder) if NAME.fullmatch(each)}
        self.end_log()
        self.given_up = self.reported(GIVEN_UP) - self.names
        self.note(KEPT, self.names - self.reported(KEPT), "start")   # killed before it was noted
        self.looked = {}                    # path: size and time of what was looked at already

    def reported(self, word):
        """Names of which the log says that last."""
        found = {}
        try:
            with open(self.log, encoding="ascii", errors="replace") as file:
                for line in file:
                    if line.endswith("\n") and " " in line:
                        found[line.split()[1]] = line.split()[0]
        except FileNotFoundError:
            pass
        return {each for each, last in found.items() if last == word}

    def missing(self):
        """Cases that were reported as kept, and are not there."""
        return self.reported(KEPT) - set(os.listdir(self.folder))

    def note(self, word, names, by):
        if not names:
            return
        with open(self.log, "ab") as file:
            end = file.tell()
            try:
                file.write("".join(f"{word} {each} {by}\n" for each in names).encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self.log, end)
                raise

    def end_log(self):
        """A line that a kill or a full disk cut short was never reported."""
        try:
            with open(self.log, "r+b") as file:
                data = file.read()
                file.truncate(data.rfind(b"\n") + 1)
        except FileNotFoundError:
            pass

    def add(self, paths, by):
        """Keeps the cases in these files that are new; how many those are."""
        new, looked = {}, {}
        for path in paths:
            try:
                found = os.stat(path)
            except OSError:
                continue
            stamp = found.st_size, found.st_mtime_ns
            if self.looked.get(path) == stamp:
                continue
            data = read(path)
            looked[path] = stamp
            if data and (each := name(data)) not in self.names and each not in self.seeds \
                    and each not in self.given_up:
                new[each] = data
        for each, data in new.items():
            write_new(f"{self.folder}/{each}", data)
        if new:
            sync_folder(self.folder)
            self.note(KEPT, new, by)
            self.names |= set(new)
        self.looked |= looked
        return len(new)

    def forget_looks(self, prefix):
        self.looked = {path: stamp for path, stamp in self.looked.items()
                       if not path.startswith(prefix)}

    def keep_only(self, names):
        """Gives up the rest, first in the log, then on the disk; how many that are."""
        rest = self.names - names
        self.note(GIVEN_UP, rest, "minimised")
        for each in rest:
            remove_file(f"{self.folder}/{each}")
        self.names -= rest
        self.given_up |= rest
        if os.path.exists(self.log) and os.path.getsize(self.log) > LONGEST:
            remove_file(self.log + ".new")
            write_new(self.log + ".new",
                      "".join(f"{KEPT} {each} before\n" for each in sorted(self.names)).encode("ascii"))
            os.replace(self.log + ".new", self.log)
        return len(rest)

    def share(self, folder, take=True):
        """Both ways with a folder that others use as well, some cases at a time; how many came from there.
        @take: there is room for more."""
        there = {each for each in os.listdir(folder) if not each.startswith(".")}
        for each in sorted(self.names - there)[:AT_ONCE]:
            data = read(f"{self.folder}/{each}")
            if data:
                write_new(f"{folder}/{each}", data)
        new = [f"{folder}/{each}" for each in there - self.names - self.given_up - self.seeds]
        return self.add([path for path in new if path not in self.looked][:AT_ONCE] if take else [], "share")
