# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/machine profile, ab and bisect: what an exit is made of, and what of it a change has changed."""

import argparse
import contextlib
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

from rdpmc_arguments import between

from . import cache, debian, emulator, inside, kernel, kernels, paths
from .failed import Failed

DEFAULT_ROW = "rdpmc/gp-first/intercepted/cpl3"
KEPT = 8        # lists of a kernel's symbols, of 6 MB each; kernels of a tree's revisions
PROGRAM = ["rdpmc-bench"]
PROFILE_EPILOG = """\
One exit, from the VM exit to the next VM entry: of each row's exits the path that most of those took that no
interrupt came into. Functions of the same name are one. Own instructions and those with callees; the MSR accesses that a function makes itself.
Of a kernel that scripts/machine kernel built with CONFIG_DEBUG_INFO, call stacks name inlined functions, _[i].

exit status: as scripts/machine run --help; 1 if no exit of such a row was recorded
"""
AB_EPILOG = """\
A and B are debian:VERSION, a bzImage, a kernel source tree, which is built, or, with --kdir, a git revision of
that tree, which is checked out in the cache and built there. Both are booted at the same time.

Compared is the commonest path of each row's exit: by function the operations in their order (not their operands),
MSR accesses and exceptions; of the whole exit VMREADs, VMWRITEs, atomic operations and indirect branches. The number
of cache lines and pages is not, because any change of the code moves what follows it; profile tells it.

exit status: 0 every exit is the same, 1 one is not, 2 wrong use, or no exit of such a row on either; 77 and 125 as
scripts/machine run --help
"""
BISECT_EPILOG = f"""\
    git bisect start BAD GOOD
    git bisect run {inside.ROOT}/scripts/machine bisect rdpmc/gp-first/intercepted/cpl3 1725

builds the kernel source tree (the current directory, or --kdir), boots it and measures ROW's exit. A second
build compiles what has changed.

exit status: 0 at most LIMIT instructions, 1 more, 125 it does not build or boot, or has no such exit; from 128
on what ends the bisection: wrong use, a full disk
"""


def symbols_file(image):
    return os.path.join(cache.top(), f"symbols-{debian.file_hash(image)[:12]}")


def known_symbols(linux):
    """The path of the kernel's own symbols: of its build, or as a machine sent them; None where it has to."""
    path = linux.built("System.map") or symbols_file(linux.image)
    return path if os.path.exists(path) else None


def keep_symbols(linux, sent):
    """The path of the kernel's own symbols, from what the machine sent if they were not known."""
    known = known_symbols(linux)
    if known:
        return known

    def make(path):
        with open(path, "w", encoding="ascii") as file:
            file.write("".join(f"{line}\n" for line in sent if not line.startswith("module ")))

    path = cache.once(symbols_file(linux.image), make)
    for old in cache.newest_last(cache.top(), "symbols-")[:-KEPT]:
        os.unlink(old)
    return path


def profiles(session, linux):
    """Of all exits that the machine recorded, by row's name."""
    recorded, sent = paths.parse(session.recorded)
    with open(keep_symbols(linux, sent), encoding="ascii") as file:
        table = paths.symbols(sent, linux, file)
    lines = paths.Lines(linux.built("vmlinux"), {event[1] for each in recorded for event in each.events if event[0] == "i"})
    return {each.name: paths.profile(each, table, lines) for each in recorded}


def measure(options, boot, row):
    """(exit status, profiles by row's name that match @row, session)"""
    words = [*PROGRAM, "run", "--filter", row, "--runs", "1", "--time", "1", "--seed", "1"]
    # 1: a row failed, which is for who reads, but not the question here.
    quiet = ["sh", "-c", '"$@" >run.out 2>run.err; status=$?; [ $status -eq 0 ] || sed -n "/^failed/,/^$/p" run.out >&2; '
             'cat run.err >&2; exit $status', "sh"]
    options.get = []
    status, session, linux = boot(options, quiet + words, False, "all")
    if status > 1:
        return status, {}, session
    return 0, {name: each for name, each in profiles(session, linux).items() if fnmatch.fnmatchcase(name, row)}, session


def none_recorded(row, session):
    cache.say(f"no exit of {row} was recorded on {session.processor.name} with Linux {session.release}: rdpmc-bench list "
              "says which rows it has, and a read that is passed through has no exit")
    return 1


def as_json(session, found):
    return {"schema": "rdpmc-exit-profile/1", "processor": session.processor.name, "release": session.release,
            "kvm": session.kvm,
            "rows": {name: {"figures": each.figures,
                            "msrs": [[index, written, count] for (index, written), count in sorted(each.msrs.items())],
                            "functions": {function: [f.instructions, f.calls, f.opcodes,
                                                     [[*key, count] for key, count in sorted(f.msrs.items())],
                                                     sorted(f.exceptions.items())]
                                          for function, f in each.functions.items()},
                            "stacks": each.stacks} for name, each in found.items()}}


def from_json(document):
    found = {}
    for name, row in document["rows"].items():
        functions = {}
        for function, (instructions, calls, opcodes, msrs, exceptions) in row["functions"].items():
            functions[function] = paths.Function(instructions, calls, opcodes,
                                                 paths.Counter({(index, written): count for index, written, count in msrs}),
                                                 paths.Counter(dict(exceptions)))
        found[name] = paths.Profile(name, row["figures"], {(index, written): count for index, written, count in row["msrs"]},
                                    functions, paths.Counter(row["stacks"]))
    return found


def write(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error


def add_to_result(path, found):
    """Into a result file before its details, which stay last, and as they are."""
    rows = ",\n".join(f"  {json.dumps(name)}: {{\"stacks\": {json.dumps(dict(sorted(each.stacks.items())))}}}"
                      for name, each in found.items())
    with open(path, encoding="utf-8") as file:
        head, key, details = file.read().rpartition('\n "details": ')
    if key:
        write(path, f'{head}\n "exit_profiles": {{\n{rows}\n }},{key}{details}')


def command_profile(options, boot):
    for path in filter(None, (options.folded, options.json)):
        if os.path.isdir(path) or not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK):
            raise Failed(f"{path}: cannot be written")
    status, found, session = measure(options, boot, options.row)
    if status:
        return status
    if options.json:
        write(options.json, json.dumps(as_json(session, found), indent=1) + "\n")
    if not found:
        return 1 if options.brief else none_recorded(options.row, session)
    if options.folded:
        write(options.folded, paths.folded(found.values()))
    if not options.brief:
        print(f"INSTRUCTIONS, NOT TIME: {session.processor.name} (emulated), Linux {session.release}")
        for each in found.values():
            print()
            print("\n".join(paths.table(each, options.top)))
    return 0


def revision_image(kdir, revision):
    """The kernel of a git revision, built in one place for all: the next compiles only what differs. It is kept as what
    this compiler and this configuration make of it."""
    git = ["git", "-C", kdir]
    done = subprocess.run([*git, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Failed(f"{kdir} has no git revision {revision}")
    commit = done.stdout.strip()
    place = kernel.place(os.path.abspath(kdir), ()) + "-revisions"
    tree, kept = os.path.join(place, "tree"), os.path.join(place, f"{commit[:12]}-{kernel.toolchain()}")
    with cache.locked(place, "another build of a revision"):
        if os.path.exists(os.path.join(kept, "bzImage")):
            return os.path.join(kept, "bzImage")
        if not os.path.exists(tree):
            checkout = [*git, "worktree", "add", "--force", "--detach", tree, commit]
        else:
            checkout = ["git", "-C", tree, "checkout", "--quiet", "--force", "--detach", commit]
        done = subprocess.run(checkout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise Failed(f"git cannot check out {revision}: {done.stderr.strip().splitlines()[-1]}")
        image = kernel.build(tree)
        making = f"{kept}.making"
        shutil.rmtree(making, ignore_errors=True)
        os.makedirs(os.path.join(making, "build"))
        shutil.copyfile(image, os.path.join(making, "bzImage"))
        shutil.copyfile(os.path.join(os.path.dirname(image), "build/System.map"), os.path.join(making, "build/System.map"))
        os.rename(making, kept)
        for old in [each for each in cache.newest_last(place, "") if each != tree][:-KEPT]:
            shutil.rmtree(old)
    return os.path.join(kept, "bzImage")


def resolve(text, kdir):
    """A kernel as --kernel takes it."""
    if re.match(r"debian:", text) or os.path.isfile(text):
        return text
    if os.path.isdir(text):
        return kernel.build(text)
    if kdir:
        return revision_image(kdir, text)
    raise Failed(f"{text}: no debian:VERSION, no bzImage and no kernel source tree; "
                 + (f"debian:{text} is Debian's" if re.fullmatch(r"\d+\.\d+(\.\d+)?", text) else "of --kdir (KDIR=) it may be a git revision"))


def both(options, images):
    """The profiles of two kernels, which are booted at the same time."""
    emulator.Builder().build(emulator.Progress(options.quiet))
    common = ["--cpu", options.cpu, "--memory", str(options.memory), "--build", options.build, "--append", options.append]
    if options.kvm is not None:
        common += ["--kvm", " ".join("?" + each.removeprefix("?") for each in options.kvm.split())]
    with tempfile.TemporaryDirectory(prefix="rdpmc-ab-") as directory, contextlib.ExitStack() as stack:
        running = []
        for number, image in enumerate(images):
            out = os.path.join(directory, str(number))
            words = [sys.executable, sys.argv[0], "profile", *common, "--kernel", image, "--quiet", "--brief", "--json", out,
                     "--", options.row]
            process = stack.enter_context(subprocess.Popen(words, stdin=subprocess.DEVNULL))
            stack.callback(process.terminate)
            running.append((process, out))
        documents = []
        for process, out in running:
            status = process.wait()
            # 1: no exit was recorded, which the file says as well.
            if status > 1 or status < 0:
                raise SystemExit(status if status > 0 else 128 - status)
            with open(out, encoding="utf-8") as file:
                documents.append(json.load(file))
    return documents


def verdict(a, b):
    """How many exits differ, in a sentence, and a line for each that does, the largest difference first."""
    both = {name: b[name].figures["instructions"] - a[name].figures["instructions"] for name in a if name in b}
    longer, shorter = ([abs(each) for each in both.values() if sign * each > 0] for sign in (1, -1))
    other = sum(not more and bool(paths.difference(a[name], b[name])) for name, more in both.items())
    same = len(both) - len(longer) - len(shorter) - other
    parts = [f"{len(counts)} {word} by up to {max(counts)} instructions" for counts, word in ((longer, "longer"), (shorter, "shorter"))
             if counts]
    parts += [f"{count} {word}" for count, word in ((other, "as long, on another path"), (same, "the same")) if count]
    parts += [f"{len(set(one) - set(two))} in {side} only" for one, two, side in ((a, b, "A"), (b, a, "B")) if set(one) - set(two)]
    yield f"Exits in B, {len(both)} compared: {', '.join(parts)}"
    yield ""
    changed = sorted((name for name, more in both.items() if more), key=lambda name: -abs(both[name]))
    for name in changed:
        yield f"  {a[name].figures['instructions']:6} -> {b[name].figures['instructions']:<6} {both[name]:+7}  {name}"
    if changed:
        yield ""


def compared(a, b, top=None):
    """(lines, does anything differ?): rows in which the same differs stand together, with so many lines of what does."""
    groups, lines, changed = {}, [], False
    for name in {**a, **b}:
        if name not in a or name not in b:
            changed = True
            lines.append(f"{name}: has an exit in {'B' if name in b else 'A'} only")
            continue
        one, two = a[name].figures["instructions"], b[name].figures["instructions"]
        groups.setdefault((two - one, *paths.difference(a[name], b[name])), []).append((name, one, two))
    for (more, *what), rows in groups.items():
        if not what and not more:
            continue
        changed = True
        lines += [f"{name}: {one} -> {two} instructions ({more:+})" for name, one, two in rows]
        lines += [f"  {each}" for each in what[:top]]
        lines += [f"  {len(what) - top} more, each of fewer instructions"] if top and len(what) > top else []
        lines += [""]
    same = [name for (more, *what), rows in groups.items() if not what and not more for name, _, _ in rows]
    if same:
        lines += textwrap.wrap(f"the same, instruction by instruction: {', '.join(same)}", 110, break_on_hyphens=False,
                               subsequent_indent="  ")
    return lines, changed


def lacking(options, taken):
    """Those of --kvm's @options that neither kernel took. Where KVM is built in, one is of a module by name."""
    wanted = [each.removeprefix("?") for each in options.split()]
    return [each for each in wanted if not any(each in (have, have.partition(".")[2]) for have in taken)]


def command_ab(options, _boot):
    inside.Host(options, PROGRAM)
    images = [resolve(each, options.kdir) for each in (options.a, options.b)]
    documents = both(options, images)
    for each in lacking(options.kvm or "", {each for document in documents for each in document["kvm"]}):
        raise Failed(f"--kvm: KVM of neither kernel has an option for '{each}'")
    found = list(map(from_json, documents))
    lines, changed = compared(*found, options.top)
    if not lines:
        raise Failed(f"no exit of {options.row} was recorded with either kernel: rdpmc-bench list says which rows a host has, "
                     "and a read that is passed through has no exit")
    first, *rows = verdict(*found)
    print(first, "", f"INSTRUCTIONS, NOT TIME: {documents[0]['processor']} (emulated)", sep="\n")
    for side, named, document in zip("AB", (options.a, options.b), documents):
        print(f"{side} is Linux {document['release']}, {named}, KVM with {kernels.named(document['kvm'])}"
              + (", which is not its default: --kvm '' is" if document["kvm"] and options.kvm is None else ""))
    print(*rows, *lines, sep="\n")
    return 1 if changed else 0


def command_bisect(options, boot):
    """128 and above ends git's bisection, 125 is for what cannot be tested."""
    kdir = options.kdir or "."
    if not os.path.isdir(os.path.join(kdir, "arch/x86/kvm")):
        cache.say(f"{os.path.abspath(kdir)} is no Linux source tree")
        return 128
    inside.Host(options, PROGRAM)       # what is wrong for each revision
    try:
        options.kernel, options.modules = kernel.build(kdir), None
        status, found, session = measure(options, boot, options.row)
    except Failed as why:
        cache.say(why)
        return 128 if why.status == 77 else 125
    # 2: rdpmc-bench knows no such row.
    if status or not found:
        if not status:
            none_recorded(options.row, session)
        return 128 if status == 2 else 125
    worst = max(found.values(), key=lambda each: each.figures["instructions"])
    count = worst.figures["instructions"]
    print(f"{worst.name}: {count} instructions, {'more than' if count > options.limit else 'at most'} {options.limit}")
    return int(count > options.limit)


def add_commands(commands, add_host, boot):
    def add(name, function, **more):
        made = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **more)
        made.set_defaults(function=lambda options: function(options, boot), get=[], time=900)
        return made

    made = add("profile", command_profile, epilog=PROFILE_EPILOG, usage="scripts/machine profile [OPTION...] [ROW]",
               description="Boots the machine, measures ROW and prints what its exit is made of, by function.")
    add_host(made)
    made.add_argument("--folded", metavar="FILE", help="call stacks, as flamegraph.pl and speedscope read them")
    made.add_argument("--json", metavar="FILE", help="all of it")
    made.add_argument("--top", type=between(1, 10**6), default=40, metavar="N", help="functions in the table (%(default)s)")
    made.add_argument("--brief", action="store_true", help="no table")
    made.add_argument("row", nargs="?", default=DEFAULT_ROW, metavar="ROW", help="a name, or a glob of names (%(default)s)")

    made = add("ab", command_ab, epilog=AB_EPILOG, usage="scripts/machine ab [OPTION...] A B",
               description="Boots two kernels and says what of an exit differs, to the instruction, by function.")
    add_host(made, ("kernel", "modules", "put", "console"))
    made.add_argument("--kdir", metavar="TREE", help="A and B may be git revisions of it")
    made.add_argument("--row", default="*", metavar="ROW", help="a name, or a glob of names (all)")
    made.add_argument("--top", type=between(1, 10**6), default=10, metavar="N", help="functions of each difference (%(default)s)")
    made.add_argument("a", metavar="A", help=argparse.SUPPRESS)
    made.add_argument("b", metavar="B", help=argparse.SUPPRESS)

    made = add("bisect", command_bisect, epilog=BISECT_EPILOG, usage="scripts/machine bisect [OPTION...] ROW LIMIT",
               description="Builds, boots and measures the kernel source tree in the current directory.")
    add_host(made, ("kernel", "modules", "put"))
    made.add_argument("--kdir", metavar="TREE", help="the tree, instead of the current directory")
    made.add_argument("row", metavar="ROW", help=argparse.SUPPRESS)
    made.add_argument("limit", type=int, metavar="LIMIT", help=argparse.SUPPRESS)
