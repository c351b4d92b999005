# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/machine kernel: a small bzImage with KVM built in, from a user's own source tree.

Built out of tree in the cache; nothing is written into the source tree. A second build compiles only
what has changed."""

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from . import cache
from .cache import megabytes, say
from .failed import Failed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONFIG = os.path.join(ROOT, "machine", "kernel.config")
# What of the configuration no run can do without.
NEEDED = "64BIT KVM KVM_INTEL KVM_AMD PERF_EVENTS BLK_DEV_INITRD DEVTMPFS SERIAL_8250_CONSOLE".split()
# Bytes that a first build takes, with what the compiler writes meanwhile.
SPACE = 400e6


# Of a tree of links, directories that are one link: nothing is built in them.
WHOLE = re.compile(r"^(Documentation|LICENSES|samples|tools/perf|tools/testing|arch/(?!x86/|um/)[^/]+)/.*")


class Interrupted(Failed):
    def __init__(self, number):
        super().__init__("interrupted")
        self.status = 128 + number


def _compiler():
    """The words for make that choose the compiler."""
    chosen = os.environ.get("CC")
    if chosen:
        return [f"CC={chosen}", f"HOSTCC={chosen}"]
    if not shutil.which("gcc") and shutil.which("clang"):
        return ["CC=clang", "HOSTCC=clang"]
    return []


def _check_tools(compiler):
    missing = [tool for tool in ("make", "flex", "bison", "bc", "gzip") if not shutil.which(tool)]
    program = compiler[0].removeprefix("CC=").split() if compiler else ["gcc"]
    if not shutil.which(program[-1] if program[0] == "ccache" else program[0]):
        missing.append(program[0])
    # objtool, which every x86 kernel is built with, is linked with libelf.
    elif subprocess.run([*program, "-E", "-x", "c", "-o", "/dev/null", "-"], input="#include <gelf.h>\n", text=True,
                        stderr=subprocess.DEVNULL, check=False).returncode:
        missing.append("libelf-dev")
    if missing:
        raise Failed(f"missing to build a kernel: {', '.join(missing)}; "
                     "scripts/setup machine installs it")


def _check_tree(kdir):
    if not os.path.isdir(kdir):
        raise Failed(f"{kdir}: no such directory")
    if re.search(r"[\s:]", kdir):
        raise Failed(f"{kdir}: a kernel's make takes no path with spaces or colons")
    if not os.path.exists(os.path.join(kdir, "Kbuild")) or not os.path.isdir(os.path.join(kdir, "arch/x86/kvm")):
        raise Failed(f"{kdir} is no Linux source tree")
    for name in "init/main.c", "mm/memory.c", "drivers/acpi/Makefile", "tools/objtool/Makefile":
        if not os.path.exists(os.path.join(kdir, name)):
            raise Failed(f"{kdir} is not a full Linux source tree: it has no {name} (the trees that "
                         "scripts/kernel-tree makes are trimmed; linux-source packages and git have all)")


def built_in_place(kdir):
    """kbuild refuses O= then."""
    return any(os.path.exists(os.path.join(kdir, name))
               for name in (".config", "include/config", "arch/x86/include/generated"))


class _Links:
    """A tree of symbolic links to the source files, and to nothing that a build in place has made there.
    Edits show through; files that come and go are followed at each build."""

    def __init__(self, kdir, directory):
        self.kdir, self.directory = kdir, directory
        self.listing = directory + ".list"

    def refresh(self):
        wanted = self._sources()
        had = set()
        with contextlib.suppress(OSError), open(self.listing, encoding="utf-8", errors="surrogateescape") as file:
            had = set(file.read().split("\0"))
        # Before anything is changed: an interrupted refresh begins anew.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.listing)
        if not had and os.path.isdir(self.directory):
            shutil.rmtree(self.directory)
        for name in had - wanted - {""}:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.directory, name))
        made = set()
        for name in sorted(wanted - had):
            path = os.path.join(self.directory, name)
            parent = os.path.dirname(path)
            if parent not in made:
                os.makedirs(parent, exist_ok=True)
                made.add(parent)
            source = os.path.join(self.kdir, name)
            # Links of the tree's own are relative, and stay so.
            os.symlink(os.readlink(source) if os.path.islink(source) else source, path)
        with open(self.listing, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\0".join(sorted(wanted)))

    def _sources(self):
        git = ["git", "-C", self.kdir, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        try:
            done = subprocess.run(git, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  check=False)
        except FileNotFoundError:
            done = None
        names = done.stdout.decode(errors="surrogateescape").split("\0") if done and not done.returncode else []
        # A tree inside another project's repository is not what git lists.
        if "Kbuild" not in names:
            raise Failed(f"{self.kdir} has been built in place, and without git its sources cannot be distinguished "
                         f"from build output: \"make -C {self.kdir} mrproper\" cleans it (its .config goes, too), or "
                         "unpack another")
        return {WHOLE.sub(r"\1", name) for name in names if name and os.path.lexists(os.path.join(self.kdir, name))}


class _Make:
    """The kernel's make, with nothing of the caller's environment, which may be another make's."""

    def __init__(self, source, output, log, jobs):
        self.log = log
        self.words = ["make", "-C", source, f"O={output}", f"-j{jobs}", "ARCH=x86_64", *_compiler(),
                      # The same sources give the same file.
                      "KBUILD_BUILD_TIMESTAMP=1970-01-01", "KBUILD_BUILD_VERSION=1", "KBUILD_BUILD_USER=user",
                      "KBUILD_BUILD_HOST=machine", "LOCALVERSION="]
        self.environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self.environment["LC_ALL"] = "C"

    def run(self, step, *arguments):
        """Returns how many files were compiled."""
        compiled, shown = 0, 0
        terminal = sys.stderr.isatty()
        lines = []
        with open(self.log, "a", encoding="utf-8", buffering=1) as log, \
                subprocess.Popen([*self.words, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, env=self.environment, text=True, errors="replace",
                                 start_new_session=True) as process:
            try:
                for line in process.stdout:
                    log.write(line)
                    if re.match(r"  (CC|AS) +(?![ .]|arch/x86/boot/|init/version)", line):
                        compiled += 1
                        if terminal and time.monotonic() > shown + 0.2:
                            shown = time.monotonic()
                            print(f"\rmachine: {step}: {compiled} files", end="", file=sys.stderr, flush=True)
                    elif not re.match(r"  [A-Z][A-Z0-9_]+ |make(\[\d+\])?: ", line):
                        lines = [*lines[-400:], line]
                process.wait()
            except BaseException:
                end_group(process)
                raise
            finally:
                if shown:
                    print(f"\r{'':40}\r", end="", file=sys.stderr, flush=True)
        if process.returncode:
            self._failed(step, lines)
        return compiled

    def _failed(self, step, lines):
        text = "".join(lines)
        if "No space left on device" in text:
            raise Failed(f"{step} failed: the disk is full; RDPMC_CACHE= names another directory")
        first = next((n for n, line in enumerate(lines) if re.search(r"\berror\b|undefined reference", line)), None)
        # An error begins with the function that it is in, a line above.
        shown = lines[-15:] if first is None else lines[max(0, first - 1):first + 14]
        sys.stderr.write("".join(shown))
        what = "" if first is None else f" ({lines[first].strip()[:200]})"
        raise Failed(f"{step} failed{what}; all output is in {self.log}")


def end_group(process):
    """Ends a process that leads its group, and all in it."""
    for number, seconds in (signal.SIGTERM, 5), (signal.SIGKILL, None):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        # What still writes keeps the pipe open.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    process.stdout.close()


def _configuration(fragments):
    parts = []
    for path in fragments:
        try:
            with open(path, encoding="utf-8") as file:
                parts.append(f"# {path}\n{file.read()}\n")
        except OSError as error:
            raise Failed(f"{path}: {error.strerror}") from error
    return "".join(parts)


def _configure(make, output, text):
    """Sets .config to @text and nothing else, unless it is so already."""
    path, kept = os.path.join(output, ".config"), os.path.join(output, "fragment.config")
    with contextlib.suppress(OSError):
        with open(kept, encoding="utf-8") as file:
            if file.read() == text and os.path.exists(path):
                return
    say("configuring")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(kept)
    wanted = os.path.join(output, "wanted.config")
    with open(wanted, "w", encoding="utf-8") as file:
        file.write(text)
    # Not tinyconfig: what becomes visible by an option on top of that takes its default, drivers too.
    make.run("configuring", "allnoconfig", f"KCONFIG_ALLCONFIG={wanted}")
    with open(path, encoding="utf-8") as file:
        have = set(re.findall(r"^CONFIG_(\w+)=y", file.read(), re.M))
    lacking = [name for name in NEEDED if name not in have]
    if lacking:
        raise Failed(f"this tree's configuration cannot have {', '.join('CONFIG_' + each for each in lacking)}")
    os.replace(wanted, kept)


def toolchain():
    """A short name of what makes of the same sources another kernel: the compiler and machine/kernel.config."""
    words = _compiler()
    program = words[0].removeprefix("CC=").split() if words else ["gcc"]
    done = subprocess.run([*program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return hashlib.sha256(done.stdout + _configuration([CONFIG]).encode()).hexdigest()[:8]


def place(kdir, fragments=()):
    """The directory in the cache of the builds of this tree with these fragments."""
    key = "\0".join([kdir, *(os.path.abspath(each) for each in fragments)])
    name = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(kdir)) or "tree"
    directory = os.path.join(cache.top(), f"kernel-{name[:40]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}")
    if re.search(r"[\s:]", directory):
        raise Failed(f"{directory}: a kernel's make takes no such path; RDPMC_CACHE= names another directory")
    return directory


def size(directory):
    """Bytes on disk."""
    total = 0
    for path, _, files in os.walk(directory):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


def build(kdir, config_fragments=(), jobs=None):
    """The path of a bzImage of the tree @kdir; Failed says in one line why there is none.
    @config_fragments: files with lines CONFIG_...=..., after machine/kernel.config."""
    kdir = os.path.abspath(kdir)
    _check_tree(kdir)
    compiler = _compiler()
    _check_tools(compiler)
    text = _configuration([CONFIG, *config_fragments])
    top = place(kdir, config_fragments)
    output, log, image = os.path.join(top, "build"), os.path.join(top, "log"), os.path.join(top, "bzImage")
    begun = time.monotonic()
    try:
        with cache.locked(top, "another build of this kernel"):
            first = not os.path.exists(os.path.join(output, "vmlinux.o")) and not os.path.exists(image)
            free = shutil.disk_usage(top).free
            if first and free < SPACE:
                raise Failed(f"{top} has {megabytes(free)} left, a build takes {megabytes(SPACE)}; RDPMC_CACHE= "
                             "names another directory")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(log)
            source = kdir
            if built_in_place(kdir):
                source = os.path.join(top, "source")
                say(f"{kdir} has been built in place; building from links to its sources")
                _Links(kdir, source).refresh()
            os.makedirs(output, exist_ok=True)
            make = _Make(source, output, log, jobs or len(os.sched_getaffinity(0)))
            _configure(make, output, text)
            say("building, which takes minutes the first time" if first else "building")
            compiled = make.run("building", "bzImage")
            # A fifth of the directory, and each link makes them anew.
            for name in os.listdir(output):
                if name.startswith(".tmp_vmlinux"):
                    os.unlink(os.path.join(output, name))
            made = os.path.join(output, "arch/x86/boot/bzImage")
            if not os.path.exists(image) or not os.path.samefile(image, made):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(image)
                os.link(made, image)
            say(f"built in {time.monotonic() - begun:.0f} s, {compiled} files compiled: {image} "
                f"({os.path.getsize(image) / 1e6:.1f} MB, its directory {megabytes(size(top))})")
    except OSError as error:
        raise Failed(f"{error.filename or top}: {error.strerror}") from error
    return image


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failed(f"kernel: {message} (see --help)")


def _parser():
    parser = _Parser(prog="machine kernel", allow_abbrev=False,
                     description="Builds a small kernel with KVM built in from KDIR, a full Linux source tree (6.1 "
                                 "or later), for the emulated machine. Builds in the cache, RDPMC_CACHE "
                                 "(~/.cache/rdpmc), and writes nothing into KDIR; building again compiles only what "
                                 "has changed. Prints the path of the bzImage.",
                     epilog="exit status: 0 built; 2 it cannot be; 128 + signal when interrupted")
    parser.add_argument("kdir", metavar="KDIR")
    parser.add_argument("-o", dest="output", metavar="FILE", help="copy the bzImage to FILE")
    parser.add_argument("--config", action="append", default=[], metavar="FILE",
                        help="options to set after those of machine/kernel.config; may be repeated")
    parser.add_argument("--jobs", type=int, metavar="N", help="compilers at a time (one for each processor)")
    parser.add_argument("--remove", action="store_true", help="remove this tree's builds from the cache instead")
    return parser


def _remove(kdir, fragments):
    directory = place(os.path.abspath(kdir), fragments)
    if not os.path.isdir(directory):
        say(f"nothing to remove: {directory} is not there")
        return
    with cache.locked(directory, "another build of this kernel"):
        shutil.rmtree(directory)
    say(f"removed {directory}")


SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def _interrupted(number, _):
    # One is enough: the next would end the ending.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def command(arguments):
    """scripts/machine kernel ...; returns the exit status."""
    handlers = {number: signal.signal(number, _interrupted) for number in SIGNALS}
    try:
        options = _parser().parse_args(arguments)
        if options.jobs is not None and options.jobs < 1:
            raise Failed(f"kernel: --jobs {options.jobs}: at least 1")
        if options.remove:
            _remove(options.kdir, options.config)
            return 0
        image = build(options.kdir, options.config, options.jobs)
        if options.output:
            try:
                shutil.copyfile(image, options.output)
            except OSError as error:
                raise Failed(f"{options.output}: {error.strerror}") from error
            image = options.output
        print(image)
    except Failed as why:
        say(why)
        return why.status
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 0
