# SPDX-License-Identifier: GPL-2.0-or-later
"""Exit paths of an emulated machine, which are exact: any difference is a change of the kernel.

A path is a dict of whole numbers, as files.exit_path() reads it. What is counted comes first, by MSR where
that is known: no layout of the code moves it. The footprint (lines and pages touched) also differs between
two builds of the same code, so it comes last, and alone it is no alarm."""

from dataclasses import dataclass, field

# What the exit did: all that more of makes an exit dearer.
COUNTS = {"instructions": "instructions", "user": "instructions in user space", "wrmsr": "WRMSR", "rdmsr": "RDMSR",
          "vmwrite": "VMWRITE", "vmread": "VMREAD", "atomic": "atomic operations", "indirect": "indirect branches",
          "exceptions": "exceptions"}
FOOTPRINT = {f"{what}_{size}": f"{what} {size}" for what in ("text", "stack", "data", "user")
             for size in ("lines", "pages")}
REASON = "reason"
# Of how many exits the path is; interrupts decide that, and not the kernel.
RECORDED = ("exits", "disturbed", "same")

MOST = 3                    # differences in a line
VERDICTS = ("another exit", "varies", "longer", "mixed", "shorter", "footprint", "identical")
ALARMS = VERDICTS[:4]
MEANING = {
    "another exit": "the guest exits for another reason",
    "varies": "results of one side differ among themselves",
    "longer": "more of something, less of nothing",
    "mixed": "more of something, less of something else",
    "shorter": "less of something, more of nothing",
    "footprint": "the same counts; other cache lines or pages, as another layout of the same code has",
    "identical": "every figure",
}


def by_register(figure, *paths):
    """The figures by MSR of an access, "wrmsr 0x38f", that any of these paths has."""
    found = {each for path in paths for each in path if each.startswith(f"{figure} ")}
    return sorted(found, key=lambda each: int(each.split()[1], 16))


def differing(a, b, figures):
    """[(figure, in a, in b)]; what is in neither is none."""
    return [(figure, a.get(figure, 0), b.get(figure, 0)) for figure in figures
            if a.get(figure, 0) != b.get(figure, 0)]


def work(a, b):
    """The differences that no layout explains. Of MSR accesses those by register, and their total only where
    the registers do not add up to it."""
    found = []
    for figure in (REASON, *COUNTS):
        by = differing(a, b, by_register(figure, a, b))
        if b[figure] - a[figure] != sum(after - before for _, before, after in by):
            found.append((figure, a[figure], b[figure]))
        found += by
    return found


def footprint(a, b):
    return differing(a, b, FOOTPRINT)


def verdict_of(a, b):
    """One of VERDICTS but "varies"."""
    found = work(a, b)
    if any(figure == REASON for figure, _, _ in found):
        return "another exit"
    if found:
        longer, shorter = more(a, b), more(b, a)
        return "mixed" if longer and shorter else "longer" if longer else "shorter"
    return "footprint" if footprint(a, b) else "identical"


def name(figure):
    """As a kernel developer calls it: WRMSR 0x38f."""
    what, _, register = figure.partition(" ")
    return f"{ {**COUNTS, **FOOTPRINT}.get(what, what)} {register}".strip()


def difference(figure, before, after):
    """+1 WRMSR 0x38f (5 -> 6)."""
    if figure == REASON:
        return f"exit reason {before} -> {after}"
    return f"{after - before:+d} {name(figure)} ({before} -> {after})"


def differences(a, b):
    """All differences of two paths in words, the footprint's last."""
    parts = [", ".join(difference(*each) for each in work(a, b))]
    layout = footprint(a, b)
    if layout:
        parts.append("footprint: " + ", ".join(difference(*each) for each in layout))
    return "; ".join(filter(None, parts))


def same(a, b):
    """Is every figure of the exit the same?"""
    return verdict_of(a, b) == "identical"


def brief(a, b):
    """What differs in a line: of many differences those of the totals that count most. "" for a footprint."""
    found = work(a, b)
    if len(found) > MOST:
        found = differing(a, b, (REASON, "instructions", "wrmsr", "rdmsr")) or found[:MOST]
    return ", ".join(difference(*each) for each in found)


def summary(a, b):
    """The same; of fewer instructions also what is more, for that is the alarm."""
    said = brief(a, b)
    if verdict_of(a, b) != "mixed" or b["instructions"] > a["instructions"]:
        return said
    grown = [difference(*each) for each in work(a, b) if each[2] > each[1]]
    grown = [each for each in grown if each not in said]
    return said + (f"; but {', '.join(grown[:MOST])}" if grown else "")


def in_words(a, b):
    """What differs, in a line; of a footprint, which has no counts, that."""
    return summary(a, b) or differences(a, b)


def direction(a, b):
    """A verdict for a reader: an exit of more instructions is longer, whatever else is less."""
    verdict = verdict_of(a, b)
    return "longer" if verdict == "mixed" and b["instructions"] > a["instructions"] else verdict


def distinct(paths):
    found = []
    for path in paths:
        if not any(same(path, other) for other in found):
            found.append(path)
    return found


def doubt(path):
    """What to know of a path before one believes that it is the exit's; "" as a rule."""
    undisturbed = path["exits"] - path["disturbed"]
    return "" if 2 * path["same"] >= undisturbed else \
        f"only {path['same']} of {undisturbed} undisturbed exits took this path"


def more(a, b):
    """Is something more in @b, or the exit another one?"""
    return any(figure == REASON or after > before for figure, before, after in work(a, b))


@dataclass(slots=True)
class Verdict:
    """A row that has exit paths on both sides."""
    name: str
    setting: str
    a: dict                 # of a side that varies the path of the fewest instructions
    b: dict
    verdict: str
    notes: list = field(default_factory=list)

    @property
    def words(self):
        """What differs beside the number of instructions."""
        said = in_words(self.a, self.b)
        counted = difference("instructions", self.a["instructions"], self.b["instructions"])
        return "; ".join(filter(None, [said.removeprefix(counted).lstrip(",; "), *self.notes]))

    @property
    def shown(self):
        """The verdict for a reader."""
        return direction(self.a, self.b) if self.verdict == "mixed" else self.verdict


def judge(key, a, b):
    """The Verdict of a row; @a, @b: the paths in the files of each side, None where a file has none."""
    sides, notes = [], []
    for side, paths in ("A", a), ("B", b):
        known = [path for path in paths if path]
        several = sorted(distinct(known), key=lambda path: path["instructions"])
        if len(several) > 1:
            notes.append(f"results of {side} differ: {differences(several[0], several[-1])}")
        if len(known) < len(paths):
            notes.append(f"{len(paths) - len(known)} of {len(paths)} results of {side} have no exit path")
        doubts = filter(None, map(doubt, known))
        notes += [f"{side}: {why}" for why in list(doubts)[:1]]
        sides.append(several)
    verdict = "varies" if max(map(len, sides)) > 1 else verdict_of(sides[0][0], sides[1][0])
    return Verdict(*key, sides[0][0], sides[1][0], verdict, notes)
