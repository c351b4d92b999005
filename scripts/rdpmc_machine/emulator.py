# SPDX-License-Identifier: GPL-2.0-or-later
"""Bochs with the PMU of machine/ in it: fetched, built once into the cache, found again."""

import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time

from . import cache, debian
from .failed import Failed, Unavailable

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREE_MB = 120
BUILD_LOG = "build.log"
# What a make or a user around us has set for his own compiler.
FOREIGN = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "CPPFLAGS", "LIBS"}


def insertions():
    """machine/bochs/insertions.py"""
    spec = importlib.util.spec_from_file_location("insertions", f"{ROOT}/machine/bochs/insertions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def digest(*texts):
    return hashlib.sha256("\0".join(texts).encode("latin-1")).hexdigest()[:12]


def read(path):
    with open(path, encoding="latin-1") as file:
        return file.read()


def insert(tree, changes):
    """Applies @changes to the files of @tree; which anchor is not there as often as it must, it says."""
    for name, anchor, new, *times in changes:
        wanted = times[0] if times else 1
        path = os.path.join(tree, name)
        try:
            text = read(path)
        except OSError as error:
            raise Failed(f"this is not the Bochs that the insertions are for: {name}: {error.strerror}") from error
        count = text.count(anchor)
        if count != wanted:
            raise Failed(f"this is not the Bochs that the insertions are for: {name} has {count} times, not {wanted}: "
                         f"{anchor.strip().splitlines()[0]}")
        with open(path, "w", encoding="latin-1") as file:
            file.write(text.replace(anchor, new.replace("$&", anchor)))


def remove_unused(directory):
    """Unless somebody builds there now."""
    with contextlib.suppress(OSError), cache.locked(directory):
        old = f"{directory.replace('bochs-', 'old-')}.{os.getpid()}"
        os.rename(directory, old)
        shutil.rmtree(old)


class Progress:
    """One line that changes on a terminal, a line a step elsewhere."""

    def __init__(self, quiet=False):
        self.terminal, self.quiet, self.shown = sys.stderr.isatty(), quiet, ""
        self.start = time.monotonic()

    def step(self, text):
        if self.quiet:
            return
        if self.terminal:
            self.tick(text)
        else:
            cache.say(text)

    def tick(self, text):
        if self.terminal and not self.quiet:
            seconds = time.monotonic() - self.start
            text = f"{text}, {seconds:.0f} s"[:shutil.get_terminal_size().columns - 10]
            print(f"\r\033[Kmachine: {text}", end="", file=sys.stderr, flush=True)
            self.shown = text

    def clear(self):
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self.shown = ""


def source_tarball():
    """The path of Bochs' source; BOCHS_SOURCE= names another tarball of the same."""
    name, version, suites, sha256 = insertions().SOURCE
    given = os.environ.get("BOCHS_SOURCE")
    if not given:
        return debian.source(name, version, suites, sha256)
    try:
        got = debian.file_hash(given)
    except OSError as error:
        raise Failed(f"BOCHS_SOURCE={given}: {error.strerror}") from error
    if got != sha256:
        raise Failed(f"BOCHS_SOURCE={given}: its SHA-256 is {got}; the insertions are for Bochs 3.0 with {sha256}")
    return given


def unpack(tarball, tree):
    with tarfile.open(tarball) as archive:
        members = archive.getmembers()
        top = members[0].name.split("/")[0]
        for member in members:
            inside = member.name.split("/", 1)
            if inside[0] != top or len(inside) < 2 or ".." in inside[1].split("/") or not (member.isfile() or
                                                                                        member.isdir()):
                continue
            member.name = inside[1]
            archive.extract(member, tree)


class Builder:
    """A build directory of Bochs; the object files stay, so that a changed PMU costs seconds."""

    def __init__(self):
        changes = insertions()
        # glue.h is in every object of Bochs.
        self.key = digest(changes.SOURCE[3], repr(changes.INSERTIONS), repr(changes.CONFIGURE),
                          read(f"{ROOT}/machine/bochs/glue.h"))
        self.top = os.path.join(cache.top(), f"bochs-{self.key}")
        self.tree = os.path.join(self.top, "tree")

    def ours(self):
        """(path in our tree, path in Bochs' tree) of what is compiled into it."""
        return [(os.path.join(ROOT, path), os.path.join(self.tree, directory, os.path.basename(path)))
                for path, directory in insertions().OURS]

    def program(self):
        """Each state of our files has a program of its own: checkouts share the cache."""
        return os.path.join(self.top, "bochs-" + digest(*(read(path) for path, _ in self.ours())))

    def command(self, what, words, lock):
        """Runs it, its output into the log; on Ctrl-C all that it started ends. It holds the lock as well: a make
        that survives us is not to be met by another."""
        flags = {"CFLAGS": "-O2 -pipe", "CXXFLAGS": "-O2 -pipe -w", "LDFLAGS": "-s", "CC": "gcc", "CXX": "g++"}
        kept = {key: value for key, value in os.environ.items() if key not in FOREIGN}
        with open(os.path.join(self.top, BUILD_LOG), "ab") as log:
            with subprocess.Popen(words, cwd=self.tree, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  start_new_session=True, pass_fds=[lock], env={**kept, **flags}) as process:
                try:
                    status = process.wait()
                except BaseException:
                    os.killpg(process.pid, signal.SIGTERM)
                    raise
        if status:
            lines = read(os.path.join(self.top, BUILD_LOG)).splitlines()
            wrong = [line for line in lines if re.search(r"error: |undefined reference|\*\*\* ", line)] or lines or [""]
            raise Failed(f"{what} failed: {wrong[0].strip()} (all of it: {self.top}/{BUILD_LOG})")

    def prepare(self, progress, lock):
        ready = os.path.join(self.top, "configured")
        if os.path.exists(ready):
            return
        missing = [tool for tool in ("g++", "gcc", "make") if not shutil.which(tool)]
        if missing:
            raise Unavailable(f"to build the emulator there is no {', '.join(missing)}; "
                              "scripts/setup machine installs it")
        free = shutil.disk_usage(self.top).free
        if free < TREE_MB * 1e6:
            raise Failed(f"{self.top} has {free / 1e6:.0f} MB left, the emulator takes {TREE_MB}; "
                         "RDPMC_CACHE= says where else")
        shutil.rmtree(self.tree, ignore_errors=True)
        tarball = source_tarball()
        progress.step("building the emulator, Bochs 3.0 with a PMU; once, three minutes or so")
        try:
            unpack(tarball, self.tree)
            insert(self.tree, insertions().INSERTIONS)
        except (tarfile.TarError, OSError) as error:
            raise Failed(f"Bochs' source cannot be unpacked: {error}") from error
        self.command("Bochs' configure", ["./configure", *insertions().CONFIGURE], lock)
        with open(ready, "w", encoding="utf-8"):
            pass

    def build(self, progress):
        """The path of the program."""
        program = self.program()
        if os.path.exists(program):
            os.utime(program)
            os.utime(self.top)
            return program
        if platform.machine() != "x86_64":
            raise Unavailable("the emulated machine needs an x86-64 host: what runs in it is built here")
        with cache.locked(self.top, "another build of the emulator") as lock:
            if os.path.exists(program):
                return program
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.top, BUILD_LOG))
            self.prepare(progress, lock)
            progress.step("compiling the PMU into the emulator")
            for mine, theirs in self.ours():
                os.makedirs(os.path.dirname(theirs), exist_ok=True)
                shutil.copy(mine, theirs)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.splitext(theirs)[0] + ".o")
            self.command("compiling Bochs", ["make", f"-j{len(os.sched_getaffinity(0))}", "bochs"], lock)
            shutil.copy(os.path.join(self.tree, "bochs"), program + ".new")
            os.replace(program + ".new", program)
            for old in cache.newest_last(self.top, "bochs-")[:-4]:
                os.unlink(old)
        # Of other insertions, as other checkouts have them.
        for old in cache.newest_last(cache.top(), "bochs-")[:-3]:
            remove_unused(old)
        return program


def bios():
    """The path of Bochs' BIOS."""
    return debian.file_of("bochsbios", "bookworm", "usr/share/bochs/BIOS-bochs-latest")
