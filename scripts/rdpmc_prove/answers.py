# SPDX-License-Identifier: GPL-2.0-or-later
"""What CBMC answered before, in the cache that all checkouts share: a question of the same text is not asked twice."""

import contextlib
import dataclasses
import datetime
import gzip
import hashlib
import json
import os

from rdpmc_machine import cache
from rdpmc_machine.failed import Failed
from rdpmc_results import output

from . import checker

# Of 9 to 260 KB. Those that were used last stay.
MOST = 500


class Answers:
    """The answers that are kept.

    A question is: the version of CBMC and what this program asks of it, the text of each C file as the preprocessor
    gives it, and the theorem. Of a goto program it is what that was made of, which is given."""

    def __init__(self, tools, anew=False, made_of="", work=None):
        """@anew: ask, whatever is there. @made_of: a digest of the goto program. @work: a directory whose name says
        nothing."""
        self.directory = cache.shared("prove", "answers")
        self._anew, self._made_of, self._work = anew, made_of, work
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "checker.py"), "rb") as source:
            self._asker = f"{tools.version()} {hashlib.sha256(source.read()).hexdigest()}"

    def of(self, program, function, options, ask):
        """The answer that is kept, or what ask() returns."""
        path = os.path.join(self.directory, f"{self._key(program, function, options)}.json.gz")
        run = None if self._anew else _read(path)
        if not run:
            run = ask()
            self._write(path, run)
        return run

    def _key(self, program, function, options):
        """A digest of the question."""
        digest = hashlib.sha256(repr((self._asker, self._made_of, function, options)).encode())
        flags, sources = [], []
        for word in program:
            (sources if word.endswith(".c") else flags).append(word)
        flags = [word for word in flags if not word.endswith(".gb")]
        for source in sources:
            done = checker.run(["gcc", "-E", "-D__CPROVER__", *flags, source])
            if done.returncode:
                raise Failed(f"{source} cannot be preprocessed: {(done.stderr.strip().splitlines() or ['no word why'])[0]}")
            text = done.stdout.replace(self._work, "WORK") if self._work else done.stdout
            digest.update(hashlib.sha256(text.encode()).digest())
        return digest.hexdigest()

    def _write(self, path, run):
        os.makedirs(self.directory, exist_ok=True)
        kept = {**dataclasses.asdict(run), "kept": datetime.date.today().isoformat()}
        output.replace(path, gzip.compress(json.dumps(kept).encode()))
        for old in cache.newest_last(self.directory, end=".json.gz")[:-MOST]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(old)


def _read(path):
    """The run that is kept there, or None. What cannot be read is asked again."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            kept = json.load(file)
        kept["properties"] = [checker.Property(**each) for each in kept["properties"]]
        os.utime(path)
        return checker.Run(**kept)
    except (OSError, EOFError, ValueError, LookupError, TypeError):
        return None
