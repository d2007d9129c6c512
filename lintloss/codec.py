"""Records as plain JSON data and back, by their type hints: what travels to the cache and returns from it.

Records are data classes and named tuples.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def encode(value: Any) -> Any:
    """A value made of records, tuples, enums, strings and numbers as JSON data, each object as a list."""
    if is_dataclass(value) and not isinstance(value, type):
        return [encode(getattr(value, each.name)) for each in fields(value)]
    if isinstance(value, Enum):
        return value.value
    return [encode(each) for each in value] if isinstance(value, (tuple, list)) else value


def decode(kind: type, data: Any) -> Any:
    """What `encode` made `data` from.

    Raises:
        ValueError: the data is of no such kind.
    """
    try:
        return _decoder(kind)(data)
    except (TypeError, KeyError, IndexError) as error:
        raise ValueError(f"no {kind.__name__}: {error}") from error


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    names = _names_of_fields(kind)
    if names is not None:
        hints = get_type_hints(kind)
        parts = [_decoder(hints[name]) for name in names]
        make: Callable[..., Any] = kind
        return lambda data: make(*(part(each) for part, each in zip(parts, data, strict=True)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    arguments = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return _one_of([_decoder(each) for each in arguments])
    if get_origin(kind) is tuple:
        if len(arguments) == 2 and arguments[1] is ...:
            item = _decoder(arguments[0])
            return lambda data: tuple(item(each) for each in data)
        each_part = [_decoder(each) for each in arguments]
        return lambda data: tuple(part(each) for part, each in zip(each_part, data, strict=True))
    return _as_it_is(kind)


def _names_of_fields(kind: Any) -> tuple[str, ...] | None:
    """The names of a record's fields; None for what is no record."""
    if isinstance(kind, type) and is_dataclass(kind):
        return tuple(each.name for each in fields(kind))
    return getattr(kind, "_fields", None)


def _one_of(decoders: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def decode_any(data: Any) -> Any:
        for decoder in decoders:
            try:
                return decoder(data)
            except (ValueError, TypeError):
                continue
        raise ValueError(f"none of the kinds allowed: {data!r}")

    return decode_any


def _as_it_is(kind: Any) -> Callable[[Any], Any]:
    wanted = (int, float) if kind is float else kind

    def check(data: Any) -> Any:
        if not isinstance(data, wanted):
            raise ValueError(f"not {kind}: {data!r}")
        return data

    return check
