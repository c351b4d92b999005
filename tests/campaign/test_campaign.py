# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns of the real fuzzers, some seconds long: what they find, keep, say and survive."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import kills
import pytest
from rdpmc_campaign import plan
from rdpmc_campaign.findings import Findings
from rdpmc_campaign.main import DRIVERS
from rdpmc_campaign.worker import Worker
from campaign_tools import BUILD, ROOT, mutant, fuzzers, pages, programs, reported, run, run_until, status, used, whole, words

EMULATOR = ("--engine", "emulator")


def engine(folder, defect):
    """An engine of engine.c; what the fuzzer drives is watched by ASan."""
    folder.mkdir()
    source = [str(ROOT / "tests/campaign/engine.c"), "-I", str(ROOT), "-D_GNU_SOURCE", "-std=gnu11", "-shared",
              "-fPIC", "-fvisibility=hidden", "-O1", "-g", f"-D{defect}", '-DENGINE_NAME="misbehaving"']
    for flavour, more in ("plain", ()), ("libfuzzer", (
            "-fsanitize=address", "-fsanitize-coverage=bb,inline-8bit-counters,pc-table")):
        subprocess.run(["clang", *source, *more, "-o", str(folder / f"{flavour}.so")], check=True)
    return str(folder)


def one_is_found(done):
    return done.returncode == 1


def until(condition, seconds=60):
    """Waits for it; a machine with other work is slow."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["v61-fast-bit", "pass-private"])
def test_a_mutant_is_one_page(tmp_path, name):
    done = run_until(one_is_found, tmp_path / "c", "--engine", mutant(name), "--time", 4, "--jobs", 1)
    assert len(pages(tmp_path / "c")) == 1, done.stdout
    page, = pages(tmp_path / "c")
    text = (tmp_path / f"c/findings/{page}/finding.md").read_text()
    rule = next(line for line in (ROOT / f"fuzz/mutants/patches/{name}.patch").read_text().splitlines()
                if line.startswith("Rule: ")).split()[1].rstrip(",")
    assert "## How to repeat it" in text and "| source |" in text
    assert name in status(tmp_path / "c")["pages"][page]["class"]
    assert page in (tmp_path / "c/report.md").read_text()
    # The command on the page, as it is.
    command = next(line for line in text.splitlines() if line.startswith("rdpmc-diff run"))
    again = subprocess.run([f"{BUILD}/{command.split()[0]}", *command.split()[1:]],
                           capture_output=True, text=True, check=False)
    assert again.returncode == 1 and again.stdout.startswith("FOUND: "), again.stdout
    assert rule
    # A second start fuzzes for as long again, and finds nothing new.
    before = status(tmp_path / "c")
    more = run(tmp_path / "c", "--engine", mutant(name), "--time", 4, "--jobs", 1)
    assert more.returncode == 3 and "1 class, none new since" in more.stderr, more.stderr
    after = status(tmp_path / "c")
    assert after["elapsed"] - before["elapsed"] >= 4
    assert sum(task["slices"] for task in after["tasks"].values()) \
        > sum(task["slices"] for task in before["tasks"].values())
    assert pages(tmp_path / "c") == {page}


def test_killed_again_and_again(tmp_path):
    watch = kills.trial(str(tmp_path / "c"), 16, 3,
                        ["--disk", "64", "--minimise", "2", *EMULATOR, "--engine",
                         mutant("v61-fast-bit")], 64 << 20)
    assert not watch.wrong, watch.wrong
    assert len(watch.kept) > 10 and len(watch.pages) == 1
    found = status(tmp_path / "c")
    # One that is killed before it has begun to count is none.
    assert 1 < found["starts"] <= 4 and watch.least <= found["elapsed"] < 40
    print(f"minimised {found['corpus']['minimised']} times")


def test_two_share_and_do_not_disturb_each_other(tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    log = open(tmp_path / "log", "w+")
    both = [subprocess.Popen(words(tmp_path / name, "--time", 7, "--jobs", 1, "--share", share,
                                   "--driver", driver, *EMULATOR),
                             stdout=log, stderr=log) for name, driver in (("a", "afl"), ("b", "libfuzzer"))]
    until((tmp_path / "a/status.json").exists)
    second = run(tmp_path / "a", "--time", 1, *EMULATOR)
    assert [each.wait(60) for each in both] == [0, 0], (tmp_path / "log").read_text()
    assert second.returncode == 2 and "another campaign runs there" in second.stderr
    shared = set(os.listdir(share))
    for name in "a", "b":
        assert whole(tmp_path / name) == reported(tmp_path / name)[0] <= shared
        assert not status(tmp_path / name)["alarms"]
    # What only AFL++ found came to the other through the folder.
    third = run(tmp_path / "c", "--time", 2, "--share", share, "--driver", "libfuzzer", *EMULATOR)
    assert third.returncode == 0 and shared <= whole(tmp_path / "c")
    assert shared


def test_a_shared_folder_is_not_trusted(tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    (share / "large").write_bytes(bytes(1 << 20))
    (share / "wrongly-named").write_bytes(b"\1case")
    (share / ".hidden").write_bytes(b"x")
    os.mkfifo(share / "fifo")
    (share / "loop").symlink_to("loop")
    (tmp_path / "secret").write_bytes(b"secret")
    (share / "link").symlink_to(tmp_path / "secret")
    done = run(tmp_path / "c", "--time", 2, "--share", share, "--driver", "libfuzzer", *EMULATOR)
    assert done.returncode == 0, done.stderr
    held = {(tmp_path / "c/corpus" / name).read_bytes() for name in whole(tmp_path / "c")}
    assert b"\1case" in held and not held & {b"x", b"secret", bytes(1 << 20)}
    assert b"secret" not in {path.read_bytes() for path in share.iterdir()
                             if path.is_file() and not path.is_symlink()}


def test_the_same_as_a_result_for_the_dashboard(tmp_path):
    def both_measured(_):
        written = sorted((tmp_path / "c/results").iterdir())
        summary = json.loads(written[-1].read_text())["summary"] if written else {"coverage": {}}
        return "emulator, lines" in summary["coverage"] and summary["findings"]

    run_until(both_measured, tmp_path / "c", "--engine", mutant("v61-fast-bit"), *EMULATOR, "--driver", "libfuzzer",
              "--jobs", 2, "--time", 4, "--measure", 1)
    results = sorted((tmp_path / "c/results").iterdir())
    check = subprocess.run([sys.executable, "tests/check_schema.py",
                            "results/rdpmc-results-2.schema.json", *map(str, results)], cwd=ROOT,
                           capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
    last = json.loads(results[-1].read_text())
    found = status(tmp_path / "c")
    assert last["kind"] == "campaign" and last["partial"] is False
    assert last["summary"]["executions"] == sum(t["executions"] for t in found["tasks"].values()) > 0
    assert last["summary"]["coverage"]["emulator, lines"]["of"] > 100
    rules = last["summary"]["coverage"]["rules, both answers"]
    assert rules["reached"] == rules["of"] > 20
    assert len(last["summary"]["findings"]) == 1


def test_a_flaky_finding_is_kept_apart(tmp_path):
    done = run_until(lambda _: status(tmp_path / "c")["flaky"], tmp_path / "c",
                     "--engine", engine(tmp_path / "flaky", "FLAKY"), "--time", 5)
    assert done.returncode == 0, done.stderr
    found = status(tmp_path / "c")
    assert not pages(tmp_path / "c") and found["flaky"]
    each = next(iter(found["flaky"].values()))
    assert each["count"] >= 1 and each["times"] == 3 * each["count"]
    assert os.listdir(tmp_path / "c/flaky")
    assert "Flaky, not reproduced every time" in (tmp_path / "c/report.md").read_text()


def test_what_only_a_sanitizer_sees_is_one_page(tmp_path):
    run_until(one_is_found, tmp_path / "c", "--engine", engine(tmp_path / "overflow", "OVERFLOW"), "--time", 6)
    page, = pages(tmp_path / "c")
    text = (tmp_path / f"c/findings/{page}/finding.md").read_text()
    assert page.startswith("sanitizer-") and "heap-buffer-overflow" in text and "engine.c" in text


def test_what_aborts_is_a_page_too(tmp_path):
    run_until(one_is_found, tmp_path / "c", "--engine", engine(tmp_path / "aborts", "ABORTS"), "--time", 4)
    page, = pages(tmp_path / "c")
    text = (tmp_path / f"c/findings/{page}/finding.md").read_text()
    assert "deadly signal" in text and "read_badly" in text and not status(tmp_path / "c")["flaky"]


@pytest.mark.parametrize("instead", ["exit 1", "sleep 1000"])
def test_a_merge_that_fails_gives_nothing_up(tmp_path, instead):
    build = programs(tmp_path / "build", **{
        "fuzz-rdpmc": f'case "$*" in *-merge=1*) {instead};; *) exec "$real" "$@";; esac'})
    done = run(tmp_path / "c", *build, "--driver", "libfuzzer", "--driver", "afl", "--time", 5,
               "--minimise", 2, *EMULATOR, env=os.environ | {"RDPMC_KNOWN": str(ROOT / "fuzz/oracle/known")})
    assert done.returncode == 0, done.stderr
    found = status(tmp_path / "c")["corpus"]
    assert found["given_up"] == 0 < found["cases"] == len(whole(tmp_path / "c"))
    assert "sleep" in instead or "could not be minimised" in done.stderr


def test_what_cannot_be_triaged_waits(tmp_path):
    build = programs(tmp_path / "build", **{
        "rdpmc-diff": 'case "$1" in triage) echo "no room" >&2; exit 2;; *) exec "$real" "$@";; esac'})
    broken = mutant("v61-fast-bit")
    run_until(lambda done: done.returncode == 1 and "no room" in done.stderr,
              tmp_path / "c", *build, "--engine", broken, "--time", 3)
    found = status(tmp_path / "c")
    assert not pages(tmp_path / "c") and not found["flaky"]
    assert any((tmp_path / "c/inbox").rglob("?" * 40))
    run_until(lambda done: done.returncode == 1 and pages(tmp_path / "c"),
              tmp_path / "c", "--engine", broken, "--time", 3)
    assert len(pages(tmp_path / "c")) == 1
    assert not any((tmp_path / "c/inbox").rglob("?" * 40))


def test_a_case_that_was_cut_short_is_no_finding(tmp_path):
    """A fuzzer may be killed while it writes what it found; the start of a case is another case."""
    saved = tmp_path / "c/workers/libfuzzer-emulator/saved"
    build = programs(tmp_path / "build", **{"fuzz-rdpmc": f"""
        case "$*" in
        *-fork=1*) : >{saved}/crash-{"0" * 40}; printf x >{saved}/crash-{"1" * 40};;
        esac
        exec "$real" "$@" """})
    done = run(tmp_path / "c", *build, "--driver", "libfuzzer", "--time", 3, *EMULATOR)
    assert done.returncode == 0, done.stderr
    found = status(tmp_path / "c")
    assert not found["flaky"] and not any((tmp_path / "c/inbox").rglob("?" * 40))
    assert len(list(saved.iterdir())) == 2
    # They are gone once nobody can be writing them.
    run(tmp_path / "c", "--time", 3, "--driver", "libfuzzer", *EMULATOR)
    assert not list(saved.iterdir())


def test_what_ran_when_the_machine_went_down_is_not_run_again(tmp_path):
    run(tmp_path / "c", "--time", 1, "--driver", "libfuzzer", *EMULATOR)
    journals = tmp_path / "c/workers/live-kvm/tmp"
    journals.mkdir(parents=True)
    (journals / "journal.4711").write_bytes(b"cases")
    (tmp_path / "c/tmp/journal.4712").write_bytes(b"more")
    found = status(tmp_path / "c")
    (tmp_path / "c/status.json").write_text(json.dumps(found | {"boot": "another"}))
    done = run(tmp_path / "c", "--time", 2, "--driver", "libfuzzer", "--driver", "live",
               "--engine", "kvm", *EMULATOR)
    assert "the host went down" in done.stderr
    assert len(list((tmp_path / "c/suspects").iterdir())) == 2
    found = status(tmp_path / "c")
    assert "live-kvm" not in found["tasks"] and "suspects" in found["alarms"]


def test_a_worker_that_hangs_and_one_that_dies_are_alarms(tmp_path):
    """Programs in the place of the fuzzers'; the rest is as it is."""
    build = tmp_path / "build"
    build.mkdir()
    (build / "rdpmc-diff").symlink_to(BUILD / "rdpmc-diff")
    (build / "afl-mutator.so").symlink_to(BUILD / "afl-mutator.so")
    (build / "fuzz-rdpmc").write_text("#!/bin/sh\necho 'ERROR: no luck today'\nexit 1\n")
    (build / "fuzz-rdpmc-afl").write_text("#!/bin/sh\nexit 1\n")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "afl-fuzz").write_text("#!/bin/sh\nexec sleep 1000\n")
    for path in build / "fuzz-rdpmc", build / "fuzz-rdpmc-afl", bin_ / "afl-fuzz":
        path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); "
         "from rdpmc_campaign import worker, main; worker.STALLED = 3; sys.exit(main.main())",
         str(ROOT / "scripts"), "--build", str(build), "--dir", str(tmp_path / "c"), "--time", "14",
         "--slice", "12", *EMULATOR], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PATH": f"{bin_}:{os.environ['PATH']}"})
    assert "ALARM: libfuzzer-emulator dead: ended after 0 s: ERROR: no luck today" in done.stderr
    assert "ALARM: afl-emulator stalled: hung: no processor time in 3 s" in done.stderr
    tasks = status(tmp_path / "c")["tasks"]
    assert tasks["libfuzzer-emulator"]["deaths"] >= 3 and tasks["afl-emulator"]["deaths"] >= 1
    assert not fuzzers(tmp_path / "c")


def test_interrupted_and_gone_on(tmp_path):
    running = subprocess.Popen(words(tmp_path / "c", *EMULATOR), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    until(lambda: (tmp_path / "c/status.json").exists() and all(
        task["executions"] for task in status(tmp_path / "c")["tasks"].values()))
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    before = status(tmp_path / "c")
    assert before["state"] == "interrupted" and before["elapsed"] > 1
    assert not fuzzers(tmp_path / "c")
    done = run(tmp_path / "c", "--time", 3, *EMULATOR)
    after = status(tmp_path / "c")
    assert done.returncode == 0 and after["state"] == "ended" and after["starts"] == 2
    assert after["began"] == before["began"]
    for name, task in before["tasks"].items():
        assert after["tasks"][name]["executions"] >= task["executions"] > 0
    assert whole(tmp_path / "c") == reported(tmp_path / "c")[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system can be made by root only")
def test_a_full_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(place)], check=False,
                      capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        (place / "ballast").write_bytes(bytes(40 << 20)[:38 << 20])
        with open(tmp_path / "said", "w", encoding="utf-8") as log:
            running = subprocess.Popen(words(place / "c", "--time", 12, "--jobs", 1, *EMULATOR),
                                       stdout=subprocess.DEVNULL, stderr=log)
        until(lambda: "nothing runs until" in (tmp_path / "said").read_text())
        subprocess.run(["mount", "-o", "remount,size=400m", str(place)], check=True)
        running.wait(90)
        said = (tmp_path / "said").read_text()
        found = status(place / "c")
        assert running.returncode == 0, said
        assert "ALARM" in said and "nothing runs until there is room" in said
        assert "Traceback" not in said
        assert not found["alarms"] and sum(t["executions"] for t in found["tasks"].values()) > 0
        assert whole(place / "c") == reported(place / "c")[0]
        # Full in the middle of it.
        subprocess.run(["mount", "-o", f"remount,size={(used(place) >> 20) + 2}m", str(place)],
                       check=True)
        done = run(place / "c", "--time", 4, "--jobs", 1, *EMULATOR)
        assert "Traceback" not in done.stderr and "nothing runs" in done.stderr
        assert whole(place / "c") == reported(place / "c")[0]
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_the_bound_of_the_disk_holds(tmp_path):
    running = subprocess.Popen(words(tmp_path / "c", "--time", 9, "--disk", 16, *EMULATOR),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    most = 0
    while running.poll() is None:
        most = max(most, used(tmp_path / "c") if (tmp_path / "c").exists() else 0)
        time.sleep(0.05)
    running.communicate()
    assert most <= 16 << 20, most
    assert status(tmp_path / "c")["disk"]["limit"] == 16 << 20


@pytest.mark.parametrize("damage", [{"tasks": []}, {"pages": {"x": 1}}, {"elapsed": "x"}, {"corpus": None},
                                    {"tasks": {"libfuzzer-emulator": {"seconds": None}}}])
def test_a_state_of_another_shape_is_damage(tmp_path, damage):
    folder = tmp_path / "c"
    for name in "findings", "corpus":
        (folder / name).mkdir(parents=True)
    (folder / "lock").touch()
    (folder / "findings/NOTES").write_text("somebody's own")
    (folder / "corpus/another thing ü").write_text("somebody's own")
    (folder / "status.json").write_text(json.dumps({"schema": "rdpmc-campaign/1"} | damage))
    done = run(folder, "--time", 1, "--driver", "libfuzzer", *EMULATOR)
    assert done.returncode == 0 and "is damaged" in done.stderr, done.stderr
    assert status(folder)["starts"] == 1 and (folder / "findings/NOTES").exists()


def test_damaged_state_loses_no_case_and_no_finding(tmp_path):
    campaign = tmp_path / "c", "--engine", mutant("v61-fast-bit"), "--jobs", 1, "--time"
    run_until(lambda _: pages(tmp_path / "c") and whole(tmp_path / "c"), *campaign, 4)
    cases, found = whole(tmp_path / "c"), pages(tmp_path / "c")
    (tmp_path / "c/status.json").write_text('{"schema": "rdpmc-cam')
    with open(tmp_path / "c/corpus.log", "a", encoding="ascii") as log:
        log.write("kept 0123")         # a line that a kill cut short
    (tmp_path / "c/corpus/.half").write_bytes(b"half")
    done = run(*campaign, 2)
    assert done.returncode == 3 and "cannot be read" in done.stderr      # what is there is of before
    assert cases <= whole(tmp_path / "c") and pages(tmp_path / "c") == found
    assert set(status(tmp_path / "c")["pages"]) == found
    assert not (tmp_path / "c/corpus/.half").exists()
    # A page that was taken away is dealt with; if it is not, it comes again.
    page, = found
    shutil.rmtree(tmp_path / f"c/findings/{page}")
    done = run(*campaign, 2)
    assert f"{page} was removed: closed" in done.stderr
    if not pages(tmp_path / "c"):
        run_until(lambda _: pages(tmp_path / "c"), *campaign, 2)
    assert len(pages(tmp_path / "c")) == 1
    # A case that was taken away is noticed.
    shutil.move(tmp_path / "c/corpus" / sorted(cases)[0], tmp_path / "away")
    done = run(*campaign, 1)
    assert "1 kept case missing from" in done.stderr


@pytest.mark.parametrize("options, said", [
    (["--time", "soon"], "'soon' is no number"), (["--jobs", "0"], "no number from 1"),
    (["--engine", "nonsense"], "there are emulator, kvm"), (["--engine", "/nowhere"], "no folder with"),
    (["--engine", "kernel:no"], "make campaign KDIR"), (["--disk", "1"], "no number from 16"),
    (["--engine", "emulator", "--engine", "emulator"], "named twice"), (["--driver", "hope"], "invalid choice"),
    (["--build", "/nowhere", "--engine", "emulator"], "is not built"), (["stray"], "unrecognized arguments"),
    (["--dir", "/dev/null/c"], "Not a directory"), (["--dir", "/usr"], "not a campaign's directory"),
    (["--share", "/nowhere"], "no such directory"), (["--on-finding", ""], "an empty name")])
def test_wrong_use_is_one_line(tmp_path, options, said):
    done = run(tmp_path / "c", *options)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout


@pytest.mark.parametrize("missing", ("rdpmc-diff", "fuzz-rdpmc", "fuzz-rdpmc-afl"))
def test_missing_program_is_found_before_anything_is_written(tmp_path, missing):
    made = programs(tmp_path / "build")
    (tmp_path / "build" / missing).unlink()
    done = run(tmp_path / "c", *made, "--engine", "emulator", "--time", 1)
    assert (done.returncode, done.stderr) == (2, f"campaign: {tmp_path}/build/{missing} is not built: `make campaign` "
                                                 "builds all of it\n")
    assert not (tmp_path / "c").exists()


def test_nothing_can_run_here(tmp_path):
    done = run(tmp_path / "c", "--engine", "kvm", "--time", 1, env=os.environ | {"RDPMC_KVM": "/nowhere"})
    assert done.returncode == 77 and "engine kvm" in done.stderr, done.stderr


def test_a_machines_pages_are_taken_over(tmp_path):
    engine = plan.engine(str(BUILD), "machine:zen4,gp=4:debian:6.12")
    task = plan.task(str(BUILD), "machine", engine)
    assert task.name == "machine-zen4-gp-4-debian-6.12"
    worker = Worker(task, str(tmp_path), SimpleNamespace(root="/root-of-it", build=str(BUILD)))
    state = {"pages": {}, "new": [], "flaky": {}, "elapsed": 5.0}
    taken = Findings(str(tmp_path), str(BUILD), None, [engine], state, None)

    def made(case, page="finding.md"):
        place = tmp_path / "workers" / task.name / "saved/death-1"
        place.mkdir(parents=True)
        (place / "case").write_bytes(case)
        (place / page).write_text(f"# The kernel died: of {case}\n\nscripts/machine run --put {place}/case=case\n")
        taken.take_pages(worker)

    page = tmp_path / "findings/death-1"
    made(b"first", "finding.md.new")        # not whole yet
    assert not page.exists() and not state["pages"]
    shutil.rmtree(tmp_path / "workers")
    made(b"first")
    assert f"--put {page}/case=case" in (page / "finding.md").read_text()
    assert state["pages"]["death-1"]["class"] == f"{engine.name}: The kernel died: of b'first'"
    made(b"second")
    assert state["pages"]["death-1"]["count"] == 2 and not worker.pages()
    assert sorted(path.read_bytes() for path in page.glob("case*")) == [b"first", b"second"]
    words_of = worker.machine(6.5, ["seeds"])
    assert words_of[words_of.index("--cpu"):][:4] == ["--cpu", "zen4,gp=4", "--kernel", "debian:6.12"]


def test_the_schema_has_every_driver():
    schema = json.loads((ROOT / "results/rdpmc-results-2.schema.json").read_text())
    assert set(schema["$defs"]["campaignRow"]["properties"]["driver"]["enum"]) == {*DRIVERS, *plan.PROGRAMS, None}
