# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of npm: fetched once by npm itself, kept in the cache, and believed only if their hash
is the one written here. Nothing of them is in this tree."""

import base64
import hashlib
import os
import re
import subprocess
import tarfile
import tempfile

from .. import output

UPLOT = ("uplot", "1.6.32",
         "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==")
HIERARCHY = ("d3-hierarchy", "3.1.3",
             "GRajN5ZcnEwYFWqqdzhG1qJ3+fDg6WWzk47TJg7ePY7yvYAgRfD2r1mUx+wviBOWuCwamCUzjwMSdato43jbGA==")
SECONDS = 120
LOCAL = ("EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT")    # codes of npm that no network mends


class Missing(Exception):
    """Why a package cannot be had, and what to do: one line."""


def cache():
    return os.path.join(output.cache(), "npm")


def genuine(path, sha512):
    try:
        with open(path, "rb") as file:
            return base64.b64encode(hashlib.sha512(file.read()).digest()).decode() == sha512
    except OSError:
        return False


def package(name, version, sha512):
    """Path of the package's .tgz."""
    path = os.path.join(cache(), f"{name}-{version}.tgz")
    if genuine(path, sha512):
        return path
    what = f"{name}@{version}"
    by_hand = f"put its .tgz (`npm pack {what}` where there is a network) at {path}"
    try:
        os.makedirs(cache(), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as folder:
            subprocess.run(["npm", "pack", what, "--loglevel=error", "--fetch-retries=1",
                            "--fetch-timeout=20000", "--pack-destination", folder],
                           check=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            fetched = os.path.join(folder, os.path.basename(path))
            if not genuine(fetched, sha512):
                raise Missing(f"what npm gives as {what} is something else (sha512); {by_hand}")
            os.replace(fetched, path)
    except FileNotFoundError:
        raise Missing(f"{what} is needed, and npm, which fetches it, is missing (Debian: npm); or "
                      f"{by_hand}") from None
    except OSError as error:
        raise Missing(f"{what} cannot be kept in {cache()}: {error.strerror.lower()}; "
                      "XDG_CACHE_HOME names another place") from None
    except subprocess.SubprocessError as error:
        code = re.search(rb"^npm \S+ code ([A-Z]+)$", error.stderr or b"", re.MULTILINE)
        code = code[1].decode() if code else "it does not say why"
        advice = "" if code in LOCAL else "try again with a network, or "
        raise Missing(f"npm cannot fetch {what} ({code}); {advice}{by_hand}") from None
    return path


def texts(which, *names):
    """Files of a package."""
    with tarfile.open(package(*which)) as packed:
        return tuple(packed.extractfile(f"package/{name}").read().decode() for name in names)


def uplot():
    """(script, style, licence) as texts."""
    return texts(UPLOT, "dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")


def hierarchy():
    """(script, licence): the layout of flame graphs."""
    return texts(HIERARCHY, "dist/d3-hierarchy.min.js", "LICENSE")
