# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of the machine: Bochs as a process, what it says, and its end."""

import contextlib
import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import tty

from . import image
from .cache import say
from .emulator import Progress
from .failed import Broken, Failed
from .processors import RECORDED

IPS = 50_000_000        # ticks a simulated second; the TSC counts them
PANIC = re.compile(rb"Kernel panic - not syncing: ?([^\r\n]*)")
CONSOLE_KEPT = 1 << 20


class Packets:
    """What machine/init/init.c sends, put together again."""

    def __init__(self):
        self.buffer = b""

    def feed(self, data):
        self.buffer += data
        while len(self.buffer) >= 3:
            length = self.buffer[1] | self.buffer[2] << 8
            if len(self.buffer) < 3 + length:
                return
            kind, data = chr(self.buffer[0]), self.buffer[3:3 + length]
            self.buffer = self.buffer[3 + length:]
            yield kind, data


def write_all(number, data):
    """To standard output or error, in full."""
    while data:
        try:
            data = data[os.write(number, data):]
        except OSError as error:
            raise Failed(f"standard {'output' if number == 1 else 'error'}: {error.strerror}") from error


def bochsrc(processor, memory, parts, console, outlet):
    lines = ["plugin_ctrl: unmapped=true, biosdev=true, serial=true", "config_interface: textconfig",
             "display_library: nogui",
             f"cpu: model={processor.model}, count=1, ips={IPS}, reset_on_triple_fault=0, ignore_bad_msrs=1",
             f"memory: guest={memory}, host={memory}", "romimage: file=bios, options=fastboot",
             "vgaromimage: file=video", "vga: extension=none, update_freq=1, realtime=0",
             "pci: enabled=1, chipset=i440fx", "boot: floppy",
             "floppya: 1_44=floppy, status=inserted", "clock: sync=none, time0=1700000000", "log: bochs.log",
             "panic: action=fatal", "error: action=ignore", "info: action=ignore",
             f"com1: enabled=1, mode={console}", "com2: enabled=1, mode=file, dev=line"]
    lines += [f"optramimage{number}: file=part{number}, address={address:#x}"
              for number, (address, _) in enumerate(parts, 1)]
    if outlet:
        lines.append("port_e9_hack: enabled=1, all_rings=1")
    return "\n".join(lines) + "\n"


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # PR_SET_PDEATHSIG


class Session:
    """Starts it in a directory of its own and listens. What came back of files is in @files. Where there is an
    @outlet, it takes what is written to the port of fuzz/targets/target_outlet.h, whatever becomes of the machine."""
    outlet = None

    def __init__(self, host, parts, seconds, shell=False, console=None):
        self.program, self.bios, self.processor, self.memory = host.program, host.bios, host.processor, host.options.memory
        self.progress = Progress(host.options.quiet)
        self.parts, self.seconds, self.shell = parts, seconds, shell
        self.console_file = console
        self.console, self.packets, self.files, self.file = b"", Packets(), {}, None
        self.missing, self.release, self.status, self.simulated = [], "", None, 0.0
        self.start = time.monotonic()
        self.stages = {}
        self.panicked = None
        self.logged = ""        # of the progress
        self.recorded = ""      # exits that were recorded: machine/bochs/path.h
        self.process = None

    def stage(self, name):
        self.stages[name] = time.monotonic() - self.start

    def run(self):
        """The command's exit status, as a shell would say it."""
        directory = tempfile.mkdtemp(prefix="rdpmc-machine-")
        try:
            return self.inside(directory)
        except OSError as error:
            raise Failed(f"{error.filename or directory}: {error.strerror}; TMPDIR= says where else") from error
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def inside(self, directory):
        def write(name, data):
            with open(os.path.join(directory, name), "wb") as file:
                file.write(data)

        write("floppy", image.boot_sector())
        write("video", image.no_video_bios())
        # By a name without spaces and commas, which Bochs would not understand.
        os.symlink(os.path.abspath(self.bios), os.path.join(directory, "bios"))
        for number, (_, data) in enumerate(self.parts, 1):
            write(f"part{number}", data)
        os.mkfifo(os.path.join(directory, "line"))
        line = os.open(os.path.join(directory, "line"), os.O_RDONLY | os.O_NONBLOCK)
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, line)
            if self.shell:
                console, slave = os.openpty()
                stack.callback(os.close, slave)
                tty.setraw(slave)
                mode = f"term, dev={os.ttyname(slave)}"
            else:
                os.mkfifo(os.path.join(directory, "console"))
                console = os.open(os.path.join(directory, "console"), os.O_RDONLY | os.O_NONBLOCK)
                mode = "file, dev=console"
            stack.callback(os.close, console)
            write("bochsrc", bochsrc(self.processor, self.memory, self.parts, mode, self.outlet).encode())
            with open(os.path.join(directory, "bochs.out"), "wb") as out, contextlib.ExitStack() as ours:
                port = written = None
                if self.outlet:
                    port, written = os.pipe()
                    stack.callback(os.close, port)
                    ours.callback(os.close, written)
                self.process = process = subprocess.Popen(  # pylint: disable=consider-using-with
                    [self.program, "-q", "-f", "bochsrc"], cwd=directory, stdin=subprocess.DEVNULL,
                    stdout=written if self.outlet else out, stderr=out, env={**os.environ, "RDPMC_MACHINE": self.processor.environment()},
                    start_new_session=True, preexec_fn=die_with_parent)
            try:
                return self.listen(process, line, console, port, directory)
            finally:
                process.kill()
                process.wait()
                with contextlib.suppress(FileNotFoundError), \
                        open(os.path.join(directory, RECORDED), encoding="ascii") as file:
                    self.recorded = file.read()

    def listen(self, process, line, console, port, directory):
        ended = os.pidfd_open(process.pid)
        watched = [line, console, ended]
        if port is not None:
            watched.append(port)
        keyboard = self.shell and sys.stdin.isatty()
        if self.shell:
            watched.append(sys.stdin.fileno())
        old = termios.tcgetattr(sys.stdin) if keyboard else None
        try:
            if keyboard:
                tty.setraw(sys.stdin)
            while self.status is None:
                self.check_time()
                ready = select.select(watched, [], [], self.patience())[0]
                heard = False
                for fd in ready:
                    if fd == line:
                        heard |= self.hear(line)
                    elif fd == console:
                        heard |= self.hear_console(console)
                    elif fd == port:
                        heard |= self.hear_port(port)
                    elif fd != ended:
                        data = os.read(fd, 4096)
                        if not data:
                            watched.remove(fd)
                        os.write(console, data or b"\x04")
                # What it said before its end is heard first.
                if ended in ready and not heard and self.status is None:
                    self.emulator_ended(process, directory)
                self.show_progress()
        finally:
            if old:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, old)
            os.close(ended)
            self.progress.clear()
        return self.status

    def patience(self):
        """s between two looks at the time."""
        return 0.5

    def check_time(self):
        if self.panicked and time.monotonic() - self.panicked > 2:
            found = PANIC.search(self.console)
            raise Broken(f"the kernel panicked {self.where()}: {found[1].decode('utf-8', 'replace').strip()}")
        if self.seconds and time.monotonic() - self.start > self.seconds:
            raise Broken(f"ended after {self.seconds:g} s {self.where()}; --time says how long")

    def where(self, before="before it had booted", booted="while modules were loaded", loaded="while the command ran"):
        return loaded if "loaded" in self.stages else booted if "booted" in self.stages else before

    def show_progress(self):
        if self.shell:
            return
        text = f"{self.processor.name}: {self.where('booting', 'loading KVM', 'running')}"
        self.progress.tick(text)
        # A log has a line for each.
        if not self.progress.terminal and text != self.logged:
            self.progress.step(text)
            self.logged = text

    def emulator_ended(self, process, directory):
        def last(name, pattern):
            with contextlib.suppress(OSError):
                with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                    found = [text for text in file if re.search(pattern, text)]
                    return re.sub(r"^.*(>>PANIC<<|\])\s*", "", found[0].strip()) if found else ""
            return ""

        why = last("bochs.log", r">>PANIC<<") or last("bochs.out", r">>PANIC<<|RDPMC_MACHINE")
        if "RDPMC_MACHINE: " in why:
            raise Failed(f"--cpu {self.processor.name}: {why.split('RDPMC_MACHINE: ')[1]}")
        raise Broken(f"the emulator ended {self.where()}: {why or f'exit status {process.wait()}'}")

    def hear_console(self, console):
        try:
            data = os.read(console, 65536)
        except OSError:         # of a pty whose other end is closed
            data = b""
        if not data:
            time.sleep(0.05)
            return False
        self.console = (self.console + data)[-CONSOLE_KEPT:]
        if self.console_file:
            self.console_file.write(data)
            self.console_file.flush()
        if self.shell and "loaded" in self.stages:
            write_all(1, data)
        # In a shell anything can be on the screen.
        if not self.panicked and not (self.shell and "loaded" in self.stages) and PANIC.search(self.console):
            self.panicked = time.monotonic()
        return True

    def hear(self, line):
        data = os.read(line, 65536)
        if not data:
            time.sleep(0.05)
            return False
        for kind, part in self.packets.feed(data):
            self.packet(kind, part)
        return True

    def hear_port(self, port):
        data = os.read(port, 65536)
        if not data:
            time.sleep(0.05)
            return False
        self.outlet(data)
        return True

    def packet(self, kind, data):
        text = data.decode("utf-8", "replace")
        if kind == "B":
            if self.release:
                raise Broken(f"the machine was reset {self.where()}")
            self.release = text
            self.stage("booted")
        elif kind == "L":
            self.stage("loaded")
        elif kind in "OE":
            self.progress.clear()
            write_all(1 if kind == "O" else 2, data)
        elif kind == "W":
            self.progress.clear()
            say(text)
        elif kind == "F":
            self.file = text
            self.files[text] = bytearray()
        elif kind == "D":
            self.files[self.file] += data
        elif kind == "N":
            self.missing.append(text)
        elif kind == "X":
            status = int.from_bytes(data[:4], "little")
            self.simulated = int.from_bytes(data[4:12], "little") / 1000
            self.stage("ended")
            self.status = 128 + (status & 127) if status & 127 else status >> 8 & 255
