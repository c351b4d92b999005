# SPDX-License-Identifier: GPL-2.0-or-later
"""Counterexamples as case files, see fuzz/README.md, and what comes of them when they are run."""

import dataclasses
import os
import re
import struct
import subprocess

from rdpmc_machine.failed import Failed

# The fields of struct case_bytes in their order: name, bytes. fuzz/case/case.h asserts the same layout.
_PMU = (("vendor", 1), ("version", 1), ("nr_gp", 1), ("gp_width", 1), ("nr_fixed", 1), ("fixed_width", 1),
        ("old_counters", 1), ("nr_nb", 1), ("fixed_bitmap", 4), ("leaf23_gp", 4), ("leaf23_fixed", 4),
        ("perf_capabilities", 8))
_FIELDS = (("version", 1), ("mode", 1), ("cpl", 1), ("flags", 1), ("cr0", 4), ("cr4", 4), ("rflags", 4), ("rcx", 8),
           ("rax", 8), ("rdx", 8), ("rip", 8), *((f"guest.{name}", size) for name, size in _PMU),
           *((f"host.{name}", size) for name, size in _PMU), ("counter_seed", 8), ("metrics", 8),
           ("fixed_ctr_ctrl", 8), ("gp_user_disable", 4))
_VERSIONS = 1, 2             # any other is read as the first
_READ, _GP, _FIXED, _METRICS, _FIXED_CTRL, _USER_DISABLE = range(6)
_COUNTERS = 32
_MAX_ECX = 75


def begin(directory, name):
    """Make @directory, without the cases of an earlier proof there: those of the name, a pattern, and a number.
    Whatever else is there is not ours."""
    try:
        os.makedirs(directory, exist_ok=True)
        for each in os.listdir(directory):
            if re.fullmatch(rf"(?:{name})-\d+", each):
                os.unlink(os.path.join(directory, each))
    except OSError as error:
        raise Failed(f"{directory}: {error.strerror}") from error


def _field(trace, name, size):
    if size == 1:
        return bytes([trace.get(f"proved_case.{name}", 0)])
    return bytes(trace.get(f"proved_case.{name}[{i}]", 0) for i in range(size))


def _fields(trace):
    return b"".join(_field(trace, name, size) for name, size in _FIELDS)


def _step(operation, argument, value):
    return struct.pack("<BBQ", operation, argument, value & (1 << 64) - 1)


def plain(trace):
    """The case of a trace, its counters aside."""
    case = bytearray(_fields(trace))
    if case[0] not in _VERSIONS:
        case[0] = _VERSIONS[0]
    offset = sum(size for name, size in _FIELDS[:[name for name, _ in _FIELDS].index("metrics")])
    struct.pack_into("<QQI", case, offset, *(trace.get(f"proved_counters.{name}", 0)
                                             for name in ("metrics", "fixed_ctr_ctrl", "gp_user_disable")))
    return bytes(case)


def with_counters(trace):
    """The same, with steps that give the counters their values and read once more."""
    case = plain(trace)
    steps = [_step(_GP, x, trace.get(f"proved_counters.gp[{x}]", 0)) for x in range(_COUNTERS)]
    steps += [_step(_FIXED, x, trace.get(f"proved_counters.fixed[{x}]", 0)) for x in range(_COUNTERS)]
    for operation, name in (_METRICS, "metrics"), (_FIXED_CTRL, "fixed_ctr_ctrl"), (_USER_DISABLE, "gp_user_disable"):
        steps.append(_step(operation, 0, trace.get(f"proved_counters.{name}", 0)))
    return case + b"".join(steps) + _step(_READ, 0, int.from_bytes(_field(trace, "rcx", 8), "little"))


def differs(diff, engine, path, rule=""):
    """Does the case differ from the model when it is run natively, and a finding name @rule?"""
    done = subprocess.run([diff, "run", "--quiet", "--engine", engine, "--known", "none", path],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Failed(f"{diff} run {path}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.returncode == 1 and rule in done.stdout


def keep(trace, path, diff, engine):
    """Write a trace's case to @path, the plain one if that differs already. Does it differ natively?"""
    for case in plain(trace), with_counters(trace):
        with open(path, "wb") as file:
            file.write(case)
        if differs(diff, engine, path):
            return True
    return False


@dataclasses.dataclass(frozen=True)
class Judged:
    """What the proof's own judge says of a counterexample natively."""
    answer: str    # what the engine does
    agrees: bool   # with the model; then nothing follows
    what: str      # the class: entry, rule that decides, flaw
    blamed: list   # rules
    known: list    # differences that explain it

    def same_as(self, counterexample):
        """Does the proof agree on whether the engine answers as the model? What the model answers is one thing, so
        where both agree the answers are the same. The engine's registers are not asked: CBMC slices them out of traces."""
        plain = counterexample.trace.get("proved_verdict.plain")
        return plain is not None and self.agrees == (plain == 0)


def judge(repeat, engine, trace, known=()):
    """A trace as Judged, its differences by the directory @known if there is one."""
    counters = [trace.get(f"proved_counters.{name}", 0) for name in
                (*(f"gp[{x}]" for x in range(_MAX_ECX)), *(f"fixed[{x}]" for x in range(_COUNTERS)), "metrics",
                 "fixed_ctr_ctrl")]
    clocks = [trace.get(f"proved_counters.vmware[{i}]", 0) for i in range(3)]
    given = bytes([trace.get("proved_entry", 0)]) + _fields(trace)
    given += struct.pack(f"<{len(counters)}QI3Q", *counters, trace.get("proved_counters.gp_user_disable", 0), *clocks)
    done = subprocess.run([repeat, engine, *known], input=given, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise Failed(f"{repeat} {engine}: {done.stderr.decode(errors='replace').strip()[-300:]}")
    answer, said = done.stdout.decode().splitlines()[:2]
    what, blamed, explained = (said.split(":") + ["", ""])[:3]
    return Judged(answer, not done.returncode, what, blamed.split(), explained.split())
