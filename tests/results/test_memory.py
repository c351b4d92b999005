# SPDX-License-Identifier: GPL-2.0-or-later
"""What was read is remembered: the same history from it, never an old one, and never a failure."""

import contextlib
import json
import os
import pathlib
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import time

import numpy
import pytest

from rdpmc_results import history, memory
from test_files import CONTROL, FREE, result, written

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
COUNT = 70                  # a few more than are read without a memory


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where the memory is; files of a moment ago are old enough."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(memory, "YOUNG", -1)
    return pathlib.Path(memory.place())


@pytest.fixture
def folder(tmp_path):
    """With all that a folder can have: rows that differ, skipped rows, copies, other kinds, damage, a
    name that is no UTF-8, text of any kind."""
    folder = tmp_path / "results"
    folder.mkdir()
    for at in range(COUNT):
        of = result(at=at, host=("one", "zwei → \u2028\"'\n")[at % 2])
        of["context"]["microcode"] = hex(at // 20)
        if at % 5 == 0:
            of["rows"] = [row for row in of["rows"] if row["name"] != FREE]
        if at % 7 == 0:
            of["context"]["load_average"] = [0.25, 1, 1]
        if at % 9 == 0:
            of["rows"].append({"name": "rdpmc/fixed3/passthrough/cpl0", "setting": "passthrough",
                               "status": "skipped", "unit": "ns", "reason": f"none: {at % 2}"})
        if at == 12:
            of["rows"] = []
        written(folder / f"{at:03}.json", of)
    shutil.copy(folder / "003.json", folder / "copy.json")
    shutil.copy(folder / "004.json", os.fsencode(folder) + b"/\xff.json")
    (folder / "damaged.json").write_text('{"schema": "rdpmc-results/2", ')
    (folder / "other.json").write_text('{"schema": "rdpmc-floor/1"}')
    return folder


def flat(of):
    """A History as something that can be held against another."""
    return (of.points, of.conditions, of.absent, of.others, of.skipped,
            [(one.host, one.name, one.setting) + tuple(
                getattr(one, each).tobytes() for each in ("at", *history.FIGURES))
             for one in of.series])


def equal(one, other):
    return repr(flat(one)) == repr(flat(other))


def read(folder):
    return history.read([str(folder)])


@pytest.fixture
def once(folder, place, monkeypatch):
    """(folder, History) after it was read for the first time, by nothing but the files."""
    with monkeypatch.context() as patch:
        patch.setattr(history, "FEW", 1000)
        without = read(folder)
    assert not place.exists()
    assert equal(read(folder), without) and place.exists()
    return folder, without


@pytest.fixture
def again(monkeypatch):
    """A function that gives (History, names of the files that were read for it)."""
    def run(folder):
        with monkeypatch.context() as patch:
            names = []
            real = history.condense
            patch.setattr(history, "condense", lambda paths: names.extend(
                os.path.basename(path) for path in paths) or real(paths))
            patch.setattr(history.workers, "each", lambda function, tasks: (function(each) for each in tasks))
            return read(folder), sorted(names)
    return run


UNKEPT = ["damaged.json", "other.json"]         # read each time: there is nothing to remember


def test_the_same_from_memory_without_reading(once, again):
    folder, before = once
    found, names = again(folder)
    assert equal(found, before) and names == UNKEPT
    assert len(before.points) == COUNT and len(before.skipped) == 3


def test_a_relative_path_is_told_as_it_was_given(once, again, monkeypatch):
    folder, before = once
    monkeypatch.chdir(folder.parent)
    found, names = again(folder.name)
    assert names == UNKEPT
    assert {point.path for point in found.points} == \
        {os.path.relpath(point.path) for point in before.points}


def test_a_file_that_changed_is_read(once, again):
    folder, before = once
    path = folder / "010.json"
    time = path.stat().st_mtime_ns
    text = path.read_text()
    path.write_text(text.replace("gcc", "tcc"))
    os.utime(path, ns=(time, time))         # as somebody who copies files with their times
    assert len(path.read_text()) == len(text)
    _, names = again(folder)
    assert names == sorted(["010.json", *UNKEPT])


def test_another_file_of_that_name_is_read(once, again):
    folder, before = once
    os.replace(folder / "011.json", folder / "010.json")
    found, names = again(folder)
    assert names == sorted(["010.json", *UNKEPT]) and len(found.points) == COUNT - 1


def test_a_young_file_is_not_remembered(folder, place, again, monkeypatch):
    monkeypatch.setattr(memory, "YOUNG", 1000)
    read(folder)
    _, names = again(folder)
    assert len(names) == COUNT + 4


def test_another_version_has_a_memory_of_its_own(once, again, monkeypatch, place):
    folder, before = once
    monkeypatch.setattr(memory, "version", lambda: "another")
    found, names = again(folder)
    assert equal(found, before) and len(names) == COUNT + 4
    assert again(folder)[1] == UNKEPT
    assert place.exists()           # whoever uses two by turns has both


def test_the_memory_of_a_version_that_nobody_uses_goes(once, monkeypatch, place):
    folder, _ = once
    journal = place.with_name(place.name + "-journal")
    journal.touch()
    month = time.time() - 70 * 86400
    os.utime(place, (month, month))
    read(folder)
    assert place.exists()           # its own
    os.utime(place, (month, month))
    monkeypatch.setattr(memory, "version", lambda: "another")
    read(folder)
    assert [path.name for path in place.parent.iterdir()] == ["another.sqlite"]


def test_version_is_another_one_when_a_source_is(tmp_path):
    copied = tmp_path / "package" / "rdpmc_results"
    shutil.copytree(SCRIPTS / "rdpmc_results", copied)

    def version():
        return subprocess.run(
            [sys.executable, "-B", "-c", "from rdpmc_results import memory; print(memory.version())"],
            env=os.environ | {"PYTHONPATH": str(copied.parent)}, check=True, text=True,
            capture_output=True, timeout=60).stdout
    before = version()
    assert before == version()
    with open(copied / "statistics.py", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert version() != before


def flip(path, needle, by=1):
    """Changes a byte in the middle of what is stored, as a bad disk does."""
    data = bytearray(path.read_bytes())
    at = data.find(needle)
    assert at >= 0
    data[at + len(needle) // 2] ^= by
    path.write_bytes(data)


def heals(folder, before, again):
    found, names = again(folder)
    assert equal(found, before) and len(names) > len(UNKEPT)
    for _ in range(2):      # a shared text that nobody can use is noticed when it is written again
        assert equal(again(folder)[0], before)
    assert again(folder)[1] == UNKEPT


def test_a_figure_that_rotted_is_not_believed(once, again, place):
    folder, before = once
    of = json.loads((folder / "005.json").read_text())
    row = next(row for row in of["rows"] if row["name"] == CONTROL)
    flip(place, numpy.float64(row["median"]).tobytes())
    heals(folder, before, again)


def test_a_shared_text_that_rotted_is_not_believed(once, again, place):
    folder, before = once
    flip(place, CONTROL.encode())
    heals(folder, before, again)


def test_a_file_that_goes_while_it_is_read_costs_nothing(folder, again, place, monkeypatch):
    """A folder may rotate: gone between being read and being remembered."""
    before = history.read([folder])
    place.unlink(missing_ok=True)
    write = memory.Memory.write

    def goes(self):
        write(self)
        (folder / "005.json").unlink(missing_ok=True)
    monkeypatch.setattr(memory.Memory, "write", goes)
    assert equal(history.read([folder]), before)
    monkeypatch.undo()
    with contextlib.closing(sqlite3.connect(place)) as database:
        paths = {os.path.basename(path) for path, in database.execute("SELECT path FROM files")}
    assert b"006.json" in paths and b"005.json" not in paths


def numbers_of_shared(data, place):
    """Where in the database's first leaf of shared texts their numbers are, each of one byte."""
    with contextlib.closing(sqlite3.connect(place)) as database:
        page, = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'shared'").fetchone()
        size, = database.execute("PRAGMA page_size").fetchone()
    # https://sqlite.org/fileformat2.html, "B-tree Pages"
    while data[(page - 1) * size] == 5:
        at = (page - 1) * size
        child = at + int.from_bytes(data[at + 12:at + 14], "big")
        page = int.from_bytes(data[child:child + 4], "big")
    at = (page - 1) * size
    assert data[at] == 13
    for cell in range(min(100, int.from_bytes(data[at + 3:at + 5], "big"))):
        start = at + int.from_bytes(data[at + 8 + 2 * cell:at + 10 + 2 * cell], "big")
        while data[start] & 0x80:
            start += 1
        yield start + 1


def test_two_shared_texts_of_one_number_heal(once, again, place):
    folder, before = once
    data = bytearray(place.read_bytes())
    first, second, *_ = numbers_of_shared(data, place)
    assert (data[first], data[second]) == (1, 2)
    data[second] = 1
    place.write_bytes(data)
    for _ in range(3):
        assert equal(again(folder)[0], before)
    assert again(folder)[1] == UNKEPT


def test_any_damage_heals(once, again, place):
    """Sixty bytes changed at random, again and again."""
    folder, before = once
    whole = place.read_bytes()
    for seed in range(15):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(60 if seed % 2 else 1):
            data[chance.randrange(len(data))] = chance.randrange(256)
        place.write_bytes(data)
        for _ in range(3):
            assert equal(again(folder)[0], before), seed
        assert again(folder)[1] == UNKEPT, seed


@pytest.mark.parametrize("damage", (b"", b"nothing of the kind " * 1000, "half"))
def test_damage_is_overcome(once, again, place, damage):
    folder, before = once
    if damage == "half":
        os.truncate(place, place.stat().st_size // 2)
    else:
        place.write_bytes(damage)
    for _ in range(3):
        assert equal(again(folder)[0], before)
    assert again(folder)[1] == UNKEPT


def test_a_table_that_is_missing_is_made(once, again, place):
    folder, before = once
    with sqlite3.connect(place) as database:
        database.execute("DROP TABLE shared")
    assert equal(again(folder)[0], before)
    assert equal(again(folder)[0], before)
    assert again(folder)[1] == UNKEPT


def test_no_home(folder, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(folder.parent)
    before = sorted(os.listdir())
    assert len(read(folder).points) == COUNT and sorted(os.listdir()) == before


def test_where_nothing_can_be_written(folder, place, again):
    place.parent.mkdir(parents=True)
    place.mkdir()
    assert len(again(folder)[0].points) == COUNT
    place.rmdir()
    place.parent.rmdir()
    place.parent.write_text("a file where a folder should be")
    assert len(again(folder)[0].points) == COUNT


def test_a_full_disk(folder, place):
    """By the limit of a file's size, whose signal is ignored, so that writing fails."""
    program = ("import resource, signal; from rdpmc_results import history, memory; memory.YOUNG = -1\n"
               "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
               "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
               f"print(len(history.read([{str(folder)!r}]).points))")
    ran = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, timeout=60,
                         env=os.environ | {"PYTHONPATH": str(SCRIPTS)})
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{COUNT}\n", "")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 20000


@pytest.mark.parametrize("lock", ("IMMEDIATE", "EXCLUSIVE"))
def test_while_another_one_writes(once, again, place, lock):
    """Also for long: it is waited for once, not for each file."""
    folder, before = once
    with sqlite3.connect(place, isolation_level=None) as database:
        mine = memory.Memory()
        database.execute(f"BEGIN {lock}")
        began = time.monotonic()
        for name in os.listdir(folder):
            mine.recall(str(folder / name))
        mine.keep(str(folder / "010.json"), "own", ["shared"], b"")
        mine.close()
        assert equal(again(folder)[0], before)
        assert time.monotonic() - began < 30        # less than a second for each
        database.execute("ROLLBACK")
    assert equal(again(folder)[0], before)


def test_another_one_began_anew_meanwhile(once, again, place):
    """Numbers of shared texts are others then."""
    folder, before = once
    mine = memory.Memory()
    place.unlink()
    part = folder.parent / "part"
    part.mkdir()
    for at in range(COUNT):
        of = result(at=at, host="three")
        of["context"]["microcode"] = "other"
        written(part / f"{at}.json", of)
    read(part)
    assert mine.recall(str(folder / "001.json"))        # its own file is gone, but open
    mine.keep(str(folder / "001.json"), "own", ["shared"], b"")
    mine.close()
    assert equal(again(folder)[0], before)


def test_what_is_gone_is_forgotten(once, again, place):
    folder, before = once
    for at in range(5):
        (folder / f"{at:03}.json").unlink()
    for at in range(5):
        written(folder / f"new-{at}.json", result(at=1000 + at))
    elsewhere = folder.parent / "elsewhere"
    shutil.copytree(folder, elsewhere)
    read(elsewhere)
    shutil.rmtree(elsewhere)        # a disk that is not there today, as far as anybody knows
    again(folder)
    with sqlite3.connect(place) as database:
        known = {os.path.basename(path) for path, in database.execute("SELECT path FROM files")
                 if not path.startswith(os.fsencode(elsewhere))}
        assert database.execute("SELECT count(*) FROM files").fetchone()[0] > 2 * COUNT
    assert len(known) == COUNT + 2 and b"000.json" not in known and b"new-0.json" in known


def test_it_does_not_grow_for_ever(once, again, place, monkeypatch):
    folder, before = once
    monkeypatch.setattr(memory, "LARGEST", 1000)
    assert again(folder)[1] != UNKEPT


def test_a_few_files_leave_no_trace(folder, place):
    for path in folder.glob("0[1-9]*"):
        path.unlink()
    read(folder)
    assert not place.exists()


def test_interrupted_in_the_middle_keeps_what_was_read(folder, place, again, monkeypatch):
    def progress(done, of):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        history.read([str(folder)], progress)
    assert 0 < len(again(folder)[1]) < COUNT


def test_a_second_name_of_a_file_is_a_copy(once, again):
    folder, before = once
    os.link(folder / "020.json", folder / "linked.json")
    found, names = again(folder)
    assert "linked.json" in names and len(found.points) == COUNT
    assert len(found.skipped) == len(before.skipped) + 1
