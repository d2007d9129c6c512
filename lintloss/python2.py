"""Python 2, and Python 3 before 3.7: code with print statements and the like, read as today's for the analysis.

The translation keeps rows, so that findings stand where the user looks; columns can move by what a fixer adds.
Such code gets no fixes: what would be edited is not what is on disk.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr

_FIXERS = ("print", "except", "exec", "raise", "repr", "ne", "numliterals", "backtick", "has_key")
_LOOKS_LIKE = re.compile(
    r"""^[ \t]*print[ \t]+[^(\s=] | ^[ \t]*print[ \t]*$ | \bexcept\b[^:\n]+,\s*\w+\s*: | <> | ` | \bexec\s+["']
    | ^[ \t]*raise\s+\w+\s*, | \b0[0-7]+\b | \bur["'] | \d[lL]\b""",
    re.MULTILINE | re.VERBOSE,
)

# A name until Python 3.7 made it a keyword: `tensor.cuda(async=True)`.
_ASYNC = re.compile(r"\basync\b(?=\s*[=,.)\]])")


def as_python3(code: str) -> str | None:
    """The code as today's Python 3 with the same rows, or None if it is none of older versions either."""
    renamed = _ASYNC.sub("Async", code)
    if not _LOOKS_LIKE.search(renamed):
        return renamed if renamed != code else None
    code = renamed
    import logging

    try:
        from fissix import refactor
        from fissix.pgen2.parse import ParseError
        from fissix.pgen2.tokenize import TokenError
    except ImportError:
        return None
    logging.getLogger("RefactoringTool").setLevel(logging.ERROR)
    available = {name.rsplit(".fix_", 1)[-1]: name for name in refactor.get_fixers_from_package("fissix.fixes")}
    tool = refactor.RefactoringTool([available[name] for name in _FIXERS if name in available])
    try:
        with redirect_stderr(io.StringIO()):
            tree = tool.refactor_string(code.expandtabs(8) + "\n", "")
    except (ParseError, TokenError, IndentationError, RecursionError, ValueError):
        return None
    text = str(tree)[:-1]
    return text if text.count("\n") == code.count("\n") else None
