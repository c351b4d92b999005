# SPDX-License-Identifier: GPL-2.0-or-later
"""Exact figures in the formats of other tools: named as such, and in no column with a time."""

import csv
import io
import json

import pytest

from rdpmc_results import exact
from test_emulated import FORMATS
from test_exact import CONTROL, DEAR, FREE, OTHER, PATH, path, recorded
from test_files import call, result, written


def exported(form, tmp_path, *words, of=None):
    """Of an emulated machine with one exact row, whose medians are far from what is exact."""
    written(tmp_path / "in/a.json", of or recorded({DEAR: PATH}))
    done = call("export", "--format", form, "--out", tmp_path / "out", *words, tmp_path / "in")
    assert (done.status, done.err) == (0, "")
    return (tmp_path / "out").read_text()


@pytest.mark.parametrize("form", ("github-action-benchmark", "bencher", "lnt", "otava"))
def test_series_of_an_exact_row_are_exact_and_named_so(form, tmp_path):
    body = exported(form, tmp_path)
    found = series(form, body)
    of_row = {name: value for name, value in found.items() if name.startswith(DEAR)}
    counts = {"instructions": 2703} | ({} if form == "lnt" else {"WRMSR": 26, "RDMSR": 3})
    assert of_row == {f"{DEAR} [intercepted, Emulated skylake (Bochs) (6/207/2), exact {what}]": count
                      for what, count in counts.items()}
    assert all(type(value) is int for value in of_row.values())
    others = [name for name in found if name.startswith((CONTROL, FREE, OTHER))]
    assert len(others) == 3 and not any("exact" in name for name in others)
    assert "exit-cost/metrics" not in body


def series(form, body):
    """{name: value}."""
    if form == "otava":
        names, line = csv.reader(io.StringIO(body))
        return {name: int(value) if value.isdigit() else float(value)
                for name, value in list(zip(names, line))[6:]}
    of = json.loads(body)
    if form == "lnt":
        return {test["name"]: test["execution_time"][0] for test in of["tests"]}
    if form == "bencher":
        return {name: metric["value"] for name, measures in of.items() for metric in measures.values()}
    return {entry["name"]: entry["value"] for entry in of}


def test_units_of_github(tmp_path):
    units = {entry["name"].rpartition(", ")[2]: entry["unit"]
             for entry in json.loads(exported("github-action-benchmark", tmp_path)) if "exact" in entry["name"]}
    assert units == {"exact instructions]": "instructions", "exact WRMSR]": "WRMSR", "exact RDMSR]": "RDMSR"}


def test_measures_of_bencher(tmp_path):
    measures = {measure for name, of in json.loads(exported("bencher", tmp_path)).items() if DEAR in name
                for measure in of}
    assert measures == {"exact instructions", "exact WRMSR", "exact RDMSR"}


def test_columns(tmp_path):
    written(tmp_path / "in/real.json", result(host="synthetic-real"))
    lines = list(csv.DictReader(io.StringIO(exported("csv", tmp_path))))
    emulated = {line["name"]: line for line in lines if "Emulated" in line["cpu"]}
    figures = [*exact.COUNTS, *exact.FOOTPRINT]
    assert {figure: emulated[DEAR][f"exact_{figure}"] for figure in figures} == \
        {figure: str(PATH[figure]) for figure in figures}
    for line in lines:
        cells = [line[name] for name in line if name.startswith("exact_")]
        assert len(cells) == len(figures)
        if line is not emulated[DEAR]:
            assert not any(cells)
    assert not any(emulated[DEAR][name] for name in emulated[DEAR] if name.endswith("_ns"))


def test_gauges(tmp_path):
    body = exported("prometheus", tmp_path)
    samples = dict(line.rsplit(" ", 1) for line in body.splitlines() if line.startswith("rdpmc_exit_exact"))
    which = next(name for name in samples if name.startswith("rdpmc_exit_exact_instructions{"))
    labels = which.partition("{")[2].rstrip("}")
    assert f'row="{DEAR}"' in labels and samples[which] == "2703"
    assert samples[f'rdpmc_exit_exact_count{{{labels},of="wrmsr"}}'] == "26"
    assert samples[f'rdpmc_exit_exact_msr_accesses{{{labels},access="wrmsr",msr="0x38f"}}'] == "5"
    assert samples[f'rdpmc_exit_exact_footprint{{{labels},of="text_lines"}}'] == "214"
    assert len(samples) == len(exact.COUNTS) + len(exact.FOOTPRINT) + len(PATH["wrmsr_by_register"]) + \
        len(PATH["rdmsr_by_register"])
    for name in {sample.partition("{")[0] for sample in samples}:
        assert f"# TYPE {name} gauge" in body and f"# HELP {name} " in body


@pytest.mark.parametrize("form", ("junit", "ktap"))
def test_cases(form, tmp_path):
    body = exported(form, tmp_path)
    separator = " " if form == "junit" else "="
    for what, count in ("instructions", 2703), ("wrmsr", 26), ("wrmsr_0x38f", 5), ("text_lines", 214):
        assert body.count(f"exact_{what}{separator}{count}") == 1


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_of_paths_where_there_are_none(form, tmp_path):
    row = ("--row", CONTROL) if form == "hgrm" else ()
    some, none = (exported(form, tmp_path, *row, of=recorded(paths)) for paths in ({DEAR: path()}, {}))
    if form == "csv":
        some, none = (body.partition("\n")[2] for body in (some.replace("2703", "exact"), none))   # without its heads
    assert ("exact" in some) == (form != "hgrm")
    assert "exact" not in none
