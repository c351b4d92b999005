# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes into the machine beside the kernel: an initramfs with a job, programs and files."""

import os
import re
import shutil
import subprocess

from . import cache, debian, emulator, image, kernels, processors
from .failed import Failed, Unavailable

ROOT = emulator.ROOT
PROGRAMS = ("rdpmc-bench", "rdpmc-diff")
# As machine/init/init.c has them.
MAX_WORDS = 512
HOME = "rdpmc"
COMMAND_LINE = ("console=ttyS0 loglevel=5 cryptomgr.notests=1 mitigations=off noreplace-smp nokaslr tsc=reliable nmi_watchdog=0 "
                "panic=0 oops=panic")


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


def split(text, option, wanted):
    """FILE[=PATH] or PATH[=FILE]"""
    name, equals, other = text.partition("=")
    if not name or (equals and not other):
        raise Failed(f"{option} {text}: that is no {wanted}")
    return name, other or os.path.basename(name)


def initramfs(options, linux, processor, words, shell, cases=(), symbols=None):
    """@symbols: of whom the machine sends them, see machine/init/init.c. @cases: (path, bytes) of more files in the command's directory."""
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
    archive.tree(f"{HOME}/fuzz/oracle/known", os.path.join(ROOT, "fuzz/oracle/known"))
    for each in options.put:
        source, name = split(each, "--put", "FILE or FILE=PATH")
        path = name if name.startswith("/") else f"{HOME}/{name}"
        (archive.program if os.access(source, os.X_OK) else archive.file)(path, source)
    for path, data in cases:
        archive.add(f"{HOME}/{path}", data, 0o644)
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


class Host:
    """The machine that @options ask for, which may be booted more than once."""

    def __init__(self, options, words):
        self.options = options
        self.processor = processors.processor(options.cpu)
        for each in options.put:
            source = split(each, "--put", "FILE or FILE=PATH")[0]
            if not os.path.isfile(source):
                raise Failed(f"--put {each}: {source}: no such file")
        need_programs(options, words)

    def fetch(self):
        """All that has to be there first."""
        progress = emulator.Progress(self.options.quiet)
        self.linux = kernels.kernel(self.options.kernel, self.options.modules)
        self.program, self.bios = emulator.Builder().build(progress), emulator.bios()
        progress.clear()

    def parts(self, words, shell=False, cases=(), symbols=None):
        archive, line = initramfs(self.options, self.linux, self.processor, words, shell, cases, symbols)
        command_line = " ".join([COMMAND_LINE, *line, self.options.append]).strip()
        return image.place_kernel(self.linux.image, archive, command_line, self.options.memory)


def need_programs(options, words):
    if words and words[0] in PROGRAMS and not os.path.exists(os.path.join(options.build, words[0])):
        raise Failed(f"{options.build}/{words[0]} is not built; make builds it")
