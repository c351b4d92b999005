# SPDX-License-Identifier: GPL-2.0-or-later
"""The proofs of a kernel tree's own code, and their report."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import time

from rdpmc_machine import cache
from rdpmc_machine.failed import Failed
from rdpmc_results.text import counted

from . import cases, checker
from .answers import Answers
from .report import Report
from .tools import TOP
from .translate import translate

# Loops whose ends depend on a case are unwound so far; all others as far as they go. An end that is further
# away than that fails. __bitmap_set() goes by words, and there is one: what a second would overwrite becomes
# unknown. The emulator's opcode tables have 256 entries: where an array is not taken apart into its elements,
# an instruction that is a constant is any instruction.
LOOPS = ("--unwind", "17", "--unwindset", "x86_emulate_instruction.0:1,__bitmap_set.0:2,_find_next_bit.0:3,"
         "kernel_load.0:33,kernel_load.1:33,kernel_holds.0:33,kernel_holds.1:33,has_feature.0:40,strcmp.0:40,"
         "behind.0:256,known_allows.0:256,known_allows.1:256,known_allows.2:256",
         "--object-bits", "12", "--max-field-sensitivity-array-size", "256")

ASSUMED = (
    "WIDTHS: counters have at most 63 bits; C does not say what the kernel's own shift by 64 is",
    "WHOLE: a counter's value is in one part; with a perf event, or emulated counts, only the kernel engine tries it",
    "CR4: bits 0 to 10, which need no feature; with others set, code of those features would be run",
    "PREFIXES: the instruction emulator decodes no prefix but LOCK; by the exit the instruction has any length",
    "COUNTERS: the host's perf reports at most 8 general-purpose and 4 fixed counters to KVM",
    "NOTHING-COUNTS: no counter is enabled, so an instruction that retires is counted nowhere (as in the kernel engine)",
    "DECODED-BEFORE: the emulator's context is one that has decoded RDPMC before",
    "NO-LBR: the host's perf has no last branch records",
    "LOCK-NEVER-EXITS, and RESERVED-BITS for PASS-SOUND: as for emulator/ (docs/proving.md)",
)


@dataclasses.dataclass(frozen=True)
class Part:
    """A vendor's code by one entry: each is a proof of its own."""
    vendor: str
    entry: str
    lock: bool = False

    @property
    def name(self):
        return f"{self.entry}{' with LOCK' if self.lock else ''}, {self.vendor}"

    @property
    def entry_number(self):
        """enum entry's"""
        return int(self.entry == "emulator")

    @property
    def flags(self):
        return [f"-DPROVE_VENDOR={int(self.vendor == 'AMD')}", f"-DPROVE_ENTRY={self.entry_number}",
                f"-DPROVE_LOCK={int(self.lock)}"]


# What scripts/kernel-engine calls the tree, wherever it is.
TREE = "tree"

_EXIT = tuple(Part(vendor, "exit") for vendor in ("Intel", "AMD"))
_EMULATOR = tuple(Part(vendor, "emulator", lock) for vendor in ("Intel", "AMD") for lock in (False, True))


def engine_path(options, name):
    return os.path.join(options.build, "kernel", f"{name}.so")


def against(options):
    """The path of the engine that --against names; None: it names none."""
    name = options.against
    return engine_path(options, name.removeprefix("kernel:")) if name and "/" not in name else name


class _Proved:
    """Which parts of an engine are proved by themselves, with what was known then; kept beside it.

    It holds as long as all that a proof is made of is the same: the engine, what is known of it, the model, this
    program, and the model checker."""

    _SOURCES = ("model/*.[ch]", "prove/*.[ch]", "fuzz/case/*.[ch]", "fuzz/engines/*.h", "fuzz/engines/kernel/*",
                "fuzz/oracle/known/*.[ch]", "scripts/rdpmc_prove/*.py")

    def __init__(self, engine, known, tools):
        self.path = engine + ".proved"
        self.known = known  # of no tree: printed for each proof, and of this engine always the same
        self._engine, self._version = engine, tools.version()
        self._at_first = None

    def begin(self):
        """The engine is made: what is proved from now on is proved of this one."""
        self._at_first = self._digest()

    def _digest(self):
        digest = hashlib.sha256(self._version.encode())
        sources = [path for pattern in self._SOURCES for path in sorted(glob.glob(os.path.join(TOP, pattern)))]
        for path in (self._engine, self.known, *sources):
            with open(path, "rb") as file:
                digest.update(hashlib.sha256(file.read()).digest())
        return digest.hexdigest()

    def parts(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                was = json.load(file)
            return set(was["parts"]) if was["made_of"] == self._digest() else set()
        except (OSError, ValueError, LookupError, TypeError):
            return set()

    def write(self, parts):
        """Not where something was changed meanwhile."""
        if self._at_first == self._digest():
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump({"made_of": self._at_first, "parts": sorted(parts)}, file)

    def remove(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


class _Tree:
    """A tree on its way to a proof: translated, and as an engine that repeats counterexamples."""

    def __init__(self, options, tools):
        self.name, self.options, self.tools = options.name, options, tools
        self.work = os.path.join(options.build, "prove", f"kernel-{options.name}")
        self.cases = os.path.join(options.out, options.name)
        self.engine = engine_path(options, options.name)
        self.repeat = os.path.join(options.build, "prove-repeat")
        self.known = os.path.join(self.work, "known.c")
        # What the tree must answer as: the model with what is known of its own kernel, or of another.
        self.as_engine = against(options) or self.engine
        self.proved = _Proved(self.engine, os.path.join(self.work, "known-anywhere.c"), tools)
        self.proved.remove()
        cases.begin(self.cases, "(?:exit|emulator)-.*")
        os.makedirs(self.work, exist_ok=True)

    def make_engine(self):
        command = [os.path.join(TOP, "scripts/kernel-engine"), "--name", self.name, "--out", self.engine,
                   *self.options.kernel]
        done = checker.run(command)
        if done.returncode:
            raise Failed(done.stderr.strip().removeprefix("kernel-engine: "))
        self._print_known(self.known, TREE)
        # The same for each tree that is compared with this engine, wherever that is.
        self._print_known(self.proved.known, "")
        self.proved.begin()

    def _print_known(self, path, tree):
        with open(path, "w", encoding="utf-8") as out:
            done = subprocess.run([os.path.join(self.options.build, "prove-known"), self.as_engine,
                                   os.path.join(TOP, "fuzz/oracle/known"), tree], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise Failed(done.stderr.strip())

    def translate(self):
        return translate(self.options.kernel[0], (self.options.kernel[1:] or [None])[0], self.work, self.tools)

    def program(self, translation, part):
        top = os.path.relpath(TOP)
        files = [*(f"prove/{name}.c" for name in ("prove", "judge", "pass", "engine_kernel")), "model/intercept.c",
                 "model/pmu.c", "model/rdpmc.c", "model/rules.c", "fuzz/case/case.c", "fuzz/case/cpuid.c",
                 "fuzz/oracle/known/known.c", "fuzz/engines/kernel/engine.c"]
        return [translation.binary, *(os.path.join(top, name) for name in files), self.known,
                "-I", top, "-I", self.work, "-D_GNU_SOURCE", "-DGLUE_PROVE", '-DKERNEL_NAME=""', '-DKERNEL_VERSION=""', '-DKERNEL_SOURCES=""',
                *part.flags]

    def named(self, file):
        """A file by its path, for scripts/kernel-engine's name of it."""
        top, _, rest = file.partition("/")
        of = {TREE: self.options.kernel[0], "objects": self.options.kernel[-1], "project": os.path.relpath(TOP)}
        return os.path.normpath(os.path.join(of[top], rest)) if top in of else file

    def before(self, each):
        """What the engine of --against makes of a counterexample."""
        return cases.judge(self.repeat, self.as_engine, each.trace)

    @functools.cached_property
    def any_answer(self):
        """Differences where anything may be answered."""
        with open(self.known, encoding="utf-8") as file:
            bits = re.findall(r"may_be_any \|= 1ULL << (\d+);", file.read())
        return {self.known_names[int(bit)] for bit in bits}

    @functools.cached_property
    def known_names(self):
        with open(self.known, encoding="utf-8") as file:
            return re.findall(r'"witness: known ([^"]+)"', file.read())


def _of_vendor(parts, options):
    return tuple(part for part in parts if options.vendor in (None, part.vendor.lower()))


def _parts(options):
    return _of_vendor(_EXIT + (_EMULATOR if options.emulator else ()), options)


def _all_runs(tree, translation):
    """(part, theorem) -> its run."""
    theorems = ["theorem_read"]
    if not tree.options.no_classes and not tree.options.against:
        theorems.append("theorem_unaided")
    asked = [(part, theorem) for part in _parts(tree.options) for theorem in theorems]
    asked += [(part, "theorem_intercept") for part in _of_vendor(_EXIT, tree.options)]

    def ended(each, run):
        kept = f" on {run.kept}, and nothing of it has changed" if run.kept else ""
        print(f"prove: {each[0].name}, {each[1].removeprefix('theorem_')}: {run.seconds:.0f} s{kept}", file=sys.stderr,
              flush=True)

    # The theorem runs all that the others run.
    options = {"theorem_read": LOOPS + checker.KERNEL_CHECKS}
    answers = Answers(tree.tools, tree.options.anew, translation.made_of, tree.work)
    runs = checker.check_all(tree.options.jobs, {each: (tree.tools, tree.program(translation, each[0]), each[1],
                                                        options.get(each[1], LOOPS), answers) for each in asked}, ended)
    for run in runs.values():
        for each in run.properties:
            each.file = tree.named(each.file)
    return runs


def _keep(tree, part, run, each, number):
    """A counterexample's path, and what it is natively."""
    name = f"{part.name} {run.function.removeprefix('theorem_')} {number}".replace(", ", "-").replace(" ", "-")
    path = os.path.join(tree.cases, name)
    # A constant of the part's, which a trace does not have.
    each.trace["proved_entry"] = part.entry_number
    differs = cases.keep(each.trace, path, os.path.join(tree.options.build, "rdpmc-diff"), tree.engine)
    return path, differs, cases.judge(tree.repeat, tree.engine, each.trace, (os.path.join(TOP, "fuzz/oracle/known"),))


def _doubt(tree, run, each, differs, judged):
    """What a counterexample is natively instead of one; None: it is one."""
    if each.function == "engine_give_up":
        return None if judged.what.endswith("a complaint of its own") else judged.what
    if run.function == "theorem_intercept":
        return None if differs else "none"
    if tree.options.against:
        return f"what {tree.options.against} does" if _same(judged, tree.before(each)) else None
    if run.function == "theorem_unaided":
        return None if differs and judged.what == each.what else judged.what
    if judged.agrees:
        # As the model, where a known difference says otherwise: then it is stale, or what was to be found undoes it.
        return None if judged.same_as(each) else "what the model says, and not what the proof says"
    return f"explained by {' + '.join(judged.known)}" if judged.known else None


def _same(judged, other):
    return (judged.answer, judged.what) == (other.answer, other.what)


def _both(tree, path, run, each, judged):
    """Of --against: does the other tree do the same natively, and the proof say so? Then the other's own proof fails there."""
    if not tree.options.against:
        return False
    if run.function == "theorem_intercept":
        # Not by what else differs there.
        return cases.differs(os.path.join(tree.options.build, "rdpmc-diff"), tree.as_engine, path, "PASS-SOUND")
    return judged.same_as(each) and _same(judged, tree.before(each))


def _counterexamples(report, tree, part, run, label):
    for number, each in enumerate([each for each in run.of("theorem") if not each.holds], 1):
        path, differs, judged = _keep(tree, part, run, each, number)
        if _both(tree, path, run, each, judged):
            report.unsaid += 1
            report.say("not said", f"{part.vendor}, {each.what}: {tree.options.against} does so as well: {path}")
            continue
        report.say("changes" if tree.options.against else label, f"{part.vendor}, {each.what}: {path}")
        doubt = _doubt(tree, run, each, differs, judged)
        if doubt and any(not each.holds for each in run.of("check")):
            report.say("", f"  natively it is {doubt}: after undefined behaviour, see below, anything may follow")
        elif doubt:
            report.void += 1
            report.say("", f"  natively it is {doubt}: the translation is wrong, not the kernel")
        elif label == "class":
            report.say("", "  " + (" + ".join(judged.known) or "NEW: nothing that is known explains it, see REFUTED"))
        elif tree.options.against and run.function != "theorem_intercept":
            report.say("", f"  before: {tree.before(each).answer}\n  now:    {judged.answer}")
        report.refuted += label == "REFUTED"


def _fine(run):
    """Has nothing of it failed that must hold, and nothing held that must fail?"""
    return (all(each.holds for each in run.of("theorem") + run.of("check")) and
            not any(each.holds for each in run.of("planted") + run.of("reached")))


def _read(report, tree, part, run):
    if _fine(run):
        report.say("proved", f"{part.name}: every RDPMC has the model's outcome, with "
                 + (f"exactly what is known of {tree.options.against}" if tree.options.against else
                    "the known differences as they are known"))
    _counterexamples(report, tree, part, run, "REFUTED")
    report.broken(f"{part.name}: ", run)


def _classes(report, tree, part, run):
    """All that differs, with what explains it."""
    _counterexamples(report, tree, part, run, "class")
    report.broken(f"{part.name}: ", run)


def _intercept(report, tree, part, run):
    met = {each.what for each in run.of("witness") if not each.holds}
    decides = {"RDPMC passes", "RDPMC is intercepted"} & met
    if not decides:
        report.say("", f"intercept, {part.vendor}: this tree has no kvm_need_rdpmc_intercept()")
    elif _fine(run):
        report.say("proved", f"intercept, {part.vendor}: where RDPMC is not intercepted, the host gives the guest's outcome"
                 + ("" if "RDPMC passes" in met else "; it always is"))
    if decides:
        report.costs(f"{part.vendor}: ", run)
    _counterexamples(report, tree, part, run, "REFUTED")
    report.broken(f"intercept, {part.vendor}: ", run)


def _checks(report, runs):
    """CBMC's own properties of the tree's text."""
    ours = tuple(os.path.relpath(os.path.join(TOP, each)) for each in ("fuzz", "model", "prove"))
    checked = {(each.file, each.name) for (_, theorem), run in runs.items() if theorem == "theorem_read"
               for each in run.of("check") if each.file and not each.file.startswith((*ours, "<"))}
    report.say("checked", f"bounds, pointers, shifts and divisions: {len(checked)} properties")


def _known(report, tree, runs):
    met = {each.what.removeprefix("known ") for (_, theorem), run in runs.items() if theorem != "theorem_unaided"
           for each in run.properties if each.function == "prove_known_witnesses" and not each.holds}
    anything = sorted(met & tree.any_answer)
    if anything:
        report.say("not said", f"what is answered where these let any answer be: {', '.join(anything)}")
    report.say("known", f"{len(met)} differences, each met: {', '.join(sorted(met))}" if met else "no difference is met")
    others = [name for name in tree.known_names if name not in met]
    if others:
        report.say("", f"not met, by these entries and assumptions: {', '.join(others)}")


def _translation(report, tree, translation):
    path = os.path.join(tree.work, "translation.txt")
    with open(path, "w", encoding="utf-8") as out:
        for title, lines in (("Rewritten", [f"{count:6} {rule}" for rule, count in sorted(translation.rewrites.items())]),
                             ("Assembler that becomes an assertion not to be reached", sorted(translation.lost_asm)),
                             ("Functions that goto-cc does not take, proved not to be reached",
                              [f"{name}: {error}" for name, error in translation.blanked]),
                             ("Functions that are elsewhere, proved not to be reached", translation.undefined),
                             ("Contracts", [f"{name}: {text}" for name, text in translation.contracts])):
            print(title, *(f"  {line}" for line in lines), "", sep="\n", file=out)
    report.say("text", f"the tree's own, {sum(translation.rewrites.values())} places rewritten by {len(translation.rewrites)} "
             f"rules; blanked: {counted(len(translation.blanked), 'function')}, elsewhere: {len(translation.undefined)}"
             + ("" if report.void else ", all proved not to be reached") + f": {path}")


def prove(options, tools):
    """All of it; the status. One at a time of a name: it has one directory."""
    lock = os.path.join(options.build, "prove", f"lock-{options.name}")
    with cache.locked(lock, f"another proof of {options.name}"):
        return _prove(options, tools)


def _prove(options, tools):
    begun, report, tree = time.monotonic(), Report(), _Tree(options, tools)
    print(f"prove: translating {options.kernel[0]}", file=sys.stderr, flush=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        engine, translated = pool.submit(tree.make_engine), pool.submit(tree.translate)
        translation = translated.result()
        engine.result()
    print(f"prove: translated, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    if options.against and not {part.name for part in _parts(options)} <= _Proved(tree.as_engine, tree.proved.known, tools).parts():
        report.unsaid += 1
        report.say("not said", f"{options.against} is compared by what is known of it, and has no proof here that this is all: "
                 "make prove with its KDIR= and NAME= first")
    runs = _all_runs(tree, translation)
    # What is known comes last: of a tree that is refuted nobody looks for that first.
    for tells, theorem in (_read, "theorem_read"), (_intercept, "theorem_intercept"), (_classes, "theorem_unaided"):
        for part in _parts(options):
            if (part, theorem) in runs:
                tells(report, tree, part, runs[part, theorem])
    if report.refuted:
        report.say("repeat", f"rdpmc-diff explain --engine kernel:{options.name} FILE, with a file named above")
    _known(report, tree, runs)
    _checks(report, runs)
    report.say("assumed", "\n".join(ASSUMED))
    _translation(report, tree, translation)
    report.say("with", checker.with_what(tools, runs, time.monotonic() - begun))
    print(f"{options.name}: {_verdict(report, tree)}", "", *report.lines, sep="\n")
    if not options.against and not report.status():
        tree.proved.write({part.name for part in _parts(options)})
    return report.status()


def _verdict(report, tree):
    other, vendor = tree.options.against, tree.options.vendor
    vendor = {"intel": "Intel ", "amd": "AMD "}.get(vendor, "")
    only = f"; {vendor}only" if vendor else ""
    if report.void:
        return "NOTHING IS PROVED of it: see VOID below, or cases that do not reproduce"
    if not other:
        found = report.found("the model and what is known")
        return found + only if found else (
            f"RDPMC {f'of {vendor}guests ' if vendor else ''}is the model's, but for the differences that are known")
    found = report.found(other)
    if not report.unsaid:
        return found + only if found else (
            f"changes nothing for {vendor}guests: answers every RDPMC as {other}, which is proved")
    # By what is known of the other each is compared with it, and that is not all.
    return (found or f"no change from {other} found") + f"{only}; but not all changes are seen: {other} itself is not proved"
