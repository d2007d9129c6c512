"""Comments that silence findings, and those among them that silence nothing.

loss = ce(labels, probs)  # lintloss: ignore[LL101, LL102] the model is frozen
loss = ce(labels, probs)  # lintloss: ignore
loss = ce(labels, probs)  # noqa: LL101
# lintloss: ignore-file[LL301]
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lintloss.finding import Applicability, Edit, Finding, Fix, Severity, Span
from lintloss.sources import Source

UNUSED = "LL002"

_OWN = re.compile(r"#\s*lintloss:\s*ignore(?P<file>-file)?\b\s*(?:\[(?P<codes>[^\]]*)\])?[^#]*", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+)*))?[^#]*", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]+[0-9]+")
_CODES_OF_LINTLOSS = re.compile(r"LL[0-9]+")


@dataclass
class _Comment:
    """One suppression: which codes (None: all) on which rows of the text (None: the whole file)."""

    codes: tuple[str, ...] | None
    rows: range | None
    row: int
    start: int  # 0-based columns of the comment, or of its part that speaks to lintloss
    end: int
    is_noqa: bool
    used: set[str] = field(default_factory=set)

    def silences(self, code: str, rows: range) -> bool:
        if self.codes is not None and code not in self.codes:
            return False
        return self.rows is None or self._touches(rows)

    def _touches(self, rows: range) -> bool:
        assert self.rows is not None
        # The comment's own row, or the row that begins or ends the statement around the finding.
        return self.row in rows or (
            self.row in (self.rows.start, self.rows.stop - 1)
            and self.rows.start < rows.stop
            and rows.start < self.rows.stop
        )


class Suppressions:
    """The suppression comments of one source; they remember which of them were of use."""

    def __init__(self, source: Source, comments: list[_Comment]) -> None:
        self._source = source
        self._comments = comments

    @classmethod
    def parse(cls, source: Source) -> Suppressions:
        """Find the suppression comments of a source; strings that look like them are none."""
        if "lintloss:" not in source.text.lower() and "noqa" not in source.text.lower():
            return cls(source, [])
        return cls(source, list(_comments(source.text)))

    @staticmethod
    def may_be_in(text: str) -> bool:
        """Whether a text may hold a comment that silences lintloss, or that would do so for nothing."""
        return "lintloss:" in text.lower() or _CODES_OF_LINTLOSS.search(text) is not None

    def suppresses(self, finding: Finding) -> bool:
        """Whether a comment silences `finding`; every one that does counts as used."""
        cell = finding.span.cell
        first = self._source.text_row(cell, finding.span.start.row)
        last = self._source.text_row(cell, finding.span.end.row)
        rows = range(first, last + 1)
        matching = [each for each in self._comments if each.silences(finding.code, rows)]
        for comment in matching:
            comment.used.add(finding.code)
        return bool(matching)

    def unused(self, dormant: Collection[str] = ()) -> list[Finding]:
        """Return an LL002 finding for each comment that silenced nothing, or names too many codes.

        `dormant` are the rules that did not run: nothing is known of comments that name them.
        """
        return [finding for comment in self._comments for finding in self._unused(comment, dormant)]

    def _unused(self, comment: _Comment, dormant: Collection[str]) -> Iterator[Finding]:
        if comment.codes is None:
            # A bare noqa speaks to other linters too.
            if not comment.used and not comment.is_noqa:
                yield self._finding(comment, "this comment suppresses nothing", None)
            return
        ours = [code for code in comment.codes if not comment.is_noqa or _CODES_OF_LINTLOSS.fullmatch(code)]
        idle = [code for code in ours if code not in comment.used and code not in dormant]
        if not idle or UNUSED in ours:
            return
        kept = [code for code in comment.codes if code not in idle]
        message = f"this comment suppresses no {' or '.join(idle)}"
        yield self._finding(comment, message, kept or None)

    def _finding(self, comment: _Comment, message: str, kept: list[str] | None) -> Finding:
        span = self._span(comment.row, comment.start, comment.row, comment.end)
        title = "Remove the comment" if kept is None else "Remove the codes"
        edit = self._removal(comment) if kept is None else Edit(span, self._shortened(comment, kept))
        fix = Fix(Applicability.SAFE, title, (edit,)) if self._source.fixable else None
        return Finding(UNUSED, "unused-suppression", Severity.WARNING, message, span, fix)

    def _shortened(self, comment: _Comment, kept: list[str]) -> str:
        return _with_codes(self._line(comment.row)[comment.start : comment.end], comment, kept)

    def _removal(self, comment: _Comment) -> Edit:
        """Take the comment out with the space before it, or the whole line if it holds no more."""
        line = self._line(comment.row)
        before, after = line[: comment.start].rstrip(), line[comment.end :]
        if before or after:
            return Edit(self._span(comment.row, len(before), comment.row, comment.end), "")
        return Edit(self._span(comment.row, 0, comment.row + 1, 0), "")

    def _span(self, row: int, start: int, end_row: int, end: int) -> Span:
        return self._source.span(row, start + 1, end_row, end + 1)

    def _line(self, row: int) -> str:
        start = self._source.row_starts[row - 1]
        end = self._source.text.find("\n", start)
        return self._source.text[start : end if end >= 0 else None]


def ignoring(source: Source, findings: Iterable[Finding], reason: str = "") -> list[Edit]:
    """Return the edits that silence findings: a comment at the end of each statement that holds some.

    A comment of lintloss that stands in the statement is given the codes; `reason` is for new ones. Findings in
    text that cannot be tokenized are left alone.
    """
    codes: dict[int, set[str]] = {}
    ends = _statement_ends(source.text)
    for finding in findings:
        row = source.text_row(finding.span.cell, finding.span.start.row)
        if row in ends:
            codes.setdefault(ends[row], set()).add(finding.code)
    comments = [each for each in _comments(source.text) if each.codes and each.rows and not each.is_noqa]
    return [_ignoring(source, comments, row, wanted, reason) for row, wanted in sorted(codes.items())]


def _ignoring(source: Source, comments: Iterable[_Comment], row: int, codes: set[str], reason: str) -> Edit:
    """Silence `codes` in the statement that ends in `row`."""
    for comment in comments:
        assert comment.codes is not None
        assert comment.rows is not None
        if comment.rows.stop - 1 == row and comment.row in (comment.rows.start, row):
            span = source.span(comment.row, comment.start + 1, comment.row, comment.end + 1)
            line = source.lines[comment.row - 1][comment.start : comment.end]
            kept = (*comment.codes, *sorted(codes.difference(comment.codes)))
            return Edit(span, _with_codes(line, comment, kept))
    end = len(source.lines[row - 1].rstrip()) + 1
    text = f"  # lintloss: ignore[{', '.join(sorted(codes))}] {reason}"
    return Edit(source.span(row, end, row, len(source.lines[row - 1]) + 1), text.rstrip())


def _statement_ends(text: str) -> dict[int, int]:
    """Return the last row of the logical line that each row of code belongs to."""
    ends: dict[int, int] = {}
    first: int | None = None
    for token in _tokens(text):
        if token.type == tokenize.NEWLINE:
            ends |= dict.fromkeys(range(first or token.start[0], token.start[0] + 1), token.start[0])
            first = None
        elif token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT):
            first = first or token.start[0]
    return ends


def _with_codes(text: str, comment: _Comment, codes: Sequence[str]) -> str:
    """Return a comment's text with other codes in the place of its own."""
    first = next(_CODE.finditer(text, text.index("[" if not comment.is_noqa else ":")))
    *_, last = _CODE.finditer(text, first.start(), _codes_end(comment, text))
    return text[: first.start()] + ", ".join(codes) + text[last.end() :]


def _codes_end(comment: _Comment, text: str) -> int:
    match = (_NOQA if comment.is_noqa else _OWN).match(text)
    assert match is not None
    return match.end("codes")


def _comments(text: str) -> Iterator[_Comment]:
    for token, statement in _comment_tokens(text):
        for pattern in (_OWN, _NOQA):
            for match in pattern.finditer(token.string):
                yield _comment(token, match, statement, is_noqa=pattern is _NOQA)


def _comment(token: tokenize.TokenInfo, match: re.Match[str], statement: range, *, is_noqa: bool) -> _Comment:
    row, column = token.start
    listed = match["codes"]
    codes = None if listed is None else tuple(code.upper() for code in _CODE.findall(listed))
    of_file = not is_noqa and match["file"] is not None
    end = column + match.start() + len(match[0].rstrip())
    return _Comment(codes, None if of_file else statement, row, column + match.start(), end, is_noqa)


def _comment_tokens(text: str) -> Iterator[tuple[tokenize.TokenInfo, range]]:
    """Yield comments, each with the rows of the logical line that it stands in or behind."""
    waiting: list[tokenize.TokenInfo] = []
    first_row: int | None = None
    for token in _tokens(text):
        if token.type == tokenize.COMMENT:
            waiting.append(token)
        elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            last_row = token.start[0]
            for comment in waiting:
                yield comment, range(first_row or comment.start[0], last_row + 1)
            waiting, first_row = [], None
        elif token.type == tokenize.NL and first_row is None:
            for comment in waiting:  # alone on its line
                yield comment, range(comment.start[0], comment.start[0] + 1)
            waiting = []
        elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            first_row = first_row or token.start[0]


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    """Tokenize as far as it goes: what cannot be tokenized has no statements to silence."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(text).readline)
    except (tokenize.TokenError, SyntaxError):
        return
