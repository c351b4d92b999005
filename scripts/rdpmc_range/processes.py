# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that end when this one does."""

import os
import signal
import subprocess
import threading


class Interrupted(Exception):
    def __init__(self, number):
        super().__init__()
        self.number = number


_lock = threading.Lock()
_running = set()
_ended = False


def stop():
    """Ends all that run, with what they started. None begins after this."""
    global _ended
    with _lock:
        _ended = True
        for process in _running:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass


def run(command, **options):
    """Its exit status and output, both streams. In a process group of its own, so that its children end with it."""
    with _lock:
        if _ended:
            return 143, ""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, errors="replace", start_new_session=True, **options)
        _running.add(process)
    try:
        output = process.communicate()[0]
        return process.returncode, output
    finally:
        with _lock:
            _running.discard(process)
