# SPDX-License-Identifier: GPL-2.0-or-later
"""Short programs that a campaign runs beside its fuzzers, one at a time, each with an end to its time."""

import os
import subprocess
import time

from .worker import end_group


class Chores:
    def __init__(self, environment):
        self.environment = environment
        self.waiting = []
        self.running = None

    def add(self, words, done, seconds=120, name=None, first=False, **environment):
        """@done(status, output) is called when it has ended: its exit status, negative a signal, None
        too long. A chore of a @name that waits already is not added again; @first comes before all."""
        if name is None or all(each[0] != name for each in self.waiting):
            self.waiting.insert(0 if first else len(self.waiting),
                                (name, words, done, seconds, environment))

    def look(self):
        """Ends and begins what is to end and begin."""
        if self.running:
            _, process, log, done, until = self.running
            status = process.poll()
            if status is None and time.monotonic() < until:
                return
            if status is None:
                end_group(process)
            log.seek(0)
            output = log.read(1 << 22).decode(errors="replace")
            log.close()
            self.running = None
            done(status, output)
        if self.waiting:
            # Whatever fails here leaves it waiting.
            os.makedirs(self.environment["TMPDIR"], exist_ok=True)
            log = open(os.path.join(self.environment["TMPDIR"], "chore.log"), "w+b")
            name, words, done, seconds, environment = self.waiting.pop(0)
            try:
                process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env=self.environment | environment,
                                           start_new_session=True)
            except OSError as error:
                log.close()
                done(127, f"{words[0]}: {error.strerror}")
                return
            self.running = name, process, log, done, time.monotonic() + seconds

    @property
    def idle(self):
        return not self.running and not self.waiting

    def drop(self, prefix):
        """Those of a name that begins so, without a word to who wants them."""
        self.waiting = [each for each in self.waiting if not (each[0] or "").startswith(prefix)]
        if self.running and (self.running[0] or "").startswith(prefix):
            end_group(self.running[1])
            self.running[2].close()
            self.running = None

    def finish(self, seconds):
        """All that waits, for so long at most; what is left then is not run."""
        until = time.monotonic() + seconds
        while not self.idle and time.monotonic() < until:
            self.look()
            time.sleep(0.02)
        if self.running:
            end_group(self.running[1])
            self.running[2].close()
        left, self.waiting, self.running = self.waiting, [], None
        return not left
