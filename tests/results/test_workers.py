# SPDX-License-Identifier: GPL-2.0-or-later
"""Work shared out to processes: all of it, in order, and an end whatever becomes of a worker."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from rdpmc_results import workers
from rdpmc_results.main import Failed

PROGRAM = """
import os, pathlib, sys, time
from rdpmc_results import workers
def work(task):
    pathlib.Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(60)
print("began")
list(workers.each(work, range(4)))
"""


def square(number):
    return number * number


def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail(number):
    if number == 3:
        raise RecursionError
    return number


def dispositions(number):
    return signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)


def wait_for(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def alive(pid):
    """Whether it runs: one that nobody waited for is a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("chunk", (1, 7))
def test_all_is_done_and_in_order(chunk):
    assert list(workers.each(square, range(100), chunk)) == [n * n for n in range(100)]


def test_a_killed_worker_is_told_not_waited_for():
    with pytest.raises(Failed, match="memory"):
        list(workers.each(die, range(100)))


def test_what_a_worker_raises_arrives():
    with pytest.raises(RecursionError):
        list(workers.each(fail, range(100)))


def test_a_handler_of_the_program_is_not_the_workers():
    """A handler that Python runs is lost on a worker that is about to wait: it never ended."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        found, = set(workers.each(dispositions, range(8)))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert found == (signal.SIG_DFL, signal.SIG_IGN)


def test_whoever_has_seen_enough_ends_it():
    answers = workers.each(square, range(100000))
    assert next(answers) == 0
    answers.close()


def test_workers_end_with_the_program(tmp_path):
    scripts = pathlib.Path(__file__).resolve().parents[2] / "scripts"
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path],
                               env=os.environ | {"PYTHONPATH": str(scripts)})
    pids = []
    try:
        wait_for(lambda: os.listdir(tmp_path))
        program.kill()
        program.wait()
        pids = [int(name) for name in os.listdir(tmp_path)]
        wait_for(lambda: not any(map(alive, pids)))
    finally:
        for pid in filter(alive, pids):
            os.kill(pid, signal.SIGKILL)
