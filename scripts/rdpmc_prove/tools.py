# SPDX-License-Identifier: GPL-2.0-or-later
"""CBMC: the system's where it is new enough, else Debian's packages, unpacked into the cache and run by the
loader and libraries of their own suite."""

import os
import re
import shutil
import subprocess

from rdpmc_machine import cache, debian
from rdpmc_machine.failed import Failed, Unavailable

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The options are version 6's.
OLDEST = 6
SUITE = "trixie"
PACKAGES = ("cbmc", "minisat", "libc6", "libstdc++6", "libgcc-s1", "zlib1g")
LOADER = "ld-linux-x86-64.so.2"


def _version(command):
    try:
        done = subprocess.run([*command, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
    except OSError:
        return ()
    found = re.match(r"(?:cbmc version )?(\d+(?:\.\d+)+)", done.stdout)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _unpacked():
    """The directory of the unpacked packages."""
    packages = [debian.fetch(name, [SUITE]) for name in PACKAGES]
    version = re.search(r"/cbmc_([^/]+)\.deb$", packages[0])[1]
    top = cache.shared("prove")
    directory = os.path.join(top, f"cbmc-{version}")

    def make(path):
        try:
            os.makedirs(path)
            for deb in packages:
                done = subprocess.run(["dpkg-deb", "-x", deb, path], stdin=subprocess.DEVNULL, capture_output=True,
                                      text=True, check=False)
                if done.returncode:
                    raise Failed(f"{deb} cannot be unpacked: {done.stderr.strip()[-200:]}; remove it, and it is fetched "
                                 "again")
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise

    if os.path.exists(directory):
        return directory
    # Of two that make it one would find the other's in its way.
    with cache.locked(top, "another process to unpack CBMC"):
        return cache.once(directory, make)


def _wrapped(directory, name):
    """The command that runs a program of the unpacked packages."""
    libraries = [os.path.join(directory, each) for each in ("usr/lib/x86_64-linux-gnu", "usr/lib")]
    loader = [path for path in (os.path.join(each, LOADER) for each in libraries) if os.path.exists(path)]
    program = os.path.join(directory, "usr/bin", name)
    if not loader or not os.path.exists(program):
        raise Unavailable(f"{directory} has no {name} that could be run; remove it, and it is made anew")
    # goto-cc is told by its name what it is.
    return [loader[0], "--argv0", name, "--library-path", ":".join(libraries), program]


class Tools:
    """The commands, as lists of words."""

    def __init__(self):
        if shutil.which("goto-cc") and _version(["cbmc"]) >= (OLDEST,):
            self.directory = None
        else:
            self.directory = _unpacked()
        self.cbmc = self.command("cbmc")
        self.goto_cc = self.command("goto-cc")
        self.goto_instrument = self.command("goto-instrument")

    def command(self, name):
        return _wrapped(self.directory, name) if self.directory else [name]

    def version(self):
        return ".".join(str(part) for part in _version(self.cbmc))
