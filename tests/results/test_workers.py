# SPDX-License-Identifier: GPL-2.0-or-later
"""Work shared out to processes: all of it, in order, and an end whatever becomes of a worker."""

import gc
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
from rdpmc_results import workers
from rdpmc_results.main import Failed

SIGNALLED = """
import signal, sys, time
from rdpmc_results import workers
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
try:
    print("begins", flush=True)
    for _ in workers.each(lambda task: time.sleep(0.3), range(1000)):
        pass
except KeyboardInterrupt:
    sys.exit(130)
"""
PROGRAM = """
import os, pathlib, sys, time
from rdpmc_results import workers
def work(task):
    pathlib.Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(3)
print("began")
list(workers.each(work, range(4)))
"""


def square(number):
    return number * number


def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_somewhere(data):
    """A killer waits a while; that may be before, in or after the answer."""
    worker = os.getpid()
    if not os.fork():
        time.sleep(data[0] / 2000)
        os.kill(worker, signal.SIGKILL)
        os._exit(0)
    return data * 20


def fail(error, number):
    if number == 3:
        raise error
    return number


def until_there(path, number):
    wait_for(path.exists)
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


@pytest.mark.parametrize("after", range(0, 60, 4))
def test_a_worker_that_is_killed_in_the_middle_of_a_message(after):
    """Tasks and answers that no pipe holds at once."""
    with pytest.raises(Failed, match="memory"):
        list(workers.each(die_somewhere, [bytes([after]) + bytes(1 << 20)] * 50))


def test_a_worker_that_does_not_take_its_tasks(monkeypatch):
    monkeypatch.setattr(workers, "serve", lambda *arguments: None)
    with pytest.raises(Failed, match="memory"):
        list(workers.each(square, [bytes(1 << 20)] * 50))


def test_no_more_processes_than_there_is_work(monkeypatch):
    counts = []
    begin = workers.begin
    monkeypatch.setattr(workers, "begin",
                        lambda team, function, count:
                        counts.append(count) or begin(team, function, count))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(7))
    assert list(workers.each(square, range(3))) == [0, 1, 4]
    assert list(workers.each(square, range(30), 10)) == [n * n for n in range(30)]
    assert list(workers.each(square, [])) == []
    assert counts == [3, 3, 0] and not multiprocessing.active_children()


@pytest.mark.parametrize("good", (0, 1, 2))
def test_a_process_that_cannot_be_made(monkeypatch, good):
    fork, forks = os.fork, []

    def limited():
        forks.append(1)
        if len(forks) > good:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return fork()
    monkeypatch.setattr(os, "fork", limited)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(3))
    with pytest.raises(BlockingIOError):
        list(workers.each(square, range(100)))
    monkeypatch.undo()
    assert not multiprocessing.active_children()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGINT, signal.SIGTERM}


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_a_signal_to_all_of_them_ends_the_program(tmp_path, number):
    """At any moment, the begin included, by the program's own way and nothing said of it."""
    scripts = pathlib.Path(__file__).resolve().parents[2] / "scripts"
    for wait in (0, 0, 0.001, 0.002, 0.004, 0.01, 0.1):
        program = subprocess.Popen(
            [sys.executable, "-c", SIGNALLED], env=os.environ | {"PYTHONPATH": str(scripts)},
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert program.stdout.readline() == b"begins\n"
        time.sleep(wait)
        os.killpg(program.pid, number)
        _, err = program.communicate(timeout=30)
        assert (program.returncode, err) == (128 + number, b"")


class Signalled(Exception):
    pass


def signalled_at(moment):
    """Whether each() had come to that @moment, a call in this process or a return from C, where SIGTERM
    came. (No return from Python: there, at a yield, a profiler's exception is no signal's.)"""
    program, moments = os.getpid(), iter(range(moment))

    def profile(frame, event, arg):
        if os.getpid() == program and event != "return" and next(moments, None) is None:
            sys.setprofile(None)
            where.append((event, frame.f_code.co_filename, frame.f_lineno, getattr(arg, "__name__", "")))
            signal.raise_signal(signal.SIGTERM)

    answers, where = [], []
    try:
        sys.setprofile(profile)
        for answer in workers.each(square, range(2)):
            answers.append(answer)
        sys.setprofile(None)
    except Signalled:
        return True
    assert answers == [0, 1] and not where, f"lost at {moment}: {where}"
    return False


def test_no_moment_at_which_a_signal_is_lost(monkeypatch):
    """What a handler raises in a __del__ Python drops: the program would go on, for minutes."""
    def handler(number, frame):
        raise Signalled
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(1))
    # The collector may finalize what other tests have left, at a moment of its own.
    gc.collect()
    gc.disable()
    before, files = signal.signal(signal.SIGTERM, handler), len(os.listdir("/proc/self/fd"))
    try:
        moments = 0
        while signalled_at(moments):
            moments += 1
            assert signal.getsignal(signal.SIGTERM) is handler
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        gc.enable()
        signal.signal(signal.SIGTERM, before)
    assert moments > 100 and signal.set_wakeup_fd(-1) == -1
    assert len(os.listdir("/proc/self/fd")) == files
    assert not multiprocessing.active_children()


def test_a_signal_wakes_who_waits_and_one_that_changes_nothing_costs_nothing(tmp_path):
    """Also one that another thread was given: the wait itself is not interrupted then."""
    came, ready = [], tmp_path / "ready"
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number) or ready.touch())
    thread = threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM))
    try:
        thread.start()
        assert list(workers.each(partial(until_there, ready), range(1))) == [0]
    finally:
        signal.signal(signal.SIGTERM, before)
        thread.join()
    assert came == [signal.SIGTERM]


def test_what_a_worker_raises_arrives():
    for error in RecursionError, EOFError, BrokenPipeError:
        with pytest.raises(error):
            list(workers.each(partial(fail, error), range(100)))


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
