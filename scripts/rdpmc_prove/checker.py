# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of CBMC: what it is asked, and what it says of each property."""

import concurrent.futures
import dataclasses
import json
import os
import re
import subprocess
import threading
import time

from rdpmc_machine.failed import Failed

# Loops are unwound so far, and that they end by then is a property of its own. The longest is over RDPMC_MAX_ECX
# counters.
UNWIND = 80
# What C leaves undefined, and the kernel as well: it defines signed overflow (-fno-strict-overflow).
KERNEL_CHECKS = ("--bounds-check", "--pointer-check", "--undefined-shift-check", "--div-by-zero-check")
CHECKS = (*KERNEL_CHECKS, "--signed-overflow-check")
# The variables that a counterexample is made of.
WANTED = "proved_"


@dataclasses.dataclass
class Property:
    """One assertion, of ours or of CBMC's, for all inputs."""
    name: str
    text: str
    function: str
    file: str
    line: int
    holds: bool
    # Assignments to what counterexamples are made of: name as in C -> value.
    trace: dict = dataclasses.field(default_factory=dict)

    @property
    def kind(self):
        """theorem, planted, witness, reached; or check: one of CBMC's own."""
        found = re.match(r"(theorem|planted|witness): |(reached)$", self.text)
        return (found[1] or found[2]) if found else "check"

    @property
    def what(self):
        return self.text.partition(": ")[2] if self.kind != "check" else self.text


@dataclasses.dataclass
class Run:
    """What CBMC says of one program."""
    function: str
    properties: list
    seconds: float
    undecided: int = 0  # properties of paths that undefined behaviour comes before
    kept: str = ""  # the day of the answer, if it was not asked now

    def of(self, kind):
        """CBMC lists those of functions that are not run as well, where they hold for nothing."""
        return [each for each in self.properties if each.kind == kind
                and (kind == "check" or each.function in (self.function, "engine_give_up"))]


def _numbers(name, value):
    """(name as in C, number) of all that a value of a trace is made of. Numbers by their binary form: decimals
    have C's suffixes."""
    for each in value.get("elements", ()):
        yield from _numbers(f"{name}[{each['index']}]", each["value"])
    for each in value.get("members", ()):
        yield from _numbers(f"{name}.{each['name']}", each["value"])
    if re.fullmatch("[01]+", value.get("binary", "")):
        yield name, int(value["binary"], 2)


def _trace(steps):
    found = {}
    for step in steps:
        if step.get("stepType") == "assignment" and step.get("lhs", "").startswith(WANTED):
            found.update(_numbers(re.sub(r"\[(\d+)[a-z]*\]", r"[\1]", step["lhs"]), step["value"]))
    return found


def _property(result):
    where = result.get("sourceLocation", {})
    return Property(result["property"], result["description"], where.get("function", ""),
                    os.path.normpath(where.get("file", "")),
                    int(where.get("line", 0)), result["status"] == "SUCCESS", _trace(result.get("trace", ())))


_running = set()
_stopped = threading.Event()


def stop():
    """End what runs, and begin nothing more; threads that wait for it go on with a failure."""
    _stopped.set()
    for process in list(_running):
        process.terminate()


def run(command, **options):
    """subprocess.run() of a text, ended by stop()."""
    if _stopped.is_set():
        raise Failed("interrupted")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          **{"stderr": subprocess.PIPE, **options}) as process:
        _running.add(process)
        try:
            if _stopped.is_set():
                process.terminate()
            output, errors = process.communicate()
        finally:
            _running.discard(process)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _run(tools, program, function, options):
    """What CBMC prints, as a list."""
    command = [*tools.cbmc, *program, "--function", function,
               *(() if "--unwind" in options else ("--unwind", str(UNWIND))), "--no-standard-checks",
               "--unwinding-assertions", "--no-malloc-may-fail", "--slice-formula", "--trace", "--json-ui", *options]
    done = run(command, stderr=subprocess.STDOUT)
    try:
        answers = json.loads(done.stdout)
    except json.JSONDecodeError:
        last = done.stdout.strip().splitlines() or ["it said nothing"]
        raise Failed(f"CBMC ended with status {done.returncode}: {last[-1][:300]}") from None
    errors = [each["messageText"] for each in answers if each.get("messageType") == "ERROR"]
    if errors:
        raise Failed(f"CBMC: {'; '.join(errors)[:500]}")
    return answers


def check(tools, program, function, options=(), answers=None):
    """CBMC's answer on every property that can be reached from @function of @program, C files with their flags or a
    goto program: one of @answers, if it is there."""
    def ask():
        return _check(tools, program, function, options)
    return answers.of(program, function, options, ask) if answers else ask()


def _check(tools, program, function, options):
    begun = time.monotonic()
    results = [each["result"] for each in _run(tools, program, function, options) if "result" in each]
    if not results:
        raise Failed("CBMC: no result")
    decided = [_property(each) for each in results[0] if each["status"] in ("SUCCESS", "FAILURE")]
    run = Run(function, decided, time.monotonic() - begun, len(results[0]) - len(decided))
    # CBMC goes no further where a pointer is wrong.
    if run.undecided and all(each.holds for each in run.of("check")):
        raise Failed(f"CBMC: {run.undecided} properties are neither proved nor refuted")
    return run


def check_all(jobs, asked, ended=lambda key, run: None):
    """Key -> check() of the arguments that @asked has for it, so many at a time; @ended is called for each in their order."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        begun = {key: pool.submit(check, *arguments) for key, arguments in asked.items()}
        runs = {}
        try:
            for key, run in begun.items():
                runs[key] = run.result()
                ended(key, runs[key])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise
    return runs


def with_what(tools, runs, seconds):
    """The model checker, and how long it took, for a report."""
    kept = sorted(run.kept for run in runs.values() if run.kept)
    return (f"CBMC {tools.version()}, {seconds:.0f} s" +
            (f"; {len(kept)} of {len(runs)} answers are kept, of the same text, the oldest of {kept[0]} (--anew asks again)" if kept else ""))


def refute(tools, program, function, options=()):
    """A first counterexample to any property of @function, as Property, or None: there is none."""
    answers = _run(tools, program, function, ("--stop-on-fail", *options))
    for each in answers:
        if "trace" in each:
            trace = _trace(each["trace"])
            return Property(each["property"], each["description"], function, "", 0, False, trace)
    if not any(each.get("cProverStatus") == "success" for each in answers):
        raise Failed("CBMC: no result")
    return None
