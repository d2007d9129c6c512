"""What some settings can be: apart from the settings, so that the command line need not load these to name them."""

from __future__ import annotations

from typing import Literal

FailOn = Literal["error", "warning", "undecided"]
Backend = Literal["tensorflow", "jax", "torch"]
SeverityName = Literal["error", "warning"]
