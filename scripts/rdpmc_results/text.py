# SPDX-License-Identifier: GPL-2.0-or-later
"""What a terminal may show, and how a person reads figures."""

import math
import os
import sys
import unicodedata
from datetime import datetime, timezone

# As it was called: where it is installed its name says whose results.
INSTALLED = os.path.basename(sys.argv[0]) == "rdpmc-results"
NAME = "rdpmc-results" if INSTALLED else "results"
# What hints name. Who has it installed has no tree to run make in.
BENCH, AB, AA = ("rdpmc-bench run --json FILE", "rdpmc-results ab", "rdpmc-results aa") if INSTALLED else \
    ("make bench", "make ab", "make aa")


def say(text):
    """A line to standard error."""
    print(f"{NAME}: {text}", file=sys.stderr)


def plain(text):
    """A text from a file, fit for a terminal: no control characters, one line."""
    return "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else f"\\x{ord(c):02x}"
                   if ord(c) < 256 else f"\\u{ord(c):04x}" for c in text)


def time(value, unit="ns"):
    """A figure with four digits that count; ns in the unit a person would choose."""
    if value is None or math.isnan(value):
        return "-"
    for name, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1)) if unit == "ns" else ((unit, 1),):
        if abs(value) >= size or name == unit:
            digits = 3 - max(0, math.floor(math.log10(abs(value) / size))) if value else 1
            return f"{value / size:.{max(0, min(3, digits))}f} {name}"
    return "-"


def change(ratio):
    """A ratio as people say it: +5.1 %."""
    return "-" if math.isnan(ratio) else f"{(ratio - 1) * 100:+.1f} %"


def share(part):
    return f"{part * 100:.1f} %"


def counted(number, what, more=None):
    """1 file, 2 files; 2 classes, if that is @more."""
    return f"{number} {what if number == 1 else more or what + 's'}"


def date(seconds, other=None):
    """To the minute; with the seconds where @other is in the same one."""
    same = other is not None and seconds // 60 == other // 60
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M" + ":%S" * same)


def table(rows, right=()):
    """Lines of columns, those of index in @right flush right; no blanks at the ends of lines."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) if n in right else cell.ljust(width)
                      for n, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]
