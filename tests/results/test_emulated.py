# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of emulated processors hold instructions: they are labelled so and never meet a time."""

import pytest

from rdpmc_results import files, history
from rdpmc_results.dashboard import data
from test_compare import by_turns, sides
from test_files import CONTROL, DEAR, call, result, strictly, written

FORMATS = ("github-action-benchmark", "bencher", "otava", "lnt", "hgrm", "prometheus", "junit", "ktap",
           "csv")


def emulated(of, name="skylake"):
    """@of as rdpmc-bench writes it on an emulated host."""
    of["context"]["cpu"] |= {"model_name": f"Emulated {name} (Bochs)", "emulated": True}
    of["context"]["guest_tsc_khz"] = None
    for row in of["rows"]:
        row |= {"unit": "instructions"} | ({"cycles_median": None} if "runs" in row else {})
    for runs in of["details"].values():
        for run in runs:
            run["histogram"]["unit"] = "instructions"
    return of


def both(tmp_path, count=1, **more):
    """A folder of results of one host name, of a real processor and of two emulated ones."""
    for at in range(count):
        written(tmp_path / f"real-{at}.json", result(at=at, **more))
        for name in "skylake", "icelake":
            written(tmp_path / f"{name}-{at}.json", emulated(result(at=at, **more), name))
    return tmp_path


@pytest.mark.parametrize("where", ("all of B", "one of A"))
@pytest.mark.parametrize("across", ((), ("--across-hosts",)))
def test_instructions_are_never_compared_with_times(where, across, tmp_path):
    a, b = by_turns(3)
    for of in b if where == "all of B" else a[1:2]:
        emulated(of)
    done = call("compare", *across, *sides(tmp_path, a, b))
    assert (done.status, done.out, len(done.told)) == (2, "", 1)
    assert "instructions" in done.err and "Emulated skylake (Bochs)" in done.err
    assert "--across-hosts" not in done.err


def test_two_emulated_processors_are_two_hosts(tmp_path):
    a, b = by_turns(3)
    paths = sides(tmp_path, [emulated(of) for of in a], [emulated(of, "icelake") for of in b])
    done = call("compare", *paths)
    assert (done.status, len(done.told)) == (2, 1)
    assert "--across-hosts" in done.err
    assert call("compare", "--across-hosts", *paths).status == 0


def test_comparison_is_labelled(tmp_path):
    a, b = by_turns(level=1.1)
    paths = sides(tmp_path, list(map(emulated, a)), list(map(emulated, b)))
    done = call("compare", *paths)
    assert done.status == 1
    assert "note: figures are instructions of an emulated processor, not time" in done.out
    line = next(line for line in done.out.splitlines() if line.startswith(DEAR))
    assert line.count(" instructions ") == 2
    assert " ns" not in done.out and " us" not in done.out
    assert strictly(call("compare", "--json", *paths).out)["unit"] == "instructions"


def test_note_on_a_row_is_labelled(tmp_path):
    a, b = by_turns(rows={CONTROL: 0.1})
    done = call("compare", *sides(tmp_path, list(map(emulated, a)), list(map(emulated, b))))
    assert "below 0.5 instructions" in done.out


@pytest.mark.parametrize("flag", (True, None))
@pytest.mark.parametrize("unit", ("ns", "cycles", None))
def test_emulated_host_with_another_unit_is_refused(flag, unit, tmp_path):
    """An earlier rdpmc-bench on an emulated host wrote ns and no flag."""
    of = emulated(result())
    of["context"]["cpu"]["emulated"] = flag
    path = written(tmp_path / "a.json", of)
    assert files.unit(files.read(str(path)).machine) == "instructions"
    of["rows"][-2]["unit"] = unit
    with pytest.raises(files.Refused, match="unit is not instructions"):
        files.read(str(written(tmp_path / "b.json", of)))


def test_instructions_of_a_real_processor_are_refused(tmp_path):
    of = result()
    of["rows"][0]["unit"] = "instructions"
    with pytest.raises(files.Refused, match="unit is not ns"):
        files.read(str(written(tmp_path / "a.json", of)))


def test_flag_decides_whatever_the_processor_is_called(tmp_path):
    of = emulated(result())
    of["context"]["cpu"]["model_name"] = "Made up"
    machine = files.read(str(written(tmp_path / "a.json", of))).machine
    assert machine[1].startswith("Emulated Made up") and files.unit(machine) == "instructions"


def test_history_keeps_them_apart(tmp_path):
    of = history.read([str(both(tmp_path, 3))])
    assert not of.skipped
    assert all(each.unit == ("instructions" if "Emulated" in each.host else "ns") for each in of.series)
    assert len(of.hosts) == 3
    assert all(len(each.at) == 3 for each in of.series)


def test_emulated_host_alone_is_named_as_such(tmp_path):
    written(tmp_path / "a.json", emulated(result()))
    host, = history.read([str(tmp_path)]).hosts
    assert host.startswith("synthetic, Emulated skylake (Bochs)")


def test_trend_is_labelled(tmp_path):
    for at in range(16):
        written(tmp_path / f"{at:02}.json", emulated(result(at=at, level=1.3 if at > 7 else 1.0)))
    done = call("trend", tmp_path)
    assert done.status == 1
    assert "Emulated skylake (Bochs)" in done.out and " instructions -> " in done.out
    assert " ns" not in done.out and " us" not in done.out
    told = strictly(call("trend", "--json", tmp_path).out)
    assert {row["unit"] for row in told["rows"]} == {"instructions"}


def test_dashboard_is_labelled(tmp_path):
    of = history.read([str(both(tmp_path))])
    page = data.collect(of, "made", 0)["page"]
    assert not of.skipped           # percentiles need no frequency
    assert {host["unit"] for host in page["hosts"] if "Emulated" in host["name"]} == {"instructions"}
    assert [host["unit"] for host in page["hosts"]].count("ns") == 1


@pytest.mark.parametrize("real", (True, False))
def test_headline_does_not_pool_them(real, tmp_path):
    for at in range(16):
        for name in ("real", "skylake")[not real:]:
            of = result(at=at, level=1.3 if at > 7 else 1.0)
            written(tmp_path / f"{name}-{at}.json", of if name == "real" else emulated(of))
    headline = data.collect(history.read([str(tmp_path)]), "made", 0)["page"]["verdict"]["headline"]
    assert "slower on" in headline
    assert ("on 2 hosts" in headline and "by up to" not in headline) if real else "by up to" in headline


def exported(form, tmp_path, of):
    written(tmp_path / "in" / "a.json", of)
    done = call("export", "--format", form, "--out", tmp_path / "out", tmp_path / "in")
    assert (done.status, done.err) == (0, "")
    return (tmp_path / "out").read_text()


@pytest.mark.parametrize("form", FORMATS)
def test_exports_are_labelled(form, tmp_path):
    rows = {CONTROL: 1000.0} | ({DEAR: 5000.0} if form != "hgrm" else {})
    body = exported(form, tmp_path, emulated(result(rows=rows)))
    assert "instructions" in body
    if form == "csv":
        names, *lines = (line.split(",") for line in body.splitlines())
        measured = dict(zip(names, lines[0]))
        assert measured["median_ns"] == measured["max_ns"] == ""
        assert float(measured["median_instructions"]) == pytest.approx(1000, rel=0.1)
        return
    if form == "prometheus":
        samples = [line for line in body.splitlines() if not line.startswith("#")]
        assert any(line.startswith("rdpmc_read_median_instructions{") for line in samples)
        assert any(line.startswith("rdpmc_read_instructions_bucket{") for line in samples)
        assert not any(line.startswith("rdpmc_read") and "_seconds" in line for line in samples)
        value = next(float(line.split()[-1]) for line in samples
                     if line.startswith("rdpmc_read_median_instructions{") and CONTROL in line)
        assert value == pytest.approx(1000, rel=0.1)
    assert "latency" not in body
    assert "_ns" not in body and " ns" not in body and '"ns"' not in body


def test_hgrm_is_in_instructions(tmp_path):
    of = emulated(result(rows={CONTROL: 1000.0}))
    for run in of["details"][CONTROL]:
        run["histogram"] |= {"buckets": [[1024, run["samples"]]]}
    assert float(exported("hgrm", tmp_path, of).split()[4]) == 1087    # the bucket's greatest
