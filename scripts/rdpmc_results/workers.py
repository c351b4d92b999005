# SPDX-License-Identifier: GPL-2.0-or-later
"""Work shared out to as many processes as there are processors."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

from .main import Failed


def prepare():
    """In a new worker. A handler in Python, as main() has one, comes too late where a worker is about to
    wait, and whoever waits for the worker's end waits for ever; Ctrl-C is the parent's to deal with."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent():
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def each(function, tasks, chunk=1):
    """Generates function(task) of all tasks in their order; a worker takes @chunk tasks at a time."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), initializer=prepare) as pool:
        try:
            yield from pool.map(function, tasks, chunksize=chunk)
        except BrokenProcessPool:
            raise Failed("a process that did a part of the work was killed: is there enough memory?") \
                from None
        finally:
            pool.shutdown(cancel_futures=True)
