# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel trees, from git or as they are, and their engines. What was made once of the same contents is found again."""

import hashlib
import os
import shutil
import subprocess

from . import processes

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Of a tree, what an engine is made of.
NEEDED = ["Makefile", "Kbuild", "arch/x86/kvm", "arch/x86/include", "arch/x86/lib", "include", "virt/kvm"]


class Wrong(Exception):
    """Wrong use, in one line."""


def git(kdir, *arguments):
    made = subprocess.run(["git", "-c", "safe.directory=*", "-C", kdir, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", check=False)
    if made.returncode:
        lines = made.stderr.strip().splitlines() or ["git failed"]
        raise Wrong(f"{kdir}: {lines[0]}")
    return made.stdout


def digest(*texts):
    made = hashlib.sha256()
    for text in texts:
        made.update(text.encode() + b"\0")
    return made.hexdigest()[:16]


def digest_of_files(paths):
    made = hashlib.sha256()
    for path in sorted(paths):
        with open(path, "rb") as file:
            made.update(path.encode() + b"\0" + file.read())
    return made.hexdigest()[:16]


def files_below(*tops):
    return [os.path.join(directory, name) for top in tops
            for directory, _, names in os.walk(top, followlinks=True) for name in names]


def ours():
    """What an engine depends on beside the tree."""
    top = [os.path.join(TOP, name) for name in ("fuzz/engines", "fuzz/case", "model")]
    return digest_of_files([path for path in files_below(*top) if not path.endswith(".o")] +
                           [os.path.join(TOP, "scripts/kernel-engine")])


class Tree:
    """One state of a kernel: .name and .subject for people, .key by its contents."""

    def __init__(self, name, subject, key):
        self.name, self.subject, self.key = name, subject, key

    def same(self, other):
        return self.key == other.key


class Commit(Tree):
    def __init__(self, kdir, commit, objects):
        name, self.parent, subject = (git(kdir, "show", "-s", "--format=%h%n%P%n%s", commit) + "\n\n").split("\n")[:3]
        self.kdir, self.commit, self.objects = kdir, commit, objects
        self.parent = self.parent.split(" ")[0]
        listed = git(kdir, "ls-tree", commit, "--", *NEEDED)
        self.paths = [line.split("\t", 1)[1] for line in listed.splitlines()]
        super().__init__(name, subject, digest(listed))

    def put(self, work):
        tree = os.path.join(work, "tree")
        shutil.rmtree(tree, ignore_errors=True)
        os.makedirs(tree)
        archive = subprocess.Popen(["git", "-c", "safe.directory=*", "-C", self.kdir, "archive", self.commit, "--", *self.paths],
                                   stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-f", "-", "-C", tree], stdin=archive.stdout, check=True)
        archive.stdout.close()
        if archive.wait():
            raise Wrong(f"{self.kdir}: git archive {self.name} failed")
        return tree, self.objects


class Directory(Tree):
    parent = ""

    def __init__(self, path, objects):
        self.path, self.objects = path, objects
        tops = [os.path.join(path, name) for name in ("arch/x86/kvm", "arch/x86/include", "virt/kvm")]
        paths = [one for one in files_below(*tops) if one.endswith((".c", ".h"))]
        if not paths:
            raise Wrong(f"{path}: no kernel tree")
        release = os.path.join(objects, "include/generated/utsrelease.h")
        if os.path.exists(release):
            paths.append(release)
        super().__init__(os.path.basename(os.path.abspath(path)), path, digest_of_files(paths))

    def put(self, work):
        return self.path, self.objects


def first_error(output):
    """The compiler's first error, or what kernel-engine says."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line] or lines or ["no output"]
    line = errors[0]
    at = line.find("arch/x86/")
    return line[at:] if at > 0 and "error:" in line else line


class Engines:
    """Makes them in @cache, each once."""

    def __init__(self, cache, objects):
        self.cache = cache
        generated = [os.path.join(objects, "include/generated", name) for name in ("autoconf.h", "utsrelease.h")] if objects else []
        self.setting = digest(ours(), digest_of_files([path for path in generated if os.path.exists(path)]))

    def path(self, tree):
        return os.path.join(self.cache, digest(tree.key, self.setting) + ".so")

    def failure(self, tree):
        """Why there is no engine of @tree; None: there is one, or nobody has tried."""
        try:
            with open(self.path(tree) + ".failed", encoding="utf-8") as file:
                return file.read().strip()
        except FileNotFoundError:
            return None

    def known(self, tree):
        return os.path.exists(self.path(tree)) or self.failure(tree) is not None

    def make(self, tree, work):
        os.makedirs(work, exist_ok=True)
        directory, objects = tree.put(work)
        out = self.path(tree)
        # A checkout that this is in is not the tree's.
        environment = os.environ | {"GIT_CEILING_DIRECTORIES": work}
        status, output = processes.run(
            [os.path.join(TOP, "scripts/kernel-engine"), "--name", tree.name, "--out", out, directory, objects], env=environment)
        if status not in (0, 2):
            raise Wrong(f"{tree.name}: kernel-engine ended with {status}")
        if status:
            with open(out + ".failed.new", "w", encoding="utf-8") as file:
                file.write(first_error(output) + "\n")
            os.replace(out + ".failed.new", out + ".failed")
