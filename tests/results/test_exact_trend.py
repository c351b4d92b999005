# SPDX-License-Identifier: GPL-2.0-or-later
"""The history of exact rows: each difference is told with the result where it came, without statistics."""

import pytest

from rdpmc_results import history, trend
from test_exact import DEAR, OTHER, PATH, path, recorded
from test_files import CONTROL, call, strictly, written
from test_schemas import holds


def made(tmp_path, *paths, **more):
    """A folder of results with these paths of DEAR, one after the other; None: without one."""
    for at, figures in enumerate(paths):
        of = recorded({OTHER: PATH} | ({DEAR: figures} if figures else {}), at=at, **more)
        of["context"]["kernel"]["release"] = f"7.{at}"
        written(tmp_path / f"{at:02}.json", of)
    return tmp_path


def watched(folder, name=DEAR):
    of = history.read([str(folder)])
    assert not of.skipped
    return next(each for each in trend.watch(of) if each.series.name == name)


def told(folder):
    """(status, row of DEAR in the JSON, what was printed)."""
    done = call("trend", folder)
    rows = strictly(call("trend", "--json", folder).out)["rows"]
    return done.status, next(row for row in rows if row["name"] == DEAR), done.out


def test_one_instruction_in_the_newest_of_two_results_is_a_regression(tmp_path):
    status, row, out = told(made(tmp_path, path(), path(1)))
    assert (status, row["verdict"], row["kind"]) == (1, "regression", "step")
    assert f"first in {tmp_path}/01.json" in out and f"{DEAR}: +1 instructions (2703 -> 2704)" in out
    assert "kernel: 7.0 -> 7.1" in out and section(out).startswith("LONGER")
    assert "1 exact benchmark identical in every result" in out


def test_result_where_it_came_and_by_how_much(tmp_path):
    status, row, out = told(made(tmp_path, path(), path(), path(34, ["0x38f"]), path(34, ["0x38f"])))
    assert status == 1 and row["since"]["file"].endswith("02.json")
    move, = row["exact"]
    assert move["before"]["file"].endswith("01.json") and move["after"]["file"].endswith("02.json")
    assert move["work"] == [{"figure": "instructions", "before": 2703, "after": 2737},
                            {"figure": "wrmsr 0x38f", "before": 5, "after": 6}]
    assert ["kernel", "7.1", "7.2"] in move["changed"]
    assert "+34 instructions (2703 -> 2737), +1 WRMSR 0x38f (5 -> 6)" in out


def test_msr_alone_is_a_regression(tmp_path):
    status, row, out = told(made(tmp_path, path(), path(0, ["0x38f"])))
    assert (status, row["verdict"], row["ratio"]) == (1, "regression", 1.0)
    assert "+1 WRMSR 0x38f (5 -> 6)" in out


def test_shorter_is_no_regression(tmp_path):
    status, row, out = told(made(tmp_path, path(5), path()))
    assert (status, row["verdict"]) == (0, "improvement") and section(out) == "shorter"


def section(out, name=DEAR):
    """The heading under which a benchmark stands."""
    lines = out.splitlines()
    at = next(at for at, line in enumerate(lines) if line.strip().startswith(name))
    return next(line for line in reversed(lines[:at]) if not line.startswith(" "))


def test_fewer_instructions_and_more_of_something_else_is_not_called_longer(tmp_path):
    status, row, out = told(made(tmp_path, path(), path(-100, ["0x38f"])))
    assert (status, row["verdict"], row["exact"][0]["verdict"]) == (1, "regression", "mixed")
    assert "LONGER" not in out and section(out).startswith("MIXED")
    assert out.startswith(
        "4 benchmarks: 1 mixed (no more instructions, but more of something else), 1 unchanged, 2 with too few "
        "results\n")


def test_more_instructions_and_less_of_something_else_is_longer(tmp_path):
    out = told(made(tmp_path, path(0, ["0x38f"]), path(100)))[2]
    assert section(out).startswith("LONGER") and \
        out.startswith("4 benchmarks: 1 longer by up to 3.7 %, 1 unchanged, 2 with too few results\n")


def test_move_that_made_it_shorter_is_not_listed_under_longer(tmp_path):
    status, row, out = told(made(tmp_path, path(), path(-100), path(-90)))
    assert section(out).startswith("LONGER") and "+10 instructions" in out and "-100 instructions" not in out
    assert "1 other recent change of these benchmarks: --json" in out
    assert row["ratio"] == pytest.approx(2613 / 2603)


def test_footprint_alone_is_a_note(tmp_path):
    status, row, out = told(made(tmp_path, path(), path(text_lines=220), path(text_lines=214)))
    assert (status, row["verdict"], row["since"]) == (0, "steady", None)
    assert [move["verdict"] for move in row["exact"]] == ["footprint"] * 2
    assert "no regression" in out and "footprint: +6 text lines (214 -> 220)" in out


def test_what_went_and_came_back_is_told_and_no_regression(tmp_path):
    status, row, out = told(made(tmp_path, path(9), path(), path(9)))
    assert (status, row["verdict"]) == (1, "regression")        # the last move makes it longer
    status, row, out = told(made(tmp_path / "back", path(), path(9), path()))
    assert (status, row["verdict"]) == (0, "steady") and section(out) == "changed and came back"
    assert "+9 instructions (2703 -> 2712)" in out and "-9 instructions (2712 -> 2703)" in out


def test_longer_again_after_it_became_shorter_is_a_regression(tmp_path):
    found = watched(made(tmp_path, path(), path(-100), path(-90)))
    assert (found.verdict, found.since) == ("regression", 2)


def test_single_result_is_not_called_the_same(tmp_path):
    status, row, out = told(made(tmp_path, path()))
    assert (status, row["verdict"], row["exact"]) == (0, "short", [])
    assert "2 benchmarks not judged: an exit path in one result only" in out and "identical" not in out


def test_footprint_behind_it_hides_nothing(tmp_path):
    found = watched(made(tmp_path, path(), path(-100), path(-90), path(-90, text_lines=220)))
    assert (found.verdict, found.since) == ("regression", 2)


def test_since_is_where_it_became_longer(tmp_path):
    found = watched(made(tmp_path, path(), path(50), path(40)))
    assert (found.verdict, found.since) == ("regression", 1)
    found = watched(made(tmp_path / "less", path(), path(-50), path(-50), path(-50, text_lines=220)))
    assert (found.verdict, found.since) == ("improvement", 1)


def test_old_move_is_no_regression_any_more(tmp_path):
    found = watched(made(tmp_path, path(), *[path(3)] * (trend.RECENT + 1)))
    assert found.verdict == "steady" and len(found.moves) == 1
    found = watched(made(tmp_path / "less", path(), *[path(3)] * trend.RECENT))
    assert found.verdict == "regression"


def test_result_without_a_path_is_no_neighbour(tmp_path):
    found = watched(made(tmp_path, path(), None, path()))
    assert (found.verdict, found.moves, found.left_out) == ("steady", [], 1)
    found = watched(made(tmp_path / "moved", path(), None, path(2)))
    assert (found.verdict, found.since, found.moves[0].before) == ("regression", 2, 0)


@pytest.mark.parametrize("level", (0.4, 1.5))
def test_median_of_an_exact_row_has_no_say(level, tmp_path):
    for at in range(16):
        written(tmp_path / f"{at:02}.json",
                recorded(at=at, level=level if at > 7 else 1.0, only="intercepted"))
    found = trend.watch(history.read([str(tmp_path)]))
    assert {each.verdict for each in found} == {"steady"}
    assert {each.series.name for each in found if each.moves is None} == {CONTROL, "rdpmc/metrics/passthrough/cpl0"}


def test_how_many_exits_were_recorded_is_no_move(tmp_path):
    assert watched(made(tmp_path, path(), path(disturbed=5, same=50), path())).moves == []


def test_two_kernels_with_the_same_figures_are_two_results(tmp_path):
    """A booted machine's clock begins at the same time."""
    for at in range(2):
        of = recorded()
        of["context"]["kernel"]["release"] = f"7.{at}"
        written(tmp_path / f"{at}.json", of)
    assert len(history.read([str(tmp_path)]).points) == 2
    assert "on both sides" not in call("compare", tmp_path / "0.json", "--", tmp_path / "1.json").out


def test_paths_are_remembered(tmp_path, monkeypatch):
    folder = made(tmp_path / "results", path(), path(), path(34, ["0x38f"]))
    fresh = [series.paths for series in history.read([str(folder)]).series]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(history, "FEW", 0)
    monkeypatch.setattr("rdpmc_results.memory.YOUNG", -1)
    history.read([str(folder)])
    monkeypatch.setattr(history, "condense", None)          # what is not remembered would be read
    monkeypatch.setattr("rdpmc_results.workers.each", lambda function, chunks: (_ for _ in chunks))
    of = history.read([str(folder)])
    assert [series.paths for series in of.series] == fresh and len(of.points) == 3


def test_trend_is_as_its_schema_says(tmp_path):
    of = strictly(call("trend", "--json", made(tmp_path, path(), path(34, ["0x38f"], text_lines=216))).out)
    of["rows"].sort(key=lambda row: row["name"] != DEAR)
    assert of["rows"][0]["exact"] and any(row["exact"] is None for row in of["rows"])
    holds("rdpmc-trend-1", of)
