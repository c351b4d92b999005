# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded exits, by made ones: by function, compared, and kept."""

import argparse
import json
import os
import subprocess

import pytest

from rdpmc_machine import kernel, kernels, main, paths, profile
from rdpmc_machine.failed import Failed

SYMBOLS = paths.Symbols([(0xffffffff81000000, "vcpu_run"), (0xffffffff81001000, "emulate"), (0xffffffff81002000, "native_write_msr"),
                         (0xffffffff81003000, "__emulate_alias"), (0xffffffff81003000, "tail"), (0xffffffff81004000, "read.isra.0")])
RUN, EMULATE, WRITE, TAIL, READ = (0xffffffff81000000 + 0x1000 * n for n in range(5))


def recorded(name="rdpmc/gp-first/intercepted/cpl3", nops=0, wrmsr=0x38f, branch=0, moved=0, extra=(), counted=0, **given):
    """An exit: vcpu_run calls emulate, which writes an MSR by its wrapper, ends by a jump to tail, and returns."""
    events = [RUN, f"c {EMULATE:x}", EMULATE, *[EMULATE + 1 + n for n in range(nops)], f"c {WRITE:x}", WRITE,
              f"m {wrmsr:x} 0", "r", EMULATE + 0x100 + moved, TAIL, "r", RUN + 8, *extra]
    instructions = sum(isinstance(each, int) for each in events)
    opcode = {EMULATE + 0x100 + moved: 7 + branch}
    figures = dict.fromkeys(paths.FIGURES, 0) | {"reason": 15, "exits": 64, "disturbed": 1, "same": 63, "wrmsr": 1,
                                                 "instructions": instructions + counted} | given
    lines = [f"path {name}", "figures " + " ".join(str(figures[each]) for each in paths.FIGURES) + f" 1 {1 << 32 | wrmsr} 1",
             f"frames {RUN - 0x1000:x} {RUN:x}", *(f"{each:x} {opcode.get(each, 1):x}" if isinstance(each, int) else each for each in events), "end"]
    return "\n".join(lines) + "\n"


def of(text):
    exits, _ = paths.parse(text)
    return {each.name: paths.profile(each, SYMBOLS) for each in exits}


def one(**how):
    return next(iter(of(recorded(**how)).values()))


def test_an_exit_is_read_back():
    exits, sent = paths.parse("symbols\nmodule kvm .text 0xffffffffc0000000\nffffffff81000000 vcpu_run\nend\n" + recorded())
    assert sent == ["module kvm .text 0xffffffffc0000000", "ffffffff81000000 vcpu_run"]
    assert [each.name for each in exits] == ["rdpmc/gp-first/intercepted/cpl3"]
    assert exits[0].figures["exits"] == 64 and exits[0].figures["instructions"] == 6
    assert exits[0].msrs == {(0x38f, True): 1}
    assert exits[0].frames == [RUN - 0x1000, RUN]
    assert exits[0].events[:3] == [("i", RUN, 1), ("c", EMULATE), ("i", EMULATE, 1)]


def test_figures_of_another_struct_are_refused():
    with pytest.raises(Failed, match="another version"):
        paths.parse("path x\nfigures " + " ".join("0" for _ in paths.FIGURES) + " 2 1 1\nend\n")


def test_figures_are_those_of_the_header():
    """paths.FIGURES is struct path in machine/path.h, in its order."""
    root = os.path.join(os.path.dirname(__file__), "../..")
    with open(os.path.join(root, "machine/path.h"), encoding="utf-8") as file:
        body = file.read().split("struct path {")[1].split("nr_msrs")[0]
    names = []
    for line in body.split("*/"):
        line = line.split("/*")[0]
        for statement in line.split(";"):
            words = statement.replace(",", " ").split()
            names += words[1:] if words[:1] == ["uint64_t"] else []
    assert names == paths.FIGURES


def test_functions_have_their_own():
    functions = one().functions
    assert {name: each.instructions for name, each in functions.items()} == \
        {"vcpu_run": 2, "emulate": 2, "native_write_msr": 1, "tail": 1}
    assert functions["emulate"].calls == functions["native_write_msr"].calls == 1
    assert functions["tail"].calls == 0


def test_a_wrappers_access_is_its_callers():
    functions = one().functions
    assert functions["emulate"].msrs == {(0x38f, True): 1}
    assert not functions["native_write_msr"].msrs


def test_stacks_have_what_was_left_by_a_jump():
    base = f"{RUN - 0x1000:#x};vcpu_run"
    assert one().stacks == {base: 2, f"{base};emulate": 2, f"{base};emulate;native_write_msr": 1, f"{base};emulate;tail": 1}


def test_returns_below_the_first_frame_go_on():
    made = one(extra=["r", "r", "r", RUN + 9])
    assert made.functions["vcpu_run"].instructions == 3
    assert made.stacks["vcpu_run"] == 1


def test_an_exception_is_the_functions_in_which_it_came():
    made = one(extra=[f"x d {EMULATE + 3:x}", READ])
    assert made.functions["emulate"].exceptions == {13: 1} and not made.functions["read.isra.0"].exceptions
    assert sum(made.stacks.values()) == made.figures["instructions"] == 7


def test_the_process_is_called_by_nobody_and_calls_nobody():
    """SYSRET and SYSCALL are no calls."""
    made = one(extra=[0x401000, "c 402000", 0x402000, EMULATE, f"c {TAIL:x}", TAIL])
    assert made.functions[paths.PROCESS].instructions == 2
    assert made.stacks[paths.PROCESS] == 1 and made.stacks[f"{paths.PROCESS};{paths.PROCESS}"] == 1
    assert made.stacks["emulate"] == made.stacks["emulate;tail"] == 1
    assert paths.inclusive(made.stacks)[paths.PROCESS] == 2


def test_a_profile_that_does_not_add_up_is_refused():
    with pytest.raises(Failed, match="the profile has 6 instructions, the exit 7"):
        one(counted=1)


def test_addresses_have_names():
    assert SYMBOLS.find(TAIL + 3) == ("tail", 3)             # not the alias with underscores
    assert SYMBOLS.find(0x401000) == ("the process", 0)
    assert SYMBOLS.find(RUN - 1) == (f"{RUN - 1:#x}", 0)


def test_modules_are_where_they_were_loaded(tmp_path):
    (tmp_path / "kvm-intel.ko").write_bytes(b"")
    (tmp_path / "kvm-intel.symbols").write_text(".text 10 vmx_vcpu_run\n.noinstr.text 0 vmx_vmexit\n.init.text 0 gone\n")
    made = kernels.Kernel("name", "image", {"kvm-intel": str(tmp_path / "kvm-intel.ko")})
    sent = ["module kvm_intel .text 0xffffffffc0000000", "module kvm_intel .noinstr.text 0xffffffffc0100000",
            "module other .text 0xffffffffc0200000"]
    table = paths.symbols(sent, made, ["ffffffff81000000 T vcpu_run", "ffffffff82000000 D data", "ffffffff81000100 plain"])
    assert table.find(0xffffffffc0000012) == ("vmx_vcpu_run", 2)
    assert table.find(0xffffffffc0100001) == ("vmx_vmexit", 1)
    assert table.find(0xffffffff81000004) == ("vcpu_run", 4)
    assert table.find(0xffffffff81000101) == ("plain", 1)
    assert "data" not in table.names and "gone" not in table.names


@pytest.mark.parametrize("how, lines", [
    ({}, []),
    ({"nops": 1}, ["+1 instruction in emulate()"]),
    ({"nops": 3}, ["+3 instructions in emulate()"]),
    ({"wrmsr": 0x38d}, ["+1 WRMSR IA32_FIXED_CTR_CTRL, -1 WRMSR IA32_PERF_GLOBAL_CTRL in emulate()"]),
    ({"branch": 4}, ["other instructions, as many in emulate()"]),
    ({"moved": 4}, []),         # the same operations elsewhere in the function
    ({"atomic": 2, "vmread": 1}, ["+1 VMREAD", "+2 atomic operations"]),
    ({"reason": 30}, ["another exit: reason 15 -> 30"]),
    ({"same": 40, "disturbed": 0}, ["this path is taken by 63 of 63 exits, 1 more hit by an interrupt in A, 40 of 64 exits in B"]),
    ({"same": 62}, []),         # another process may have run
    ({"extra": [READ]}, ["+1 instruction in read() (only in B)"]),
    ({"extra": [f"x 6 {RUN + 9:x}"]}, ["+1 exceptions of vector 6 in vcpu_run()"]),
])
def test_what_differs_is_named_and_nothing_else(how, lines):
    assert paths.difference(one(), one(**how)) == lines
    # And the other way round.
    assert bool(paths.difference(one(**how), one())) == bool(lines)


def test_rows_in_which_the_same_differs_stand_together():
    names = ["rdpmc/a/intercepted/cpl0", "rdpmc/a/intercepted/cpl3", "control/cpuid/cpl0", "rdpmc/gone/intercepted/cpl0"]
    a = of("".join(recorded(name) for name in names))
    b = of("".join(recorded(name, nops=2 * name.startswith("rdpmc")) for name in names[:3]))
    lines, changed = profile.compared(a, b)
    assert changed and lines == [
        "rdpmc/gone/intercepted/cpl0: has an exit in A only",
        "rdpmc/a/intercepted/cpl0: 6 -> 8 instructions (+2)", "rdpmc/a/intercepted/cpl3: 6 -> 8 instructions (+2)",
        "  +2 instructions in emulate()", "", "the same, instruction by instruction: control/cpuid/cpl0"]
    lines, changed = profile.compared(a, a)
    assert not changed and " ".join(" ".join(lines).split()) == "the same, instruction by instruction: " + ", ".join(names)


def test_the_verdict_counts_each_exit_once():
    names = ["rdpmc/longer", "rdpmc/other", "control/same", "rdpmc/gone", "rdpmc/shorter", "rdpmc/longest"]
    a = of("".join(recorded(name, nops=4 * (name == "rdpmc/shorter")) for name in names))
    b = of("".join(recorded(name, nops=2 * (name == "rdpmc/longer") + 9 * (name == "rdpmc/longest"),
                            branch=4 * (name == "rdpmc/other")) for name in names if name != "rdpmc/gone")
           + recorded("rdpmc/new"))
    first, empty, *rows = profile.verdict(a, b)
    assert first == ("Exits in B, 5 compared: 2 longer by up to 9 instructions, 1 shorter by up to 4 instructions, "
                     "1 as long, on another path, 1 the same, 1 in A only, 1 in B only")
    assert not empty and [row.split() for row in rows] == [
        ["6", "->", "15", "+9", "rdpmc/longest"], ["10", "->", "6", "-4", "rdpmc/shorter"], ["6", "->", "8", "+2", "rdpmc/longer"], []]
    assert list(profile.verdict(a, a)) == ["Exits in B, 6 compared: 6 the same", ""]


def test_of_what_differs_the_largest_is_shown_and_the_rest_counted():
    a = of(recorded("rdpmc/a"))
    b = of(recorded("rdpmc/a", nops=2, extra=[READ], vmread=1))
    whole, _ = profile.compared(a, b)
    short, _ = profile.compared(a, b, 2)
    assert whole[1:4] == ["  +1 VMREAD", "  +2 instructions in emulate()", "  +1 instruction in read() (only in B)"]
    assert short[1:4] == ["  +1 VMREAD", "  +2 instructions in emulate()", "  1 more, each of fewer instructions"]


@pytest.fixture
def linux(monkeypatch):
    made = kernels.Kernel.__new__(kernels.Kernel)
    made.image = "/boot/vmlinuz"
    parameters = {"kvm": {"enable_pmu", "halt_poll_ns"}, "kvm-intel": {"enable_mediated_pmu", "ept"}}
    monkeypatch.setattr(made, "module_words", lambda vendor: list(parameters), raising=False)
    monkeypatch.setattr(made, "parameters", parameters.get, raising=False)
    return made


@pytest.mark.parametrize("text, taken", [
    (None, ["enable_mediated_pmu=1"]), ("", []), ("?absent=1 ept=0", ["ept=0"]), ("enable_pmu=0 ept=1", ["enable_pmu=0", "ept=1"])])
def test_options_of_kvm(linux, text, taken):
    assert kernels.applied(linux, text, "intel") == taken


@pytest.mark.parametrize("text, lacking", [
    ("", []), ("enable_pmu=1", []), ("?ept=0 enable_pmu=1", []), ("kvm_intel.ept=0", []), ("pmu=1", ["pmu=1"]), ("ept=1", ["ept=1"])])
def test_options_that_neither_kernel_took(text, lacking):
    assert profile.lacking(text, {"enable_pmu=1", "kvm_intel.ept=0"}) == lacking


def test_an_option_that_kvm_lacks_is_named_with_what_is_like_it(linux):
    with pytest.raises(Failed, match="KVM of /boot/vmlinuz has no option 'enable_pmi'; like it are enable_pmu"):
        linux.options("enable_pmi=1", "intel")


def test_a_table_says_all_of_it():
    lines = list(paths.table(one(), 2))
    assert lines[0] == "rdpmc/gp-first/intercepted/cpl3: 6 instructions (so 63 of 63 exits, 1 more hit by an interrupt)"
    assert any("emulate: WRMSR IA32_PERF_GLOBAL_CTRL" in line for line in lines)
    assert lines[-1].split() == ["2", "33.3%", "2", "more", "functions"]


@pytest.mark.parametrize("msrs, text", [
    ({}, ""),
    ({(0x186, True): 1, (0x187, True): 1, (0x189, True): 1}, "WRMSR IA32_PERFEVTSEL0-1 IA32_PERFEVTSEL3"),
    ({(0x186, True): 1, (0x187, True): 2}, "WRMSR IA32_PERFEVTSEL0 IA32_PERFEVTSEL1 (2)"),
    ({(0x38f, True): 5, (0x38e, False): 1}, "RDMSR IA32_PERF_GLOBAL_STATUS, WRMSR IA32_PERF_GLOBAL_CTRL (5)"),
    ({(0x1234, False): 1}, "RDMSR 0x1234"),
])
def test_accesses_are_told_shortly(msrs, text):
    assert paths.accesses(msrs) == text


def test_folded_stacks_add_up():
    text = paths.folded([one()])
    assert sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines()) == 6
    assert all(line.startswith("rdpmc/gp-first/intercepted/cpl3;") for line in text.splitlines())


def test_a_profile_is_kept_and_read():
    class Session:              # pylint: disable=too-few-public-methods
        processor = argparse.Namespace(name="skylake")
        release, kvm = "7.3", ["enable_mediated_pmu=1"]

    found = of(recorded() + recorded("control/cpuid/cpl0", nops=1))
    document = json.loads(json.dumps(profile.as_json(Session, found)))
    assert document["processor"] == "skylake" and document["release"] == "7.3"
    assert profile.from_json(document) == found


def test_a_result_takes_the_stacks_before_its_details(tmp_path):
    path = tmp_path / "result.json"
    details = '\n "details": {\n  "row": [\n   {"raw": 1.0}\n  ]\n }\n}\n'
    path.write_text('{\n "schema": "rdpmc-results/2",\n "rows": [],' + details)
    profile.add_to_result(path, of(recorded()))
    text = path.read_text()
    assert text.endswith("," + details)
    document = json.loads(text)
    assert list(document) == ["schema", "rows", "exit_profiles", "details"]
    assert sum(document["exit_profiles"]["rdpmc/gp-first/intercepted/cpl3"]["stacks"].values()) == 6


class Boots:
    """In place of main.boot(): a machine that recorded @text."""

    def __init__(self, text="", status=0):
        self.text, self.status = text, status

    def __call__(self, options, words, shell, symbols):
        assert "rdpmc-bench" in words and not shell and symbols == "all"
        session = argparse.Namespace(recorded=self.text, processor=argparse.Namespace(name="skylake"), release="7.3")
        return self.status, session, argparse.Namespace(modules={}, image="image", built=lambda name: None)


@pytest.fixture(name="tree")
def a_tree(tmp_path, monkeypatch):
    (tmp_path / "arch/x86/kvm").mkdir(parents=True)
    monkeypatch.setattr(kernel, "build", lambda kdir: "bzImage")
    monkeypatch.setattr(profile, "keep_symbols", lambda linux, sent: os.devnull)
    return tmp_path


def bisected(tree, limit=1):
    (tree / "rdpmc-bench").touch()
    return argparse.Namespace(kdir=str(tree), row="rdpmc/*", limit=limit, cpu="skylake", put=[], build=str(tree))


@pytest.mark.parametrize("limit, status", [(6, 0), (5, 1), (7, 0)])
def test_bisect_is_good_or_bad(tree, limit, status, capsys):
    options = bisected(tree, limit)
    assert profile.command_bisect(options, Boots(recorded())) == status
    assert f"6 instructions, {'more than' if status else 'at most'} {limit}" in capsys.readouterr().out


@pytest.mark.parametrize("boots", [Boots(recorded("control/cpuid/cpl0")), Boots(""), Boots(recorded(), 125)])
def test_bisect_skips_what_it_cannot_measure(tree, boots):
    assert profile.command_bisect(bisected(tree), boots) == 125


def test_bisect_ends_where_rdpmc_bench_knows_no_such_row(tree):
    assert profile.command_bisect(bisected(tree), Boots("", 2)) == 128


@pytest.mark.parametrize("words, status", [(["row"], 128), (["row", "many"], 128), (["--cpu", "pentium", "--kdir", ".", "row", "1"], 128),
                                           (["--help"], 0), (["--kernel", "x", "row", "1"], 128)])
def test_wrong_use_ends_a_bisection(words, status, tree, monkeypatch):
    """To git 2 is a bad revision."""
    monkeypatch.chdir(tree)
    monkeypatch.setattr("sys.argv", ["machine", "bisect", *words])
    assert main.main() == status


def test_bisect_ends_without_rdpmc_bench(tree):
    options = bisected(tree)
    (tree / "rdpmc-bench").unlink()
    with pytest.raises(Failed, match="is not built"):
        profile.command_bisect(options, Boots(recorded()))


def test_bisect_skips_what_does_not_build(tree, monkeypatch):
    def fails(_kdir):
        raise Failed("building failed")

    monkeypatch.setattr(kernel, "build", fails)
    assert profile.command_bisect(bisected(tree), Boots(recorded())) == 125


def test_bisect_ends_where_there_is_no_tree(tmp_path):
    assert profile.command_bisect(bisected(tmp_path), Boots()) == 128


def test_a_revision_is_checked_out_and_built(tmp_path, monkeypatch):
    """One directory for all revisions, and what is built is kept."""
    monkeypatch.setenv("RDPMC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    tree, trees = tmp_path / "linux", []
    tree.mkdir()

    def git(*words):
        subprocess.run(["git", "-C", tree, "-c", "user.name=n", "-c", "user.email=e", *words], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def build(kdir):
        trees.append(kdir)
        top = tmp_path / "built"
        (top / "build").mkdir(parents=True, exist_ok=True)
        with open(os.path.join(kdir, "file"), "rb") as file:
            (top / "bzImage").write_bytes(file.read())
        (top / "build/System.map").write_text("map")
        return str(top / "bzImage")

    monkeypatch.setattr(kernel, "build", build)
    git("init", "-q")
    for text in "old", "new":
        (tree / "file").write_text(text)
        git("add", "file")
        git("commit", "-qm", text)
    (tree / "file").write_text("not committed")
    images = [profile.resolve(each, str(tree)) for each in ("HEAD~1", "HEAD")]
    assert [open(each, encoding="utf-8").read() for each in images] == ["old", "new"]
    assert kernels.Kernel("name", images[0]).built("System.map")
    assert profile.resolve("HEAD~1", str(tree)) == images[0] and len(trees) == 2 and trees[0] == trees[1]
    assert (tree / "file").read_text() == "not committed"
    with pytest.raises(Failed, match="no git revision v9"):
        profile.resolve("v9", str(tree))


def test_what_is_no_kernel_is_told(tmp_path):
    with pytest.raises(Failed, match="no debian:VERSION, no bzImage"):
        profile.resolve(str(tmp_path / "absent"), None)
    assert profile.resolve("debian:7.3", None) == "debian:7.3"


@pytest.mark.parametrize("text, dated", [
    (b'{\n "schema": "rdpmc-results/2",\n "kind": "bench",\n "started": "2023-11-14T22:13:35Z",\n "rows": []\n}\n',
     b'{\n "schema": "rdpmc-results/2",\n "kind": "bench",\n "started": "2026-11-29T16:00:00Z",\n "rows": []\n}\n'),
    (b'{\n "schema": "rdpmc-survey/1",\n "started": "2023"\n}\n', b'{\n "schema": "rdpmc-survey/1",\n "started": "2023"\n}\n'),
    (b'"started": "2023"', b'"started": "2023"'),
    (b"\x7fELF\0", b"\x7fELF\0"),
])
def test_a_result_has_the_time_that_it_is(text, dated):
    assert main.dated(text, "2026-11-29T16:00:00Z") == dated
