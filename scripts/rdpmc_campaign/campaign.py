# SPDX-License-Identifier: GPL-2.0-or-later
"""The campaign: its directory, its loop, and what must be right whenever it is killed.

Nothing is only in memory for longer than a look (LOOK): cases and pages are on the disk before they
are told, what fuzzers saved is removed after its page is written, and a start begins by collecting
what the last one left.
"""

import fcntl
import glob
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from rdpmc_results.text import counted

from . import plan, space, status
from .chores import Chores
from .corpus import Corpus
from .coverage import Coverage, of_these
from .failed import Failed, NothingRuns
from .findings import Findings, utc
from .notices import LONGEST, Notices
from .upkeep import Upkeep
from .worker import MARK, Worker, end_left_over, remove

LOOK = 0.25                 # s between two looks at what runs
SAVE = 5                    # s between two times that it is written how far it is
COLLECT = 20                # s between two times that new cases are kept
SLICE = 300                 # s
LONGEST_PAUSE = 60          # s before a task that ends at once is begun again
DEAD = 3                    # times in a row that it ended at once: an alarm
MAX_SAVED = 500            # cases that wait for triage before their fuzzer waits, too
NEW, OLD = 1, 3            # exit status: something was found; it was known before
BOOT = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True)
class Limits:
    root: str               # of the source tree
    build: str
    time: int | None        # s
    jobs: int
    slice: int | None       # s
    disk: int               # bytes
    memory: int             # MiB of a fuzzer
    minimise: int           # s between
    measure: int            # s between
    share: str | None
    told: str | None        # program that is told of findings


def tell(text):
    """Nobody may be there to hear it any more."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        pass


def check_built(*paths):
    for path in paths:
        if not os.access(path, os.X_OK):
            raise Failed(f"{path} is not built: `make campaign` builds all of it")


class Campaign(Upkeep):
    def __init__(self, directory, engines, drivers, limits, quiet):
        self.directory, self.engines, self.drivers = directory, engines, drivers
        self.limits, self.quiet = limits, quiet
        self.signal = 0
        self.lock = None
        self.minimising = False

    def say(self, text):
        if not self.quiet:
            tell(f"{time.strftime('%H:%M:%S')} {text}")

    # ----- alarms -----

    def alarm(self, what, text):
        """Stands until clear(): a person should look."""
        if self.state["alarms"].get(what, {}).get("text") != text:
            tell(f"campaign: ALARM: {text}")
            self.state["alarms"][what] = {"since": utc(time.time()), "text": text}

    def clear(self, what):
        if self.state["alarms"].pop(what, None):
            self.say(f"alarm over: {what}")

    # ----- the start -----

    def check_directories(self):
        if self.limits.share and not os.path.isdir(self.limits.share):
            raise Failed(f"--share {self.limits.share}: no such directory")
        if os.path.isdir(self.directory) and os.listdir(self.directory) \
                and not os.path.exists(f"{self.directory}/lock"):
            raise Failed(f"--dir {self.directory}: not empty, and not a campaign's directory")

    def open(self):
        try:
            os.makedirs(f"{self.directory}/workers", exist_ok=True)
            self.lock = open(f"{self.directory}/lock", "a+", encoding="ascii")
        except OSError as error:
            raise Failed(f"--dir {self.directory}: {error.strerror}") from None
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"--dir {self.directory}: another campaign runs there") from None
        end_left_over(self.directory)
        for name in os.listdir(self.directory):
            if name.endswith(".tmp"):
                os.unlink(f"{self.directory}/{name}")
        pages = f"{self.directory}/findings"
        os.makedirs(pages, exist_ok=True)
        for name in os.listdir(pages):
            if name.startswith("."):        # of a triage that was killed while it wrote
                remove(f"{pages}/{name}")

    def load(self):
        found, damaged = status.load(self.directory)
        with open(BOOT, encoding="ascii") as file:
            boot = file.read().strip()
        self.rebooted = found.get("boot") != boot
        self.state = {
            "schema": status.SCHEMA, "state": "running", "directory": self.directory,
            "pid": os.getpid(), "boot": boot, "began": found.get("began") or utc(time.time()),
            "updated": "", "elapsed": found.get("elapsed", 0.0), "limit": self.limits.time,
            "starts": found.get("starts", 0) + 1, "engines": [], "tasks": found.get("tasks", {}),
            "corpus": found.get("corpus", {"cases": 0, "given_up": 0, "minimised": 0}),
            "since": utc(time.time()), "new": [], "pages": found.get("pages", {}), "flaky": found.get("flaky", {}),
            "known": found.get("known", 0), "coverage": of_these(found.get("coverage", {}), self.engines),
            "disk": {"used": 0, "limit": self.limits.disk}, "alarms": {}}
        if damaged:
            self.alarm("status", damaged)

    def check_programs(self):
        """Before anything is written: are the programs there that it needs whatever the host supports?"""
        sure = [task.program for engine in self.engines for driver in engine.drivers
                if driver in self.drivers and driver not in ("live", "machine")
                for task in [plan.task(self.limits.build, driver, engine)]]
        check_built(f"{self.limits.build}/rdpmc-diff", *sure)
        if "afl" in self.drivers and any("afl" in engine.drivers for engine in self.engines) \
                and not shutil.which("afl-fuzz"):
            raise Failed("afl-fuzz is not installed: `scripts/setup fuzz`, or --driver libfuzzer")

    def find_engines(self):
        """Which of them can run here, and why another cannot."""
        program = f"{self.limits.build}/rdpmc-diff"
        for engine in self.engines:
            words = [program, "run", "--quiet", "--engine", engine.tried, "--random", "1"]
            if engine.machine:
                self.say(f"booting {engine.name} to see whether it runs here")
                words = [f"{self.limits.root}/scripts/machine", "run", "--quiet", "--build", self.limits.build,
                         *engine.machine, "--", "rdpmc-diff", *words[1:4], "kvm", *words[5:]]
            done = subprocess.run(words, capture_output=True, text=True,
                                  errors="replace", check=False,
                                  env=os.environ | {"RDPMC_JOURNAL": "none"})
            words = (done.stderr.strip() or "no word of why").splitlines()
            if done.returncode == 77:
                engine.absent = words[-1].removeprefix("rdpmc-diff: ")
            elif "live" in engine.drivers and os.path.isdir(f"{self.directory}/suspects"):
                engine.absent = f"the host went down while it ran: see {self.directory}/suspects, and " \
                    "remove that to run it again"
            elif done.returncode not in (0, 1):
                raise Failed(f"--engine {engine.name}: {words[-1]}")
        self.state["engines"] = [{"name": each.name, "absent": each.absent} for each in self.engines]

    def find_tasks(self):
        made = plan.tasks(self.limits.build, self.engines, self.limits.jobs, self.drivers)
        if not made:
            raise NothingRuns("; ".join(f"engine {each.name}: {each.absent or 'none of its drivers'}"
                                        for each in self.engines))
        check_built(*(task.program for task in made))
        before = self.state["tasks"]
        self.state["tasks"] = {
            task.name: {"driver": task.driver, "engine": task.engine.name, "executions": 0,
                        "seconds": 0.0, "slices": 0, "deaths": 0} | before.get(task.name, {})
            | {"state": "waiting"} for task in made}
        for name, old in before.items():        # what it did still counts
            self.state["tasks"].setdefault(name, old | {"state": "not part of it any more"})
        self.workers = [Worker(task, self.directory, self.limits) for task in made]

    def begin(self):
        self.check_directories()
        self.check_programs()
        self.open()
        self.load()
        self.set_apart_suspects()
        self.find_engines()
        self.find_tasks()
        regressions = f"{self.limits.root}/corpus/regressions"
        self.seeds = [f"{self.limits.root}/corpus/seeds"]
        if os.path.isdir(regressions) and os.listdir(regressions):
            self.seeds.append(regressions)
        self.corpus = Corpus(self.directory, self.seeds)
        missing = self.corpus.missing()
        if missing:
            self.alarm("missing", f"{counted(len(missing), 'kept case')} missing from {self.corpus.folder}")
        self.all_seeds = [*self.seeds, self.corpus.folder]
        os.makedirs(f"{self.directory}/tmp", exist_ok=True)
        self.chores = Chores(os.environ | {
            MARK: self.directory, "TMPDIR": f"{self.directory}/tmp",
            "RDPMC_JOURNAL": f"{self.directory}/tmp"})
        self.findings = Findings(self.directory, self.limits.build, self.chores, self.engines,
                                 self.state, self.alarm)
        self.notices = Notices(self.directory, self.limits.told, self.state, tell, self.alarm, self.clear)
        self.findings.compare_pages(self.say, self.notices)
        self.coverage = Coverage(self.directory, self.limits.root, self.limits.build, self.chores,
                                 self.engines, self.all_seeds)
        self.collect_left()
        try:
            status.write(self.directory, self.state)
        except OSError as error:
            self.alarm("disk", f"{error.filename}: {error.strerror}")

    def set_apart_suspects(self):
        """Cases that ran on the real machine when it went down. Nothing runs there again before a person has
        dealt with them, or it would go down again and again."""
        place = glob.escape(self.directory)
        journals = glob.glob(f"{place}/workers/*/tmp/journal.*") + glob.glob(f"{place}/tmp/journal.*")
        suspects = f"{self.directory}/suspects"
        if self.rebooted and journals:
            os.makedirs(suspects, exist_ok=True)
            for path in journals:
                os.replace(path, f"{suspects}/{self.state['starts']}-{os.path.basename(path)}")
        if os.path.isdir(suspects):
            self.alarm("suspects", f"the host went down while the cases in {suspects} ran: repeat them with "
                                   "rdpmc-diff run --engine kvm; the live engine stays off until that is removed")

    def collect_left(self):
        """What a campaign that was killed had found and not looked at."""
        for worker in self.workers:
            self.findings.look(worker)
        ours = {worker.task.name for worker in self.workers}
        place = glob.escape(self.directory)
        for path in glob.glob(f"{place}/inbox/*") + glob.glob(f"{place}/workers/*/saved"):
            name = os.path.basename(path.removesuffix("/saved"))
            if name not in ours and os.listdir(path):
                self.alarm(f"left {name}", f"{counted(len(os.listdir(path)), 'case')} in {path} not triaged: {name} is no "
                                           "longer part of the campaign")
        self.collect()

    # ----- the loop -----

    def run(self):
        self.begin()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.on_signal)
        here = [each.name for each in self.engines if not each.absent]
        self.say(f"{self.directory}: engines {', '.join(here)}; {counted(len(self.workers), 'fuzzer')}, "
                 f"{self.limits.jobs} at a time; start {self.state['starts']}, "
                 f"{counted(len(self.corpus.names), 'case')} beside the seeds")
        for engine in self.engines:
            if engine.absent:
                self.say(f"engine {engine.name} cannot run here: {engine.absent}")
        self.replay()
        self.last = {what: time.monotonic() for what in ("look", "collect", "minimise", "measure")}
        self.last["save"] = 0.0     # is there room at all?
        before = self.executions()
        self.elapsed_before = self.state["elapsed"]
        ended = "failed"
        try:
            while self.left() > 0:
                self.look()
                if self.signal:
                    ended = "interrupted"
                    self.say("stopping; nothing is lost")
                    break
                time.sleep(LOOK)
            else:
                ended = "ended"
        finally:
            self.end(ended)
        if self.signal:
            return 128 + self.signal
        found = self.found()
        if found:
            return found
        if self.executions() == before:
            raise NothingRuns("no fuzzer executed anything: " + "; ".join(
                f"{name} {task['state']}" for name, task in self.state["tasks"].items()))
        return 0

    def left(self):
        """s of fuzzing that this start still has."""
        return float("inf") if self.limits.time is None else \
            self.limits.time - (self.state["elapsed"] - self.elapsed_before)

    def found(self):
        """The exit status: is there a new page, or what may become one? Or one of before?"""
        if self.state["new"] or any(self.findings.waiting(worker.task) for worker in self.workers):
            return NEW
        return OLD if self.state["pages"] else 0

    def executions(self):
        return sum(task["executions"] for task in self.state["tasks"].values())

    def on_signal(self, number, frame):
        # A second one ends at once: what is on the disk is whole.
        signal.signal(number, signal.SIG_DFL)
        self.signal = number

    def replay(self):
        """What is known already is tried first, by each engine."""
        for engine in self.engines:
            if engine.absent or engine.machine:     # what a machine finds has its page already
                continue
            task = next((each.task for each in self.workers if each.task.engine is engine), None)
            if task:
                cases = [f"{folder}/{name}" for folder in self.all_seeds
                         for name in sorted(os.listdir(folder))]
                self.findings.triage(cases, task, lambda path: None, keep=True)

    def due(self, what, seconds):
        now = time.monotonic()
        if now - self.last[what] < seconds:
            return False
        self.last[what] = now
        return True

    def look(self):
        now = time.monotonic()
        self.state["elapsed"] += now - self.last["look"]
        self.last["look"] = now
        try:
            full = self.watch_space() if self.due("save", SAVE) else None
            for worker in self.workers:
                self.attend(worker)
            self.start_some()
            self.chores.look()
            self.notices.look()
            if self.due("collect", COLLECT):
                self.collect()
            if self.due("minimise", self.limits.minimise):
                self.minimise()
            if self.due("measure", self.limits.measure):
                self.coverage.measure(self.state)
                self.chores.add(["true"], lambda *told: self.write_result(True), 10, "result")
            if full is not None:
                status.write(self.directory, self.state)
                if not full:
                    self.clear("disk")
        except OSError as error:
            self.alarm("disk", f"{error.filename or self.directory}: {error.strerror}")
            time.sleep(1)

    def attend(self, worker):
        """One that runs: count, take what it saved, end it when it is to end."""
        entry = self.state["tasks"][worker.task.name]
        if worker.process is None:
            return
        now = time.monotonic()
        entry["seconds"] += now - worker.told
        worker.told = now
        before = worker.executions
        entry["executions"] += worker.count() - before
        self.findings.look(worker)
        crowded = self.findings.waiting(worker.task) > MAX_SAVED
        if worker.runs() and not crowded:
            return
        self.rest(worker)

    def rest(self, worker):
        """The end of a slice, as it should be or not."""
        entry = self.state["tasks"][worker.task.name]
        before = worker.executions
        stopped = worker.stop()
        entry["executions"] += worker.executions - before
        worker.process = None
        worker.next = time.monotonic()
        what = f"worker {worker.task.name}"
        if not stopped:
            worker.next = float("inf")
            entry["state"] = "stalled: in the kernel, where no signal reaches it"
            self.alarm(what, f"{worker.task.name} {entry['state']}")
        elif not worker.ended:
            worker.in_row = 0
            entry["state"] = "waiting"
            self.clear(what)
        else:
            worker.in_row += 1
            entry["deaths"] += 1
            worker.next += min(2 ** worker.in_row, LONGEST_PAUSE)
            kind = "stalled" if worker.ended.startswith("hung") else "dead"
            entry["state"] = f"{kind}: {worker.ended}"
            if worker.in_row >= DEAD or kind == "stalled" or not entry["executions"]:
                self.alarm(what, f"{worker.task.name} {entry['state']}")
        self.findings.look(worker)
        if worker.in_row >= DEAD and not worker.saved():
            remove(worker.own)          # AFL++ may be unable to go on from what a power cut left
        self.keep(worker)

    def start_some(self):
        """Tasks that have run least come first."""
        running = sum(worker.process is not None for worker in self.workers)
        now = time.monotonic()
        ready = sorted((worker for worker in self.workers
                        if worker.process is None and worker.next <= now
                        and self.findings.waiting(worker.task) <= MAX_SAVED // 2),
                       key=lambda worker: self.state["tasks"][worker.task.name]["seconds"])
        if "disk" in self.state["alarms"]:
            return
        for worker in ready[:self.limits.jobs - running]:
            entry = self.state["tasks"][worker.task.name]
            try:
                worker.start(self.slice(), self.all_seeds)
            except OSError as error:
                worker.next = now + LONGEST_PAUSE
                self.alarm(f"worker {worker.task.name}",
                           f"{worker.task.name} cannot start: {error.filename}: {error.strerror}")
                continue
            self.corpus.forget_looks(worker.place)
            entry["slices"] += 1
            entry["state"] = "running"

    def slice(self):
        """s: of a short campaign short enough that all have their turn, twice."""
        turns = -(-len(self.workers) // self.limits.jobs)
        fair = self.limits.slice or max(5, min(SLICE, (self.limits.time or 10**9) / turns / 2))
        return max(1, min(fair, self.left()))

    def write_result(self, partial):
        status.write_result(self.directory, self.state, self.version(), partial)

    def version(self):
        done = subprocess.run([f"{self.limits.build}/rdpmc-diff", "--version"], capture_output=True,
                              text=True, check=False)
        return done.stdout.split()[-1] if done.stdout else "unknown"

    # ----- the end -----

    def end(self, how):
        for worker in self.workers:
            if worker.process:
                worker.ask()
        try:
            for worker in self.workers:
                if worker.process:
                    self.rest(worker)
            self.collect()
            whole = self.finish_chores()
            if not whole:
                self.say("what the fuzzers saved last is triaged at the next start")
            waiting = self.notices.finish(10 if self.signal else LONGEST)
            if waiting:
                tell(f"campaign: {counted(waiting, 'notification')} pending: sent at the next start")
            self.state["state"] = how
            for entry in self.state["tasks"].values():
                if entry["state"] in ("running", "waiting"):
                    entry["state"] = "ended"
            self.state["disk"]["used"] = space.used(self.directory)
            status.write(self.directory, self.state)
            self.write_result(how != "ended")
        except OSError as error:
            tell(f"campaign: {error.filename or self.directory}: {error.strerror}")
        try:
            print(status.report(self.state) if not self.quiet else "", end="\n" * (not self.quiet))
        except OSError:
            pass
        tell(f"campaign: {status.classes(self.state)}; {self.directory}/{status.REPORT}")

    def finish_chores(self):
        """Asked to end, a person waits."""
        self.chores.drop("merge")
        if not self.signal:
            self.coverage.measure(self.state)
        return self.chores.finish(10 if self.signal else 300)
