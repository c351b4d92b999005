# SPDX-License-Identifier: GPL-2.0-or-later
"""What is put into the machine's memory before it starts: kernel, initramfs, and the few bytes that jump
into the kernel. Of the disks that a computer would boot from there is none."""

import os
import re
import stat
import struct
import subprocess

from .failed import Failed

SETUP_AT = 0x10000          # the kernel's real-mode part, below what the BIOS uses for itself
COMMAND_LINE = 0xf000       # in it
KERNEL_AT = 0x100000
MIB = 1 << 20


class Archive:
    """A cpio archive in the format "newc" that holds no time and no owner: same contents, same bytes."""

    def __init__(self):
        self.entries = {}

    def directory(self, path):
        if path and path not in self.entries:
            self.directory(os.path.dirname(path))
            self.entries[path] = (stat.S_IFDIR | 0o755, b"", (0, 0))

    def add(self, path, data, mode=0o755):
        path = path.strip("/")
        self.directory(os.path.dirname(path))
        self.entries[path] = (stat.S_IFREG | mode, data, (0, 0))

    def link(self, path, target):
        self.directory(os.path.dirname(path))
        self.entries[path] = (stat.S_IFLNK | 0o777, target.encode(), (0, 0))

    def device(self, path, major, minor):
        self.directory(os.path.dirname(path))
        self.entries[path] = (stat.S_IFCHR | 0o600, b"", (major, minor))

    def file(self, path, source):
        try:
            with open(source, "rb") as file:
                self.add(path, file.read(), 0o755 if os.access(source, os.X_OK) else 0o644)
        except OSError as error:
            raise Failed(f"{source}: {error.strerror}") from error

    def tree(self, path, source):
        for top, directories, names in os.walk(source):
            directories.sort()
            for name in sorted(names):
                inside = os.path.relpath(os.path.join(top, name), source)
                self.file(os.path.join(path, inside), os.path.join(top, name))

    def program(self, path, source):
        """With the libraries that it is linked with."""
        self.file(path, source)
        done = subprocess.run(["ldd", source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False)
        for library in re.findall(r"(?:=> |^\s*)(/\S+) \(", done.stdout, re.M):
            self.file(library, library)

    def pack(self):
        out = bytearray()
        entries = [*self.entries.items(), ("TRAILER!!!", (0, b"", (0, 0)))]
        for number, (path, (mode, data, (major, minor))) in enumerate(entries, 1):
            name = path.encode() + b"\0"
            out += b"070701" + b"".join(b"%08X" % value for value in (
                number, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name), 0)) + name
            out += b"\0" * (-len(out) % 4) + data
            out += b"\0" * (-len(out) % 4)
        return bytes(out)


def place_kernel(image, initramfs, command_line, memory):
    """[(address, data)] by Linux's 16-bit boot protocol; @memory in MiB."""
    with open(image, "rb") as file:
        data = file.read()
    length = ((data[0x1f1] or 4) + 1) * 512
    setup, rest = bytearray(data[:length].ljust(COMMAND_LINE, b"\0")), data[length:]
    words = command_line.encode() + b"\0"
    if len(words) > 2048:
        raise Failed("the kernel's command line is longer than 2047 bytes")
    # Where it decompresses to, and how much it needs there.
    needs = max(KERNEL_AT, struct.unpack_from("<Q", data, 0x258)[0]) + struct.unpack_from("<I", data, 0x260)[0]
    at = (memory * MIB - 2 * MIB - len(initramfs)) & ~0xfff
    if at < needs:
        raise Failed(f"kernel and files take more than the machine's {memory} MiB; --memory says how many")
    setup[0x210] = 0xff                                             # a boot loader without a number
    setup[0x211] |= 0x80                                            # with a heap
    struct.pack_into("<II", setup, 0x218, at, len(initramfs))
    struct.pack_into("<H", setup, 0x224, 0xe000 - 0x200)            # its end
    struct.pack_into("<I", setup, 0x228, SETUP_AT + COMMAND_LINE)
    return [(SETUP_AT, bytes(setup) + words), (KERNEL_AT, rest), (at, initramfs)]


def boot_sector():
    """Of a floppy disk: segments and stack as the kernel wants them, and a jump into it."""
    segment = SETUP_AT >> 4
    code = b"\xfa\xb8" + struct.pack("<H", segment)                 # cli; mov ax, segment
    code += b"\x8e\xd8\x8e\xc0\x8e\xe0\x8e\xe8\x8e\xd0"              # ds, es, fs, gs, ss
    code += b"\xbc\x00\xe0\xea" + struct.pack("<HH", 0, segment + 0x20)  # mov sp, e000h; ljmp
    return (code.ljust(510, b"\0") + b"\x55\xaa").ljust(1440 * 1024, b"\0")


def no_video_bios():
    """An option ROM that returns at once, because Bochs wants one."""
    rom = bytearray(b"\x55\xaa\x01\xcb".ljust(512, b"\0"))
    rom[-1] = -sum(rom) & 0xff
    return bytes(rom)
