# SPDX-License-Identifier: GPL-2.0-or-later
"""`make campaign` of a kernel tree, and which kernels a campaign takes by itself."""

import os
import shutil
import subprocess

from rdpmc_campaign import plan
from campaign_tools import BUILD, ROOT, hook, made_fuzzer, mutant, status


def make_campaign(folder, engine, *more):
    """`make campaign` of a tree whose engines are made by a program that needs no kernel."""
    for name in "build/kernel/fuzz", "build/kernel/coverage", "tree/include/generated":
        (folder / name).mkdir(parents=True)
    (folder / "build/rdpmc-diff").unlink()
    shutil.copy(BUILD / "rdpmc-diff", folder / "build")         # engines are looked for beside it
    (folder / "tree/include/generated/utsrelease.h").write_text('#define UTS_RELEASE "6.1.0-made"\n')
    made = hook(folder / "engine-of", f"""
echo "$*" >>{folder}/asked
case $* in --features*) exit;; esac
[ ! -e {folder}/broken ] || {{ echo "engine-of: it does not compile" >&2; exit 2; }}
case $6 in
diff)	cp {engine}/plain.so "$4"; cat {folder}/sources >>"$4" ;;
fuzz)	cp {engine}/libfuzzer.so "$4" ;;
*)	cp {folder}/sources "$4" ;;
esac
""")
    return ["make", "-s", "SETUP=no", f"BUILD={folder}/build", "CAMPAIGN_PROGRAMS=", f"ENGINE_OF={made}", "TIME=1", "JOBS=1",
            "campaign", f"CAMPAIGN_ARGS=--dir {folder}/c --driver libfuzzer", *more]


def test_make_campaign_of_a_kernel_builds_what_it_needs(tmp_path):
    engine = mutant("v61-fast-bit")
    made_fuzzer(tmp_path, engine)
    command = make_campaign(tmp_path, engine, f"KDIR={tmp_path}/tree")
    environment = {name: text for name, text in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "NAME", "KOBJ")}
    environment["RDPMC_KNOWN"] = str(ROOT / "fuzz/oracle/known")

    def made(*more):
        return subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, check=False, env=environment)

    (tmp_path / "sources").write_text("v6.1, sources 0123456789ab")
    (tmp_path / "broken").touch()
    done = made()
    assert done.returncode == 2 and not (tmp_path / "c").exists() and not done.stdout, done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("make")] == ["engine-of: it does not compile"]
    (tmp_path / "broken").unlink()
    (tmp_path / "asked").unlink()
    done = made()
    assert "1 class, 1 new since" in done.stderr, done.stderr
    features, *asked = (tmp_path / "asked").read_text().splitlines()
    assert features == f"--features {tmp_path}/tree" and len(asked) == 3
    for line, (purpose, place) in zip(asked, (("diff", ""), ("fuzz", "fuzz/"), ("coverage", "coverage/"))):
        assert line == f"--name 6.1.0-made --out {tmp_path}/build/kernel/{place}6.1.0-made.so --for {purpose} {tmp_path}/tree"
    found = status(tmp_path / "c")
    assert [each["name"] for each in found["engines"]] == ["kernel:6.1.0-made"]
    assert not any(what.startswith("emulator") for what in found["coverage"]["parts"])
    # A tree that is not there is one line, before anything is built.
    command[-1] = "KDIR=/nowhere"
    done = made()
    assert done.returncode == 2 and "/nowhere: no such directory" in done.stderr.splitlines()[0]


def test_engines_that_lack_a_half_are_named(tmp_path, capsys):
    for name in "kernel/a.so", "kernel/fuzz/b.so", "kernel/c.so", "kernel/fuzz/c.so":
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [each.name for each in plan.engines(str(tmp_path), [])] == ["emulator", "kernel:c", "kvm"]
    said = capsys.readouterr().err.splitlines()
    assert ["kernel:a" in said[0], "kernel:b" in said[1], len(said)] == [True, True, 2]
