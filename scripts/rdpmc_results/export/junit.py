# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit XML as the schema of Jenkins' xUnit plugin has it: a testsuite for each result, a testcase
for each row, its figures in system-out. https://github.com/jenkinsci/xunit-plugin, junit-10.xsd

A testcase's time is what it took, where that is known; the time of a read is in the figures."""

from xml.etree import ElementTree

from .cases import FAILED, SKIPPED, suites
from .found import context, started


def testcase(suite, kind, case):
    group = f"rdpmc.{kind}.{case.group}" if case.group else f"rdpmc.{kind}"
    made = ElementTree.SubElement(suite, "testcase", classname=group, name=case.name)
    if case.seconds is not None:
        made.set("time", f"{case.seconds:.3f}")
    if case.verdict == FAILED:
        ElementTree.SubElement(made, "failure", type="failed", message=case.reason)
    if case.verdict == SKIPPED:
        ElementTree.SubElement(made, "skipped", message=case.reason)
    if case.figures:
        ElementTree.SubElement(made, "system-out").text = "\n".join(
            f"{what} {value!r}" for what, value in case.figures.items())


def render(found, options):
    root = ElementTree.Element("testsuites")
    for at, (result, cases) in enumerate(suites(found)):
        known = context(result)
        counts = {verdict: sum(case.verdict == verdict for case in cases)
                  for verdict in (FAILED, SKIPPED)}
        suite = ElementTree.SubElement(
            root, "testsuite", id=str(at), name=f"rdpmc {result.kind}", hostname=known["host"],
            timestamp=started(result, "%Y-%m-%dT%H:%M:%S"), tests=str(len(cases)), errors="0",
            failures=str(counts[FAILED]), skipped=str(counts[SKIPPED]))
        properties = ElementTree.SubElement(suite, "properties")
        for what, value in known.items():
            ElementTree.SubElement(properties, "property", name=what, value=value)
        for case in cases:
            testcase(suite, result.kind, case)
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' \
        + ElementTree.tostring(root, encoding="unicode") + "\n"
