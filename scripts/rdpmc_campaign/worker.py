# SPDX-License-Identifier: GPL-2.0-or-later
"""A task that runs: one slice of a fuzzer, from its start to what it left.

  workers/TASK/corpus   what it found new in this slice    afl/ENGINE/TASK    AFL++'s own, kept
  workers/TASK/saved    cases that it took for findings    workers/TASK/log   its last words
"""

import ctypes
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time

MARK = "RDPMC_CAMPAIGN"     # in the environment of all that a campaign starts: its directory
STALLED = 60                # s without using any processor time: it hangs
START = 20                  # s in which a process that ends by itself did not come to work
GRACE = 5                   # s to end after being asked to
LOG = 1 << 20               # bytes of a log before it is cut
LIBFUZZER = ("-max_len=172", "-entropic=0", "-reduce_inputs=0", "-use_counters=0", "-mutate_depth=50",
             "-print_final_stats=1", "-timeout=25")
SAVED = ("crash-", "leak-", "timeout-", "oom-")
TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1


def dies_with_us():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def left_over(directory):
    """Processes that a campaign in this directory has started and that nobody waits for."""
    mark = f"{MARK}={directory}".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if int(name) != os.getpid() and mark in file.read().split(b"\0"):
                    yield int(name)
        except OSError:
            continue


def end_left_over(directory):
    """Of a campaign that was killed its fuzzers may run on."""
    for number in left_over(directory):
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass


def processor_time(session):
    """s that the processes of a session have used; of those that ended as well, once waited for."""
    used = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b") ")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            used += sum(map(int, fields[11:15]))
    return used / TICKS


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def remove_file(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def numbers(path, pattern):
    """All that a pattern finds in the end of a file, as numbers."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - (1 << 16)))
            return [int(each) for each in re.findall(pattern, file.read())]
    except OSError:
        return []


def cut_short(path):
    """A file of libFuzzer's, named by its content's SHA-1, that it is still writing, or was when it was
    killed: what is there so far is not the case that it found."""
    kind, _, digest = os.path.basename(path).partition("-")
    if f"{kind}-" not in SAVED:
        return False
    with open(path, "rb") as file:
        return hashlib.sha1(file.read()).hexdigest() != digest


class Worker:
    def __init__(self, task, directory, limits):
        self.task = task
        self.limits = limits
        self.place = f"{directory}/workers/{task.name}"
        self.directory = directory
        # One folder for all instances of an engine: so they see each other's finds.
        self.out = f"{directory}/afl/{task.engine.label}"
        self.own = f"{self.out}/{task.name}"
        self.process = None
        self.began = self.until = self.told = 0.0
        self.executions = 0         # of this slice
        self.afl_before = 0
        self.used = self.used_at = 0.0
        self.ended = ""             # how the last slice ended, where that was not as it should
        self.in_row = 0             # slices that ended badly, one after the other
        self.next = 0.0             # it may begin again then

    # ----- a slice -----

    def start(self, seconds, seeds):
        """@seeds: folders that it begins from."""
        remove(f"{self.place}/corpus")
        remove(f"{self.place}/tmp")
        for name in ("corpus", "saved", "tmp"):
            os.makedirs(f"{self.place}/{name}", exist_ok=True)
        for name in os.listdir(f"{self.place}/saved"):
            if cut_short(f"{self.place}/saved/{name}"):
                remove_file(f"{self.place}/saved/{name}")
        self.executions = 0
        words = getattr(self, self.task.driver if self.task.driver in ("afl", "machine") else "libfuzzer")(seconds, seeds)
        environment = os.environ | self.task.environment | {
            MARK: self.directory, "TMPDIR": f"{self.place}/tmp", "RDPMC_JOURNAL": f"{self.place}/tmp"}
        if self.task.driver != "afl":
            # A page's own report has names; an engine that is wrong everywhere would spend its time on them.
            environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":symbolize=0"
        # To the end of it, wherever that is: it is cut when it is long.
        remove_file(f"{self.place}/log")
        with open(f"{self.place}/log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment, start_new_session=True,
                                            preexec_fn=dies_with_us, cwd=self.limits.root)
        self.began = self.told = self.used_at = time.monotonic()
        self.until = self.began + seconds
        self.used = 0.0
        self.ended = ""

    def libfuzzer(self, seconds, seeds):
        # Processes of its own go on after what they find, and what they leak is gone with them.
        fork = ["-fork=1", "-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1"]
        return [self.task.program, *LIBFUZZER, *fork, f"-max_total_time={max(1, int(seconds))}",
                f"-rss_limit_mb={self.limits.memory}", f"-artifact_prefix={self.place}/saved/",
                f"{self.place}/corpus", *seeds]

    def machine(self, seconds, seeds):
        """Boots are not of its time: a slice of them takes longer."""
        words = [f"{self.limits.root}/scripts/machine", "fuzz", "--build", self.limits.build, "--go-on",
                 *self.task.engine.machine, "--time", str(max(1, int(seconds))), "--corpus", f"{self.place}/corpus",
                 "--found", f"{self.place}/saved", "--skip", f"{self.directory}/findings"]
        for folder in seeds:
            words += ["--seeds", folder]
        return [*words, "--", *(word for word in LIBFUZZER if "stats" not in word)]

    def afl(self, seconds, seeds):
        resumes = os.path.exists(f"{self.own}/fuzzer_stats")
        remove(f"{self.place}/in")
        if not resumes:
            remove(self.own)
            os.makedirs(self.out, exist_ok=True)
            os.makedirs(f"{self.place}/in")
            for folder in seeds:
                for name in os.listdir(folder):
                    copy = f"{self.place}/in/{name}"
                    if not os.path.exists(copy):
                        shutil.copyfile(os.path.join(folder, name), copy)
        self.afl_before = self.afl_executions() if resumes else 0
        main = not self.task.words
        words = ["afl-fuzz", "-i", "-" if resumes else f"{self.place}/in", "-o",
                 self.out, "-M" if main else "-S", self.task.name, "-V", str(max(1, int(seconds))),
                 "-m", str(self.limits.memory), "-t", "1000+", *self.task.words]
        if main:
            words += ["-F", f"{self.directory}/corpus"]
        self.task.environment |= {
            "AFL_NO_UI": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_QUIET": "1",
            "AFL_NO_CRASH_README": "1", "AFL_IGNORE_UNKNOWN_ENVS": "1",
            "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_SYNC_TIME": "1"}
        return [*words, "--", self.task.program]

    def afl_executions(self):
        found = numbers(f"{self.own}/fuzzer_stats", rb"execs_done\s*: (\d+)")
        return found[-1] if found else 0

    # ----- while it runs -----

    def count(self):
        """Executions of this slice, as far as the fuzzer has told."""
        if self.task.driver == "afl":
            found = self.afl_executions()
            self.executions = max(self.executions, found - self.afl_before)
        else:
            found = numbers(f"{self.place}/log",
                            rb"(?m)^(?:#(?=\d+[:\t])|stat::number_of_executed_units:\s*)(\d+)")
            self.executions = max([self.executions, *found])
        return self.executions

    def runs(self):
        """False: the slice is over; self.ended says why if that is not as it should be."""
        now = time.monotonic()
        status = self.process.poll()
        if status is not None:
            end_group(self.process)
            early = now < self.until - 1 and now - self.began < START
            # A live target ends with what it found; it is looked at and begun again.
            if (early and not self.saved()) or (self.boots and status not in (0, 1)):
                self.ended = f"ended after {now - self.began:.0f} s: {self.last_words()}"
            return False
        if self.boots:              # it looks after its time and its emulator itself
            return True
        if now - self.used_at > STALLED / 6:
            used = processor_time(self.process.pid)
            if used > self.used:
                self.used, self.used_at = used, now
            elif now - self.used_at > STALLED:
                self.ended = f"hung: no processor time in {STALLED} s"
                return False
        if now > self.until + GRACE + START:
            self.ended = "did not end when its time was over"
            return False
        if os.path.getsize(f"{self.place}/log") > LOG:
            self.count()
            os.truncate(f"{self.place}/log", 0)
        return True

    def ask(self):
        """It to end, so that it says how far it came."""
        if self.process.poll() is None:
            signal_group(self.process, signal.SIGINT)

    def stop(self):
        """Ends the slice. False: it is in the kernel, where no signal reaches it."""
        self.ask()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        ended = end_group(self.process)
        self.count()
        return ended

    def last_words(self):
        """Of its log: what it complained of, or its last line."""
        try:
            with open(f"{self.place}/log", "rb") as file:
                file.seek(max(0, os.path.getsize(file.name) - (1 << 16)))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            lines = []
        lines = [re.sub("\x1b\\[[0-9;]*m", "", line).strip() for line in lines]
        worst = [line for line in lines if re.search("PROGRAM ABORT|ERROR|rdpmc|engine", line)]
        return ((worst or [line for line in lines if line]) or ["no word"])[-1][:200]

    # ----- what it leaves -----

    @property
    def boots(self):
        return self.task.driver == "machine"

    def pages(self):
        """Names of directories that a machine made of what it found."""
        folder = f"{self.place}/saved"
        if not self.boots or not os.path.isdir(folder):
            return []
        return [name for name in sorted(os.listdir(folder)) if os.path.isfile(f"{folder}/{name}/finding.md")]

    def saved(self):
        """Paths of what it took for findings. (AFL++ sets those of earlier starts aside, by date.)"""
        folders = [f"{self.place}/saved"]
        if self.task.driver == "afl" and os.path.isdir(self.own):
            folders += [f"{self.own}/{name}" for name in os.listdir(self.own)
                        if name.startswith(("crashes", "hangs"))]
        return [f"{folder}/{name}" for folder in folders if os.path.isdir(folder)
                for name in sorted(os.listdir(folder))
                if name.startswith((*SAVED, "id:")) and not cut_short(f"{folder}/{name}")]

    def cases(self):
        """Paths of cases that it kept."""
        folder = f"{self.own}/queue" if self.task.driver == "afl" else \
            f"{self.place}/corpus"
        try:
            # AFL++ names in what is new to it where it has the rest from: seeds, and others' finds.
            return [f"{folder}/{name}" for name in os.listdir(folder) if not name.startswith(".")
                    and ",orig:" not in name and ",sync:" not in name]
        except OSError:
            return []


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def end_group(process):
    """A process and all that it started. False: it is in the kernel, where no signal reaches it."""
    signal_group(process, signal.SIGKILL)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        return False
    return True
