# SPDX-License-Identifier: GPL-2.0-or-later
"""From what fuzzers save to pages: `rdpmc-diff triage` judges and writes; here it is counted and kept.

What it cannot see again is tried by the fuzz target itself, whose sanitizers see more: a page of their
report, or among the flaky.
"""

import json
import os
import re
import time

import rdpmc_cases

from .worker import remove, remove_file

TIMES = 3
TOGETHER = 64               # cases for one triage
LARGEST = 1 << 20           # bytes of what is looked at
CRASHED = 76                # exit status that libFuzzer is asked for; its own, 77, also means "cannot run"
UNTRIED = (2, 77, 127, None)    # it could not be tried: no room, no program, no end
PAUSE = 30                  # s before what could not be looked at is looked at again
FLAKY = 1000                # kept apart at most; their classes are counted on
TITLE = "# The fuzz target ends with a sanitizer's report"


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Findings:
    def __init__(self, directory, build, chores, engines, state, alarm):
        self.pages = f"{directory}/findings"
        self.flaky = f"{directory}/flaky"
        self.inbox = f"{directory}/inbox"
        self.build = build
        self.chores = chores
        self.engines = engines
        self.state = state          # {"pages": {name: ...}, "new": [name], "flaky": {class: ...}, "known": n}
        self.alarm = alarm
        self.under_way = set()
        self.later = {}             # path: when it is looked at again
        self.places = {}            # where the target ended: (page, what it is)
        for folder in (self.pages, self.flaky):
            os.makedirs(folder, exist_ok=True)

    def compare_pages(self, say, notices):
        """Pages that were written, and a kill came before they were counted; pages that somebody took away,
        because they are dealt with."""
        there = {name for name in os.listdir(self.pages) if not name.startswith(".")}
        for name in set(self.state["pages"]) - there:
            say(f"{name} was removed: closed")
            del self.state["pages"][name]
        for name in sorted(there - set(self.state["pages"])):
            if not os.path.isfile(f"{self.pages}/{name}/finding.md"):
                continue                # somebody's own
            with open(f"{self.pages}/{name}/finding.md", encoding="utf-8", errors="replace") as file:
                title = file.readline().removeprefix("# ").strip()
            now = utc(time.time())
            self.state["pages"][name] = {"class": title, "engine": "unknown", "driver": "unknown",
                                         "first": now, "last": now, "count": 1, "forms": 1}
            if not notices.knows(name):
                self.state["new"].append(name)

    def waiting(self, task):
        """How many cases of a task wait to be looked at."""
        folder = f"{self.inbox}/{task.name}"
        return len(os.listdir(folder)) if os.path.isdir(folder) else 0

    def take_pages(self, worker):
        """A machine writes pages itself; of one that there is already its case is one more."""
        for name in worker.pages():
            made, page = f"{worker.place}/saved/{name}", f"{self.pages}/{name}"
            with open(f"{made}/finding.md", encoding="utf-8", errors="replace") as file:
                text = file.read()
            if os.path.exists(f"{page}/finding.md"):
                for each in os.listdir(made):
                    data = rdpmc_cases.read(f"{made}/{each}") if each.startswith("case") else None
                    if data and len(os.listdir(page)) < FLAKY:
                        rdpmc_cases.write_new(f"{page}/case-{rdpmc_cases.name(data)}", data)
                remove(made)
            else:
                with open(f"{made}/finding.md", "w", encoding="utf-8") as file:
                    file.write(text.replace(made, page))    # in the commands
                os.replace(made, page)
                rdpmc_cases.sync_folder(self.pages)
            title = text.partition("\n")[0].removeprefix("# ").strip()
            self.note(name, f"{worker.task.engine.name}: {title}", worker.task)

    def look(self, worker):
        """Takes over what a worker saved, one file for what is the same, and has it looked at. Until there
        is a page of it, it is in the inbox."""
        self.take_pages(worker)
        folder = f"{self.inbox}/{worker.task.name}"
        os.makedirs(folder, exist_ok=True)
        for path in worker.saved():
            with open(path, "rb") as file:
                name = rdpmc_cases.name(file.read(LARGEST))
            os.replace(path, f"{folder}/{name}")
        now = time.monotonic()
        self.triage([path for name in sorted(os.listdir(folder))
                     if (path := f"{folder}/{name}") not in self.under_way
                     and self.later.get(path, 0) <= now], worker.task, self.done)

    def done(self, path):
        """There is nothing in it any more that is not told."""
        self.later.pop(path, None)
        remove_file(path)

    def postpone(self, path):
        """It could not be looked at: it stays where it is."""
        self.under_way.discard(path)
        self.later[path] = time.monotonic() + PAUSE

    def triage(self, paths, task, done, keep=False):
        """done(path) once nothing needs the file any more; @keep: it is a case of the corpus."""
        for at in range(0, len(paths), TOGETHER):
            some = paths[at:at + TOGETHER]
            self.under_way |= set(some)
            engine = task.engine
            others = [each.tried for each in self.engines
                      if each is not engine and not each.absent and not each.machine][:7]
            words = [f"{self.build}/rdpmc-diff", "triage", "--into", self.pages, "--json", "-",
                     "--times", str(TIMES), "--engine", engine.tried]
            for other in others:
                words += ["--engine", other]
            self.chores.add([*words, *some],
                            lambda status, output, some=some: self.told(status, output, some, task,
                                                                        done, keep),
                            300)

    def told(self, status, output, paths, task, done, keep):
        at = output.find("[")
        try:
            rows = json.loads(output[at:]) if status in (0, 1) and at >= 0 else None
        except ValueError:
            rows = None
        if rows is None and len(paths) > 1:     # one of them took it down: each by itself
            for path in paths:
                self.triage([path], task, done, keep)
            return
        if rows is None and status in UNTRIED and not keep:
            last = (output.strip() or "no output").splitlines()[-1][-200:]
            self.alarm("triage", f"triage of a case of {task.name} failed with status {status}: {last}")
            self.postpone(paths[0])
            return
        if rows is None:        # the engine took it down: what does the target say?
            rows = [{"case": paths[0], "verdict": "nothing", "class": "", "page": "", "seen": 0}]
        self.under_way -= set(paths)
        for path in set(paths) - {row["case"] for row in rows}:
            self.postpone(path)
        for row in rows:
            self.take(row, task, done, keep)

    def take(self, row, task, done, keep):
        path, verdict = row["case"], row["verdict"]
        if verdict == "known":
            self.state["known"] = self.state.get("known", 0) + 1
        elif row["page"]:
            # The engine is named as it was asked for, not by where it was built.
            what = task.engine.name + row["class"].removeprefix(task.engine.tried[:60])
            self.note(row["page"], what, task, row["verdict"] == "another form")
        elif verdict == "flaky":
            self.set_apart(path, row["class"], row["seen"], task)
        elif not keep:
            self.by_target(path, task, done)
            return
        done(path)

    def note(self, page, what, task, another=False):
        """One more case of a page; @another: it has grown by it."""
        pages = self.state["pages"]
        now = utc(time.time())
        if page not in pages:
            pages[page] = {"class": what, "engine": task.engine.name, "driver": task.driver,
                           "first": now, "new_elapsed": self.state["elapsed"], "count": 0, "forms": 1}
            self.state["new"].append(page)
        elif another:
            pages[page]["forms"] += 1
        pages[page]["count"] += 1
        pages[page]["last"] = now

    def set_apart(self, path, what, seen, task):
        data = rdpmc_cases.read(path)
        known = self.state["flaky"].setdefault(
            what or f"{task.engine.name}: not reproduced by {task.driver}",
            {"count": 0, "seen": 0, "times": 0, "case": ""})
        known["count"] += 1
        known["seen"] += seen
        known["times"] += TIMES
        if data and len(os.listdir(self.flaky)) < FLAKY:
            known["case"] = rdpmc_cases.name(data)
            rdpmc_cases.write_new(f"{self.flaky}/{known['case']}", data)

    def target(self, task):
        """A program that takes a file: that of AFL++ does not."""
        return task.program if task.driver != "afl" else f"{self.build}/fuzz-rdpmc"

    def by_target(self, path, task, done):
        """The target, with its sanitizers, on a case of which rdpmc-diff saw nothing."""
        told = []
        words = [self.target(task), f"-artifact_prefix={self.chores.environment['TMPDIR']}/",
                 f"-error_exitcode={CRASHED}", path]

        def end():
            self.under_way.discard(path)
            done(path)

        def first(status, output):
            """Without names of functions it takes a tenth of the time: is it the same place again?"""
            place = task.engine.name + summary(output, 100)
            if status in UNTRIED:
                self.postpone(path)
            elif status == 0 or not self.is_page(place):
                self.chores.add(words, lambda *again: repeat(place, *again), 60, first=True,
                                **task.environment)
            else:
                self.note(*self.places[place], task)
                end()

        def repeat(place, status, output):
            told.append((status, output))
            if status in UNTRIED:
                self.postpone(path)
                return
            if len(told) < TIMES:
                self.chores.add(words, lambda *again: repeat(place, *again), 60, first=True,
                                **task.environment)
                return
            bad = [text for number, text in told if number]
            try:
                if len(bad) == TIMES:
                    self.places[place] = self.sanitizer_page(path, bad[0], task)
                    self.note(*self.places[place], task)
                else:
                    self.set_apart(path, "", len(bad), task)
            except OSError:
                self.postpone(path)
                raise
            end()

        self.under_way.add(path)
        self.chores.add(words, first, 60, **task.environment,
                        ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":symbolize=0")

    def is_page(self, place):
        """Is there a page of this place, still?"""
        return place in self.places and os.path.exists(f"{self.pages}/{self.places[place][0]}")

    def sanitizer_page(self, path, text, task):
        """Writes the page of such a report if there is none; its name and what it is."""
        what = re.sub(r"0x[0-9a-f]+|\(.*?\+0x.*?\)", "", summary(text)).strip()
        page = f"sanitizer-{rdpmc_cases.name((task.engine.name + what).encode())[:16]}"
        if not os.path.exists(f"{self.pages}/{page}"):
            data = rdpmc_cases.read(path) or b""
            beside = f"{self.pages}/.{page}.{os.getpid()}"
            os.makedirs(beside, exist_ok=True)
            command = " ".join([f"{key}={value}" for key, value in task.environment.items()]
                               + [self.target(task), f"{self.pages}/{page}/case"])
            body = text.encode("ascii", "replace").decode().replace("```", "'''")[-8000:]
            rdpmc_cases.write_new(f"{beside}/case", data)
            rdpmc_cases.write_new(f"{beside}/finding.md", (
                f"{TITLE}\n\n| | |\n|---|---|\n| engine | `{task.engine.name}` |\n| summary | "
                f"`{what}` |\n| reproduced | {TIMES} times of {TIMES} |\n\nThe bug is in the harness or in "
                f"the engine's code; no answer differs.\n\n## How to repeat it\n\n```\n"
                f"{command}\n```\n\nThe case itself, for `xxd -r -p`:\n\n```\n{data.hex()}\n```\n\n"
                f"## Output\n\n```\n{body}\n```\n").encode())
            os.replace(beside, f"{self.pages}/{page}")
            rdpmc_cases.sync_folder(self.pages)
        return page, f"{task.engine.name}: sanitizer: {what}"


def summary(text, frames_told=1):
    """What a sanitizer or libFuzzer says last, but for the number of the process."""
    found = re.findall(r"SUMMARY: (.*)|(ERROR: libFuzzer: .*)", text)
    what = " ".join(filter(None, found[-1])) if found else "ended without a word of why"
    # An abort() says nothing of itself: by the first place that is neither C's library nor the fuzzer's.
    frames = re.findall(r"(?m)^ +#\d+ 0x[0-9a-f]+ (.*)", text) if "deadly signal" in what else []
    where = [frame for frame in frames
             if not re.search("sanitizer_|fuzzer::|libc\\.so|nptl|stdlib/|signal/", frame)]
    return " ".join([re.sub(r"==\d+==", "", what).strip(), *where[:frames_told]])
