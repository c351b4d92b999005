# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/machine: the command line."""

import argparse
import os
import re
import shutil
import signal
import sys
import time
import traceback

from rdpmc_arguments import Parser, between

from . import cache, emulator, fuzz, kernel, kernels, processors, profile
from .failed import Failed
from .inside import MAX_WORDS, ROOT, Host, split
from .session import Session

EPILOG = """\
commands:
  run       boot, run a command with this project's programs in PATH, and bring back what it made
  shell     the same with a prompt
  profile   what an exit is made of: instructions by function, MSRs, call stacks
  ab        what of an exit is another on another kernel, to the instruction
  bisect    is an exit longer than this? For git bisect run
  fuzz      libFuzzer over the kernel inside, booted again when it dies of a case
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
build/rdpmc-diff, which are in PATH as well, corpus/seeds, fuzz/oracle/known. Without a command it is
rdpmc-bench doctor.

exit status: the command's; 128 + signal if one ended it; 2 wrong use; 77 the emulator or the kernel
cannot be had here; 125 the machine did not boot, panicked, or was ended after --time
"""
FUZZ_EPILOG = """\
What is fuzzed is the machine's KVM, by build/fuzz-rdpmc-live. Each case is outside before it runs: a
kernel that panics, hangs or resets the machine is a finding, FOUND/death-NAME/, with the case, what the kernel
said and the command that repeats it, and the machine is booted again without that case. Cases of death-*
are left out until somebody removes them. Any other finding is FOUND/crash-SHA1, as libFuzzer has it,
and the end, but for --go-on.

exit status: 0 nothing found; 1 something is; 2 wrong use; 77 the emulator, the kernel or KVM in it cannot
be had here; 125 the kernel died before its first case, each time; 128 + signal when interrupted
"""


def add_host(made, without=()):
    """The options of the machine, but those @without."""
    made.set_defaults(**{each: [] if each == "put" else None for each in without})
    made.add_argument("--cpu", default=processors.DEFAULT, metavar="NAME",
                      help="the processor, or one and fields of its PMU that differ: skylake,version=2 "
                           "(%(default)s; scripts/machine list names all)")
    if "kernel" not in without:
        made.add_argument("--kernel", default=kernels.DEFAULT, metavar="WHICH",
                          help="debian:VERSION, or a bzImage (%(default)s)")
        made.add_argument("--modules", metavar="DIRECTORY", help="with the bzImage's kvm.ko, if KVM is not built in")
    made.add_argument("--kvm", metavar="OPTIONS",
                      help=f"of KVM's modules, NAME=VALUE, or ?NAME=VALUE where there is such a one; '' is KVM's own defaults "
                           f"(?{kernels.DEFAULT_OPTIONS}, which is not KVM's default)")
    made.add_argument("--append", default="", metavar="WORDS", help="to the kernel's command line")
    if "put" not in without:
        made.add_argument("--put", action="append", default=[], metavar="FILE[=PATH]",
                          help="into the command's directory; may be repeated")
    made.add_argument("--memory", type=between(128, 2048), default=384, metavar="MIB", help="of the machine (%(default)s)")
    if "console" not in without:
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
    fuzzer = commands.add_parser("fuzz", formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
                                 epilog=FUZZ_EPILOG, usage="scripts/machine fuzz [OPTION...] [-- FUZZER'S OPTIONS...]",
                                 description="Boots the machine and fuzzes its kernel with libFuzzer.")
    add_host(fuzzer)
    fuzzer.add_argument("--time", type=between(1, 10**9), default=60, metavar="SECONDS",
                        help="of fuzzing, in real time; boots are not counted (%(default)s)")
    fuzzer.add_argument("--corpus", default=os.path.join(ROOT, "build/corpus-live"), metavar="DIRECTORY",
                        help="of cases to begin from, and where new ones go (build/corpus-live)")
    fuzzer.add_argument("--seeds", action="append", default=[], metavar="DIRECTORY",
                        help="of cases to begin from; may be repeated")
    fuzzer.add_argument("--found", default=os.path.join(ROOT, "build"), metavar="DIRECTORY",
                        help="where findings go (build)")
    fuzzer.add_argument("--seed", type=between(1, 2**31 - 1), metavar="NUMBER", help="of the first boot's fuzzer (any)")
    fuzzer.add_argument("--hang", type=between(1, 10**6), default=40, metavar="SECONDS",
                        help="of the emulator's processor time without a case: the kernel hangs (%(default)s)")
    fuzzer.add_argument("--program", metavar="FILE", help="in place of build/fuzz-rdpmc-live")
    fuzzer.add_argument("--skip", action="append", default=[], metavar="DIRECTORY",
                        help="of findings whose cases are left out as well; may be repeated")
    fuzzer.add_argument("--go-on", action="store_true", help="after findings, too, each FOUND/finding-NAME/")
    fuzzer.add_argument("words", nargs="*", metavar="OPTION", help=argparse.SUPPRESS)
    fuzzer.set_defaults(function=fuzz.command)
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


def dated(data, begun):
    """A result of rdpmc-bench with the time that it is: each boot of the machine is at the same moment."""
    return re.sub(rb'\A(\{\s*"schema": "rdpmc-results/[^{]*?"started": ")[^"]*', rb"\g<1>" + begun.encode(), bytes(data))


def boot(options, words, shell, symbols=None):
    """(the exit status, the session that was, the kernel). @symbols: of "modules", or "all", are sent as well where the
    kernel's own are not known."""
    host = Host(options, words)
    wanted = check_gets(options)
    if len(words) > MAX_WORDS or len(options.get) > MAX_WORDS:
        raise Failed(f"more than {MAX_WORDS} words, or --get")
    host.fetch()
    if symbols == "all" and profile.known_symbols(host.linux):
        symbols = "modules"
    parts = host.parts(words, shell, symbols=symbols)
    console = open(options.console, "wb") if options.console else None  # pylint: disable=consider-using-with
    begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        session = Session(host, parts, options.time, shell, console)
        session.kvm = kernels.applied(host.linux, options.kvm, host.processor.vendor)
        status = session.run()
    finally:
        if console:
            console.close()
    for path, data in session.files.items():
        with open(wanted[path], "wb") as file:
            file.write(dated(data, begun))
        if not options.quiet:
            cache.say(f"{path} is {os.path.relpath(wanted[path])} here")
    for text in session.missing:
        cache.say(text)
    if not options.quiet:
        stages = session.stages
        cache.say(f"{host.processor.name}, Linux {session.release}: booted in {stages['booted']:.0f} s, KVM loaded after "
                  f"{stages['loaded']:.0f} s, ended after {stages['ended']:.0f} s, {session.simulated:.1f} s simulated; KVM with {kernels.named(session.kvm)}")
    return status or (2 if session.missing else 0), session, host.linux


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


def run():
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


def main():
    if sys.argv[1:2] != ["bisect"]:
        return run()
    # To git bisect everything below 128 but 0 and 125 is a bad revision.
    try:
        status = run()
    except SystemExit as end_of_it:
        status = end_of_it.code if isinstance(end_of_it.code, int) else 0 if end_of_it.code is None else 2
    return status if status in (0, 1, 125) or status >= 128 else 128
