# SPDX-License-Identifier: GPL-2.0-or-later
"""A file that is no good result is named, skipped and counted; nothing else is lost by it.

The helpers here serve the other tests of this folder as well."""

import contextlib
import copy
import csv
import dataclasses
import gzip
import io
import json
import math
import os
import random
import re
import subprocess
import sys
import tracemalloc
import unicodedata
from datetime import datetime
from unittest import mock

import pytest

import synthetic
from rdpmc_results import files, history, main
from rdpmc_results.conditions import conditions

ROOT = synthetic.ROOT
CONTROL, DEAR, FREE = "control/cpuid/cpl0", "rdpmc/metrics/intercepted/cpl0", \
    "rdpmc/metrics/passthrough/cpl0"
ROWS = {CONTROL: 1150.0, DEAR: 1310.0, FREE: 11.0}


@dataclasses.dataclass
class Done:
    status: int
    out: str
    err: str

    @property
    def told(self):
        return self.err.splitlines()


def call(*words):
    """scripts/results in this process: starting Python and SciPy takes a second each time."""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, "argv", ["results", *map(str, words)]), \
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main.main()
        except SystemExit as end:
            status = end.code
    return Done(status, out.getvalue(), err.getvalue())


def run(*words, cwd=ROOT):
    """scripts/results as a user runs it."""
    done = subprocess.run([ROOT / "scripts/results", *map(str, words)], capture_output=True,
                          cwd=cwd, timeout=60)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def result(seed=1, **more):
    return synthetic.a_result(seed, **{"rows": ROWS, "runs": 3} | more)


def written(path, of):
    """@of as it is if bytes, else as rdpmc-bench writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(of if isinstance(of, bytes) else as_written(of))
    return path


def as_written(of):
    return f"{synthetic.laid_out(of)}\n".encode()


def row_of(of, name):
    return next(row for row in of["rows"] if row["name"] == name)


def exact(rows, **more):
    """A result whose rows have just these medians of runs."""
    of = synthetic.a_result(1, **{"rows": dict.fromkeys(rows, 1.0), "runs": 1} | more)
    for name, medians in rows.items():
        row = row_of(of, name)
        row["runs"], of["details"][name] = medians, of["details"][name] * len(medians)
        row["median"] = sorted(medians)[len(medians) // 2] if len(medians) % 2 else \
            sum(sorted(medians)[len(medians) // 2 - 1:][:2]) / 2
    return of


def strictly(text):
    """JSON without what is none."""
    def refuse(name):
        raise AssertionError(f"{name} in JSON")
    return json.loads(text, parse_constant=refuse)


def raw_characters(text):
    """What a terminal might obey, or take for the end of a line."""
    return {hex(ord(c)) for c in text if c not in "\n " and unicodedata.category(c)[0] in "CZ"}


# Hostile and damaged files, each made of a good result.

def with_row(key, value, name=DEAR):
    def made(of):
        row_of(of, name)[key] = value
        return of
    return made


def with_run(value):
    def made(of):
        row_of(of, DEAR)["runs"][1] = value
        return of
    return made


def with_top(key, value):
    return lambda of: of | {key: value}


def without_top(key):
    return lambda of: {other: value for other, value in of.items() if other != key}


def without_row_key(key):
    def made(of):
        del row_of(of, DEAR)[key]
        return of
    return made


def spelt(old, new):
    """The text of the file with @old, which must be there, replaced once."""
    def made(of):
        text = as_written(of).decode()
        assert old in text
        return text.replace(old, new, 1).encode()
    return made


def figure(key, text):
    """A figure of a row written as @text, which Python may not be able to write."""
    return lambda of: spelt('"written here"', text)(with_row(key, "written here")(of))


def run_figure(text):
    return lambda of: spelt('"written here"', text)(with_run("written here")(of))


def encoded(coding):
    return lambda of: json.dumps(of).encode(coding)


def cut(share):
    def made(of):
        data = as_written(of)
        return data[:int(len(data) * share)]
    return made


def with_name(name):
    return with_row("name", name)


def nested(opening, closing, depth=100_000):
    return lambda of: spelt('"written here"', opening * depth + "1" + closing * depth)(
        of | {"context": of["context"] | {"turbo": "written here"}})


def twice_named(of):
    of["rows"].append(copy.deepcopy(row_of(of, DEAR)))
    return of


def context_figure(text):
    return lambda of: spelt('"written here"', text)(
        of | {"context": of["context"] | {"tsc_khz": "written here"}})


BAD = {
    "empty": lambda of: b"",
    "blank": lambda of: b" \n\t\n",
    "zeros": lambda of: bytes(4096),
    "cut in the first byte": cut(0.0001),
    "cut early": cut(0.1),
    "cut in the middle": cut(0.5),
    "cut late": cut(0.95),
    "cut in a string": lambda of: as_written(of).partition(b"synthet")[0],
    "last brace missing": lambda of: as_written(of)[:-2],
    "two documents": lambda of: json.dumps(of).encode() * 2,
    "a trailing comma": lambda of: as_written(of)[:-2] + b",}\n",
    "a key twice, before and after the details": lambda of: as_written(of)[:-3] + b',\n "rows": []\n}\n',
    "nothing but the head": lambda of: as_written(of).partition(b'"details":')[0] + b'"details":\n}\n',
    "text": lambda of: b"rdpmc/metrics/intercepted/cpl0 1310 ns\n",
    "page": lambda of: b"<html><script>alert(1)</script></html>",
    "foreign object": lambda of: {"benchmarks": [{"name": "BM_x", "real_time": 3}]},
    "list": lambda of: [of],
    "number": lambda of: b"3",
    "string": lambda of: b'"rdpmc-results/2"',
    "null": lambda of: b"null",
    "later version": with_top("schema", "rdpmc-results/3"),
    "much later version": with_top("schema", "rdpmc-results/20"),
    "version 2.1": with_top("schema", "rdpmc-results/2.1"),
    "no version": with_top("schema", "rdpmc-results"),
    "schema is a number": with_top("schema", 1),
    "schema is a list": with_top("schema", ["rdpmc-results/2"]),
    "schema missing": without_top("schema"),
    "kind unknown": with_top("kind", "benchmark"),
    "kind is a list": with_top("kind", ["bench"]),
    "kind missing": without_top("kind"),
    "rows missing": without_top("rows"),
    "rows is an object": with_top("rows", {"0": 1}),
    "a row is a list": with_top("rows", [[]]),
    "context missing": without_top("context"),
    "context is a list": with_top("context", []),
    "started missing": without_top("started"),
    "year 0": with_top("started", "0000-01-01T00:00:00Z"),
    "month 13": with_top("started", "2026-13-01T00:00:00Z"),
    "30 February": with_top("started", "2026-02-30T00:00:00Z"),
    "hour 25": with_top("started", "2026-02-03T25:00:00Z"),
    "no zone": with_top("started", "2026-02-03T05:00:00"),
    "newline after the time": with_top("started", "2026-02-03T05:00:00Z\n"),
    "digits of another script": with_top("started", "२०२६-02-03T05:00:00Z"),
    "time is a number": with_top("started", 1767578400),
    "runs empty": with_row("runs", []),
    "runs null": with_row("runs", None),
    "runs missing": without_row_key("runs"),
    "runs is an object": with_row("runs", {"0": 1310.0}),
    "runs as of version 1": with_row("runs", [{"median": 1310.0}] * 3),
    "median missing": without_row_key("median"),
    "median null": with_row("median", None),
    "median of something else": with_row("median", 1.0),
    "median a little off": lambda of: with_row("median", row_of(of, DEAR)["median"] * 1.001)(of),
    "median true": with_row("median", True),
    "median a string": with_row("median", "1310"),
    "run true": with_run(True),
    "run null": with_run(None),
    "run a list": with_run([1310]),
    "p99 false": with_row("p99", False),
    "exits true": with_row("exits_per_read", True),
    "unit us": with_row("unit", "us"),
    "setting unknown": with_row("setting", "paravirtual"),
    "setting a list": with_row("setting", ["intercepted"]),
    "status unknown": with_row("status", "good"),
    "two rows of one name": twice_named,
    "name of no row": with_name("rdpmc/metrics/intercepted/cpl1"),
    "name __proto__": with_name("__proto__"),
    "name with newline": with_name(DEAR + "\n"),
    "name in capitals": with_name(DEAR.upper()),
    "name with markup": with_name("rdpmc/<b>/intercepted/cpl0"),
    "name with escapes": with_name("rdpmc/\x1b[2J/intercepted/cpl0"),
    "name that climbs": with_name("../../etc/passwd"),
    "name a number": with_name(7),
    "name missing": without_row_key("name"),
    "same key twice in a row": spelt('"unit": "ns"', '"unit": "ns", "unit": "ns"'),
    "same key twice, another value": spelt('"setting": "control"',
                                           '"setting": "native", "setting": "control"'),
    "same key twice at the top": spelt('"partial": false', '"partial": true, "partial": false'),
    "NaN in the context": context_figure("NaN"),
    "Infinity in the context": context_figure("-Infinity"),
    "100,000 digits in the context": context_figure("7" * 100_000),
    "nested lists": nested("[", "]"),
    "nested objects": nested('{"a":', "}"),
    "nested and cut": lambda of: b'{"schema": "rdpmc-results/2", "rows": ' + b"[" * 100_000,
    "not UTF-8": lambda of: as_written(of).replace(b"synthetic", b"synth\xff\xfetic", 1),
    "half a surrogate in UTF-8": lambda of: as_written(of).replace(
        b"synthetic", b"synth\xed\xa0\x80tic", 1),
    "UTF-16": encoded("utf-16"),
    "UTF-16 without mark": encoded("utf-16-le"),
    "UTF-32": encoded("utf-32"),
    "byte order mark": encoded("utf-8-sig"),
    "integer of 100,000 digits": figure("median", "9" * 100_000),
    "integer of 400 digits": figure("median", "9" * 400),
    "run of 400 digits": run_figure("-" + "9" * 400),
    "p99 of 400 digits": figure("p99", "9" * 400),
} | {f"{key} {text}": figure(key, text) for key in ("median", "mad", "p99", "max", "exits_per_read")
     for text in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e300")} \
  | {f"run {text}": run_figure(text) for text in ("NaN", "Infinity", "-1e999")}


@pytest.mark.parametrize("what", BAD)
def test_bad_file_is_named_skipped_and_counted(what, tmp_path):
    for at in range(2):
        written(tmp_path / f"good-{at}.json", result(at=at))
    written(tmp_path / "bad.json", BAD[what](result(at=2)))
    done = call("trend", tmp_path)
    assert done.status == 3
    assert "2 results of 1 host" in done.out
    skipped = [line for line in done.told if line.startswith("results: skipped ")]
    assert len(skipped) == 1
    assert re.fullmatch(rf"results: skipped {re.escape(str(tmp_path / 'bad.json'))}: \S.{{2,300}}",
                        skipped[0])
    assert done.told[-1] == "results: 1 file skipped"


@pytest.mark.parametrize("what, word", (
    ("empty", "empty"), ("blank", "empty"), ("cut in the middle", "truncated"),
    ("last brace missing", "truncated"), ("cut in a string", "truncated"), ("text", "not JSON"),
    ("nested lists", "nested"),
    ("not UTF-8", "UTF-8"), ("later version", "later version"), ("foreign object", "no result"),
    ("month 13", "started"), ("two rows of one name", "same name"), ("runs empty", "runs"),
    ("median of something else", "median is not the median"), ("unit us", "unit")))
def test_reason_says_what_is_wrong(what, word, tmp_path):
    with pytest.raises(files.Refused, match=word):
        files.read(str(written(tmp_path / "bad.json", BAD[what](result()))))


def test_compare_skips_bad_files_of_both_sides_and_counts_them(tmp_path):
    for name in "ab":
        written(tmp_path / name / "good.json", result(ord(name), runs=10))
        for at, what in enumerate(("cut late", "later version", "median NaN")):
            written(tmp_path / name / f"bad-{at}.json", BAD[what](result()))
    done = call("compare", tmp_path / "a", "--", tmp_path / "b")
    assert done.status == 3
    assert len([line for line in done.told if "skipped /" in line]) == 6
    assert done.told[-1] == "results: 6 files skipped"


def test_good_file_in_good_company_is_read_without_a_word(tmp_path):
    written(tmp_path / "a.json", result(1))
    written(tmp_path / "b.json", result(2))
    assert call("trend", tmp_path).status == 0
    assert call("trend", tmp_path).err == ""


def test_recorded_result_of_a_real_host_is_read():
    recorded = files.read(str(ROOT / "results/recorded/2026-11-22-pvm-no-pmu.json"), details=True)
    of = json.loads((ROOT / "results/recorded/2026-11-22-pvm-no-pmu.json").read_text())
    assert [row.name for row in recorded.rows] == [row["name"] for row in of["rows"]]
    measured = [row for row in of["rows"] if row["status"] == "measured"]
    assert measured
    for row in measured:
        read = next(one for one in recorded.rows if one.name == row["name"])
        assert (read.median, read.runs) == (row["median"], row["runs"])
    assert recorded.started == datetime.fromisoformat(of["started"]).timestamp()
    assert recorded.machine == ("anonymous", "Intel(R) Xeon(R) Processor (6/207/2)", "pvm")


def test_histograms_make_no_difference_to_the_figures(tmp_path):
    path = str(written(tmp_path / "a.json", result(4)))
    with_them, without = files.read(path, details=True), files.read(path)
    for one, other in zip(with_them.rows, without.rows):
        assert dataclasses.replace(one, details=[]) == other
    assert with_them.rows[0].details[0]["histogram"]["buckets"]


def test_word_details_elsewhere_loses_nothing(tmp_path):
    of = result(4)
    of["context"]["hostname"] = 'a "details": {'
    of["context"]["details"] = {"details": {"details": 1}, "and": ["details", {"details": None}]}
    of["options"] = {"details": 1, "vpmu": "user"}
    read = files.read(str(written(tmp_path / "a.json", of)))
    assert (read.machine[0], read.options) == ('a "details": {', of["options"])
    assert len(read.rows) == len(of["rows"])


def test_details_are_left_out_of_what_the_program_writes():
    """The real one: whatever it writes before or after them, a history reads no more than it must."""
    path = ROOT / "results/recorded/2026-11-22-pvm-no-pmu.json"
    of = json.loads(path.read_text())
    assert files.without_details(str(path)) == of | {"details": None}
    assert list(of)[-1] == "details"


def test_layout_and_order_of_keys_make_no_difference(tmp_path):
    of = result(4)
    one = files.read(str(written(tmp_path / "a.json", of)))
    for text in (json.dumps(of), json.dumps(of, sort_keys=True), json.dumps(of, indent=1) + "\n",
                 synthetic.laid_out(dict(reversed(of.items()))) + "\n"):
        assert files.read(str(written(tmp_path / "b.json", text.encode()))).rows == one.rows


@pytest.mark.parametrize("what", [name for name in BAD if isinstance(BAD[name](result()), dict)])
def test_layout_makes_no_difference_to_what_is_refused(what, tmp_path):
    of, reasons = BAD[what](result()), []
    for text in json.dumps(of), synthetic.laid_out(of) + "\n":
        with pytest.raises(files.Refused) as reason:
            files.read(str(written(tmp_path / "bad.json", text.encode())))
        reasons.append(str(reason.value))
    assert reasons[0] == reasons[1]


def test_details_are_not_read_by_who_has_no_use_for_them(tmp_path, monkeypatch):
    path = str(written(tmp_path / "a.json", result(4)))
    want = files.read(path)
    monkeypatch.setattr(files, "content", None)
    assert files.read(path) == want
    with pytest.raises(TypeError):
        files.read(path, details=True)


@pytest.mark.parametrize("pad", (0, 1, 5, 9, 10, 11, 200_000))
def test_details_are_found_wherever_a_piece_of_a_file_ends(pad, tmp_path, monkeypatch):
    of = result(4)
    data = as_written(of)
    at = data.index(b'"details":')
    of["context"]["hostname"] += "x" * (-at % 4096 + pad)
    written(tmp_path / "a.json", of)
    monkeypatch.setattr(files, "CHUNK", 4096)
    assert files.without_details(str(tmp_path / "a.json")) == \
        {key: value for key, value in of.items() if key != "details"} | {"details": None}


def test_what_is_not_found_soon_is_read_as_a_whole(tmp_path, monkeypatch):
    of = result(4)
    path = str(written(tmp_path / "a.json", of))
    want, size = files.read(path), os.path.getsize(path)
    asked = []
    monkeypatch.setattr(files, "CHUNK", 512)
    monkeypatch.setattr(files, "MOST", 2048)
    monkeypatch.setattr(files, "content", lambda path: asked.append(path) or open(path, "rb").read())
    assert size > 4096 and files.read(path) == want and asked == [path]


@pytest.mark.parametrize("failing", ("pread", "posix_fadvise"))
def test_error_while_the_details_are_looked_for_leaves_the_whole(failing, tmp_path, monkeypatch):
    path = str(written(tmp_path / "a.json", result(4)))
    want = files.read(path)
    monkeypatch.setattr(os, failing, mock.Mock(side_effect=OSError(5, "Input/output error")))
    assert files.without_details(path) is None
    assert files.read(path) == want


def test_file_that_was_cut_anywhere_is_refused(tmp_path):
    data = written(tmp_path / "a.json", result(4, runs=2)).read_bytes()
    at = data.index(b'"details":')
    for size in [*range(at, at + 40), *range(0, len(data), 97), *range(len(data) - 40, len(data) - 1)]:
        with pytest.raises(files.Refused, match="truncated|empty|not JSON"):
            files.read(str(written(tmp_path / "cut.json", data[:size])))
    # All of it but the end of the last line.
    assert files.read(str(written(tmp_path / "cut.json", data[:-1]))).rows


DAMAGE = (('"overflow": 0', '"overflow": NaN'), ('"overflow": 0', '"overflow": \'0\''),
          ('"buckets"', '"buckets\xff"'), ('"p999"', '"p999\0"'), ('"buckets"', '"buckets'),
          ('"p90"', '"p99"'), ('"details": {', '"details": ['), ('"details": {', '"details": {"x": {},'),
          ("\n  ]\n }\n}\n", "\n  ]\n }\n}\n" * 2))


@pytest.mark.parametrize("old, new", DAMAGE)
def test_damage_within_the_details_is_seen_by_who_looks_there(old, new, tmp_path):
    data = written(tmp_path / "a.json", result(4)).read_bytes()
    changed = data.replace(old.encode(), new.encode("latin-1"), 1)
    assert changed != data
    path = str(written(tmp_path / "b.json", changed))
    if '"x"' not in new:        # which is no row's, and in nobody's way
        with pytest.raises(files.Refused):
            files.read(path, details=True)
    assert files.read(path).rows == files.read(str(tmp_path / "a.json")).rows


@pytest.mark.parametrize("runs, word", (
    (None, "details are not"), ([], "details are not"), ([{}] * 2, "details are not"),
    ({"0": {}}, "details are not"), ([1, 2, 3], "details are not"), ([{}] * 3, "min is no number")))
def test_details_are_of_the_runs(runs, word, tmp_path):
    of = result(4)
    of["details"][DEAR] = runs
    with pytest.raises(files.Refused, match=word):
        files.read(str(written(tmp_path / "a.json", of)), details=True)
    del of["details"]
    with pytest.raises(files.Refused, match="details is no object"):
        files.read(str(written(tmp_path / "a.json", of)), details=True)


def version_1(of):
    """As it was before: the details of each run in its row, with its value."""
    of = copy.deepcopy(of)
    of["schema"] = "rdpmc-results/1"
    for row in of["rows"]:
        if "runs" in row:
            row["runs"] = [{"median": value} | details for value, details in
                           zip(row["runs"], of["details"][row["name"]])]
    del of["details"]
    return of


def test_version_1_is_read_as_well(tmp_path):
    new = str(written(tmp_path / "new.json", result(4)))
    old = str(written(tmp_path / "old.json", version_1(result(4))))
    assert files.read(old).rows == files.read(new).rows
    for one, other in zip(files.read(old, details=True).rows, files.read(new, details=True).rows):
        assert one.details == [{"median": value} | details
                               for value, details in zip(other.runs, other.details)]


@pytest.mark.parametrize("runs, word", (
    ([1310.0] * 3, "a run is no object"), ([{}] * 3, "a run is no number"), ([], "no list of runs"),
    ({"0": {"median": 1.0}}, "no list of runs"), ([{"median": True}] * 3, "a run is no number"),
    ([{"median": [1]}] * 3, "a run is no number"), ("runs", "no list of runs")))
def test_damage_of_version_1_is_refused(runs, word, tmp_path):
    of = version_1(result(4))
    row_of(of, DEAR)["runs"] = runs
    for details in False, True:
        with pytest.raises(files.Refused, match=word):
            files.read(str(written(tmp_path / "a.json", of)), details=details)


def test_compressed_file_is_read_as_the_plain_one(tmp_path):
    data = json.dumps(result(5)).encode()
    written(tmp_path / "a.json.gz", gzip.compress(data))
    written(tmp_path / "b.json", data)
    one, other = (files.read(str(tmp_path / name)) for name in ("a.json.gz", "b.json"))
    assert dataclasses.replace(one, path="") == dataclasses.replace(other, path="")


def sparse(path, size):
    with open(path, "wb") as file:
        file.truncate(size)


def test_special_files_neither_hang_nor_stop_the_rest(tmp_path):
    for at in range(3):
        written(tmp_path / f"good-{at}.json", result(at=at))
    packed = gzip.compress(json.dumps(result(at=3)).encode())
    os.mkfifo(tmp_path / "fifo.json")
    os.symlink("loop.json", tmp_path / "loop.json")
    os.symlink("nowhere", tmp_path / "dangling.json")
    os.symlink("/dev/zero", tmp_path / "device.json")
    os.symlink("/dev/zero", tmp_path / "device.json.gz")
    sparse(tmp_path / "huge.json", 300 << 20)
    written(tmp_path / "bomb.json.gz", gzip.compress(b" " * (80 << 20), 1))
    written(tmp_path / "cut.json.gz", packed[:len(packed) // 2])
    written(tmp_path / "head.json.gz", packed[:5])
    written(tmp_path / "flipped.json.gz", packed[:-6] + b"\0\0" + packed[-4:])
    written(tmp_path / "plain.json.gz", json.dumps(result(at=4)).encode())
    bad = sorted(path.name for path in tmp_path.iterdir() if "good" not in path.name)
    (tmp_path / "folder.json").mkdir()
    written(tmp_path / "folder.json/inside.json", result(at=5))
    done = run("trend", tmp_path)
    assert done.status == 3
    assert "4 results of 1 host" in done.out
    named = re.findall(r"^results: skipped \S*/([^/:]+): \S.+$", done.err, re.MULTILINE)
    assert sorted(named) == bad
    assert done.told[-1] == f"results: {len(bad)} files skipped"


def test_bomb_is_not_unpacked_beyond_what_a_file_may_hold(tmp_path, monkeypatch):
    bomb = written(tmp_path / "bomb.json.gz", gzip.compress(b" " * (64 << 20), 1))
    sparse(tmp_path / "huge.json", 64 << 20)
    monkeypatch.setattr(files, "LARGEST", 1 << 20)
    tracemalloc.start()
    for path in bomb, tmp_path / "huge.json":
        with pytest.raises(files.Refused, match="larger than 1 MiB"):
            files.content(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_own_other_files_in_a_folder_are_silently_no_results(tmp_path):
    for side in "ab":
        folder = tmp_path / side
        written(folder / "a.json", result(ord(side), runs=10))
        written(folder / "rdpmc-results-2.schema.json",
                (ROOT / "results/rdpmc-results-2.schema.json").read_bytes())
        written(folder / "noise-floor-synthetic.json", {"schema": "rdpmc-noise-floor/1"})
        (folder / "README").write_text("no JSON")
    assert (call("trend", tmp_path).err, call("trend", tmp_path).status) == ("", 0)
    done = call("compare", tmp_path / "a", "--", tmp_path / "b")
    assert (done.err, done.status) == ("", 0)


def test_a_regression_stays_a_regression_beside_damaged_files(tmp_path):
    for side, level in ("a", 1.0), ("b", 1.3):
        written(tmp_path / side / "good.json", result(ord(side), runs=10, level=level))
    written(tmp_path / "b/bad.json", b"{")
    done = call("compare", tmp_path / "a", "--", tmp_path / "b")
    assert done.status == 1
    assert "bad.json" in done.err


ESCAPES = "x\x1b]0;owned\x07\x1b[2J\nforged: line\r\x9b31m\u202edrow\u2028\u200b\x7f\0"


def poisoned(seed, **more):
    """Every text that somebody else chooses is hostile."""
    of = result(seed, **{"runs": 10} | more)
    context = of["context"]
    context["hostname"] = of["program"]["version"] = of["program"]["compiler"] = ESCAPES
    of["program"]["flags"] = f"{ESCAPES}{seed}"
    context["kernel"] = {"release": f"{ESCAPES}{seed}", "version": ESCAPES, "cmdline": ESCAPES}
    context["cpu"]["model_name"] = ESCAPES
    context["governor"] = f"{ESCAPES}{seed}"
    context["mitigations"] = {ESCAPES: f"{ESCAPES}{seed}"}
    context["kvm_modules"] = {ESCAPES: {ESCAPES: f"{ESCAPES}{seed}"}}
    return of


def test_compare_gives_no_hostile_text_to_the_terminal(tmp_path):
    a, b = poisoned(1), poisoned(2, level=1.2)
    row = row_of(b, FREE)
    row |= {"status": "failed", "reason": ESCAPES}
    other = poisoned(3)
    other["context"]["hostname"] = "other" + ESCAPES
    paths = [written(tmp_path / f"{name}\x1b[31m.json", of)
             for name, of in (("a", a), ("b", b), ("c", other))]
    written(tmp_path / "\x1b]0;x\x07\n.json", b"{")
    for words in ([paths[0], "--", paths[1]], [paths[0], "--", paths[2]],
                  ["--across-hosts", paths[0], "--", paths[2]], [tmp_path, "--", paths[1]],
                  [paths[0], "--", tmp_path / "\x1b\n"], ["--margin", "\x1b\n", "a"],
                  ["--\x1b[2J\n\x07", "a"]):
        done = call("compare", *words)
        assert raw_characters(done.out + done.err) == set()
        assert not re.search("^forged", done.out + done.err, re.MULTILINE)
    lost = call("compare", paths[0], "--", paths[1])
    assert lost.status == 1 and "LOST" in lost.out


def test_trend_gives_no_hostile_text_to_the_terminal(tmp_path):
    for at in range(40):
        written(tmp_path / f"{at:02}.json", poisoned(1 + (at > 30), at=at, runs=1,
                                                     level=1.3 if at > 30 else 1))
    written(tmp_path / "\x1b]0;x\x07\n.json", b"{")
    done = call("trend", tmp_path)
    assert done.status == 1 and "SLOWER" in done.out and "governor" in done.out
    assert raw_characters(done.out + done.err) == set()
    assert not re.search("^forged", done.out + done.err, re.MULTILINE)


def test_half_a_surrogate_pair_does_no_harm(tmp_path):
    for at in range(2):
        of = json.dumps(result(at=at)).replace('"synthetic"', r'"half \ud800 and \udc00"')
        written(tmp_path / f"{at}.json", of.encode())
    written(tmp_path / "good.json", result(at=3))
    done = run("trend", tmp_path)
    assert done.status in (0, 3)
    assert "Traceback" not in done.err
    with contextlib.suppress(files.Refused):
        assert files.read(str(tmp_path / "0.json")).machine[0].encode()


def test_keys_that_mean_something_elsewhere_are_data(tmp_path):
    of = result(1)
    of["context"]["__proto__"] = {"hostname": "polluted"}
    of["context"]["kvm_modules"]["__proto__"] = {"constructor": "x", "__class__": "y"}
    read = files.read(str(written(tmp_path / "a.json", of)))
    assert read.machine[0] == "synthetic"
    assert conditions(read)["parameter __proto__.constructor"] == "x"


def use(path):
    """Everything that compare and trend do with a result, so that what is bad in it shows."""
    read = files.read(path)
    conditions(read)
    assert all(isinstance(word, str) for word in read.machine)
    if read.kind == "bench":
        for row in read.rows + history.exit_costs(read.rows):
            figures = [*row.runs, *(value for value in (row.median, row.mad, row.p99, row.max,
                                                        row.exits) if value is not None)]
            assert all(type(value) is float and math.isfinite(value) for value in figures)
            assert row.status != "measured" or row.runs
        files.read(path, details=True)


def schema_pattern():
    schema = json.loads((ROOT / "results/rdpmc-results-2.schema.json").read_text())
    return schema["$defs"]["rowName"]["pattern"]


def places(of, at=()):
    """Paths to every value in a document."""
    yield at
    for key, value in of.items() if isinstance(of, dict) else enumerate(of):
        if isinstance(value, (dict, list)):
            yield from places(value, (*at, key))
        else:
            yield *at, key


VALUES = (None, True, -1, 1e308, 10 ** 400, "", "\ud800", [], {}, [[]], {"a": {}}, ["x"], 1.5)


def test_any_value_anywhere_is_read_or_refused(tmp_path):
    of = result(1, runs=1)
    for runs in of["details"].values():
        for one in runs:
            one["histogram"]["buckets"] = one["histogram"]["buckets"][:2]
    pattern, path, good = re.compile(schema_pattern()), tmp_path / "a.json", json.dumps(of)
    tried, escaped = 0, []
    for place in list(places(of))[1:]:
        for value in VALUES:
            inner = made = json.loads(good)
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            written(path, made)
            tried += 1
            try:
                use(str(path))
                assert made["kind"] != "bench" or all(pattern.match(row["name"])
                                                      for row in made["rows"])
            except files.Refused as reason:
                assert str(reason)
            except Exception as error:
                escaped.append((place, str(value)[:20], repr(error)[:80]))
    assert tried > 1000
    assert escaped == []


def test_any_damage_of_a_byte_is_read_or_refused(tmp_path):
    data = as_written(result(1, runs=2))
    chance, path = random.Random(5), tmp_path / "a.json"
    for _ in range(400):
        at, made = chance.randrange(len(data)), bytearray(data)
        if chance.random() < 0.3:
            del made[at:at + chance.randrange(1, 200)]
        else:
            made[at] ^= 1 << chance.randrange(8)
        written(path, bytes(made))
        with contextlib.suppress(files.Refused):
            use(str(path))


@pytest.mark.parametrize("depth", (100, 500, 900, 930, 940, 950, 955, 960, 965, 970, 975, 980, 985))
def test_nesting_that_can_just_be_read_ends_nothing(depth, tmp_path):
    written(tmp_path / "good.json", result(at=1))
    written(tmp_path / "deep.json", nested("[", "]", depth)(result(at=2)))
    done = call("trend", tmp_path)
    assert done.status in (0, 3)
    assert ("1 result " if done.status else "2 results ") in done.out


@pytest.mark.parametrize("value", (math.nan, math.inf, -math.inf, 1e16, 10 ** 400, True, "1", None))
def test_figure_is_a_finite_number_however_it_got_there(value):
    with pytest.raises(files.Refused):
        files.number({"median": value}, "median", "row")
    assert files.number({"median": 3}, "median", "row") == 3.0


def test_recorded_results_are_taken_only_where_they_are_named(tmp_path):
    """What somebody else measured and kept is no history of this machine."""
    mine, kept = (written(tmp_path / name, result(1)) for name in ("a.json", "recorded/b.json"))
    deep = written(tmp_path / "x/recorded/y/c.json", result(1))
    assert files.find([str(tmp_path)]) == [str(mine)]
    assert files.find([str(kept.parent)]) == [str(kept)]
    assert files.find([f"{kept.parent}/"]) == [str(kept)]
    assert files.find([str(kept), str(deep.parent)]) == [str(kept), str(deep)]


def test_reading_of_a_name_agrees_with_the_schema():
    pattern = re.compile(schema_pattern())
    names = list(synthetic.catalogue(120)) + [
        "control/empty/call", "rdpmc/metrics/emulator/exit", "rdpmc/x/intercepted/cpl3-nopce",
        "rdpmc-fault/x-1/emulator/emulator-nopce", "rdpmc/x/intercepted", "control/empty/cpl1",
        "exit-cost/x/cpl0",
        "control//cpl0", "rdpmc/x/intercepted/cpl0/", " control/empty/cpl0", "rdpmc/X/native/cpl0"]
    for name in names:
        assert bool(pattern.match(name)) == bool(files.ROW_NAME.fullmatch(name)), name


def test_rows_that_nothing_writes_any_more_are_read(tmp_path):
    """A result of the engine `emulator`, which rdpmc-bench had until 0.1: exported as what it is."""
    done = call("export", "--format", "csv", "--out", tmp_path / "x.csv", ROOT / "tests/results/emulator-engine.json")
    assert (done.status, done.err) == (0, "")
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text().splitlines()))
    assert {row["name"] for row in rows if (row["setting"], row["status"]) == ("emulator", "measured")} == {
        f"rdpmc{fault}/emulator/{entry}" for fault in ("-fault/metrics-index1", "/metrics") for entry in ("emulator", "exit")}


def test_wrong_use_is_one_line_and_status_2(tmp_path):
    good = written(tmp_path / "a.json", result(1))
    for words in ([], ["nonsense"], ["compare"], ["compare", good], ["compare", "--", good],
                  ["compare", good, "--"], ["trend"], ["trend", good, "--", good],
                  ["compare", "--margin", "nan", good, "--", good],
                  ["compare", "--margin", "-1", good, "--", good],
                  ["compare", "--margin", "0", good, "--", good],
                  ["compare", "--margin", "100", good, "--", good],
                  ["compare", "--noise-floor", good, good, "--", good],
                  ["compare", "--noise-floor", tmp_path / "none", good, "--", good],
                  ["compare", "--nonsense", good, "--", good],
                  ["trend", "--magnitude", "inf", good], ["trend", "--magnitude", "0", good],
                  ["trend", "--magnitude", "x\ny", good], ["trend", "--magn", "2", good]):
        done = call(*words)
        assert done.status == 2, words
        assert len(done.told) == 1 and done.err.startswith("results: "), words
        assert done.out == "", words


def test_nothing_to_work_on_is_status_2_and_said(tmp_path):
    good = written(tmp_path / "a.json", result(1))
    (tmp_path / "empty").mkdir()
    for words in (["trend", tmp_path / "empty"], ["compare", good, "--", tmp_path / "empty"],
                  ["compare", tmp_path / "empty", "--", good]):
        done = call(*words)
        assert (done.status, len(done.told), done.out) == (2, 1, ""), words
    for words in (["trend", tmp_path / "none"], ["compare", good, "--", tmp_path / "none"]):
        done = call(*words)
        assert done.status == 2 and "none: no such file or directory" in done.err
        assert "Traceback" not in done.err
