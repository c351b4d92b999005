# SPDX-License-Identifier: GPL-2.0-or-later
"""The processors that can be emulated, by name or by fields."""

from dataclasses import dataclass, replace

from .failed import Failed

RECORDED = "paths"      # the file that the emulator writes recorded exits into, where it runs


@dataclass(frozen=True)
class Processor:
    """@model is what Bochs calls the processor whose instructions these are; @signature, if not 0, is
    CPUID.01H:EAX instead of that one's; @pmu is for pmu_configure() in machine/pmu.h."""
    name: str
    what: str
    model: str
    pmu: str
    signature: int = 0

    @property
    def vendor(self):
        return "amd" if self.model == "ryzen" else "intel"

    def environment(self):
        words = [f"pmu={self.pmu}", f"name=Emulated {self.name} (Bochs)", f"path={RECORDED}"]
        if self.signature:
            words.append(f"signature={self.signature:#x}")
        return ";".join(words)


NAMED = {each.name: each for each in (
    Processor("skylake", "PMU version 4, 4 general and 3 fixed counters", "corei7_skylake_x",
              "intel,version=4,gp=4,fixed=3"),
    Processor("cascade-lake", "as skylake", "corei7_skylake_x", "intel,version=4,gp=4,fixed=3", 0x50657),
    Processor("ice-lake", "version 5, 8 and 4 counters, PERF_METRICS", "corei7_icelake_u",
              "intel,version=5,gp=8,fixed=4,metrics=1,metrics-level=1"),
    Processor("sapphire-rapids", "as ice-lake, PERF_METRICS of level 2", "sapphire_rapids",
              "intel,version=5,gp=8,fixed=4,metrics=1,metrics-level=2"),
    Processor("diamond-rapids", "version 6, CPUID leaf 0x23, RDPMC user disable", "sapphire_rapids",
              "intel,version=6,gp=8,fixed=4,metrics=1,metrics-level=2,metrics-clear=1,leaf23=1,user-disable=1",
              0x400f10),
    Processor("zen3", "6 counters, no PerfMonV2", "ryzen", "amd,version=1,gp=6", 0xa00f11),
    Processor("zen4", "6 counters, PerfMonV2, data-fabric and L3 counters", "ryzen",
              "amd,version=2,gp=6,nb=4,l3=1", 0xa10f11),
    Processor("no-pmu", "as skylake, without a PMU", "corei7_skylake_x", "none"),
)}
DEFAULT = "skylake"


def processor(text):
    """By a name, or a name and fields that differ: ice-lake,gp=4."""
    name, _, fields = text.partition(",")
    if name not in NAMED:
        raise Failed(f"--cpu {text}: no such processor; there are {', '.join(NAMED)}, "
                     "and fields of the PMU after one of them: skylake,version=2")
    found = NAMED[name]
    if not fields:
        return found
    if found.pmu == "none":
        raise Failed(f"--cpu {text}: {name} has no PMU to have fields")
    pmu = dict(each.partition("=")[::2] for each in found.pmu.split(",")[1:])
    for each in fields.split(","):
        key, equals, value = each.partition("=")
        if not key or not equals or not value:
            raise Failed(f"--cpu {text}: '{each}' is no field; a field is NAME=NUMBER, as in version=2")
        pmu[key] = value
    vendor = found.pmu.split(",")[0]
    return replace(found, name=text, pmu=",".join([vendor, *(f"{key}={value}" for key, value in pmu.items())]))
