"""The settings in effect, as TOML with their origins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lintloss.config import Loaded, options


def render(loaded: Loaded) -> str:
    """Return a line per setting, the way a settings file would have it."""
    lines = [f"# {loaded.file or 'no settings file: all are defaults'}"]
    if loaded.file is not None:
        lines.append(f"# paths and patterns are relative to {loaded.settings.root}")
    for key, option in options().items():
        value = _toml(getattr(loaded.settings, option.name))
        lines.append(f"{key} = {value}  # {loaded.origin(key)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, Path):
        return json.dumps(str(value))
    return json.dumps(value, ensure_ascii=False)
