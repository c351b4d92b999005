#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks README.md and the pages: their size, links, anchors and index, and the commands in their code.

usage: tests/check_docs.py [ROOT [BUILD [FILE]]]

Prints a line for each mistake and ends with 1, or prints how much was looked at. Pages and the Makefile are those
of ROOT; programs are asked with --help here: those in BUILD (build), and scripts/. What they said is kept in FILE, for
the next run."""

import json
import pathlib
import re
import shlex
import subprocess
import sys

LINES, COLUMNS = 150, 120
# Programs that answer --help, and whether they have commands of their own.
PROGRAMS = {
    "rdpmc-bench": True, "rdpmc-diff": True, "fuzz-rdpmc-replay": False, "scripts/machine": True,
    "scripts/results": True, "scripts/campaign": False, "scripts/prove": False, "scripts/kernel-tree": False,
    "scripts/kernel-engine": False, "scripts/setup": False,
}
KERNELS_OWN = {"defconfig", "prepare", "mrproper"}   # targets of a kernel's Makefile, named without -C


def slugs(text):
    """The anchors that GitHub gives a page's headings."""
    seen, found = {}, set()
    for number, line in lines_outside_code(text):
        if not re.match(r"#{1,6} ", line):
            continue
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip())
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        found.add(slug if slug not in seen else f"{slug}-{seen[slug]}")
        seen[slug] = seen.get(slug, 0) + 1
    return found


def parts(text):
    """(number, line, is it code?) of each line. Code is fenced, or indented by four behind an empty line."""
    fenced = indented = False
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r" {0,3}(```|~~~)", line):
            fenced = not fenced
            yield number, "", True
        elif fenced:
            yield number, line, True
        else:
            indented = line.startswith("    ") and (indented or not before.strip()) or indented and not line.strip()
            yield number, line, indented
        before = line


def lines_outside_code(text):
    return [(number, line) for number, line, code in parts(text) if not code]


def links(text):
    """(number, target) of each link and picture; a link's text may go on in the next line."""
    prose = "\n".join("" if code else re.sub(r"`[^`]*`", lambda span: " " * len(span.group()), line)
                      for _, line, code in parts(text))
    for link in re.finditer(r"\]\(([^)\s]+)\)", prose):
        yield prose.count("\n", 0, link.start()) + 1, link.group(1)


def check_links(root, page, text):
    count = 0
    for number, target in links(text):
        if re.match(r"[a-z]+:", target):
            continue
        count += 1
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        if not there.exists():
            yield f"{page.relative_to(root)}:{number}: {target}: no such file"
        elif anchor and anchor not in slugs(there.read_text()):
            yield f"{page.relative_to(root)}:{number}: {target}: no such heading"
    tally["links"] += count


def commands(text):
    """(number, words) of each simple command in code, in blocks and in spans."""
    for number, line, code in parts(text):
        for piece in [line] if code else re.findall(r"`([^`]+)`", line):
            piece = re.sub(r"(^|\s)#(\s.*)?$", "", piece.strip())
            piece = re.sub(r"^(- )?run: |^\S*git bisect run ", "", piece)
            piece = re.split(r"\s{2,}", piece)[0]       # what it is for stands behind two blanks
            for simple in re.split(r"&&|\|\||[;|()]|\s--\s(?=rdpmc-)", piece):
                simple = re.split(r"\s>", simple.strip())[0]
                try:
                    words = shlex.split(simple)
                except ValueError:
                    words = simple.split()
                while words and re.match(r"[A-Z_]+=", words[0]):
                    words.pop(0)
                if words:
                    yield number, words


def targets(makefile):
    found = set()
    for line in makefile.splitlines():
        rule = re.match(r"([a-zA-Z][\w. -]*):(?!=)", line)
        if rule:
            found.update(rule.group(1).split())
    return found


def unknown_targets(words, known):
    if "-C" in words:
        return []
    named = [word for word in words[1:] if re.fullmatch(r"[a-z][\w.-]*", word)]
    tally["targets"] += len(named)
    return [word for word in named if word not in known and word not in KERNELS_OWN]


def asked(*words):
    """What a program, or a command of it, says to --help; None where it has none."""
    key = " ".join(words)
    if key not in help_texts:
        path = words[0] if words[0].startswith("scripts/") else f"{build}/{words[0]}"
        said = subprocess.run([path, *words[1:], "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              check=False)
        help_texts[key] = None if said.returncode else said.stdout
    return help_texts[key]


def unknown_options(words):
    name = re.sub(r"^(\./|build/|/path/to/)", "", words[0])
    if name not in PROGRAMS:
        return
    words = words[1:]
    help_text = asked(name)
    if help_text is None:
        yield f"{name} --help fails"
        return
    if PROGRAMS[name] and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        help_text = asked(name, words[0])
        if help_text is None:
            yield f"{name} {words[0]}: no such command"
            return
    for word in words:
        if word == "--":
            break
        option = re.match(r"--[a-z][a-z-]*|-[a-zA-Z]$", word)
        if not option or word == "--help":
            continue
        tally["options"] += 1
        if not re.search(r"(?<![\w-])" + re.escape(option.group()) + r"(?![\w-])", help_text):
            yield f"{name}: {option.group()} is in no --help"


def check_commands(root, page, text, known):
    for number, words in commands(text):
        wrong = []
        if words[0] == "make":
            wrong = [f"make {word}: no such target" for word in unknown_targets(words, known)]
        else:
            wrong = unknown_options(words)
        for mistake in wrong:
            yield f"{page.relative_to(root)}:{number}: {mistake}"


def check_size(text):
    lines = text.splitlines()
    if len(lines) > LINES:
        yield f"README.md: {len(lines)} lines, at most {LINES} are wanted"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            yield f"README.md:{number}: {len(line)} columns, at most {COLUMNS} are wanted"


def check_index(docs):
    index = docs / "README.md"
    named = {target.partition("#")[0] for _, target in links(index.read_text())}
    for page in sorted(docs.rglob("*.md")):
        if page != index and str(page.relative_to(docs)) not in named:
            yield f"docs/README.md: {page.relative_to(docs)} is not in the index"


def mistakes(root):
    pages = [root / "README.md", root / "CONTRIBUTING.md", root / "fuzz/README.md", root / "model/README.md",
             *sorted((root / "docs").rglob("*.md"))]
    known = targets((root / "Makefile").read_text())
    yield from check_size((root / "README.md").read_text())
    yield from check_index(root / "docs")
    for page in pages:
        text = page.read_text()
        yield from check_links(root, page, text)
        yield from check_commands(root, page, text, known)


tally = {"links": 0, "targets": 0, "options": 0}
root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
build = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "build").absolute()
kept = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
help_texts = json.loads(kept.read_text()) if kept and kept.exists() else {}
found = list(mistakes(root))
if kept:
    kept.write_text(json.dumps(help_texts))
print(*found or ["{links} links, {targets} targets, {options} options".format(**tally)], sep="\n")
sys.exit(bool(found))
