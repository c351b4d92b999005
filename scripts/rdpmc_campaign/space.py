# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign may use of the disk, and what it gives back when that is little."""

import os
import shutil

RESERVE = 64 << 20          # bytes of the file system that stay free for everybody else


def used(directory):
    """Bytes that a folder takes."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                continue
    return total


def free(directory):
    return shutil.disk_usage(directory).free
