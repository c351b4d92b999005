# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases of a fuzzer as files, each named by what it holds."""

import hashlib
import os
import secrets
import stat

LARGEST = 4096              # bytes of a case


def name(data):
    """As libFuzzer names files."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def read(path):
    """The bytes of a case; None: that is none. A link is none: it may lead to what is not to be shared."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= LARGEST:
            return None
        return file.read(LARGEST)


def write(path, data):
    """A file that is whole and on the disk, or as it was. In a folder that others write to, too, nobody can have put a
    link where it writes."""
    beside = os.path.join(os.path.dirname(path), f".{secrets.token_hex(12)}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(beside, path)
    except OSError:
        os.unlink(beside)
        raise


def write_new(path, data):
    """What is there already stays."""
    if not os.path.lexists(path):
        write(path, data)


def sync_folder(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
