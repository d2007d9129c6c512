"""Recording: loss calls, metrics and activations are written down as sites when the walk reaches them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from lintloss.analysis import apis
from lintloss.analysis.apis import Bound, Entry
from lintloss.analysis.facts import Alternative
from lintloss.analysis.machine import Machine, key_of, unknown
from lintloss.analysis.objects import Attribute, Class, Frame, Function, Instance, Method, Partial
from lintloss.analysis.sites import Model, Site, Unjudged
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import (
    Api,
    Apply,
    Argument,
    Choice,
    Condition,
    Const,
    Guard,
    Mapping,
    Origin,
    Parameter,
    Sequence,
    Term,
    seen,
)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a model is trained with: inputs, labels, and what weighs them, by role."""

    x: Term
    y: Term
    weights: dict[str, Term]


@dataclass(eq=False)
class Compilation:
    """A compile call, waiting for the data that `fit` brings."""

    machine: Machine
    frame: Frame
    model: Term
    output: Term
    bound: Bound
    origin: NodeOrigin
    guards: tuple[Guard, ...]
    callers: tuple[Origin, ...]
    is_open: bool
    fits: list[Fitted] = field(default_factory=list)

    @property
    def weights(self) -> dict[str, Term]:
        """What the first training call weighs with: its labels are the ones that count, too."""
        return self.fits[0].weights if self.fits else {}


def note(machine: Machine, frame: Frame, term: Term) -> Term:
    """Write down `term` if it is a loss call, a metric's or an activation's; return it either way."""
    if isinstance(term, Apply) and isinstance(term.origin, NodeOrigin):
        _date_by_order(machine, term)
        bound = machine.book.bind(term, machine.era)
        if bound is not None:
            if bound.entry.kind == "feed":
                _feed(machine, bound)
            elif bound.entry["operation"] == "equal":
                _compare(machine, bound)
            elif bound.entry.kind == "policy":
                machine.facts.set_policy(bound)
            elif bound.entry.kind in ("loss", "metric") and _is_complete(bound):
                _note_loss(machine, frame, term, bound, term.origin)
            elif bound.entry.kind == "compile" and bound.get("input") is not None:
                compiled(machine, frame, term, bound, term.origin)
            elif bound.entry.kind in ("activation", "layer"):
                made = term.function.origin if isinstance(term.function, Apply) else None
                _note_activation(machine, frame, term, bound, made if isinstance(made, NodeOrigin) else term.origin)
    return term


def _is_complete(bound: Bound) -> bool:
    """Whether the loss gets a prediction (rather than only being made)."""
    prediction = bound.entry.role("prediction")
    made_only = bound.entry.is_class and bound.constructor is None
    return not made_only and prediction in bound.given


def date(machine: Machine, path: str) -> None:
    """Learn from a name that is used how old the file is."""
    if path in machine.dated:
        return
    machine.dated.add(path)
    since = machine.book.oldest(path)
    if since is not None:
        framework, oldest = since
        machine.oldest[framework] = max(oldest, machine.oldest.get(framework, 0))
    if machine.book.is_compatibility(path):
        return
    entries = machine.book.entries(path)
    known = [apis.dates(entry["versions"]) for entry in entries]
    for dated in known:
        if dated is not None and None not in known:
            framework, newest = dated
            machine.era[framework] = min(newest, machine.era.get(framework, newest))


def _date_by_order(machine: Machine, term: Apply) -> None:
    """Learn it from a positional call that only the first versions read as it is meant.

    Where a version in between refuses positional arguments and nothing in the file needs a later one, a model's
    output in the labels' place is no mistake: it stands where the first versions took it.
    """
    if not isinstance(term.function, Api) or len(term.arguments) < 2 or any(a.keyword for a in term.arguments[:2]):
        return
    for entry in machine.book.entries(term.function.path):
        refusing = apis.dates(entry["forbids_positional"])
        if refusing is None or refusing[0] in machine.era or machine.oldest.get(refusing[0], 0) >= refusing[1]:
            continue
        first, second = (machine.facts.of(argument.value) for argument in term.arguments[:2])
        if all(map(_is_output, first)) and not any(map(_is_output, second)):
            machine.era[refusing[0]] = refusing[1] - 1


def _is_output(known: Alternative) -> bool:
    return known.facts.role == "prediction" or known.facts.activation != "unknown"


def _feed(machine: Machine, bound: Bound) -> None:
    feeds = bound.get("feeds")
    if isinstance(feeds, Mapping):
        for placeholder, value in ((seen(key), value) for key, value in feeds.entries):
            machine.feeds.setdefault(id(placeholder), []).append(value)
            machine.kept.append(placeholder)


def _compare(machine: Machine, bound: Bound) -> None:
    """`equal(argmax(p, 1), argmax(y, 1))` says that what is fed as `y` has a column per class, one of them right."""
    sides = [machine.book.bind(side, machine.era) for side in (bound.get("input"), bound.get("other")) if side]
    if len(sides) != 2 or not all(side and side.entry["operation"] == "argmax" for side in sides):
        return
    for side in sides:
        axis, rows = (side.get("axis"), side.get("input")) if side is not None else (None, None)
        is_last = isinstance(axis, Const) and axis.value in (1, -1)
        made = machine.book.bind(rows, machine.era) if rows is not None and is_last else None
        if made is not None and made.entry.kind == "input":
            machine.class_rows.add(id(rows))
            machine.kept.append(rows)


def _note_activation(machine: Machine, frame: Frame, term: Apply, bound: Bound, origin: NodeOrigin) -> None:
    facts = machine.facts
    if not facts.may_be_softmax(bound):
        return
    machine.sites.append(_site(machine, frame, "activation", bound, bound.entry, term, None, origin, term))


def _note_loss(machine: Machine, frame: Frame, term: Apply, bound: Bound, origin: NodeOrigin) -> None:
    for guards, arguments in _decided_arguments(bound):
        entry = bound.entry.under(arguments)
        prediction = bound.role("prediction")
        if prediction is None:
            return
        labels = bound.role("labels")
        site = _site(machine, frame, entry.kind, bound, entry, prediction, labels, origin, term, guards)
        machine.sites.append(site)


def _decided_arguments(bound: Bound) -> Iterator[tuple[tuple[Guard, ...], dict[str, Term]]]:
    """The arguments, once for each way that an argument which changes the loss (`from_logits`) can go."""
    deciding = {name: value for case in bound.entry.data.get("when", ()) for name, value in case["if"].items()}
    flags = {name: _flag(bound, name) for name, value in deciding.items() if isinstance(value, bool)}
    arguments = {**bound.arguments, **{name: flag for name, flag in flags.items() if flag is not None}}
    pending: list[tuple[tuple[Guard, ...], dict[str, Term]]] = [((), arguments)]
    while pending:
        guards, arguments = pending.pop()
        split = next((name for name in sorted(deciding) if isinstance(arguments.get(name), Choice)), None)
        if split is None:
            yield guards, arguments
            continue
        choice = arguments[split]
        assert isinstance(choice, Choice)
        for way, value in ((True, choice.then), (False, choice.otherwise)):
            pending.append(((*guards, Guard(choice.condition, way)), {**arguments, split: value}))


def _flag(bound: Bound, name: str) -> Term | None:
    """An argument that is true or false, as a choice where it is not known; it may be among what is unpacked."""
    if name not in bound.arguments and bound.is_open:
        return Choice(Condition(f"#{id(bound):x}.{name}", name), Const(True), Const(False))
    return _as_choice(bound.arguments.get(name))


def _as_choice(flag: Term | None) -> Term | None:
    """A flag that is not known, as a choice between true and false: what else hangs on it goes the same way."""
    if flag is None or isinstance(flag, (Const, Choice)):
        return None
    text = flag.origin.code if flag.origin is not None else "a flag"
    return Choice(Condition(key_of(flag), text, flag.origin), Const(True), Const(False), origin=flag.origin)


def _site(
    machine: Machine,
    frame: Frame,
    anchor: str,
    bound: Bound,
    entry: Entry,
    prediction: Term,
    labels: Term | None,
    origin: NodeOrigin,
    term: Term | None,
    guards: tuple[Guard, ...] = (),
    **more: Any,
) -> Site:
    return Site(
        anchor=anchor,
        origin=origin,
        entry=entry,
        prediction=machine.chosen(prediction),
        labels=machine.chosen(labels) if labels is not None else None,
        term=term,
        constructor=bound.constructor,
        arguments=bound.arguments,
        scope=visible(frame),
        guards=(*machine.path, *guards),
        callers=machine.callers,
        is_compiled=any(is_traced(machine, function) for function, _ in machine.calls),
        is_open=machine.is_open,
        **more,
    )


def is_traced(machine: Machine, function: Function) -> bool:
    """Whether a decorator makes a graph of the function."""
    known = machine.traced.get(function.code)
    if known is None:
        known = machine.traced[function.code] = _makes_a_graph(machine, function)
    return known


def _makes_a_graph(machine: Machine, function: Function) -> bool:
    from lintloss.analysis import expressions

    node = function.code.node
    for decorator in node.decorators if isinstance(node, cst.FunctionDef) else ():
        value = seen(expressions.evaluate(machine, function.outside, decorator.decorator))
        wrapper = value.function if isinstance(value, Apply) else value
        entry = machine.book.entry(wrapper.path) if isinstance(wrapper, Api) else None
        if entry is not None and entry["traces"]:
            return True
    return False


def visible(frame: Frame) -> ChainMap[str, Term]:
    """The names that are visible in a frame as they are now, innermost first."""
    scopes: list[dict[str, Term]] = []
    current: Frame | None = frame
    while current is not None:
        scopes.append(current.snapshot())
        current = current.parent
    return ChainMap(*scopes)


# -- compile and fit -----------------------------------------------------------------------------------------


def compiled(machine: Machine, frame: Frame, model: Term, bound: Bound, origin: NodeOrigin | None) -> None:
    """Remember a compile call; its sites are made when the walk is over and its data is known."""
    from lintloss.analysis import models

    if origin is None:
        return
    output = bound.get("input")
    network = machine.chosen(output) if output is not None else model
    if isinstance(network, Instance):
        output = models.output(machine, frame, network)
    if output is None:
        output = unknown("what model is compiled here is not known", origin, model)
    machine.compilations.append(
        Compilation(
            machine,
            frame,
            model,
            output,
            bound,
            origin,
            tuple(machine.path),
            machine.callers,
            machine.is_open,
        )
    )


def trained(machine: Machine, model: Term, bound: Bound) -> None:
    """Join the data that `fit` and its like bring to the model's last compile call."""
    x, y = bound.get("x"), bound.get("y")
    data = bound.get("data") or (x if y is None or _is_none(y) else None)
    if (y is None or _is_none(y)) and data is not None:
        x, y = _pair(machine, data)
    if y is None or x is None:
        return
    network = machine.attribute(model, "outputs") if isinstance(model, Instance) else None
    for compilation in reversed(machine.compilations):
        if compilation.model is model or compilation.model is network:
            given = ((role, bound.role(role)) for role in ("weights", "class_weights"))
            weights = {role: value for role, value in given if value is not None and not _is_none(value)}
            compilation.fits.append(Fitted(x, y, weights))
            return


def _is_none(term: Term) -> bool:
    return isinstance(term, Const) and term.value is None


def _pair(machine: Machine, data: Term) -> tuple[Term | None, Term | None]:
    from lintloss.analysis.expressions import elements_of, item_of

    data = machine.chosen(data)
    if isinstance(data, Sequence) and len(data.items) >= 2:
        return data.items[0], data.items[1]
    element = elements_of(machine, data, None)[0][0] if not isinstance(data, Sequence) else None
    if element is None:
        return None, None
    return item_of(machine, element, Const(0), None), item_of(machine, element, Const(1), None)


def finish(machine: Machine) -> None:
    """Make the sites of all compile calls."""
    compilations, machine.compilations = machine.compilations, []
    for compilation in compilations:
        loss = compilation.bound.get("loss")
        if loss is None or _is_none(loss):
            continue
        for labels in _labels_of(compilation):
            _pair_up(compilation, loss, compilation.output, labels, ())
            metrics = compilation.bound.get("metrics")
            if metrics is not None and not _is_regression(compilation, loss):
                _note_metrics(compilation, metrics, compilation.output, labels)


def _is_regression(compilation: Compilation, loss: Term) -> bool:
    """Whether the loss draws the output itself to the labels: 0.5 is then between 0 and 1 as for probabilities."""
    machine = compilation.machine
    bound, _ = _bound_loss(compilation, machine.chosen(loss), compilation.output, None, machine.book.loss_named)
    return bound is not None and bound.entry["family"] in ("squared", "absolute")


def _labels_of(compilation: Compilation) -> list[Term | None]:
    fitted: list[Term | None] = [each.y for each in compilation.fits]
    if any(each.x is each.y for each in compilation.fits):
        return [compilation.fits[0].x]
    return fitted[:1] or [None]


def _pair_up(
    compilation: Compilation, loss: Term, output: Term, labels: Term | None, guards: tuple[Guard, ...]
) -> None:
    """Match losses with outputs: one each, or lists and dicts of them."""
    loss = compilation.machine.chosen(loss)
    if isinstance(loss, Choice):
        _pair_up(compilation, loss.then, output, labels, (*guards, Guard(loss.condition, True)))
        _pair_up(compilation, loss.otherwise, output, labels, (*guards, Guard(loss.condition, False)))
    elif isinstance(output, Choice) and _holds_several(output):
        ways = ((True, output.then), (False, output.otherwise))
        for way, one in [each for each in ways if _may_fit(loss, each[1])] or ways:
            _pair_up(compilation, loss, one, labels, (*guards, Guard(output.condition, way)))
    elif isinstance(loss, Mapping):
        for key, one in loss.entries:
            _pair_up(compilation, one, _named_output(compilation, output, key), _part_named(labels, key), guards)
    elif isinstance(loss, Sequence):
        for position, one in enumerate(loss.items):
            single = len(loss.items) == 1 and not isinstance(output, Sequence)
            part = output if single else _part(output, position)
            _pair_up(compilation, one, part, labels if single else _part(labels, position), guards)
    elif isinstance(output, (Sequence, Mapping)):
        parts = output.items if isinstance(output, Sequence) else tuple(value for _, value in output.entries)
        for position, part in enumerate(parts):
            _note_compiled(compilation, loss, part, _part(labels, position), guards)
    else:
        _note_compiled(compilation, loss, output, labels, guards)


def _holds_several(output: Term) -> bool:
    """Whether a model may, on some path, have several outputs."""
    if isinstance(output, Choice):
        return _holds_several(output.then) or _holds_several(output.otherwise)
    return isinstance(output, (Sequence, Mapping))


def _may_fit(losses: Term, output: Term) -> bool:
    """Whether a model with this output takes these losses: of several, there is one for each output."""
    if isinstance(output, Choice):
        return _may_fit(losses, output.then) or _may_fit(losses, output.otherwise)
    if not isinstance(losses, Sequence):
        return True
    return len(losses.items) == (len(output.items) if isinstance(output, Sequence) else 1)


def _part(term: Term | None, position: int) -> Term:
    if isinstance(term, Sequence) and position < len(term.items):
        return term.items[position]
    return unknown("which of several outputs this is is not known", None, term)


def _part_named(term: Term | None, key: Term) -> Term | None:
    found = term.get(key.value) if isinstance(term, Mapping) and isinstance(key, Const) else None
    return found if found is not None or term is None else unknown("which of several labels these are is not known")


def _named_output(compilation: Compilation, output: Term, key: Term) -> Term:
    """The output of that name: an entry of a dict of outputs, or the output whose layer is named so."""
    if isinstance(output, Mapping) and isinstance(key, Const):
        found = output.get(key.value)
        if found is not None:
            return found
    outputs = output.items if isinstance(output, Sequence) else (output,)
    for one in outputs:
        if isinstance(key, Const) and _layer_name(compilation.machine, one) == key.value:
            return one
    return unknown("which output the name belongs to is not known")


def _layer_name(machine: Machine, output: Term) -> object:
    layer = output.function if isinstance(output, Apply) else None
    bound = machine.book.bind(layer, machine.era) if layer is not None else None
    name = bound.arguments.get("name") if bound is not None else None
    return name.value if isinstance(name, Const) else None


def _note_compiled(
    compilation: Compilation, loss: Term, output: Term, labels: Term | None, guards: tuple[Guard, ...]
) -> None:
    machine = compilation.machine
    loss = machine.chosen(loss)
    if isinstance(loss, (Function, Method, Instance, Partial)):
        _call_custom(compilation, loss, output, labels, guards)
        return
    bound, spelled = _bound_loss(compilation, loss, output, labels, machine.book.loss_named)
    summands = _summands(machine, loss) if bound is None else []
    for summand in summands:
        _note_compiled(compilation, summand, output, labels, guards)
    if bound is not None:
        _note_bound(compilation, "loss", bound, spelled, output, labels, guards)
    elif not summands and not (isinstance(loss, Const) and loss.value is None):
        machine.unjudged.append(_unjudged(compilation, loss))


def _summands(machine: Machine, loss: Term) -> list[Term]:
    """The losses that a sum of losses, some of them scaled, is made of."""
    bound = machine.book.bind(loss, machine.era)
    if bound is None or bound.entry.kind != "elementwise" or bound.entry["operation"] not in ("add", "multiply"):
        return []
    operands = [operand for operand in (bound.get("input"), bound.get("other")) if operand is not None]
    return [summand for operand in operands for summand in _summands(machine, operand) or _unscaled(machine, operand)]


def _unscaled(machine: Machine, term: Term) -> list[Term]:
    """The term itself if it is a loss, nothing if it is a number or not known."""
    entry = machine.book.entry(term.path) if isinstance(term, Api) else None
    made = machine.book.bind(term, machine.era)
    kinds = {known.kind for known in (entry, made.entry if made is not None else None) if known is not None}
    return [term] if kinds & {"loss", "metric"} or isinstance(term, Instance) else []


def _unjudged(compilation: Compilation, loss: Term) -> Unjudged:
    """A compile call whose loss is not known."""
    if isinstance(loss, Const):
        name, reason = str(loss.value), f"{loss.value!r} names no loss that is known"
    else:
        name = loss.name if isinstance(loss, Parameter) else "unknown"
        why = compilation.machine.facts.single(loss).reason or "it is computed"
        reason = f"which loss this is is not known: {why}"
    return Unjudged(compilation.origin.span, name, reason, compilation.is_open)


def _bound_loss(
    compilation: Compilation,
    loss: Term,
    output: Term,
    labels: Term | None,
    named: Callable[[str, str | None], Entry | None],
) -> tuple[Bound | None, str | None]:
    """A compiled loss applied to output and labels: a string, a function of the library's, or a loss object."""
    machine = compilation.machine
    spelled = loss.value if isinstance(loss, Const) and isinstance(loss.value, str) else None
    entry = named(spelled, compilation.bound.entry.framework) if spelled is not None else None
    function: Term = Api(entry.name) if entry is not None else loss
    made = machine.book.bind(loss, machine.era) if isinstance(loss, Apply) else None
    if entry is None:
        entry = made.entry if made is not None else machine.book.entry(loss.path) if isinstance(loss, Api) else None
    if entry is None or entry.kind not in ("loss", "metric"):
        return None, spelled
    if entry.is_class and not isinstance(function, Apply):
        function = Apply(function)
    roles = ((entry.role("labels"), labels), (entry.role("prediction"), output))
    given = tuple(
        Argument(name, value if value is not None else unknown("no labels in reach")) for name, value in roles if name
    )
    return machine.book.bind(Apply(function, given, origin=loss.origin), machine.era), spelled


def _note_bound(
    compilation: Compilation,
    anchor: str,
    bound: Bound,
    spelled: str | None,
    output: Term,
    labels: Term | None,
    guards: tuple[Guard, ...],
) -> None:
    machine = compilation.machine
    layers = machine.attribute(compilation.model, "layers") if isinstance(compilation.model, Instance) else None
    model = Model(output, tuple(map(seen, layers.items)) if isinstance(layers, Sequence) else ())
    for more, arguments in _decided_arguments(bound):
        machine.sites.append(
            Site(
                anchor=anchor,
                origin=compilation.origin,
                entry=bound.entry.under(arguments),
                prediction=output,
                labels=labels,
                constructor=bound.constructor if spelled is None else None,
                spelled=spelled,
                arguments=bound.arguments,
                scope=visible(compilation.frame),
                guards=(*compilation.guards, *guards, *more),
                callers=compilation.callers,
                model=model,
                weights=compilation.weights,
                is_compiled=True,
                is_open=compilation.is_open,
            )
        )


def _call_custom(
    compilation: Compilation, loss: Term, output: Term, labels: Term | None, guards: tuple[Guard, ...]
) -> None:
    """A loss function of the user's: walked with the model's output; the loss calls inside are the sites."""
    from lintloss.analysis import calls

    machine = compilation.machine
    given = labels if labels is not None else unknown("no labels in reach")
    arguments = (Argument(None, given), Argument(None, output))
    before = len(machine.sites)
    depth, is_open = len(machine.path), machine.is_open
    machine.path.extend(guards)
    machine.is_open = compilation.is_open  # of what `compile` was in, not of what is walked by now
    calls.call(machine, compilation.frame, loss, arguments, compilation.origin)
    machine.is_open = is_open
    del machine.path[depth:]
    machine.sites[before:] = [replace(site, is_compiled=True) for site in machine.sites[before:]]


def _note_metrics(compilation: Compilation, metrics: Term, output: Term, labels: Term | None) -> None:
    machine = compilation.machine
    metrics = machine.chosen(metrics)
    if isinstance(output, (Sequence, Mapping)) or isinstance(metrics, Mapping):
        return
    for metric in metrics.items if isinstance(metrics, Sequence) else (metrics,):
        metric = machine.chosen(metric)
        if isinstance(metric, (Function, Method, Instance, Class, Partial, Attribute)):
            continue
        bound, spelled = _bound_loss(compilation, metric, output, labels, machine.book.metric_named)
        if bound is not None and bound.entry.kind == "metric":
            _note_bound(compilation, "metric", bound, spelled, output, labels, ())
