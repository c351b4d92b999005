# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/campaign: the command line."""

import argparse
import os
import sys
import traceback

from rdpmc_arguments import Parser, between

from . import notices, plan
from .campaign import Campaign, Limits
from .failed import Failed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DRIVERS = ("libfuzzer", "afl", "live", "machine")
EPILOG = """\
A campaign whose directory exists is resumed: after a kill, a reboot, or the end of its time.
DIRECTORY/report.md is the report, status.json the same for programs, findings/ has a report of each
finding, results/ is for `make dashboard`.

PROGRAM of --on-finding is run once for each class of findings: no shell, the path of its report as the
only argument, and RDPMC_FINDING_REPORT, _TITLE, _RULE, _ENGINE, _STATUS (new; seen: its report was
there before; test: --test-notification) and _TRY (1, 2, ...) in the environment. One that fails, takes
longer than 60 s or is missing is tried again after 1, 2, 4 ... minutes, at most once an hour, and at the
next start.

exit status: 0 nothing found; 1 a finding that is new in this start, or cases that wait for triage;
2 wrong use, or the directory is not writable; 3 nothing new, but earlier reports are still open;
70 a defect of this program; 77 nothing can run here; 128 + signal when interrupted, whatever was found
"""


def parser():
    made = Parser(prog="campaign", formatter_class=argparse.RawDescriptionHelpFormatter,
                  allow_abbrev=False, epilog=EPILOG,
                  description="Fuzzes until stopped, unattended: libFuzzer, AFL++ and the live engine "
                              "side by side.")
    made.add_argument("--dir", default="build/campaign", metavar="DIRECTORY",
                      help="of the campaign (%(default)s)")
    made.add_argument("--engine", action="append", default=[], metavar="NAME",
                      help="emulator, kvm, kernel:NAME, machine:CPU:KERNEL (of scripts/machine), or a folder of "
                           "plain.so, libfuzzer.so, afl.so; may be repeated (all that are built, but no machine)")
    made.add_argument("--driver", action="append", default=[], choices=DRIVERS,
                      help="use only this; may be repeated (all)")
    made.add_argument("--time", type=between(1, 10**9), metavar="SECONDS",
                      help="to fuzz in this start (until stopped)")
    made.add_argument("--jobs", type=between(1, 512), metavar="N",
                      help="fuzzers at a time (one per CPU)")
    made.add_argument("--slice", type=between(1, 10**6), metavar="SECONDS",
                      help="that a fuzzer runs before it restarts with the corpus of all (300, less in a "
                           "short campaign)")
    made.add_argument("--disk", type=between(16, 10**7), default=2048, metavar="MIB",
                      help="limit of the directory (%(default)s)")
    made.add_argument("--memory", type=between(256, 10**6), default=2048, metavar="MIB",
                      help="limit of one fuzzer (%(default)s)")
    made.add_argument("--minimise", type=between(1, 10**7), default=3600, metavar="SECONDS",
                      help="between two minimisations of the corpus (%(default)s)")
    made.add_argument("--measure", type=between(1, 10**7), default=900, metavar="SECONDS",
                      help="between two results with coverage (%(default)s)")
    made.add_argument("--on-finding", metavar="PROGRAM",
                      help="to run once for each class of findings, see below")
    made.add_argument("--test-notification", action="store_true",
                      help="run the PROGRAM of --on-finding once, with status test, and do nothing else")
    made.add_argument("--share", metavar="DIRECTORY",
                      help="of cases, shared with other campaigns")
    made.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="DIRECTORY",
                      help="where the programs are (build)")
    made.add_argument("--quiet", action="store_true", help="print only findings and errors")
    return made


def program(name):
    """From the folder that it was named in; without one, by PATH."""
    if name == "":
        raise Failed("--on-finding: an empty name is that of no program")
    return os.path.abspath(name) if name and os.sep in name else name


def main():
    options = parser().parse_args()
    try:
        if options.test_notification:
            if not options.on_finding:
                raise Failed("--test-notification wants --on-finding PROGRAM")
            notices.try_out(program(options.on_finding))
            print(f"campaign: {options.on_finding} ended with 0: it was notified as of a finding, with status test")
            return 0
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
