# SPDX-License-Identifier: GPL-2.0-or-later
"""What is put into the machine's memory before it starts: kernel, initramfs, and the few bytes that jump
into the kernel. Of the disks that a computer would boot from there is none."""

import bz2
import gzip
import lzma
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


def _with_zstd(data):
    try:
        return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise Failed("zstd is not there, by which this kernel is compressed; scripts/setup machine installs it") from None
    except subprocess.CalledProcessError as error:
        raise ValueError(error.stderr.decode(errors="replace")) from None


UNPACKERS = {b"\x28\xb5\x2f\xfd": _with_zstd, b"\xfd7zXZ\0": lzma.decompress, b"\x1f\x8b": gzip.decompress,
             b"BZh": bz2.decompress}


def vmlinux(data, rest):
    """(address, data, entry) of the kernel in a bzImage @data, whose protected-mode part is @rest; None: it is packed in
    another way, or none of 64 bits, and must unpack itself."""
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = rest[offset:offset + length]
    unpack = next((each for magic, each in UNPACKERS.items() if payload.startswith(magic)), None)
    if not unpack:
        return None
    try:
        # Its size comes last, which gzip has itself.
        return _loaded(unpack(payload if payload.startswith(b"\x1f\x8b") else payload[:-4]))
    except (ValueError, OSError, EOFError, lzma.LZMAError, struct.error):
        return None


def _loaded(elf):
    """(address, data, entry) of an ELF file of 64 bits that is loaded above what this puts below it; else None."""
    # ELFCLASS64, EM_X86_64
    if elf[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", elf, 18)[0] != 62:
        return None
    entry, table = struct.unpack_from("<QQ", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 54)
    loaded = []
    for number in range(count):
        kind, _, at, _, address, length, _, _ = struct.unpack_from("<IIQQQQQQ", elf, table + number * size)
        if kind == 1 and length:
            loaded.append((address, elf[at:at + length]))
    first, last = min(loaded)[0], max(loaded)
    whole = bytearray(last[0] + len(last[1]) - first)
    for address, part in loaded:
        whole[address - first:address - first + len(part)] = part
    return (first, bytes(whole), entry) if first > KERNEL_AT + 0x8000 else None


def into_64_bits(entry):
    """What Linux's real-mode part jumps to, at KERNEL_AT, instead of the code that unpacks the kernel: 64-bit mode with
    4 GiB mapped as they are, RSI as it was, and a jump to @entry (Linux's 64-bit boot protocol)."""
    gdt, tables = KERNEL_AT + 0x100, KERNEL_AT + 0x1000
    code = b"\xfa\x0f\x01\x15" + struct.pack("<I", gdt - 8)         # cli; lgdt [gdt - 8]
    code += b"\x0f\x20\xe0\x83\xc8\x20\x0f\x22\xe0"                 # CR4.PAE
    code += b"\xb8" + struct.pack("<I", tables) + b"\x0f\x22\xd8"     # CR3
    code += b"\xb9\x80\0\0\xc0\x0f\x32\x0d\0\x01\0\0\x0f\x30"       # EFER.LME
    code += b"\x0f\x20\xc0\x0d\0\0\0\x80\x0f\x22\xc0"               # CR0.PG
    code += b"\xea" + struct.pack("<IH", KERNEL_AT + len(code) + 7, 0x10)  # ljmp 10h:the next
    code += b"\xb8\x18\0\0\0\x8e\xd8\x8e\xc0\x8e\xd0"               # ds, es, ss = 18h
    code += b"\x89\xf6\x48\xb8" + struct.pack("<Q", entry) + b"\xff\xe0"  # mov esi, esi; jump
    page = bytearray(code.ljust(0x1000, b"\0"))
    struct.pack_into("<HI", page, 0xf8, 0x1f, gdt)
    # Code of 64 bits and data, as the kernel has them.
    struct.pack_into("<QQ", page, 0x110, 0x00af9b000000ffff, 0x00cf93000000ffff)
    top = struct.pack("<Q", tables + 0x1000 | 3).ljust(0x1000, b"\0")
    below = struct.pack("<4Q", *(tables + 0x2000 + 0x1000 * each | 3 for each in range(4))).ljust(0x1000, b"\0")
    large = struct.pack("<2048Q", *(each << 21 | 0x83 for each in range(2048)))
    return bytes(page) + top + below + large


def place_kernel(image, initramfs, command_line, memory):
    """[(address, data)] by Linux's 16-bit boot protocol; @memory in MiB. The kernel is unpacked here, which would take
    the machine half of its boot."""
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
    kernel = vmlinux(data, rest)
    parts = [(KERNEL_AT, into_64_bits(kernel[2])), kernel[:2]] if kernel else [(KERNEL_AT, rest)]
    return [(SETUP_AT, bytes(setup) + words), *parts, (at, initramfs)]


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
