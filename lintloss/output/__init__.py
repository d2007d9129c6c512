"""Reports as text for people and machines: one module per format, loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from lintloss.finding import Report
    from lintloss.output.context import Context

_MODULES = {
    "text": "text",
    "concise": "concise",
    "json": "json",
    "json-lines": "json_lines",
    "github": "github",
    "gitlab": "gitlab",
    "sarif": "sarif",
    "junit": "junit",
    "html": "html",
}

FORMATS = tuple(_MODULES)
FOR_PEOPLE = frozenset({"text", "concise"})
WITH_EVIDENCE = frozenset({"html"})  # what is verified for these is trained as well


class _Format(Protocol):
    def render(self, report: Report, context: Context) -> str: ...


def render(report: Report, name: str, context: Context) -> str:
    """Return the report in the format `name`, one of `FORMATS`, ending in a newline unless empty."""
    module = import_module(f"lintloss.output.{_MODULES[name]}")
    return cast(_Format, module).render(report, context)
