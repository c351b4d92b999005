# SPDX-License-Identifier: GPL-2.0-or-later
"""Work shared out to as many processes as there are processors.

Neither multiprocessing.Pool nor ProcessPoolExecutor: when a worker is killed, for want of memory say,
both may wait for ever, for the worker or for a half of a message. Here each has a pipe of its own, of
which nobody else holds an end: a worker that is gone, or a program that is, is the end of the file.

What a signal's handler raises is lost where Python happens to be in a __del__ or a weak reference's
callback, of which the objects used here have some: the program would go on as if nobody had pressed
Ctrl-C. So signals are noted while each() is at work, and dealt with at places of its own."""

import multiprocessing
import os
import signal
from contextlib import closing
from multiprocessing.connection import wait

from .main import Failed

SIGNALS = signal.SIGINT, signal.SIGTERM
FORK = multiprocessing.get_context("fork")


class Died(Failed):
    def __init__(self):
        super().__init__("a process that did a part of the work was killed: is there enough memory?")


class Signals:
    """SIGINT and SIGTERM between hold() and release() are noted; the file @came can be waited for."""

    def __init__(self):
        self.noted = []
        self.handlers = [signal.getsignal(number) for number in SIGNALS]

    def note(self, number, _):
        self.noted.append(number)

    @staticmethod
    def handle(interrupt, terminate):
        """Both, also when one of them comes in between and its handler raises."""
        try:
            signal.signal(signal.SIGINT, interrupt)
        finally:
            signal.signal(signal.SIGTERM, terminate)

    def hold(self):
        self.handle(self.note, self.note)

    def release(self):
        """What the program does of the signals that came is done here."""
        self.handle(*self.handlers)
        while self.noted:
            signal.raise_signal(self.noted.pop(0))

    def deal(self):
        if self.noted:
            try:
                self.release()
            finally:
                self.hold()

    def __enter__(self):
        try:
            self.hold()
        except BaseException:
            self.release()
            raise
        self.came, self.wakes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        # Python writes there at once, even before it runs note(): no wait begins after a signal.
        self.before = signal.set_wakeup_fd(self.wakes, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_):
        signal.set_wakeup_fd(self.before)
        os.close(self.came)
        os.close(self.wakes)
        self.release()


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
    """Adds (process, its pipe) to the @team; a worker gets no signal before it is one."""
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


def answers(signals, function, tasks, chunk):
    """Generates a list of answers for each @chunk tasks."""
    left = [(at, tasks[at:at + chunk]) for at in range(0, len(tasks), chunk)]
    order = [at for at, _ in left]
    left.reverse()
    team, busy, found = [], {}, {}

    def give(pipe):
        if left:
            busy[pipe], some = left.pop()
            try:
                pipe.send(some)
            except ConnectionError:
                raise Died from None

    def take(pipe):
        try:
            good, answer = pipe.recv()
        except (EOFError, OSError):
            raise Died from None
        if not good:
            raise answer
        found[busy.pop(pipe)] = answer
        give(pipe)

    try:
        begin(team, function, min(len(os.sched_getaffinity(0)), len(left)))
        for _, pipe in team:
            give(pipe)
        for at in order:
            while at not in found:
                signals.deal()
                for pipe in wait([signals.came, *busy]):
                    if pipe == signals.came:
                        os.read(pipe, 1 << 10)
                    else:
                        take(pipe)
            yield found.pop(at)
    finally:
        end(team)


def each(function, tasks, chunk=1):
    """Generates function(task) of all tasks in their order; a worker takes @chunk tasks at a time."""
    with Signals() as signals, closing(answers(signals, function, tasks, chunk)) as lists:
        for some in lists:
            try:
                signals.release()
                yield from some
            finally:
                signals.hold()
