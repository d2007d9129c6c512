"""What a person should know of a baseline: that it left findings out, and what of it has become of no use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lintloss.baseline import FILE_NAME, Entry

_MOST_NAMED = 5


def notes(known: int, stale: Sequence[Entry]) -> Iterator[str]:
    """Yield a line each; `known` findings were left out, and `stale` entries match nothing any more."""
    if known:
        yield f"{known} known, left out ({FILE_NAME})"
    for entry in stale[:_MOST_NAMED]:
        yield f"{FILE_NAME}: gone from {entry.path}: {entry.rule} {entry.line}"
    if len(stale) > _MOST_NAMED:
        yield f"{FILE_NAME}: {len(stale) - _MOST_NAMED} more are gone"
    if stale:
        yield f"{FILE_NAME}: `lintloss baseline` writes it anew, without what is gone"
