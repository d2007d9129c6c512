"""Names: those that already mean a value, new ones that nothing else uses, and how a file spells an API."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import libcst as cst

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.facts import SQUASHING
from lintloss.analysis.objects import Deferred
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Api, Term
from lintloss.fixes.places import Placed, around, between, nearest
from lintloss.sources import Source

_ACTIVATION = re.compile(rf"""(?:\.|["'])(?:{"|".join(SQUASHING)})\b|\b(?:{"|".join(SQUASHING)})\(""")


def naming(value: Term, scope: Mapping[str, Term], preferred: str | None = None) -> str | None:
    """A name that is bound to exactly this value: the preferred one, else one that says logits, else the shortest."""
    names = [name for name, term in scope.items() if term is value and name.isidentifier()]
    return min(names, key=lambda name: (name != preferred, "logit" not in name, len(name), name), default=None)


def last(node: cst.BaseExpression) -> str:
    """The last part of a dotted name; nothing for any other expression."""
    found = node.attr if isinstance(node, cst.Attribute) else node
    return found.value if isinstance(found, cst.Name) else ""


def targets(node: cst.BaseExpression) -> set[str]:
    """The plain names that a target binds."""
    if isinstance(node, (cst.Tuple, cst.List)):
        return {name for element in node.elements for name in targets(element.value)}
    return {node.value} if isinstance(node, cst.Name) else set()


def bindings(place: NodeOrigin, name: str) -> int:
    """How often `name` is bound in the function around a node, or at the top level of its file."""
    return sum(each == name for each in _bound_names(_region(place)))


def is_parameter(place: NodeOrigin, name: str) -> bool:
    """Whether `name` is a parameter of a function around a node."""
    functions = (each.node for each in around(place) if isinstance(each.node, cst.FunctionDef))
    params = (function.params for function in functions if isinstance(function, cst.FunctionDef))
    every = ((*each.posonly_params, *each.params, *each.kwonly_params) for each in params)
    return any(parameter.name.value == name for listed in every for parameter in listed)


def calls_of(source: Source, name: str) -> int:
    """How often something of that name is called in a file."""
    called = (node.func for node in ast.walk(_tree(source.text)) if isinstance(node, ast.Call))
    return sum(name in (getattr(function, "id", None), getattr(function, "attr", None)) for function in called)


def fresh(place: NodeOrigin, stem: str, target: str | None) -> str:
    """A name for a new variable in the function that `place` stands in.

    Several activations in one function may be named in the same run, each by a fix of its own: they must not get
    the same name.
    """
    region = _region(place)
    used = set(_all_names(region))
    is_only = len(_ACTIVATION.findall(region)) <= 1
    wanted = stem if is_only or not target or list(_bound_names(region)).count(target) != 1 else f"{target}_{stem}"
    if not is_only and wanted == stem:
        wanted = f"{stem}_{_ordinal(place)}"
    return next(name for name in _numbered(wanted) if name not in used)


def _ordinal(place: NodeOrigin) -> int:
    """Which activation of its file `place` is, counted by rows: different for different statements."""
    row = place.unit.rows(place.node)[0]
    above = "\n".join(place.unit.source.lines[: row - 1])
    return len(_ACTIVATION.findall(above)) + 1


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 0
    while True:
        number += 1
        yield f"{name}_{number}"


def _region(place: NodeOrigin) -> str:
    """The code of the outermost function around a node; without one, that of the file."""
    functions = [each for each in around(place) if isinstance(each.node, cst.FunctionDef)]
    if not functions:
        return place.unit.source.text
    return _dedented(functions[-1])


def _dedented(function: NodeOrigin) -> str:
    bare = function.node.with_changes(leading_lines=(), decorators=())
    return cst.Module(body=[cst.ensure_type(bare, cst.FunctionDef)]).code


@lru_cache(maxsize=32)
def _tree(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module([], [])


def tree_of(source: Source) -> ast.Module:
    """The file's syntax tree, of `ast`'s kind."""
    return _tree(source.text)


def _all_names(text: str) -> Iterator[str]:
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]


def _bound_names(text: str) -> Iterator[str]:
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def attributes_set(source: Source, name: str) -> int:
    """How often an attribute of that name is given a value in a file; `None` counts as none."""
    tree = _tree(source.text)
    stored = sum(
        isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )
    return stored - sum(_clears(node, name) for node in ast.walk(tree))


def _clears(node: ast.AST, name: str) -> bool:
    """Whether a statement is `self.name = None`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant) or node.value.value is not None:
        return False
    return len(node.targets) == 1 and isinstance(node.targets[0], ast.Attribute) and node.targets[0].attr == name


def fresh_attribute(place: NodeOrigin, stem: str, target: str) -> str:
    """An attribute that nothing in the file has, for the value that goes into what `target` holds."""
    tree = _tree(place.unit.source.text)
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    is_only = len(_ACTIVATION.findall(place.unit.source.text)) <= 1
    return next(name for name in _numbered(stem if is_only else f"{target}_{stem}") if name not in used)


def receiver(place: NodeOrigin) -> str | None:
    """The first parameter of the method that a node stands in."""
    function = nearest(place, cst.FunctionDef)
    if function is None or nearest(function, cst.ClassDef) is None:
        return None
    params = cst.ensure_type(function.node, cst.FunctionDef).params.params
    return params[0].name.value if params else None


# -- how a file spells an API --------------------------------------------------------------------------------


class Spelling(NamedTuple):
    """The code that means an API in some file, and the import that it needs, if any."""

    code: str
    edits: tuple[Placed, ...] = ()


def spelling(path: str, scope: Mapping[str, Term], source: Source, book: ApiBook) -> Spelling | None:
    """How to write `path` with what the file has imported, or with one more import from the same package."""
    written = _from_scope(path, _known(scope, source, book), book)
    return Spelling(written) if written is not None else _imported(path, source, book)


def _known(scope: Mapping[str, Term], source: Source, book: ApiBook) -> Mapping[str, str]:
    """The library names that a file may use, by the path they stand for."""
    paths = {name: _library_path(term, book) for name, term in scope.items()}
    bound = {name: path for name, path in paths.items() if path is not None}
    if bound:
        return bound
    assumed = {name: path for name, path in book.conventions.items() if name not in scope}
    return {name: path for name, path in assumed.items() if re.search(rf"\b{name}\.", source.text)}


def _library_path(term: Term, book: ApiBook) -> str | None:
    if isinstance(term, Api):
        return term.path
    if isinstance(term, Deferred) and not term.level and book.knows_root(term.path.split(".")[0]):
        return book.canonical(f"{term.path}.{term.name}" if term.name else term.path)
    return None


def _from_scope(path: str, known: Mapping[str, str], book: ApiBook) -> str | None:
    found: list[tuple[int, int, int, str]] = []
    for dotted in book.spellings(path):
        if book.canonical(dotted) != path:
            continue
        for name, meaning in known.items():
            if dotted == meaning or dotted.startswith(f"{meaning}."):
                code = name + dotted[len(meaning) :]
                found.append((_indirection(dotted, path), code.count("."), len(code), code))
    return min(found)[-1] if found else None


def _indirection(dotted: str, path: str) -> int:
    """0: the name itself; 1: its package inside another (`tensorflow.keras`); 2: another module's re-export."""
    if dotted == path:
        return 0
    return 1 if dotted.endswith(f".{path}") else 2


def _imported(path: str, source: Source, book: ApiBook) -> Spelling | None:
    """An import after the last one from the same package, and the bare name."""
    package, _, rest = path.partition(".")
    module, _, name = rest.rpartition(".")
    if not module or name in set(_all_names(source.text)):
        return None
    last: tuple[str, ast.ImportFrom] | None = None
    for node in _tree(source.text).body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level and node.end_lineno:
            prefix = _prefix(node.module, package, book)
            last = (prefix, node) if prefix is not None else last
    if last is None or last[1].end_lineno is None:
        return None
    row = last[1].end_lineno + 1
    line = f"from {last[0]}.{module} import {name}\n"
    return Spelling(name, (between(source, (row, 1), (row, 1), line),))


def _prefix(module: str, package: str, book: ApiBook) -> str | None:
    """The beginning of an imported module's name that stands for `package`."""
    pieces = module.split(".")
    prefixes = (".".join(pieces[:length]) for length in range(1, len(pieces) + 1))
    return next((prefix for prefix in prefixes if book.canonical(prefix) == package), None)
