# SPDX-License-Identifier: GPL-2.0-or-later
"""The proofs of emulator/, and how they are told."""

import concurrent.futures
import glob
import os
import sys
import time

from . import cases, checker

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

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
every case (fuzz/README.md): PMUs of guest and host, Intel and AMD; policies; mode, CPL, CR0, CR4, RFLAGS,
LOCK; ECX, RCX, RAX, RDX, RIP; and any content of counters, PERF_METRICS and control registers. Of a PMU what
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
            *(os.path.join(top, "fuzz", name) for name in ("engine_emulator.c", "case.c", "known.c", "cpuid.c"))]


def _runs(options, tools):
    """Each theorem's run, by its name. The slow ones first."""
    checks = {"theorem_read": checker.CHECKS}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        begun = {name: pool.submit(checker.check, tools, sources(), name, checks.get(name, ()))
                 for name in ("theorem_read", RULES, *list(THEOREMS)[1:])}
        try:
            return {name: each.result() for name, each in begun.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            checker.stop()
            raise


class Told:
    """The result, gathered before anything is printed: the verdict comes first."""

    def __init__(self):
        self.lines, self.refuted, self.void = [], 0, 0
        self.model = 0  # of those refuted, counterexamples to what the model says of itself

    def say(self, label, text):
        for line in text.splitlines():
            self.lines.append(f"{label:9}{line}".rstrip())
            label = ""

    def costs(self, who, run):
        """PASS-MINIMAL: witnesses of exits for nothing."""
        costly = [each.what.removeprefix("costly: ") for each in run.of("witness")
                  if not each.holds and "costly" in each.what]
        self.say("costs", f"{who}{'; '.join(costly) or 'none'}: intercepted though nothing would show (PASS-MINIMAL)")

    def status(self):
        return 2 if self.void else 1 if self.refuted else 0


# What our own translation and harness put where no path may come.
UNREACHED = ("blanked:", "undefined function", "asm:", "memcpy", "a counter that there is", "no body for",
             "no candidates", "dereferenced function pointer")


def broken(told, who, run):
    """What makes a run worth nothing; and what of C goes wrong in what is proved."""
    for each in run.of("check"):
        if each.holds:
            continue
        where = f"{who}{each.file}:{each.line}, {each.function}()"
        if "unwinding assertion" in each.what:
            told.void += 1
            told.say("VOID", f"{where}: this loop is not fully unwound")
        elif each.what.startswith(UNREACHED):
            told.void += 1
            told.say("VOID", f"{where}: reached, and it is not what the code does: {each.what}")
        else:
            told.refuted += 1
            told.say("REFUTED", f"{where}: {each.what}")
    for each in run.of("planted") + run.of("reached"):
        if each.holds:
            told.void += 1
            why = f"the planted fault is not seen: {each.what}" if each.what else "the assertions are not reached"
            told.say("VOID", f"{who}{why}")


def _theorem(told, name, run, options):
    refuted = [each for each in run.of("theorem") if not each.holds]
    void = any(each.holds for each in run.of("planted") + run.of("reached"))
    told.say("REFUTED" if refuted else "VOID" if void else "proved", THEOREMS[name])
    for number, each in enumerate(refuted, 1):
        path = os.path.join(options.out, f"{name.removeprefix('theorem_')}-{number}")
        report = cases.keep(each.trace, path, os.path.join(options.build, "rdpmc-diff"), "emulator")
        told.say("", f"{each.what}: {path}")
        if name in OF_MODEL:
            told.model += 1
        elif not report:
            told.void += 1
            told.say("", "  this case agrees when it is run natively: the proof is wrong, not emulator/")
    told.refuted += len(refuted)
    broken(told, "", run)


def _checks(told, run):
    """CBMC's own."""
    ours = [each for each in run.of("check") if each.file.startswith(os.path.relpath(os.path.join(TOP, "emulator")))]
    told.say("checked", f"bounds, pointers, shifts, divisions and signed overflow in emulator/: {len(ours)} properties")


def _rules(told, run):
    """What reads ask of the rules."""
    answered = {}
    for each in run.of("witness"):
        rule, answer = each.what.rsplit(" ", 1)
        if not each.holds:
            answered.setdefault(rule, set()).add(answer)
    both = [rule for rule, answers in answered.items() if len(answers) == 2]
    told.say("rules", f"{len(both)} are asked by reads of such guests and answered both ways"
             + "".join(f"; {rule} only {min(answers)}" for rule, answers in answered.items() if len(answers) == 1))


def prove(options, tools):
    """All of it; the status."""
    begun, told = time.monotonic(), Told()
    cases.begin(options.out, "|".join(name.removeprefix("theorem_") for name in THEOREMS))
    print("prove: emulator/, five runs of CBMC", file=sys.stderr, flush=True)
    runs = _runs(options, tools)
    for name in THEOREMS:
        _theorem(told, name, runs[name], options)
    told.say("for", FOR)
    told.say("assumed", "\n".join(ASSUMED))
    _checks(told, runs["theorem_read"])
    _rules(told, runs[RULES])
    broken(told, "", runs[RULES])
    told.costs("", runs["theorem_intercept"])
    told.say("with", f"CBMC {tools.version()}, {time.monotonic() - begun:.0f} s"
             + ("" if told.void else "; each theorem is reached and finds a fault planted in it"))
    verdict = "emulator/ answers every RDPMC as model/ does"
    if told.void:
        verdict = "NOTHING IS PROVED: see VOID below, or cases that do not reproduce"
    elif told.model:
        verdict = f"model/ contradicts itself: {told.model} classes of counterexamples"
    elif told.refuted:
        verdict = f"emulator/ does not answer as model/ does: {told.refuted} classes of counterexamples"
    print(verdict, "", *told.lines, sep="\n")
    return told.status()
