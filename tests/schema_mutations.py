#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves that the schema's check accepts what a result may hold and refuses what it may not.

Run: tests/schema_mutations.py SCHEMA FILE..., results of kind bench. The first that has a row to change
(see is_whole_read()) is changed in one place at a time. Prints "ok - NAME" or "not ok - NAME" per change,
and "# WHY" lines before the latter. Exit status: 0 all as it should be, 1 not so.
"""
import sys
from copy import deepcopy

from check_schema import problems, printable, read_json, read_schema, shorten

DELETE = object()
PAIR = {setting: f"rdpmc-fault/mutant/{setting}/cpl0" for setting in ("intercepted", "passthrough")}

# Name, what is changed, its key, the new value (or what makes it of the old one), and part of what
# must be said there or of the object around it; in parentheses: anywhere.
REFUSED = (
    ("another version", "document", "schema", "rdpmc-results/1", "'rdpmc-results/2' was expected"),
    ("unknown kind", "document", "kind", "benchmark", "is not one of"),
    ("kind missing", "document", "kind", DELETE, "'kind' is a required property"),
    ("partial missing", "document", "partial", DELETE, "'partial' is a required property"),
    ("partial as a number", "document", "partial", 0, "is not of type 'boolean'"),
    ("started in local time", "document", "started", "2026-01-31T10:20:30+01:00", "does not match"),
    ("started on no day", "document", "started", "2026-02-30T10:20:30Z", "there is no such time"),
    ("unknown top-level key", "document", "comment", "", "'comment' was unexpected"),
    ("no rows", "document", "rows", [], "[]"),
    ("exit_costs missing", "document", "exit_costs", DELETE, "'exit_costs' is a required property"),
    ("options missing", "document", "options", DELETE, "'options' is a required property"),

    ("program without version", "program", "version", DELETE, "'version' is a required property"),
    ("unknown key of program", "program", "author", "", "'author' was unexpected"),
    ("no runs asked for", "options", "runs", 0, "less than the minimum"),
    ("runs asked for as a fraction", "options", "runs", 2.5, "is not of type 'integer'"),
    ("seed as a number", "options", "seed", 7, "is not of type 'string'"),

    ("context without noise", "context", "noise", DELETE, "'noise' is a required property"),
    ("context without microcode", "cpu", "microcode", DELETE, "'microcode' is a required property"),
    ("governor as a number", "context", "governor", 1, "is not of type"),
    ("load average of one figure", "context", "load_average", [1.0], "too short"),
    ("module parameter as a boolean", "context", "kvm_modules", {"kvm": {"enable_pmu": True}},
     "is not of type"),
    ("unknown backend", "context", "backend", "xen", "is not one of"),
    ("guest_tsc_khz below 0", "context", "guest_tsc_khz", -1, "less than the minimum"),
    ("TSC of another frequency", "context", "guest_tsc_khz", lambda khz: khz * 2, ("the median is",)),
    ("unknown event not counted", "context", "not_counted", {"kvm:kvm_exits": "why"}, "is not one of"),
    ("event not counted, no reason", "context", "not_counted", {"kvm:kvm_exit": ""}, "does not match"),
    ("unknown vendor", "pmu", "vendor", "via", "is not one of"),
    ("capabilities as a number", "pmu", "perf_capabilities", 0, "is not of type 'string'"),
    ("available setting without means", "available", "means", DELETE, "'means' is a required property"),
    ("available setting with a reason", "available", "reason", "no PMU", "False schema"),
    ("setting not available, no reason", "available", "available", False,
     "'reason' is a required property"),
    ("CPU below 0", "placement", "cpu", -1, "less than the minimum"),
    ("noise that does not add up", "noise", "samples", lambda n: n + 1, "add up to"),
    ("clock_ratio 0", "noise", "clock_ratio", 0, "less than or equal to the minimum"),

    ("setting misspelt", "row", "setting", "passthru", "is not one of"),
    ("setting with other exits", "row", "setting", "native", ("is not of type 'null'",)),
    ("name of another setting", "passthrough", "name", "rdpmc-fault/other/native/cpl0",
     "the setting is passthrough"),
    ("control's setting on an RDPMC row", "row", "setting", "control",
     ("does not match",)),
    ("unknown status", "row", "status", "ok", "is not one of"),
    ("another unit", "row", "unit", "us", "'ns' was expected"),
    ("instructions of a real processor", "row", "unit", "instructions", "'ns' was expected"),
    ("times of an emulated processor", "cpu", "emulated", True, ("'instructions' was expected",)),
    ("emulated as text", "cpu", "emulated", "no", "is not of type"),
    ("unknown key of a row", "row", "mean", 1.0, "'mean' was unexpected"),
    ("name out of its form", "row", "name", "rdpmc gp-first", "does not match"),
    ("duplicate name", "passthrough", "name", PAIR["intercepted"], "is the name of $.rows["),
    ("measured row without runs", "row", "runs", DELETE, "'runs' is a required property"),
    ("measured row with runs empty", "row", "runs", [], "[]"),
    ("more runs than asked for", "row", "runs", lambda runs: runs * 2, "asked for were"),
    ("measured row without median", "row", "median", DELETE, "'median' is a required property"),
    ("measured row with a reason", "row", "reason", "noisy", "'' was expected"),
    ("median as text", "row", "median", "12.5", "is not of type 'number'"),
    ("median null", "row", "median", None, "is not of type 'number'"),
    ("a run as text", "row", "runs", lambda runs: ["1", *runs[1:]], "is not of type 'number'"),
    ("runs in another order", "row", "runs", lambda runs: runs[::-1], "raw less the empty loop"),
    ("a run's raw of another run", "run", "raw", lambda ns: ns * 1.5 + 1, ("raw less the empty loop",)),
    ("a run's details lost", "details", PAIR["intercepted"], lambda runs: runs[1:], "the row has"),
    ("details of a run too many", "details", PAIR["intercepted"], lambda runs: runs + runs[:1],
     "the row has"),
    ("details of no run", "details", PAIR["intercepted"], [], "[]"),
    ("details of a row missing", "details", PAIR["intercepted"], DELETE, "tells of 0 runs"),
    ("details missing", "document", "details", DELETE, "'details' is a required property"),
    ("details of no row", "document", "details",
     lambda details: {**details, "rdpmc/none/native/cpl3": details[PAIR["intercepted"]]},
     "no row of that name has runs"),
    ("details by no name", "document", "details", lambda details: {**details, "rdpmc": []},
     "does not match"),
    ("median not the runs'", "row", "median", lambda ns: ns * 1.5 + 1, "the median of the runs' values"),
    ("median off by 2e-6", "row", "median", lambda ns: ns * (1 + 2e-6), "the median of"),
    ("mad negative", "row", "mad", -1, "less than the minimum"),
    ("mad not the runs'", "row", "mad", lambda ns: ns * 1.5 + 1, "the MAD of the runs' values"),
    ("p99 not the runs'", "row", "p99", lambda ns: ns * 1.5 + 1, "the median of the runs' p99"),
    ("max negative", "row", "max", -1, "less than the minimum"),
    ("max not the runs'", "row", "max", lambda ns: ns * 1.5 + 1, "the maximum of the runs' max"),
    ("cycles_median in ns", "row", "cycles_median", lambda cycles: cycles * 1.5, "the median is"),
    ("exits_per_read missing", "row", "exits_per_read", DELETE, "is a dependency of"),
    ("exits_per_read null in a guest", "row", "exits_per_read", None, "is not of type 'number'"),
    ("exits_per_read not the runs'", "row", "exits_per_read", lambda n: n + 1, "exits_per_read is"),
    ("ecx as a number", "row", "ecx", 0, "is not of type 'string'"),
    ("ecx missing", "row", "ecx", DELETE, "'ecx' is a required property"),
    ("value of a read that faults", "fault", "value", "0x1", "False schema"),
    ("unknown event counted", "row", "counts_per_read", {"kvm_exit": 1.0}, "is not one of"),
    ("ecx of a control", "control", "ecx", "00000000", "False schema"),
    ("skipped row without reason", "skipped", "reason", "", "does not match"),
    ("skipped row, no reason key", "skipped", "reason", DELETE, "'reason' is a required property"),
    ("skipped row with a median", "skipped", "median", 1.0, "False schema"),
    ("failed row without reason", "failed", "reason", " ", "does not match"),
    ("failed row, median but no runs", "failed", "median", 1.0, "is a dependency of 'median'"),

    ("unknown key of a run", "run", "mean", 1.0, "'mean' was unexpected"),
    ("run without p999", "run", "p999", DELETE, "'p999' is a required property"),
    ("run's max negative", "run", "max", -1, "less than the minimum"),
    ("run's p90 above p99", "run", "p90", 1e15, "is above p99"),
    ("run without samples", "run", "samples", 0, "less than the minimum"),
    ("run's samples as a fraction", "run", "samples", 7.5, "is not of type 'integer'"),
    ("more disturbed than samples", "run", "disturbed", 10**9, "samples"),
    ("exits_per_read null in one run", "run", "exits_per_read", None,
     ("in a run, but not in all",)),
    ("histogram in ns", "histogram", "unit", "ns", "'cycles' was expected"),
    ("histogram sum off by one", "histogram", "overflow", lambda n: n + 1, "samples, the run has"),
    ("bucket lost", "histogram", "buckets", lambda buckets: buckets[1:], "samples, the run has"),
    ("empty bucket", "histogram", "buckets", lambda b: [[0, 0]] + b, "less than the minimum"),
    ("bucket of three figures", "histogram", "buckets", lambda b: [[0, 1, 2]] + b, ""),
    ("bucket of one figure", "histogram", "buckets", lambda b: [[0]] + b, "too short"),
    ("buckets that do not rise", "histogram", "buckets", lambda b: b + b[:1], "do not rise"),
    ("no bucket's lower bound", "histogram", "buckets", lambda b: b + [[2**39 + 1, 1]],
     "no bucket begins at"),

    ("exit cost of no row", "cost", "intercepted", "rdpmc/none/intercepted/cpl0", "no row is named"),
    ("exit cost of one setting", "cost", "passthrough", PAIR["intercepted"], "that row is intercepted"),
    ("exit cost not the rows'", "cost", "cost", lambda ns: ns + 10, "medians differ by"),
    ("exit cost of half an interval", "cost", "lower", 1.0, "one end of an interval"),
    ("exit cost as text", "cost", "cost", "1", "is not of type 'number'"),
)

STACK = "do_syscall_64;kvm_vcpu_ioctl;vcpu_enter_guest"
PATH = {
    "reason": 15, "exits": 64, "disturbed": 1, "same": 63, "instructions": 2705, "user": 0, "rdmsr": 3,
    "wrmsr": 5, "vmread": 9, "vmwrite": 1, "atomic": 7, "indirect": 5, "exceptions": 0, "text_lines": 214,
    "text_pages": 42, "stack_lines": 5, "stack_pages": 1, "data_lines": 90, "data_pages": 33,
    "user_lines": 0, "user_pages": 0, "rdmsr_by_register": {"0x1d9": 1, "0x38e": 2},
    "wrmsr_by_register": {"0x38f": 5},
}
PROFILE = {"stacks": {STACK: 2000, f"{STACK};vmx_vcpu_run": 705}}

# Likewise, of an emulated processor's document in which the row called fault has PATH and PROFILE.
REFUSED_OF_PATHS = (
    *((f"exit path without {key}", "path", key, DELETE, f"'{key}' is a required property") for key in PATH),
    *((f"exit path's {key} below 0", "path", key, -1, "less than the minimum") for key, value in PATH.items()
      if isinstance(value, int)),
    ("exit path of no instructions", "path", "instructions", 0, "less than the minimum"),
    ("instructions as a fraction", "path", "instructions", 2705.5, "is not of type 'integer'"),
    ("unknown figure of an exit path", "path", "cycles", 1, "'cycles' was unexpected"),
    ("exit path of no exit", "path", "same", 0, "less than the minimum"),
    ("exit path of more exits than there were", "path", "same", 64, "1 were disturbed, of 64 exits"),
    ("more instructions in user space than there are", "path", "user", 2706, "of 2705 instructions"),
    ("fewer WRMSRs than by register", "path", "wrmsr", 4, "by register they are 5"),
    ("more WRMSRs than by register", "path", "wrmsr", 6, "by register they are 5"),
    ("register in decimal", "path", "wrmsr_by_register", {"911": 5}, "does not match"),
    ("register in capitals", "path", "wrmsr_by_register", {"0x38F": 5}, "does not match"),
    ("register with a leading 0", "path", "wrmsr_by_register", {"0x038f": 5}, "does not match"),
    ("register never written", "path", "wrmsr_by_register", {"0x38f": 5, "0x1": 0}, "less than the minimum"),
    ("more pages than lines", "path", "text_pages", 215, "not in 215 pages"),
    ("more lines than fit into pages", "path", "text_lines", 42 * 64 + 1, "not in 42 pages"),
    ("exit path without runs", "fault", "runs", DELETE, "'runs' is a required property"),
    ("profile without stacks", "profile", "stacks", DELETE, "'stacks' is a required property"),
    ("profile of no stack", "profile", "stacks", {}, "{}"),
    ("unknown key of a profile", "profile", "unit", "cycles", "'unit' was unexpected"),
    ("profile that does not add up", "stacks", STACK, 2001, ("add up to 2706",)),
    ("stack of no instruction", "stacks", STACK, 0, "less than the minimum"),
    ("stack with a nameless function", "stacks", "a;;b", 1, ("does not match",)),
    ("profile of a row without an exit path", "fault", "exit_path", DELETE, ("no row of that name",)),
    ("profile by no name", "profiles", "rdpmc", PROFILE, ("does not match",)),
    ("exit path of a real processor", "cpu", "emulated", False, ("False schema",)),
)

FAULT = {
    "name": "edx-kept", "origin": "classic slip", "found": True, "engine": "emulator",
    "seconds": 0.5, "executions": 100, "oracle": "outcome",
}
SWEEP = {"configuration": "intel-v5", "cases": 2**32, "mismatches": 0, "seconds": 60.5}
VERDICTS = {"asked": 7, "agree": 1, "differ": 1, "known": 1, "refused": 1, "unavailable": 1,
            "unreached": 1, "skipped": 1}
SURVEY = {
    "engine": "kvm", "entry": "common", "oracle": "outcome", "rule": "TYPE-GP",
    "example": "rdpmc 00000000", "count": 1, "known": False,
}
BEFORE = {
    "engine": "kernel:7.1", "version": "7.1", "oracle": "outcome", "rule": "TYPE-GP",
    "model": "value", "answer": "#GP", "known": ["this"], "new": False, "trouble": None,
}
FULL_SURVEY = {
    **SURVEY, **BEFORE, "vendor": "intel", "of": 2**40, "estimated": False, "reachable": None,
    "states": 3, "configurations": ["skylake"], "example": {"text": "one", "bytes": "0100"},
}

# Name, kind, its row, whether it is accepted.
WORKER = {"name": "libfuzzer-emulator", "driver": "libfuzzer", "engine": "emulator", "state": "running",
          "reason": None, "executions": 12, "seconds": 1.5, "slices": 1, "deaths": 0}
FINDING = {"page": "outcome-no-fast-1", "engine": "emulator", "class": "emulator: outcome", "count": 2,
           "first": "2026-01-31T10:20:30Z", "last": "2026-01-31T10:20:31Z"}
# What a campaign's document has beside its rows.
CAMPAIGN = {"elapsed": 2.5, "summary": {
    "at": "2026-01-31T10:20:31Z", "executions": 12, "cases": 3, "given_up": 0, "findings": [FINDING],
    "flaky": 0, "known": 0, "coverage": {"emulator, lines": {"reached": 1, "of": 2}},
    "alarms": ["live-kvm dead"], "disk": {"used": 1, "limit": 2}}}


def campaign(**changes):
    return {**CAMPAIGN, "summary": {**CAMPAIGN["summary"], **changes}}


# Name, kind, row, whether it is accepted, and what else the document holds.
OTHER_KINDS = (
    ("fault found", "faults", FAULT, True),
    ("fault not found", "faults", {**FAULT, "found": False, "oracle": None}, True),
    ("fault found by no oracle", "faults", {**FAULT, "oracle": None}, False),
    ("fault found as text", "faults", {**FAULT, "found": "yes"}, False),
    ("sweep", "sweep", SWEEP, True),
    ("sweep with mismatches below 0", "sweep", {**SWEEP, "mismatches": -1}, False),
    ("sweep of no configuration", "sweep", {**SWEEP, "configuration": ""}, False),
    ("sweep with its verdicts", "sweep", {**SWEEP, "verdicts": VERDICTS}, True),
    ("sweep whose verdicts do not add up", "sweep", {**SWEEP, "verdicts": {**VERDICTS, "agree": 2}}, False),
    ("sweep with a verdict lost", "sweep",
     {**SWEEP, "verdicts": {key: VERDICTS[key] for key in VERDICTS if key != "skipped"}}, False),
    ("survey", "survey", SURVEY, True),
    ("survey of no case", "survey", {**SURVEY, "count": 0}, False),
    ("survey in full", "survey", FULL_SURVEY, True),
    ("survey that nobody objects to", "survey", {**FULL_SURVEY, "oracle": None}, False),
    ("survey of no configuration", "survey", {**FULL_SURVEY, "configurations": []}, False),
    ("survey of random cases only", "survey", {**FULL_SURVEY, "configurations": [], "made": 3}, True),
    ("survey of no random case", "survey", {**FULL_SURVEY, "made": 0}, False),
    ("survey with half a byte", "survey",
     {**FULL_SURVEY, "example": {"text": "one", "bytes": "010"}}, False),
    ("survey of two engines", "survey",
     {**FULL_SURVEY, "oracle": None, "change": "fixed", "before": BEFORE}, True),
    ("survey of two engines without a change", "survey", {**FULL_SURVEY, "before": BEFORE}, False),
    ("campaign", "campaign", WORKER, True, CAMPAIGN),
    ("campaign with a dead worker", "campaign", {**WORKER, "state": "dead", "reason": "no luck"}, True,
     CAMPAIGN),
    ("campaign without a summary", "campaign", WORKER, False),
    ("campaign of an unknown driver", "campaign", {**WORKER, "driver": "hope"}, False, CAMPAIGN),
    ("campaign of a worker in no state", "campaign", {**WORKER, "state": "asleep"}, False, CAMPAIGN),
    ("campaign with executions below 0", "campaign", WORKER, False, campaign(executions=-1)),
    ("campaign with a finding of no page", "campaign", WORKER, False,
     campaign(findings=[{**FINDING, "page": ""}])),
    ("campaign that tells of more", "campaign", WORKER, False, campaign(mood="good")),
    ("campaign as of no time", "campaign", WORKER, False, campaign(at="today")),
    ("bench rows called a survey", "survey", {"name": "control/empty/cpl0"}, False),
)


def find(rows, condition):
    return next((i for i, row in enumerate(rows) if condition(row)), None)


def is_whole_read(document):
    """Which rows can be changed in all ways: reads of which no run was given up, as on a busy machine
    some are, and whose runs differ, as those of exact rows need not."""
    def is_whole(row):
        return (row["status"] == "measured" and row["setting"] in ("intercepted", "simulated-vpmu") and
                len(row["runs"]) == document["options"]["runs"] and len(set(row["runs"])) > 1)
    return is_whole


def is_measured_control(row):
    # Not the empty loop, of which all others are net.
    return row["status"] == "measured" and row["name"].startswith("control/rdtsc/")


def count_noise(document):
    runs = [run for details in document["details"].values() for run in details]
    for name in ("interrupts", "samples", "disturbed"):
        document["context"]["noise"][name] = sum(run[name] for run in runs)


def prepare(document):
    """The document, and in it whatever this host could not give: the material to be changed."""
    document = deepcopy(document)
    rows, details = document["rows"], document["details"]
    measured = rows[find(rows, is_whole_read(document))]
    for setting, exits in (("intercepted", 1), ("passthrough", 0)):
        row = deepcopy(measured)
        row.update(name=PAIR[setting], setting=setting, exits_per_read=exits)
        row.pop("value", None)
        details[row["name"]] = deepcopy(details[measured["name"]])
        for run in details[row["name"]]:
            run["exits_per_read"] = exits
        rows.append(row)
    document["exit_costs"].append({
        **PAIR, "unit": "ns", "cost": 0.0, "lower": None, "upper": None,
    })
    for status in ("skipped", "failed"):
        rows.append({
            "name": f"rdpmc/{status}/native/cpl3", "setting": "native", "status": status,
            "reason": "a reason", "unit": "ns",
        })
    count_noise(document)
    return document


def parts_of(document):
    """Everything REFUSED changes: name to (JSON path, object)."""
    rows = document["rows"]
    index = {
        "row": find(rows, is_whole_read(document)),
        "control": find(rows, is_measured_control),
        "fault": find(rows, lambda row: row["name"] == PAIR["intercepted"]),
        "passthrough": find(rows, lambda row: row["name"] == PAIR["passthrough"]),
        "skipped": find(rows, lambda row: row["status"] == "skipped"),
        "failed": find(rows, lambda row: row["name"] == "rdpmc/failed/native/cpl3"),
    }
    parts = {name: (f"$.rows[{i}]", rows[i]) for name, i in index.items()}
    name, details = parts["row"][1]["name"], document["details"]
    context = document["context"]
    available = "intercepted" if context["intercepted"]["available"] else "passthrough"
    last = len(document["exit_costs"]) - 1
    parts.update({
        "document": ("$", document),
        "program": ("$.program", document["program"]),
        "options": ("$.options", document["options"]),
        "context": ("$.context", context),
        "cpu": ("$.context.cpu", context["cpu"]),
        "pmu": ("$.context.host_pmu", context["host_pmu"]),
        "available": (f"$.context.{available}", context[available]),
        "placement": ("$.context.placement", context["placement"]),
        "noise": ("$.context.noise", context["noise"]),
        "details": ("$.details", details),
        "run": (f"$.details.{name}[0]", details[name][0]),
        "histogram": (f"$.details.{name}[0].histogram", details[name][0]["histogram"]),
        "cost": (f"$.exit_costs[{last}]", document["exit_costs"][last]),
    })
    path = parts["fault"][1].get("exit_path")
    if path:
        parts["path"] = f"{parts['fault'][0]}.exit_path", path
        profiles = document["exit_profiles"]
        where = f"$.exit_profiles.{PAIR['intercepted']}"
        parts.update({
            "profiles": ("$.exit_profiles", profiles),
            "profile": (where, profiles[PAIR["intercepted"]]),
            "stacks": (f"{where}.stacks", profiles[PAIR["intercepted"]]["stacks"]),
        })
    return parts


def change(document, part, key, value):
    path, target = parts_of(document)[part]
    if value is DELETE:
        del target[key]
    else:
        target[key] = value(target[key]) if callable(value) else value
    return path, f"{path}.{key}"


def is_said(found, path, key_path, message):
    if isinstance(message, tuple):
        return any(message[0] in problem for _, problem in found)
    return any(message in problem and (where in (path, key_path) or
                                       where.startswith((f"{key_path}[", f"{key_path}.")))
               for where, problem in found)


def shift_below_zero(document):
    _, row = parts_of(document)["control"]
    distance = max(map(abs, row["runs"])) + 1
    row["median"] -= distance
    row["runs"] = [run - distance for run in row["runs"]]
    for run in document["details"][row["name"]]:
        run["raw"] -= distance
    row["cycles_median"] = row["median"] * document["context"]["guest_tsc_khz"] / 1e6


def make_native(document):
    _, row = parts_of(document)["row"]
    details = document["details"].pop(row["name"])
    row.update(name=f"rdpmc/mutant/native/{row['name'].split('/')[-1]}", setting="native")
    document["details"][row["name"]] = details
    for figures in [row] + details:
        figures["exits_per_read"] = figures["emulated_per_read"] = None


def make_failed(document):
    parts_of(document)["row"][1].update(status="failed", reason="wrong label")


def be_ignorant(document):
    for key in ("hostname", "kvm_modules", "mitigations", "turbo", "nmi_watchdog", "load_average"):
        document["context"][key] = None
    document["context"]["noise"]["clock_ratio"] = None


def be_emulated(document):
    document["context"]["cpu"]["emulated"] = True
    document["context"]["guest_tsc_khz"] = None
    for row in document["rows"]:
        row["unit"] = "instructions"
        if "cycles_median" in row:
            row["cycles_median"] = None
    for cost in document["exit_costs"]:
        cost["unit"] = "instructions"
    for runs in document["details"].values():
        for run in runs:
            run["histogram"]["unit"] = "instructions"


def have_paths(document):
    be_emulated(document)
    parts_of(document)["fault"][1]["exit_path"] = deepcopy(PATH)
    document["exit_profiles"] = {PAIR["intercepted"]: deepcopy(PROFILE)}


def have_many_registers(document):
    """Of more than 64 different ones the others are counted, but not by register."""
    have_paths(document)
    path = parts_of(document)["path"][1]
    path["wrmsr_by_register"] = {f"0x{index:x}": 1 for index in range(1, 63)}
    path["wrmsr"] = 70


def give_interval(document):
    parts_of(document)["cost"][1].update(lower=-1.5, upper=2.5)


ACCEPTED = (
    ("every status and an exit cost", lambda document: None),
    ("median below 0", shift_below_zero),
    ("native row", make_native),
    ("failed row with figures", make_failed),
    ("host that tells little", be_ignorant),
    ("instructions of an emulated processor", be_emulated),
    ("exit paths and their profiles", have_paths),
    ("exit path of more registers than are told", have_many_registers),
    ("exit paths without profiles", lambda document: have_paths(document) or document.pop("exit_profiles")),
    ("unknown key of context", lambda document: document["context"].update(rack=7)),
    ("partial result", lambda document: document.update(partial=True)),
    ("exit cost with an interval", give_interval),
    ("counted events", lambda document: parts_of(document)["row"][1].update(
        counts_per_read={"kvm:kvm_exit": 1.0, "host_cycles": -0.1})),
)


def check_refused(validator, document, refused=REFUSED):
    for name, part, key, value, message in refused:
        changed = deepcopy(document)
        path, key_path = change(changed, part, key, value)
        found = problems(validator, changed)
        why = [] if is_said(found, path, key_path, message) else [
            f"wanted at {path} or {key_path}: {message}; got {found or 'nothing'}"]
        yield f"refused: {name}", why


def check_refused_of_paths(validator, document):
    document = deepcopy(document)
    have_paths(document)
    yield from check_refused(validator, document, REFUSED_OF_PATHS)


def check_accepted(validator, document):
    for name, change_it in ACCEPTED:
        changed = deepcopy(document)
        change_it(changed)
        yield f"accepted: {name}", problems(validator, changed)


def check_other_kinds(validator, document):
    for name, kind, row, accepted, *more in OTHER_KINDS:
        other = {key: document[key] for key in ("schema", "started", "partial", "program")}
        other.update(kind=kind, context={"hostname": None}, rows=[row], **(more[0] if more else {}))
        found = problems(validator, other)
        verdict = "accepted" if accepted else "refused"
        yield f"{verdict}: {name}", found if accepted else [] if found else ["nothing was said"]


def first_whole(files):
    for document in map(read_json, files):
        rows = document["rows"]
        if None not in (find(rows, is_whole_read(document)), find(rows, is_measured_control)):
            return document
    sys.exit("schema_mutations.py: no FILE has a read all of whose runs were measured")


def main(schema, *files):
    validator = read_schema(schema)
    document = prepare(first_whole(files))
    failed = 0
    for check in (check_accepted, check_refused, check_refused_of_paths, check_other_kinds):
        for name, why in check(validator, document):
            for line in why:
                print(f"# {printable(shorten(str(line)))}")
            print(f"{'not ok' if why else 'ok'} - {name}")
            failed += bool(why)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
