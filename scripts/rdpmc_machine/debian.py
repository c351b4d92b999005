# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of any Debian suite, fetched without root and without changing what apt knows.

The mirror is the one in apt's own configuration; lists and downloads have a state of their own in the
cache. apt verifies signatures and hashes."""

import contextlib
import errno
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time

from . import cache
from .cache import megabytes, say
from .failed import Failed, Unavailable

# The tests put theirs here.
ETC = os.environ.get("MACHINE_APT_ETC", "/etc/apt")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Lists older than this are updated before they are used.
DAY = 24 * 3600
SUITES = ("bullseye bookworm trixie forky duke sid oldoldstable oldstable stable testing unstable"
          " experimental").split()


def _stanzas():
    """Each entry of apt's sources as {types, uris, suites, components, signed-by}."""
    names = [os.path.join(ETC, "sources.list")]
    names += sorted(glob.glob(os.path.join(ETC, "sources.list.d", "*.list"))
                    + glob.glob(os.path.join(ETC, "sources.list.d", "*.sources")))
    for name in names:
        try:
            with open(name, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        yield from (_deb822(text) if name.endswith(".sources") else _one_line(text))


def _deb822(text):
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields, last = {}, None
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                if last:
                    fields[last] += "\n" + line
            elif ":" in line:
                last, value = line.split(":", 1)
                last = last.strip().lower()
                fields[last] = value.strip()
        if fields.get("enabled", "yes").lower() not in ("no", "false", "0", "off", "without", "disable"):
            yield fields


def _one_line(text):
    for line in text.splitlines():
        found = re.match(r"\s*(deb|deb-src)\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if not found:
            continue
        options = dict(each.split("=", 1) for each in (found[2] or "").split() if "=" in each)
        yield {"types": found[1], "uris": found[3], "suites": found[4], "components": found[5],
               "signed-by": options.get("signed-by", "")}


def mirror():
    """(URI, Signed-By) of the Debian archive that this machine installs from; RDPMC_DEBIAN_MIRROR, a
    URI, comes first."""
    chosen = os.environ.get("RDPMC_DEBIAN_MIRROR")
    if chosen:
        if not re.fullmatch(r"[a-z+]+:\S+", chosen):
            raise Failed(f"RDPMC_DEBIAN_MIRROR='{chosen}' is not a URI")
        return chosen, KEYRING
    for fields in _stanzas():
        suites = fields.get("suites", "").split()
        uri = (fields.get("uris", "").split() or [""])[0]
        # Of security updates there is an archive of its own, with the same names of suites.
        if "main" in fields.get("components", "").split() and "security" not in uri and \
                any(suite in SUITES for suite in suites):
            return uri, fields.get("signed-by") or KEYRING
    raise Unavailable("apt has no Debian mirror in its sources; RDPMC_DEBIAN_MIRROR=URI names one")


class _Apt:
    """apt with a state of its own: lists, downloads, sources."""

    def __init__(self, suites, sources=False):
        for tool in ("apt-get", "apt-cache"):
            if not shutil.which(tool):
                raise Unavailable(f"{tool} is missing: packages can be fetched on Debian and its like only")
        self.top = os.path.join(cache.top(), "apt")
        for suite in suites:
            if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", suite):
                raise Failed(f"'{suite}' is not the name of a suite")
        self.suites = list(suites)
        uri, key = mirror()
        words = "".join(f"Types: {'deb-src' if sources else 'deb'}\nURIs: {uri}\nSuites: {suite}\n"
                        f"Components: main\nSigned-By: {key}\n\n" for suite in suites)
        # Other suites, other lists: apt removes those that its sources do not name.
        name = hashlib.sha256(words.encode()).hexdigest()[:12]
        self.state = os.path.join(self.top, name)
        self.sources = os.path.join(self.state, "debian.sources")
        self.status = os.path.join(self.state, "status")
        try:
            for directory in ("lists/partial", "cache/archives/partial"):
                os.makedirs(os.path.join(self.state, directory), exist_ok=True)
            for path, text in (self.sources, words), (self.status, ""):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
        except OSError as error:
            raise Failed(f"{error.filename or self.state}: {error.strerror}; RDPMC_CACHE= names another "
                         "directory") from error

    def _words(self, program, *arguments):
        options = {"Dir::State": self.state, "Dir::State::lists": f"{self.state}/lists",
                   "Dir::State::status": self.status, "Dir::Cache": f"{self.state}/cache",
                   "Dir::Etc::sourcelist": self.sources, "Dir::Etc::sourceparts": "-",
                   # What this machine prefers to install is no concern of a download's.
                   "Dir::Etc::preferences": "-", "Dir::Etc::preferencesparts": "-",
                   "Acquire::Languages": "none", "Acquire::Retries": "2",
                   # Lists stay as they come: unpacked they are 100 MB a suite.
                   "Acquire::GzipIndexes": "true",
                   # apt's own user has no access to caches in homes.
                   "APT::Sandbox::User": "root"}
        return [program, *(word for key, value in options.items() for word in ("-o", f"{key}={value}")), *arguments]

    def ask(self, *arguments):
        """What apt-cache prints."""
        done = subprocess.run(self._words("apt-cache", *arguments), stdin=subprocess.DEVNULL, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment())
        return done.stdout

    def get(self, *arguments, directory=None):
        """apt-get's exit status and output."""
        with subprocess.Popen(self._words("apt-get", *arguments), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=directory,
                              env=_environment()) as process:
            try:
                output = process.communicate()[0]
            except BaseException:
                process.terminate()
                raise
        return process.returncode, output

    def update(self):
        """The lists, unless they are of today."""
        stamp = os.path.join(self.state, "updated")
        with contextlib.suppress(OSError):
            if time.time() - os.stat(stamp).st_mtime < DAY:
                return
        say(f"updating the package lists of {', '.join(self.suites)}")
        status, output = self.get("update", "-o", "APT::Update::Error-Mode=any")
        if status == 0:
            with open(stamp, "w", encoding="utf-8"):
                return
        why = _complaint(output)
        if os.path.exists(stamp):
            say(f"the lists could not be updated ({why}); the old ones are used")
            return
        raise Unavailable(f"the package lists of {', '.join(self.suites)} cannot be fetched ({why})")

    def candidate(self, name):
        """Version and size in bytes of the newest package of this name, or None."""
        found = None
        if re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", name):
            found = re.search(r"^  Candidate: (\S+)", self.ask("policy", name), re.M)
        if not found or found[1] == "(none)":
            return None
        size = re.search(r"^Size: (\d+)", self.ask("show", f"{name}={found[1]}"), re.M)
        return found[1], int(size[1]) if size else 0


def _environment():
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _complaint(output):
    """Why apt failed, in a few words."""
    full = re.search(r"No space left on device|don't have enough free space", output)
    if full:
        return "the disk is full"
    if re.search(r"Hash Sum mismatch|Hashes of expected file|unexpected size", output):
        return "the file has another hash than the list says"
    lines = [line[3:].rstrip(". ") for line in output.splitlines() if re.match(r"[EW]: ", line)]
    # apt names the file first and says why afterwards.
    lines.sort(key=lambda line: not re.search(r"resolv|connect|timed out|network|404|[Nn]ot signed|NO_PUBKEY", line))
    if not lines:
        return "apt-get says no more"
    # Not the URI, which is long, where it says what is wrong after it.
    return re.sub(r"\s+", " ", re.sub(r"^Failed to fetch \S+\s+", "", lines[0]))[:240]


@contextlib.contextmanager
def _packages():
    """The directory that keeps what was fetched, and nobody else in it."""
    directory = os.path.join(cache.top(), "packages")
    try:
        with cache.locked(directory, "another download"):
            # With the lock, what others have begun and not ended is debris.
            for each in glob.glob(os.path.join(directory, ".fetching.*")):
                shutil.rmtree(each, ignore_errors=True)
            yield directory
    except OSError as error:
        raise Failed(f"{error.filename or directory}: {error.strerror}; RDPMC_CACHE= names another directory") from error


@contextlib.contextmanager
def _work(directory, size):
    free = shutil.disk_usage(directory).free
    if free < size * 1.1 + 2e6:
        raise Failed(f"{directory} has {megabytes(free)} left, the download takes {megabytes(size)}; "
                     "RDPMC_CACHE= names another directory")
    work = os.path.join(directory, f".fetching.{os.getpid()}")
    try:
        os.mkdir(work)
        yield work
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Failed(f"{directory}: the disk is full; RDPMC_CACHE= names another directory") from error
        raise Failed(f"{error.filename or directory}: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def fetch(name, suites):
    """The path of binary package @name as a .deb, newest version in any of @suites. What was fetched
    once is taken without asking."""
    with _packages() as directory:
        kept = glob.glob(os.path.join(directory, f"{glob.escape(name)}_*.deb"))
        if kept:
            return max(kept, key=os.path.getmtime)
        apt = _Apt(suites)
        apt.update()
        found = apt.candidate(name)
        if not found:
            raise Unavailable(f"there is no package {name} in {', '.join(suites)}")
        version, size = found
        with _work(directory, size) as work:
            say(f"downloading {name} {version} ({megabytes(size)})")
            status, output = apt.get("download", f"{name}={version}", directory=work)
            made = glob.glob(os.path.join(work, "*.deb"))
            if status or not made:
                raise Unavailable(f"{name} {version} could not be downloaded: {_complaint(output)}")
            path = os.path.join(directory, f"{name}_{_plain(version)}.deb")
            os.replace(made[0], path)
        return path


def _plain(version):
    return re.sub(r"[^A-Za-z0-9.+~-]", "_", version)


def names(prefix, suites):
    """Names of the packages in @suites that begin with @prefix, sorted."""
    with _packages():
        apt = _Apt(suites)
        apt.update()
        return sorted(apt.ask("pkgnames", prefix).split())


def depends(deb):
    """Names of the packages that a fetched .deb depends on; of alternatives the first."""
    if not shutil.which("dpkg-deb"):
        raise Unavailable("dpkg-deb is missing: packages can be read on Debian and its like only")
    done = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], stdin=subprocess.DEVNULL, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise Failed(f"{deb} cannot be read as a Debian package")
    return re.findall(r"(?:^|,)\s*([a-z0-9][a-z0-9.+-]*)", done.stdout)


def members(deb, wanted):
    """(name, data) of the files of a fetched .deb for which wanted(name). A damaged one is removed."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    if member.isfile() and wanted(member.name):
                        yield member.name, archive.extractfile(member).read()
        except tarfile.TarError as error:
            os.unlink(deb)
            raise Failed(f"{deb} could not be read as a Debian package; it is fetched again the next time") from error


def file_of(package, suite, ending):
    """The path, in the cache, of the one file of a package whose path ends in @ending; it may be run."""
    def make(path):
        deb = fetch(package, [suite])
        found = [data for _, data in members(deb, lambda name: name.endswith(ending))]
        if not found:
            raise Failed(f"{deb} has no {ending}")
        with open(path, "wb") as file:
            file.write(found[0])
        os.chmod(path, 0o755)

    return cache.once(os.path.join(cache.top(), os.path.basename(ending)), make)


def source(name, version, suites, sha256):
    """The path of the one file of source package @name @version whose SHA-256 is @sha256: its upstream
    tarball. A mirror may lack the package's other files; the hash alone decides."""
    with _packages() as directory:
        path = os.path.join(directory, f"{name}-{sha256[:12]}.tar")
        if os.path.exists(path) and file_hash(path) == sha256:
            return path
        apt = _Apt(suites, sources=True)
        apt.update()
        with _work(directory, 20e6) as work:
            say(f"downloading the source of {name} {version}")
            status, output = apt.get("source", "--download-only", f"{name}={version}", directory=work)
            found = sorted(os.path.join(work, each) for each in os.listdir(work))
            for each in found:
                if file_hash(each) == sha256:
                    os.replace(each, path)
                    return path
            if re.search(r"Unable to find a source package", output):
                raise Unavailable(f"there is no source package {name} {version} in {', '.join(suites)}")
            tarballs = [each for each in found if ".orig.tar." in each]
            if tarballs:
                raise Failed(f"{os.path.basename(tarballs[0])} has SHA-256 {file_hash(tarballs[0])}, "
                             f"expected {sha256}")
            raise Unavailable(f"the source of {name} {version} could not be downloaded: "
                              f"{_complaint(output) if status else 'no file of it has the expected hash'}")


def file_hash(path):
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":  # NAME SUITE...: for scripts/kernel-tree
    try:
        print(fetch(sys.argv[1], sys.argv[2:]))
    except Failed as failed:
        print(f"E: {failed}", file=sys.stderr)
        sys.exit(failed.status)
