# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/campaign: the command line."""

import argparse
import os
import sys
import traceback

from rdpmc_arguments import Parser, between

from . import plan
from .campaign import Campaign, Limits
from .failed import Failed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DRIVERS = ("libfuzzer", "afl", "live", "machine")
EPILOG = """\
A directory that has a campaign in it goes on with it: after a kill, a reboot, or the end of its time
with more of it. DIRECTORY/report.md is the page to read, status.json the same for programs,
findings/ has a page for each finding, results/ what `make dashboard` reads.

PROGRAM of --on-finding is run once for each class of findings: no shell, the path of its report as the
only argument, and RDPMC_FINDING_REPORT, _TITLE, _RULE, _ENGINE, _STATUS (new, or seen: its report was
there before) and _TRY (1, 2, ...) in the environment. One that fails, takes longer than 60 s or is
missing is tried again after 1, 2, 4 ... minutes, at most once an hour, and at the next start.

exit status: 0 nothing found; 1 something was found that is new in this start, or waits to be looked at;
2 wrong use, or nothing can be written there; 3 nothing new, but reports of before are still open;
70 a mistake of its own; 77 nothing can run here; 128 + signal when interrupted, whatever was found
"""


def parser():
    made = Parser(prog="campaign", formatter_class=argparse.RawDescriptionHelpFormatter,
                  allow_abbrev=False, epilog=EPILOG,
                  description="Fuzzes for as long as it is let, without a person: libFuzzer, AFL++ and "
                              "the live engine side by side.")
    made.add_argument("--dir", default="build/campaign", metavar="DIRECTORY",
                      help="where everything is (%(default)s)")
    made.add_argument("--engine", action="append", default=[], metavar="NAME",
                      help="emulator, kvm, kernel:NAME, machine:CPU:KERNEL (of scripts/machine), or a folder of "
                           "plain.so, libfuzzer.so, afl.so; may be repeated (all that are here, but no machine)")
    made.add_argument("--driver", action="append", default=[], choices=DRIVERS,
                      help="only this; may be repeated (all)")
    made.add_argument("--time", type=between(1, 10**9), metavar="SECONDS",
                      help="of fuzzing, from this start on (without end)")
    made.add_argument("--jobs", type=between(1, 512), metavar="N",
                      help="fuzzers at a time (one for each processor)")
    made.add_argument("--slice", type=between(1, 10**6), metavar="SECONDS",
                      help="of a fuzzer before it begins anew from what all have kept (300, less of a "
                           "short campaign)")
    made.add_argument("--disk", type=between(16, 10**7), default=2048, metavar="MIB",
                      help="that the directory may take (%(default)s)")
    made.add_argument("--memory", type=between(256, 10**6), default=2048, metavar="MIB",
                      help="of one fuzzer (%(default)s)")
    made.add_argument("--minimise", type=between(1, 10**7), default=3600, metavar="SECONDS",
                      help="between two times that the corpus is minimised (%(default)s)")
    made.add_argument("--measure", type=between(1, 10**7), default=900, metavar="SECONDS",
                      help="between two results with coverage (%(default)s)")
    made.add_argument("--on-finding", metavar="PROGRAM",
                      help="that is run once for each class of findings, see below")
    made.add_argument("--share", metavar="DIRECTORY",
                      help="of cases that other campaigns read and add to as well")
    made.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="DIRECTORY",
                      help="where the programs are (build)")
    made.add_argument("--quiet", action="store_true", help="only say what is found, and what is wrong")
    return made


def program(name):
    """From the folder that it was named in; without one, by PATH."""
    if name == "":
        raise Failed("--on-finding: an empty name is that of no program")
    return os.path.abspath(name) if name and os.sep in name else name


def main():
    options = parser().parse_args()
    try:
        build = os.path.abspath(options.build)
        engines = plan.engines(build, options.engine)
        limits = Limits(ROOT, build, options.time, options.jobs or len(os.sched_getaffinity(0)),
                        options.slice, options.disk << 20, options.memory, options.minimise,
                        options.measure, options.share and os.path.abspath(options.share), program(options.on_finding))
        campaign = Campaign(os.path.abspath(options.dir), engines, options.driver or DRIVERS, limits,
                            options.quiet)
        return campaign.run()
    except Failed as why:
        print(f"campaign: {why}", file=sys.stderr)
        return why.status
    except OSError as error:
        print(f"campaign: {error.filename or options.dir}: {error.strerror}", file=sys.stderr)
        return 2
    except Exception:           # pylint: disable=broad-except
        # 1 would say that something was found.
        traceback.print_exc()
        return 70
