# SPDX-License-Identifier: GPL-2.0-or-later
"""A against B: what alarms, what does not, what is not compared at all; and its statistics."""

import copy
import gzip
import itertools
import math
import re
import warnings

import numpy
import pytest
from scipy import stats

import synthetic
from rdpmc_results import floor, judging, statistics
from test_files import (CONTROL, DEAR, FREE, ROWS, call, exact, raw_characters, result, row_of, run,
                        strictly, written)

SPREAD = (-0.9, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.7, 0.9)


def spaced(center, noise=1.0, of=SPREAD):
    """Runs around @center, at most 0.9 times @noise per cent away."""
    return [center * (1 + noise * off / 100) for off in of]


def pair(a, b, setting="control", name=CONTROL):
    """A row to judge; @a, @b: runs of one file, or files of runs."""
    a, b = (side if isinstance(side[0], list) else [side] for side in (a, b))
    return judging.Verdict(name, setting, a, b)


def judged(a, b, *, setting="control", beside=0, floors=None, margin=0.02):
    """The row's Verdict in a table with @beside rows that did not change."""
    others = [pair(spaced(1000), spaced(1000), name=f"control/x-{at}/cpl0") for at in range(beside)]
    rows = [pair(a, b, setting), *others]
    return judging.judge(rows, floors or floor.Floor(), margin)[0]


def floors_of(overall, rows=()):
    named = {name: {"floor": share} for name, share in dict(rows).items()}
    return floor.Floor("made", {"rows": named, "overall": overall, "pairs": 10,
                                "measured": "2026-01-01"})


# The verdict

@pytest.mark.parametrize("ratio, verdict", ((1.05, "slower"), (1 / 1.05, "faster"), (1.5, "slower"),
                                            (1 / 1.5, "faster"), (3, "slower"), (0.1, "faster")))
def test_change_in_either_direction_is_found(ratio, verdict):
    row = judged(spaced(1000), spaced(1000 * ratio))
    assert row.verdict == verdict
    assert row.ratio == pytest.approx(ratio)
    assert row.lower < ratio < row.upper
    assert row.p == pytest.approx(2 / math.comb(20, 10), rel=1e-6)


def test_no_change_of_a_quiet_row_is_the_same():
    assert judged(spaced(1000), spaced(1000.5)).verdict == "same"


@pytest.mark.parametrize("a, b", ((1000, 1000 * 1.009), (1000 * 1.009, 1000)))
def test_what_is_sure_but_within_the_default_floor_is_no_alarm(a, b):
    row = judged(spaced(a, 0.01), spaced(b, 0.01))
    assert row.adjusted < 0.01
    assert row.verdict == "same"


@pytest.mark.parametrize("a, b, verdict", ((1000, 1012, "slower"), (1012, 1000, "faster")))
def test_what_is_sure_and_just_beyond_the_default_floor_is_an_alarm(a, b, verdict):
    assert judged(spaced(a, 0.01), spaced(b, 0.01)).verdict == verdict


def test_measured_floor_of_the_row_decides_not_that_of_the_machine():
    a, b = spaced(1000, 0.1), spaced(1050, 0.1)
    assert judged(a, b, floors=floors_of(0.06)).verdict == "same"
    assert judged(a, b, floors=floors_of(0.06, {CONTROL: 0.04})).verdict == "slower"
    assert judged(a, b, floors=floors_of(0.01, {CONTROL: 0.06})).verdict == "same"
    assert judged(a, b, floors=floors_of(0.06)).floor == 0.06


def test_floor_is_as_wide_upwards_as_downwards():
    for ratio in 1.059, 1 / 1.059:
        assert judged(spaced(1000, 0.01), spaced(1000 * ratio, 0.01),
                      floors=floors_of(0.06)).verdict == "same"
    for ratio in 1.061, 1 / 1.061:
        assert judged(spaced(1000, 0.01), spaced(1000 * ratio, 0.01),
                      floors=floors_of(0.06)).verdict in ("slower", "faster")


def test_what_is_large_but_not_sure_is_no_alarm():
    # Four runs a side cannot have p < 0.01, whatever they show: 2 of 70 orders.
    row = judged([1000.0, 1001, 1002, 1003], [1100.0, 1101, 1102, 1103])
    assert row.p == pytest.approx(2 / 70)
    assert row.verdict == "cannot tell"


def test_p_below_a_hundredth_alone_is_not_enough_in_a_table():
    a, b = spaced(1000, of=SPREAD[:6]), spaced(1050, of=SPREAD[:6])
    alone, among = judged(a, b), judged(a, b, beside=27)
    assert (alone.verdict, among.verdict) == ("slower", "cannot tell")
    assert alone.p == alone.adjusted == pytest.approx(2 / math.comb(12, 6))
    assert among.adjusted == pytest.approx(28 * among.p)


def test_ten_runs_are_enough_in_a_table():
    assert judged(spaced(1000), spaced(1050), beside=27).verdict == "slower"


def test_less_than_half_a_nanosecond_is_never_an_alarm():
    assert judged(spaced(10, 0.1), spaced(10.45, 0.1)).verdict not in ("slower", "faster")
    assert judged(spaced(10, 0.1), spaced(10.6, 0.1)).verdict == "slower"
    assert judged(spaced(10.6, 0.1), spaced(10, 0.1)).verdict == "faster"
    assert judged(spaced(0.3, 0.1), spaced(0.7, 0.1)).verdict not in ("slower", "faster")
    assert judged(spaced(0.3, 0.1), spaced(0.3, 0.1)).verdict == "same"


@pytest.mark.parametrize("setting, ratio, verdict", (
    ("intercepted", 0.5, "suspicious"), ("intercepted", 0.02, "suspicious"),
    ("intercepted", 0.51, "faster"), ("passthrough", 0.4, "faster"), ("control", 0.4, "faster"),
    ("exit-cost", 0.4, "faster")))
def test_intercepted_read_at_half_its_cost_is_suspicious_nothing_else_is(setting, ratio, verdict):
    assert judged(spaced(1000), spaced(1000 * ratio), setting=setting).verdict == verdict


def test_intercepted_read_that_fell_to_nothing_is_suspicious():
    for b in [0.0] * 10, [-0.2, -0.1, 0.0, 0.1, -0.3, -0.15, 0.05, 0.2, -0.25, -0.05]:
        assert judged(spaced(1300), b, setting="intercepted").verdict == "suspicious"


@pytest.mark.parametrize("a", (0.3, 0.0, -0.2))
def test_read_that_was_free_and_is_not_any_more_is_slower(a):
    # A figure is net of the empty loop, so what costs nothing is about 0, on either side of it.
    at_first = [a + off / 100 for off in SPREAD]
    row = judged(at_first, spaced(1300))
    assert row.verdict == "slower"


def test_margin_is_what_makes_rows_the_same():
    a, b = spaced(1000, 4), spaced(1002, 4)
    row = judged(a, b)
    assert row.verdict == "cannot tell" and row.upper > 1.02
    wide = judged(a, b, margin=0.05)
    assert wide.verdict == "same" and 1 / 1.05 < wide.lower and wide.upper < 1.05
    assert judged(spaced(1000, 0.1), spaced(1009, 0.1), margin=0.005).verdict == "same"


def test_margin_is_at_least_the_floor():
    a, b = spaced(1000, 4), spaced(1002, 4)
    assert judged(a, b, floors=floors_of(0.05)).verdict == "same"


@pytest.mark.parametrize("count", (1, 2))
def test_a_few_runs_are_no_proof_that_nothing_changed(count):
    row = judged([1000.0] * count, [1000.1] * count)
    assert row.verdict == "cannot tell"


def test_rows_that_are_alike_in_every_digit_are_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = judged([1000.0] * 10, [1000.0] * 10)
    assert (row.verdict, row.p, row.ratio) == ("same", 1.0, 1.0)


def test_rows_without_any_noise_that_differ_are_an_alarm():
    assert judged([1000.0] * 10, [1100.0] * 10, beside=27).verdict == "slower"


def test_negative_runs_end_nothing():
    for b in ([-1.0] * 4 + [1.0, 1.0] + [3.0] * 4, [-1.0] * 6 + [3.0] * 4, [0.0] * 5 + [2.0] * 5,
              [0.0] * 4 + [1.0] * 6, [-5.0] * 10):
        for a in [1.0] * 10, spaced(1), b:
            row = judged(a, b)
            assert row.verdict in judging.VERDICTS
            assert not math.isinf(row.ratio)


def test_runs_of_whatever_size_and_number_are_judged():
    rng = numpy.random.default_rng(8)
    kinds = (lambda n: rng.normal(0, 1, n), lambda n: rng.normal(1000, 10, n), numpy.zeros,
             lambda n: rng.normal(0, 1e15, n).clip(-1e15, 1e15), lambda n: 1e-12 * rng.random(n),
             lambda n: rng.integers(-1, 2, n).astype(float),
             lambda n: rng.pareto(0.5, n).clip(0, 1e15))
    for _ in range(60):
        rows = [pair(*([kinds[rng.integers(len(kinds))](rng.integers(1, 8)).tolist()
                        for _ in range(rng.integers(1, 8))] for _ in "ab"), "intercepted")
                for _ in range(5)]
        for row in judging.judge(rows, floor.Floor()):
            assert row.verdict in judging.VERDICTS
            assert 0 <= row.p <= 1 and row.p - 1e-9 <= row.adjusted <= 1
            assert not math.isinf(row.ratio)
            assert row.verdict != "same" or max(abs(row.median_a), abs(row.median_b)) < 0.5 or \
                0.98 < row.lower <= row.ratio <= row.upper < 1.02
            assert row.more is None or row.more >= 1


def test_how_many_more_runs_would_tell_is_said_and_does_tell():
    rng, told, asked = numpy.random.default_rng(3), 0, 0
    for _ in range(100):
        a, b = (list(1000 * level * (1 + rng.normal(0, 0.01, 100))) for level in (1, 1.02))
        row = judged(a[:6], b[:6])
        if row.verdict != "cannot tell" or row.more is None:
            continue
        assert row.more >= 1 and str(row.more) in row.note
        asked += 1
        count = min(100, 6 + row.more)
        told += judged(a[:count], b[:count]).verdict != "cannot tell"
    print(f"{asked} times more runs were asked for, and told in {told}")
    assert asked >= 20
    assert told >= 0.6 * asked


def test_more_runs_that_would_tell_are_as_many_as_the_table_takes():
    """Three runs a side that do not overlap: eight would alarm among 28 rows, five would not."""
    row = judged(spaced(1000, 0.1, SPREAD[:3]), spaced(1100, 0.1, SPREAD[:3]), beside=27)
    assert row.verdict == "cannot tell"
    count = 3 + row.more
    assert judged(spaced(1000, 0.1, SPREAD[:count]), spaced(1100, 0.1, SPREAD[:count]),
                  beside=27).verdict == "slower"


def test_more_runs_than_a_few_hundred_are_not_promised():
    """An effect of 1.2 % in noise of 10 %: nobody makes the thousand runs that it takes."""
    row = judged(spaced(1000, 10), spaced(1012, 10))
    assert (row.verdict, row.more) == ("cannot tell", None)
    assert row.note == "more than 300 more runs a side needed"


@pytest.mark.parametrize("beside, fewest", ((0, 5), (27, 8)))
def test_too_few_runs_to_alarm_are_told_with_how_many_could(beside, fewest):
    for count in range(1, fewest):
        row = judged(spaced(1000, 0.1, SPREAD[:count]), spaced(1100, 0.1, SPREAD[:count]),
                     beside=beside)
        assert (row.verdict, row.more) == ("cannot tell", fewest - count)
        assert row.note == f"at least {fewest} runs a side needed"
    row = judged(spaced(1000, 0.1, SPREAD[:fewest]), spaced(1100, 0.1, SPREAD[:fewest]),
                 beside=beside)
    assert row.verdict == "slower"


def test_runs_without_noise_do_not_need_a_thousand_more():
    row = judged([1000.0] * 3, [1100.0] * 3)
    assert row.verdict == "cannot tell"
    assert row.more is not None and row.more <= 10


def whole_table(count, seed, changed=1.0, between=0.003, setting="passthrough"):
    """28 rows, @count files of ten runs a side; the first row is @changed times as dear in B."""
    rng = numpy.random.default_rng((seed, count))

    def side(level):
        levels = 1000 * level * (1 + rng.normal(0, between, (count, 1)))
        return (levels * (1 + rng.normal(0, 0.01, (count, 10)))).tolist()
    rows = [pair(side(1), side(1 if at else changed), setting, f"control/x-{at}/cpl0")
            for at in range(28)]
    return judging.judge(rows, floor.Floor())


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize("changed, setting, verdict", (
    (1.76, "passthrough", "slower"), (0.001, "intercepted", "suspicious")))
def test_change_is_found_with_any_number_of_files_of_a_table(changed, setting, verdict, count):
    row, *others = whole_table(count, 1, changed, setting=setting)
    assert row.verdict == verdict
    assert not {each.verdict for each in others} & {"slower", "suspicious"}


@pytest.mark.parametrize("between", (0.001, 0.003, 0.01, 0.03))
@pytest.mark.parametrize("count", range(3, 8))
def test_files_that_differ_among_themselves_are_no_change(count, between):
    """One table in a hundred may alarm; by their runs nearly every table of files 1 % apart would."""
    found = sum(any(row.verdict in ("slower", "faster", "suspicious") for row in whole_table(count, seed, between=between))
                for seed in range(40))
    assert found <= 3


@pytest.mark.parametrize("count", range(4, 8))
def test_few_files_find_five_per_cent(count):
    """Where files of a program are 0.3 % apart, among 28 rows."""
    assert sum(whole_table(count, seed, 1.05)[0].verdict == "slower" for seed in range(40)) >= 38


def test_few_files_without_any_scatter_are_no_finer_than_a_cycle():
    files = [[1000.0] * 10] * 3
    row = judged(files, [[1000.2] * 10] * 3)
    assert row.verdict == "same" and row.p > 0.05 and row.lower < 1 < row.upper
    assert judged(files, [[1020.0] * 10] * 3).verdict == "slower"


def test_how_few_files_are_judged_is_told(tmp_path):
    rows = synthetic.catalogue(28)
    a, b = ([synthetic.a_result(seed, at=2 * at + seed, rows=rows, runs=3, level=1 + 0.76 * seed,
                                only="rdtsc/cpl3") for at in range(5)] for seed in (0, 1))
    done = call("compare", *sides(tmp_path, a, b))
    assert done.status == 1
    assert "SLOWER" in next(line for line in done.out.splitlines() if "rdtsc/cpl3" in line)
    assert "Welch's t test" in done.out


def test_files_are_what_is_tested_where_there_are_five_a_side():
    # Runs of one file are close together, files are not: by runs the difference would be certain.
    a = [spaced(level, 0.1) for level in (1000, 1010, 1020, 1030, 1040)]
    b = [spaced(level, 0.1) for level in (1015, 1025, 1035, 1045, 1055)]
    row = judged(a, b)
    # U by hand: of 25 pairs B is above A in 19, so p is the share of 252 orders as far as 6 from 0.
    assert row.p == pytest.approx(float(stats.mannwhitneyu(
        [1000, 1010, 1020, 1030, 1040], [1015, 1025, 1035, 1045, 1055], method="exact").pvalue))
    assert row.p > 0.1 and row.verdict != "slower"
    assert stats.mannwhitneyu(sum(a, []), sum(b, [])).pvalue < 1e-3


def test_turns_decide_where_the_medians_say_otherwise():
    """All but one B are 5 % dearer than the A beside them; B's median is the lower one for all that."""
    a = [1000.0 + 100 * n for n in range(16)]
    b = [1.05 * each for each in a[:-1]] + [100.0]
    assert numpy.median(b) < numpy.median(a)
    row = judging.Verdict("x", "control", [[run] for run in a], [[run] for run in b], turns=True)
    judged_row, = judging.judge([row], floor.Floor())
    assert judged_row.paired and judged_row.verdict == "slower"
    assert judged_row.ratio == pytest.approx(1.05)

    falls = [[each[0] / 1.05] for each in row.a]
    other, = judging.judge([judging.Verdict("x", "control", row.a, falls, turns=True)],
                           floor.Floor())
    assert other.verdict == "faster"


def test_few_turns_are_judged_by_mann_whitney():
    """Seven turns cannot have a p below 1 % by signed ranks, seven a side can by ranks."""
    a, b = [[1000.0 + n] for n in range(7)], [[1100.0 + n] for n in range(7)]
    row, = judging.judge([judging.Verdict("x", "control", a, b, turns=True)], floor.Floor())
    assert (row.paired, row.verdict) == (False, "slower")


def test_median_of_a_side_is_that_of_all_its_runs():
    row = judged([[1.0, 2.0, 30.0]], [[10.0], [20.0], [60.0]])
    assert (row.median_a, row.median_b, row.ratio) == (2, 20, 10)


def test_swapped_sides_give_the_inverse_and_the_same_certainty():
    one, other = judged(spaced(1000), spaced(1030, 2)), judged(spaced(1030, 2), spaced(1000))
    assert one.ratio == pytest.approx(1 / other.ratio)
    assert one.p == pytest.approx(other.p)
    assert one.lower == pytest.approx(1 / other.upper, rel=0.01)


def test_same_input_gives_the_same_output():
    one, other = judged(spaced(1000), spaced(1010)), judged(spaced(1000), spaced(1010))
    assert (one.lower, one.upper) == (other.lower, other.upper)


# The command

def sides(tmp_path, a, b):
    """Folders of results, by turns: a-1, b-1, a-2 ..."""
    for name, side in ("a", a), ("b", b):
        for at, of in enumerate(side):
            written(tmp_path / name / f"{at:02}.json", of)
    return tmp_path / "a", "--", tmp_path / "b"


def by_turns(count=10, level=1.0, **more):
    more = {"runs": 1} | more
    return ([result(1, at=2 * at, **more) for at in range(count)],
            [result(2, at=2 * at + 1, level=level, **more) for at in range(count)])


def compared(*words):
    """(Done, what it says in JSON)."""
    done = call("compare", "--json", *words)
    return done, strictly(done.out)


def verdicts(of):
    return {row["name"]: row["verdict"] for row in of["rows"]}


def test_same_program_by_turns_is_good_and_unsuspected(tmp_path):
    paths = sides(tmp_path, *by_turns())
    done = call("compare", *paths)
    assert (done.status, done.err) == (0, "")
    assert "use `make ab`" not in done.out
    assert "4 benchmarks, " in done.out
    assert "assumed" in done.out and "1.0 %" in done.out


def test_slower_program_is_told_row_by_row_with_status_1(tmp_path):
    paths = sides(tmp_path, *by_turns(level=1.1, only="intercepted"))
    done = call("compare", *paths)
    assert done.status == 1
    line = next(line for line in done.out.splitlines() if line.startswith(DEAR))
    assert "SLOWER" in line and re.search(r"\+(9|10)\.\d %", line)
    found = verdicts(compared(*paths)[1])
    assert found[DEAR] == found["exit-cost/metrics/cpl0"] == "slower"
    assert "slower" not in (found[CONTROL], found[FREE])


def test_figures_in_json_are_those_of_the_files(tmp_path):
    a = exact({CONTROL: [100.0, 101, 102, 103, 104, 105]})
    b = exact({CONTROL: [120.0, 121, 122, 123, 124, 125]}, at=1)
    done, of = compared(*sides(tmp_path, [a], [b]))
    row = of["rows"][0]
    assert (row["name"], row["setting"]) == (CONTROL, "control")
    assert (row["median_a"], row["median_b"]) == (102.5, 122.5)
    assert row["ratio"] == pytest.approx(122.5 / 102.5)
    assert row["p"] == pytest.approx(2 / 924)
    assert (row["verdict"], row["floor"], done.status) == ("slower", 0.01, 1)
    assert 115 / 105 < row["lower"] < row["ratio"] < row["upper"] < 125 / 100


def test_exit_cost_is_compared_run_by_run(tmp_path):
    a = exact({DEAR: [1310.0, 1311, 1312, 1313, 1314, 1315], FREE: [11.0, 12, 13, 14, 15, 16]})
    b = exact({DEAR: [1410.0, 1411, 1412, 1413, 1414, 1415], FREE: [16.0, 15, 14, 13, 12, 11]},
              at=1)
    _, of = compared(*sides(tmp_path, [a], [b]))
    row = next(row for row in of["rows"] if row["name"] == "exit-cost/metrics/cpl0")
    assert (row["median_a"], row["median_b"]) == (1299.0, 1399.0)
    assert row["verdict"] == "slower"


def test_faster_program_is_good(tmp_path):
    done, of = compared(*sides(tmp_path, *by_turns(level=0.9)))
    assert done.status == 0
    assert verdicts(of)[DEAR] == "faster"


def test_vanished_intercept_is_suspicious_with_status_1(tmp_path):
    done = call("compare", *sides(tmp_path, *by_turns(level=0.01, only="intercepted")))
    assert done.status == 1
    assert "SUSPICIOUS" in done.out


def test_changed_number_of_exits_is_told(tmp_path):
    a, b = by_turns(level=0.1, only="intercepted")
    for of in b:
        row_of(of, DEAR)["exits_per_read"] = 0.0
    done, of = compared(*sides(tmp_path, a, b))
    row = next(row for row in of["rows"] if row["name"] == DEAR)
    assert (row["exits_a"], row["exits_b"]) == (1, 0)
    assert "1.00 -> 0.00" in call("compare", *sides(tmp_path, a, b)).out


def test_proven_and_less_than_half_a_nanosecond_is_the_same(tmp_path):
    """No more files would ever make an alarm of it."""
    def side(name, ns):
        for at in range(20):
            written(tmp_path / name / f"{at:02}.json",
                    exact({CONTROL: [ns + at / 1000], DEAR: [1000.0 + at]}, at=at))
        return tmp_path / name
    done, of = compared(side("a", 9.371), "--", side("b", 9.621))
    row = next(row for row in of["rows"] if row["name"] == CONTROL)
    assert row["ratio"] > 1.025 and row["adjusted"] < 0.001
    assert (done.status, row["verdict"], row["note"]) == (0, "same", "differ by less than 0.5 ns")
    done, of = compared(tmp_path / "a", "--", side("c", 9.921))
    assert (done.status, verdicts(of)[CONTROL]) == (1, "slower")


def test_json_has_all_that_the_table_has_and_no_nan(tmp_path):
    a, b = by_turns()
    for of in a + b:
        row = row_of(of, FREE)
        row["median"], row["runs"] = -0.1, [-0.1] * len(row["runs"])
    done, of = compared(*sides(tmp_path, a, b))
    rows = {row["name"]: row for row in of["rows"]}
    assert set(rows) == {*ROWS, "exit-cost/metrics/cpl0"}
    assert rows[FREE]["ratio"] is None
    for row in rows.values():
        assert {"median_a", "median_b", "ratio", "lower", "upper", "p", "adjusted", "floor",
                "verdict"} <= set(row)
    assert len(of["a"]["files"]) == len(of["b"]["files"]) == 10


def test_single_run_a_side_is_compared_without_nan_or_certainty(tmp_path):
    done, of = compared(*sides(tmp_path, *by_turns(1)))
    assert done.status == 0
    assert set(verdicts(of).values()) == {"cannot tell"}


@pytest.mark.parametrize("least", (5e-324, 1e-300, 0, 1e-12))
@pytest.mark.parametrize("files", (1, 3, 8, 16))
def test_figure_that_leaves_no_ratio_has_a_verdict(least, files, tmp_path):
    for a, b, wanted in (1000.0, least, "faster"), (least, 1000.0, "slower"), (least, least, "same"):
        folder = tmp_path / f"{a} {b}"
        done, of = compared(*sides(folder, [exact({CONTROL: [a] * 10}, at=2 * at)
                                            for at in range(files)],
                                   [exact({CONTROL: [b] * 10}, at=2 * at + 1)
                                    for at in range(files)]))
        assert (done.status, verdicts(of)) == (int(wanted == "slower"), {CONTROL: wanted})
        assert call("compare", folder / "a", "--", folder / "b").status == done.status


def test_files_folders_and_packed_files_are_all_taken(tmp_path):
    a, b = by_turns(4)
    paths = sides(tmp_path, a, b)
    plain = compared(*paths)[1]["rows"]
    for path in (tmp_path / "a").glob("*.json"):
        written(path.with_suffix(".json.gz"), gzip.compress(path.read_bytes()))
        path.unlink()
    named = [*sorted((tmp_path / "a").iterdir()), "--", *sorted((tmp_path / "b").iterdir())]
    assert compared(*paths)[1]["rows"] == plain == compared(*named)[1]["rows"]


def test_lost_row_is_status_1_and_says_why(tmp_path):
    for status in "skipped", "failed":
        a, b = by_turns(1)
        row = row_of(b[0], DEAR)
        for key in [key for key in row if key not in ("name", "setting", "unit")]:
            del row[key]
        row |= {"status": status, "reason": "2.00 exits per read"}
        paths = sides(tmp_path, a, b)
        done = call("compare", *paths)
        assert done.status == 1
        line = next(line for line in done.out.splitlines() if line.startswith("LOST: "))
        assert done.out.startswith("UNRELIABLE: ") and "\n1 benchmark LOST; " in done.out
        assert DEAR in line and status in line and "2.00 exits per read" in line
        assert any(DEAR in str(gone) for gone in compared(*paths)[1]["lost"])


def test_all_rows_lost_is_status_1_not_2(tmp_path):
    a, b = by_turns(1, rows={CONTROL: 1150.0})
    row_of(b[0], CONTROL).update(status="failed", reason="no answer")
    done = call("compare", *sides(tmp_path, a, b))
    assert done.status == 1 and "LOST" in done.out


def test_row_that_fails_in_most_files_of_b_is_not_passed_over(tmp_path):
    a, b = by_turns(10)
    for of in b[:9]:
        row_of(of, DEAR).update(status="failed", reason="a wrong answer")
    done = call("compare", *sides(tmp_path, a, b))
    assert "a wrong answer" in done.out + done.err


def test_row_that_was_never_measured_in_a_is_not_lost(tmp_path):
    a, b = by_turns(3)
    for of in a + b:
        row_of(of, DEAR).update(status="skipped", reason="no PMU")
    done = call("compare", *sides(tmp_path, a, b))
    assert (done.status, "LOST" in done.out) == (0, False)


def renamed(of, name, setting, new):
    row_of(of, name).update(name=new, setting=setting)
    return of


def test_intercepted_is_not_compared_with_passthrough_and_why_is_said(tmp_path):
    a, b = by_turns(3, rows={CONTROL: 1150.0, DEAR: 1310.0})
    b = [renamed(of, DEAR, "passthrough", FREE) for of in b]
    paths = sides(tmp_path, a, b)
    done = call("compare", *paths)
    assert done.status == 0
    line = next(line for line in done.out.splitlines() if "not compared" in line)
    assert "intercepted" in line and "passthrough" in line
    assert set(verdicts(compared(*paths)[1])) == {CONTROL}


def test_nothing_but_rows_of_another_setting_is_status_2_with_the_reason(tmp_path):
    a, b = by_turns(3, rows={DEAR: 1310.0})
    b = [renamed(of, DEAR, "passthrough", FREE) for of in b]
    done = call("compare", *sides(tmp_path, a, b))
    assert (done.status, done.out, len(done.told)) == (2, "", 1)
    assert "intercepted" in done.err and "passthrough" in done.err


@pytest.mark.parametrize("which", "ab")
def test_simulated_pmu_is_not_compared_with_a_real_one(which, tmp_path):
    a, b = by_turns(3, rows={CONTROL: 1150.0, DEAR: 1310.0})
    for of in {"a": a, "b": b}[which]:
        of["options"]["vpmu"] = "user"
        row_of(of, DEAR)["setting"] = "simulated-vpmu"
    done = call("compare", *sides(tmp_path, a, b))
    assert (done.status, done.out, len(done.told)) == (2, "", 1)
    assert "simulated" in done.err


def test_simulated_is_compared_with_simulated(tmp_path):
    a, b = by_turns(3, rows={CONTROL: 1150.0, DEAR: 1310.0})
    for of in a + b:
        of["options"]["vpmu"] = "user"
        row_of(of, DEAR)["setting"] = "simulated-vpmu"
    assert set(verdicts(compared(*sides(tmp_path, a, b))[1])) == {CONTROL, DEAR}


MACHINES = {"host": lambda context: context.update(hostname="elsewhere"),
            "processor": lambda context: context["cpu"].update(model_name="Another processor"),
            "stepping": lambda context: context["cpu"].update(stepping=99),
            "backend": lambda context: context.update(backend="svm")}


@pytest.mark.parametrize("what", MACHINES)
@pytest.mark.parametrize("where", ("all of B", "one of A"))
def test_other_machine_is_refused_unless_asked_for(what, where, tmp_path):
    a, b = by_turns(3)
    for of in b if where == "all of B" else a[1:2]:
        MACHINES[what](of["context"])
    paths = sides(tmp_path, a, b)
    done = call("compare", *paths)
    assert (done.status, done.out, len(done.told)) == (2, "", 1)
    assert "machines" in done.err and "--across-hosts" in done.err
    across = call("compare", "--across-hosts", *paths)
    assert across.status == 0
    assert "different machines" in across.out


def test_what_one_should_mind_is_said(tmp_path):
    a, b = by_turns(3)
    a[1]["program"]["version"] = "synthetic-0"
    b[1]["partial"] = True
    paths = sides(tmp_path, a, b)
    told = call("compare", *paths).out
    assert "note: A has results of several versions: synthetic-0, synthetic-1" in told
    assert "note: B has partial results" in told
    assert told.startswith("UNRELIABLE: A is synthetic: nobody measured it\nUNRELIABLE: B is synthetic")
    assert "A has partial" not in told and "B has results of several" not in told
    assert "note: few processes a side" in told
    assert len(compared(*paths)[1]["warnings"]) == 5


@pytest.mark.parametrize("order, good", (("aabb", False), ("bbaa", False), ("abab", True),
                                         ("abba", True), ("abb", False), ("aaaaabbbbb", False),
                                         ("baabbaab", True), ("aaaaabbbbbab", False)))
def test_sides_that_were_not_measured_by_turns_are_told(order, good, tmp_path):
    sorted_out = {"a": [], "b": []}
    for at, name in enumerate(order):
        sorted_out[name].append(result(ord(name), at=at, runs=1))
    done = call("compare", *sides(tmp_path, sorted_out["a"], sorted_out["b"]))
    assert ("note: drift of the machine between A and B" not in done.out) == good


def test_what_differs_between_the_sides_is_told(tmp_path):
    a, b = by_turns(2)
    for of in b:
        of["context"]["kernel"]["release"] = "6.13.0"
        of["context"]["kvm_modules"]["kvm"]["enable_pmu"] = "changed"
    paths = sides(tmp_path, a, b)
    told = call("compare", *paths).out
    assert "B: 2 results, 2 runs, rdpmc-bench synthetic-1, Linux 6.13.0\n" in told
    assert "kvm.enable_pmu: N -> changed" in told
    changed = [what for what, before, after in compared(*paths)[1]["changed"]]
    # What decides whether RDPMC exits comes first.
    assert changed == ["parameter kvm.enable_pmu", "kernel"]


def test_one_result_a_side_is_told_to_be_that(tmp_path):
    told = call("compare", *sides(tmp_path, *by_turns(1))).out
    assert told.count("drift of the machine") == 1 and "fewer than 3 processes a side" in told


def test_what_is_unknown_on_one_side_is_no_difference(tmp_path):
    a, b = by_turns(2)
    for of in a:
        of["context"]["kernel"]["cmdline"] = "root=/dev/vda quiet"
        of["context"]["governor"] = "performance"
    for of in b:
        of["context"]["hostname"] = "anonymous"
        of["context"]["kernel"]["cmdline"] = None
        of["context"]["governor"] = None
        of["context"]["nmi_watchdog"] = "changed"
    for paths in sides(tmp_path / "1", a, b), sides(tmp_path / "2", b, a):
        told = call("compare", "--across-hosts", *paths).out
        assert "differs: NMI watchdog" in told
        assert "unknown" not in told and "command line" not in told and "governor" not in told


@pytest.mark.parametrize("noise, words", (
    ({"cpu_share": 0.97, "clock_ratio": 0.9}, None),
    ({"cpu_share": None, "clock_ratio": None}, None),
    ({"cpu_share": 1.2, "clock_ratio": 1.01}, None),
    ({"cpu_share": True, "clock_ratio": "x"}, None),
    ({"cpu_share": 0.96}, "other tasks had the CPU for 4 % of the time"),
    ({"clock_ratio": 0.85}, "the guest's clock ran at 0.850 of the host's"),
    ({"clock_ratio": 1.02}, "the guest's clock ran at 1.020 of the host's"),
    ({"cpu_share": 0.3, "clock_ratio": 0.5}, "other tasks had the CPU for 70 % of the time, "
                                             "the guest's clock ran at 0.500 of the host's"),
    ({"clock_ratio": 10 ** 400, "cpu_share": -10 ** 400}, None)))
def test_disturbed_results_are_counted_and_how_badly_is_said(noise, words, tmp_path):
    a, b = by_turns(4)
    b[2]["context"]["noise"] |= noise
    paths = sides(tmp_path, a, b)
    done, told = call("compare", *paths), call("compare", "--disturbed", *paths).out
    assert ("disturbed" in told) == bool(words)
    assert (done.status, "skipped" in done.err) == ((3, True) if words else (0, False))
    if words:
        assert f"02.json: {words} (--disturbed" in done.err and "disturbed" not in done.out
        assert f"UNRELIABLE: 0 of 4 results of A and 1 of 4 of B disturbed: {words}\n" in told
        assert any("disturbed" in warning
                   for warning in compared("--disturbed", *paths)[1]["warnings"])


@pytest.mark.parametrize("bad, status", ((0, 1), (1, 3), (10, 2)))
def test_disturbed_results_are_not_compared_unless_asked_for(bad, status, tmp_path):
    """What others had of the CPU is no slow-down of the program."""
    a, b = by_turns(10)
    slow = by_turns(10, level=1.3)[1]
    for of in slow:
        of["context"]["noise"]["cpu_share"] = 0.8 if bad else 1.0
    b = slow[:bad] + b[bad:] if bad else slow
    paths = sides(tmp_path, a, b)
    done = call("compare", *paths)
    assert done.status == status
    assert done.err.count("other tasks had the CPU for 20 % of the time (--disturbed") == bad
    if bad == 10:
        assert done.told[-1] == "results: B holds no result of rdpmc-bench that can be used"
        assert call("compare", "--disturbed", *paths).status == 1


def test_worst_of_all_disturbed_results_is_said(tmp_path):
    a, b = by_turns(3)
    for of, share, ratio in (a[0], 0.5, 0.8), (a[1], 0.9, 1.1), (b[1], 0.7, 0.7):
        of["context"]["noise"] |= {"cpu_share": share, "clock_ratio": ratio}
    del b[0]["context"]["noise"]
    told = call("compare", "--disturbed", *sides(tmp_path, a, b)).out
    assert "UNRELIABLE: 2 of 3 results of A and 1 of 3 of B disturbed: other tasks had the CPU for up to 50 % of the " \
        "time, the guest's clock ran at 0.700 of the host's" in told


def test_results_that_are_on_both_sides_are_told(tmp_path):
    a, b = by_turns(3)
    paths = sides(tmp_path, a, b)
    assert "both sides" not in call("compare", *paths).out
    told = call("compare", *paths, tmp_path / "a/01.json").out
    assert told.startswith("UNRELIABLE: 1 result is on both sides\n")
    done, of = compared(paths[0], "--", paths[0])
    assert "3 results are on both sides" in "".join(of["warnings"])


def test_same_result_twice_on_a_side_counts_once(tmp_path):
    a, b = by_turns(3)
    paths = sides(tmp_path, a + [copy.deepcopy(a[1]), a[1]], b)
    done, of = compared(*paths)
    row = next(row for row in of["rows"] if row["name"] == CONTROL)
    assert len(row["runs_a"]) == 3
    assert done.status == 3
    assert done.told[-1] == "results: 2 files skipped" and "same" in done.err


def test_file_named_twice_counts_once(tmp_path):
    a, b = by_turns(3)
    paths = sides(tmp_path, a, b)
    for again in tmp_path / "a/00.json", tmp_path / "a", tmp_path / "a/../a/00.json":
        _, of = compared(again, *paths)
        assert [len(row["runs_a"]) for row in of["rows"]] == [3] * 4


def test_result_of_another_kind_has_no_times_and_is_named(tmp_path):
    a, b = by_turns(2)
    paths = sides(tmp_path, a, b)
    written(tmp_path / "a/sweep.json", a[0] | {"kind": "sweep", "rows": []})
    done = call("compare", *paths)
    assert done.status in (0, 3)
    assert "A: 2 results" in done.out


def test_damaged_files_beside_a_regression_leave_status_1(tmp_path):
    paths = sides(tmp_path, *by_turns(level=1.2))
    written(tmp_path / "b/bad.json", b"[")
    done = call("compare", *paths)
    assert done.status == 1 and done.told[-1] == "results: 1 file skipped"


def test_side_of_nothing_but_damaged_files_is_status_2(tmp_path):
    paths = sides(tmp_path, by_turns(1)[0], [])
    written(tmp_path / "b/bad.json", b"[")
    done = call("compare", *paths)
    assert (done.status, done.out) == (2, "")
    assert "bad.json" in done.err and done.told[-1].startswith("results: B holds no result")


def test_command_itself_ends_with_the_status(tmp_path):
    paths = sides(tmp_path, *by_turns(level=1.1))
    done = run("compare", *paths)
    assert done.status == 1 and "SLOWER" in done.out and done.err == ""
    assert raw_characters(done.out) == set()


# The noise floor

def floor_file(path, named, overall=0.2, **more):
    return written(path, {"schema": "rdpmc-noise-floor/1", "measured": "2026-01-02T03:04:00Z",
                          "machine": list(named), "kernel": "6.12", "program": "x", "runs": 10,
                          "pairs": 10, "overall": overall, "rows": {}} | more)


MACHINE = ("synthetic", "Synthetic processor (6/207/2)", "vmx")


def test_measured_floor_of_the_machine_is_found_used_and_told(tmp_path, monkeypatch):
    paths = sides(tmp_path, *by_turns(level=1.1))
    monkeypatch.chdir(tmp_path)
    assert call("compare", *paths).status == 1
    floor_file(tmp_path / "results/noise-floor-synthetic.json", MACHINE)
    done, of = compared(*paths)
    assert done.status == 0
    assert {row["floor"] for row in of["rows"]} == {0.2}
    told = call("compare", *paths).out
    assert "noise-floor-synthetic.json" in told and "10 pairs" in told and "20.0 %" in told


def test_floor_of_another_machine_or_a_damaged_one_is_not_used(tmp_path, monkeypatch):
    paths = sides(tmp_path, *by_turns(level=1.1))
    monkeypatch.chdir(tmp_path)
    floor_file(tmp_path / "results/noise-floor-other.json", ("other", *MACHINE[1:]))
    floor_file(tmp_path / "results/noise-floor-backend.json", (*MACHINE[:2], "svm"))
    written(tmp_path / "results/noise-floor-synthetic.json", b"{")
    assert call("compare", *paths).status == 1


def test_floor_that_is_named_is_used(tmp_path):
    paths = sides(tmp_path, *by_turns(level=1.1))
    named = floor_file(tmp_path / "mine.json", MACHINE, 0.05, rows={
        name: {"floor": 0.3} for name in (DEAR, "exit-cost/metrics/cpl0")})
    found = verdicts(compared("--noise-floor", named, *paths)[1])
    assert found[DEAR] != "slower" and found["exit-cost/metrics/cpl0"] != "slower"
    assert found[CONTROL] == "slower"


@pytest.mark.parametrize("bad", (
    {"overall": -0.1}, {"overall": True}, {"overall": "0.1"}, {"overall": 1e999}, {"overall": 0},
    {"rows": {CONTROL: {"floor": float("nan")}}}, {"rows": {CONTROL: {}}}, {"rows": []},
    {"rows": {CONTROL: 0.1}}, {"schema": "rdpmc-noise-floor/2"}, {"schema": "rdpmc-results/2"},
    {"machine": None}, {"pairs": "ten"}, {"measured": 5}, {"overall": 10 ** 400},
    {"rows": {CONTROL: {"floor": False}}}, {"rows": {CONTROL: [[]]}}))
def test_damaged_floor_that_is_named_is_status_2_in_one_line(bad, tmp_path):
    paths = sides(tmp_path, *by_turns(1))
    named = floor_file(tmp_path / "mine.json", MACHINE, **bad)
    done = call("compare", "--noise-floor", named, *paths)
    assert (done.status, done.out, len(done.told)) == (2, "", 1)


def test_measured_floor_is_what_nine_of_ten_differences_stay_below():
    ratios = [1.001, 0.999, 1.002, 1.0, 1.004, 0.995, 1.003, 1.001, 1.0, 1.03]
    of = floor.measured(MACHINE, 1767578400, "6.12", "x", 10,
                        [{CONTROL: ratio} for ratio in ratios])
    below = of["rows"][CONTROL]["floor"]
    assert sum(abs(math.log(ratio)) <= math.log(1 + below) + 1e-12 for ratio in ratios) >= 9
    assert below == pytest.approx(1 / 0.995 - 1) or below == pytest.approx(0.03)
    assert floor.measured(MACHINE, 0, "", "", 10, [{CONTROL: 1 / ratio} for ratio in ratios])[
        "rows"][CONTROL]["floor"] == pytest.approx(below)


def test_measured_floor_is_read_back_for_its_machine_alone(tmp_path):
    of = floor.measured(MACHINE, 1767578400, "6.12", "x", 10, [{CONTROL: 1.04}, {CONTROL: 1.05}])
    written(tmp_path / floor.file_name(MACHINE), of)
    assert [path.name for path in tmp_path.iterdir()] == ["noise-floor-synthetic.json"]
    assert floor.load(MACHINE, folder=str(tmp_path)).of(CONTROL) == pytest.approx(0.05)
    assert floor.load(("other", *MACHINE[1:]), folder=str(tmp_path)).of(CONTROL) == 0.01


def test_floor_is_never_zero():
    of = floor.measured(MACHINE, 0, "", "", 10, [{CONTROL: 1.0}] * 10)
    assert 0 < of["overall"] <= 0.01 and 0 < of["rows"][CONTROL]["floor"] <= 0.01


@pytest.mark.parametrize("host", ("../../etc/x", "a/b", "a\nb", "", "..", "\x1b[2J", "é"))
def test_floor_of_a_host_with_a_hostile_name_stays_in_its_folder(host):
    name = floor.file_name((host, "", ""))
    assert re.fullmatch(r"noise-floor-[A-Za-z0-9._-]+\.json", name)


# Statistics

@pytest.mark.parametrize("count, rank", ((1, 0), (5, 0), (6, 1), (8, 1), (9, 2), (10, 2), (20, 6),
                                         (25, 8), (100, 40)))
def test_interval_of_the_median_is_that_of_the_binomial_tables(count, rank):
    values = list(range(1, count + 1))[::-1]
    lower, upper = statistics.median_interval(values)
    if rank:
        assert (lower, upper) == (rank, count + 1 - rank)
    else:
        assert math.isnan(lower) and math.isnan(upper)


def test_interval_of_the_median_is_the_narrowest_that_covers_enough():
    for count in range(6, 200):
        lower, _ = statistics.median_interval(list(range(1, count + 1)))
        outside = [2 * sum(math.comb(count, k) for k in range(rank)) / 2 ** count
                   for rank in (int(lower), int(lower) + 1)]
        assert outside[0] <= 0.05 < outside[1], count


def permuted_p(a, b):
    """Share of all orders whose mean rank is as far from the middle or farther, two-sided."""
    ranks = stats.rankdata([*a, *b])
    expected = len(a) * (len(ranks) + 1) / 2
    away = [abs(sum(chosen) - expected) for chosen in itertools.combinations(ranks, len(a))]
    seen = abs(sum(ranks[:len(a)]) - expected)
    return sum(one >= seen - 1e-9 for one in away) / len(away)


def test_mann_whitney_is_the_share_of_permutations():
    rng = numpy.random.default_rng(1)
    for a, b in (3, 3), (4, 5), (6, 3), (5, 5), (6, 6), (1, 1), (2, 7):
        for shift in 0, 1, 5:
            left, right = list(rng.normal(0, 1, a)), list(rng.normal(shift, 1, b))
            assert statistics.mann_whitney(left, right) == pytest.approx(permuted_p(left, right))


def test_mann_whitney_of_ties_is_near_the_share_of_permutations():
    rng = numpy.random.default_rng(2)
    for _ in range(40):
        left, right = (list(map(float, rng.integers(0, 6, 7) + shift)) for shift in (0, 2))
        assert statistics.mann_whitney(left, right) == \
            pytest.approx(permuted_p(left, right), rel=0.5, abs=0.02)


def test_mann_whitney_of_ten_runs_apart_is_known():
    assert statistics.mann_whitney(range(10), range(10, 20)) == pytest.approx(2 / 184756)
    assert statistics.mann_whitney(range(10, 20), range(10)) == pytest.approx(2 / 184756)


def test_benjamini_hochberg_is_as_by_hand():
    assert statistics.benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == \
        pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert statistics.benjamini_hochberg([0.9, 0.8]) == pytest.approx([0.9, 0.9])
    assert statistics.benjamini_hochberg([0.3]) == [0.3]
    assert statistics.benjamini_hochberg([]) == []
    # The example of Benjamini and Hochberg (1995): four of fifteen at 5 %.
    found = statistics.benjamini_hochberg(
        [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
         0.5719, 0.6528, 0.7590, 1.0])
    assert [p < 0.05 for p in found] == [True] * 4 + [False] * 11
    assert found[:5] == pytest.approx([0.0015, 0.003, 0.0095, 0.035625, 0.0603])
    assert found[-1] == 1


@pytest.mark.parametrize("sizes", ((1, 1), (1, 9), (3, 4), (8, 8), (20, 7)))
def test_exact_p_is_scipys(sizes):
    """Which works it out anew each time, for minutes where there are a hundred values a side."""
    rng = numpy.random.default_rng(sum(sizes))
    for shift in 0, 1, 3:
        a, b = rng.random(sizes[0]), rng.random(sizes[1]) + shift / 3
        assert statistics.mann_whitney(list(a), list(b)) == pytest.approx(
            stats.mannwhitneyu(a, b, method="exact").pvalue, rel=1e-12)


def test_t_is_scipys():
    """With variances that are not alike, and of files that are not as many. What freedom they leave is what
    gives its p."""
    a, b = [10.0, 11.5, 10.7, 9.9], [12.0, 13.1, 12.7]
    p, half = statistics.welch(a, b, 0)
    t, wanted = stats.ttest_ind(a, b, equal_var=False)
    # The interval that just reaches 0 has this p.
    freedom = numpy.arange(1, 6, 0.001)
    freedom = freedom[stats.t.sf(abs(t), freedom) * 2 <= wanted][0]
    apart = numpy.mean(b) - numpy.mean(a)
    assert p == pytest.approx(wanted, rel=1e-12)
    assert half == pytest.approx(stats.t.ppf(0.975, freedom) * apart / abs(t), rel=1e-3)


def test_medians_drawn_anew_are_of_groups_of_any_size():
    """Of as many values as were drawn: a short group leaves a gap in the array."""
    class Last:
        """Draws the groups in turn, and of each the last value."""
        integers = staticmethod(lambda count, size: numpy.tile(numpy.arange(count), (size[0], 1)))
        random = staticmethod(lambda size: numpy.full(size, 0.999))
    assert set(statistics.resampled_medians([[1.0], [2.0, 5.0], [3.0, 4.0, 9.0]], Last)) == {7.0}
    assert set(statistics.resampled_medians([[1.0], [2.0, 5.0]], Last)) == {5.0}


def coverage(sides_of, truth, count):
    hits, known = 0, 0
    for _ in range(count):
        lower, upper = statistics.ratio_interval(*sides_of())
        known += not math.isnan(lower)
        hits += lower <= truth <= upper
    return hits / count, known


def files_of(rng, level, count, runs, between, within):
    return [list(level * (1 + rng.normal(0, between) + rng.normal(0, within, runs)))
            for _ in range(count)]


@pytest.mark.parametrize("count, runs, between", ((10, 1, 0.0), (5, 10, 0.01)))
def test_interval_of_the_ratio_covers_the_truth(count, runs, between):
    rng = numpy.random.default_rng((count, runs))
    share, known = coverage(lambda: (files_of(rng, 1000, count, runs, between, 0.01),
                                     files_of(rng, 1050, count, runs, between, 0.01)), 1.05, 200)
    print(f"95 % interval of {count} files of {runs} runs covers the truth in {share:.1%}")
    assert known == 200
    assert 0.9 <= share <= 0.995


def test_interval_of_the_ratio_is_narrower_with_more_runs():
    rng = numpy.random.default_rng(4)
    width = []
    for count in 10, 100:
        lower, upper = statistics.ratio_interval(files_of(rng, 1000, count, 1, 0, 0.01),
                                                 files_of(rng, 1000, count, 1, 0, 0.01))
        width.append(upper - lower)
    assert 2 < width[0] / width[1] < 5


def test_interval_of_the_ratio_knows_that_runs_of_a_file_are_alike():
    rng = numpy.random.default_rng(5)
    both = [files_of(rng, 1000, 6, 20, 0.02, 0.001) for _ in "ab"]
    pooled = [[[run] for group in side for run in group] for side in both]
    wide, narrow = (numpy.diff(statistics.ratio_interval(*each))[0] for each in (both, pooled))
    assert wide > 1.4 * narrow


def test_synthetic_noise_is_that_of_measuring():
    """What the figures of these tests rest on: 1 % between runs, a tail of 2 %."""
    off = synthetic.samples_of(numpy.random.default_rng(1), 4000)
    medians = numpy.median(off, axis=1)
    assert medians.std() == pytest.approx(0.01, rel=0.1)
    assert 0.005 < (off > 1.3 * medians[:, None]).mean() < 0.02
