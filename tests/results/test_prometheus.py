# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes with the export to Prometheus: alerts and a dashboard of Grafana ask for what it writes, and
promtool has them tried on made series."""

import json
import re
import subprocess

import pytest
import yaml

import tools
from test_export import LABEL, ROOT, SAMPLE, changed, export, exposed, make, only_export  # noqa: F401

EXPORT = ROOT / "scripts/rdpmc_results/export"
ALERTS, GRAFANA = EXPORT / "alerts.yml", EXPORT / "grafana.json"
TESTS = ROOT / "tests/results/alerts_test.yml"
SELECTOR = re.compile(r"\b(rdpmc_\w+)(?:\{([^}]*)\})?")


def promtool():
    try:
        return tools.debian("prometheus", "promtool")
    except tools.Unavailable as reason:
        pytest.skip(str(reason))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def campaign(at="2026-01-03T00:00:00Z", firsts=(("kernel:6.1", "2026-01-01T00:00:00Z"),
                                                ("kernel:6.1", "2026-01-02T00:00:01Z"))):
    """A campaign's result with findings of these engines, first seen then."""
    worker = {"driver": "libfuzzer", "state": "running", "reason": None, "executions": 1000, "seconds": 60.0,
              "slices": 2, "deaths": 0}
    return changed(kind="campaign", options={"directory": "nightly"}, rows=[
        worker | {"name": f"libfuzzer-{engine}", "engine": engine} for engine in ("emulator", "kernel:6.1")] +
        [worker | {"name": "kvm", "engine": "kvm", "state": "absent", "driver": None}], summary={
            "at": at, "executions": 2000, "cases": 10, "given_up": 0, "flaky": 0, "known": 0, "coverage": {},
            "alarms": ["the disk is full"], "disk": {"used": 1, "limit": 2}, "findings": [
                {"page": f"page-{number}", "engine": engine, "class": "c", "first": first, "last": at, "count": 3}
                for number, (engine, first) in enumerate(firsts)]})


def of_campaign(*paths):
    """{(metric without its beginning, engine): value} of the campaign of one host."""
    found = {}
    for (metric, labels), value in exposed(export("prometheus", *paths)).items():
        if metric.startswith("rdpmc_campaign_"):
            labels = dict(labels)
            engine = labels.pop("engine", "")
            assert labels == {"host": "synthetic-a", "campaign": "nightly"}
            found[metric.removeprefix("rdpmc_campaign_"), engine] = value
    return found


def test_findings_of_a_campaign_are_counted_by_engine(make):  # noqa: F811
    assert of_campaign(make(campaign())) == {
        ("timestamp_seconds", ""): 1767398400, ("executions", ""): 2000, ("alarms", ""): 1,
        ("findings", "emulator"): 0, ("new_findings", "emulator"): 0,
        ("findings", "kernel:6.1"): 2, ("new_findings", "kernel:6.1"): 1}


def test_newest_result_of_a_campaign_counts(make):  # noqa: F811
    old = make(campaign("2026-01-02T00:00:00Z", firsts=()), "z.json")
    new = make(campaign(), "a.json")
    for paths in (old, new), (new, old):
        found = of_campaign(*paths, make(changed(), "times.json"))
        assert found["findings", "kernel:6.1"] == 2 and found["timestamp_seconds", ""] == 1767398400


@pytest.mark.parametrize("summary", ({}, {"findings": None, "alarms": 3, "at": 7, "executions": "x"},
                                     {"findings": [None, {}, {"engine": 3, "first": "today"}], "at": "now"}))
def test_damaged_summary_of_a_campaign_is_no_defect(summary, make):  # noqa: F811
    found = of_campaign(make(campaign() | {"summary": summary}))
    assert ("executions", "") not in found and found["findings", "emulator"] == 0


@pytest.fixture
def written(make):  # noqa: F811
    """{metric: names of its labels} of an export of a real processor and of an emulated machine."""
    text = export("prometheus", make(changed()), make(campaign(), "campaign.json"),
                  str(ROOT / "results/recorded/exits-skylake-7.3.json"))
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, _ = SAMPLE.fullmatch(line).groups()
            found.setdefault(name, set()).update(key for key, _ in LABEL.findall(labels or ""))
    return found


def dashboard():
    return json.loads(GRAFANA.read_text())


def queries():
    """Every expression of the dashboard, with the legend that goes with it."""
    of = dashboard()
    for panel in of["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]
    for mark in of["annotations"]["list"]:
        yield mark["expr"], mark["titleFormat"] + mark["textFormat"]


def rules():
    group, = yaml.safe_load(ALERTS.read_text())["groups"]
    return group["rules"]


def asked(expression):
    """[(metric, labels)] of an expression."""
    return [(name, re.findall(r"(\w+)\s*[!=]", labels or "")) for name, labels in SELECTOR.findall(expression)]


def test_they_ask_for_nothing_but_what_is_written(written):
    expressions = [expression for expression, _ in queries()] + [rule["expr"] for rule in rules()]
    assert len(expressions) > 12
    for expression in expressions:
        assert asked(expression), expression
        for name, labels in asked(expression):
            assert name in written, f"{name} is not written: {expression}"
            assert set(labels) <= written[name], expression
    for variable in dashboard()["templating"]["list"]:
        for name in re.findall(r"rdpmc_\w+", str(variable["query"])):
            assert name in written


def test_legends_and_alerts_name_labels_that_are_there(written):
    for expression, legend in queries():
        (name, _), *others = asked(expression)
        joined = {"kernel"} if "group_left (kernel)" in expression else set()
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= written[name] | joined, legend
        assert not joined or others[-1] == ("rdpmc_result_info", [])
    for rule in rules():
        (name, _), *_ = asked(rule["expr"])
        named = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
        assert named and set(named) <= written[name]


def test_dashboard_can_be_imported_by_any_grafana_that_has_a_prometheus():
    of = dashboard()
    first = of["templating"]["list"][0]
    assert (first["type"], first["query"], first["name"]) == ("datasource", "prometheus", "datasource")
    source = {"type": "prometheus", "uid": "${datasource}"}
    for part in [*of["panels"], *of["annotations"]["list"], *of["templating"]["list"][1:],
                 *(target for panel in of["panels"] for target in panel["targets"])]:
        assert part["datasource"] == source
    assert "id" not in of and of["uid"] and of["title"] and of["schemaVersion"]
    assert len({panel["id"] for panel in of["panels"]}) == len(of["panels"])
    taken = set()
    for panel in of["panels"]:
        at = panel["gridPos"]
        places = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not places & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= places
    known = {"$" + variable["name"] for variable in of["templating"]["list"]}
    assert set(re.findall(r"\$\w+", " ".join(expression for expression, _ in queries()))) <= known


def test_promtool_reads_every_query(tmp_path):
    program = promtool()
    made = [{"record": f"query:{at}", "expr": re.sub(r"\$\w+", ".*", expression)}
            for at, (expression, _) in enumerate(queries())]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": made}]}))
    for checked in path, ALERTS:
        done = run(program, "check", "rules", checked)
        assert done.returncode == 0 and "rules found" in done.stdout, done.stdout + done.stderr


def tried(program, tests):
    return run(program, "test", "rules", tests)


def test_alerts_come_when_they_should_and_not_else():
    done = tried(promtool(), TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    names = {rule["alert"] for rule in rules()}
    assert names == set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:\n", TESTS.read_text())), \
        "an alert that no test sees come"


def copied(tmp_path, was, now):
    """The tests, of alerts in which one thing is different."""
    text = ALERTS.read_text()
    assert was in text
    (tmp_path / "alerts.yml").write_text(text.replace(was, now))
    tests = tmp_path / "test.yml"
    tests.write_text(TESTS.read_text().replace("../../scripts/rdpmc_results/export/", ""))
    return tests


@pytest.mark.parametrize("was, now", [
    ("for: 25h", "for: 22h"), ("for: 3d", "for: 2d"), ("for: 3d", "for: 4d"), ("1.05 *", "1.03 *"), ("1.05 *", "1.2 *"), ("> 2 * 86400", "> 3 * 86400"),
    ("unless on (host) rdpmc_result_disturbed == 1", ""), ("> 0", "> 5"), ("< 0.5 *", "< 0.9 *"),
    ('label "kernel"', 'label "version"'), ("> min_over_time", "< min_over_time"),
    ("rdpmc_campaign_new_findings", "rdpmc_campaign_findings"),
    ('{setting!="control"}', "")])
def test_the_tests_notice_another_rule(tmp_path, was, now):
    assert tried(promtool(), copied(tmp_path, was, now)).returncode != 0


def test_the_page_gives_the_query_that_is_tried():
    query = "rdpmc_read_median_seconds{%s} * on (host) group_left (kernel) rdpmc_result_info"
    page = (ROOT / "docs/integrations.md").read_text()
    assert query % 'setting="intercepted"' in page and query % 'setting="intercepted"' in TESTS.read_text()
