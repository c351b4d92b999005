# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a kernel's C goto-cc or CBMC does not take, in other words of the same meaning.

Each rule has a name, which the result of a proof lists with how often it was used. An assembler statement
or function without a rule becomes a failed assertion: a proof that passes has not come there."""

import collections
import re

from . import csource

# Functions whose body is assembler, or too much for a model checker, by what they do; $0, $1 are their parameters. Bits by 32, as
# some sets of them are that small: what a word also covers would become unknown.
MEANINGS = {
    "array_index_mask_nospec": "return $0 < $1 ? ~0UL : 0UL;",
    "arch_set_bit": "((unsigned int *)$1)[$0 / 32] |= 1U << $0 % 32;",
    "arch___set_bit": "((unsigned int *)$1)[$0 / 32] |= 1U << $0 % 32;",
    "arch_clear_bit": "((unsigned int *)$1)[$0 / 32] &= ~(1U << $0 % 32);",
    "arch___clear_bit": "((unsigned int *)$1)[$0 / 32] &= ~(1U << $0 % 32);",
    "variable_test_bit": "return ((const unsigned int *)$1)[$0 / 32] >> $0 % 32 & 1;",
    "constant_test_bit": "return ((const unsigned int *)$1)[$0 / 32] >> $0 % 32 & 1;",
    "variable__ffs": "return __builtin_ctzl($0);",
    "variable_ffs": "return $0 ? __builtin_ctz($0) + 1 : 0;",
    "fls": "return $0 ? 32 - __builtin_clz($0) : 0;",
    "fls64": "return $0 ? 64 - __builtin_clzl($0) : 0;",
    "__fls": "return 63 - __builtin_clzl($0);",
    "__arch_hweight32": "return __builtin_popcount($0);",
    "__arch_hweight64": "return __builtin_popcountll($0);",
    "_static_cpu_has": "return boot_cpu_data.x86_capability[$0 / 32] >> $0 % 32 & 1;",
    "__static_cpu_has": "return boot_cpu_data.x86_capability[$0 / 32] >> $0 % 32 & 1;",
    "rdtsc": "extern unsigned long long contract_rdtsc(void); return contract_rdtsc();",
    "rdtsc_ordered": "extern unsigned long long contract_rdtsc(void); return contract_rdtsc();",
    "kvm_pmu_trigger_event": "extern void contract_nothing_counts(const struct kvm_vcpu *); contract_nothing_counts($0);",
}
# Not where a function's head has this word: its own code ends soon enough there.
UNLESS = {"kvm_pmu_trigger_event": "event_pmcs"}

# Functions that no RDPMC comes to, which is proved, and that a model checker would get lost in: they call through a pointer that
# it knows nothing of, so it follows each function of such a type, with registers of any number.
NOT_REACHED = ("kvm_inject_emulated_page_fault", "__kvm_inject_emulated_page_fault")

# Assembler statements, by their template with single blanks; {0} or {name} are the operands, {*name} what
# is in memory there: the operand itself, or where its address is the operand.
STATEMENTS = (
    ("pause", re.compile(r"pause|rep ?; ?nop"), "(void)0"),
    ("array_index_mask_nospec", re.compile(r"cmp %1,%2; sbb %0,%0;?"),
     "{0} = (unsigned long)({2}) < (unsigned long)({1}) ? ~0UL : 0UL"),
    ("per-CPU load", re.compile(r"mov[bwlq]? %%gs:%[aP]?\[var\], ?%\[val\]"), "{val} = (__typeof__({val})){*var}"),
    ("per-CPU load", re.compile(r"mov[bwlq]? %%gs:%[aP]?1, ?%0"), "{0} = (__typeof__({0})){*1}"),
)

_ASM = re.compile(r"\b(?:asm|__asm__|__asm)\b(?:\s*\b(?:volatile|__volatile__|__volatile|inline|__inline__|__inline|"
                  r"goto)\b)*\s*\(")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OPERAND = re.compile(r'\s*(?:\[\s*(\w+)\s*\])?\s*("(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)\s*\(')
_AUTO = re.compile(r"\b(const\s+)?__auto_type\s+(\w+)\s*=")
_ZERO_SIZE = re.compile(r"\bsizeof\s*\(\s*struct\s*\{\s*(?:_Static_assert\s*\(|int\s*:\s*\(?\s*-\s*!!)")
_ASSERT = re.compile(r"\b_Static_assert\s*\(")
# goto-cc puts a section into a symbol's name, and declarations without it would be of something else.
_SECTION = re.compile(r'__attribute__\s*\(\(\s*(?:__section__|section)\s*\((?:\s*"[^"]*")+\s*\)\s*\)\)')
_MEMSET = re.compile(r"\b(?:__builtin_)?memset\s*\(")
_MEMCPY = re.compile(r"\b(?:__builtin_)?memcpy\s*\(")


def unreachable(what):
    """An expression that fails a proof that comes there, and ends the path."""
    text = re.sub(r'[\\"\n]', "'", what)
    return f'(__CPROVER_assert(0, "untranslated: {text}"), __CPROVER_assume(0))'


def _parts(text, separator):
    """@text split at @separator outside parentheses and strings."""
    plain = csource.without_text(text)
    parts, depth, start = [], 0, 0
    for at, char in enumerate(plain):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == separator and not depth:
            parts.append(text[start:at])
            start = at + 1
    return parts + [text[start:]]


def _literals(text):
    joined = "".join(_LITERAL.findall(text)).replace("\\n", " ").replace("\\t", " ")
    return re.sub(r"\s+", " ", joined).strip()


class _Asm:
    """The inside of an assembler statement's parentheses."""

    def __init__(self, inside):
        parts = _parts(inside, ":")
        self.template = _literals(parts[0])
        self.operands = []  # name, constraint, expression
        self.outputs = 0
        for number, part in enumerate(parts[1:3]):
            if part.strip():
                for operand in _parts(part, ","):
                    self._operand(operand)
            if not number:
                self.outputs = len(self.operands)

    def _operand(self, text):
        found = _OPERAND.match(text)
        if not found:
            raise ValueError(text)
        self.operands.append((found[1], _literals(found[2]), text[found.end():text.rindex(")")].strip()))

    def _value(self, name):
        number = name.lstrip("*")
        operand = [each for at, each in enumerate(self.operands) if number in (str(at), each[0])][0]
        if name.startswith("*") and "m" not in operand[1]:
            return f"(*({operand[2]}))"
        return f"({operand[2]})"

    def moved(self):
        """The assignments that an empty statement is: inputs that share an output's register."""
        moves = []
        for _, constraint, expression in self.operands[self.outputs:]:
            if constraint.isdigit():
                target = self.operands[int(constraint)][2]
                if target != expression:
                    moves.append(f"{target} = (__typeof__({target}))({expression})")
        return ", ".join(moves) or "(void)0"

    def meaning(self):
        """The rule's name, and what it means in C; or None."""
        if not self.template:
            return "empty asm", self.moved()
        for name, template, meaning in STATEMENTS:
            if template.fullmatch(self.template):
                return name, re.sub(r"\{(\*?\w+)\}", lambda found: self._value(found[1]), meaning)
        return None


class Rewriter:
    """Applies the rules to items, and counts."""

    def __init__(self):
        self.counts = collections.Counter()
        self.lost_asm = collections.Counter()
        self.without = set()  # rules that are left out

    def _each(self, text, pattern, replace):
        """Replaces each call-like @pattern, which ends in "(", by replace(match, what is inside, before)."""
        at, pieces = 0, []
        plain = None
        while True:
            found = pattern.search(text, at)
            if not found:
                pieces.append(text[at:])
                return "".join(pieces)
            plain = plain or csource.without_text(text)
            if plain[found.start()] != text[found.start()]:  # in a string
                pieces.append(text[at:found.end()])
                at = found.end()
                continue
            end = csource.closing(plain, found.end() - 1)
            new = replace(found, text[found.end():end], plain[:found.start()])
            pieces.append(text[at:found.start()])
            pieces.append(text[found.start():end + 1] if new is None else new)
            at = end + 1

    def _asm(self, found, inside, before):
        last = re.sub(r"^#[^\n]*$", "", before[-400:], flags=re.M).rstrip()[-1:]
        if last and last not in ";{}):(" and not re.search(r"\b(?:else|do)\s*$", before):
            self.counts["asm name of a symbol"] += 1
            return ""
        try:
            meaning = _Asm(inside).meaning()
        except (ValueError, KeyError, IndexError):
            meaning = None
        if not meaning:
            template = _literals(_parts(inside, ":")[0])
            self.lost_asm[template] += 1
            return unreachable(f"asm: {template[:80]}")
        self.counts[f"asm: {meaning[0]}"] += 1
        return meaning[1]

    def _autos(self, text):
        at, pieces = 0, []
        while True:
            found = _AUTO.search(text, at)
            if not found:
                pieces.append(text[at:])
                return "".join(pieces)
            plain = csource.without_text(text)
            depth, end = 0, found.end()
            while plain[end] != ";" or depth:
                depth += (plain[end] in "([{") - (plain[end] in ")]}")
                end += 1
            value = self._autos(text[found.end():end])
            self.counts["__auto_type"] += 1
            pieces.append(f"{text[at:found.start()]}{found[1] or ''}__typeof__({value}) {found[2]} = ({value})")
            at = end

    def _memset(self, _found, inside, _before):
        """memset(x, 0, sizeof(*x)): an assignment, which leaves the object's members apart."""
        arguments = [part.strip() for part in _parts(inside, ",")]
        if len(arguments) != 3 or arguments[1] not in ("0", "0x00"):
            return None
        target, _, size = arguments
        size = re.sub(r"\s+", "", size)
        simple = re.sub(r"\s+", "", target)
        if size == f"sizeof(*{simple})":
            whole = f"*({target})"
        elif simple.startswith("&") and size == f"sizeof({simple[1:]})":
            whole = target[1:]
        else:
            return None
        self.counts["memset of a whole object to 0"] += 1
        return f"(void)(({whole}) = (__typeof__({whole})){{ 0 }})"

    def _memcpy(self, _found, inside, _before):
        arguments = [part.strip() for part in _parts(inside, ",")]
        if len(arguments) != 3:
            return None
        target, origin, size = (re.sub(r"\s+", "", argument) for argument in arguments)
        if re.fullmatch(r"[a-z_]\w*", size):
            self.counts["memcpy of a variable size, byte by byte"] += 1
            return (f"({{ extern void contract_copy(void *, const void *, unsigned long); "
                    f"contract_copy({inside}); }})")
        scalar = re.fullmatch(r"&(\w+)", target)
        if scalar and re.fullmatch(r"sizeof\((?:u8|s8|u16|s16|u32|s32|u64|s64)\)", size):
            self.counts["memcpy of a number"] += 1
            return (f'(__CPROVER_assert(sizeof({scalar[1]}) == {size}, "untranslated: memcpy of a number"), '
                    f"(void)({scalar[1]} = *(__typeof__({scalar[1]}) *)({arguments[1]})))")
        if not target.startswith("&") or size not in (f"sizeof({target[1:]})", f"sizeof(*{origin})"):
            return None
        self.counts["memcpy of a whole object"] += 1
        # An assignment would convert what memcpy() leaves as it is.
        return (f"(__CPROVER_assert(__builtin_types_compatible_p(__typeof__({target[1:]}), __typeof__(*({arguments[1]}))), "
                f'"untranslated: memcpy from another type"), (void)(({target[1:]}) = *({arguments[1]})))')

    def apply(self, item):
        """Rewrites @item."""
        if (item.body >= 0 and item.name in MEANINGS
                and (item.name not in UNLESS or UNLESS[item.name] not in item.text[:item.body])):
            self._by_meaning(item)
            return
        if item.body >= 0 and item.name in NOT_REACHED:
            self.counts[f"body of {item.name}(), proved not to be reached"] += 1
            self.blank(item)
            return
        text = item.text
        if re.match(r"(?:__asm__|asm|__asm)\b", text):
            self.counts["asm outside functions"] += 1
            item.text = ";"
            return
        for segment in ("__seg_gs", "__seg_fs"):
            if segment in text:
                self.counts[segment] += len(re.findall(rf"\b{segment}\b", text))
                text = re.sub(rf"\b{segment}\b", "", text)
        if "section" in text:
            text, count = _SECTION.subn("", text)
            self.counts["section attribute"] += count
        text = self._zero_sizes(text)
        if "_Static_assert" in text:
            text = self._each(text, _ASSERT, lambda *_: self._count("_Static_assert", "struct __no_assert"))
        if item.body >= 0:
            text = self._statements(text)
        elif " asm" in text or "__asm" in text:
            text = self._each(text, _ASM, lambda *_: self._count("asm name of a symbol", ""))
        if text != item.text:
            item.text = text
            item.body = self._body(item)

    def _statements(self, text):
        if "__auto_type" in text:
            text = self._autos(text)
        if "asm" in text:
            text = self._each(text, _ASM, self._asm)
        if "memset" in text and "memset" not in self.without:
            text = self._each(text, _MEMSET, self._memset)
        if "memcpy" in text:
            text = self._each(text, _MEMCPY, self._memcpy)
        return text

    def _zero_sizes(self, text):
        at, pieces = 0, []
        for found in _ZERO_SIZE.finditer(text):
            if found.start() < at:
                continue
            start = text.index("(", found.start())
            pieces.append(text[at:found.start()] + "0UL")
            at = csource.closing(csource.without_text(text), start) + 1
            self.counts["sizeof that is a compile-time assertion"] += 1
        return "".join(pieces) + text[at:]

    def _count(self, name, text):
        self.counts[name] += 1
        return text

    @staticmethod
    def _body(item):
        return csource.function_body(item.text) if item.body >= 0 else -1

    def _by_meaning(self, item):
        head = item.text[:item.body]
        plain = csource.without_text(head)
        start = plain.index("(", re.search(rf"\b{item.name}\s*\(", plain).start())
        names = [re.findall(r"\w+", part)[-1]
                 for part in _parts(head[start + 1:csource.closing(plain, start)], ",")]
        body = re.sub(r"\$(\d)", lambda found: names[int(found[1])], MEANINGS[item.name])
        self.counts[f"meaning of {item.name}()"] += 1
        item.text = f"{head}{{ {body} }}"

    @staticmethod
    def blank(item):
        """Takes a function's body away: who comes there has a failed property."""
        item.text = f"{item.text[:item.body]}{{ {unreachable(f'blanked: {item.name}')}; }}"
