# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel tree's own KVM sources, with the glue, as one goto binary that defines fuzz/engines/kernel/glue.h.

scripts/kernel-engine preprocesses. What the glue's functions need of each file, and no more, goes through
rewrites.py to goto-cc. A function that goto-cc refuses loses its body, and everything that has none becomes
a failed assertion, unless prove/kernel_contracts.c says what it may do."""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil

from rdpmc_machine import cache
from rdpmc_machine.failed import Failed
from rdpmc_results import output

from . import checker, csource
from .rewrites import Rewriter
from .tools import TOP

ENGINE = os.path.join(TOP, "scripts/kernel-engine")
GLUE = "fuzz_engines_kernel_glue.c.i"
CONTRACTS = "prove_kernel_contracts.c.i"
ROOTS = ("glue_create", "glue_begin", "glue_read", "glue_get_counter", "glue_set_counter", "glue_metrics", "glue_clocks",
         "glue_intercepts", "glue_host_capabilities", "glue_destroy")
# What a file keeps to itself and the glue uses.
SHARED = {"kvm_x86.c.i": {"emulate_ops"}}
# What the harness defines, and what CBMC's library has.
OUTSIDE = ("engine_complain", "engine_give_up", "glue_release", "memcpy", "memset", "memmove", "memcmp", "strcmp", "strlen")
MAX_BLANKED = 60
# Translations that are kept, of 4 MB each: those that were used last.
MOST = 30


@dataclasses.dataclass
class Translation:
    """What came of a tree, for the report."""
    binary: str
    made_of: str  # a digest of all that it depends on
    rewrites: dict = dataclasses.field(default_factory=dict)  # rule: how often
    lost_asm: dict = dataclasses.field(default_factory=dict)  # template: how often
    blanked: list = dataclasses.field(default_factory=list)  # functions that goto-cc refused, with its words
    undefined: list = dataclasses.field(default_factory=list)  # functions that are called and nowhere
    contracts: list = dataclasses.field(default_factory=list)  # functions, with what each says


def _run(command, what):
    done = checker.run(command)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise Failed(f"{what}: {lines[-1] if lines else 'no word why'}")
    return done.stdout


def preprocess(tree, objects, work):
    """The names of the preprocessed files in @work."""
    command = [ENGINE, "--for", "prove", "--out", work, tree] + ([objects] if objects else [])
    done = checker.run(command)
    if done.returncode:
        raise Failed(done.stderr.strip().removeprefix("kernel-engine: ") or f"{tree}: cannot be preprocessed")
    return done.stdout.split()


def _kept(path, made_of):
    """What goto-cc refused when it made what @path speaks of; None: that was of something else, and is no more."""
    try:
        with open(path, encoding="utf-8") as file:
            was = json.load(file)
        if was["made_of"] == made_of:
            return was["refused"]
        os.unlink(path)  # before what it speaks of is overwritten
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return None


def _keep(path, what):
    output.replace(path, json.dumps(what).encode())


class _File(csource.File):
    """A file on its way to a goto binary."""

    def __init__(self, work, name):
        self.name = name
        self.rewriter = Rewriter()
        self.blanked = []
        self.again = set()  # functions that were rewritten once more
        self.originals = {}  # text of functions, before
        self.cut = os.path.join(work, name.removesuffix(".i") + ".cut.i")
        self.object = os.path.join(work, name.removesuffix(".i") + ".gb")
        with open(os.path.join(work, name), encoding="utf-8", errors="surrogateescape") as source:
            super().__init__(source.read(), self._rewrite)
        for shared in SHARED.get(name, ()):
            for item in self.by_name.get(shared, ()):
                item.text = re.sub(r"\bstatic\b", "", item.text, count=1)
                self.rewriter.counts["static removed"] += 1

    def _rewrite(self, item):
        if item.body >= 0:
            self.originals[item] = item.text
        self.rewriter.apply(item)

    def compile(self, tools):
        """Makes the goto binary, without the functions that goto-cc refuses. What is there already is taken if it is of
        the same text: of a tree that is edited and proved again most files are."""
        kept, text = self.object + ".json", self.text()
        made_of = hashlib.sha256((tools.version() + text).encode(errors="surrogateescape")).hexdigest()
        refused = _kept(kept, made_of)
        if refused is not None and os.path.exists(self.object):
            for said in refused:
                self._blank(said)
            return self
        refused = []
        while True:
            with open(self.cut, "w", encoding="utf-8", errors="surrogateescape") as out:
                out.write(self.text())
            done = checker.run([*tools.goto_cc, "-c", self.cut, "-o", self.object])
            if not done.returncode:
                _keep(kept, {"made_of": made_of, "refused": refused})
                return self
            refused.append(done.stderr + done.stdout)
            self._blank(refused[-1])

    def _blank(self, said):
        found = re.search(r"In function '(\w+)'", said)
        error = re.search(r"error: ([^\n]*)", said)
        error = error[1] if error else said.strip().splitlines()[0] if said.strip() else "no word why"
        if found and error.startswith("direct assignments to arrays") and found[1] not in self.again:
            self._without("memset", found[1])
            return
        if found and self.name in (GLUE, CONTRACTS):
            raise Failed(f"goto-cc does not take {found[1]}() of {self.name.removesuffix('.i')}: {error}")
        items = [item for item in self.needed if found and item.name == found[1] and item.body >= 0]
        if not items or len(self.blanked) >= MAX_BLANKED or found[1] in dict(self.blanked):
            raise Failed(f"goto-cc does not take {self.cut}: {error}" + (f" (in {found[1]}())" if found else ""))
        self.blanked.append((found[1], error))
        for item in items:
            Rewriter.blank(item)

    def _without(self, rule, name):
        """Rewrites function @name anew without a rule that does not fit."""
        self.again.add(name)
        self.rewriter.without = {rule}
        for item in self.needed:
            if item.name == name and item.body >= 0:
                item.text = self.originals[item]
                item.body = csource.function_body(item.text)
                self.rewriter.apply(item)
        self.rewriter.without = set()


def _contracts(files):
    """The functions of prove/kernel_contracts.c that are needed, with the comment before each."""
    with open(os.path.join(TOP, "prove/kernel_contracts.c"), encoding="utf-8") as source:
        texts = re.findall(r"/\* ([^*]*(?:\*(?!/)[^*]*)*)\*/\n[^;{}]*?(\w+)\([^)]*\)\s*[;{]", source.read())
    used = {item.name for file in files if file.name == CONTRACTS for item in file.needed if item.body >= 0}
    return [(name, " ".join(text.split())) for text, name in texts if name in used]


def _undefined(binary, tools):
    said = _run([*tools.goto_instrument, "--list-undefined-functions", binary], "goto-instrument")
    return sorted(name for name in set(re.findall(r"^(\w+)$", said, re.M)) - set(OUTSIDE)
                  if not name.startswith(("__CPROVER_", "__builtin_")))


def _made_of(work, names, tools):
    """A digest of all that a translation depends on: what gcc sees, the rules, and goto-cc."""
    digest = hashlib.sha256(f"{names} {tools.version()}".encode())
    here = os.path.dirname(os.path.abspath(__file__))
    ours = [os.path.join(here, name) for name in ("csource.py", "rewrites.py", "translate.py")]
    # The contracts' comments are reported, and gone from the preprocessed text.
    for path in (*(os.path.join(work, name) for name in names), *ours, os.path.join(TOP, "prove/kernel_contracts.c")):
        with open(path, "rb") as source:
            digest.update(hashlib.sha256(source.read()).digest())
    return digest.hexdigest()


def translate(tree, objects, work, tools):
    """Translates @tree, with its build directory @objects or None, into a goto binary, by way of @work. One of the same
    text by the same rules is taken from the cache."""
    names = preprocess(tree, objects, work)
    made_of = _made_of(work, names, tools)
    kept = cache.shared("prove", "translations", f"{made_of}.json")
    # Others may make the same, or tidy up meanwhile: this one is ours.
    binary = os.path.join(work, "kernel.gb")
    try:
        shutil.copyfile(kept.removesuffix("json") + "gb", binary)
        with open(kept, encoding="utf-8") as file:
            result = Translation(binary, made_of, **json.load(file))
        os.utime(kept)
        return result
    except (OSError, ValueError, TypeError):
        pass
    result = _translate(work, names, binary, made_of, tools)
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    # What says that the other is there comes last.
    with open(binary, "rb") as file:
        output.replace(kept.removesuffix("json") + "gb", file.read())
    _keep(kept, {key: value for key, value in dataclasses.asdict(result).items() if key not in ("binary", "made_of")})
    for path in cache.newest_last(os.path.dirname(kept), end=".json")[:-MOST]:
        for each in path, path.removesuffix("json") + "gb":
            with contextlib.suppress(FileNotFoundError):
                os.unlink(each)
    return result


def _translate(work, names, binary, made_of, tools):
    files = [_File(work, name) for name in names]
    csource.close_over(files, ROOTS)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        files = list(pool.map(lambda file: file.compile(tools), [file for file in files if file.needed]))
    whole = os.path.join(work, "linked.gb")
    _run([*tools.goto_cc, *[file.object for file in files], "-o", whole], "goto-cc")
    result = Translation(binary, made_of)
    for file in files:
        for rule, count in file.rewriter.counts.items():
            result.rewrites[rule] = result.rewrites.get(rule, 0) + count
        for template, count in file.rewriter.lost_asm.items():
            result.lost_asm[template] = result.lost_asm.get(template, 0) + count
        result.blanked += [(name, error) for name, error in file.blanked if name not in dict(result.blanked)]
    result.contracts = _contracts(files)
    result.undefined = _undefined(whole, tools)
    _run([*tools.goto_instrument, "--generate-function-body", "|".join(result.undefined) or "-",
          "--generate-function-body-options", "assert-false-assume-false", whole, result.binary], "goto-instrument")
    return result
