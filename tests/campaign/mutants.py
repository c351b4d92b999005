#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each mutant of the catalogue given to a campaign as its engine: is it found, and reported on exactly one page?

tests/campaign/mutants.py [--most SECONDS] [MUTANT...], after `make campaign TIME=1`, which builds the
programs; a campaign ends LATER seconds after its first page, so that a second one would come.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from campaign_tools import ROOT, mutant, fuzzers, pages, status, words

LATER = 3


def trial(name, most):
    """(pages, seconds until the first, forms, cases that showed it) of a campaign with this mutant."""
    engine = mutant(name)
    folder = tempfile.mkdtemp(prefix="rdpmc-mutant-")
    place = f"{folder}/campaign"
    began = time.monotonic()
    first = None
    try:
        with open(f"{folder}/log", "wb") as log:
            running = subprocess.Popen(words(place, "--engine", engine, "--quiet",
                                             "--time", most), stdout=log, stderr=log)
            while running.poll() is None:
                if first is None and os.path.isdir(f"{place}/findings") and pages(place):
                    first = time.monotonic() - began
                if first is not None and time.monotonic() - began > first + LATER:
                    running.send_signal(signal.SIGTERM)
                    running.wait()
                time.sleep(0.05)
        found = status(place)["pages"]
        if fuzzers(place):
            print(f"{name}: fuzzers run on")
        return (len(pages(place)), first, sum(page["forms"] for page in found.values()),
                sum(page["count"] for page in found.values()))
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mutants", nargs="*")
    parser.add_argument("--most", type=int, default=60, help="seconds for one (60)")
    options = parser.parse_args()
    names = options.mutants or sorted(name.removesuffix(".patch")
                                     for name in os.listdir(ROOT / "fuzz/mutants/patches"))
    good, took = 0, []
    for name in names:
        count, first, forms, cases = trial(name, options.most)
        good += count == 1
        took += [] if first is None else [first]
        print(f"{name}: {count} pages, {forms} forms, {cases} cases"
              + ("" if first is None else f", after {first:.1f} s") + " WRONG" * (count != 1), flush=True)
    print(f"{good} of {len(names)} on exactly one page"
          + (f", the first after {statistics.median(took):.1f} s (median), {max(took):.1f} s at most"
             if took else ""))
    return good != len(names)


if __name__ == "__main__":
    sys.exit(main())
