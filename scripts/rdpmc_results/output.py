# SPDX-License-Identifier: GPL-2.0-or-later
"""Where files go. They are written whole or not at all: whoever reads one at any time finds the old or
the new one."""

import contextlib
import os
import stat
import sys
import tempfile

from .main import Failed


def write(path, text):
    """@text to the file @path, or to standard output if that is -."""
    data = text.encode("utf-8", "backslashreplace")
    if not path:
        raise Failed("an empty name is that of no file")
    if path == "-":
        sys.stdout.buffer.write(data)
        return
    try:
        target = os.path.realpath(path)
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            with open(target, "wb") as file:        # /dev/null, a FIFO: not to be replaced
                file.write(data)
            return
        replace(target, data)
    except OSError as error:
        raise Failed(f"{path}: {error.strerror.lower()}") from None


def cache():
    """The folder for what can be made again; not absolute where the user has no home. The XDG Base
    Directory Specification has it so."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(home if os.path.isabs(home) else os.path.expanduser("~/.cache"), "rdpmc")


def check(path):
    """Ends before long work what write() could not do after it; makes the folder."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    if os.path.isdir(target):
        raise Failed(f"{path}: is a directory")
    if os.path.exists(target) and not os.path.isfile(target):
        return      # see write(): it is not replaced
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Failed(f"{folder}: {error.strerror.lower()}") from None


def replace(target, data):
    # No collector takes a name that ends so. Mode as the umask has it: mkstemp()'s 0600 would keep
    # a daemon of another user from reading it.
    made = f"{target}.{os.getpid()}.tmp"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(made)     # of one that was killed, and had the same number
    fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(made, target)
    except BaseException:
        os.unlink(made)
        raise
