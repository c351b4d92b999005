# SPDX-License-Identifier: GPL-2.0-or-later
"""The history of a row: which steps and drifts are found, where, and what is said of them."""

import math
import types

import numpy
import pytest
from scipy import stats

from rdpmc_results import changes, history, text, trend
from test_files import CONTROL, DEAR, FREE, call, exact, result, row_of, strictly, written

NOISE = 0.005               # of a point, between results


def noisy(*levels, seed=1, noise=NOISE):
    """A series of stretches (points, level)."""
    values = numpy.concatenate([numpy.full(count, float(level)) for count, level in levels])
    return values * (1 + numpy.random.default_rng(seed).normal(0, noise, len(values)))


def series_of(values, setting="control", name=CONTROL, host="host"):
    values = numpy.asarray(values, dtype=float)
    unknown = numpy.full(len(values), math.nan)
    return history.Series(host, name, setting, numpy.arange(len(values)), values, unknown, unknown,
                          unknown, unknown)


def watched(*series, magnitude=0.02):
    """In the order of @series; each of a machine that no noise floor was measured on."""
    of = types.SimpleNamespace(series=list(series), points=[
        types.SimpleNamespace(host=host, machine=(host, "made up for a test", ""))
        for host in {one.host for one in series}])
    found = trend.watch(of, magnitude)
    return [next(each for each in found if each.series is one) for one in series]


def judged(values, setting="control", magnitude=0.02):
    return watched(series_of(values, setting), magnitude=magnitude)[0]


def disturbed_at(values, at):
    """A series of which the points @at are marked."""
    series = series_of(values)
    series.disturbed = numpy.isin(numpy.arange(len(values)), list(at))
    return series


# Disturbed results

def test_disturbed_points_decide_nothing_where_enough_others_are_there():
    """Not a step, not its place, not its size; and places are those among all."""
    bad = range(40, 50)
    dearer_end = noisy((40, 100), (10, 130))
    assert judged(dearer_end).verdict == "regression"
    found, = watched(disturbed_at(dearer_end, bad))
    assert (found.verdict, found.left_out, found.changes.steps) == ("steady", 10, [])
    both = noisy((40, 100), (10, 130), (12, 110))
    found, = watched(disturbed_at(both, bad))
    assert (found.verdict, found.since, found.left_out) == ("regression", 50, 10)
    assert found.ratio == pytest.approx(1.1, rel=0.02)
    assert [step.at for step in found.changes.steps] == [50]


@pytest.mark.parametrize("bad", (range(8, 16), range(17), range(30, 60), range(60)))
def test_disturbed_points_count_where_too_few_others_are_there(bad):
    """No history is empty for them: fewer than ten in all, or fewer than half of the recent ones."""
    count = 17 if bad[-1] < 17 else 60
    values = noisy((count - 5, 100), (5, 130))
    found, = watched(disturbed_at(values, bad))
    plain = judged(values)
    assert (found.verdict, found.since, found.left_out) == (plain.verdict, plain.since, 0)
    assert found.verdict == "regression"


def test_drift_between_disturbed_points_has_its_places_among_all():
    values = noisy((60, 100)) * (1 + 0.01 * numpy.arange(60))
    found, = watched(disturbed_at(values, range(0, 60, 4)))
    assert found.kind == "drift" and (found.since, found.changes.drift.end) == (1, 59)


# Where the series splits

def naive(values):
    """[(split, energy distance)] of Matteson and James, term by term, of ranks."""
    ranks = stats.rankdata(values) / len(values)
    found = []
    for split in range(3, len(ranks) - 2):
        left, right = ranks[:split], ranks[split:]
        m, n = len(left), len(right)
        across = sum(abs(x - y) for x in left for y in right) * 2 / (m * n)
        within = [sum(abs(side[i] - side[k]) for k in range(len(side)) for i in range(k)) /
                  math.comb(len(side), 2) for side in (left, right)]
        found.append((split, m * n / (m + n) * (across - sum(within))))
    return found


def test_split_is_where_the_energy_distance_term_by_term_is_greatest():
    rng = numpy.random.default_rng(1)
    for count in (6, 7, 12, 20, 33):
        for _ in range(6):
            values = rng.normal(0, 1, count) + (numpy.arange(count) >= rng.integers(count)) * 2
            if rng.random() < 0.3:
                values = values.round()
            split, distance = changes.energy(values)
            expected = dict(naive(values))
            assert distance == pytest.approx(max(expected.values()))
            assert expected[split] == pytest.approx(max(expected.values()))


@pytest.mark.parametrize("alike", (False, True))
def test_distance_is_exact_in_the_longest_window(alike):
    rng = numpy.random.default_rng(3)
    values = rng.normal(0, 1, changes.WINDOW).cumsum()
    if alike:
        values = values.round()
    split, distance = changes.energy(values)
    ranks = stats.rankdata(values) / len(values)
    left, right = ranks[:split], ranks[split:]
    across = abs(left[:, None] - right).sum() / (len(left) * len(right))
    within = [abs(side[:, None] - side).sum() / (len(side) * (len(side) - 1)) for side in (left, right)]
    assert distance == pytest.approx(
        len(left) * len(right) / len(values) * (2 * across - sum(within)), rel=1e-12)


def test_split_of_two_clean_levels_is_between_them():
    for at in range(3, 18):
        values = [1.0 + k % 2 / 1000 + (k >= at) for k in range(20)]
        assert changes.energy(numpy.array(values))[0] == at


def chance(count, times, seed=7):
    """Share of shuffled series of @count points whose greatest distance is significant."""
    rng, hits = numpy.random.default_rng((seed, count)), 0
    for _ in range(times):
        hits += bool(changes.significant(changes.energy(rng.random(count))[1], count))
    return hits


@pytest.mark.parametrize("count, times", ((12, 4000), (16, 4000), (20, 4000), (32, 4000),
                                          (48, 3000), (80, 2000), (128, 1500), (256, 400)))
def test_critical_values_are_exceeded_by_chance_as_seldom_as_they_say(count, times):
    hits = chance(count, times)
    # Chances of a good table to fail here: one in 2,000 upwards, one in 1,000 downwards.
    least, most = (int(stats.poisson.ppf(p, changes.ALPHA * times)) for p in (0.001, 0.9995))
    print(f"{count} points: {hits} of {times} beyond the critical value of {changes.ALPHA:.1%}")
    assert least <= hits <= most


# Steps

@pytest.mark.parametrize("at", (10, 20, 50, 77, 90, 95, 97))
@pytest.mark.parametrize("ratio", (1.05, 1 / 1.05, 1.5))
def test_step_is_found_where_it_is_with_its_levels(at, ratio):
    found = changes.find(noisy((at, 1000), (100 - at, 1000 * ratio))).steps
    assert len(found) == 1
    assert abs(found[0].at - at) <= 1
    assert found[0].before == pytest.approx(1000, rel=0.006)
    assert found[0].after == pytest.approx(1000 * ratio, rel=0.006)
    assert found[0].ratio == pytest.approx(found[0].after / found[0].before)
    assert found[0].confirmed


def test_several_steps_are_all_found():
    found = changes.find(noisy((40, 1000), (30, 1060), (50, 940), (40, 1000))).steps
    assert [abs(step.at - at) <= 1 for step, at in zip(found, (40, 70, 120))] == [True] * 3
    assert [step.ratio > 1 for step in found] == [True, False, True]


def test_step_in_a_long_history_is_found_wherever_it_is():
    for at in (100, 256, 300, 512, 640, 990):
        found = changes.find(noisy((at, 1000), (1000 - at, 1050))).steps
        assert len(found) == 1 and abs(found[0].at - at) <= 1, at


def test_flat_and_constant_histories_have_no_change():
    for values in (noisy((100, 1000)), [1000.0] * 100, [0.0] * 100, [-0.1] * 100,
                   [1000.0, 1001.0] * 50):
        found = changes.find(values)
        assert (found.steps, found.drift) == ([], None)
        assert judged(values).verdict == "steady"


def test_outliers_are_no_steps():
    values = noisy((100, 1000))
    values[[10, 40, 41, 77, 99]] *= (3, 40, 2, 0.1, 5)
    assert changes.find(values).steps == []
    assert judged(values).verdict == "steady"


def test_step_below_the_magnitude_is_none():
    values = noisy((50, 1000), (50, 1030), noise=0.001)
    assert judged(values, magnitude=0.05).verdict == "steady"
    assert judged(values, magnitude=0.025).verdict == "steady"
    assert judged(values[:-25], magnitude=0.025).verdict == "regression"
    assert judged(noisy((80, 1000), (20, 1015), noise=0.001)).verdict == "steady"
    assert judged(noisy((80, 1000), (20, 1025), noise=0.001)).verdict == "regression"
    assert judged(noisy((80, 1000), (20, 1015), noise=0.001),
                  magnitude=0.01).verdict == "regression"


def test_less_than_half_a_nanosecond_is_no_step():
    assert judged(noisy((80, 8), (20, 8.4), noise=0.001)).verdict == "steady"
    assert judged(noisy((80, 8), (20, 8.7), noise=0.001)).verdict == "regression"
    assert judged(noisy((80, 0.2), (20, 0.4), noise=0.001)).verdict == "steady"


# The verdict

def test_step_up_at_the_end_is_a_regression_and_says_since_when():
    found = judged(noisy((80, 1000), (20, 1050)))
    assert (found.verdict, found.kind) == ("regression", "step")
    assert abs(found.since - 80) <= 1
    assert found.ratio == pytest.approx(1.05, rel=0.01)


@pytest.mark.parametrize("after, verdict", ((5, "regression"), (28, "regression"), (33, "steady"),
                                            (60, "steady")))
def test_regression_is_of_the_last_thirty_points(after, verdict):
    assert judged(noisy((100, 1000), (after, 1050))).verdict == verdict


def test_regression_that_was_mended_is_none():
    for up in 3, 5, 10, 20, 28:
        for after in 5, 10:
            values = noisy((80, 1000), (up, 1080), (after, 1000))
            assert judged(values).verdict in ("steady", "improvement"), (up, after)


def test_regression_that_was_mended_by_half_still_is_one():
    found = judged(noisy((80, 1000), (10, 1120), (10, 1060)))
    assert found.verdict == "regression"
    assert found.ratio == pytest.approx(1.06, rel=0.01)


@pytest.mark.parametrize("again", (3, 5, 8, 10, 15, 25))
def test_regression_that_was_mended_and_came_back_is_one(again):
    found = [judged(noisy((50, 1000), (10, 1080), (10, 1000), (again, 1080), seed=seed)).verdict
             for seed in range(8)]
    assert found == ["regression"] * 8


@pytest.mark.parametrize("before", (17, 20, 25, 40, 60, 97, 150))
def test_more_points_of_a_regression_do_not_make_it_go_away(before):
    found = {points: judged(noisy((before, 1000), (points, 1500))).verdict
             for points in range(3, 25)}
    assert set(found.values()) == {"regression"}, found


def test_while_that_was_dear_and_is_over_is_found_from_its_beginning_to_its_end():
    good = 0
    for seed in range(20):
        at = 10 + 3 * seed
        steps = changes.find(noisy((at, 1000), (15, 1100), (85 - at, 1000), seed=seed)).steps
        good += len(steps) == 2 and abs(steps[0].at - at) <= 1 and abs(steps[1].at - at - 15) <= 1
    print(f"15 dear points of 100, by 10 %: found in {good} of 20 histories")
    assert good >= 18


def test_improvement_that_stays_is_one_and_one_that_is_lost_again_is_none():
    found = judged(noisy((80, 1000), (15, 900)))
    assert found.verdict == "improvement" and abs(found.since - 80) <= 1
    assert judged(noisy((80, 1000), (10, 900), (10, 1000))).verdict in ("steady", "regression")


def test_intercepted_read_that_falls_to_half_is_suspicious_nothing_else_is():
    fallen = noisy((80, 1300), (10, 600))
    assert judged(fallen, "intercepted").verdict == "suspicious"
    assert judged(fallen, "passthrough").verdict == "improvement"
    assert judged(fallen, "control").verdict == "improvement"
    assert judged(noisy((80, 1300), (10, 700)), "intercepted").verdict == "improvement"
    assert judged(noisy((80, 1300), (10, -0.1)), "intercepted").verdict == "suspicious"


@pytest.mark.parametrize("level", (0.3, 0.0, -0.2))
def test_read_that_was_free_and_is_not_any_more_is_a_regression(level):
    values = numpy.concatenate([level + numpy.random.default_rng(1).normal(0, 0.02, 80),
                                noisy((20, 1300))])
    assert judged(values).verdict == "regression"


def test_fewer_than_three_points_confirm_nothing():
    for seed in range(20):
        for points in 1, 2:
            found = judged(noisy((97, 1000), (points, 1500), seed=seed))
            assert found.verdict in ("unconfirmed", "steady")
            assert not any(step.confirmed for step in found.changes.steps if step.at > 90)
        assert judged(noisy((97, 1000), (3, 1500), seed=seed)).verdict == "regression"


def test_two_dear_points_at_the_end_are_unconfirmed_and_one_says_nothing():
    assert judged(noisy((97, 1000), (2, 1500))).verdict == "unconfirmed"
    assert judged(noisy((97, 1000), (1, 1500))).verdict == "steady"


@pytest.mark.parametrize("count", range(1, 10))
def test_few_points_are_too_short_to_say_anything(count):
    assert judged(noisy((count, 1000))).verdict == "short"
    assert judged(noisy((count // 2, 1000), (count - count // 2, 2000))).verdict == "short"


def test_slow_drift_is_a_regression_in_its_direction():
    up = judged(1000 * (1 + 0.001 * numpy.arange(100)) * noisy((100, 1)))
    assert (up.verdict, up.kind) == ("regression", "drift")
    assert up.ratio == pytest.approx(1.1, rel=0.02)
    assert up.changes.drift.per_point == pytest.approx(0.001, rel=0.2)
    down = judged(1000 * (1 - 0.001 * numpy.arange(100)) * noisy((100, 1)))
    assert (down.verdict, down.kind) == ("improvement", "drift")
    assert down.ratio == pytest.approx(0.9, rel=0.02)


def test_drift_down_to_a_third_of_an_intercepted_read_is_suspicious():
    values = 1300 * (1 - 0.0067 * numpy.arange(100)) * noisy((100, 1))
    assert judged(values, "intercepted").verdict == "suspicious"
    assert judged(values, "passthrough").verdict == "improvement"


def test_step_is_no_drift():
    for at in (30, 50, 80):
        assert changes.find(noisy((at, 1000), (100 - at, 1050))).drift is None


def test_order_is_what_is_worse_first():
    of = [series_of(noisy((80, 1000), (20, level)), setting, f"control/x-{n}/cpl0")
          for n, (level, setting) in enumerate(((1000, "control"), (900, "control"),
                                                (1050, "control"), (300, "intercepted"),
                                                (1100, "control")))]
    points = [types.SimpleNamespace(host="host", machine=("host", "made up", ""))]
    found = trend.watch(types.SimpleNamespace(series=of, points=points))
    assert [(each.verdict, round(each.ratio, 1)) for each in found] == \
        [("regression", 1.1), ("regression", 1.1), ("suspicious", 0.3), ("improvement", 0.9),
         ("steady", 1.0)]
    assert found[0].series is of[4]


def test_many_series_judged_by_several_processes_are_judged_as_by_one(monkeypatch):
    of = [series_of(noisy((30, 1000), (10, 1000 + 50 * (n % 3)), seed=n),
                    name=f"control/x-{n}/cpl0") for n in range(210)]
    by_many = [(each.verdict, each.since, each.ratio) for each in watched(*of)]
    monkeypatch.setattr(trend, "FEW", 10 ** 6)
    assert [(each.verdict, each.since, each.ratio) for each in watched(*of)] == by_many
    assert len({verdict for verdict, *_ in by_many}) > 1


def test_no_series_of_whatever_shape_ends_the_program():
    rng = numpy.random.default_rng(9)
    shapes = (lambda n: rng.normal(0, 1, n), lambda n: rng.normal(0, 1, n).cumsum(),
              lambda n: rng.pareto(1, n), lambda n: -rng.pareto(1, n), lambda n: numpy.zeros(n),
              lambda n: rng.integers(0, 3, n).astype(float), lambda n: 1e15 * rng.random(n),
              lambda n: numpy.exp(rng.normal(0, 20, n)).clip(0, 1e15),
              lambda n: 1e-12 * rng.random(n), lambda n: numpy.linspace(-1000, 1000, n),
              lambda n: numpy.linspace(1000, 0, n))
    for shape in shapes:
        for count in (1, 2, 9, 10, 11, 12, 19, 20, 40, 90):
            found = judged(shape(count), "intercepted")
            assert found.verdict in trend.VERDICTS
            assert math.isfinite(found.ratio)
            assert (found.since is None) == (found.kind == "")


# The command

def a_history(folder, points, change=lambda of, at: None, start=0, **more):
    """Results of one run; @change gets each."""
    for at in range(start, start + points):
        of = result(1, **{"at": at, "runs": 1, "between_runs": 0.003} | more)
        change(of, at)
        written(folder / f"{more.get('host', 'host')}-{at:03}.json", of)
    return folder


def dearer(at, ratio, name=DEAR):
    def change(of, point):
        if point >= at:
            row = row_of(of, name)
            row["runs"][0] *= ratio
            row["median"] *= ratio
    return change


def said(*words):
    done = call("trend", "--json", *words)
    of = strictly(done.out)
    return done, {row["name"]: row for row in of["rows"]}, of


def test_steady_history_is_good(tmp_path):
    done = call("trend", a_history(tmp_path, 40))
    assert (done.status, done.err) == (0, "")
    assert "40 results of 1 host" in done.out and \
        done.out.startswith("Nothing became slower: 4 benchmarks, 4 unchanged\n")


def test_regression_is_told_with_its_time_and_what_changed_there(tmp_path):
    def change(of, at):
        dearer(30, 1.08)(of, at)
        of["program"]["version"] = "v2" if at >= 30 else "v1"
        of["context"]["kernel"]["release"] = "6.13" if at >= 30 else "6.12"
        of["context"]["kvm_modules"]["kvm"]["enable_pmu"] = "Y" if at >= 30 else "N"
        of["context"]["cpu"]["microcode"] = "0x2" if at >= 5 else "0x1"

    a_history(tmp_path, 40, change)
    done = call("trend", tmp_path)
    assert done.status == 1
    assert "SLOWER" in done.out
    # The 29th day of the history and the next: it begins on 5 January.
    assert "between 2026-02-03 02:00 and 2026-02-04 02:00" in done.out
    assert f"{DEAR}  " in done.out and "+8." in done.out
    for line in "program: v1 -> v2", "kernel: 6.12 -> 6.13", "parameter kvm.enable_pmu: N -> Y":
        assert line in done.out
    assert "microcode" not in done.out
    assert "2 benchmarks unchanged" in done.out  # the exit's cost rose as well


def test_json_lists_all_steps_with_both_sides(tmp_path):
    def change(of, at):
        dearer(20, 1.08)(of, at)
        dearer(60, 1.08)(of, at)
        of["program"]["version"] = f"v{at // 20}"

    done, rows, of = said(a_history(tmp_path, 80, change))
    row = rows[DEAR]
    assert (done.status, row["verdict"], row["points"], row["host"]) == (1, "regression", 80,
                                                                         "synthetic")
    assert [(step["before"]["version"], step["after"]["version"]) for step in row["steps"]] == \
        [("v0", "v1"), ("v2", "v3")]
    assert all(step["confirmed"] for step in row["steps"])
    assert row["steps"][0]["after"]["file"].endswith("host-020.json")
    assert row["steps"][0]["changed"] == [["program", "v0", "v1"]]
    assert row["steps"][0]["ratio"] == pytest.approx(1.08, rel=0.01)
    assert row["since"]["file"].endswith("host-060.json")
    assert rows[CONTROL]["steps"] == [] and rows[CONTROL]["verdict"] == "steady"
    assert set(rows) == {CONTROL, DEAR, FREE, "exit-cost/metrics/cpl0"}


def test_mended_regression_is_status_0_and_still_listed(tmp_path):
    def change(of, at):
        dearer(20, 1.1)(of, at)
        dearer(50, 1 / 1.1)(of, at)

    done, rows, _ = said(a_history(tmp_path, 90, change))
    assert done.status == 0
    assert rows[DEAR]["verdict"] == "steady" and len(rows[DEAR]["steps"]) == 2


def test_suspicious_fall_is_status_1(tmp_path):
    done, rows, _ = said(a_history(tmp_path, 40, dearer(30, 0.01)))
    assert (done.status, rows[DEAR]["verdict"]) == (1, "suspicious")
    assert "SUSPICIOUS" in call("trend", tmp_path).out


def test_unconfirmed_and_improved_rows_are_status_0(tmp_path):
    def change(of, at):
        dearer(58, 1.3)(of, at)
        dearer(35, 0.8, CONTROL)(of, at)

    done, rows, _ = said(a_history(tmp_path, 60, change))
    assert (done.status, rows[DEAR]["verdict"], rows[CONTROL]["verdict"]) == \
        (0, "unconfirmed", "improvement")
    assert "perhaps slower" in call("trend", tmp_path).out


def test_each_host_is_judged_alone(tmp_path):
    for host, level in ("one", 1000), ("two", 3000):
        a_history(tmp_path, 20, rows={CONTROL: level}, host=host)
    a_history(tmp_path, 20, dearer(30, 1.1, CONTROL), start=20, rows={CONTROL: 1000}, host="one")
    done, _, of = said(tmp_path)
    found = {row["host"]: (row["verdict"], row["points"]) for row in of["rows"]}
    assert found == {"one": ("regression", 40), "two": ("steady", 20)}
    assert done.status == 1


def test_magnitude_is_how_far_a_level_has_to_move(tmp_path):
    a_history(tmp_path, 40, dearer(25, 1.05))
    assert call("trend", tmp_path).status == 1
    assert call("trend", "--magnitude", "8", tmp_path).status == 0


def test_noise_floor_of_the_machine_counts(tmp_path, monkeypatch):
    a_history(tmp_path / "of", 40, dearer(25, 1.05))
    machine = ["synthetic", "Synthetic processor (6/207/2)", "vmx"]
    written(tmp_path / "results/noise-floor-synthetic.json",
            {"schema": "rdpmc-noise-floor/1", "measured": "2026-01-02T03:04:00Z",
             "machine": machine, "kernel": "6.12", "program": "x", "runs": 10, "pairs": 10,
             "overall": 0.1, "rows": {}})
    assert call("trend", tmp_path / "of").status == 1
    monkeypatch.chdir(tmp_path)
    assert call("trend", tmp_path / "of").status == 0


def test_damaged_files_leave_a_regression_status_1_and_a_good_history_status_3(tmp_path):
    a_history(tmp_path, 40)
    written(tmp_path / "bad.json", b"{")
    assert call("trend", tmp_path).status == 3
    a_history(tmp_path, 40, dearer(25, 1.1))
    done, _, of = said(tmp_path)
    assert done.status == 1
    assert [each["file"] for each in of["skipped"]] == [str(tmp_path / "bad.json")]
    assert done.told[-1] == "results: 1 file skipped"


def test_single_result_is_too_short_but_good(tmp_path):
    done = call("trend", written(tmp_path / "a.json", exact({CONTROL: [1.0]})))
    assert done.status == 0
    assert done.out.startswith("No verdict: too few results of 1 benchmark\n1 result of 1 host, ")
    assert "1 benchmark not judged: fewer than 10 results" in done.out and "unchanged" not in done.out


def test_repositorys_own_results_are_no_history(tmp_path):
    written(tmp_path / "recorded/a.json", exact({CONTROL: [1.0]}))
    done = call("trend", tmp_path)
    assert (done.status, done.out) == (2, "") and "no result of rdpmc-bench" in done.err
    assert call("trend", tmp_path / "recorded").status == 0


def test_what_is_unknown_explains_no_change(tmp_path):
    def change(of, at):
        dearer(25, 1.08)(of, at)
        of["context"]["governor"] = None if at < 25 else "performance"

    done = call("trend", a_history(tmp_path, 40, change))
    assert "SLOWER" in done.out and "governor" not in done.out


def test_time_is_told_in_utc_and_in_order():
    assert text.date(1774751400) == "2026-03-29 02:30"


def test_disturbed_results_are_told_and_leave_a_good_history_good(tmp_path):
    def noise(of, at):
        of["context"]["noise"]["cpu_share"] = 0.5 if at >= 30 else 1.0
        if at >= 30:
            dearer(0, 1.3)(of, at)
    a_history(tmp_path, 36, noise)
    done = call("trend", tmp_path)
    assert done.status == 0 and "6 of 36 results disturbed" in done.out and "UNRELIABLE" not in done.out
    done, rows, _ = said(tmp_path)
    assert all((row["disturbed"], row["left_out"]) == (6, 6) for row in rows.values())
    # The same without most of the others: too few to say how it is now.
    for path in sorted(tmp_path.glob("*.json"))[:24]:
        path.unlink()
    a_history(tmp_path, 10, noise, start=36)
    done = call("trend", tmp_path)
    assert done.status == 1 and "16 results, 16 of them disturbed" in done.out and \
        done.out.startswith("UNRELIABLE: 4 benchmarks judged by disturbed results")
