# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine keeps between runs, shared by all checkouts: where it is, and who may write there."""

import contextlib
import fcntl
import os
import sys

from .failed import Failed


# Whose words these are.
program = "machine"


def say(text):
    print(f"{program}: {text}", file=sys.stderr, flush=True)


def megabytes(size):
    return f"{max(1, round(size / 1e6))} MB"


def top():
    """machine/ in the cache that scripts/kernel-tree uses: RDPMC_CACHE, or ~/.cache/rdpmc."""
    cache = os.environ.get("RDPMC_CACHE")
    if not cache:
        home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME") and os.path.join(os.environ["HOME"], ".cache")
        if not home:
            raise Failed("no cache directory: neither RDPMC_CACHE nor HOME is set")
        cache = os.path.join(home, "rdpmc")
    return os.path.join(os.path.abspath(cache), "machine")


def shared(*names):
    """A path in the cache that is not the machine's."""
    return os.path.join(os.path.dirname(top()), *names)


def newest_last(directory, start="", end=""):
    """Paths of its entries whose names begin and end so. Another may remove some meanwhile."""
    found = []
    for entry in os.scandir(directory):
        with contextlib.suppress(FileNotFoundError):
            if entry.name.startswith(start) and entry.name.endswith(end):
                found.append((entry.stat().st_mtime, entry.path))
    return [path for _, path in sorted(found)]


@contextlib.contextmanager
def locked(directory, waiting_for=None):
    """Makes @directory if need be and keeps others out of it; yields the descriptor that holds the lock. Where
    another has it: says what it is @waiting_for, or raises BlockingIOError if that is None."""
    os.makedirs(directory, exist_ok=True)
    lock = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting_for is None:
                raise
            say(f"waiting for {waiting_for}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def once(path, make):
    """The path of a file, which make(another path) writes unless it is there."""
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        try:
            make(temporary)
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return path
