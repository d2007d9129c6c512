"""lintloss finds losses that do not fit what they are given, and proves its repairs.

    >>> import lintloss
    >>> findings = lintloss.check_source("import tensorflow as tf")

Importing the package is cheap: neither LibCST nor TensorFlow nor click is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintloss.api import check_paths, check_source, load_settings
    from lintloss.config import Settings
    from lintloss.errors import UsageError
    from lintloss.finding import (
        Applicability,
        Batch,
        CallVerdict,
        Edit,
        Finding,
        Fix,
        FlowStep,
        Location,
        LossCall,
        Report,
        Severity,
        Span,
        Verdict,
        Verification,
    )

__version__ = "0.1.0"

__all__ = [
    "Applicability",
    "Batch",
    "CallVerdict",
    "Edit",
    "Finding",
    "Fix",
    "FlowStep",
    "Location",
    "LossCall",
    "Report",
    "Settings",
    "Severity",
    "Span",
    "UsageError",
    "Verdict",
    "Verification",
    "__version__",
    "check_paths",
    "check_source",
    "load_settings",
]

_ELSEWHERE = {
    "Settings": "lintloss.config",
    "UsageError": "lintloss.errors",
    "check_paths": "lintloss.api",
    "check_source": "lintloss.api",
    "load_settings": "lintloss.api",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "lintloss.finding")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
