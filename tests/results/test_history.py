# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder of results becomes series, each of a row and a machine: nothing lost, nothing twice."""

import copy
import dataclasses
import gzip
import json
import math
import random

import numpy
import pytest

import synthetic
from rdpmc_results import history
from rdpmc_results.files import Row
from test_files import CONTROL, DEAR, FREE, ROWS, call, exact, nested, result, row_of, written


def read(*paths):
    return history.read([str(path) for path in paths])


def series(of, name, host="synthetic"):
    found = [one for one in of.series if (one.name, one.host) == (name, host)]
    assert len(found) == 1
    return found[0]


def times(of, one):
    return [of.points[at].started for at in one.at]


def test_points_are_in_order_of_time_whatever_the_files_are_called(tmp_path):
    order = list(range(20))
    random.Random(3).shuffle(order)
    for place, at in enumerate(order):
        written(tmp_path / f"{place:02}.json", exact({CONTROL: [100.0 + at]}, at=at))
    one = series(read(tmp_path), CONTROL)
    assert list(one.median) == [100.0 + at for at in range(20)]


def test_order_of_the_paths_makes_no_difference(tmp_path):
    paths = [written(tmp_path / f"{at}.json", result(at=at, host=f"host-{at % 2}"))
             for at in range(6)]
    one, other = read(*paths), read(*reversed(paths))
    assert one.points == other.points
    assert [(row.host, row.name, list(row.median)) for row in one.series] == \
        [(row.host, row.name, list(row.median)) for row in other.series]


def test_time_is_that_of_the_result_in_utc(tmp_path):
    of = result()
    of["started"] = "2026-03-29T02:30:00Z"
    assert read(written(tmp_path / "a.json", of)).points[0].started == 1774751400


def test_each_host_has_series_of_its_own(tmp_path):
    for host in "one", "two":
        for at in range(3):
            written(tmp_path / f"{host}-{at}.json", result(at=at, host=host))
    of = read(tmp_path)
    assert of.hosts == ["one", "two"]
    for host in of.hosts:
        one = series(of, DEAR, host)
        assert len(one.at) == 3
        assert {of.points[at].host for at in one.at} == {host}


def test_another_processor_or_backend_under_the_same_host_name_is_another_machine(tmp_path):
    changed = {"cpu": lambda of: of["context"]["cpu"].update(stepping=9),
               "backend": lambda of: of["context"].update(backend="pvm"),
               "nothing": lambda of: None}
    for at, change in enumerate(changed.values()):
        of = result(at=at)
        change(of)
        written(tmp_path / f"{at}.json", of)
    of = read(tmp_path)
    assert len(of.hosts) == 3
    assert all(host.startswith("synthetic") for host in of.hosts)
    assert all(len(one.at) == 1 for one in of.series)


def test_row_whose_setting_is_another_is_another_series(tmp_path):
    for at in range(2):
        of = result(at=at)
        row_of(of, DEAR)["setting"] = ("intercepted", "simulated-vpmu")[at]
        written(tmp_path / f"{at}.json", of)
    found = [one for one in read(tmp_path).series if one.name == DEAR]
    assert sorted(one.setting for one in found) == ["intercepted", "simulated-vpmu"]


def test_control_of_a_simulated_pmu_is_not_of_the_series_of_real_controls(tmp_path):
    for at in range(2):
        of = result(at=at)
        of["options"]["vpmu"] = (None, "user")[at]
        written(tmp_path / f"{at}.json", of)
    found = [one for one in read(tmp_path).series if one.name == CONTROL]
    assert sorted((one.setting, len(one.at)) for one in found) == [("control", 1),
                                                                   ("simulated-vpmu", 1)]


def test_median_and_its_interval_are_those_of_the_runs(tmp_path):
    runs = [7.0, 3.0, 9.0, 1.0, 5.0, 2.0, 8.0, 4.0, 10.0, 6.0]
    one = series(read(written(tmp_path / "a.json", exact({CONTROL: runs}))), CONTROL)
    # Of ten values the second least and the second greatest: 1 - 2 * 11 / 1024 = 97.9 %.
    assert (one.median[0], one.lower[0], one.upper[0]) == (5.5, 2.0, 9.0)


def test_fewer_than_six_runs_have_no_interval(tmp_path):
    one = series(read(written(tmp_path / "a.json", exact({CONTROL: [1.0, 2, 3, 4, 5]}))), CONTROL)
    assert one.median[0] == 3
    assert math.isnan(one.lower[0]) and math.isnan(one.upper[0])


def test_unknown_exits_are_unknown_not_none(tmp_path):
    of = result()
    row_of(of, DEAR)["exits_per_read"] = None
    found = read(written(tmp_path / "a.json", of))
    assert math.isnan(series(found, DEAR).exits[0])
    assert series(found, FREE).exits[0] == 0


def test_exit_cost_is_the_difference_run_by_run(tmp_path):
    # The difference of the medians would be 90: only run by run is it 95.
    of = exact({DEAR: [100.0, 110.0, 130.0], FREE: [20.0, 10.0, 35.0]})
    one = series(read(written(tmp_path / "a.json", of)), "exit-cost/metrics/cpl0")
    assert (one.median[0], one.setting) == (95.0, "exit-cost")


def test_exit_cost_needs_both_rows_of_one_counter_and_privilege():
    def cost(*rows):
        return [(one.name, one.runs) for one in history.exit_costs(
            [Row(name, setting, status, "", runs=runs) for name, setting, status, runs in rows])]

    dear = DEAR, "intercepted", "measured", [5.0, 7.0]
    free = FREE, "passthrough", "measured", [1.0, 2.0]
    assert cost(dear, free) == [("exit-cost/metrics/cpl0", [4.0, 5.0])]
    assert cost(free, dear) == [("exit-cost/metrics/cpl0", [4.0, 5.0])]
    assert cost(dear) == cost(free) == []
    assert cost(dear, (FREE, "passthrough", "failed", [1.0, 2.0])) == []
    assert cost(dear, (FREE.replace("cpl0", "cpl3"), *free[1:])) == []
    assert cost(dear, (FREE.replace("metrics", "gp-first"), *free[1:])) == []
    assert cost(dear, (*free[:3], [1.0])) == []
    assert cost((DEAR, "simulated-vpmu", "measured", [5.0, 7.0]), free) == []
    assert cost((DEAR.replace("rdpmc", "rdpmc-fault"), *dear[1:]), free) == []
    # Of as many vCPUs at the same time, each number by itself.
    both = [(name.replace("metrics", "metrics-vcpus2"), *rest) for name, *rest in (dear, free)]
    assert cost(*both, dear, free) == [("exit-cost/metrics-vcpus2/cpl0", [4.0, 5.0]), ("exit-cost/metrics/cpl0", [4.0, 5.0])]
    assert cost(both[0], free) == cost(dear, both[1]) == []


def test_row_that_was_not_measured_is_no_point_but_told(tmp_path):
    of = result(at=1)
    row_of(of, DEAR).update(status="failed", reason="2.0 exits per read")
    written(tmp_path / "a.json", result(at=0))
    written(tmp_path / "b.json", of)
    found = read(tmp_path)
    assert len(series(found, DEAR).at) == 1
    assert len(series(found, CONTROL).at) == 2
    assert len(series(found, "exit-cost/metrics/cpl0").at) == 1
    absent = found.absent[found.points[1].absent]
    assert (DEAR, "intercepted", "failed", "2.0 exits per read") in absent


def test_result_that_is_there_twice_counts_once_and_the_copy_is_named(tmp_path):
    of = result(at=1)
    written(tmp_path / "a.json", result(at=0))
    written(tmp_path / "b.json", of)
    written(tmp_path / "c/copy.json", json.dumps(of, indent=3).encode())
    written(tmp_path / "d.json.gz", gzip.compress(json.dumps(of).encode()))
    found = read(tmp_path)
    assert len(found.points) == 2
    assert len(series(found, CONTROL).at) == 2
    assert len(found.skipped) == 2
    assert all("same" in reason for path, reason in found.skipped)
    assert len({path for path, reason in found.skipped} |
               {point.path for point in found.points}) == 4
    done = call("trend", tmp_path)
    assert done.status == 3 and "2 results" in done.out
    assert done.told[-1] == "results: 2 files skipped"


def test_one_file_named_twice_counts_once(tmp_path):
    path = written(tmp_path / "a.json", result())
    assert len(read(path, tmp_path).points) == 1


def test_results_that_only_began_together_are_both_there(tmp_path):
    for seed in range(3):
        written(tmp_path / f"{seed}.json", result(seed))
    assert (len(read(tmp_path).points), read(tmp_path).skipped) == (3, [])


def test_results_of_another_kind_are_kept_apart(tmp_path):
    of = result()
    other = {key: of[key] for key in ("schema", "started", "partial", "program", "context")} | \
        {"kind": "sweep",
         "rows": [{"configuration": "x", "cases": 1, "mismatches": 0, "seconds": 1}]}
    written(tmp_path / "a.json", of)
    written(tmp_path / "b.json", other)
    found = read(tmp_path)
    assert (len(found.points), len(found.others), found.skipped) == (1, 1, [])
    assert found.others[0].rows == other["rows"]


def test_conditions_of_each_point_are_its_own(tmp_path):
    for at in range(4):
        written(tmp_path / f"{at}.json", result(at=at, version=f"v{at // 2}", kernel=f"6.{at}"))
    found = read(tmp_path)
    known = [found.conditions[point.conditions] for point in found.points]
    assert [(one["program"], one["kernel"]) for one in known] == \
        [("v0", "6.0"), ("v0", "6.1"), ("v1", "6.2"), ("v1", "6.3")]


def described(of):
    """What of a History tells two apart, nan being like nan."""
    return ([(point.path, point.started, point.host, of.conditions[point.conditions],
              of.absent[point.absent]) for point in of.points],
            [(one.host, one.name, one.setting, list(one.at), one.median.tolist(),
              numpy.nan_to_num(one.lower, nan=-1).tolist(), one.p99.tolist()) for one in of.series],
            of.skipped, [one.path for one in of.others])


def test_many_files_read_by_several_processes_are_read_as_by_one(tmp_path, monkeypatch):
    rows = {CONTROL: 1150.0}
    for at in range(150):
        of = synthetic.a_result(1, rows=rows, runs=1, at=at, host=f"host-{at % 3}",
                                kernel=f"6.{at // 50}")
        if at % 40 == 7:
            of |= {"kind": "sweep", "rows": []}
        written(tmp_path / f"{at:03}.json", of if at % 30 else b"{")
    written(tmp_path / "deep.json", b'{"schema": "rdpmc-results/2", "rows": ' + b"[" * 100_000)
    by_many = described(read(tmp_path))
    monkeypatch.setattr(history, "FEW", 10 ** 6)
    assert described(read(tmp_path)) == by_many
    assert len(by_many[2]) == 6
    assert len(by_many[0]) == 150 - 5 - 4
    assert len(by_many[3]) == 4


@pytest.mark.parametrize("kind", ("bench", "sweep"))
@pytest.mark.parametrize("depth", (500, 960))
def test_nesting_that_one_process_reads_is_read_or_named_by_several(kind, depth, tmp_path):
    """What a worker read must come back from it as well."""
    for at in range(66):
        written(tmp_path / f"{at}.json", exact({CONTROL: [100.0]}, at=at))
    of = exact({CONTROL: [100.0]}, at=70)
    of |= {"kind": kind, "rows": of["rows"] if kind == "bench" else []}
    written(tmp_path / "deep.json", nested("[", "]", depth)(of))
    done = call("trend", tmp_path)
    assert done.status in (0, 3)
    assert f"{66 + (kind == 'bench' and not done.status)} results" in done.out


def test_rows_that_come_and_go_keep_their_places(tmp_path):
    for at in range(6):
        rows = {name: cost for name, cost in ROWS.items() if name != CONTROL or at % 2}
        written(tmp_path / f"{at}.json", result(at=at, rows=rows))
    found = read(tmp_path)
    assert [found.points[at].path[-6] for at in series(found, CONTROL).at] == ["1", "3", "5"]
    assert len(series(found, DEAR).at) == 6
    assert len(series(found, "exit-cost/metrics/cpl0").at) == 6


def test_host_without_a_name_is_a_machine_too(tmp_path):
    of = result()
    of["context"]["hostname"] = None
    other = copy.deepcopy(of)
    other["context"]["hostname"] = ["a", "list"]
    other["started"] = "2026-02-01T00:00:00Z"
    written(tmp_path / "a.json", of)
    written(tmp_path / "b.json", other)
    found = read(tmp_path)
    assert len(found.hosts) == 1 and found.hosts[0]
    assert len(found.points) == 2


def test_points_know_what_was_partial_and_synthetic(tmp_path):
    of = result(at=1)
    of["partial"] = True
    written(tmp_path / "a.json", result(at=0))
    written(tmp_path / "b.json", of)
    assert [point.partial for point in read(tmp_path).points] == [False, True]
    assert all(dataclasses.asdict(point).get("synthetic", True) for point in read(tmp_path).points)
