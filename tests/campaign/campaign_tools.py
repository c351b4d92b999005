# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of campaigns have in common: running one, and what must hold of its directory."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
sys.path[:0] = [str(ROOT / "scripts")]

from rdpmc_campaign.notices import Notices  # noqa: E402


def mutant(name):
    """An engine that differs from the emulator by one patch of the catalogue."""
    folder = BUILD / "mutants" / name
    done = subprocess.run(
        ["make", "-s", "-j2", f"BUILD={os.environ.get('BUILD', 'build')}", "SETUP=no",
         *(str(folder.relative_to(ROOT) / f"{flavour}.so") if folder.is_relative_to(ROOT)
           else f"{folder}/{flavour}.so" for flavour in ("plain", "libfuzzer", "afl"))],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(folder)


def programs(folder, **instead):
    """A build directory of which some programs are scripts; in them $real is the real one."""
    folder.mkdir()
    for path in BUILD.iterdir():
        if path.name in instead:
            (folder / path.name).write_text(f"#!/bin/sh\nreal={path}\n{instead[path.name]}\n")
            (folder / path.name).chmod(0o755)
        elif path.name in ("fuzz-rdpmc", "fuzz-rdpmc-afl", "afl-mutator.so", "rdpmc-diff", "coverage"):
            (folder / path.name).symlink_to(path)
    return ["--build", folder]


def made_fuzzer(folder, engine, covered=False):
    """A build directory whose fuzzer has found a case as soon as it is begun."""
    (folder / "cases").mkdir()
    done = subprocess.run([f"{BUILD}/rdpmc-diff", "run", "--quiet", "--engine", f"{engine}/plain.so", "--random", "2000",
                           "--save", str(folder / "cases")], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    case = sorted((folder / "cases").iterdir())[0]
    made = programs(folder / "build", **{"fuzz-rdpmc": f"""
case "$*" in *-fork=1*) ;; *) exec "$real" "$@";; esac
corpus=
for word; do case $word in -artifact_prefix=*) saved=${{word#*=}};; -*) ;; *) corpus=${{corpus:-$word}};; esac; done
cp {case} "$saved/crash-$(sha1sum <{case} | cut -c1-40)"
printf new >"$corpus/new"
echo '#1000: cov: 1'
exec sleep 1000"""})
    if not covered:
        (folder / "build/coverage").unlink()
    return made


def words(folder, *options):
    return [str(ROOT / "scripts/campaign"), "--build", str(BUILD), "--dir", str(folder), *map(str, options)]


def run(folder, *options, seconds=120, **more):
    """A campaign from its start to its end."""
    return subprocess.run(words(folder, *options), capture_output=True, text=True, timeout=seconds,
                          check=False, **more)


def run_until(condition, folder, *options, starts=15):
    """Starts one again and again until @condition holds: on a busy machine a few seconds may bring nothing."""
    for _ in range(starts):
        done = run(folder, *options)
        assert done.returncode in (0, 1, 3), done.stderr
        if condition(done):
            break
    else:
        raise AssertionError(f"not in {starts} starts: {done.stderr}")
    return done


def status(folder):
    with open(f"{folder}/status.json", encoding="utf-8") as file:
        return json.load(file)


def pages(folder):
    """Names of the pages that are whole."""
    found = set()
    for name in os.listdir(f"{folder}/findings") if os.path.isdir(f"{folder}/findings") else []:
        if not name.startswith("."):
            assert os.path.getsize(f"{folder}/findings/{name}/finding.md") > 100, name
            assert os.path.exists(f"{folder}/findings/{name}/case"), name
            found.add(name)
    return found


def reported(folder):
    """({case that was reported as kept}, {case that was given up later}), by the log."""
    last = {}
    try:
        with open(f"{folder}/corpus.log", encoding="ascii") as file:
            for line in file:
                if line.endswith("\n"):
                    word, name = line.split()[:2]
                    last[name] = word
    except FileNotFoundError:
        pass
    return ({name for name, word in last.items() if word == "kept"},
            {name for name, word in last.items() if word == "given-up"})


def whole(folder):
    """Names of kept cases; each is what its name says."""
    names = {name for name in os.listdir(f"{folder}/corpus") if not name.startswith(".")}
    for name in names:
        data = pathlib.Path(f"{folder}/corpus/{name}").read_bytes()
        assert hashlib.sha1(data).hexdigest() == name, f"{name} holds something else"
    return names


def used(folder):
    """Bytes on the disk."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue
    return total


def fuzzers(folder):
    """Processes that campaigns in this folder started."""
    mark = f"RDPMC_CAMPAIGN={os.path.realpath(folder)}".encode()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark in pathlib.Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                found.append(int(name))
        except OSError:
            continue
    return found


# With what a shell would take apart.
TITLE = "got a value, expected #GP; a 'quoted' $(title) (rule NO-FAST)"


class Place:
    """A campaign's directory with reports in it, and nothing that runs."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "findings").mkdir(parents=True, exist_ok=True)
        self.state = {"pages": {}, "new": [], "alarms": {}, "elapsed": 0.0}
        self.said = []

    def found(self, page, title=TITLE, new=True, engine="kernel:x"):
        made = self.folder / "findings" / page
        made.mkdir()
        (made / "finding.md").write_text(f"# {title}\n\n| | |\n|---|---|\n| engine | `{engine}` (Linux 6.1) |\n"
                                         "| rule | NO-FAST: ECX[31] means nothing |\n")
        self.state["pages"][page] = {"engine": engine}
        if new:
            self.state["new"].append(page)

    def removed(self, page):
        shutil.rmtree(self.folder / "findings" / page)
        del self.state["pages"][page]
        self.state["new"] = [each for each in self.state["new"] if each != page]

    def alarm(self, what, text):
        self.state["alarms"][what] = {"text": text}
        self.said.append(text)

    def start(self, program):
        """As a start of the campaign does it."""
        self.state["alarms"] = {}
        return Notices(str(self.folder), program and str(program), self.state, self.said.append, self.alarm,
                       lambda what: self.state["alarms"].pop(what, None))

    def tell(self, program):
        return self.start(program).finish(60)


def hook(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)
    return path
