# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets pytest speak TAP, which tests/run reads, and finds the packages."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts")]


class Tap:
    """One line for each test; what a test printed and why it failed as comments after it."""

    def __init__(self, out):
        self.out = out
        self.count = 0

    def say(self, verdict, name, *comments):
        self.count += 1
        self.out.line(f"{verdict} {self.count} - {name}")
        for comment in (line for text in comments for line in str(text).splitlines()):
            self.out.line("# " + comment)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("/")[-1].replace("#", "")
        if report.skipped:
            self.say("ok", f"{name} # SKIP {report.longrepr[2].removeprefix('Skipped: ')}")
        elif report.failed:
            # The reason first: a log that is cut short loses its end.
            crash = getattr(report.longrepr, "reprcrash", None)
            self.say("not ok", f"{name} ({report.when})", crash or "", report.longreprtext, report.capstdout,
                     report.capstderr)
        elif report.when == "call":
            self.say("ok", name, report.capstdout)

    @pytest.hookimpl
    def pytest_collectreport(self, report):
        if report.failed:
            self.say("not ok", report.nodeid, report.longreprtext)

    @pytest.hookimpl
    def pytest_sessionfinish(self):
        self.out.line(f"1..{self.count}")


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    if config.getoption("tap"):
        out = config.get_terminal_writer()
        config.pluginmanager.unregister(name="terminalreporter")
        config.pluginmanager.register(Tap(out))


def pytest_addoption(parser):
    parser.addoption("--tap", action="store_true", help="speak TAP")
