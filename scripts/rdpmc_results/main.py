# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: scripts/results COMMAND."""

import argparse
import errno
import importlib
import os
import signal
import sys
import traceback
from math import nan

from .text import NAME, counted, plain, say

# Each module has add(commands), which adds its parser and sets what runs it.
COMMANDS = ("compare", "turns", "trend", "export", "dashboard")

TRACEBACK = "RDPMC_TRACEBACK"       # environment: not empty, a defect is shown with where it is

EPILOG = """\
exit status: 0 good; 1 something is slower; 2 wrong use, or nothing to work on;
3 good, but files were skipped, which are named; 77 nothing can be measured
here; 128 + signal when interrupted
"""


class Parser(argparse.ArgumentParser):
    """Wrong use is one line."""

    def error(self, message):
        say(f"{plain(message)} (see --help)")
        sys.exit(2)


class Failed(Exception):
    """Ends the program with one line and its status."""
    status = 2


def parser():
    made = Parser(prog=NAME, epilog=EPILOG,
                  description="Compares, tracks and exports the results of rdpmc-bench.",
                  formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    commands = made.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        importlib.import_module(f".{name}", __package__).add(commands)
    return made


def progress(done, of):
    """Of long work, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{done} of {of} files" + "\n" * (done == of), end="", file=sys.stderr, flush=True)


def option_number(value):
    """Of an option; nan, which lies in no range, if it is no number."""
    try:
        return float(value)
    except ValueError:
        return nan


def name_skipped(skipped):
    """Says which files were of no use and why; the status that this makes of a good one."""
    for path, reason in skipped:
        say(f"skipped {plain(path)}: {plain(reason)}")
    if skipped:
        say(f"{counted(len(skipped), 'file')} skipped")
    return 3 if skipped else 0


def nothing(what, skipped, hint=""):
    """Raises Failed, because there is @what; a single file that was of no use is named in the same line."""
    why = f": {plain(skipped[0][0])}: {plain(skipped[0][1])}" if len(skipped) == 1 else ""
    if not why:
        name_skipped(skipped)
    raise Failed(what + (why or hint))


def partition(words, at):
    """As str.partition, of a list."""
    if at not in words:
        return words, [], []
    return words[:words.index(at)], [at], words[words.index(at) + 1:]


def run():
    """Does what the command line says; the status."""
    # argparse would lose where the second side begins.
    words, dashes, after = partition(sys.argv[1:], "--")
    options = parser().parse_args(words)
    if dashes and (not getattr(options, "takes_two", False) or "--" in after):
        raise Failed("only compare takes two sides, with a single -- between them")
    options.dashes, options.after = bool(dashes), after
    return options.run(options)


def flush():
    """Writes what is left for standard output; what fails now would fail again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def blame(error):
    """An OSError in words. One of a write without a name is of standard output: no other file is
    written without (see output)."""
    nameless = "standard output" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
                                                    errno.EIO) else ""
    words = error.filename or nameless, (error.strerror or str(error)).lower()
    return ": ".join(map(str, filter(None, words)))


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if sys.stderr is None:      # closed: print() would write to standard output instead
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    if sys.stdout is None:
        say("standard output is closed")
        return 2
    try:
        try:
            return run()
        finally:
            flush()
    except Failed as why:
        say(plain(str(why)))
        return why.status
    except RecursionError:
        say("folders or results are nested too deeply")
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE     # whoever read our output has seen enough
    except OSError as error:
        say(plain(blame(error)))
        return 2
    except Exception as error:      # Python's own status would be 1, which says that something is slower
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        say(plain(f"a defect in this program: {type(error).__name__}: {error} ({TRACEBACK}=1 in the "
                  "environment shows where)"))
        return 2
