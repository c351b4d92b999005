# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes round while a campaign runs: new cases are kept and shared, the corpus is minimised, room
is made."""

import glob
import os
import time

from rdpmc_results.text import counted

from . import space
from .findings import utc
from .worker import remove


class Upkeep:
    """The part of a Campaign that looks after its directory."""

    def keep(self, worker):
        """Keeps the new cases of a worker; how many those are."""
        new = self.corpus.add(worker.cases(), worker.task.name)
        if new:
            self.state["tasks"][worker.task.name] |= {"new": utc(time.time()), "new_elapsed": self.state["elapsed"]}
        return new

    def collect(self):
        """Keeps what is new, and shares it."""
        new = sum(map(self.keep, self.workers))
        if self.limits.share:
            try:
                new += self.corpus.share(self.limits.share,
                                         self.state["disk"]["used"] < self.limits.disk * 0.8)
                self.clear("share")
            except OSError as error:
                self.alarm("share", f"--share {self.limits.share}: {error.strerror}")
        self.state["corpus"]["cases"] = len(self.corpus.names)
        if new:
            self.say(f"{counted(new, 'new case')}, {len(self.corpus.names)} in all")

    def minimise(self):
        """What libFuzzer's merge needs of the corpus to reach all that it reaches, by any engine, stays."""
        engines = {worker.task.engine.name: worker.task for worker in self.workers
                   if worker.task.driver != "afl"}
        # What only a machine's kernel needs would be given up, and to ask it takes a boot and minutes.
        if any(task.engine.machine for task in engines.values()):
            return
        # One at a time, and only with room for what it writes: what is missing there would be given up.
        if self.minimising or not engines or "disk" in self.state["alarms"]:
            return
        self.minimising = True
        merged = f"{self.directory}/merged"
        remove(merged)
        before = set(self.corpus.names)
        failed = []
        for task in engines.values():
            os.makedirs(f"{merged}/{task.name}")
            self.chores.add(
                [task.program, "-merge=1", "-max_len=4096", "-timeout=25",
                 f"-artifact_prefix={self.directory}/tmp/", f"{merged}/{task.name}", *self.all_seeds],
                lambda code, output, task=task: code == 0 or failed.append(task.name), 1800,
                f"merge {task.name}", **task.environment)

        def done(code, output):
            self.minimising = False
            parts = [set(os.listdir(f"{merged}/{task.name}")) for task in engines.values()
                     if os.path.isdir(f"{merged}/{task.name}")]
            remove(merged)
            # Each needs some of the seeds at least.
            if failed or len(parts) < len(engines) or not all(parts):
                self.alarm("minimise", f"the corpus could not be minimised: {', '.join(failed)}")
                return
            kept = set().union(*parts)
            self.clear("minimise")
            # What came meanwhile was not asked about; what only AFL++ tells apart it has itself.
            gone = self.corpus.keep_only(self.corpus.names - before | before & kept)
            self.state["corpus"]["given_up"] += gone
            self.state["corpus"]["minimised"] += 1
            self.state["corpus"]["cases"] = len(self.corpus.names)
            self.say(f"minimised: {counted(gone, 'redundant case')} dropped, {len(self.corpus.names)} kept")

        self.chores.add(["true"], done, 10, "merged")

    def drop_strangers(self):
        """AFL++'s folders of tasks that are not part of it any more, but for what they found."""
        ours = {worker.own for worker in self.workers}
        for out in glob.glob(f"{glob.escape(self.directory)}/afl/*/*"):
            if out not in ours and not glob.glob(f"{glob.escape(out)}/crashes*/id:*"):
                remove(out)

    def watch_space(self):
        """Gives back what it can when its share of the disk is nearly used; stops when it is. True: full."""
        used = space.used(self.directory)
        self.state["disk"]["used"] = used
        free = space.free(self.directory)
        if used < self.limits.disk * 0.9 and free > space.RESERVE:
            return False
        # AFL++ keeps all that it ever kept; of what it has only new cases are worth anything.
        for worker in self.workers:
            if worker.task.driver == "afl" and os.path.isdir(worker.own):
                if worker.process:
                    worker.ended = ""
                    self.rest(worker)
                self.keep(worker)
                if not worker.saved():
                    remove(worker.own)
                    self.corpus.forget_looks(worker.own)
        self.drop_strangers()
        if used > self.limits.disk or free <= space.RESERVE:
            for worker in self.workers:
                if worker.process:
                    self.rest(worker)
                if not worker.saved():
                    remove(f"{worker.place}/corpus")
                remove(f"{worker.place}/tmp")
            self.alarm("disk", f"{used >> 20} of {self.limits.disk >> 20} MiB used, {free >> 20} MiB free on the "
                               "disk: nothing runs until there is room")
            return True
        return False
