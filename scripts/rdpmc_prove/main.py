# SPDX-License-Identifier: GPL-2.0-or-later
"""The command scripts/prove."""

import argparse
import os
import re
import signal
import sys

from rdpmc_arguments import Parser, between
from rdpmc_machine import cache
from rdpmc_machine.failed import Failed

from . import checker, emulator, kernel, mutants
from .tools import Tools

EPILOG = """\
A counterexample is a case file: rdpmc-diff run FILE reports what is wrong with it.
docs/proving.md: what a proof covers, and what it does not.

Exit status: 0 proved, 1 refuted, 2 wrong usage or a failure, 77 CBMC cannot be
had here, 128 + signal interrupted."""


class _Interrupted(BaseException):
    pass


def _interrupt(number, _frame):
    # First of all: whoever waits for a thread on the way out waits for what it runs.
    checker.stop()
    raise _Interrupted(number)


def parser():
    made = Parser(prog="scripts/prove", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                  description="Proves for all inputs, by CBMC, that emulator/ answers RDPMC as model/ does, or gives "
                  "counterexamples.")
    made.add_argument("--build", default="build", metavar="DIR", help="where the programs are (default: build)")
    made.add_argument("--out", metavar="DIR", help="where counterexamples go (default: prove/ in --build)")
    made.add_argument("-j", "--jobs", type=between(1, 64), default=os.cpu_count(), metavar="N",
                      help="proofs at the same time (default: a processor each)")
    made.add_argument("--kernel", nargs="+", metavar=("TREE", "OBJECTS"), help="prove a kernel tree's own code instead: a "
                      "source tree, configured and prepared, and its build directory where that is another")
    made.add_argument("--emulator", action="store_true", help="of a kernel: the instruction emulator's entry as well, "
                      "with and without LOCK")
    made.add_argument("--vendor", choices=("intel", "amd"), help="of a kernel: this vendor's code only, for half of the time")
    made.add_argument("--against", metavar="ENGINE", help="of a kernel: does it answer as ENGINE does: kernel:NAME, of a "
                      "tree that was proved before?")
    made.add_argument("--no-classes", action="store_true", help="of a kernel: do not list what differs where nothing is "
                      "known of it, which takes half of the time")
    made.add_argument("--anew", action="store_true", help="ask CBMC also what it was asked before of the same text; else its "
                      "answer of then is taken")
    made.add_argument("--name", default="kernel", help="what to call it (default: kernel)")
    made.add_argument("--mutants", nargs="*", metavar="NAME", help="refute the mutant catalogue instead, all or these: each "
                      "deliberate defect of emulator/ must give a counterexample that names its rule")
    return made


def _check(options):
    """What is wrong use is told before anything is fetched, made or removed."""
    if options.kernel and (len(options.kernel) > 2 or options.mutants is not None):
        raise Failed("--kernel takes TREE and at most one directory of OBJECTS, and no --mutants")
    if options.against and not options.kernel:
        raise Failed("--against is of --kernel")
    if options.vendor and not options.kernel:
        raise Failed("--vendor is of --kernel")
    # It becomes a part of paths.
    if not re.fullmatch(r"[A-Za-z0-9_+~][A-Za-z0-9._+~-]*", options.name):
        raise Failed(f"--name {options.name}: letters, digits and . _ + ~ - only")
    if options.kernel and not os.path.isfile(os.path.join(options.kernel[0], "Kbuild")):
        raise Failed(f"{options.kernel[0]} is no Linux source tree")
    if options.against:
        engine, own = kernel.against(options), kernel.engine_path(options, options.name)
        if not os.path.isfile(engine):
            raise Failed(f"--against {options.against}: there is no {engine}; make prove with its KDIR= and NAME= first")
        if os.path.realpath(engine) == os.path.realpath(own):
            raise Failed(f"--against {options.against}: that is what this one is called; give it another --name")
    for program in ("rdpmc-diff", "prove-repeat") + (("prove-known",) if options.kernel else ()):
        if not os.access(os.path.join(options.build, program), os.X_OK):
            raise Failed(f"{os.path.join(options.build, program)} is not built; make prove builds it")
    if options.mutants is not None:
        mutants.catalogue(options.mutants)


def _run(options):
    _check(options)
    tools = Tools()
    if options.kernel:
        return kernel.prove(options, tools)
    if options.mutants is not None:
        return mutants.score(options, tools)
    return emulator.prove(options, tools)


def main():
    cache.program = "prove"
    options = parser().parse_args()
    options.out = options.out or os.path.join(options.build, "prove")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return _run(options)
    except Failed as failed:
        print(f"prove: {failed}", file=sys.stderr)
        return failed.status
    except (OSError, ValueError, LookupError) as error:
        print(f"prove: {error.__class__.__name__}: {error}", file=sys.stderr)
        return Failed.status
    except _Interrupted as interrupted:
        return 128 + interrupted.args[0]
    finally:
        checker.stop()
