# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/machine fuzz: libFuzzer over the kernel of an emulated machine, which may die of it.

Each case and each one that the fuzzer keeps leaves the machine over a port (fuzz/targets/target_outlet.h) before
anything else happens. A boot ends with the time, with a finding or with the kernel; then the machine is booted
again without that case.
"""

import os
import random
import re
import shlex
import subprocess
import sys
import time
from collections import deque

from rdpmc_cases import name as digest, read, write
from rdpmc_results.text import counted

from .cache import say
from .failed import Broken, Failed
from .inside import ROOT, Host
from .session import Packets, Session

PROGRAM = "build/fuzz-rdpmc-live"
MAGIC = b"rdpmc-outlet/1\n"
FOUND = "/rdpmc/found"
# What a kernel only complains of ends it here, before the next case.
JOB = ("for each in panic_on_warn softlockup_panic hung_task_panic; do echo 1 >/proc/sys/kernel/$each; done 2>/dev/null\n"
       'mkdir -p new cases; exec "$@"')
LAST = 64               # cases before the end that are kept with it
# s of the emulator's own processor time, as --hang: no other load of this computer makes it longer.
MAX_BOOT = 300
FEW = 1000              # cases: a boot that comes no further has got nowhere
AT_ONCE = 3             # boots in a row that end before their first case: no more
SOON = 5                # ... that end before so few
REPORT_EVERY = 5        # s between two lines of progress
TICKS = os.sysconf("SC_CLK_TCK")
TROUBLE = re.compile(r"BUG: |WARNING: |Oops: |UBSAN: |KASAN: |general protection fault|double fault|watchdog: |INFO: task |"
                     r"Kernel panic - not syncing|sysrq: ")
KINDS = (("leak", r"LeakSanitizer"), ("timeout", r"libFuzzer: timeout"), ("oom", r"libFuzzer: out-of-memory"))


def files(directory):
    if not os.path.isdir(directory):
        return
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if os.path.isfile(path) and not name.startswith("."):
            yield path


def journal(cases):
    """As fuzz/inputs/journal.h has it."""
    return b"rdpmc-journal/2\n" + b"".join((len(case) + 1).to_bytes(4, "little") + case for case in cases)


class Boot(Session):
    """Until @seconds of fuzzing are over (status None), the fuzzer has ended, or the kernel."""

    def __init__(self, fuzzing, host, parts, seconds, console):
        super().__init__(host, parts, 0, False, console)
        self.fuzzing, self.left = fuzzing, seconds
        self.outlet = self.take
        self.raw, self.cases = b"", Packets()
        self.last = deque(maxlen=LAST)
        self.executed, self.running, self.kept = 0, False, 0
        self.first = self.heard = None  # when the first case came, and anything the last time
        self.used = self.reported = 0.0
        self.words = b""            # the fuzzer's last
        self.dead = False

    @property
    def fuzzed(self):
        """s; what comes after a death is none of it."""
        end = self.heard if self.dead else time.monotonic()
        return end - self.first if self.first else 0.0

    def patience(self):
        return max(0.01, min(0.5, self.left - self.fuzzed))

    def check_time(self):
        super().check_time()
        if self.first and not self.panicked and self.fuzzed >= self.left:
            raise Over
        used = self.processor_time()
        most = self.fuzzing.options.hang if self.first else MAX_BOOT
        if used - self.used > most and not self.panicked:
            raise Broken(f"it hung: no case in {most} s of the emulator's processor time")
        if time.monotonic() - self.reported > REPORT_EVERY and self.first:
            self.reported = time.monotonic()
            self.fuzzing.report(self)

    def processor_time(self):
        with open(f"/proc/{self.process.pid}/stat", "rb") as file:
            return sum(map(int, file.read().rpartition(b") ")[2].split()[11:13])) / TICKS

    def take(self, data):
        if self.raw is not None:
            self.raw += data
            at = self.raw.find(MAGIC)
            if at < 0:
                return
            data, self.raw = self.raw[at + len(MAGIC):], None
        for kind, part in self.cases.feed(data):
            if kind == "C":
                self.last.append(bytes(part))
                self.executed += 1
                self.first = self.first or time.monotonic()
            elif kind == "K" and self.last:
                self.kept += self.fuzzing.keep(self.last[-1])
            self.running = kind == "C"
        self.used, self.heard = self.processor_time(), time.monotonic()

    def packet(self, kind, data):
        if kind == "E":
            self.words = (self.words + data)[-(1 << 16):]
        super().packet(kind, data)


class Over(Exception):
    """The time of fuzzing is."""


class Death:
    """Of the kernel, or of the machine with it."""

    def __init__(self, why, boot):
        self.boot = boot
        lines = boot.console.decode("utf-8", "replace").replace("\r", "").splitlines()
        lines = [re.sub(r"^\[ *\d+\.\d+\](\[[ TC]*\d+\])? ", "", line) for line in lines]
        at = next((number for number, line in enumerate(lines) if TROUBLE.search(line)), max(0, len(lines) - 20))
        self.lines = lines[max(0, at - 3):][:200]
        self.what = self.headline() or why
        # Numbers differ from death to death.
        self.name = "death-" + digest(re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", "", self.what).encode())[:12]

    def headline(self):
        """What the kernel called it, and where it was."""
        named = [line for line in self.lines if TROUBLE.search(line)]
        if not named:
            return ""
        what = re.search(rf"({TROUBLE.pattern}).*", named[0])[0]
        where = next((found[1] for line in self.lines if (found := re.match(r"RIP: 0010:(\w+)\+", line))), None)
        return what if not where or where in what else f"{what} in {where}()"


class Fuzzing:
    """All boots of one command."""

    def __init__(self, options, host):
        self.options, self.host = options, host
        self.seed = options.seed if options.seed is not None else random.randrange(1, 1 << 31)
        self.corpus, self.out = options.corpus, options.found
        self.skipped = {digest(data) for path in self.of_pages() if (data := read(path))}
        self.boots = self.executed = self.kept = self.found = 0
        self.seconds = 0.0
        self.deaths, self.row = [], []  # @row: cases of each boot that died, since one that did not

    def of_pages(self):
        """Cases that have a page, until somebody takes its directory away."""
        for top in (self.out, *self.options.skip):
            for name in sorted(os.listdir(top)):
                if name.startswith(("death-", "finding-")):
                    for path in files(os.path.join(top, name)):
                        if os.path.basename(path).startswith("case"):
                            yield path

    def cases(self):
        found = {}
        for directory in (*self.options.seeds, self.corpus):
            for path in files(directory):
                data = read(path)
                if data and (name := digest(data)) not in self.skipped:
                    found[name] = data
        return [(f"cases/{name}", data) for name, data in sorted(found.items())]

    def keep(self, data):
        path = os.path.join(self.corpus, digest(data))
        if os.path.exists(path):
            return 0
        write(path, data)
        return 1

    def report(self, boot):
        if not self.options.quiet:
            executed, seconds = self.executed + boot.executed, self.seconds + boot.fuzzed
            # As libFuzzer begins such a line.
            print(f"#{executed}\tcases in {seconds:.0f} s, boot {self.boots}, {self.kept + boot.kept} new, " +
                  counted(len(self.deaths), "crash", "crashes"), file=sys.stderr, flush=True)

    def again(self, path):
        """The command that repeats it."""
        options = self.options
        words = ["scripts/machine", "run", "--cpu", options.cpu, "--kernel", options.kernel]
        for name in ("modules", "kvm", "append"):
            if getattr(options, name):
                words += [f"--{name}", getattr(options, name)]
        path = os.path.abspath(path)
        return shlex.join([*words, "--put", f"{path}=case", "--", "rdpmc-diff", "run", "--engine", "kvm", "case"])

    def boot(self):
        self.boots += 1
        words = ["env", "RDPMC_ENGINE=kvm", "RDPMC_JOURNAL=none", "RDPMC_OUTLET=port",
                 "ASAN_OPTIONS=" + os.environ.get("ASAN_OPTIONS", ""), PROGRAM, *self.options.words,
                 f"-seed={self.seed + self.boots - 1}", f"-exact_artifact_path={FOUND}", "-error_exitcode=1", "new", "cases"]
        parts = self.host.parts(["sh", "-c", JOB, "fuzz", *words], False, self.cases())
        console = open(self.options.console, "ab") if self.options.console else None  # pylint: disable=consider-using-with
        boot = Boot(self, self.host, parts, self.options.time - self.seconds, console)
        death, should_continue = None, True
        try:
            should_continue = self.ended(boot, boot.run())
        except Over:
            should_continue = False
        except Broken as why:
            death, boot.dead = Death(str(why), boot), True
        finally:
            if console:
                console.close()
            self.executed += boot.executed
            self.seconds += boot.fuzzed
            self.kept += boot.kept
        if death:
            self.died(death)
        self.row = [*self.row, boot.executed] if death else []
        return should_continue

    def ended(self, boot, status):
        """By itself: with a finding, by its own options, or it cannot run. Whether to boot again."""
        if FOUND not in boot.files:
            if status:
                failed = Failed(f"the fuzzer in the machine ended with {status}")
                failed.status = status
                raise failed
            return False
        data = bytes(boot.files[FOUND])
        words = boot.words.decode("utf-8", "replace")
        kind = next((kind for kind, pattern in KINDS if re.search(pattern, words)), "crash")
        self.skipped.add(digest(data))
        self.found += 1
        if not self.options.go_on:
            path = os.path.join(self.out, f"{kind}-{digest(data)}")
            write(path, data)
            say(f"FOUND: {path}; again: {self.again(path)}")
            return False
        self.differs(boot, kind, data, words)
        return True

    def differs(self, boot, kind, data, words):
        """A page of what the fuzz target reported; one for all reports that are the same but for numbers."""
        report = words[max(words.rfind("\n\nFOUND: "), 0):].split("\nbytes")[0].strip()
        kept = [line for line in report.splitlines() if line.startswith(("FOUND: ", "expected ", "rule ", "splat ", "entries ", "oracle "))]
        what = re.sub(r"\s+", " ", (kept or [f"libFuzzer: {kind}"])[0]).removeprefix("FOUND: ")
        key = re.sub(r"0x[0-9a-f]+|\d+", "", "".join(kept) or kind)
        directory = os.path.join(self.out, f"finding-{digest(key.encode())[:12]}")
        os.makedirs(directory, exist_ok=True)
        if os.path.exists(f"{directory}/finding.md"):
            write(f"{directory}/case-{digest(data)}", data)
        else:
            write(f"{directory}/case", data)
            write(f"{directory}/finding.md", f"""# {what}

| | |
|---|---|
| processor | `{self.options.cpu}` |
| kernel | `{self.options.kernel}`, {boot.release} |

## How to repeat it

```
{self.again(directory + "/case")}
```

The case itself, for `xxd -r -p`:

```
{data.hex()}
```

## What it is

```
{report[-8000:]}
```
""".encode("utf-8", "replace"))
        say(f"FOUND: {what}; {directory}/finding.md; again: {self.again(directory + '/case')}")

    def died(self, death):
        boot = death.boot
        self.deaths.append(death)
        if not boot.last:
            say(f"the kernel died before the first case: {death.what}")
            return
        case = boot.last[-1]
        self.skipped.add(digest(case))
        directory = os.path.join(self.out, death.name)
        os.makedirs(directory, exist_ok=True)
        if os.path.exists(f"{directory}/finding.md"):
            write(f"{directory}/case-{digest(case)}", case)
        else:
            write(f"{directory}/case", case)
            write(f"{directory}/journal", journal(boot.last))
            write(f"{directory}/console", boot.console)
            write(f"{directory}/finding.md", self.page(death, directory).encode("utf-8", "replace"))
        say(f"FOUND: the kernel died: {death.what}; {directory}/finding.md; again: {self.again(directory + '/case')}")

    def page(self, death, directory):
        boot, options = death.boot, self.options
        path = os.path.join(options.build, "rdpmc-diff")
        explained = ""
        if os.access(path, os.X_OK):
            explained = subprocess.run([path, "explain", f"{directory}/case"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True, errors="replace", check=False).stdout
        before = f"{directory}/journal"
        text = "\n".join(death.lines).replace("```", "'''")
        return f"""# The kernel died: {death.what}

| | |
|---|---|
| processor | `{options.cpu}` |
| kernel | `{options.kernel}`, {boot.release} |
| when | {'while the case ran' if boot.running else 'after the case had run'}, case {boot.executed} of this boot |
| fuzzer | `-seed={self.seed + self.boots - 1}` |

## How to repeat it

```
{self.again(directory + "/case")}
```

If it takes what ran before, too, the {len(boot.last)} cases up to it:

```
{self.again(before)}
```

The case itself, for `xxd -r -p`:

```
{boot.last[-1].hex()}
```

It is left out here until this directory is removed.

## What it is

```
{explained.strip()}
```

## What the kernel said

```
{text}
```
"""

    def hopeless(self):
        """Why another boot would come no further, if that is so."""
        if len(self.row) >= AT_ONCE and not any(self.row[-AT_ONCE:]):
            return f"{AT_ONCE} times in a row before its first case"
        if len(self.row) >= SOON and max(self.row[-SOON:]) < FEW:
            return f"{SOON} times in a row within {FEW} cases"
        return None

    def run(self):
        why = None
        try:
            while not why and self.boot() and self.seconds < self.options.time:
                why = self.hopeless()
        finally:
            rate = f", {self.executed / self.seconds:.0f} a second" if self.seconds >= 1 else ""
            say(", ".join([f"{counted(self.executed, 'case')} in {self.seconds:.0f} s of fuzzing{rate}",
                           counted(self.boots, "boot"), f"{self.kept} new in the corpus", counted(self.found, "finding"),
                           counted(len(self.deaths), "crash", "crashes")]) + f"; --seed {self.seed}")
            print(f"stat::number_of_executed_units: {self.executed}", file=sys.stderr, flush=True)
        if why:
            say(f"it makes no sense to boot again: the kernel died {why}, the last time of: {self.deaths[-1].what}")
        if why and not self.executed:
            return Broken.status
        return 1 if self.found or self.deaths else 0


def command(options):
    program = os.path.join(options.build, "fuzz-rdpmc-live")
    if not options.program and not os.access(program, os.X_OK):
        raise Failed(f"{program} is not built; `make {os.path.relpath(program, ROOT)}` builds it")
    options.put.append(f"{options.program or program}={PROGRAM}")
    options.get = [FOUND]
    for name in ("corpus", "found"):
        try:
            os.makedirs(getattr(options, name), exist_ok=True)
        except OSError as error:
            raise Failed(f"--{name} {getattr(options, name)}: {error.strerror}") from error
    for name in ("seeds", "skip"):
        for each in getattr(options, name):
            if not os.path.isdir(each):
                raise Failed(f"--{name} {each}: no such directory")
    host = Host(options, [])
    host.fetch()
    return Fuzzing(options, host).run()
