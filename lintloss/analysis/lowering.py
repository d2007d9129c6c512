"""Lowering: LibCST's nodes made of what `ast` has parsed, in a small part of the time that LibCST's parser takes.

Of a node's fields only those are set that say what the code means. How it is written (white space, commas,
parentheses, comments) is what fixes need, and they have LibCST parse the piece: see `syntax.Unit.exact`. A string is
one literal here, however many pieces it is written in, and the elements of an index are those of its tuple.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import libcst as cst

from lintloss.analysis.codegen import Place, layout

# What a node is made of: an expression or statement, or the statements of a block or a line.
Origin = ast.AST | Sequence[ast.AST]

Node = TypeVar("Node", bound=cst.CSTNode)

DEEPEST = 180  # levels that code may be nested; those who walk it have a stack for no more


class NotLowered(Exception):
    """Code that is nested deeper than anyone could walk it, or of a kind that is not known here."""


class Lowered:
    """Statements as LibCST's nodes, and for each of their nodes what it is made of."""

    def __init__(self, statements: Sequence[ast.stmt], lines: Sequence[str]) -> None:
        """Take statements and the rows of the file that they stand in.

        Raises `NotLowered`, and `cst.ParserSyntaxError` for formatted strings that LibCST's parser does not know.
        """
        self._lines = lines
        self._origins: dict[int, Origin] = {}
        self._places: dict[int, Place] = {}
        self._depth = 0
        self._parsed: list[cst.Module] = []  # by LibCST's parser: as long as they are kept, no other node has their ids
        self.body: list[cst.BaseStatement] = self._block(statements)

    def made_of(self, node: cst.CSTNode) -> Origin | None:
        """What a node is made of, or None if it is none of these."""
        return self._origins.get(id(node))

    def place(self, node: cst.CSTNode) -> Place | None:
        """Where a node stands in the file; that of tuples and generator expressions may include its parentheses."""
        known = self._places.get(id(node))
        origin = self._origins.get(id(node))
        if known is None and origin is not None:
            first, last = (origin, origin) if isinstance(origin, ast.AST) else (origin[0], origin[-1])
            known = self._places[id(node)] = (*self._start(first), *self._end(last))
        return known

    def _start(self, node: Any) -> tuple[int, int]:
        return node.lineno, self._column(node.lineno, node.col_offset)

    def _end(self, node: Any) -> tuple[int, int]:
        if isinstance(node, ast.arg):  # without its annotation
            row, column = self._start(node)
            return row, column + len(node.arg)
        return node.end_lineno, self._column(node.end_lineno, node.end_col_offset)

    def _column(self, row: int, offset: int) -> int:
        """The column, from 1 on, of an offset in bytes."""
        line = self._lines[row - 1]
        return 1 + (offset if line.isascii() else len(line.encode()[:offset].decode()))

    def _text(self, node: ast.expr) -> str:
        (top, left), (bottom, right) = self._start(node), self._end(node)
        if top == bottom:
            return self._lines[top - 1][left - 1 : right - 1]
        between = self._lines[top : bottom - 1]
        return "\n".join([self._lines[top - 1][left - 1 :], *between, self._lines[bottom - 1][: right - 1]])

    # -- statements ----------------------------------------------------------------------------------------------

    def _block(self, statements: Sequence[ast.stmt]) -> list[cst.BaseStatement]:
        block: list[cst.BaseStatement] = []
        line: list[ast.stmt] = []
        for statement in statements:
            compound = _COMPOUND.get(type(statement))
            if line and (compound is not None or statement.lineno != line[-1].end_lineno):
                block.append(self._line(line))
                line = []
            if compound is None:
                line.append(statement)
            else:
                block.append(self._made(compound(self, statement), statement))
        return [*block, self._line(line)] if line else block

    def _line(self, statements: Sequence[ast.stmt]) -> cst.SimpleStatementLine:
        return self._made(_line(self._small(statements)), tuple(statements))

    def _small(self, statements: Iterable[ast.stmt]) -> list[cst.BaseSmallStatement]:
        return [self._made(_known(_SIMPLE, each)(self, each), each) for each in statements]

    def _suite(self, statements: Sequence[ast.stmt]) -> cst.BaseSuite:
        first = statements[0]
        shares_a_line = self._lines[first.lineno - 1][: first.col_offset].strip()
        self._depth += 2
        suite = _one_line(self._small(statements)) if shares_a_line else _indented(self._block(statements))
        self._depth -= 2
        return self._made(suite, tuple(statements))

    def _else(self, statements: Sequence[ast.stmt]) -> cst.Else | None:
        return self._made(_else(self._suite(statements)), tuple(statements)) if statements else None

    def _made(self, node: Node, origin: Origin) -> Node:
        self._origins[id(node)] = origin
        return node

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> cst.FunctionDef:
        parameters = self._parameters(node.args)
        return _function(_name(node.name), parameters, self._decorators(node), self._suite(node.body))

    def class_(self, node: ast.ClassDef) -> cst.ClassDef:
        bases = [_argument(None, self.expression(base), "") for base in node.bases]
        return _class(_name(node.name), bases, self._decorators(node), self._suite(node.body))

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[cst.Decorator]:
        return [_decorator(self.expression(each)) for each in node.decorator_list]

    def if_(self, node: ast.If) -> cst.If:
        return _if(self.expression(node.test), self._suite(node.body), self._otherwise(node))

    def _otherwise(self, node: ast.If) -> cst.If | cst.Else | None:
        """What follows an `if`: another, where `elif` says so."""
        first = node.orelse[0] if node.orelse else None
        if isinstance(first, ast.If) and self._lines[first.lineno - 1].startswith("elif", first.col_offset):
            return self._made(self.if_(first), first)
        return self._else(node.orelse)

    def for_(self, node: ast.For | ast.AsyncFor) -> cst.For:
        target, iterable = self.expression(node.target), self.expression(node.iter)
        return _for(target, iterable, self._suite(node.body), self._else(node.orelse))

    def while_(self, node: ast.While) -> cst.While:
        return _while(self.expression(node.test), self._suite(node.body), self._else(node.orelse))

    def with_(self, node: ast.With | ast.AsyncWith) -> cst.With:
        items = [_with_item(*self._item(item)) for item in node.items]
        return _with(items, self._suite(node.body))

    def _item(self, item: ast.withitem) -> tuple[cst.BaseExpression, cst.AsName | None]:
        bound = self._optional(item.optional_vars)
        return self.expression(item.context_expr), _as_name(bound) if bound is not None else None

    def try_(self, node: ast.Try) -> cst.Try:
        handlers = [self._handler(handler) for handler in node.handlers]
        final = _finally(self._suite(node.finalbody)) if node.finalbody else None
        return _try(self._suite(node.body), handlers, self._else(node.orelse), final)

    def _handler(self, node: ast.ExceptHandler) -> cst.ExceptHandler:
        name = _as_name(_name(node.name)) if node.name is not None else None
        return _handler(self._optional(node.type), name, self._suite(node.body))

    def match(self, node: ast.Match) -> cst.Match:
        return _match(self.expression(node.subject), [self._case(case) for case in node.cases])

    def _case(self, case: ast.match_case) -> cst.MatchCase:
        """A case; its pattern is left to LibCST's parser."""
        written = cst.parse_statement(f"match _:\n case {ast.unparse(case.pattern)}: pass")
        pattern = cst.ensure_type(written, cst.Match).cases[0].pattern
        return _case(self._made(pattern, case.pattern), self._optional(case.guard), self._suite(case.body))

    def assign(self, node: ast.Assign) -> cst.Assign:
        return _assign([_target(self.expression(each)) for each in node.targets], self.expression(node.value))

    def annotated(self, node: ast.AnnAssign) -> cst.AnnAssign:
        return _annotated(self.expression(node.target), self._optional(node.value))

    def augmented(self, node: ast.AugAssign) -> cst.AugAssign:
        operator = _AUGMENTED[type(node.op)]
        return _augmented(self.expression(node.target), operator, self.expression(node.value))

    def delete(self, node: ast.Delete) -> cst.Del:
        targets = [self.expression(target) for target in node.targets]
        return _delete(targets[0] if len(targets) == 1 else _tuple([_element(each) for each in targets]))

    def import_(self, node: ast.Import) -> cst.Import:
        return _import([self._alias(alias) for alias in node.names])

    def import_from(self, node: ast.ImportFrom) -> cst.ImportFrom:
        is_all = node.names[0].name == "*"
        names = _import_star() if is_all else [self._alias(alias) for alias in node.names]
        module = _dotted(node.module) if node.module is not None else None
        return _import_from(module, names, [_dot()] * node.level)

    def _alias(self, alias: ast.alias) -> cst.ImportAlias:
        bound = _as_name(_name(alias.asname)) if alias.asname is not None else None
        return self._made(_alias(_dotted(alias.name), bound), alias)

    # -- expressions ---------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> Any:
        """An expression, or what stands for one in a tuple, as LibCST has it."""
        if self._depth > DEEPEST:
            raise NotLowered
        self._depth += 1
        made = _known(_EXPRESSIONS, node)(self, node)
        self._depth -= 1
        self._origins[id(made)] = node
        return made

    def _optional(self, node: ast.expr | None) -> Any:
        return None if node is None else self.expression(node)

    def name(self, node: ast.Name) -> cst.Name:
        return _name(node.id)

    def constant(self, node: ast.Constant) -> cst.BaseExpression:
        value = node.value
        kind = _CONSTANTS.get(type(value))
        if kind is not None:
            return kind(self._text(node) if isinstance(value, (int, float, complex)) else repr(value))
        return _ellipsis() if value is ... else _name(repr(value))

    def attribute(self, node: ast.Attribute) -> cst.Attribute:
        return _attribute(self.expression(node.value), _name(node.attr))

    def call(self, node: ast.Call) -> cst.Call:
        function = self.expression(node.func)
        given: list[Any] = [*node.args, *node.keywords]
        if node.keywords and any(isinstance(argument, ast.Starred) for argument in node.args):
            given.sort(key=lambda each: (each.lineno, each.col_offset))
        return _call(function, [self._argument(each) for each in given])

    def _argument(self, node: ast.expr | ast.keyword) -> cst.Arg:
        if isinstance(node, ast.keyword):
            keyword, star = (_name(node.arg), "") if node.arg is not None else (None, "**")
            return _argument(keyword, self.expression(node.value), star)
        if isinstance(node, ast.Starred):
            return _argument(None, self.expression(node.value), "*")
        return _argument(None, self.expression(node), "")

    def binary(self, node: ast.BinOp) -> cst.BinaryOperation:
        left = self.expression(node.left)
        return _binary(left, _BINARY[type(node.op)], self.expression(node.right))

    def unary(self, node: ast.UnaryOp) -> cst.UnaryOperation:
        return _unary(_UNARY[type(node.op)], self.expression(node.operand))

    def comparison(self, node: ast.Compare) -> cst.Comparison:
        left = self.expression(node.left)
        pairs = zip(node.ops, node.comparators, strict=True)
        return _comparison(
            left, [_compared(_COMPARE[type(operator)], self.expression(other)) for operator, other in pairs]
        )

    def boolean(self, node: ast.BoolOp) -> cst.BooleanOperation:
        """`a and b and c`, which LibCST nests to the left."""
        operator = _BOOLEAN[type(node.op)]
        first, *others = node.values
        made = self.expression(first)
        for number, each in enumerate(others, start=1):
            made = self._made(_boolean(made, operator, self.expression(each)), node)
            if number < len(others):
                self._places[id(made)] = (*self._start(node), *self._end_before(each, others[number]))
        return cst.ensure_type(made, cst.BooleanOperation)

    def _end_before(self, node: ast.expr, following: ast.expr) -> tuple[int, int]:
        """Where an operand ends before what follows it: after its parentheses, if it has any."""
        row, column = self._end(node)
        last, end = self._start(following)
        for each in range(last, row - 1, -1):
            start = column - 1 if each == row else 0
            closed = self._lines[each - 1].partition("#")[0].rfind(")", start, end - 1 if each == last else None)
            if closed >= 0:
                return each, closed + 2
        return row, column

    def conditional(self, node: ast.IfExp) -> cst.IfExp:
        test = self.expression(node.test)
        return _conditional(test, self.expression(node.body), self.expression(node.orelse))

    def lambda_(self, node: ast.Lambda) -> cst.Lambda:
        return _lambda(self._parameters(node.args), self.expression(node.body))

    def _parameters(self, node: ast.arguments) -> cst.Parameters:
        listed = [*node.posonlyargs, *node.args]
        defaults: list[ast.expr | None] = [*[None] * (len(listed) - len(node.defaults)), *node.defaults]
        plain = [self._parameter(*each) for each in zip(listed, defaults, strict=True)]
        only = [self._parameter(*each) for each in zip(node.kwonlyargs, node.kw_defaults, strict=True)]
        rest = self._parameter(node.vararg, None) if node.vararg is not None else cst.MaybeSentinel.DEFAULT
        keywords = self._parameter(node.kwarg, None) if node.kwarg is not None else None
        positional = len(node.posonlyargs)
        return _parameters(plain[:positional], plain[positional:], rest, only, keywords)

    def _parameter(self, node: ast.arg, default: ast.expr | None) -> cst.Param:
        return self._made(_parameter(_name(node.arg), self._optional(default)), node)

    def named(self, node: ast.NamedExpr) -> cst.NamedExpr:
        return _named(self.expression(node.target), self.expression(node.value))

    def tuple_(self, node: ast.Tuple | ast.List | ast.Set) -> cst.BaseExpression:
        return _DISPLAYS[type(node)](
            [
                self.expression(each) if isinstance(each, ast.Starred) else _element(self.expression(each))
                for each in node.elts
            ]
        )

    def starred(self, node: ast.Starred) -> cst.StarredElement:
        return _starred(self.expression(node.value))

    def dict_(self, node: ast.Dict) -> cst.Dict:
        pairs = zip(node.keys, node.values, strict=True)
        return _dict(
            [
                _starred_item(self.expression(value))
                if key is None
                else _item(self.expression(key), self.expression(value))
                for key, value in pairs
            ]
        )

    def subscript(self, node: ast.Subscript) -> cst.Subscript:
        base = self.expression(node.value)
        several = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
        parts = several or [node.slice]
        comma = _comma() if len(several) == 1 else cst.MaybeSentinel.DEFAULT
        return _subscript(base, [self._made(_part(self._index(part), comma), part) for part in parts])

    def _index(self, node: ast.expr) -> cst.BaseSlice:
        if isinstance(node, ast.Slice):
            return _slice(*(self._optional(each) for each in (node.lower, node.upper, node.step)))
        return _index(self.expression(node.value if isinstance(node, ast.Starred) else node))

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> cst.BaseExpression:
        return _COMPREHENSIONS[type(node)](self.expression(node.elt), self._clauses(node.generators))

    def dict_comprehension(self, node: ast.DictComp) -> cst.DictComp:
        key, value = self.expression(node.key), self.expression(node.value)
        return _dict_comprehension(key, value, self._clauses(node.generators))

    def _clauses(self, clauses: Sequence[ast.comprehension]) -> cst.CompFor:
        inner: cst.CompFor | None = None
        for clause in reversed(clauses):
            tests = [_test(self.expression(test)) for test in clause.ifs]
            inner = _clause(self.expression(clause.target), self.expression(clause.iter), tests, inner)
        assert inner is not None
        return inner

    def yielded(self, node: ast.Yield) -> cst.Yield:
        return _yield(self._optional(node.value))

    def yielded_from(self, node: ast.YieldFrom) -> cst.Yield:
        return _yield(_from(self.expression(node.value)))

    def awaited(self, node: ast.Await) -> cst.Await:
        return _await(self.expression(node.value))

    def formatted(self, node: ast.expr) -> cst.BaseExpression:
        """A formatted string, left to LibCST's parser: before Python 3.12 `ast` does not say where its parts stand."""
        module = cst.parse_module(f"({self._text(node)})\n")
        self._parsed.append(module)
        row, column = self._start(node)
        for each, (top, left, bottom, right) in layout(module).places.items():
            shifts = [column - 2 if inner == 1 else 0 for inner in (top, bottom)]
            self._places[each] = (top + row - 1, left + shifts[0], bottom + row - 1, right + shifts[1])
            self._origins[each] = node
        line = cst.ensure_type(module.body[0], cst.SimpleStatementLine)
        return cst.ensure_type(line.body[0], cst.Expr).value


_Lowering = Callable[[Lowered, Any], Any]


def _known(table: Mapping[type[Any], _Lowering], node: ast.AST) -> _Lowering:
    known = table.get(type(node))
    if known is None:
        raise NotLowered
    return known


def _dotted(path: str) -> cst.Name | cst.Attribute:
    first, *others = path.split(".")
    made: cst.Name | cst.Attribute = _name(first)
    for name in others:
        made = _attribute(made, _name(name))
    return made


def _maker(kind: type[Node], *fields: str) -> Callable[..., Node]:
    """What makes a node of which only these fields are set, and nothing is checked."""
    new, setters = object.__new__, [getattr(kind, name).__set__ for name in fields]

    def make(*values: object) -> Node:
        node = new(kind)
        for set_field, value in zip(setters, values, strict=True):
            set_field(node, value)
        return node

    def make_of_one(value: object) -> Node:
        node = new(kind)
        set_first(node, value)
        return node

    def make_of_two(first: object, second: object) -> Node:
        node = new(kind)
        set_first(node, first)
        set_second(node, second)
        return node

    if not 1 <= len(setters) <= 2:
        return make
    set_first, set_second = setters[0], setters[-1]
    return make_of_one if len(setters) == 1 else make_of_two  # most nodes are made of so few


_name = _maker(cst.Name, "value")
_ellipsis = _maker(cst.Ellipsis)
_attribute = _maker(cst.Attribute, "value", "attr")
_call = _maker(cst.Call, "func", "args")
_argument = _maker(cst.Arg, "keyword", "value", "star")
_binary = _maker(cst.BinaryOperation, "left", "operator", "right")
_unary = _maker(cst.UnaryOperation, "operator", "expression")
_boolean = _maker(cst.BooleanOperation, "left", "operator", "right")
_comparison = _maker(cst.Comparison, "left", "comparisons")
_compared = _maker(cst.ComparisonTarget, "operator", "comparator")
_conditional = _maker(cst.IfExp, "test", "body", "orelse")
_lambda = _maker(cst.Lambda, "params", "body")
_parameters = _maker(cst.Parameters, "posonly_params", "params", "star_arg", "kwonly_params", "star_kwarg")
_parameter = _maker(cst.Param, "name", "default")
_named = _maker(cst.NamedExpr, "target", "value")
_tuple = _maker(cst.Tuple, "elements")
_element = _maker(cst.Element, "value")
_starred = _maker(cst.StarredElement, "value")
_dict = _maker(cst.Dict, "elements")
_item = _maker(cst.DictElement, "key", "value")
_starred_item = _maker(cst.StarredDictElement, "value")
_subscript = _maker(cst.Subscript, "value", "slice")
_part = _maker(cst.SubscriptElement, "slice", "comma")
_comma = _maker(cst.Comma)
_slice = _maker(cst.Slice, "lower", "upper", "step")
_index = _maker(cst.Index, "value")
_dict_comprehension = _maker(cst.DictComp, "key", "value", "for_in")
_clause = _maker(cst.CompFor, "target", "iter", "ifs", "inner_for_in")
_test = _maker(cst.CompIf, "test")
_yield = _maker(cst.Yield, "value")
_from = _maker(cst.From, "item")
_await = _maker(cst.Await, "expression")

_line = _maker(cst.SimpleStatementLine, "body")
_one_line = _maker(cst.SimpleStatementSuite, "body")
_indented = _maker(cst.IndentedBlock, "body")
_function = _maker(cst.FunctionDef, "name", "params", "decorators", "body")
_class = _maker(cst.ClassDef, "name", "bases", "decorators", "body")
_decorator = _maker(cst.Decorator, "decorator")
_if = _maker(cst.If, "test", "body", "orelse")
_else = _maker(cst.Else, "body")
_for = _maker(cst.For, "target", "iter", "body", "orelse")
_while = _maker(cst.While, "test", "body", "orelse")
_with = _maker(cst.With, "items", "body")
_with_item = _maker(cst.WithItem, "item", "asname")
_as_name = _maker(cst.AsName, "name")
_try = _maker(cst.Try, "body", "handlers", "orelse", "finalbody")
_handler = _maker(cst.ExceptHandler, "type", "name", "body")
_finally = _maker(cst.Finally, "body")
_match = _maker(cst.Match, "subject", "cases")
_case = _maker(cst.MatchCase, "pattern", "guard", "body")
_expression = _maker(cst.Expr, "value")
_assign = _maker(cst.Assign, "targets", "value")
_target = _maker(cst.AssignTarget, "target")
_annotated = _maker(cst.AnnAssign, "target", "value")
_augmented = _maker(cst.AugAssign, "target", "operator", "value")
_delete = _maker(cst.Del, "target")
_return = _maker(cst.Return, "value")
_import = _maker(cst.Import, "names")
_import_from = _maker(cst.ImportFrom, "module", "names", "relative")
_import_star = _maker(cst.ImportStar)
_dot = _maker(cst.Dot)
_alias = _maker(cst.ImportAlias, "name", "asname")
_global = _maker(cst.Global, "names")
_nonlocal = _maker(cst.Nonlocal, "names")
_declared = _maker(cst.NameItem, "name")

_CONSTANTS: dict[type[object], Callable[[str], cst.BaseExpression]] = {
    int: _maker(cst.Integer, "value"),
    float: _maker(cst.Float, "value"),
    complex: _maker(cst.Imaginary, "value"),
    str: _maker(cst.SimpleString, "value"),
    bytes: _maker(cst.SimpleString, "value"),
}
_DISPLAYS: dict[type[ast.expr], Callable[..., cst.BaseExpression]] = {
    ast.Tuple: _tuple,
    ast.List: _maker(cst.List, "elements"),
    ast.Set: _maker(cst.Set, "elements"),
}
_COMPREHENSIONS: dict[type[ast.expr], Callable[..., cst.BaseExpression]] = {
    ast.ListComp: _maker(cst.ListComp, "elt", "for_in"),
    ast.SetComp: _maker(cst.SetComp, "elt", "for_in"),
    ast.GeneratorExp: _maker(cst.GeneratorExp, "elt", "for_in"),
}


def _operators(kinds: dict[type[ast.AST], type[cst.CSTNode]]) -> dict[type[ast.AST], Any]:
    """The operators themselves: one node stands for all that are alike."""
    return {given: object.__new__(kind) for given, kind in kinds.items()}


_BINARY = _operators(
    {
        ast.Add: cst.Add,
        ast.Sub: cst.Subtract,
        ast.Mult: cst.Multiply,
        ast.Div: cst.Divide,
        ast.FloorDiv: cst.FloorDivide,
        ast.Mod: cst.Modulo,
        ast.Pow: cst.Power,
        ast.MatMult: cst.MatrixMultiply,
        ast.BitAnd: cst.BitAnd,
        ast.BitOr: cst.BitOr,
        ast.BitXor: cst.BitXor,
        ast.LShift: cst.LeftShift,
        ast.RShift: cst.RightShift,
    }
)
_AUGMENTED = _operators(
    {
        ast.Add: cst.AddAssign,
        ast.Sub: cst.SubtractAssign,
        ast.Mult: cst.MultiplyAssign,
        ast.Div: cst.DivideAssign,
        ast.FloorDiv: cst.FloorDivideAssign,
        ast.Mod: cst.ModuloAssign,
        ast.Pow: cst.PowerAssign,
        ast.MatMult: cst.MatrixMultiplyAssign,
        ast.BitAnd: cst.BitAndAssign,
        ast.BitOr: cst.BitOrAssign,
        ast.BitXor: cst.BitXorAssign,
        ast.LShift: cst.LeftShiftAssign,
        ast.RShift: cst.RightShiftAssign,
    }
)
_UNARY = _operators({ast.USub: cst.Minus, ast.UAdd: cst.Plus, ast.Invert: cst.BitInvert, ast.Not: cst.Not})
_BOOLEAN = _operators({ast.And: cst.And, ast.Or: cst.Or})
_COMPARE = _operators(
    {
        ast.Eq: cst.Equal,
        ast.NotEq: cst.NotEqual,
        ast.Lt: cst.LessThan,
        ast.LtE: cst.LessThanEqual,
        ast.Gt: cst.GreaterThan,
        ast.GtE: cst.GreaterThanEqual,
        ast.Is: cst.Is,
        ast.IsNot: cst.IsNot,
        ast.In: cst.In,
        ast.NotIn: cst.NotIn,
    }
)


def _bare(kind: type[cst.CSTNode]) -> _Lowering:
    """Statements of which nothing is followed."""
    make = _maker(kind)
    return lambda lowered, node: make()


def _declaring(make: Callable[..., Any]) -> _Lowering:
    return lambda lowered, node: make([_declared(_name(name)) for name in node.names])


_SIMPLE: dict[type[ast.stmt], _Lowering] = {
    ast.Expr: lambda lowered, node: _expression(lowered.expression(node.value)),
    ast.Assign: Lowered.assign,
    ast.AnnAssign: Lowered.annotated,
    ast.AugAssign: Lowered.augmented,
    ast.Return: lambda lowered, node: _return(lowered._optional(node.value)),
    ast.Delete: Lowered.delete,
    ast.Import: Lowered.import_,
    ast.ImportFrom: Lowered.import_from,
    ast.Global: _declaring(_global),
    ast.Nonlocal: _declaring(_nonlocal),
    ast.Raise: _bare(cst.Raise),
    ast.Break: _bare(cst.Break),
    ast.Continue: _bare(cst.Continue),
    ast.Pass: _bare(cst.Pass),
    ast.Assert: _bare(cst.Assert),
}
_COMPOUND: dict[type[ast.stmt], _Lowering] = {
    ast.FunctionDef: Lowered.function,
    ast.AsyncFunctionDef: Lowered.function,
    ast.ClassDef: Lowered.class_,
    ast.If: Lowered.if_,
    ast.For: Lowered.for_,
    ast.AsyncFor: Lowered.for_,
    ast.While: Lowered.while_,
    ast.With: Lowered.with_,
    ast.AsyncWith: Lowered.with_,
    ast.Try: Lowered.try_,
    ast.Match: Lowered.match,
}
if sys.version_info >= (3, 11):
    _COMPOUND[ast.TryStar] = _bare(cst.TryStar)
if sys.version_info >= (3, 12):
    _SIMPLE[ast.TypeAlias] = _bare(cst.TypeAlias)
_EXPRESSIONS: dict[type[ast.expr], _Lowering] = {
    ast.Name: Lowered.name,
    ast.Constant: Lowered.constant,
    ast.JoinedStr: Lowered.formatted,
    ast.Attribute: Lowered.attribute,
    ast.Call: Lowered.call,
    ast.Subscript: Lowered.subscript,
    ast.BinOp: Lowered.binary,
    ast.UnaryOp: Lowered.unary,
    ast.BoolOp: Lowered.boolean,
    ast.Compare: Lowered.comparison,
    ast.IfExp: Lowered.conditional,
    ast.Lambda: Lowered.lambda_,
    ast.NamedExpr: Lowered.named,
    ast.Tuple: Lowered.tuple_,
    ast.List: Lowered.tuple_,
    ast.Set: Lowered.tuple_,
    ast.Dict: Lowered.dict_,
    ast.Starred: Lowered.starred,
    ast.ListComp: Lowered.comprehension,
    ast.SetComp: Lowered.comprehension,
    ast.GeneratorExp: Lowered.comprehension,
    ast.DictComp: Lowered.dict_comprehension,
    ast.Yield: Lowered.yielded,
    ast.YieldFrom: Lowered.yielded_from,
    ast.Await: Lowered.awaited,
}
