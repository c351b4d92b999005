# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded exits: what the emulator wrote down (machine/bochs/path.h), by function."""

import bisect
import os
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from .failed import Failed

# Functions that do nothing but this one access: it is their caller's.
WRAPPERS = re.compile(r"(native_|__)?(read|write)_msr(_safe)?|native_(read|write)_pmc")
# struct path in machine/path.h; after these its MSRs.
FIGURES = ("reason exits disturbed same instructions user rdmsr wrmsr vmread vmwrite atomic indirect exceptions "
           "text_lines text_pages stack_lines stack_pages data_lines data_pages user_lines user_pages").split()
WRITTEN = 1 << 32
PROCESS = "the process"         # that runs the guest
MSRS = {
    0x1d9: "IA32_DEBUGCTL", 0x345: "IA32_PERF_CAPABILITIES", 0x329: "PERF_METRICS", 0x38d: "IA32_FIXED_CTR_CTRL",
    0x38e: "IA32_PERF_GLOBAL_STATUS", 0x38f: "IA32_PERF_GLOBAL_CTRL", 0x390: "IA32_PERF_GLOBAL_STATUS_RESET",
    0x391: "IA32_PERF_GLOBAL_STATUS_SET", 0x3f1: "IA32_PEBS_ENABLE", 0x6e0: "IA32_TSC_DEADLINE", 0x48: "IA32_SPEC_CTRL",
    0xda0: "IA32_XSS", 0x10: "IA32_TSC", 0xc0000080: "EFER", 0xc0000101: "GS_BASE", 0xc0000102: "KERNEL_GS_BASE",
    0xc0000100: "FS_BASE", 0xc0000103: "TSC_AUX", 0xc0000081: "STAR", 0xc0000082: "LSTAR", 0xc0000084: "SFMASK",
    0xc0000300: "PerfCntrGlobalStatus", 0xc0000301: "PerfCntrGlobalCtl", 0xc0000302: "PerfCntrGlobalStatusClr",
    0xc0000303: "PerfCntrGlobalStatusSet", 0x80b: "x2APIC EOI", 0x832: "x2APIC LVT timer", 0x834: "x2APIC LVT PMI",
}
for _n in range(8):
    MSRS |= {0xc1 + _n: f"IA32_PMC{_n}", 0x4c1 + _n: f"IA32_A_PMC{_n}", 0x186 + _n: f"IA32_PERFEVTSEL{_n}",
             0x309 + _n: f"IA32_FIXED_CTR{_n}", 0xc0010200 + 2 * _n: f"PerfEvtSel{_n}",
             0xc0010201 + 2 * _n: f"PerfCtr{_n}"}


def msr_name(index):
    return MSRS.get(index, f"{index:#x}")


@dataclass
class Exit:
    """One recorded exit. @events are (kind, ...) as the file has them, an instruction ("i", address, opcode)."""
    name: str
    figures: dict
    msrs: dict              # (index, written) : count
    frames: list
    events: list


def parse(text):
    """(exits, lines of symbols) that a machine recorded."""
    exits, symbols_lines, made, in_symbols = [], [], None, False
    for line in text.splitlines():
        kind, *words = line.split()
        if in_symbols and kind != "end":
            symbols_lines.append(line)
        elif in_symbols:
            in_symbols = False
        elif kind == "symbols":
            in_symbols = True
        elif kind == "path":
            made = Exit(line[5:], {}, {}, [], [])
        elif kind == "figures":
            numbers = [int(word) for word in words]
            made.figures = dict(zip(FIGURES, numbers))
            pairs = numbers[len(FIGURES) + 1:]
            if len(pairs) != 2 * numbers[len(FIGURES)]:
                raise Failed("the emulator is of another version of this project")
            made.msrs = {(index & (WRITTEN - 1), bool(index & WRITTEN)): number
                         for index, number in zip(pairs[::2], pairs[1::2])}
        elif kind == "frames":
            made.frames = [int(word, 16) for word in words]
        elif kind == "end":
            exits.append(made)
        elif len(kind) == 1:
            made.events.append((kind, *(int(word, 16) for word in words)))
        else:
            made.events.append(("i", int(kind, 16), int(words[0], 16)))
    return exits, symbols_lines


class Symbols:
    """The function at an address, by the kernel's own tables."""

    def __init__(self, entries):
        best = {}
        for address, name in entries:
            # Of several names of one address that which reads best.
            if address not in best or (name.startswith("_"), len(name), name) < \
                    (best[address].startswith("_"), len(best[address]), best[address]):
                best[address] = name
        self.addresses = sorted(best)
        self.names = [best[address] for address in self.addresses]

    def find(self, address):
        """(function, offset in it)"""
        at = bisect.bisect_right(self.addresses, address) - 1
        if at < 0 or address - self.addresses[at] > 1 << 20:
            return (PROCESS if address < 1 << 63 else f"{address:#x}"), 0
        return self.names[at], address - self.addresses[at]


def text_symbols(lines):
    """(address, name) of lines as System.map has them, without or with the type of the symbol."""
    for line in lines:
        words = line.split()
        if len(words) == 2 or len(words) == 3 and words[1] in "tTwW":
            yield int(words[0], 16), words[-1]


def symbols(sent, kernel, core):
    """Of the lines that the machine sent of its modules, with the symbols of @kernel's modules, and of @core, lines of
    the kernel's own symbols."""
    entries = list(text_symbols(core))
    places = defaultdict(dict)
    for line in sent:
        words = line.split()
        if words[0] == "module":
            places[words[1].replace("_", "-")][words[2]] = int(words[3], 16)
    for module, sections in places.items():
        if module in kernel.modules:
            entries += [(sections[section] + offset, name) for section, offset, name in kernel.symbols(module)
                        if section in sections]
    return Symbols(entries)


class Lines:
    """Inlined functions, by the debug information of a vmlinux, where it has any."""

    def __init__(self, vmlinux, addresses):
        self.inlined = {}
        if not vmlinux or not shutil.which("addr2line") or not has_debug_information(vmlinux):
            return
        addresses = sorted(addresses)
        done = subprocess.run(["addr2line", "-a", "-i", "-f", "-e", vmlinux], text=True, stdout=subprocess.PIPE,
                              input="".join(f"{each:#x}\n" for each in addresses), check=False)
        chain = []
        for line in done.stdout.splitlines():
            if line.startswith("0x"):
                chain = self.inlined.setdefault(int(line, 16), [])
                place = False
            elif not place:
                chain.append(line)
                place = True
            else:
                place = False

    def at(self, address):
        """Functions that are inlined at @address, the outermost first."""
        return self.inlined.get(address, [])[-2::-1]


def has_debug_information(vmlinux):
    if not os.path.exists(vmlinux) or not shutil.which("readelf"):
        return False
    done = subprocess.run(["readelf", "-SW", vmlinux], text=True, stdout=subprocess.PIPE, check=False)
    return ".debug_info" in done.stdout


@dataclass
class Function:
    """What of an exit is a function's own."""
    instructions: int = 0
    calls: int = 0
    opcodes: list = field(default_factory=list)         # in the order in which they ran
    msrs: Counter = field(default_factory=Counter)      # (index, written)
    exceptions: Counter = field(default_factory=Counter)


@dataclass
class Profile:
    name: str
    figures: dict
    msrs: dict
    functions: dict         # name: Function
    stacks: Counter         # "outer;inner": instructions


def profile(recorded, table, lines=None):
    """@recorded by function and by call stack. It adds up to the instructions, or this is wrong."""
    functions, stacks = defaultdict(Function), Counter()
    # A frame is the function that was called, and that in which it runs now: it may have left by a jump.
    stack = [[table.find(address)[0]] * 2 for address in recorded.frames]
    last, in_process = None, False
    for event in recorded.events:
        kind = event[0]
        if kind == "i":
            name = table.find(event[1])[0]
            # What is entered by SYSCALL, SYSRET or an exception was called by nobody.
            if (name == PROCESS) != in_process:
                in_process = not in_process
                stack = []
            if not stack:
                stack.append([name, name])
            stack[-1][1] = name
            key = []
            for called, current in stack:
                key += [called] if called == current else [called, current]
            key += [f"{each}_[i]" for each in (lines.at(event[1]) if lines else [])]
            last = functions[name]
            last.instructions += 1
            last.opcodes.append(event[2])
            stacks[";".join(key)] += 1
        elif kind == "c":
            name = table.find(event[1])[0]
            functions[name].calls += 1
            stack.append([name, name])
        elif kind == "r":
            if len(stack) > 1:
                stack.pop()
            else:
                stack = []
        elif kind in "mn":
            owner = last
            if len(stack) > 1 and WRAPPERS.fullmatch(stack[-1][1]):
                owner = functions[stack[-2][1]]
            owner.msrs[event[1], kind == "m"] += 1
        elif kind == "x":
            functions[table.find(event[2])[0]].exceptions[event[1]] += 1
    total = sum(stacks.values())
    if total != recorded.figures["instructions"] or total != sum(each.instructions for each in functions.values()):
        raise Failed(f"{recorded.name}: the profile has {total} instructions, the exit {recorded.figures['instructions']}")
    return Profile(recorded.name, recorded.figures, recorded.msrs, dict(functions), +stacks)


def inclusive(stacks):
    """Instructions by function with all that it calls."""
    found = Counter()
    for key, count in stacks.items():
        for name in set(key.split(";")):
            found[name] += count
    return found


def folded(profiles):
    """What flamegraph.pl and speedscope read; a row is the root."""
    return "".join(f"{each.name};{key} {count}\n" for each in profiles for key, count in sorted(each.stacks.items()))


def accesses(msrs):
    """"RDMSR IA32_DEBUGCTL, WRMSR IA32_PERFEVTSEL0-3 IA32_PERF_GLOBAL_CTRL (2)" """
    texts = []
    for wanted, word in (False, "RDMSR"), (True, "WRMSR"):
        runs = []       # [name without its number, first, last, count]
        for (index, written), count in sorted(msrs.items()):
            if written != wanted:
                continue
            name, number = re.fullmatch(r"(.*?)(\d*)", msr_name(index)).groups()
            if runs and number and runs[-1][0] == name and runs[-1][2] + 1 == int(number) and runs[-1][3] == count:
                runs[-1][2] += 1
            else:
                runs.append([name, int(number) if number else -1, int(number) if number else -1, count])
        names = [name + ("" if first < 0 else str(first) if first == last else f"{first}-{last}")
                 + (f" ({count})" if count > 1 else "") for name, first, last, count in runs]
        if names:
            texts.append(f"{word} {' '.join(names)}")
    return ", ".join(texts)


def alike(figures):
    """How many of the exits took the path."""
    undisturbed = figures["exits"] - figures["disturbed"]
    text = f"{figures['same']} of {undisturbed} exits"
    if figures["disturbed"]:
        text += f", {figures['disturbed']} more hit by an interrupt"
    return text


def table(one, top):
    """Lines: one exit by function."""
    figures, total = one.figures, one.figures["instructions"]
    yield f"{one.name}: {total} instructions (so {alike(figures)})"
    words = [f"{figures['rdmsr']} RDMSR", f"{figures['wrmsr']} WRMSR", f"{figures['vmread']} VMREAD",
             f"{figures['vmwrite']} VMWRITE", f"{figures['atomic']} atomic", f"{figures['indirect']} indirect branches",
             f"{figures['exceptions']} exceptions"]
    if figures["user"]:
        words.append(f"{figures['user']} instructions at CPL 3")
    yield "  " + ", ".join(words)
    yield ("  cache lines: " + ", ".join(f"{figures[each + '_lines']} {each}" for each in ("text", "stack", "data", "user"))
           + "; pages: " + ", ".join(f"{figures[each + '_pages']} {each}" for each in ("text", "stack", "data", "user")))
    below = inclusive(one.stacks)
    yield f"  {'own':>6} {'share':>6} {'with callees':>12} {'calls':>5}  function, its MSR accesses"
    ranked = sorted(one.functions.items(), key=lambda each: (-each[1].instructions, each[0]))
    shown = [each for each in ranked if each[1].instructions]
    for name, function in shown[:top]:
        text = f"  {function.instructions:6} {100 * function.instructions / total:5.1f}% {below[name]:12} " \
               f"{function.calls or '-':>5}  {name}"
        if function.msrs:
            text += f": {accesses(function.msrs)}"
        yield text
    if len(shown) > top:
        rest = sum(function.instructions for _, function in shown[top:])
        yield f"  {rest:6} {100 * rest / total:5.1f}% {'':12} {'':>5}  {len(shown) - top} more functions"


def plain(name):
    """Without what a compiler adds to a part of a function: numbers that change from build to build."""
    return re.sub(r"\.(?:isra|part|constprop|llvm)\.\d+", "", re.sub(r"\.cold(\.\d+)?$", ".cold", name))


def merged(functions):
    found = {}
    for name, function in functions.items():
        into = found.setdefault(plain(name), Function())
        into.instructions += function.instructions
        into.calls += function.calls
        into.opcodes += function.opcodes
        into.msrs += function.msrs
        into.exceptions += function.exceptions
    return found


def signed(number):
    return f"{number:+}"


# Of what no function is told to have its own.
WHOLE = {"vmread": "VMREAD", "vmwrite": "VMWRITE", "atomic": "atomic operations", "indirect": "indirect branches",
         "user": "instructions at CPL 3"}


def share(figures):
    """Of the exits that no interrupt came into those that took the path."""
    return figures["same"] / max(1, figures["exits"] - figures["disturbed"])


def difference(a, b):
    """Lines: what of the exit is another in @b, by function; none if it is the same."""
    lines = []
    if a.figures["reason"] != b.figures["reason"]:
        lines.append((1 << 30, f"another exit: reason {a.figures['reason']} -> {b.figures['reason']}"))
    # What is of the whole exit comes before what is of a function.
    lines += [(1 << 29, f"{signed(b.figures[key] - a.figures[key])} {text}") for key, text in WHOLE.items()
              if a.figures[key] != b.figures[key]]
    if abs(share(a.figures) - share(b.figures)) > 0.1:
        lines.append((1 << 28, f"this path is taken by {alike(a.figures)} in A, {alike(b.figures)} in B"))
    left, right = merged(a.functions), merged(b.functions)
    for name in sorted(set(left) | set(right)):
        one, two = left.get(name, Function()), right.get(name, Function())
        words = []
        count = two.instructions - one.instructions
        if count:
            words.append(f"{signed(count)} instruction{'s' if abs(count) != 1 else ''}")
        for key in sorted(set(one.msrs) | set(two.msrs)):
            index, written = key
            if two.msrs[key] != one.msrs[key]:
                words.append(f"{signed(two.msrs[key] - one.msrs[key])} {'WRMSR' if written else 'RDMSR'} {msr_name(index)}")
        for vector in sorted(set(one.exceptions) | set(two.exceptions)):
            if one.exceptions[vector] != two.exceptions[vector]:
                words.append(f"{signed(two.exceptions[vector] - one.exceptions[vector])} exceptions of vector {vector}")
        if not words and one.opcodes != two.opcodes:
            words.append("other instructions, as many")
        if words:
            where = "" if name in left and name in right else " (only in B)" if name in right else " (only in A)"
            lines.append((abs(count), f"{', '.join(words)} in {name}(){where}"))
    return [text for _, text in sorted(lines, key=lambda each: (-each[0], each[1]))]
