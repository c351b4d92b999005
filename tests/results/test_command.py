# SPDX-License-Identifier: GPL-2.0-or-later
"""However scripts/results ends, it says why in one line and with the status of --help: never with a
traceback."""

import os
import shutil
import signal
import subprocess
import sys

import pytest
from rdpmc_results import files

from test_files import ROOT, call, result, run, written

PROGRAM = str(ROOT / "scripts/results")


def shell(words, *arguments, **environment):
    """What a shell makes of `$0 ARGUMENTS` with @words after it."""
    return subprocess.run(["sh", "-c", f'"$0" "$@" {words}', PROGRAM, *map(str, arguments)],
                          capture_output=True, text=True, timeout=60, cwd=ROOT,
                          env=os.environ | environment)


@pytest.fixture
def good(tmp_path):
    return written(tmp_path / "in/a.json", result(1))


def copied(path):
    """Another file of the same result: one is not compared with itself."""
    return shutil.copy(path, path.parent.parent / "copy.json")


def commands(good):
    return (["--help"], ["trend", "--help"], ["trend", good], ["trend", "--json", good],
            ["compare", good, "--", copied(good)], ["export", "--format", "csv", good])


@pytest.mark.parametrize("unbuffered", ("", "1"))
def test_full_output_is_status_2_in_one_line(good, unbuffered):
    for words in commands(good):
        done = shell(">/dev/full", *words, PYTHONUNBUFFERED=unbuffered)
        assert done.returncode == 2, words
        assert done.stderr.splitlines()[-1] == \
            "results: standard output: no space left on device", words
        assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_closed_output_is_status_2_in_one_line(good):
    for words in commands(good):
        done = shell(">&-", *words)
        assert (done.returncode, done.stderr) == (2, "results: standard output is closed\n"), words


def test_closed_errors_end_nothing(good):
    done = shell("2>&-", "trend", good, good.parent / "nowhere")
    assert done.returncode == 3 and "1 result of 1 host" in done.stdout
    assert "skipped" not in done.stdout


def test_reader_that_has_seen_enough_is_no_trouble(good):
    done = shell("| true", "export", "--format", "csv", good)
    assert (done.returncode, done.stderr) == (0, "")


def with_scipy(tmp_path, text):
    """Environment in which SciPy is @text."""
    written(tmp_path / "fake/scipy/__init__.py", text.encode())
    return {"PYTHONPATH": str(tmp_path / "fake")}


def test_without_scipy_one_line_says_what_is_missing(tmp_path):
    done = shell("", "--help", **with_scipy(tmp_path, "raise ImportError"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "SciPy is missing" in done.stderr


def test_ctrl_c_while_modules_are_imported_is_130(tmp_path):
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60,
                          env=os.environ | with_scipy(tmp_path, kill),
                          preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                           signal.default_int_handler))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_program_that_cannot_be_begun_is_one_line(tmp_path):
    program = written(tmp_path / "text", b"no program\n")
    program.chmod(0o755)
    done = run("ab", program, program, "--runs", "2", "--out", tmp_path / "out")
    assert (done.status, done.out, len(done.told)) == (2, "", 1)
    assert "text: exec format error" in done.err


def broken(tmp_path, error):
    """A program that has a defect: whatever compares or looks at a folder runs into it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.path.insert(0, %r)\n"
        "import rdpmc_results.files as files\n"
        "def find(paths): raise %s\nfiles.find = find\n" % (str(ROOT / "scripts"), error))
    return {"PYTHONPATH": str(tmp_path)}


def says_defect(status, out, err, name):
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert f"a defect in this program: {name}" in err and "RDPMC_TRACEBACK=1" in err


def test_defect_is_status_2_of_the_process(good, tmp_path):
    of = broken(tmp_path, "ValueError('math domain error')")
    done = shell("", "trend", good, **of)
    says_defect(done.returncode, done.stdout, done.stderr, "ValueError")
    done = shell("", "trend", good, **of, RDPMC_TRACEBACK="1")
    assert done.returncode == 2 and "Traceback" in done.stderr and "in find" in done.stderr


@pytest.mark.parametrize("error", (ValueError("math domain error"), ZeroDivisionError("by 0"), MemoryError(),
                                   AssertionError("a\nb")))
def test_defect_is_status_2_in_one_line_not_slower(error, good, monkeypatch):
    def find(paths):
        raise error
    monkeypatch.setattr(files, "find", find)
    for words in ["compare", good, "--", copied(good)], ["trend", good], ["export", "--format", "csv", good]:
        monkeypatch.delenv("RDPMC_TRACEBACK", raising=False)
        done = call(*words)
        says_defect(done.status, done.out, done.err, type(error).__name__)
        monkeypatch.setenv("RDPMC_TRACEBACK", "1")
        done = call(*words)
        assert done.status == 2 and "Traceback" in done.err and "in find" in done.err


def test_more_than_two_sides_are_refused(good):
    done = call("compare", good, "--", good, "--", good)
    assert (done.status, done.out, len(done.told)) == (2, "", 1)
    assert "two sides" in done.err


def test_one_side_is_told_to_be_too_few(good):
    for words in ["--", good], [good, "--"], [good], ["--"], []:
        done = call("compare", *words)
        assert (done.status, done.out) == (2, "")
        assert done.err == "results: compare takes two sides: A B, or A.json... -- B.json...\n", words


def test_two_files_need_nothing_between_them(good):
    done = call("compare", good, copied(good))
    assert (done.status, done.err) == (0, "")
    assert done.out == call("compare", good, "--", copied(good)).out


def test_a_file_is_not_compared_with_itself(good):
    link = good.parent.parent / "link.json"
    link.symlink_to(good)
    for words in [good, good], [good, "--", good], [good, link]:
        done = call("compare", *words)
        assert (done.status, done.out, len(done.told)) == (2, "", 1)
        assert "A and B are the same file" in done.err


def test_empty_name_of_a_file_is_told(good):
    for words in ["export", "--format", "csv", "--out", "", good], \
            ["dashboard", "--out", "", good]:
        done = call(*words)
        assert (done.status, done.out, len(done.told)) == (2, "", 1)
        assert "an empty name" in done.err


def test_help_of_all_that_take_folders_tells_of_recorded():
    for command in "compare", "trend", "export", "dashboard":
        assert "recorded" in run(command, "--help").out, command


def test_what_wants_no_test_waits_for_no_scipy_stats(good):
    """It takes longer to import than the rest does: an export, and a trend of one point, do without."""
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from rdpmc_results.main import main; " \
        "status = main(); print('scipy.stats' in sys.modules, file=sys.stderr); sys.exit(status)"

    def told(*words):
        done = subprocess.run([sys.executable, "-c", program, ROOT / "scripts", *words], timeout=60,
                              capture_output=True, text=True)
        assert done.returncode == 0
        return done.stderr.splitlines()[-1]

    assert told("trend", good) == told("export", "--format", "csv", good) == "False"
    assert told("compare", good, "--", copied(good)) == "True"
