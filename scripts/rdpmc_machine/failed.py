# SPDX-License-Identifier: GPL-2.0-or-later
"""What ends the program with one line."""


class Failed(Exception):
    """Wrong use, or something that cannot be done here."""
    status = 2


class Unavailable(Failed):
    """What is wanted cannot be had on this computer."""
    status = 77


class Broken(Failed):
    """The machine did not do what it was started for: no boot, a panic, a hang."""
    status = 125
