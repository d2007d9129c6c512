"""JUnit XML: a test suite per file, a failure per finding."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree

from lintloss.finding import Finding, Report
from lintloss.output.context import Context, place

# XML 1.0 cannot say these characters, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, context: Context) -> str:
    """Return one XML document; a run without findings holds one passed test."""
    total = str(len(report.findings))
    suites = ElementTree.Element("testsuites", name="lintloss", tests=total, failures=total)
    for filename, group in groupby(report.findings, key=lambda each: each.span.filename):
        findings = list(group)
        count = str(len(findings))
        suite = _child(suites, "testsuite", name=filename, tests=count, failures=count, errors="0")
        for finding in findings:
            _case(suite, finding, context)
    if not report.findings:
        suites.set("tests", "1")
        suite = _child(suites, "testsuite", name="lintloss", tests="1", failures="0", errors="0")
        _child(suite, "testcase", name="no findings", classname="lintloss")
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + _as_text(suites) + "\n"


def _case(suite: ElementTree.Element, finding: Finding, context: Context) -> None:
    name = f"{finding.code} {place(finding.span)}"
    case = _child(
        suite,
        "testcase",
        name=name,
        classname=finding.span.filename,
        file=finding.span.filename,
        line=str(context.file_rows(finding.span)[0]),
    )
    kind = finding.severity.value
    failure = _child(case, "failure", type=kind, message=finding.message)
    failure.text = _clean(f"{place(finding.span)}: {kind} {finding.code} {finding.message}")


def _child(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    cleaned = {key: _clean(value) for key, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, cleaned)


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)


def _as_text(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")
