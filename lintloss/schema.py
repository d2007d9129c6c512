"""The JSON schema of the settings, for editors that complete and check TOML; made from `Settings` itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from lintloss.config import default_of, options, type_of

FILE = Path(__file__).with_name("settings.schema.json")


def settings_schema() -> dict[str, Any]:
    """Return the schema of a lintloss.toml, and of `tool.lintloss` in a pyproject.toml, as JSON data."""
    properties = {
        key: {
            "description": option.metadata["help"],
            **_of_type(type_of(option)),
            "default": json.loads(json.dumps(default_of(option))),
        }
        for key, option in options().items()
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:lintloss:settings",
        "title": "Settings of lintloss",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def for_validate_pyproject(tool: str) -> dict[str, Any]:
    """Tell validate-pyproject, which finds this by its entry point, what `[tool.lintloss]` may hold."""
    return settings_schema()


def render() -> str:
    """Return the schema as the text that is shipped in `settings.schema.json`."""
    return json.dumps(settings_schema(), indent=2, ensure_ascii=False) + "\n"


def _of_type(expected: Any) -> dict[str, Any]:
    origin, inner = get_origin(expected), get_args(expected)
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _of_type(inner[0])}
    if origin is not None:
        return {"type": "object", "additionalProperties": _of_type(inner[1])}
    return {"type": "boolean" if expected is bool else "string"}
