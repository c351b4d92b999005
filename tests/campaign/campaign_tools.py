# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of campaigns have in common: running one, and what must hold of its directory."""

import hashlib
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()


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
        assert done.returncode in (0, 1), done.stderr
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
