# SPDX-License-Identifier: GPL-2.0-or-later
"""Other people's tools that exports are held against: fetched once, unpacked in the user's cache,
not installed (Debian's packages would start services). Unavailable says why there is none."""

import pathlib
import shutil
import subprocess
import tempfile

from rdpmc_results import output

CACHE = pathlib.Path(output.cache(), "tools")
PATIENCE = 120              # s, for a download


class Unavailable(Exception):
    pass


def call(command, folder):
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=PATIENCE)
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} does not end") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or "no reason given").splitlines()[-1]
        raise Unavailable(f"{command[0]}: {last}") from None


def cached(name, fetch):
    """The folder of that name in the cache, which fetch(folder) fills the first time. It appears
    whole or not at all, whoever else is at it."""
    folder = CACHE / name
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.", dir=CACHE))
    try:
        fetch(made)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def debian(package, program):
    """Path of a program in a Debian package."""
    def fetch(folder):
        call(["apt-get", "-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10",
              "download", package], folder)
        archive, = folder.glob("*.deb")
        call(["dpkg", "-x", archive.name, "."], folder)
        archive.unlink()
    return cached(package, fetch) / "usr" / "bin" / program


def npm(package, version):
    """Folder of an npm package without what it depends on."""
    def fetch(folder):
        call(["npm", "pack", "--fetch-retries=0", "--fetch-timeout=20000",
              f"{package}@{version}"], folder)
        archive, = folder.glob("*.tgz")
        call(["tar", "xzf", archive.name], folder)
        archive.unlink()
    return cached(f"{package}-{version}", fetch) / "package"
