# SPDX-License-Identifier: GPL-2.0-or-later
"""Work shared out to as many processes as there are processors.

Neither multiprocessing.Pool nor ProcessPoolExecutor: when a worker is killed, for want of memory say,
both may wait for ever, for the worker or for a half of a message. Here each has a pipe of its own, of
which nobody else holds an end: a worker that is gone, or a program that is, is the end of the file."""

import multiprocessing
import os
import signal
from multiprocessing.connection import wait

from .main import Failed

SIGNALS = signal.SIGINT, signal.SIGTERM
FORK = multiprocessing.get_context("fork")


class Died(Failed):
    def __init__(self):
        super().__init__("a process that did a part of the work was killed: is there enough memory?")


def serve(function, pipe, not_mine):
    """A worker: a list of tasks in, (True, answers) or (False, what was raised) out."""
    for other in not_mine:
        other.close()
    # Ctrl-C is the program's to deal with.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        while True:
            tasks = pipe.recv()
            try:
                answer = True, [function(task) for task in tasks]
            except Exception as error:
                answer = False, error
            pipe.send(answer)
    except (EOFError, ConnectionError):
        pass            # that was all, or the program is gone


def begin(team, function, count):
    """Adds (process, its pipe) to the @team; signals come before or after, not while a process is half
    made."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        for _ in range(count):
            pipe, theirs = FORK.Pipe()
            process = FORK.Process(target=serve, daemon=True, args=(
                function, theirs, [pipe, *(other for _, other in team)]))
            process.start()
            theirs.close()
            team.append((process, pipe))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end(team):
    for process, pipe in team:
        process.kill()
        pipe.close()
    for process, _ in team:
        process.join()


def each(function, tasks, chunk=1):
    """Generates function(task) of all tasks in their order; a worker takes @chunk tasks at a time."""
    left = [(at, tasks[at:at + chunk]) for at in range(0, len(tasks), chunk)]
    order = [at for at, _ in left]
    left.reverse()
    team, busy, answers = [], {}, {}

    def give(pipe):
        if left:
            busy[pipe], some = left.pop()
            try:
                pipe.send(some)
            except ConnectionError:
                raise Died from None

    try:
        begin(team, function, min(len(os.sched_getaffinity(0)), len(left)))
        for _, pipe in team:
            give(pipe)
        for at in order:
            while at not in answers:
                for pipe in wait(list(busy)):
                    try:
                        good, answer = pipe.recv()
                    except (EOFError, OSError):
                        raise Died from None
                    if not good:
                        raise answer
                    answers[busy.pop(pipe)] = answer
                    give(pipe)
            yield from answers.pop(at)
    finally:
        end(team)
