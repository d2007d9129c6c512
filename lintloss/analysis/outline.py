"""Outline: which of a file's definitions can lead to a site, told from `ast` without running anything.

A definition *makes* a site where its code names something that makes one (`words.Vocabulary`), calls something by a
name that says it is a loss, or sums up what formulas are made of. It *leads* to one where it makes one or names a
definition that does. What leads nowhere is not walked for its own sake, and a file that makes none not at all.

Names are compared by their last word alone. The one thing taken away is what cannot be meant: a dotted name that
begins with an import is that import's, so `np.log` is no loss and `re.compile` compiles no model; a bare word that the
file binds otherwise is what the file says it is; a string that something is compared with is given to nobody.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lintloss.analysis import cores, deeds, words
from lintloss.analysis.apis import ApiBook
from lintloss.analysis.deeds import Deeds
from lintloss.analysis.syntax import (
    COMPOUND,
    DEFINITIONS,
    IMPORTS,
    ClassCode,
    FunctionCode,
    ModuleCode,
    Unit,
    blocks,
    children,
    dotted_name,
    last_name,
    nodes,
    statements,
)
from lintloss.analysis.words import POWER, Asked, Vocabulary

_DISPLAYS = (ast.Tuple, ast.List, ast.Set)
COMPILE = "compile"
CALLED = frozenset({"__call__", "call", "forward"})  # the methods that calling an object runs
RUN_UNNAMED = CALLED | {"__init__", "__new__"}
_STANDARD = frozenset(sys.stdlib_module_names)


@dataclass(eq=False)
class Outline:
    """What one file's code names."""

    code: ModuleCode
    book: ApiBook
    asked: Asked
    is_defined: Callable[[str], bool] = lambda path: False  # whether a file of the project defines what a path means
    _elsewhere: dict[str, bool] = field(default_factory=dict)
    _deeds: dict[FunctionCode, Deeds] = field(default_factory=dict)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return words.vocabulary(self.book, self.asked)

    @cached_property
    def _lines(self) -> list[bytes]:
        return words.by_line(self.code.source.text)

    @cached_property
    def parts(self) -> list[FunctionCode]:
        """The functions and methods at the file's top."""
        return [part for item in self.code.items for part in _parts(item)]

    @cached_property
    def definitions(self) -> dict[str, list[FunctionCode | ClassCode]]:
        """The functions and classes at the file's top, by name."""
        found: dict[str, list[FunctionCode | ClassCode]] = {}
        for item in self.code.items:
            if not isinstance(item, Unit):
                found.setdefault(item.name, []).append(item)
        return found

    def units_saying(self, name: str) -> list[Unit]:
        """What stands at the file's top outside of definitions and says a name, in order."""
        return self._units_by_word.get(name.encode("utf-8", "replace"), [])

    @cached_property
    def _units_by_word(self) -> dict[bytes, list[Unit]]:
        found: dict[bytes, list[Unit]] = {}
        for item in self.code.items:
            if isinstance(item, Unit):
                for word in set(self._words(item)):
                    found.setdefault(word, []).append(item)
        return found

    @cached_property
    def bound_anew(self) -> frozenset[bytes]:
        """The global names that functions of the file bind: `global FLAG`."""
        if not any(b"global" in line.split() for line in self._lines):
            return frozenset()
        declared = (node for node in statements(self.code.body) if isinstance(node, ast.Global))
        return frozenset(name.encode() for node in declared for name in node.names)

    @cached_property
    def imports_all(self) -> bool:
        """Whether the file imports names that it does not say: `from elsewhere import *`."""
        return "*" in self.imports

    # -- what leads to sites -------------------------------------------------------------------------------------

    @cached_property
    def may_hold_a_site(self) -> bool:
        """Whether any of the file's code may make a site."""
        return bool(self.making) or any(self._makes_at_top(unit) for unit in self._top)

    @cached_property
    def making(self) -> frozenset[str]:
        """The names of functions and methods that may make a site."""
        return self.making_by_name | self._summing

    @cached_property
    def making_by_name(self) -> frozenset[str]:
        """The names of functions and methods that may make a site by what they name, rather than by a formula."""
        return frozenset(part.name for part in self.parts if self._makes(part))

    @cached_property
    def leading(self) -> frozenset[str]:
        """What leads to a site by its code alone, whatever the losses are called that it is handed."""
        return self.leading_to(self.making)

    def leading_to(self, targets: Iterable[str]) -> frozenset[str]:
        """The targets, and the functions, methods and classes that name one of these, directly or through others."""
        return _closed(targets, self._named)

    def may_lead(self, text: str, trees: Iterable[ast.AST], leading: frozenset[str]) -> bool:
        """Whether a piece of the file's code may make a site, or names one of the definitions that lead to one."""
        used = frozenset(words.of(text))
        if not used.isdisjoint(self._sums) or not used.isdisjoint({name.encode() for name in leading}):
            return True
        return not used.isdisjoint(self._alarms) and any(any(self.mentions(tree)) for tree in trees)

    def names_any(self, targets: Iterable[str]) -> bool:
        """Whether the file says any of these names."""
        wanted = {name.encode() for name in targets}
        return any(not wanted.isdisjoint(line.split()) for line in self._lines)

    def entrances(self, targets: frozenset[str]) -> frozenset[str]:
        """The names by which another file can come to these: not methods', whose objects or classes it has to name.

        What the file's top binds otherwise is among them, for it may be such an object.
        """
        methods = {name for item in self.code.items if isinstance(item, ClassCode) for name in item.methods}
        return (targets - (methods - self._bound_at_top)) | (self._bound_at_top - self.definitions.keys())

    def naming(self, targets: Iterable[str]) -> frozenset[str]:
        """The functions, methods and classes that name one of the targets themselves."""
        wanted = {name.encode() for name in targets}
        return frozenset(name.decode() for name, used in self._named if not used.isdisjoint(wanted))

    @cached_property
    def _named(self) -> list[tuple[bytes, frozenset[bytes]]]:
        """The words of each definition, under its name and that of its class, and those of a class' bases."""
        bases = [
            (item.name.encode(), frozenset(word for base in item.bases for word in words.of(base)))
            for item in self.code.items
            if isinstance(item, ClassCode)
        ]
        return self._words_by_name(lambda part: True) + bases

    @cached_property
    def _calling(self) -> list[tuple[bytes, frozenset[bytes]]]:
        """The words of each definition, under its name and, where making or calling an object runs it, its class'."""
        return self._words_by_name(lambda part: part.name in RUN_UNNAMED)

    def _words_by_name(self, speaks_for_class: Callable[[FunctionCode], bool]) -> list[tuple[bytes, frozenset[bytes]]]:
        return [
            (name.encode(), frozenset(self._words(part.unit)))
            for item in self.code.items
            for part in _parts(item)
            for name in {part.name, getattr(item, "name", part.name) if speaks_for_class(part) else part.name}
        ]

    @property
    def _top(self) -> Iterator[Unit]:
        """What stands outside of functions, at the file's top and in classes."""
        for item in self.code.items:
            if isinstance(item, Unit):
                yield item
            elif isinstance(item, ClassCode):
                yield from item.rest

    def _makes(self, part: FunctionCode) -> bool:
        return not self._alarms.isdisjoint(self._words(part.unit)) and any(self.mentions(part.tree))

    def _makes_at_top(self, unit: Unit) -> bool:
        within = self._words(unit)
        if not self._alarms.isdisjoint(within):
            code = (statement for statement in unit.statements if not isinstance(statement, IMPORTS))
            if any(any(self.mentions(statement)) for statement in code):
                return True
        return not self._sums.isdisjoint(within)

    def words_of(self, unit: Unit) -> frozenset[bytes]:
        """The words of a piece of the file's code."""
        return frozenset(self._words(unit))

    def deeds_of(self, code: FunctionCode) -> Deeds:
        """What a function's own code changes."""
        known = self._deeds.get(code)
        if known is None:
            known = self._deeds[code] = deeds.of(
                code.tree, self._text(code.unit), self._words(code.unit), self.libraries
            )
        return known

    def _words(self, unit: Unit) -> list[bytes]:
        return b" ".join(self._lines[unit.first - 1 : unit.last]).split()

    @cached_property
    def calls_of_losses(self) -> list[ast.Call]:
        """The calls by the name of a loss function, and of `compile`."""
        wanted = self.vocabulary.losses | {COMPILE.encode()}
        if wanted.isdisjoint(b" ".join(self._lines).split()):
            return []
        calls = (node for node in nodes(self.code.body) if isinstance(node, ast.Call))
        return [call for call in calls if last_name(call.func).encode() in wanted]

    # -- formulas ------------------------------------------------------------------------------------------------

    @cached_property
    def may_hold_a_formula(self) -> bool:
        """Whether any of the file's code may be a loss that is written out by hand."""
        return bool(self._sums)

    @cached_property
    def _summing(self) -> frozenset[str]:
        """The names of definitions that sum up what a formula is made of, in their own code or in what they name."""
        turning = self._that_hold(self.vocabulary.logarithms)
        return self._making_losses(self._holding, self._sums_up) | self._making_losses(turning, self._turns_a_sign)

    @cached_property
    def _holding(self) -> frozenset[str]:
        """The names of definitions that hold one of the operations whose sum is a loss."""
        return self._that_hold(self._cores)

    def _that_hold(self, wanted: frozenset[bytes]) -> frozenset[str]:
        return frozenset(part.name for part in self.parts if self._holds_a_core(part.unit, wanted))

    def _making_losses(self, holding: frozenset[str], is_loss: Callable[[Unit], bool]) -> frozenset[str]:
        """The names of definitions that are or lead to one of these, and make a loss of what it holds."""
        within = _closed(holding, self._calling) if holding else holding
        return frozenset(part.name for part in self.parts if part.name in within and is_loss(part.unit))

    @cached_property
    def _sums(self) -> frozenset[bytes]:
        """The words without one of which no code of the file sums up what a formula is made of."""
        holds_cores = bool(self._holding) or any(self._holds_a_core(unit, self._cores) for unit in self._top)
        return self.vocabulary.sums | self.vocabulary.logarithms if holds_cores else frozenset()

    @cached_property
    def _cores(self) -> frozenset[bytes]:
        """The operations whose sum is a loss: all, where something can be a prediction, else the logarithm."""
        vocabulary = self.vocabulary
        return vocabulary.cores if self._may_hold_predictions else vocabulary.logarithms

    @cached_property
    def _may_hold_predictions(self) -> bool:
        """Whether anything in the file can be a softmax's or sigmoid's output: made here, or by what is imported."""
        if not self.vocabulary.squashing.isdisjoint(b" ".join(self._lines).split()):
            return True
        return any(path.startswith(".") or not self._is_library(path) for path in self.imports.values())

    def _holds_a_core(self, unit: Unit, wanted: frozenset[bytes]) -> bool:
        powers = not wanted.isdisjoint(cores.POWERS) and POWER in self._text(unit)
        if not powers and wanted.isdisjoint(self._words(unit)):
            return False
        found = nodes(unit.statements)
        return any(cores.is_core(node, wanted, self.vocabulary.logarithms, self.imports) for node in found)

    def _sums_up(self, unit: Unit) -> bool:
        return not self.vocabulary.sums.isdisjoint(self._words(unit))

    def _turns_a_sign(self, unit: Unit) -> bool:
        """Whether code may turn a sign: a logarithm whose sign is turned is a loss without a sum."""
        return "-" in self._text(unit)

    def _text(self, unit: Unit) -> str:
        return "\n".join(self.code.source.lines[unit.first - 1 : unit.last])

    # -- what code names -----------------------------------------------------------------------------------------

    @cached_property
    def imports(self) -> dict[str, str]:
        """Imported names with the dotted name of what they mean; what a relative import means begins with a dot."""
        return dict(_imported(self.code.body))

    @cached_property
    def libraries(self) -> frozenset[str]:
        """The imported names of libraries."""
        return frozenset(name for name, path in self.imports.items() if self._is_library(path))

    @cached_property
    def _renamed(self) -> frozenset[str]:
        """The names that imports give to makers: `from keras.losses import mse as distance`."""
        makers = self.vocabulary.makers
        return frozenset(name for name, path in self.imports.items() if path.rsplit(".", 1)[-1].encode() in makers)

    @cached_property
    def _alarms(self) -> frozenset[bytes]:
        """Words without one of which no code makes a site by a name."""
        losses = {word for word in set(b" ".join(self._lines).split()) if words.may_be_a_loss(word)}
        return self.vocabulary.makers | losses | {name.encode() for name in self._renamed}

    def mentions(self, tree: ast.AST | None) -> Iterator[ast.AST]:
        """The nodes of `tree` that name what makes a site. A string does so where it is given or kept."""
        pending: list[ast.AST] = [tree] if tree is not None else []
        while pending:
            node = pending.pop()
            if self._names_a_maker(node):
                yield node
            if isinstance(node, ast.Compare):
                compared = (node.left, *node.comparators)
                pending.extend(part for part in compared if not isinstance(part, (ast.Constant, *_DISPLAYS)))
            elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                pending += children(node)

    def _names_a_maker(self, node: ast.AST) -> bool:
        makers = self.vocabulary.makers
        match node:
            case ast.Attribute(attr=name):
                return name.encode() in makers and self._may_mean_a_maker(node)
            case ast.Name(id=name):
                return (name.encode() in makers or name in self._renamed) and self._is_imported_or_unbound(name)
            case ast.Constant(value=str(value)):
                return value.encode("utf-8", "replace") in self.vocabulary.strings
            case ast.Call(func=ast.Call(func=callee)):
                return self._is_handed_over(callee)
            case ast.Call(func=callee):
                return not _names_a_class(callee) and self._is_handed_over(callee)
        return False

    def _is_handed_over(self, callee: ast.expr) -> bool:
        """Whether what is called may be a loss that comes as a parameter, an attribute, or another file's variable.

        What a file defines makes its losses there.
        """
        while isinstance(callee, ast.Subscript):  # one of several
            callee = callee.value
        name = last_name(callee)
        if not words.may_be_a_loss(name.encode()) or name in self._defined:
            return False
        root, _, rest = (dotted_name(callee) or "").partition(".")
        meant = self.imports.get(root)
        if meant is None:
            return True
        path = f"{meant}.{rest}" if rest else meant
        return not self._is_library(meant) and not self._is_elsewhere(path)

    def _is_elsewhere(self, path: str) -> bool:
        if path not in self._elsewhere:
            self._elsewhere[path] = self.is_defined(path)
        return self._elsewhere[path]

    def look_again(self) -> None:
        """Ask the project's files what has been asked of them before: what is known of this file depends on it."""
        for path in self._elsewhere:
            self.is_defined(path)

    def _may_mean_a_maker(self, node: ast.Attribute) -> bool:
        dotted = dotted_name(node)
        root, _, rest = dotted.partition(".") if dotted else ("", "", "")
        meant = self.imports.get(root)
        if meant is None and (root not in self.book.conventions or root in self._bound_at_top):
            # An object of the code's own: its method, unless a module goes by another name in this file.
            return node.attr.encode() in self.vocabulary.methods or self._renames_modules or self.imports_all
        if meant is not None and meant.startswith("."):
            return True
        path = self.book.canonical(f"{meant or self.book.conventions[root]}.{rest}")
        entries = self.book.entries(path)
        if entries:
            return any(words.makes_a_site(entry, self.book, self.asked) for entry in entries)
        if path.split(".")[0] in _STANDARD:
            return False
        # A model's method may stand behind a path into the library that the book does not describe.
        return not self._is_library(path) or node.attr.encode() in self.vocabulary.methods

    def _is_imported_or_unbound(self, name: str) -> bool:
        meant = self.imports.get(name)
        if meant is None:
            return name in self.book.conventions or self.imports_all
        entries = self.book.entries(meant)
        return not entries or any(words.makes_a_site(entry, self.book, self.asked) for entry in entries)

    @cached_property
    def _defined(self) -> frozenset[str]:
        return frozenset(part.name for part in self.parts)

    @cached_property
    def _bound_at_top(self) -> frozenset[str]:
        """The names that the file's top binds otherwise than by an import."""
        targets = (target for s in _at_top(self.code.body) if isinstance(s, ast.Assign) for target in s.targets)
        assigned = {node.id for node in nodes(targets) if isinstance(node, ast.Name)}
        return frozenset(assigned | self.definitions.keys())

    @cached_property
    def _renames_modules(self) -> bool:
        """Whether an assignment gives a library's module another name: `self.K = keras.backend`."""
        return any(
            isinstance(statement, (ast.Assign, ast.AnnAssign))
            and isinstance(statement.value, (ast.Name, ast.Attribute))
            and self._is_module(statement.value)
            for statement in statements(self.code.body)
        )

    def _is_module(self, node: ast.expr) -> bool:
        dotted = dotted_name(node)
        root, dot, rest = dotted.partition(".") if dotted else ("", "", "")
        meant = self.imports.get(root)
        if meant is None or meant.startswith("."):
            return False
        return self.book.is_module(self.book.canonical(meant + dot + rest))

    def _is_library(self, path: str) -> bool:
        """Whether a dotted name belongs to a package that the book describes or Python ships."""
        root = path.split(".")[0]
        return self.book.knows_root(root) or root in _STANDARD


def _closed(targets: Iterable[str], named: list[tuple[bytes, frozenset[bytes]]]) -> frozenset[str]:
    """The targets, and the names of definitions that say one of these, directly or through others."""
    reached = {name.encode() for name in targets}
    while True:
        more = {name for name, used in named if name not in reached and not used.isdisjoint(reached)}
        if not more:
            return frozenset(name.decode() for name in reached)
        reached |= more


def _names_a_class(callee: ast.expr) -> bool:
    """Whether a callee is called like a class: a loss object is made then, and called elsewhere."""
    name = last_name(callee).lstrip("_")
    return name[:1].isupper() and not name.isupper()


def _imported(body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement in statements(body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                yield alias.asname or name, name
        elif isinstance(statement, ast.ImportFrom):
            package = "." * statement.level + (statement.module or "")
            for alias in statement.names:
                yield alias.asname or alias.name, f"{package}.{alias.name}"


def _at_top(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a file that are in no definition, and the definitions themselves."""
    for statement in body:
        yield statement
        if isinstance(statement, COMPOUND) and not isinstance(statement, DEFINITIONS):
            for block in blocks(statement):
                yield from _at_top(block)


def _parts(item: object) -> Iterable[FunctionCode]:
    if isinstance(item, FunctionCode):
        return (item,)
    return item.methods.values() if isinstance(item, ClassCode) else ()
