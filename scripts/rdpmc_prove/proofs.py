# SPDX-License-Identifier: GPL-2.0-or-later
"""What is proved: the theorems of prove/prove.c, in words."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Proof:
    function: str
    # What holds for all cases, in one sentence.
    says: str
    # About the engine, or about the model alone.
    of_engine: bool = True
    # CBMC's own checks are made in this one.
    checked: bool = False
    # What there is to see of a theorem: witnesses that may be missing, since no case brings them about.
    optional: bool = False


READ = Proof("theorem_read", "every RDPMC has the model's outcome, by both entries, and changes nothing else",
             checked=True)
RULES = Proof("theorem_rules", "which rules that is about", optional=True)
INTERCEPT = Proof("theorem_intercept", "where RDPMC is not intercepted, the host gives the guest's outcome (PASS-SOUND)")
MAY_PASS = Proof("theorem_may_pass", "where model/intercept.c finds no obstacle, the guest can see no difference",
                 of_engine=False)
MAY_NOT_PASS = Proof("theorem_may_not_pass", "where it finds one, there is a read that shows it", of_engine=False)

ALL = (READ, RULES, INTERCEPT, MAY_PASS, MAY_NOT_PASS)

# Each is in prove/prove.c by this name.
ASSUMPTIONS = (
    ("LOCK-NEVER-EXITS", "an RDPMC with a LOCK prefix comes to the instruction emulator only: #UD is before the exit"),
    ("RESERVED-BITS", "PASS-SOUND: control bits that the guest's PMU does not have are 0, because writing 1 is #GP"),
)

DOMAIN = (
    "every case: ECX and RCX, RAX, RDX, RIP, CR0 and CR4 (bits 31:0), RFLAGS (as cases have them), mode, CPL, LOCK,",
    "every PMU of the guest and of the host, Intel and AMD, both policies, any content of all counters,",
    "PERF_METRICS and control registers. One read from any state to the next: so any number of reads.",
)
