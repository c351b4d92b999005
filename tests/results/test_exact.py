# SPDX-License-Identifier: GPL-2.0-or-later
"""Exit paths of an emulated machine are exact: every difference counts, and nothing but a difference.

The helpers here serve the other tests of exact figures as well."""

import copy
import json
import re

import pytest

from rdpmc_results import exact, files
from test_emulated import emulated
from test_files import CONTROL, DEAR, FREE, call, result, row_of, strictly, written
from test_schemas import holds

OTHER = "rdpmc/gp-first/intercepted/cpl0"
ROWS = {CONTROL: 1150.0, DEAR: 2750.0, OTHER: 2750.0, FREE: 1.0}
PATH = {
    "reason": 15, "exits": 64, "disturbed": 1, "same": 63, "instructions": 2703, "user": 0, "rdmsr": 3, "wrmsr": 26,
    "vmread": 9, "vmwrite": 1, "atomic": 7, "indirect": 5, "exceptions": 0, "text_lines": 214, "text_pages": 42,
    "stack_lines": 5, "stack_pages": 1, "data_lines": 90, "data_pages": 33, "user_lines": 0, "user_pages": 0,
    "rdmsr_by_register": {"0x1d9": 1, "0x38e": 2},
    "wrmsr_by_register": {"0x186": 2, "0x187": 1, "0x188": 2, "0x189": 2, "0x309": 2, "0x30a": 2, "0x30b": 2,
                          "0x38d": 2, "0x38f": 5, "0x4c1": 2, "0x4c3": 2, "0x4c4": 2}}
OUTER = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_ioctl;kvm_vcpu_ioctl;vcpu_enter_guest"
STACKS = {f"{OUTER};vmx_vcpu_run": 1203, f"{OUTER};vmx_handle_exit;kvm_emulate_rdpmc;kvm_pmu_rdpmc": 161,
          f"{OUTER};kvm_mediated_pmu_put;perf_load_guest_context": 900, OUTER: 439}


def path(more=0, wrmsr=(), **changes):
    """PATH with @more instructions, writes of the MSRs @wrmsr added, and figures changed."""
    made = copy.deepcopy(PATH) | changes
    made["instructions"] += more
    for register in wrmsr:
        made["wrmsr"] += 1
        made["wrmsr_by_register"][register] = made["wrmsr_by_register"].get(register, 0) + 1
    return made


def recorded(paths=None, at=0, stacks=None, **arguments):
    """A result of an emulated machine that has these exit paths, and profiles; {} none."""
    of = emulated(result(at=at, rows=ROWS, **arguments))
    for name, figures in ({DEAR: PATH, OTHER: PATH} if paths is None else paths).items():
        row_of(of, name)["exit_path"] = copy.deepcopy(figures)
    if stacks:
        details = of.pop("details")
        of |= {"exit_profiles": {name: {"stacks": each} for name, each in stacks.items()}, "details": details}
    return of


def both(tmp_path, a, b):
    """Words for compare of two results, or of two lists of them."""
    sides = [[written(tmp_path / f"{name}-{at}.json", of)
              for at, of in enumerate(side if isinstance(side, list) else [side])]
             for name, side in (("a", a), ("b", b))]
    return [*sides[0], "--", *sides[1]]


def compared(tmp_path, a, b):
    """(status, {name: exact row}, what was printed) of compare."""
    words = both(tmp_path, a, b)
    told = strictly(call("compare", "--json", *words).out)
    done = call("compare", *words)
    return done.status, {row["name"]: row for row in told["exact"]}, done.out, told


def line_of(out, name):
    return next(line for line in out.splitlines() if line.startswith(name))


# Reading

def test_path_is_read_by_register(tmp_path):
    row = row_read(tmp_path, recorded())
    assert row.path["instructions"] == 2703 and row.path["wrmsr 0x38f"] == 5 and row.path["rdmsr 0x38e"] == 2


def row_read(tmp_path, of, name=DEAR):
    return next(row for row in files.read(str(written(tmp_path / "read.json", of))).rows if row.name == name)


@pytest.mark.parametrize("change", (
    *({key: bad} for key in ("instructions", "reason", "user_pages") for bad in (None, "1", -1, 1.5, True, 1 << 60)),
    {"instructions": 0}, {"same": 0}, {"wrmsr_by_register": None}, {"wrmsr_by_register": {"911": 1}},
    {"wrmsr_by_register": {"0x38f": 0}}, {"wrmsr_by_register": {"0x38f": "5"}},
    {"rdmsr_by_register": {"0x1\n": 1}}, {"rdmsr_by_register": {f"0x{n:x}": 1 for n in range(1, 99)}}))
def test_damaged_path_is_refused(change, tmp_path):
    with pytest.raises(files.Refused, match=DEAR):
        row_read(tmp_path, recorded({DEAR: PATH | change}))


@pytest.mark.parametrize("figures", ([], "none", None))
def test_path_that_is_no_object_is_refused(figures, tmp_path):
    of = recorded()
    row_of(of, DEAR)["exit_path"] = figures
    with pytest.raises(files.Refused, match="exit_path is no object"):
        row_read(tmp_path, of)


def test_path_of_a_real_processor_is_refused(tmp_path):
    of = result()
    row_of(of, DEAR)["exit_path"] = PATH
    with pytest.raises(files.Refused, match="of a real processor"):
        row_read(tmp_path, of)


def test_profiles_are_read_with_and_without_the_details(tmp_path):
    place = str(written(tmp_path / "a.json", recorded(stacks={DEAR: STACKS})))
    assert files.read(place).profiles == files.read(place, details=True).profiles == {DEAR: STACKS}


@pytest.mark.parametrize("profiles", (
    [], {DEAR: {"stacks": []}}, {DEAR: STACKS}, {FREE: {"stacks": {"a": 1}}}, {DEAR: {"stacks": {"a": 2702}}},
    {DEAR: {"stacks": {"a": 2703.0}}}, {DEAR: {"stacks": {"a": 2704, "b": -1}}}, {DEAR: {"stacks": {"a;;b": 2703}}},
    {DEAR: {"stacks": {"": 2703}}}, {DEAR: {"stacks": {"a\x1b[2J": 2703}}},
    {DEAR: {"stacks": {";".join("a" * 999): 2703}}}))
def test_damaged_profile_is_refused(profiles, tmp_path):
    of = recorded(stacks={DEAR: STACKS})
    of["exit_profiles"] = profiles
    with pytest.raises(files.Refused, match="profile"):
        files.read(str(written(tmp_path / "a.json", of)))


# Words

def test_difference_in_words():
    a, b = files.exit_path(path(), DEAR), files.exit_path(path(34, ["0x38f"], text_lines=216), DEAR)
    assert exact.differences(a, b) == "+34 instructions (2703 -> 2737), +1 WRMSR 0x38f (5 -> 6); " \
        "footprint: +2 text lines (214 -> 216)"
    assert exact.differences(b, a).startswith("-34 instructions (2737 -> 2703), -1 WRMSR 0x38f (6 -> 5); ")
    assert exact.differences(a, a) == ""


def test_register_for_another_is_a_difference_though_totals_are_the_same():
    less = path(wrmsr=["0x390"])
    less["wrmsr"] -= 1
    less["wrmsr_by_register"]["0x38f"] -= 1
    a, b = files.exit_path(path(), DEAR), files.exit_path(less, DEAR)
    assert exact.differences(a, b) == "-1 WRMSR 0x38f (5 -> 4), +1 WRMSR 0x390 (0 -> 1)"
    assert exact.verdict_of(a, b) == "mixed"


def test_total_is_told_where_registers_do_not_add_up_to_it():
    """Of more than 64 registers the others are not told apart."""
    a, b = files.exit_path(path(), DEAR), files.exit_path(path(wrmsr=["0x38f"]) | {"wrmsr": 29}, DEAR)
    assert exact.differences(a, b) == "+3 WRMSR (26 -> 29), +1 WRMSR 0x38f (5 -> 6)"


def test_many_differences_in_a_line():
    of = files.exit_path(path(), DEAR)
    few = files.exit_path(path(34, ["0x38f"], text_lines=216), DEAR)
    assert exact.brief(of, few) == "+34 instructions (2703 -> 2737), +1 WRMSR 0x38f (5 -> 6)"
    many = files.exit_path(path(34, ["0x38f", "0x390", "0x391"], atomic=9), DEAR)
    assert exact.brief(of, many) == "+34 instructions (2703 -> 2737), +3 WRMSR (26 -> 29)"
    others = files.exit_path(path(atomic=9, indirect=9, vmread=10, vmwrite=2), DEAR)
    assert exact.brief(of, others) == "+1 VMWRITE (1 -> 2), +1 VMREAD (9 -> 10), +2 atomic operations (7 -> 9)"
    assert exact.brief(of, files.exit_path(path(text_lines=216), DEAR)) == ""


# Comparing

FIGURES = [key for key, value in PATH.items() if isinstance(value, int) and key not in exact.RECORDED]


@pytest.mark.parametrize("figure", FIGURES)
def test_any_figure_that_differs_is_told(figure, tmp_path):
    status, rows, out, _ = compared(tmp_path, recorded(at=0), recorded({DEAR: PATH | {figure: PATH[figure] + 1},
                                                                        OTHER: PATH}, at=1))
    found = rows[DEAR]["work"] + rows[DEAR]["footprint"]
    assert found == [{"figure": figure, "a": PATH[figure], "b": PATH[figure] + 1}]
    layout = figure in exact.FOOTPRINT
    assert rows[DEAR]["verdict"] == ("footprint" if layout else "another exit" if figure == "reason" else "longer")
    assert status == (0 if layout else 1)
    shown = "2703  2704      +1  LONGER" if figure == "instructions" else f"{PATH[figure]} -> {PATH[figure] + 1}"
    assert shown in line_of(out, DEAR)
    assert rows[OTHER]["verdict"] == "identical" and "1 identical" in out


@pytest.mark.parametrize("figure", exact.RECORDED)
def test_how_many_exits_were_recorded_is_no_difference(figure, tmp_path):
    changed = recorded({DEAR: PATH | {figure: PATH[figure] - 1}, OTHER: PATH}, at=1)
    status, rows, out, _ = compared(tmp_path, recorded(), changed)
    assert status == 0 and {row["verdict"] for row in rows.values()} == {"identical"}
    assert "2 exit paths identical: instructions, MSR accesses and all else" in out


def test_one_instruction_of_one_file_a_side_alarms(tmp_path):
    status, rows, out, _ = compared(tmp_path, recorded(), recorded({DEAR: path(1), OTHER: PATH}, at=1))
    assert (status, rows[DEAR]["verdict"]) == (1, "longer")
    assert re.search("2703 +2704 +[+]1 +LONGER$", line_of(out, DEAR))
    assert "2 exit paths: 1 longer, 1 identical" in out


def test_shorter_is_no_alarm(tmp_path):
    status, rows, _, _ = compared(tmp_path, recorded({DEAR: path(5)}), recorded({DEAR: path()}, at=1))
    assert (status, rows[DEAR]["verdict"]) == (0, "shorter")


def test_half_a_path_is_not_suspicious(tmp_path):
    """An intercepted read at half its cost is, elsewhere; here the exits were recorded."""
    status, rows, out, _ = compared(tmp_path, recorded({DEAR: path()}), recorded({DEAR: path(-1700)}, at=1))
    assert (status, rows[DEAR]["verdict"]) == (0, "shorter") and "SUSPICIOUS" not in out


def test_what_became_less_does_not_hide_what_became_more(tmp_path):
    status, rows, out, _ = compared(tmp_path, recorded({DEAR: path()}), recorded({DEAR: path(-9, ["0x38f"])}, at=1))
    assert (status, rows[DEAR]["verdict"]) == (1, "mixed") and \
        re.search("-9 +MIXED: [+]1 WRMSR 0x38f", line_of(out, DEAR))


@pytest.mark.parametrize("level", (1.5, 0.4))
def test_median_of_an_exact_row_is_not_judged(level, tmp_path):
    """However far it is off, and the exit cost that would be made of it."""
    a, b = ([recorded(at=2 * at + side, runs=10, level=level if side else 1.0, only="intercepted")
             for at in range(10)] for side in (0, 1))
    status, rows, out, told = compared(tmp_path, a, b)
    assert status == 0 and {row["verdict"] for row in rows.values()} == {"identical"}
    assert {row["name"] for row in told["rows"]} == {CONTROL, FREE}
    assert "exit-cost" not in out


def test_rows_without_paths_are_judged_as_ever(tmp_path):
    a, b = ([recorded(at=2 * at + side, runs=10, level=1.5 if side else 1.0, only=CONTROL)
             for at in range(10)] for side in (0, 1))
    status, _, out, told = compared(tmp_path, a, b)
    assert status == 1 and "SLOWER" in line_of(out, CONTROL)
    assert next(row for row in told["rows"] if row["name"] == CONTROL)["verdict"] == "slower"


def test_statistics_are_not_excused_where_there_are_none(tmp_path):
    def alone(of):
        of["rows"] = [row for row in of["rows"] if row["name"] in (DEAR, OTHER)]
        of["details"] = {name: of["details"][name] for name in (DEAR, OTHER)}
        return of
    status, _, out, told = compared(tmp_path, alone(recorded()), alone(recorded(at=1)))
    assert status == 0 and not told["rows"]
    assert "interval" not in out and "noise floor" not in out and "0 benchmarks" not in out
    assert not any("interval" in each or "Welch" in each for each in told["warnings"])


@pytest.mark.parametrize("where, status", (("A", 1), ("B", 0)))
def test_path_on_one_side_only_is_told(where, status, tmp_path):
    """And is an alarm where it was lost, as any row is."""
    has, lacks = recorded(at=0), recorded({OTHER: PATH}, at=1)
    found, rows, out, told = compared(tmp_path, *((has, lacks) if where == "A" else (lacks, has)))
    assert found == status and DEAR not in rows
    assert DEAR not in {row["name"] for row in told["rows"]}
    names = told["lost" if where == "A" else "not_compared"]
    assert [name for name, _ in names] == [DEAR]
    assert ("LOST: " if where == "A" else "not compared: ") + DEAR in out and "the medians are not judged" in out


def test_results_of_one_side_that_differ_are_told(tmp_path):
    b = [recorded({DEAR: path(more)}, at=at) for at, more in ((2, 0), (3, 7))]
    status, rows, out, _ = compared(tmp_path, [recorded({DEAR: path()}, at=at) for at in (0, 1)], b)
    assert (status, rows[DEAR]["verdict"]) == (1, "varies")
    assert "VARIES: results of B differ: +7 instructions (2703 -> 2710)" in line_of(out, DEAR)


def test_file_of_a_side_that_lacks_the_path_is_told(tmp_path):
    b = [recorded({DEAR: path()}, at=2), recorded({}, at=3)]
    status, rows, out, _ = compared(tmp_path, [recorded({DEAR: path()}, at=at) for at in (0, 1)], b)
    assert (status, rows[DEAR]["verdict"]) == (0, "identical")
    assert "1 of 2 results of B have no exit path" in line_of(out, DEAR)


def test_path_that_few_exits_took_is_doubted(tmp_path):
    status, rows, out, _ = compared(tmp_path, recorded(), recorded({DEAR: PATH | {"same": 20}, OTHER: PATH}, at=1))
    assert (status, rows[DEAR]["verdict"]) == (0, "identical")
    assert "B: only 20 of 63 undisturbed exits took this path" in line_of(out, DEAR)


def busy(of):
    of["context"]["noise"]["cpu_share"] = 0.9
    return of


def test_exact_rows_of_a_disturbed_result_are_compared_and_no_others(tmp_path):
    """Other tasks take time, and nothing of an exit's path."""
    b = busy(recorded({DEAR: path(1), OTHER: PATH}, at=1))
    status, rows, out, told = compared(tmp_path, recorded(), b)
    assert (status, rows[DEAR]["verdict"], told["rows"]) == (1, "longer", [])
    assert "note: 1 of 1 result of B: exit paths only, other tasks had the CPU for 10 %" in out
    assert "UNRELIABLE: 1" not in out and "only in A" not in out
    words = both(tmp_path, recorded(), b)
    told = strictly(call("compare", "--json", "--disturbed", *words).out)
    assert {row["name"] for row in told["rows"]} == {CONTROL, FREE} and len(told["exact"]) == 2


def test_disturbed_result_without_paths_is_skipped_as_ever(tmp_path):
    done = call("compare", *both(tmp_path, recorded(), busy(recorded({}, at=1))))
    assert done.status == 2 and "(--disturbed compares it all the same)" in done.err


def test_path_lost_in_a_disturbed_result_is_told(tmp_path):
    status, rows, out, told = compared(tmp_path, recorded(), busy(recorded({OTHER: PATH}, at=1)))
    assert status == 1 and [name for name, _ in told["lost"]] == [DEAR] and OTHER in rows


def test_comparison_is_as_its_schema_says(tmp_path):
    b = recorded({DEAR: path(34, ["0x38f"], text_lines=216), OTHER: PATH | {"same": 20}}, at=1)
    told = json.loads(call("compare", "--json", *both(tmp_path, recorded(), b)).out)
    assert told["exact"][0]["work"] and told["exact"][0]["footprint"] and told["exact"][1]["notes"]
    holds("rdpmc-comparison-1", told)
