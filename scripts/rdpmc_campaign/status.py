# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of a campaign: status.json for programs, and for the next start; report.md for people; and results, for
the dashboard."""

import json
import os
import platform
import time

from rdpmc_results import output

from .findings import utc

STATUS, REPORT = "status.json", "report.md"
SCHEMA = "rdpmc-campaign/1"


def replace(path, text):
    """A file that is the old one or the new one."""
    output.replace(path, text.encode("utf-8", "backslashreplace"))


NUMBERS = {"tasks": ("executions", "seconds", "slices", "deaths"), "pages": ("count", "forms"),
           "flaky": ("count", "seen", "times")}
TEXTS = {"tasks": ("driver", "engine"), "pages": ("class", "engine", "first", "last"), "flaky": ("case",)}


def sound(found):
    """Has it the shape that it was written with?"""
    def number(value):
        return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e18

    for what, keys in NUMBERS.items():
        entries = found.get(what, {})
        if not isinstance(entries, dict) or not all(
                isinstance(each, dict) and all(number(each.get(key)) for key in keys)
                and all(isinstance(each.get(key), str) for key in TEXTS[what])
                for each in entries.values()):
            return False
    corpus = found.get("corpus", {"cases": 0, "given_up": 0, "minimised": 0})
    coverage = found.get("coverage", {})
    return all(number(found.get(key, 0)) for key in ("elapsed", "starts", "known")) \
        and all(number(each.get("new_elapsed", 0)) and isinstance(each.get("new", ""), str)
                for what in ("tasks", "pages") for each in found.get(what, {}).values()) \
        and isinstance(found.get("began", ""), str) and isinstance(corpus, dict) \
        and all(number(corpus.get(key)) for key in ("cases", "given_up", "minimised")) \
        and isinstance(coverage, dict) and isinstance(coverage.get("parts", {}), dict) \
        and isinstance(coverage.get("engines", []), list)


def load(directory):
    """(what an earlier run left, a word if that was damaged)."""
    path = f"{directory}/{STATUS}"
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if isinstance(found, dict) and found.get("schema") == SCHEMA:
            if sound(found):
                return found, None
            return {}, f"{path} is damaged: it counts from 0 again"
        return {}, f"{path} is of another version: it counts from 0 again"
    except FileNotFoundError:
        return {}, None
    except (ValueError, OSError) as error:
        return {}, f"{path} cannot be read ({error}): it counts from 0 again"


def duration(seconds):
    for unit, size in ("days", 86400), ("h", 3600), ("min", 60):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def number(value):
    return f"{value:,}"


def cases(value):
    return f"{number(value)} case{'s' * (value != 1)}"


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def classes(state):
    """How many there are, and how many of them are news."""
    count, new = len(state["pages"]), len(state["new"])
    if not count:
        return "no finding"
    return f"{count} class{'es' * (count != 1)}, {new or 'none'} new since {state['since']}"


def findings_lines(state):
    pages = state["pages"]
    lines = []
    if pages:
        lines += [f"## Findings: {classes(state)}", "",
                  "| report | engine: oracle, what | | forms | cases | first | last |",
                  "|---|---|---|---|---|---|---|"]
        for name, page in sorted(pages.items(), key=lambda each: each[1]["first"]):
            lines.append(f"| [{name}](findings/{name}/finding.md) | {cell(page['class'])} | "
                         f"{'new' * (name in state['new'])} | {page['forms']} | {number(page['count'])} | "
                         f"{page['first']} | {page['last']} |")
        lines.append("")
    if state["flaky"]:
        lines += [f"## Flaky, not reproduced every time: {len(state['flaky'])}", "",
                  "| what | cases | reproduced | case |", "|---|---|---|---|"]
        for what, flaky in sorted(state["flaky"].items()):
            lines.append(f"| {cell(what)} | {number(flaky['count'])} | {flaky['seen']} of "
                         f"{flaky['times']} tries | flaky/{flaky['case']} |")
        lines.append("")
    if state.get("known"):
        lines += [f"Explained by known differences: {cases(state['known'])}.", ""]
    return lines


def has_run(task):
    """A slice without a crash counts, too: of what crashes again and again libFuzzer counts nothing."""
    return task["executions"] > 0 or task["slices"] > task["deaths"]


def engines_lines(state):
    """Of each engine that ran in this campaign, and is part of it: is anything new still coming?"""
    lines = []
    for name in (each["name"] for each in state["engines"]):
        tasks = [task for task in state["tasks"].values() if task["engine"] == name]
        executions = sum(task["executions"] for task in tasks)
        if any(map(has_run, tasks)):
            pages = [page for page in state["pages"].values() if page["engine"] == name]
            lines.append(f"| {cell(name)} | {number(executions)} | "
                         f"{last_new(state, tasks, 'new')} | {last_new(state, pages, 'first')} |")
    return ["## Engines that ran", "", "| engine | executions | last new edge | last new class |", "|---|---|---|---|",
            *lines, ""] if lines else []


def last_new(state, entries, at):
    """How long before the end, in time of fuzzing: a campaign that does not run finds nothing either."""
    last = max((each for each in entries if "new_elapsed" in each), key=lambda each: each["new_elapsed"], default=None)
    return f"{duration(max(0, state['elapsed'] - last['new_elapsed']))} of fuzzing ago ({last[at]})" if last else "none"


def coverage_lines(found):
    if not found:
        return []
    lines = ["## Coverage of the corpus", ""]
    for what, (reached, of) in found.get("parts", {}).items():
        lines.append(f"* {what}: {reached} of {of}")
    return lines + [f"* measured {found['at']}", ""]


def report(state):
    """What needs a person comes first."""
    executions = sum(task["executions"] for task in state["tasks"].values())
    alarms = len(state["alarms"])
    lines = [f"# RDPMC campaign: {classes(state)}{f'; ALARMS: {alarms}' if alarms else ''}", "",
             f"{state['state']}, {duration(state['elapsed'])} of fuzzing since {state['began']}, "
             f"{number(executions)} executions, {cases(state['corpus']['cases'])} beside the seeds; "
             f"{state['updated']}", ""]
    if state["alarms"]:
        lines += ["## Alarms", ""]
        lines += [f"* since {alarm['since']}: {alarm['text']}" for alarm in state["alarms"].values()]
        lines.append("")
    lines += findings_lines(state) + engines_lines(state)
    lines += ["## Workers", "", "| worker | engine | state | executions | time | per second | starts | "
              "crashes |", "|---|---|---|---|---|---|---|---|"]
    for name, task in state["tasks"].items():
        rate = task["executions"] / task["seconds"] if task["seconds"] else 0
        lines.append(f"| {name} | {cell(task['engine'])} | {cell(task['state'])} | "
                     f"{number(task['executions'])} | {duration(task['seconds'])} | {rate:,.0f} | "
                     f"{task['slices']} | {task['deaths']} |")
    for each in state["engines"]:
        if each["absent"]:
            lines.append(f"| - | {cell(each['name'])} | unsupported here: {cell(each['absent'])} "
                         "| | | | | |")
    lines += ["", *coverage_lines(state["coverage"])]
    disk = state["disk"]
    lines += [f"Disk: {disk['used'] >> 20} of {disk['limit'] >> 20} MiB. Starts of the campaign: "
              f"{state['starts']}. Corpus minimised: {state['corpus']['minimised']} times, "
              f"{cases(state['corpus']['given_up'])} dropped as redundant."]
    return "\n".join(lines) + "\n"


def cpu():
    found = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if not line.strip():
                    break
                found[key.strip()] = value.strip()
    except OSError:
        pass
    whole = {name: int(found[key]) for name, key in (("family", "cpu family"), ("model", "model"),
                                                     ("stepping", "stepping"))
             if found.get(key, "").isdigit()}
    return {"vendor": found.get("vendor_id"), "model_name": found.get("model name"), **whole}


def result(state, version, partial):
    """The same as a result: results/rdpmc-results-2.schema.json, kind campaign."""
    rows = [{"name": name, "driver": task["driver"], "engine": task["engine"],
             "state": task["state"].partition(":")[0], "reason": task["state"].partition(": ")[2] or None,
             "executions": task["executions"], "seconds": round(task["seconds"], 1),
             "slices": task["slices"], "deaths": task["deaths"]}
            for name, task in state["tasks"].items()]
    rows += [{"name": each["name"], "driver": None, "engine": each["name"], "state": "absent",
              "reason": each["absent"], "executions": 0, "seconds": 0, "slices": 0, "deaths": 0}
             for each in state["engines"] if each["absent"]]
    system = platform.uname()
    return {
        "schema": "rdpmc-results/2", "kind": "campaign", "started": state["began"],
        "partial": partial, "program": {"version": version, "compiler": "", "flags": ""},
        "options": {"directory": os.path.basename(state["directory"])}, "elapsed": round(state["elapsed"], 1),
        "context": {"hostname": system.node, "cpu": cpu(),
                    "kernel": {"release": system.release, "version": system.version}},
        "summary": {
            "at": state["updated"],
            "executions": sum(task["executions"] for task in state["tasks"].values()),
            "cases": state["corpus"]["cases"], "given_up": state["corpus"]["given_up"],
            "findings": [{"page": name, **{key: page[key] for key in
                                           ("engine", "class", "first", "last", "count")}}
                         for name, page in state["pages"].items()],
            "flaky": sum(each["count"] for each in state["flaky"].values()),
            "known": state.get("known", 0),
            "coverage": {what: {"reached": reached, "of": of} for what, (reached, of)
                         in state["coverage"].get("parts", {}).items()},
            "alarms": [alarm["text"] for alarm in state["alarms"].values()],
            "disk": {"used": state["disk"]["used"], "limit": state["disk"]["limit"]}},
        "rows": rows}


KEPT_RESULTS = 1000         # of one campaign; then every second of the older half goes


def write_result(directory, state, version, partial):
    folder = f"{directory}/results"
    os.makedirs(folder, exist_ok=True)
    name = f"campaign-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    replace(f"{folder}/{name}", json.dumps(result(state, version, partial), indent=1) + "\n")
    names = sorted(each for each in os.listdir(folder) if each.startswith("campaign-"))
    if len(names) > KEPT_RESULTS:
        for old in names[1:len(names) // 2:2]:
            os.unlink(f"{folder}/{old}")


def write(directory, state):
    state["updated"] = utc(time.time())
    replace(f"{directory}/{STATUS}", json.dumps(state, indent=1) + "\n")
    replace(f"{directory}/{REPORT}", report(state))


