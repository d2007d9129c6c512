"""pass-preactivation: the loss is given what went into the activation, instead of what came out of it.

The value is named where it has no name yet, on a line of its own before the statement that applies the
activation; what the model outputs stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst

from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Api, Apply, Const, Term, within
from lintloss.finding import Applicability
from lintloss.fixes import names, places
from lintloss.fixes.applied import Application, activation_parameter, applications, without_activation
from lintloss.fixes.lifted import lift
from lintloss.fixes.misuse import Change, Misuse
from lintloss.fixes.places import Placed

_STEMS = {"softmax": "logits", "sigmoid": "logits", "log_softmax": "logits", "log_sigmoid": "logits"}


@dataclass(frozen=True, eq=False)
class Use:
    """An expression that is to be replaced, and the names visible there; None if they are not known."""

    place: NodeOrigin
    scope: Mapping[str, Term] | None


@dataclass(frozen=True, eq=False)
class Reached:
    """Code for the pre-activation, what it stands in the place of, and the edits that make it mean that."""

    code: str
    place: NodeOrigin
    edits: tuple[Placed, ...] = ()
    applicability: Applicability = Applicability.SAFE


def pass_preactivation(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: give the loss the innermost pre-activation."""
    given = misuse.given("prediction")
    found = reach(misuse, given) if given is not None else None
    if found is None:
        return None
    return Change((*found.edits, places.replacing(found.place, found.code)), found.applicability)


def reach(misuse: Misuse, given: NodeOrigin) -> Reached | None:
    """How to write the pre-activation of the site's prediction in the place of the expression `given`."""
    chain = tuple(applications(misuse))
    if not chain:
        return None
    use = _outward(misuse, Use(given, misuse.site.scope))
    inside = _written_out(chain, use)
    if inside is not None:
        return inside
    innermost = chain[-1]
    if any(step != "identity" for step in misuse.prediction.since) or _is_symbolic(innermost.pre, misuse):
        return None
    name = _known(innermost, use)
    if name is not None:
        return Reached(name, use.place)
    named = _named(innermost, use) or _split(innermost, use, misuse)
    if named is not None:
        return Reached(named[0], use.place, named[1])
    lifted = lift(innermost, use.place, _stem(innermost), misuse) if len(chain) == 1 else None
    return Reached(lifted.name, use.place, lifted.edits, lifted.applicability) if lifted is not None else None


def _is_symbolic(value: Term, misuse: Misuse) -> bool:
    """Whether a value is computed from a model's input layer: it stands for what any call of the model computes."""
    bound = (misuse.book.bind(term) for term in within(value) if isinstance(term, Apply))
    return any(each.entry.kind == "input" and each.entry["batched"] for each in bound if each is not None)


# -- where the value is used ---------------------------------------------------------------------------------


def _outward(misuse: Misuse, use: Use) -> Use:
    """The expression at the caller, where the loss call only hands on a parameter of its function."""
    for caller in reversed(misuse.site.callers):
        passed = _passed_by(caller, use.place) if isinstance(caller, NodeOrigin) else None
        if passed is None:
            return use
        use = Use(passed, None)
    return use


def _passed_by(caller: NodeOrigin, use: NodeOrigin) -> NodeOrigin | None:
    """The argument of the call `caller` for the parameter that `use` names."""
    function = places.function_around(use)
    if function is None or not isinstance(use.node, cst.Name) or not isinstance(caller.node, cst.Call):
        return None
    definition = cst.ensure_type(function.node, cst.FunctionDef)
    parameters = [parameter.name.value for parameter in definition.params.params]
    name = use.node.value
    if name not in parameters or names.bindings(use, name) != 1 or any(arg.star for arg in caller.node.args):
        return None
    for argument in caller.node.args:
        if argument.keyword is not None and argument.keyword.value == name:
            return NodeOrigin(caller.unit, argument.value)
    is_method = places.nearest(function, cst.ClassDef) is not None
    position = parameters.index(name) - is_method
    positional = [argument for argument in caller.node.args if argument.keyword is None]
    return NodeOrigin(caller.unit, positional[position].value) if 0 <= position < len(positional) else None


# -- code that means the value already -----------------------------------------------------------------------


def _written_out(chain: tuple[Application, ...], use: Use) -> Reached | None:
    """The activation stands in the expression itself: what it is applied to takes its place."""
    outermost, innermost = chain[0].place, chain[-1].given
    if outermost is None or innermost is None or not chain[0].is_whole:
        return None
    if not places.contains(use.place, outermost) or not places.contains(outermost, innermost):
        return None
    return Reached(places.code_for(outermost, innermost), outermost)


def _known(application: Application, use: Use) -> str | None:
    """A name or attribute that holds the value where it is used."""
    given = application.given
    written = given.node.value if given is not None and isinstance(given.node, cst.Name) else None
    if use.scope is not None:
        name = names.naming(application.pre, use.scope, written)
        if name is not None:
            return name
    elif given is not None and written is not None and _is_still(given, written, use.place):
        return written
    if given is not None and isinstance(given.node, cst.Attribute):
        return _attribute(given, use)
    return None


def _is_still(given: NodeOrigin, name: str, use: NodeOrigin) -> bool:
    """Whether a name, bound once, means at `use` what it meant where the activation was applied."""
    statement = places.own_line(given)
    if statement is None or not places.dominates(statement, use):
        return False
    return names.bindings(given, name) == 1 and (_same_function(given, use) or names.bindings(use, name) == 0)


def _same_function(one: NodeOrigin, other: NodeOrigin) -> bool:
    first, second = places.function_around(one), places.function_around(other)
    if first is None or second is None:
        return first is second and one.unit.source is other.unit.source
    return first.node is second.node


def _attribute(given: NodeOrigin, use: Use) -> str | None:
    """`self.logits`, where the file assigns it once and `use` stands in a method that calls its object the same."""
    node = cst.ensure_type(given.node, cst.Attribute)
    source = use.place.unit.source
    if not isinstance(node.value, cst.Name) or given.unit.source is not source:
        return None
    holders = {names.receiver(given), names.receiver(use.place), node.value.value}
    is_stable = names.attributes_set(source, node.attr.value) == 1
    return given.code if len(holders) == 1 and is_stable else None


# -- naming the value ----------------------------------------------------------------------------------------


def _named(application: Application, use: Use) -> tuple[str, tuple[Placed, ...]] | None:
    """Give the value a name, on its own line before the statement that applies the activation to it."""
    given = application.given
    statement = places.own_line(given) if given is not None else None
    if given is None or statement is None:
        return None
    name = _new_name(application, statement, use.place)
    if name is None:
        return None
    line = places.inserting_line(statement, f"{name} = {places.code(given)}")
    return name, (line, places.replacing(given, name))


def _new_name(application: Application, statement: NodeOrigin, use: NodeOrigin) -> str | None:
    """A new variable, or an attribute where the value is used in another method than it is made."""
    stem = _stem(application)
    target = _target(statement)
    if places.dominates(statement, use):
        return names.fresh(statement, stem, _last_name(target))
    holder = names.receiver(statement)
    if not isinstance(target, cst.Attribute) or holder is None or holder != names.receiver(use):
        return None
    is_same = isinstance(target.value, cst.Name) and target.value.value == holder
    is_once = names.attributes_set(statement.unit.source, target.attr.value) == 1
    is_used = isinstance(use.node, cst.Attribute) and use.code == f"{holder}.{target.attr.value}"
    if not (is_same and is_once and is_used) or statement.unit.source is not use.unit.source:
        return None
    return f"{holder}.{names.fresh_attribute(statement, stem, target.attr.value)}"


def _stem(application: Application) -> str:
    return _STEMS.get(application.activation, "pre_activation")


def _target(statement: NodeOrigin) -> cst.BaseExpression | None:
    """What a statement with one plain target assigns to."""
    small = cst.ensure_type(statement.node, cst.SimpleStatementLine).body[0]
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        return small.targets[0].target
    return small.target if isinstance(small, cst.AnnAssign) else None


def _last_name(target: cst.BaseExpression | None) -> str | None:
    if isinstance(target, cst.Attribute):
        return target.attr.value
    return target.value if isinstance(target, cst.Name) else None


# -- layers that compute the value and activate it at once ---------------------------------------------------


def _split(application: Application, use: Use, misuse: Misuse) -> tuple[str, tuple[Placed, ...]] | None:
    """`pred = dense(x, 10, activation=softmax)` as `logits = dense(x, 10)` and `pred = softmax(logits)`."""
    whole, layer = application.place, application.layer
    statement = places.own_line(whole) if whole is not None else None
    if whole is None or layer is None or statement is None or not places.contains(whole, layer.place):
        return None
    name = _new_name(application, statement, use.place)
    without = without_activation(application)
    activation = _activation_code(application, misuse)
    if name is None or without is None or activation is None:
        return None
    bare = _text_after(whole, without)
    line = places.inserting_line(statement, f"{name} = {bare}")
    return name, (line, places.replacing(whole, f"{activation[0]}({name})"), *activation[1])


def _text_after(whole: NodeOrigin, change: Placed) -> str:
    """A node's text after an edit within it."""
    source = whole.unit.source
    top, left, bottom, right = whole.unit.rows(whole.node)
    start, end = source.offset(top, left), source.offset(bottom, right)
    shift = top - whole.unit.span(whole.node).start.row
    first, last = change.edit.span.start, change.edit.span.end
    cut = (source.offset(first.row + shift, first.column), source.offset(last.row + shift, last.column))
    return source.text[start : cut[0]] + change.edit.content + source.text[cut[1] : end]


def _activation_code(application: Application, misuse: Misuse) -> tuple[str, tuple[Placed, ...]] | None:
    """Code for a function that applies a layer's activation, as it was given."""
    parameter, layer = activation_parameter(application), application.layer
    if layer is None or parameter is None:
        return None
    given, value = layer.value(parameter), layer.values.get(parameter)
    if given is None or value is None:
        return None
    if isinstance(value, Api):
        return places.operand(given), ()
    if not isinstance(value, Const) or not isinstance(value.value, str):
        return None
    named = misuse.book.activation_named(value.value)
    if named is None:
        return None
    written = names.spelling(named.name, misuse.site.scope, layer.place.unit.source, misuse.book)
    return (written.code, written.edits) if written is not None else None
