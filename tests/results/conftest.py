# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds what these tests have in common."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent)]
