# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/machine: the command line."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

from rdpmc_arguments import Parser, between

from . import cache, debian, emulator, image, kernel, kernels, processors, profile
from .failed import Failed, Unavailable
from .session import Session

ROOT = emulator.ROOT
PROGRAMS = ("rdpmc-bench", "rdpmc-diff")
# As machine/init/init.c has them.
MOST_WORDS = 512
HOME = "rdpmc"
COMMAND_LINE = ("console=ttyS0 loglevel=5 cryptomgr.notests=1 mitigations=off nokaslr tsc=reliable nmi_watchdog=0 "
                "panic=0 oops=panic")
EPILOG = """\
commands:
  run       boot, run a command with this project's programs in PATH, and bring back what it made
  shell     the same with a prompt
  profile   what an exit is made of: instructions by function, MSRs, call stacks
  ab        what of an exit is another on another kernel, to the instruction
  bisect    is an exit longer than this? For git bisect run
  kernel    a small bzImage of a source tree of your own, to be booted with run --kernel
  build     fetch and build the emulator now; run does it where it is not there
  list      processors, and what is in the cache
  clean     remove what is in the cache

scripts/machine COMMAND --help says more of each. What is fetched and built is kept in the cache,
RDPMC_CACHE or ~/.cache/rdpmc, in machine/. BOCHS_SOURCE= is another path of Bochs' source.

What comes out of the machine are instructions, not time: see docs/machine.md.
"""
RUN_EPILOG = """\
The command runs in a directory that looks like this project's: build/rdpmc-bench and
build/rdpmc-diff, which are in PATH as well, corpus/seeds, fuzz/known. Without a command it is
rdpmc-bench doctor.

exit status: the command's; 128 + signal if one ended it; 2 wrong use; 77 the emulator or the kernel
cannot be had here; 125 the machine did not boot, panicked, or was ended after --time
"""


def add_host(made):
    made.add_argument("--cpu", default=processors.DEFAULT, metavar="NAME",
                      help="the processor, or one and fields of its PMU that differ: skylake,version=2 "
                           "(%(default)s; scripts/machine list names all)")
    made.add_argument("--kernel", default=kernels.DEFAULT, metavar="WHICH",
                      help="debian:VERSION, or a bzImage (%(default)s)")
    made.add_argument("--modules", metavar="DIRECTORY", help="with the bzImage's kvm.ko, if KVM is not built in")
    made.add_argument("--kvm", metavar="OPTIONS",
                      help=f"of KVM's modules (\"{kernels.DEFAULT_OPTIONS}\", where the kernel has it)")
    made.add_argument("--append", default="", metavar="WORDS", help="to the kernel's command line")
    made.add_argument("--put", action="append", default=[], metavar="FILE[=PATH]",
                      help="into the command's directory; may be repeated")
    made.add_argument("--memory", type=between(128, 2048), default=384, metavar="MIB", help="of the machine (%(default)s)")
    made.add_argument("--console", metavar="FILE", help="what the kernel says, into this file")
    made.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="DIRECTORY",
                      help="where the programs are (build)")
    made.add_argument("--quiet", action="store_true", help="say nothing but what the command says")


def parser():
    made = Parser(prog="machine", formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
                  epilog=EPILOG, usage="scripts/machine COMMAND [OPTION...]",
                  description="A host with a PMU, VMX or SVM, emulated on any x86-64 Linux: Bochs with a PMU "
                              "boots a kernel, whose KVM this project measures and tests.")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", help=argparse.SUPPRESS, parser_class=Parser)
    made.set_defaults(function=None)
    run = commands.add_parser("run", formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
                              epilog=RUN_EPILOG, usage="scripts/machine run [OPTION...] [-- COMMAND...]",
                              description="Boots the machine and runs a command in it.")
    add_host(run)
    run.add_argument("--get", action="append", default=[], metavar="PATH[=FILE]",
                     help="a file to bring back, to here by its last name or to FILE; may be repeated")
    run.add_argument("--profiles", metavar="FILE",
                     help="a result of rdpmc-bench that --get brings: add the recorded exits' call stacks to it")
    run.add_argument("--time", type=between(1, 10**6), default=900, metavar="SECONDS",
                     help="of real time, before it is ended (%(default)s)")
    run.add_argument("words", nargs="*", metavar="COMMAND", help=argparse.SUPPRESS)
    run.set_defaults(function=command_run)
    shell = commands.add_parser("shell", allow_abbrev=False, usage="scripts/machine shell [OPTION...]",
                                description="Boots the machine and gives a prompt in it; exit ends it.")
    add_host(shell)
    shell.set_defaults(function=command_shell, get=[], time=0, words=[])
    profile.add_commands(commands, add_host, boot)
    build = commands.add_parser("build", allow_abbrev=False, usage="scripts/machine build",
                                description="Fetches and builds the emulator, and prints where it is.")
    build.set_defaults(function=command_build, quiet=False)
    # Its own words and --help, see kernel.py.
    commands.add_parser("kernel", add_help=False).set_defaults(function=None)
    listing = commands.add_parser("list", allow_abbrev=False, usage="scripts/machine list",
                                  description="Prints the processors, and what is in the cache.")
    listing.set_defaults(function=command_list)
    clean = commands.add_parser("clean", allow_abbrev=False, usage="scripts/machine clean",
                                description="Removes what the machine keeps in the cache.")
    clean.set_defaults(function=command_clean)
    return made


def init_program():
    """machine/init/init.c, compiled for the machine: static, because there is nothing else in it yet."""
    source = os.path.join(ROOT, "machine/init/init.c")

    def make(path):
        compiler = shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Unavailable("there is no gcc and no clang; scripts/setup machine installs one")
        done = subprocess.run([compiler, "-O2", "-static", "-s", "-I", ROOT, "-o", path, source], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise Failed(f"{source} does not compile: {(done.stdout.strip() or str(done.returncode)).splitlines()[0]}")

    return cache.once(os.path.join(cache.top(), "init-" + emulator.digest(emulator.read(source),
                                                                           emulator.read(f"{ROOT}/machine/path.h"))), make)


def busybox():
    """The static one of Debian's package, which needs no library."""
    return debian.file_of("busybox-static", "bookworm", "bin/busybox")


def check_gets(options):
    """Before a run of minutes, not after it."""
    targets = [split(each, "--get", "PATH or PATH=FILE") for each in options.get]
    paths, files = [path for path, _ in targets], [os.path.abspath(name) for _, name in targets]
    for each, name in zip(options.get, files):
        if os.path.isdir(name) or not os.access(os.path.dirname(name), os.W_OK):
            raise Failed(f"--get {each}: {name} cannot be written")
    if len(set(paths)) < len(paths) or len(set(files)) < len(files):
        raise Failed("--get: the same file twice")
    return dict(targets)


def split(text, option, wanted):
    """FILE[=PATH] or PATH[=FILE]"""
    name, equals, other = text.partition("=")
    if not name or (equals and not other):
        raise Failed(f"{option} {text}: that is no {wanted}")
    return name, other or os.path.basename(name)


def initramfs(options, linux, processor, words, shell, symbols):
    archive = image.Archive()
    for directory in ("proc", "sys", "dev", "tmp", HOME, "bin"):
        archive.directory(directory)
    archive.device("dev/console", 5, 1)
    archive.file("init", init_program())
    shell_program = busybox()
    archive.file("bin/busybox", shell_program)
    applets = subprocess.run([shell_program, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for name in applets.split():
        if name != "busybox":
            archive.link(f"bin/{name}", "busybox")
    for name in PROGRAMS:
        path = os.path.join(options.build, name)
        if os.path.exists(path):
            archive.program(f"{HOME}/build/{name}", path)
            archive.link(f"bin/{name}", f"/{HOME}/build/{name}")
    archive.tree(f"{HOME}/corpus/seeds", os.path.join(ROOT, "corpus/seeds"))
    archive.tree(f"{HOME}/fuzz/known", os.path.join(ROOT, "fuzz/known"))
    for each in options.put:
        source, name = split(each, "--put", "FILE or FILE=PATH")
        path = name if name.startswith("/") else f"{HOME}/{name}"
        (archive.program if os.access(source, os.X_OK) else archive.file)(path, source)
    job = ["name", "emulated-" + re.sub(r"[^a-z0-9-]", "-", processor.name)[:40]]
    by_module, line = linux.options(options.kvm, processor.vendor)
    for name in linux.module_words(processor.vendor):
        archive.add(f"modules/{name}.ko", linux.data(name))
        job += ["options", " ".join(by_module.get(name, [])), "module", f"/modules/{name}.ko"]
    for each in options.get:
        job += ["get", split(each, "--get", "PATH or PATH=FILE")[0]]
    job += ["env", f"TERM={os.environ.get('TERM', 'dumb')}"]
    if shell:
        job += ["shell", "1"]
    if symbols:
        job += ["symbols", symbols]
    for word in words:
        job += ["arg", word]
    archive.add("job", b"".join(os.fsencode(word) + b"\0" for word in job), 0o644)
    return archive.pack(), line


def need_programs(options, words):
    if words and words[0] in PROGRAMS and not os.path.exists(os.path.join(options.build, words[0])):
        raise Failed(f"{options.build}/{words[0]} is not built; make builds it")


def dated(data, begun):
    """A result of rdpmc-bench with the time that it is: each boot of the machine is at the same moment."""
    return re.sub(rb'\A(\{\s*"schema": "rdpmc-results/[^{]*?"started": ")[^"]*', rb"\g<1>" + begun.encode(), bytes(data))


def boot(options, words, shell, symbols=None):
    """(the exit status, the session that was, the kernel). @symbols: of "modules", or "all", are sent as well where the
    kernel's own are not known."""
    processor = processors.processor(options.cpu)
    for each in options.put:
        source = split(each, "--put", "FILE or FILE=PATH")[0]
        if not os.path.isfile(source):
            raise Failed(f"--put {each}: {source}: no such file")
    need_programs(options, words)
    wanted = check_gets(options)
    if len(words) > MOST_WORDS or len(options.get) > MOST_WORDS:
        raise Failed(f"more than {MOST_WORDS} words, or --get")
    progress = emulator.Progress(options.quiet)
    linux = kernels.kernel(options.kernel, options.modules)
    program, bios = emulator.Builder().build(progress), emulator.bios()
    progress.clear()
    if symbols == "all" and profile.known_symbols(linux):
        symbols = "modules"
    archive, line = initramfs(options, linux, processor, words, shell, symbols)
    command_line = " ".join([COMMAND_LINE, *line, options.append]).strip()
    parts = image.place_kernel(linux.image, archive, command_line, options.memory)
    console = open(options.console, "wb") if options.console else None  # pylint: disable=consider-using-with
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        session = Session(program, bios, processor, options.memory, parts, emulator.Progress(options.quiet),
                          options.time, shell, console)
        status = session.run()
    finally:
        if console:
            console.close()
    for path, data in session.files.items():
        with open(wanted[path], "wb") as file:
            file.write(dated(data, begun))
    for text in session.missing:
        cache.say(text)
    if not options.quiet:
        stages = session.stages
        cache.say(f"{processor.name}, Linux {session.release}: booted in {stages['booted']:.0f} s, KVM loaded after "
                  f"{stages['loaded']:.0f} s, ended after {stages['ended']:.0f} s, {session.simulated:.1f} s simulated")
    return status or (2 if session.missing else 0), session, linux


def command_run(options):
    wanted = options.profiles and os.path.abspath(options.profiles)
    if wanted and wanted not in map(os.path.abspath, check_gets(options).values()):
        raise Failed(f"--profiles {options.profiles}: no --get brings this file")
    status, session, linux = boot(options, options.words or ["rdpmc-bench", "doctor"], False, "all" if wanted else None)
    if wanted and os.path.exists(wanted):
        profile.add_to_result(wanted, profile.profiles(session, linux))
    return status


def command_shell(options):
    return boot(options, ["sh", "-i"], True)[0]


def command_build(options):
    progress = emulator.Progress(options.quiet)
    program = emulator.Builder().build(progress)
    emulator.bios()
    progress.clear()
    print(program)
    return 0


def command_list(_options):
    print("Processors (--cpu):")
    for each in processors.NAMED.values():
        print(f"  {each.name:16} {each.what}")
    top = os.path.join(cache.top(), "kernels")
    names = sorted(name for name in os.listdir(top) if not name.endswith(".making")) if os.path.isdir(top) else []
    print(f"Kernels in {top}:")
    for name in names or ["none"]:
        print(f"  {name}")
    try:
        built = os.path.exists(emulator.Builder().program())
    except OSError:
        built = False
    print(f"The emulator is {'built' if built else 'not built yet: scripts/machine build'}.")
    return 0


def command_clean(_options):
    directory = os.path.realpath(cache.top())
    if os.path.isdir(directory):
        shutil.rmtree(directory)
    return 0


def end(signum, _frame):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + signum)


def main():
    made = parser()
    if sys.argv[1:2] == ["kernel"]:
        return kernel.command(sys.argv[2:])
    options = made.parse_args()
    if not options.function:
        made.error("which command?")
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, end)
    try:
        return options.function(options)
    except Failed as why:
        cache.say(why)
        return why.status
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        cache.say(f"{error.filename or 'a file'}: {error.strerror}; RDPMC_CACHE= names another directory for what is "
                  "kept, TMPDIR= for the rest")
        return 2
    except Exception:           # pylint: disable=broad-except
        traceback.print_exc()
        return 70
