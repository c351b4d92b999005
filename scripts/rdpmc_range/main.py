# SPDX-License-Identifier: GPL-2.0-or-later
"""survey-range"""

import argparse
import concurrent.futures
import json
import os
import queue
import signal
import subprocess
import sys

from rdpmc_arguments import Parser, between

from . import processes, report
from .trees import TOP, Commit, Directory, Engines, Wrong, digest, digest_of_files, files_below, git

AT_ONCE = 2

DESCRIPTION = """What each commit of a git tree that touches PATHS changes for guests, or each of several trees: a
survey of each against what was before it, as a table. A commit that does not build says so."""

EPILOG = """A commit is compared with its first parent, or where that does not build with the nearest before it that does; a
tree with the one before it in the list. Engines and surveys are kept by contents in CACHE, and an interrupted run goes on
where it was.

exit status: 0 nothing became wrong; 1 something did, or a commit was not surveyed; 2 wrong usage, or nothing was
surveyed; 128 + signal interrupted."""


def parser():
    made = Parser(prog="survey-range", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--kdir", metavar="DIR", help="the git tree")
    made.add_argument("--from", dest="first", metavar="REV", help="before the first commit")
    made.add_argument("--to", dest="last", metavar="REV", default="HEAD", help="the last commit (HEAD)")
    made.add_argument("--paths", metavar="PATHS", default="arch/x86/kvm", help="what a commit must touch (arch/x86/kvm)")
    made.add_argument("--objects", metavar="DIR", help="where the tree is prepared (--kdir): of all commits alike")
    made.add_argument("--build", metavar="DIR", default="build", help="where rdpmc-diff is (build)")
    made.add_argument("--cache", metavar="DIR", help="where engines and surveys are kept (BUILD/range)")
    made.add_argument("--configuration", metavar="NAME", action="append", default=[], help="survey this alone; may be repeated")
    made.add_argument("--jobs", metavar="N", type=between(1, 64, int), default=AT_ONCE, help=f"trees at a time ({AT_ONCE})")
    made.add_argument("--markdown", metavar="FILE", help="the table as Markdown, too")
    made.add_argument("trees", metavar="TREE", nargs="*", help="prepared trees in place of --kdir, oldest first")
    return made


def say(text):
    print(f"survey-range: {text}", file=sys.stderr, flush=True)


def _interrupt(number, _frame):
    processes.stop()
    raise processes.Interrupted(number)


class Range:
    def __init__(self, options):
        self.options = options
        self.diff = os.path.join(options.build, "rdpmc-diff")
        if not os.access(self.diff, os.X_OK):
            raise Wrong(f"{self.diff} is not there; make {self.diff}")
        self.cache = os.path.abspath(options.cache or os.path.join(options.build, "range"))
        os.makedirs(self.cache, exist_ok=True)
        objects = None
        if options.kdir:
            objects = os.path.abspath(options.objects or options.kdir)
        self.rows, self.trees = (self._commits(objects) if options.kdir else self._directories())
        self.engines = Engines(self.cache, objects)
        self.places = queue.SimpleQueue()
        for number in range(options.jobs):
            self.places.put(os.path.join(self.cache, f"work-{number}"))
        known = os.path.join(TOP, "fuzz/oracle/known")
        self.setting = digest(digest_of_files([self.diff, *files_below(known)]), *options.configuration)

    def _commits(self, objects):
        options = self.options
        listed = git(options.kdir, "rev-list", "--reverse", "--topo-order", f"{options.first}..{options.last}", "--",
                     *options.paths.split()).split()
        if not listed:
            raise Wrong(f"no commit from {options.first} to {options.last} touches {options.paths}")
        trees = {commit: Commit(options.kdir, commit, objects) for commit in listed}
        return listed, trees

    def _directories(self):
        made = {}
        for name in self.options.trees:
            given = subprocess.run([os.path.join(TOP, "scripts/kernel-tree"), name], stdout=subprocess.PIPE, text=True, check=False)
            if given.returncode:
                raise Wrong(f"{name}: no such tree")
            path = given.stdout.strip()
            made[path] = Directory(path, path)
        paths = list(made)
        for before, after in zip(paths, paths[1:]):
            made[after].parent = before
        return paths[1:], made

    def tree(self, name):
        if name not in self.trees:
            self.trees[name] = Commit(self.options.kdir, name, self.trees[self.rows[0]].objects)
        return self.trees[name]

    def _all(self, function, things, what):
        """@function of each, as many at a time as was asked for."""
        done = 0
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            waiting = [pool.submit(function, one) for one in things]
            for future in concurrent.futures.as_completed(waiting):
                done += 1
                say(f"{what} {done} of {len(things)}: {future.result()}")

    def _build(self, tree):
        place = self.places.get()
        try:
            self.engines.make(tree, place)
        finally:
            self.places.put(place)
        why = self.engines.failure(tree)
        return tree.name + (f" does not build: {why}" if why else "")

    def build(self):
        """All that is needed, until each row that builds has something that builds before it."""
        while True:
            wanted = {}
            for row in self.rows:
                for tree in (self.tree(row), self.before(row)):
                    if tree and not self.engines.known(tree):
                        wanted.setdefault(tree.key, tree)
            if not wanted:
                return
            self._all(self._build, list(wanted.values()), "built")

    def before(self, row):
        """What it is compared with; None: nothing before it builds."""
        name = self.tree(row).parent
        while name:
            tree = self.tree(name)
            if self.engines.failure(tree) is None:
                return tree
            # What does not build before the range is not looked for further.
            name = tree.parent if name in self.rows else ""
        return None

    def result(self, row):
        tree = self.tree(row)
        return os.path.join(self.cache, digest(self.engines.path(self.before(row)), self.engines.path(tree), self.setting) + ".json")

    def _survey(self, row):
        tree, before, out = self.tree(row), self.before(row), self.result(row)
        command = [self.diff, "survey", "--engine", self.engines.path(before), "--against", self.engines.path(tree), "--json",
                   f"{out}.new", "--jobs", str(max(1, (os.cpu_count() or 1) // self.options.jobs))]
        for name in self.options.configuration:
            command += ["--configuration", name]
        status, output = processes.run(command)
        if status in (0, 1) and os.path.exists(out + ".new"):
            os.replace(out + ".new", out)
            return tree.name
        self.trees[row].trouble = f"the survey ended with {status}: {(output.strip().splitlines() or [''])[-1]}"
        return f"{tree.name}: {self.trees[row].trouble}"

    def survey(self):
        self._all(self._survey, [row for row in self.rows if self.surveyable(row) and not os.path.exists(self.result(row))], "surveyed")

    def surveyable(self, row):
        tree, before = self.tree(row), self.before(row)
        return before is not None and self.engines.failure(tree) is None and not tree.same(before)

    def outcome(self, row):
        """A row of the table."""
        tree, before = self.tree(row), self.before(row)
        why = self.engines.failure(tree)
        made = report.Row(tree.name, tree.subject)
        if why is not None:
            made.obstacle = f"does not build: {why}"
        elif before is None:
            made.obstacle = "not surveyed: nothing before it builds"
        elif not tree.same(before):
            try:
                with open(self.result(row), encoding="utf-8") as file:
                    made.take(json.load(file))
            except FileNotFoundError:
                made.obstacle = "not surveyed: " + getattr(tree, "trouble", "interrupted")
        if before is not None and tree.parent and before is not self.tree(tree.parent):
            made.against = before.name
        return made


def main():
    options = parser().parse_args()
    if bool(options.kdir) == bool(options.trees) or (options.kdir and not options.first):
        parser().error("--kdir DIR and --from REV, or two trees or more")
    if options.trees and len(options.trees) < 2:
        parser().error("one tree has nothing before it")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        all_of_it = Range(options)
        say(f"{len(all_of_it.rows)} to survey; what is done is kept in {all_of_it.cache}")
        all_of_it.build()
        all_of_it.survey()
        rows = [all_of_it.outcome(row) for row in all_of_it.rows]
        print(report.table(rows), end="")
        if options.markdown:
            with open(options.markdown, "w", encoding="utf-8") as file:
                file.write(report.markdown(rows))
    except (Wrong, OSError) as why:
        say(why)
        return 2
    except processes.Interrupted as interrupted:
        say("interrupted; the same command goes on from here")
        return 128 + interrupted.number
    if all(row.obstacle for row in rows):
        return 2
    return int(any(row.obstacle or row.wrong for row in rows))
