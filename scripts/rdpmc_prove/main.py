# SPDX-License-Identifier: GPL-2.0-or-later
"""The command scripts/prove."""

import argparse
import concurrent.futures
import glob
import os
import sys
import time

from rdpmc_machine import cache
from rdpmc_machine.failed import Failed

from . import cases, checker, faults, proofs
from .tools import Tools

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROVED, REFUTED = 0, 1

EPILOG = """\
exit status: 0 proved, 1 refuted (a counterexample), 2 wrong usage or a failure, 77 no CBMC can be had here,
128 + signal interrupted. docs/proving.md says what a proof says and what not."""


def sources(emulator="."):
    """What CBMC compiles: the proofs, the model, emulator/ in directory @emulator, the case format."""
    top = os.path.relpath(HERE)
    files = [*(os.path.join(top, "prove", name) for name in ("prove.c", "judge.c", "pass.c", "engine_emulator.c")), *sorted(glob.glob(os.path.join(top, "model", "*.c"))),
             *sorted(glob.glob(os.path.join(emulator, "emulator", "*.c"))),
             os.path.join(top, "fuzz/engine_emulator.c"), os.path.join(top, "fuzz/case.c")]
    return ["-I", emulator, "-I", top, *files]


def parser():
    made = argparse.ArgumentParser(prog="scripts/prove", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                                   description="Proves, for all inputs, that emulator/ answers RDPMC as the model does, "
                                   "or gives a counterexample.")
    made.add_argument("--build", default="build", metavar="DIR", help="where rdpmc-diff is (build)")
    made.add_argument("--out", metavar="DIR", help="where counterexamples are written (DIR of --build, prove/)")
    made.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), metavar="N", help="proofs at the same time")
    made.add_argument("--faults", nargs="*", dest="names", metavar="NAME", help="the fault catalogue instead: each "
                      "deliberate defect must be refuted by its rule (all, or these)")
    return made


def counterexamples(run, out, diff, engine):
    """Each refuted property of @run as a case in @out, and what it is natively: (property, path, report)."""
    found = []
    for each in run.of("theorem"):
        if each.holds:
            continue
        os.makedirs(out, exist_ok=True)
        path = os.path.join(out, f"{run.function.removeprefix('theorem_')}-{each.what}")
        found.append((each, path, cases.keep(each.trace, path, diff, engine)))
    return found


def judge(proof, run):
    """What makes the proof worth nothing, though nothing refutes it: a line each."""
    problems = [f"{each.kind} '{each.what}' was not found: the proof is vacuous"
                for kind in ("planted", "reached") for each in run.of(kind) if each.holds and each.function == proof.function]
    return problems


def show(proof, run, out):
    refuted = [each for each in run.of("theorem") if not each.holds]
    print(f"{'REFUTED' if refuted else 'proved':8} {proof.says} ({run.seconds:.0f} s)", file=out)


def prove(options, tools):
    engine, diff = "emulator", os.path.join(options.build, "rdpmc-diff")
    out = options.out or os.path.join(options.build, "prove")
    begun, status = time.monotonic(), PROVED
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {proof: pool.submit(checker.check, tools, sources(), proof.function,
                                   checker.CHECKS if proof.checked else ()) for proof in proofs.ALL}
        for proof, run in runs.items():
            run = run.result()
            show(proof, run, sys.stdout)
            for each in (each for each in run.of("check") if not each.holds):
                status = REFUTED
                print(f"  {each.file}:{each.line}: {each.what}")
            for each, path, report in counterexamples(run, out, diff, engine):
                status = REFUTED
                print(f"  {each.what}: {path}" + ("" if report else ": DOES NOT REPRODUCE"))
            for problem in judge(proof, run):
                status = max(status, 2)
                print(f"  {problem}")
    print(f"{time.monotonic() - begun:.0f} s, CBMC {tools.version()}")
    return status


def main():
    cache.program = "prove"
    options = parser().parse_args()
    try:
        if options.names is not None:
            return faults.score(options, Tools(), sources, HERE)
        return prove(options, Tools())
    except Failed as failed:
        print(f"prove: {failed}", file=sys.stderr)
        return failed.status
    except KeyboardInterrupt:
        return 130
