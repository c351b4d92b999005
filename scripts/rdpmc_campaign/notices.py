# SPDX-License-Identifier: GPL-2.0-or-later
"""Who wants to be told of findings: --on-finding names a program that is run once for each class of them.

notices.json has each class that was ever found here, and when it was told. A class counts as told once
the program has ended with 0 and that is on the disk: a kill before that tells it again, with a higher
RDPMC_FINDING_TRY, and never loses it. It is not part of status.json because that may be damaged, and
then counts anew.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from .failed import Failed
from .findings import utc
from .status import replace
from .worker import MARK, dies_with_us, end_group

FILE = "notices.json"
SCHEMA = "rdpmc-campaign-notices/1"
LONGEST = 60                # s that the program may take
FIRST_PAUSE, LONGEST_PAUSE = 60, 3600   # s before it is tried again, doubled each time
LAST_WORDS = 4096           # bytes that are kept of what it says
ALARM = "on-finding"


def call(program, names, directory):
    """Starts the program for the report of which @names has the facts, as RDPMC_FINDING_*."""
    environment = os.environ | {MARK: directory} | {f"RDPMC_FINDING_{name}": text for name, text in names.items()}
    return subprocess.Popen([program, names["REPORT"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, bufsize=0, start_new_session=True, preexec_fn=dies_with_us,
                            env=environment)


def how_it_failed(status, said):
    """In words; @status None: it did not end in time."""
    words = [line for line in map(one_line, said.decode(errors="replace").splitlines()) if line]
    how = f"took longer than {LONGEST} s" if status is None else f"exit status {status}" if status > 0 \
        else f"signal {-status}"
    return how + (f": {words[-1][:200]}" if words else "")


def try_out(program):
    """Calls it once, as for a finding; raises Failed if it fails."""
    with tempfile.TemporaryDirectory() as directory:
        report = f"{directory}/finding.md"
        with open(report, "w", encoding="utf-8") as file:
            file.write("# A test of --on-finding: nothing was found\n")
        try:
            process = call(program, {"REPORT": report, "TRY": "1", "TITLE": "a test of --on-finding: nothing was found",
                                     "RULE": "", "ENGINE": "none", "STATUS": "test"}, directory)
        except (OSError, ValueError) as error:
            raise Failed(f"--on-finding {program}: {getattr(error, 'strerror', None) or error}") from error
        status = None
        try:
            said, _ = process.communicate(timeout=LONGEST)
            status = process.returncode
        except subprocess.TimeoutExpired as error:
            said = error.stdout or b""
        finally:
            if process.poll() is None:
                end_group(process)
        if status != 0:
            raise Failed(f"--on-finding {program}: {how_it_failed(status, said)}")


def one_line(text):
    """What becomes a mail's subject and a variable must not begin another line."""
    return re.sub(r"[\0-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def facts(report):
    """What a report says of its class: title, rule, engine; the last two may be missing."""
    with open(report, encoding="utf-8", errors="replace") as file:
        text = file.read(1 << 16)
    rule = re.search(r"(?m)^\| rule \| ([^:|\n]*)", text)
    engine = re.search(r"(?m)^\| (?:engine|processor) \| `([^`\n]*)`", text)
    return {"title": one_line(text.partition("\n")[0].removeprefix("# ")),
            "rule": one_line(rule[1]) if rule else "", "engine": one_line(engine[1]) if engine else ""}


SHAPE = {"title": str, "rule": str, "engine": str, "status": str, "first": str, "told": (str, type(None)),
         "tries": int, "pages": list}


def sound(found):
    return isinstance(found, dict) and found.get("schema") == SCHEMA and isinstance(found.get("classes"), list) and all(
        isinstance(each, dict) and set(each) == set(SHAPE)
        and all(isinstance(each[key], kind) for key, kind in SHAPE.items())
        and all(isinstance(page, str) for page in each["pages"]) for each in found["classes"])


class Notices:
    def __init__(self, directory, program, state, tell, alarm, clear):
        self.directory, self.program = directory, program
        self.path = f"{directory}/{FILE}"
        self.state, self.tell, self.alarm, self.clear = state, tell, alarm, clear
        self.changed = False
        self.failed = {}            # number of the class: (times, when it is tried again)
        self.running = None         # number of the class, process, when it is too late
        self.said = b""
        self.classes = self.load()
        if program and not shutil.which(program):
            self.complain("no such program, or it may not be executed")
        for page in [page for each in self.classes for page in each["pages"] if not os.path.isfile(self.report(page))]:
            self.gone(page)

    def load(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                found = json.load(file)
            if sound(found):
                return found["classes"]
            why = "has another shape"
        except FileNotFoundError:
            return []
        except (ValueError, OSError) as error:
            why = str(error)
        self.alarm("notices", f"{self.path} cannot be read ({why}): all findings are reported again, with status seen")
        return []

    def save(self):
        replace(self.path, json.dumps({"schema": SCHEMA, "classes": self.classes}, indent=1) + "\n")
        self.changed = False

    # ----- what was found -----

    def knows(self, page):
        return any(page in each["pages"] for each in self.classes)

    def gone(self, page):
        """Somebody took the report away, as dealt with: should it come again, that is told."""
        for each in self.classes:
            if page in each["pages"]:
                each["pages"].remove(page)
                if not each["pages"]:
                    each |= {"status": "seen", "told": None, "tries": 0}
                self.changed = True

    def report(self, page):
        return f"{self.directory}/findings/{page}/finding.md"

    def note(self):
        """Pages that are new become classes, or belong to one."""
        for page in self.state["pages"]:
            if self.knows(page):
                continue
            try:
                found = facts(self.report(page))
            except OSError:
                continue            # taken away at once
            engine = self.state["pages"][page]["engine"]
            if engine != "unknown":
                found["engine"] = engine
            same = next((each for each in self.classes if all(each[key] == found[key] for key in found)), None)
            if same:
                same["pages"].append(page)
            else:
                new = self.program and page in self.state["new"]
                self.classes.append(found | {"pages": [page], "first": utc(time.time()), "told": None, "tries": 0,
                                             "status": "new" if new else "seen"})
            self.changed = True
            if page in self.state["new"]:
                self.tell(f"campaign: FOUND: {found['engine']}: {found['title']}; {self.report(page)}")

    # ----- who is told -----

    def waiting(self):
        """Numbers of the classes that are to be told."""
        return [number for number, each in enumerate(self.classes) if not each["told"] and self.page(each)]

    def page(self, found):
        """The first of its reports that is there."""
        return next((page for page in found["pages"] if os.path.isfile(self.report(page))), None)

    def look(self):
        """Ends and begins what is to end and begin."""
        self.note()
        if self.running:
            self.attend()
        if self.changed:
            self.save()
        if self.program and not self.running:
            now = time.monotonic()
            due = [number for number in self.waiting() if self.failed.get(number, (0, 0))[1] <= now]
            if due:
                self.start(min(due, key=lambda number: self.classes[number]["tries"]))

    def start(self, number):
        told = self.classes[number]
        page = self.page(told)
        told["tries"] += 1
        self.save()                 # before anybody hears of it
        names = {"REPORT": self.report(page), "TRY": str(told["tries"])} | {
            key.upper(): told[key] for key in ("title", "rule", "engine", "status")}
        try:
            process = call(self.program, names, self.directory)
        except (OSError, ValueError) as error:
            self.fail(number, getattr(error, "strerror", None) or str(error))
            return
        os.set_blocking(process.stdout.fileno(), False)
        self.said = b""
        self.running = number, process, time.monotonic() + LONGEST

    def listen(self, process):
        """Keeps the end of what it says, and never more: it may say much."""
        try:
            self.said = (self.said + (process.stdout.read(1 << 16) or b""))[-LAST_WORDS:]
        except OSError:
            pass

    def attend(self):
        number, process, until = self.running
        self.listen(process)
        status = process.poll()
        if status is None and time.monotonic() < until:
            return
        self.listen(process)
        self.stop()
        if status == 0:
            self.classes[number]["told"] = utc(time.time())
            self.changed = True
            self.failed.pop(number, None)
            if not self.failed:
                self.clear(ALARM)
            return
        self.fail(number, how_it_failed(status, self.said))

    def stop(self):
        if self.running:
            _, process, _ = self.running
            self.running = None
            if process.poll() is None:
                end_group(process)
            process.stdout.close()

    def fail(self, number, why):
        times = self.failed.get(number, (0, 0))[0] + 1
        self.failed[number] = times, time.monotonic() + min(FIRST_PAUSE << min(times - 1, 20), LONGEST_PAUSE)
        self.complain(why)

    def complain(self, why):
        # Once, however often it fails.
        if ALARM not in self.state["alarms"]:
            self.alarm(ALARM, f"--on-finding {self.program}: {why}; notifications wait, and are sent again later")

    def finish(self, seconds):
        """What can be told still, in so much time; how many classes wait for the next start."""
        until = time.monotonic() + seconds
        try:
            self.look()
            while self.running and time.monotonic() < until:
                time.sleep(0.02)
                self.look()
        finally:
            self.stop()
        if self.changed:
            self.save()
        return len(self.waiting()) if self.program else 0
