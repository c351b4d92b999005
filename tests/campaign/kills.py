#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign that is killed with SIGKILL at random moments and begun again: is anything lost?

tests/campaign/kills.py --seconds 1800 --kills 5 DIRECTORY [CAMPAIGN OPTION...]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time

from campaign_tools import fuzzers, pages, reported, status, used, whole, words


class Watch:
    """What was there at some moment, and so must be there in the end."""

    def __init__(self, folder, limit):
        self.folder, self.limit = folder, limit
        self.kept, self.pages, self.counted = set(), set(), set()
        self.most = self.executions = 0
        self.elapsed = self.least = 0.0     # s of fuzzing that status.json reported; due in the end
        self.wrong = []

    def look(self):
        if not os.path.exists(f"{self.folder}/status.json"):
            return
        self.most = max(self.most, used(self.folder))
        # The log is what was reported; what it then says of giving up is looked at in the end.
        self.kept |= reported(self.folder)[0]
        self.pages |= pages(self.folder)
        found = status(self.folder)
        self.counted |= set(found["pages"])
        executions = sum(task["executions"] for task in found["tasks"].values())
        if executions < self.executions:
            self.wrong.append(f"executions fell from {self.executions} to {executions}")
        self.executions = executions
        if found["elapsed"] < self.elapsed:
            self.wrong.append(f"the time fuzzed fell from {self.elapsed} s to {found['elapsed']} s")
        self.elapsed = found["elapsed"]

    def judge(self):
        kept, given_up = reported(self.folder)
        there = whole(self.folder)
        for what, lost in (
                ("cases reported as kept are neither there nor given up",
                 self.kept - there - given_up),
                ("cases are kept by the log and not there", kept - there),
                ("findings are gone", self.pages - pages(self.folder)),
                ("findings that were counted have no page", self.counted - pages(self.folder)),
                ("findings are not counted", pages(self.folder) - set(status(self.folder)["pages"]))):
            if lost:
                self.wrong.append(f"{len(lost)} {what}: {sorted(lost)[:3]}")
        waiting = [name for _, _, names in os.walk(f"{self.folder}/inbox") for name in names]
        if waiting:
            self.wrong.append(f"{len(waiting)} cases still wait for triage")
        if self.limit and self.most > self.limit:
            self.wrong.append(f"{self.most} bytes were used, {self.limit} may be")
        if fuzzers(self.folder):
            self.wrong.append(f"fuzzers run on: {fuzzers(self.folder)}")
        return self.wrong


def campaign(folder, seconds, options, log):
    return subprocess.Popen(words(folder, "--time", seconds, "--quiet", *options),
                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def trial(folder, seconds, kills, options, limit=None, seed=None):
    """The Watch of a campaign that was killed so often."""
    chance = random.Random(seed)
    watch = Watch(folder, limit)
    moments = sorted(chance.uniform(0.05, 0.95) * seconds for _ in range(kills))
    began = time.monotonic()
    with open(f"{folder}.log", "ab") as log:
        running, watch.least = campaign(folder, seconds, options, log), seconds
        while running.poll() is None:
            time.sleep(chance.uniform(0.01, 0.3))
            if moments and time.monotonic() - began > moments[0]:
                moments.pop(0)
                running.send_signal(signal.SIGKILL)
                running.wait()
                watch.look()
                left = max(1, round(began + seconds - time.monotonic()))
                running, watch.least = campaign(folder, left, options, log), watch.elapsed + left
            elif chance.random() < 0.1:
                watch.look()
    watch.look()
    watch.ended = running.returncode
    if running.returncode not in (0, 1, 3):
        watch.wrong.append(f"the last start ended with {running.returncode}")
    if moments:
        watch.wrong.append(f"{len(moments)} kills came too late")
    watch.judge()
    return watch


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=int, default=1800)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--disk", type=int, default=256, help="MiB")
    parser.add_argument("--seed", type=int, default=None)
    options, more = parser.parse_known_args()
    watch = trial(os.path.abspath(options.folder), options.seconds, options.kills,
                  ["--disk", options.disk, *more], options.disk << 20, options.seed)
    found = status(options.folder)
    print(f"{found['elapsed']:.0f} s of fuzzing in {found['starts']} starts, {watch.executions} executions, "
          f"{len(watch.kept)} cases were reported as kept, {len(whole(options.folder))} are there, "
          f"{found['corpus']['given_up']} given up, {len(watch.pages)} pages, at most "
          f"{watch.most / 2**20:.1f} MiB")
    for line in watch.wrong:
        print("WRONG: " + line)
    return bool(watch.wrong)


if __name__ == "__main__":
    sys.exit(main())
