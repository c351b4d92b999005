# SPDX-License-Identifier: GPL-2.0-or-later
"""What is printed as JSON is what its schema says, and the schema says enough to notice what is not."""

import copy
import json
import pathlib
import tarfile

import pytest

import synthetic
from rdpmc_results import floor
from test_compare import by_turns, sides
from test_files import CONTROL, DEAR, call, result, written

jsonschema = pytest.importorskip("jsonschema")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def schema(name):
    of = json.loads((ROOT / f"results/{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(of)
    return jsonschema.Draft202012Validator(of)


def strict(text):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")
    return json.loads(text, parse_constant=refuse)


def spoilt(of, path=()):
    """(where, @of with one thing wrong): each key away or one more, each value of another type. Of a list
    the first is looked at."""
    if isinstance(of, dict) and of:
        yield path, of | {"nonsense": 1}
        for key, value in of.items():
            yield (*path, key), {name: each for name, each in of.items() if name != key}
            for where, bad in spoilt(value, (*path, key)):
                yield where, of | {key: bad}
    elif isinstance(of, list) and of:
        for where, bad in spoilt(of[0], (*path, 0)):
            yield where, [bad, *of[1:]]
    yield path, {"of": "another type"} if not isinstance(of, dict) else "of another type"


def holds(name, of, free=()):
    """It is as the schema has it, and spoilt it is not, but at the places that are @free."""
    validator = schema(name)
    wrong = [f"{'/'.join(map(str, each.absolute_path))}: {each.message}"
             for each in validator.iter_errors(of)]
    assert not wrong, wrong[:5]
    count = 0
    for where, bad in spoilt(of):
        if where not in free:
            assert not validator.is_valid(bad), where
            count += 1
    assert count > 20


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The history that was really measured."""
    folder = tmp_path_factory.mktemp("example")
    with tarfile.open(ROOT / "results/example-history.tar.xz") as archive:
        archive.extractall(folder)
    return folder


def test_comparison(tmp_path):
    done = call("compare", "--json", *sides(tmp_path, *by_turns(level=1.1, only="intercepted")))
    of = strict(done.out)
    assert done.status == 1 and {row["verdict"] for row in of["rows"]} > {"slower"}
    holds("rdpmc-comparison-1", of)


def test_comparison_of_little_and_of_what_cannot_be_compared(tmp_path):
    one, other = result(at=0), result(at=1)
    other["context"]["microcode"] = "0x1"
    next(row for row in other["rows"] if row["name"] == CONTROL).update(
        status="failed", reason="no", runs=None)
    done = call("compare", "--json", written(tmp_path / "a.json", one), "--",
                written(tmp_path / "b.json", other))
    of = strict(done.out)
    assert of["lost"] and of["warnings"] and done.status == 1
    assert not list(schema("rdpmc-comparison-1").iter_errors(of))


def test_comparison_of_real_results(example):
    files = sorted(example.rglob("*.json"))
    of = strict(call("compare", "--json", *files[:8], "--", *files[-8:]).out)
    assert of["rows"]
    holds("rdpmc-comparison-1", of)


def test_trend_of_real_results(example):
    done = call("trend", "--json", example)
    of = strict(done.out)
    assert done.status == 1 and any(row["steps"] for row in of["rows"])
    holds("rdpmc-trend-1", of)


def test_trend_with_drift_and_with_files_of_no_use(tmp_path):
    rows = synthetic.catalogue(4)       # all drift alike
    for at in range(60):
        written(tmp_path / f"{at:02}.json", synthetic.a_result(1, at=at, rows=rows, level=1 + 0.005 * at))
    written(tmp_path / "bad.json", b"{")
    done = call("trend", "--json", tmp_path)
    of = strict(done.out)
    assert of["skipped"] and any(row["drift"] for row in of["rows"])
    holds("rdpmc-trend-1", of)


def test_trend_of_nothing_much(tmp_path):
    of = strict(call("trend", "--json", written(tmp_path / "a.json", result())).out)
    assert {row["verdict"] for row in of["rows"]} == {"short"}
    assert not list(schema("rdpmc-trend-1").iter_errors(of))


def test_noise_floor():
    pairs = [{CONTROL: 1 + share, DEAR: 1 - share} for share in (0.01, 0.02, 0.03)]
    of = json.loads(json.dumps(floor.measured(("host", "cpu (1/2/3)", "vmx"), 1774751400, "6.12", "1",
                                              10, pairs)))
    assert floor.checked(copy.deepcopy(of))
    holds("rdpmc-noise-floor-1", of, free=(("rows",), ("rows", CONTROL), ("rows", DEAR)))
