"""Syntax on demand: a file is indexed by `ast`, and of its pieces only those become LibCST's that someone asks for.

A `Unit` is a piece that is walked on its own: a run of top-level statements, one function, one method.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import libcst as cst

from lintloss.analysis import codegen
from lintloss.analysis.codegen import Place
from lintloss.analysis.lowering import DEEPEST, Lowered, NotLowered
from lintloss.finding import Span
from lintloss.sources import Source

# LibCST's native parser recurses without a check and would take the process down where code is nested too deep; it
# takes some four kilobytes for each element of a literal, `ast` half of one.
LARGEST_STATEMENT = 60_000
MOST_COMMAS = 400_000
LONGEST_UNIT = 60  # lines of top-level statements
IMPORTS = (ast.Import, ast.ImportFrom)


class Unparsable(Exception):
    """A piece of code that cannot be lowered, or that LibCST must not be given."""


class Refusal(NamedTuple):
    """Why a file's code is not looked into, and where that shows."""

    reason: str
    row: int = 1
    column: int = 1


@dataclass(eq=False)
class Unit:
    """Lines `first` to `last` of a source (1-based, inclusive).

    The analysis walks its lowered `body`. Fixes, which need to know how code is written, have LibCST parse the
    unit's `module`.
    """

    source: Source
    first: int
    last: int
    indented: bool = False
    statements: list[ast.stmt] = field(default_factory=list, repr=False)
    _exact: dict[int, cst.CSTNode] = field(default_factory=dict, repr=False)

    @cached_property
    def _lowered(self) -> Lowered:
        try:
            return Lowered(self.statements, self.source.lines)
        except (NotLowered, cst.ParserSyntaxError) as error:
            raise Unparsable from error

    @cached_property
    def module(self) -> cst.Module:
        """The piece as LibCST parses it. Raises `Unparsable`."""
        if _excess(self.statements, self.source) is not None:
            raise Unparsable
        lines = self.source.lines[self.first - 1 : self.last]
        text = "\n".join(lines) + "\n"
        # A method keeps its indentation: the line put before it makes the piece a module of its own.
        try:
            return cst.parse_module("class _:\n" + text if self.indented else text)
        except (cst.ParserSyntaxError, UnicodeError) as error:
            raise Unparsable from error

    @cached_property
    def _layout(self) -> codegen.Layout:
        return codegen.layout(self.module)

    @property
    def is_silent(self) -> bool:
        """Whether running the unit does nothing: it is a docstring."""
        return all(isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in self.statements)

    @property
    def is_of_imports(self) -> bool:
        """Whether the unit imports, and does nothing else."""
        return all(isinstance(statement, IMPORTS) for statement in self.statements)

    @cached_property
    def states_facts(self) -> bool:
        """Whether comments may state facts of what its code binds."""
        return any("lintloss:" in line for line in self.source.lines[self.first - 1 : self.last])

    @property
    def body(self) -> Sequence[cst.BaseStatement]:
        """The unit's statements, lowered. Raises `Unparsable`."""
        return self._lowered.body

    def trees(self, node: cst.CSTNode) -> list[ast.AST]:
        """What a lowered node of this unit is made of."""
        origin = self._lowered.made_of(node)
        return [origin] if isinstance(origin, ast.AST) else [*(origin or ())]

    def exact(self, node: cst.CSTNode) -> cst.CSTNode:
        """A lowered node as LibCST parses it; any other node is given back. Raises `Unparsable`.

        It is the outermost node of its kind within its place.
        """
        if self._lowered.place(node) is None:
            return node
        if id(node) not in self._exact:
            self._exact[id(node)] = self._search(node)
        return self._exact[id(node)]

    def _search(self, node: cst.CSTNode) -> cst.CSTNode:
        top, left, bottom, right = self.rows(node)
        start, end = (top - self._shift, left), (bottom - self._shift, right)
        kind = cst.BaseString if isinstance(node, cst.BaseString) else type(node)
        for found in self._layout.nodes:
            if isinstance(found, kind):
                place = self._layout.places[id(found)]
                if start <= place[:2] and place[2:] <= end:
                    return found
        return node

    def around(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The node around one that LibCST has parsed; None around all of the unit. Raises `Unparsable`."""
        return self._layout.around.get(id(node))

    @property
    def _shift(self) -> int:
        """The rows of the source before those of `module`."""
        return self.first - 1 - self.indented

    def span(self, node: cst.CSTNode) -> Span:
        """Where `node`, a node of this unit, stands in the file."""
        return self.source.span(*self.rows(node))

    def rows(self, node: cst.CSTNode) -> Place:
        """Like `span`, in rows and columns of `source.text`."""
        place = self._lowered.place(node)
        if place is None and "module" in vars(self):  # a node that LibCST has parsed, if it is of this unit at all
            found = self._layout.places.get(id(node))
            if found is not None:
                top, left, bottom, right = found
                place = (top + self._shift, left, bottom + self._shift, right)
        return place or (self.first, 1, self.first, 1)

    def code(self, node: cst.CSTNode) -> str:
        """A node's text as it stands in the file."""
        top, left, bottom, right = self.rows(node)
        return self.source.text[self.source.offset(top, left) : self.source.offset(bottom, right)]


class NodeOrigin:
    """The origin of a term: a node of a unit."""

    __slots__ = ("lowered", "unit")  # one is made for each node that is evaluated

    def __init__(self, unit: Unit, lowered: cst.CSTNode) -> None:
        self.unit = unit
        self.lowered = lowered

    @property
    def node(self) -> cst.CSTNode:
        """The node as LibCST parses it. Raises `Unparsable`."""
        return self.unit.exact(self.lowered)

    @property
    def span(self) -> Span:
        return self.unit.span(self.lowered)

    @property
    def code(self) -> str:
        return self.unit.code(self.lowered)

    @property
    def key(self) -> tuple[int, int]:
        """Equal for origins at the same node."""
        return (id(self.unit), id(self.lowered))


@dataclass(eq=False)
class FunctionCode:
    """A function's code; its LibCST node is made when it is first called.

    `stated` are the facts that comments state of its parameters, once someone has asked.
    """

    name: str
    unit: Unit
    first: int
    last: int
    _node: cst.FunctionDef | cst.Lambda | None = None
    stated: Mapping[str, str] | None = None

    @cached_property
    def tree(self) -> ast.stmt | None:
        """The definition as `ast` sees it; None for a lambda."""
        if self.first:
            return self.unit.statements[0]
        node = self.node
        found = self.unit.trees(node)[0] if isinstance(node, cst.FunctionDef) else None
        return found if isinstance(found, ast.stmt) else None

    @property
    def node(self) -> cst.FunctionDef | cst.Lambda | None:
        """The definition, or None if it cannot be lowered."""
        if self._node is None:
            try:
                found = [statement for statement in self.unit.body if isinstance(statement, cst.FunctionDef)]
            except Unparsable:
                return None
            self._node = found[-1] if found else None
        return self._node


@dataclass(eq=False)
class ClassCode:
    """A class' code: its methods, and the rest of its body in order.

    `fields` are the names that its body annotates: what a data class or a named tuple is made of.
    """

    name: str
    unit: Unit
    first: int
    last: int
    bases: list[str]
    methods: dict[str, FunctionCode]
    decorated: dict[str, tuple[str, ...]]
    rest: list[Unit]
    node: cst.ClassDef | None = None
    decorators: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(eq=False)
class ModuleCode:
    """A file's top level in order: runs of statements, functions and classes. `broken` says why there are none."""

    source: Source
    items: list[Unit | FunctionCode | ClassCode]
    broken: Refusal | None = None
    body: list[ast.stmt] = field(default_factory=list, repr=False)

    @cached_property
    def refusal(self) -> Refusal | None:
        """Why the file cannot be analysed: it is broken, or some of it is too deep or too large to be parsed."""
        return self.broken or _excess(self.body, self.source)


def index(source: Source) -> ModuleCode:
    """Index a file, read as Python 2 if it is no Python 3. One that cannot be parsed has `broken` set."""
    code = _index(source)
    if code.broken is not None and not source.is_notebook:
        from lintloss import python2

        older = python2.as_python3(source.text)
        translated = _index(replace(source, text=older)) if older is not None else code
        if translated.broken is None:
            return translated
    return code


def _index(source: Source) -> ModuleCode:
    commas = source.text.count(",")
    if commas > MOST_COMMAS:
        return ModuleCode(source, [], Refusal(f"too large: {commas:,} commas"))
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        message = error.msg or "invalid syntax"
        if "too many nested" in message:
            message = f"too deep: {message}"
        return ModuleCode(source, [], Refusal(message, error.lineno or 1, error.offset or 1))
    except (RecursionError, MemoryError):
        return ModuleCode(source, [], Refusal("too deep to parse"))
    except ValueError as error:
        return ModuleCode(source, [], Refusal(str(error)))
    return ModuleCode(source, _items(source, tree.body, indented=False), body=tree.body)


def _excess(body: Iterable[ast.stmt], source: Source) -> Refusal | None:
    """What of these statements LibCST must not be given: its parser would take all memory, or the process down."""
    for statement in body:
        if _nesting(statement, source) > DEEPEST and _size(statement)[0] > DEEPEST:
            return Refusal(f"too deep: nested more than {DEEPEST} levels", statement.lineno)
        if (
            not isinstance(statement, (ast.ClassDef, ast.FunctionDef))
            and _length(statement, source) > LARGEST_STATEMENT
        ):
            parts = _size(statement)[1]
            if parts > LARGEST_STATEMENT:
                return Refusal(f"too large: a statement of {parts:,} parts", statement.lineno)
    return None


def _items(source: Source, body: list[ast.stmt], *, indented: bool) -> list[Unit | FunctionCode | ClassCode]:
    items: list[Unit | FunctionCode | ClassCode] = []
    for statement in body:
        first, last = first_row(statement), statement.end_lineno or statement.lineno
        previous = items[-1] if items else None
        if isinstance(previous, Unit) and first <= previous.last:
            previous.last = max(previous.last, last)  # `a = 1; b = 2` on one line
            previous.statements.append(statement)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            items.append(FunctionCode(statement.name, Unit(source, first, last, indented, [statement]), first, last))
        elif isinstance(statement, ast.ClassDef) and not indented:
            items.append(_class(source, statement, first, last))
        elif isinstance(previous, Unit) and _belong_together(previous, statement, last):
            previous.last = last
            previous.statements.append(statement)
        else:
            items.append(Unit(source, first, last, indented, [statement]))
    return items


def _belong_together(unit: Unit, statement: ast.stmt, last: int) -> bool:
    """Whether a statement becomes part of the unit before it: of one kind with it, and no longer than a page."""
    are_of_a_kind = unit.is_of_imports is isinstance(statement, IMPORTS)
    return are_of_a_kind and last - unit.first < LONGEST_UNIT


def _class(source: Source, statement: ast.ClassDef, first: int, last: int) -> ClassCode:
    inner = _items(source, statement.body, indented=True)
    one_line = statement.body[0].lineno == statement.lineno
    methods = {} if one_line else {item.name: item for item in inner if isinstance(item, FunctionCode)}
    decorated = {
        child.name: tuple(ast.unparse(decorator) for decorator in child.decorator_list)
        for child in statement.body
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and child.decorator_list
    }
    rest = [] if one_line else [item for item in inner if isinstance(item, Unit)]
    bases = [ast.unparse(base) for base in statement.bases]
    unit = Unit(source, first, last, False, [statement])
    decorators = tuple(ast.unparse(decorator) for decorator in statement.decorator_list)
    fields = tuple(
        child.target.id
        for child in statement.body
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    )
    return ClassCode(
        statement.name, unit, first, last, bases, methods, decorated, rest, decorators=decorators, fields=fields
    )


def first_row(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", ())
    rows: list[int] = [statement.lineno, *(decorator.lineno for decorator in decorators)]
    return min(rows)


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements in a body and below, in order."""
    for statement in body:
        yield statement
        if isinstance(statement, COMPOUND):
            for block in blocks(statement):
                yield from statements(block)


def nodes(trees: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of some trees, without those that only say what is read or written, and how."""
    pending = [*trees]
    while pending:
        node = pending.pop()
        yield node
        pending += children(node)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below a node, without those that only say what is read or written, and how."""
    kind = type(node)
    names = _CHILDREN.get(kind)
    if names is None:
        names = _CHILDREN[kind] = tuple(name for name in kind._fields if name not in _NO_CHILDREN)
    found: list[ast.AST] = []
    for name in names:
        value = getattr(node, name, None)
        if type(value) is list:
            found += [part for part in value if isinstance(part, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


# Fields of names, numbers and operators.
_NO_CHILDREN = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "level", "module", "kind", "type_comment", "simple", "is_async", "asname"}
)
_CHILDREN: dict[type[ast.AST], tuple[str, ...]] = {ast.Constant: ()}


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement, in order."""
    yield getattr(statement, "body", [])
    for handler in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield handler.body
    yield getattr(statement, "orelse", [])
    yield getattr(statement, "finalbody", [])


COMPOUND = tuple(kind for kind in ast.stmt.__subclasses__() if "body" in kind._fields)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SHORT = 140


def _nesting(statement: ast.stmt, source: Source, depth: int = 0) -> int:
    """How deep a statement is nested at most: no expression is nested deeper than it has characters."""
    if not isinstance(statement, COMPOUND):
        return depth + _depth(statement, source)
    inner = [_nesting(child, source, depth + 2) for block in blocks(statement) for child in block]
    return max([*inner, *(depth + 2 + _depth(part, source) for part in _head(statement))])


def _head(statement: ast.stmt) -> list[ast.AST]:
    """The parts of a compound statement outside of its blocks."""
    handlers: list[ast.ExceptHandler] = getattr(statement, "handlers", [])
    types: list[ast.AST] = [handler.type for handler in handlers if handler.type is not None]
    within = (ast.stmt, ast.ExceptHandler)
    return [part for part in children(statement) if not isinstance(part, within)] + types


def _depth(node: ast.AST, source: Source) -> int:
    if isinstance(node, (ast.expr, ast.stmt)) and _length(node, source) <= _SHORT:
        return _SHORT + 2
    return _size(node)[0]


def _length(node: ast.expr | ast.stmt, source: Source) -> int:
    """The number of characters, or more, that a node is written in."""
    last = node.end_lineno or node.lineno
    if last == node.lineno:
        return (node.end_col_offset or 0) - node.col_offset
    return sum(map(len, source.lines[node.lineno - 1 : last]))


def _size(tree: ast.AST) -> tuple[int, int]:
    """How deep a tree is nested, and of how many nodes it is made."""
    deepest, nodes = 0, 0
    pending = [(tree, 0)]
    while pending:
        node, depth = pending.pop()
        nodes += 1
        deepest = max(deepest, depth)
        pending += [(child, depth + 1) for child in children(node)]
    return deepest, nodes


def dotted_name(node: ast.AST) -> str | None:
    """`a.b.c` of an attribute, or None if it does not begin with a name."""
    pieces: list[str] = []
    while isinstance(node, ast.Attribute):
        pieces.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(pieces)]) if isinstance(node, ast.Name) else None


def last_name(node: ast.AST) -> str:
    """The last word of a name or of an attribute."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
