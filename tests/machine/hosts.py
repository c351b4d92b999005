#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a list of emulated hosts and holds what the programs say on each against what that host has.

hosts.py [--short] [--jobs N] [NAME...]   all of them, or those named; --short: two that say most
hosts.py --list

Where Debian has the source of a host's kernel, that is made an engine, kernel:, and must answer inside as the kernel
that runs does. Speaks TAP. A host that cannot be emulated here is skipped with its reason.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from rdpmc_machine import kernels   # noqa: E402
from rdpmc_machine.failed import Failed     # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
PERF = os.path.join(BUILD, "machine-perf")
FILES = ("status", "doctor", "list", "nested", "run", "diff", "random", "same", "perf", "result.json")


@dataclass(frozen=True)
class Host:
    """@passthrough is what doctor must report of passthrough, @gives and @lacks are row names' beginnings."""
    name: str
    cpu: str
    passthrough: str = "nothing changed"
    intercepted: str = ""
    kvm: str = ""
    append: str = ""
    kernel: str = "debian:7.3"
    gives: tuple = ("rdpmc/gp-first/passthrough/", "rdpmc/gp-first/intercepted/", "rdpmc/gp-first/native/")
    lacks: tuple = ()
    needs: tuple = ()       # of doctor's lines
    nothing: bool = False   # KVM makes no guest at all there, and each program says so


FIXED3 = ("rdpmc/fixed3/", "rdpmc/metrics/intercepted", "rdpmc/metrics/passthrough")
NO_PASS = ("rdpmc/gp-first/passthrough/",)
NO_GUEST_PMU = ("rdpmc/gp-first/passthrough/", "rdpmc/gp-first/intercepted/")
EMULATED = ("rdpmc/gp-first/intercepted/", "rdpmc/gp-first/native/")
FAULTS = ("rdpmc-fault/gp-first/intercepted/",)

HOSTS = (
    Host("intel-mediated", "skylake", intercepted="one bit narrower", lacks=("rdpmc/metrics/", "rdpmc/fixed3/"),
         needs=("good +PMU version 4, 4 general and 3 fixed counters", "good +mediated PMU is on")),
    Host("intel-cascade-lake", "cascade-lake", lacks=("rdpmc/metrics/", "rdpmc/fixed3/")),
    Host("intel-emulated-pmu", "skylake", "enable_mediated_pmu=N", kvm="enable_mediated_pmu=0", gives=EMULATED,
         lacks=NO_PASS),
    Host("intel-no-vpmu", "skylake", "enable_pmu", kvm="enable_pmu=0", gives=FAULTS, lacks=NO_GUEST_PMU),
    Host("intel-version-2", "skylake,version=2", "PMU", gives=EMULATED, lacks=NO_PASS,
         needs=("PMU version 2: a mediated PMU needs",)),
    Host("intel-version-3", "skylake,version=3", "PMU", gives=EMULATED, lacks=NO_PASS),
    Host("intel-eight-counters", "skylake,gp=8"),
    Host("intel-metrics", "ice-lake", "3 of the processor's 4 fixed counters",
         gives=EMULATED + ("rdpmc/metrics/native/",), lacks=NO_PASS + FIXED3),
    Host("intel-sapphire-rapids", "sapphire-rapids", "3 of the processor's 4 fixed counters",
         gives=EMULATED + ("rdpmc/metrics/native/",), lacks=NO_PASS + FIXED3),
    Host("intel-version-6", "diamond-rapids", "3 of the processor's 4 fixed counters", gives=EMULATED, lacks=NO_PASS),
    Host("intel-watchdog", "skylake", "sysctl kernel.nmi_watchdog=0", append="nmi_watchdog=1", nothing=True,
         needs=("BLOCKED   NMI watchdog holds a counter",)),
    # Its #GP intercept makes each fault an exit.
    Host("intel-backdoor", "skylake", "enable_vmware_backdoor=Y", kvm="enable_mediated_pmu=1 enable_vmware_backdoor=1",
         gives=EMULATED, lacks=NO_PASS),
    Host("intel-forced-emulation", "skylake", kvm="enable_mediated_pmu=1 force_emulation_prefix=1"),
    Host("intel-no-pmu", "no-pmu", "no PMU", gives=FAULTS, lacks=NO_GUEST_PMU),
    Host("intel-6.1", "skylake", "mediated", kernel="debian:6.1", gives=EMULATED, lacks=NO_PASS),
    Host("intel-6.12", "skylake", "mediated", kernel="debian:6.12", gives=EMULATED, lacks=NO_PASS),
    Host("amd-mediated", "zen4", intercepted="one GP counter less", lacks=("rdpmc/fixed", "rdpmc/metrics/"),
         needs=("good +PMU version 2, 6 general and 0 fixed counters", "good +mediated PMU is on")),
    Host("amd-emulated-pmu", "zen4", "enable_mediated_pmu=N", kvm="enable_mediated_pmu=0", gives=EMULATED, lacks=NO_PASS),
    Host("amd-zen3", "zen3", "PerfMonV2", gives=EMULATED, lacks=NO_PASS),
    # No PerfMonV2 for guests there: a guest of a PMU always has these four, and nothing makes KVM intercept them.
    Host("amd-four-counters", "zen4,gp=4", intercepted="guest without a PMU",
         gives=("rdpmc/gp-first/passthrough/", "rdpmc-fault/gp-first/intercepted/"), lacks=("rdpmc/gp-first/intercepted/",)),
    Host("amd-6.1", "zen4", "mediated", kernel="debian:6.1", gives=EMULATED, lacks=NO_PASS),
    Host("amd-6.12", "zen4", "mediated", kernel="debian:6.12", gives=EMULATED, lacks=NO_PASS),
)
SHORT = ("intel-mediated", "amd-mediated")
# Of so many cases one may differ: an interrupt in a read whose fault came before its exit looks like an exit of it.
ONE_OF = 250
# What a kernel says only when something went wrong in it.
KERNEL_TROUBLE = re.compile(r"\b(?:BUG|WARNING|Oops|general protection fault|INFO: task|unchecked MSR access).*")
# Of a #GP that SVM finds before it looks at the intercept, or that comes of CPL and CR4.PCE, there is no exit.
NO_EXIT_ON_AMD = "rdpmc-fault/"


class Looked:
    """What came back of one host."""

    def __init__(self, host, seconds, cases, source):
        self.host, self.source = host, source
        self.files, self.statuses, self.complaints = {}, {}, []
        with tempfile.TemporaryDirectory() as directory:
            console = os.path.join(directory, "console")
            names = [name for name in FILES if name != "same" or source.engine]
            words = [os.path.join(ROOT, "scripts/machine"), "run", "--quiet", "--build", BUILD, "--cpu", host.cpu, "--kernel", host.kernel,
                     "--append", host.append, "--console", console, "--put", os.path.join(ROOT, "tests/machine/look.sh"),
                     *(word for name in names for word in ("--get", f"{name}={directory}/{name}"))]
            words += ["--put", f"{PERF}=perf-test"]
            if source.engine:
                words += ["--put", f"{source.engine}=kernel.so"]
            if host.kvm:
                words += ["--kvm", host.kvm]
            words += ["--", "sh", "look.sh", str(seconds), str(cases)]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False)
            self.status, self.said = done.returncode, done.stdout.strip()
            for name in [*names, "console"]:
                with contextlib.suppress(OSError):
                    with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                        self.files[name] = file.read()
        for line in self.files.get("status", "").splitlines():
            name, _, status = line.partition(" ")
            self.statuses[name] = int(status)

    def wrong(self, text):
        self.complaints.append(text)

    def judge(self):
        if self.status and not (self.host.nothing and self.status == 2):     # which is of result.json
            self.wrong(f"the machine: exit status {self.status}: {self.said}")
            return
        trouble = KERNEL_TROUBLE.search(self.files.get("console", ""))
        if trouble:
            self.wrong(f"the kernel says: {trouble[0]}")
        for name, status in self.statuses.items():
            if name == "perf":
                self.judge_perf(status)
            elif status != (77 if self.host.nothing and name in ("nested", "run", "diff", "random") else 0) and name not in ("run", "same"):
                self.wrong(f"{name}: exit status {status}")
                self.complaints += ["  " + line for line in self.files.get(name, "").splitlines()[:40]]
        self.judge_doctor()
        self.judge_same()
        if not self.host.nothing:
            self.judge_rows()
        elif self.statuses.get("run") != 77 or self.host.passthrough not in self.files.get("run", ""):
            self.wrong(f"rdpmc-bench run: exit status {self.statuses.get('run')}: {self.files.get('run')}")

    def same(self):
        """Cases that the kernel and its source answered alike, those that both answered, and the first that differs."""
        text = self.files.get("same", "")
        found = re.search(r"^1 kvm +\. +(\d+)/(\d+)$", text, re.M)
        differs = re.search(r"^1 and 2 differ first in (.*(?:\n {6}.*)*)", text, re.M)
        return (int(found[1]), int(found[2]), differs[1] if differs else "") if found else (0, 0, "")

    def judge_same(self):
        if not self.source.engine or self.host.nothing:
            return
        same, both, differs = self.same()
        # Where reads pass, the kernel answers none.
        if not both and not any("/passthrough/" in start for start in self.host.gives):
            self.wrong(f"the kernel and its source were not compared: {self.files.get('same', '')[-400:]}")
        interrupted = "\n      #GP, " in differs and "\n      value, " in differs
        if same < both - (both / ONE_OF if interrupted else 0):
            self.wrong(f"the kernel and its source answer {same} of {both} cases alike; {differs}")

    def judge_perf(self, status):
        """perf counts in the host what it should, and its interrupts come."""
        found = {line.split()[0]: line.split()[-1] for line in self.files.get("perf", "").splitlines() if line}
        if self.host.cpu == "no-pmu":
            if not status:
                self.wrong("perf counts where there is no PMU")
            return
        wanted = {"instructions": 2000000, "cycles": 2000000, "branches": 1000000}
        for name, number in wanted.items():
            if not found.get(name, "").isdigit() or not 0 <= int(found[name]) - number < 200:
                self.wrong(f"perf counted {found.get(name)} {name}, not {number}: {self.files.get('perf')}")
        if found.get("signals") != "100":
            self.wrong(f"not 100 interrupts of overflows: {self.files.get('perf')}")

    def judge_doctor(self):
        doctor = self.files.get("doctor", "")
        for word in ("passthrough", "intercepted"):
            wanted = getattr(self.host, word)
            found = re.search(rf"^{word} +(.*(?:\n +.*)*)", doctor, re.M)
            if wanted and (not found or wanted not in re.sub(r"\s+", " ", found[1])):
                self.wrong(f"doctor says of {word}: {found[1] if found else 'nothing'}; wanted: {wanted}")
        for wanted in self.host.needs:
            if not re.search(wanted, doctor):
                self.wrong(f"doctor does not say: {wanted}")

    def judge_rows(self):
        try:
            result = json.loads(self.files["result.json"])
        except (KeyError, ValueError) as error:
            self.wrong(f"rdpmc-bench run left no result: {error}: {self.files.get('run', '')[-400:]}")
            return
        rows = result["rows"]
        measured = {row["name"]: row for row in rows if row["status"] == "measured"}
        unknown = [row for row in rows if row["status"] == "failed" and "known:" not in row["reason"]]
        for row in unknown:
            self.wrong(f"{row['name']}: {row['reason']}")
        if self.statuses.get("run") != (1 if unknown else 0):
            self.wrong(f"rdpmc-bench run: exit status {self.statuses.get('run')} with {len(unknown)} rows failed "
                       "for an unknown reason")
        for start in self.host.gives:
            if not any(name.startswith(start) for name in measured):
                self.wrong(f"no row {start}* was measured: " +
                           next((row["reason"] for row in rows if row["name"].startswith(start)), "there is none"))
        for start in self.host.lacks:
            self.complaints += [f"{name} was measured" for name in measured if name.startswith(start)]
        for name, row in measured.items():
            self.judge_row(name, row)
            self.judge_path(name, row, [run["sample_median"] for run in result["details"][name]])

    def judge_path(self, name, row, medians):
        """What the machine recorded of an exit is what the guest's clock counts of it, to the instruction."""
        path = row.get("exit_path")
        if (path is None) != (row["exits_per_read"] != 1):
            self.wrong(f"{name}: {row['exits_per_read']} exits a read, and the path of one: {path}")
        elif path and name.startswith("control/port/") and (path["exits"] != 64 or not path["user"]):
            self.wrong(f"{name}: {path['exits']} exits of 64 turns, {path['user']} instructions at CPL 3")
        # The handler of a #GP runs in the guest.
        elif path and name.startswith("rdpmc/") and path["instructions"] not in medians:
            self.wrong(f"{name}: an exit is {path['instructions']} instructions, a read {medians}")

    def judge_row(self, name, row):
        if row["unit"] != "instructions":
            self.wrong(f"{name} is in {row['unit']}, not in instructions")
        exits, cycles = row["exits_per_read"], row["median"]
        if row["setting"] == "native":
            good = cycles < 3
        elif row["setting"] == "passthrough" or (name.endswith("-nopce") and "backdoor=1" not in self.host.kvm):
            good = exits == 0 and (cycles < 30 if name.startswith("rdpmc-fault/") else cycles == 1)
        elif row["setting"] == "intercepted":
            good = exits == 1 and 500 < cycles < 20000
            if self.host.cpu.startswith("zen") and name.startswith(NO_EXIT_ON_AMD):
                good = exits in (0, 1) and cycles < 20000
        else:
            return
        if not good:
            self.wrong(f"{name}: {exits} exits and {cycles} instructions a read")


class Source:
    """The engine of a kernel's own source, made once; or why there is none."""

    def __init__(self, kernel, short):
        self.engine, self.why = "", "that takes minutes, and is for the whole list" if short else ""
        if short:
            return
        version = kernel.removeprefix("debian:")
        path = os.path.join(BUILD, f"kernel/debian-{version}.so")
        try:
            tree = self.tree(version)
            subprocess.run([os.path.join(ROOT, "scripts/kernel-engine"), "--name", f"debian-{version}", "--out", path, tree],
                           check=True, stdout=subprocess.DEVNULL)
            self.engine = path
        except Failed as why:
            self.why = str(why)
        except subprocess.CalledProcessError as error:
            self.why = f"{os.path.basename(error.cmd[0])} ended with {error.returncode}"

    @staticmethod
    def tree(version):
        """Of a package of 160 MB, of which an empty file is kept once the tree is there."""
        package = kernels.source(version)
        command = os.path.join(ROOT, "scripts/kernel-tree")
        done = subprocess.run([command, package], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode and not os.path.getsize(package):        # the tree was taken away
            os.unlink(package)
            package = kernels.source(version)
            done = subprocess.run([command, package], stdout=subprocess.PIPE, text=True, check=False)
        done.check_returncode()
        os.truncate(package, 0)
        return done.stdout.strip()


def figures(looked):
    """The exit cost of that host, for who reads the log."""
    try:
        rows = {row["name"]: row for row in json.loads(looked.files["result.json"])["rows"]}
    except (KeyError, ValueError):
        rows = {}
    words = []
    for setting in ("intercepted", "passthrough"):
        row = rows.get(f"rdpmc/gp-first/{setting}/cpl3")
        if row and row["status"] == "measured":
            words.append(f"{setting} {row['median']:.0f} instructions")
    same, both, _ = looked.same()
    words.append(f"as its source in {same} of {both} cases" if both else f"not held against its source: {looked.source.why}"
                 if looked.source.why else "nothing to hold against its source")
    return ", ".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    known = {host.name: host for host in HOSTS}
    if options.list:
        for host in HOSTS:
            print(f"{host.name:24} {host.cpu}, Linux {host.kernel.removeprefix('debian:')} {host.kvm} {host.append}".rstrip())
        return 0
    for name in options.names:
        if name not in known:
            parser.error(f"no host {name}; --list names them")
    subprocess.run(["gcc", "-O1", "-static", "-o", PERF, os.path.join(ROOT, "tests/machine/perf.c")], check=True)
    hosts = [known[name] for name in options.names or (SHORT if options.short else known)]
    bad = 0

    # One after the other, and not while machines are timed.
    sources = {kernel: Source(kernel, options.short) for kernel in dict.fromkeys(host.kernel for host in hosts)}

    def look(host):
        looked = Looked(host, 6 if options.short else 10, 100 if options.short else 2000, sources[host.kernel])
        if looked.status != 77:
            looked.judge()
        return looked

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for number, looked in enumerate(pool.map(look, hosts), 1):
            host = looked.host
            bad += bool(looked.complaints)
            skip = f" # SKIP {looked.said}" if looked.status == 77 else ""
            print(f"{'not ok' if looked.complaints else 'ok'} {number} - {host.name} ({host.cpu}, Linux "
                  f"{host.kernel.removeprefix('debian:')}){skip}")
            for line in looked.complaints:
                print(f"# {line}")
            if not skip:
                print(f"# figure: {host.name}: {figures(looked)}", flush=True)
    tests = len(hosts)
    if not options.short and not options.names:
        tests += 1
        done = subprocess.run([os.path.join(ROOT, "scripts/machine"), "ab", "--build", BUILD, "--quiet", "debian:7.3", "debian:7.3"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, check=False)
        good = done.returncode == 0 and "the same, instruction by instruction" in done.stdout and " -> " not in done.stdout
        bad += not good
        print(f"{'ok' if good else 'not ok'} {tests} - ab: a kernel is the same as itself")
        if not good:
            print("".join(f"# {line}\n" for line in done.stdout.splitlines()), end="")
    print(f"1..{tests}")
    return 1 if bad else 0


sys.exit(main())
