# SPDX-License-Identifier: GPL-2.0-or-later
"""The table."""

import re
import textwrap

CHANGES = {"broken": "became wrong", "otherwise": "wrong in another way", "known": "known differences of both", "offer": "right for another guest PMU",
           "fixed": "became right"}
MOST = 6     # lines of a commit; the others are counted


def _class_name(row):
    """What a survey calls a class, without its number."""
    guest = "AMD guest" if row["vendor"] == "amd" else "Intel guest"
    if row["entry"] == "setup":
        return f"{guest}: complaint while it is set up"
    if row["entry"] == "intercept":
        return f"{guest}: not intercepted"
    return f"{guest}: {row['before']['answer']} -> {row['answer']} (rule {row['rule']})"


class Row:
    def __init__(self, name, subject):
        self.name, self.subject = name, subject
        self.obstacle = ""      # why there was no survey
        self.against = ""       # compared with that, not with its parent
        self.wrong = self.right = self.others = 0
        self.details = []

    def take(self, survey):
        """The same by several entries is one, as in a survey's own page."""
        classes = {}
        for row in survey["rows"]:
            classes.setdefault((row["change"], _class_name(row)), []).append(row)
        order = list(CHANGES)
        for (change, what), rows in sorted(classes.items(), key=lambda item: order.index(item[0][0])):
            entries = [entry for entry in dict.fromkeys(row["entry"] for row in rows) if entry not in ("setup", "intercept")]
            ecx = min(re.findall(r"ECX = (0x[0-9a-f]{8})", " ".join(row["example"]["text"] for row in rows)), default="")
            at = f", ECX = {ecx}" if entries and ecx else ""
            by = f" by {' and '.join(entries)}" if entries else ""
            self.details.append(f"{CHANGES[change]}: {what}{by}{at}")
            self.wrong += change == "broken"
            self.right += change == "fixed"
            self.others += change not in ("broken", "fixed")
        for file, names in sorted((survey["summary"].get("not_run") or {}).items()):
            names = [f"{name}()" if name else "outside of functions" for name in names]
            self.details.append(f"changed and not run: {file}: {', '.join(names[:4])}" +
                                (f" and {len(names) - 4} more" if len(names) > 4 else ""))

    def lines(self):
        lines = [self.obstacle] if self.obstacle else self.details or ["nothing changed"]
        if len(lines) > MOST:
            lines = lines[:MOST - 1] + [f"and {len(lines) - MOST + 1} more"]
        return lines + ([f"compared with {self.against}"] if self.against else [])

    def counts(self):
        return ["-"] * 3 if self.obstacle else [str(n) if n else "." for n in (self.right, self.wrong, self.others)]


def summary(rows):
    done = [row for row in rows if not row.obstacle]
    text = (f"{len(rows)} surveyed" if len(done) == len(rows) else f"{len(done)} of {len(rows)} surveyed")
    return (f"{text}: {sum(bool(row.wrong) for row in rows)} made reads wrong for guests, "
            f"{sum(bool(row.right) for row in rows)} made reads right, "
            f"{sum(not (row.wrong or row.right or row.others or row.obstacle) for row in rows)} changed nothing that was seen\n")


def table(rows):
    width = max(len("commit"), *(len(row.name) for row in rows))
    text = summary(rows) + "\n" + f"{'commit':{width}}  right  wrong  other  what\n"
    for row in rows:
        right, wrong, others = row.counts()
        text += f"{row.name:{width}}  {right:>5}  {wrong:>5}  {others:>5}  {row.subject}\n"
        indent = " " * (width + 23)
        for line in row.lines():
            text += textwrap.fill(line, 110 + width, initial_indent=indent + "  ", subsequent_indent=indent + "    ",
                                  break_long_words=False, break_on_hyphens=False) + "\n"
    return text


def _cell(text):
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def markdown(rows):
    text = f"**{summary(rows).strip()}**\n\n| commit | right | wrong | other | what |\n|---|---:|---:|---:|---|\n"
    for row in rows:
        what = "<br>".join([_cell(row.subject)] + [_cell(line) for line in row.lines()])
        text += f"| {row.name} | {' | '.join(row.counts())} | {what} |\n"
    return text
