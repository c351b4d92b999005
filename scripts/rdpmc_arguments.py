# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines of the programs here: wrong use is one line and exit status 2."""

import argparse
import os
import sys


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"{os.path.basename(self.prog.split()[0])}: {message} (see --help)", file=sys.stderr)
        sys.exit(2)


def between(least, most, kind=int):
    """A type= of add_argument()."""
    def check(value):
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"'{value}' is no number from {least} to {most}")
        return number
    return check
