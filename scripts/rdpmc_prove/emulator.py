# SPDX-License-Identifier: GPL-2.0-or-later
"""The proofs of emulator/, and their report."""

import glob
import os
import sys
import time

from rdpmc_results.text import counted

from . import cases, checker
from .answers import Answers
from .report import Report
from .tools import TOP

# The theorems of prove/prove.c, in words.
THEOREMS = {
    "theorem_read": "every RDPMC has the model's outcome by both entries, and changes nothing else",
    "theorem_intercept": "where RDPMC is not intercepted, the host gives the guest's outcome (PASS-SOUND)",
    "theorem_may_pass": "where model/intercept.c finds no obstacle, no read shows a difference",
    "theorem_may_not_pass": "where it finds one, there is a read that shows it",
}
# Those about the model alone, of which an engine cannot tell.
OF_MODEL = ("theorem_may_pass", "theorem_may_not_pass")
RULES = "theorem_rules"

FOR = """\
every case (fuzz/README.md): PMUs of guest and host, Intel and AMD; policies; mode, CPL, CR0, CR4, RFLAGS with TF,
LOCK, other prefixes; ECX, RCX, RAX, RDX, RIP; any content of counters, PERF_METRICS and control registers. Of a PMU what
the engine can give: neither counters that are not architectural nor AMD's shared ones."""

ASSUMED = (
    "LOCK-NEVER-EXITS: an RDPMC with LOCK is #UD before it could exit, so only the instruction emulator meets it",
    "RESERVED-BITS, for PASS-SOUND: control bits that the guest's PMU lacks are 0, since the guest cannot set them",
    "CHOICES: where the manuals leave a choice, the model's default (model/pmu.h); the two theorems on model/ hold for all",
    "FRESH: one read of a vCPU on which nothing is pending",
)


def sources(emulator=None):
    """What CBMC compiles, emulator/ from that directory."""
    top = os.path.relpath(TOP)
    emulator = emulator or top
    return ["-I", emulator, "-I", top,
            *(os.path.join(top, "prove", f"{name}.c") for name in ("prove", "judge", "pass", "engine_emulator",
                                                                   "known_none")),
            *sorted(glob.glob(os.path.join(top, "model/*.c"))),
            *sorted(glob.glob(os.path.join(emulator, "emulator/*.c"))),
            *(os.path.join(top, "fuzz", name) for name in ("engines/emulator/engine_emulator.c", "case/case.c",
                                                           "case/cpuid.c", "oracle/known/known.c"))]


def _runs(options, tools):
    """Each theorem's run, by its name. The slow ones first."""
    checks, answers = {"theorem_read": checker.CHECKS}, Answers(tools, options.anew)
    return checker.check_all(options.jobs, {name: (tools, sources(), name, checks.get(name, ()), answers)
                                            for name in ("theorem_read", RULES, *list(THEOREMS)[1:])})


def _theorem(report, name, run, options):
    refuted = [each for each in run.of("theorem") if not each.holds]
    void = any(each.holds for each in run.of("planted") + run.of("reached"))
    report.say("REFUTED" if refuted else "VOID" if void else "proved", THEOREMS[name])
    for number, each in enumerate(refuted, 1):
        path = os.path.join(options.out, f"{name.removeprefix('theorem_')}-{number}")
        differs = cases.keep(each.trace, path, os.path.join(options.build, "rdpmc-diff"), "emulator")
        report.say("", f"{each.what}: {path}")
        if name in OF_MODEL:
            report.model += 1
        elif not differs:
            report.void += 1
            report.say("", "  this case agrees when it is run natively: the proof is wrong, not emulator/")
    report.refuted += len(refuted)
    report.broken("", run)


def _checks(report, run):
    """CBMC's own."""
    ours = [each for each in run.of("check") if each.file.startswith(os.path.relpath(os.path.join(TOP, "emulator")))]
    report.say("checked", f"bounds, pointers, shifts, divisions and signed overflow in emulator/: {len(ours)} properties")


def _rules(report, run):
    """What reads ask of the rules."""
    answered = {}
    for each in run.of("witness"):
        rule, answer = each.what.rsplit(" ", 1)
        if not each.holds:
            answered.setdefault(rule, set()).add(answer)
    both = [rule for rule, answers in answered.items() if len(answers) == 2]
    report.say("rules", f"{len(both)} are asked by reads of such guests and answered both ways"
             + "".join(f"; {rule} only {min(answers)}" for rule, answers in answered.items() if len(answers) == 1))


def prove(options, tools):
    """All of it; the status."""
    begun, report = time.monotonic(), Report()
    cases.begin(options.out, "|".join(name.removeprefix("theorem_") for name in THEOREMS))
    print("prove: emulator/, five runs of CBMC", file=sys.stderr, flush=True)
    runs = _runs(options, tools)
    for name in THEOREMS:
        _theorem(report, name, runs[name], options)
    report.say("for", FOR)
    report.say("assumed", "\n".join(ASSUMED))
    _checks(report, runs["theorem_read"])
    _rules(report, runs[RULES])
    report.broken("", runs[RULES])
    report.costs("", runs["theorem_intercept"])
    report.say("with", checker.with_what(tools, runs, time.monotonic() - begun)
             + ("" if report.void else "; each theorem is reached and finds a fault planted in it"))
    verdict = "emulator/ answers every RDPMC as model/ does"
    if report.void:
        verdict = "NOTHING IS PROVED: see VOID below, or cases that do not reproduce"
    elif report.model:
        verdict = f"model/ contradicts itself: {counted(report.model, 'class', 'classes')} of counterexamples"
    elif report.found("model/"):
        verdict = f"emulator/: {report.found('model/')}"
    print(verdict, "", *report.lines, sep="\n")
    return report.status()
