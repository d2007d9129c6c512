"""Calls: what calling a function, a class, an object or a library's callable gives.

Functions of the user's are walked with the arguments they get; what a library's callable does is left to
facts and to the runtime checker, and stays a term. Loss calls are written down on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import libcst as cst

from lintloss.analysis import builtins, functional, models, record, stated, waiting, words
from lintloss.analysis.machine import (
    DEEPEST_CALL,
    FALLS,
    NOTHING,
    STEPS_PER_GUEST,
    STEPS_PER_HELPER,
    Effort,
    End,
    Machine,
    choice,
    unknown,
)
from lintloss.analysis.objects import Attribute, Class, Frame, Function, Instance, Method, Partial, Super
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import (
    Api,
    Apply,
    Argument,
    Choice,
    Const,
    Mapping,
    Parameter,
    Sequence,
    Stated,
    Term,
    Unknown,
    is_empty,
    seen,
)

MOST_TURNS_OF_RECURSION = 2
DEEPEST_SET_ASIDE = 1  # calls within which the defaults of a function that nobody calls, and of what it calls, are open
_COPIED = Api("tensorflow.identity")


def call(
    machine: Machine, frame: Frame, function: Term, arguments: tuple[Argument, ...], origin: NodeOrigin | None
) -> Term:
    """What `function(*arguments)` gives, its effects done and its loss calls written down."""
    machine.step()
    function = machine.chosen(function)
    match function:
        case Function():
            return call_function(machine, function, arguments, origin)
        case Method(receiver=receiver, function=inner):
            return call_function(machine, inner, (Argument(None, receiver), *arguments), origin)
        case Class():
            return instantiate(machine, function, arguments, origin)
        case Instance():
            return call_instance(machine, frame, function, arguments, origin)
        case Partial(function=inner, arguments=first):
            given = {argument.keyword for argument in arguments if argument.keyword}
            kept = tuple(argument for argument in first if argument.keyword is None or argument.keyword not in given)
            return call(machine, frame, inner, kept + arguments, origin)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return machine.either(
                frame,
                condition,
                lambda: call(machine, frame, then, arguments, origin),
                lambda: call(machine, frame, otherwise, arguments, origin),
            )
        case Api():
            return call_api(machine, frame, function, arguments, origin)
        case Attribute(base=base, name=name):
            return call_method(machine, base, name, arguments, origin, frame)
        case Stated(value=value):
            return call(machine, frame, value, arguments, origin)
        case Apply():
            _note_relay(machine, function, origin)
            differentiated = functional.differentiated(machine, frame, function, arguments, origin)
            if differentiated is not None:
                return differentiated
            term = Apply(function, arguments, origin=origin)
            return record.note(machine, frame, models.unwrapped(machine, frame, term))
        case Unknown(reason=reason):
            _run_callbacks(machine, arguments)
            return Unknown(reason, function, origin=origin)
        case Parameter():
            _note_relay(machine, function, origin)
        case Const():
            machine.passed_over.append(id(None))  # a default stands for something to be called: code that nobody knows
    _run_callbacks(machine, arguments)
    return Apply(function, arguments, origin=origin)


def _note_relay(machine: Machine, function: Term, origin: NodeOrigin | None) -> None:
    """Take note of whose callers say what is called, where that is called like a loss: a parameter, or one of several.

    The file that is analysed counts alone.
    """
    if origin is None or origin.unit.source is not machine.mains[0].code.source:
        return
    bound = machine.book.bind(function, machine.era)
    while bound is not None and bound.entry.kind == "pass":  # moved to a device, or taken from a collection
        function = seen(bound.get("input") or NOTHING)
        bound = machine.book.bind(function, machine.era)
    if isinstance(function, Parameter) and words.may_be_a_loss(function.name.encode()):
        machine.relays.add(function.function)


def _run_callbacks(machine: Machine, arguments: tuple[Argument, ...]) -> None:
    """Run the local functions that are handed to what is not known: it may call them (`optimizer.step(closure)`)."""
    is_open = machine.is_open
    for argument in arguments:
        function = argument.value
        if not isinstance(function, Function) or function.code.first or id(function.code) in machine.called:
            continue
        node = function.code.node
        if isinstance(node, cst.FunctionDef) and machine.project.may_hold_a_site(_text(function)):
            machine.is_open = is_open or bool(node.params.params)  # with what it calls them, nobody knows
            call_function(machine, function, (), None)
            machine.is_open = is_open


# -- functions of the user's ---------------------------------------------------------------------------------


def call_function(
    machine: Machine,
    function: Function,
    arguments: tuple[Argument, ...],
    origin: NodeOrigin | None,
    *,
    may_wait: bool = True,
) -> Term:
    """What a function of the user's gives: its body is walked with the arguments bound to its parameters.

    That of another file's may wait until someone asks what it gives, unless it `may_wait` no longer.
    """
    machine.called.add(id(function.code))
    if arguments and isinstance(arguments[0].value, Instance):
        machine.called_on.add((arguments[0].value.number, id(function.code)))
    turns = sum(active.code is function.code for active, _ in machine.calls)
    if turns >= MOST_TURNS_OF_RECURSION or len(machine.calls) >= DEEPEST_CALL:
        return unknown(f"`{function.code.name}` calls itself, or too deep", origin)
    key = _memo_key(machine, function, arguments)
    remembered = machine.memo.get(key)
    if remembered is not None:
        return remembered[0]
    is_guest = _is_guest(machine, function)
    if is_guest and machine.is_probing:  # all that matters in a loop's first run is what the value depends on
        machine.left_out += 1
        return Apply(function, arguments, origin=origin)
    writes = machine.writes
    reach = waiting.of_call(machine, function, arguments) if is_guest and may_wait else None
    if reach is not None:
        value = _postponed(machine, function, arguments, origin, reach)
    else:
        value = _followed(machine, function, arguments, origin, is_guest=is_guest)
    if machine.writes == writes:
        machine.memo[key] = (value, (function, arguments))
    return value


def _postponed(
    machine: Machine,
    function: Function,
    arguments: tuple[Argument, ...],
    origin: NodeOrigin | None,
    reach: waiting.Reach,
) -> Term:
    """What a call gives that waits until someone asks for that, or for what the object holds that it changes."""
    work = partial(_followed, machine, function, arguments, origin, is_guest=True)
    given = tuple(argument.value for argument in arguments)
    knows_objects, behind = waiting.objects_in(arguments), waiting.behind(arguments)
    changed = given[0] if reach.changes_itself and isinstance(given[0], Instance) else None
    if changed is not None:
        machine.give(given, changed)
    return machine.postponed(
        work,
        given,
        origin,
        changes=changed,
        sets=reach.sets,
        knows_objects=knows_objects,
        may_be_a_loss=reach.names_losses,
        behind=behind,
    )


def _followed(
    machine: Machine, function: Function, arguments: tuple[Argument, ...], origin: NodeOrigin | None, *, is_guest: bool
) -> Term:
    """What walking a function's body gives, unless that has cost too much before."""
    node = function.code.node
    if node is None:
        return unknown(f"`{function.code.name}` could not be parsed", origin)
    effort = machine.efforts.setdefault(id(function.code), Effort())
    if effort.is_idle and effort.steps > STEPS_PER_HELPER and function.code.name not in machine.leading:
        return unknown(f"`{function.code.name}` is called too often to be followed each time", origin)
    done, steps = machine.done, machine.own_steps
    walk = partial(_walk, machine, function, node, arguments, origin)
    value = _of_guest(machine, function, origin, walk) if is_guest and not machine.hosts_a_guest else walk()
    if all(active.code is not function.code for active, _ in machine.calls):  # of calls within calls, the outermost
        effort.steps += machine.own_steps - steps
    effort.is_idle = effort.is_idle and machine.done == done
    return value


def _is_guest(machine: Machine, function: Function) -> bool:
    """Whether a function is of another file than those that are analysed, and leads to none of their sites."""
    return function.frame.module not in machine.mains and function.code.name not in machine.leading


def _of_guest(machine: Machine, function: Function, origin: NodeOrigin | None, walk: Callable[[], Term]) -> Term:
    """What walking a guest gives, as far as the steps go that calling it here may take."""
    place = (id(function.code), origin.key if origin is not None else None)
    steps, spent = machine.own_steps, machine.spent_on_guests.get(place, 0)
    lost: Term = unknown(f"`{function.code.name}` is too intricate to be followed", origin)
    machine.hosts_a_guest = True
    try:
        return machine.within(STEPS_PER_GUEST - spent, walk, otherwise=lost)
    finally:
        machine.hosts_a_guest = False
        machine.spent_on_guests[place] = spent + machine.own_steps - steps


def _walk(
    machine: Machine,
    function: Function,
    node: cst.FunctionDef | cst.Lambda,
    arguments: tuple[Argument, ...],
    origin: NodeOrigin | None,
) -> Term:
    from lintloss.analysis import expressions, statements

    frame = Frame(function.frame.module, function.code.unit, {}, function.frame, label=function.code.name)
    bind_parameters(machine, function, frame, node.params, arguments)
    machine.calls.append((function, origin))
    depth = len(machine.path)
    try:
        if isinstance(node, cst.Lambda):
            return expressions.evaluate(machine, frame, node.body)
        outcome = statements.run(machine, frame, node.body.body)
    finally:
        machine.calls.pop()
        del machine.path[depth:]
    if frame.yielded:
        element = frame.yielded[0]
        return Apply(expressions.YIELDED, (Argument(None, element),), origin=origin)
    value = returned(outcome)
    return out_of_graph(value) if record.is_traced(machine, function) else value


def out_of_graph(value: Term) -> Term:
    """What a traced function gives back: other tensors than those of its graph, to which nothing is attached."""
    value = seen(value)
    if isinstance(value, Choice):
        return choice(value.condition, out_of_graph(value.then), out_of_graph(value.otherwise))
    if isinstance(value, Sequence):
        return replace(value, items=tuple(out_of_graph(item) for item in value.items))
    if isinstance(value, Apply):
        return Apply(_COPIED, (Argument(None, value),), origin=value.origin)
    return value


def returned(outcome: Term) -> Term:
    """The value a body returns: `None` where it falls off its end."""
    if isinstance(outcome, Choice):
        return choice(outcome.condition, returned(outcome.then), returned(outcome.otherwise))
    if outcome is FALLS:
        return NOTHING
    return unknown("the function never returns") if isinstance(outcome, End) else outcome


def _memo_key(machine: Machine, function: Function, arguments: tuple[Argument, ...]) -> tuple[object, ...]:
    def identity(term: Term) -> object:
        return (type(term.value).__name__, term.value) if isinstance(term, Const) else id(term)

    return (
        id(function.code),
        id(function.frame),
        tuple((argument.keyword, identity(argument.value)) for argument in arguments),
        tuple((guard.condition.key, guard.holds) for guard in machine.path),
        tuple(id(kwargs) for _, kwargs in machine.scopes),
        machine.without_defaults and len(machine.calls) <= DEEPEST_SET_ASIDE,
        machine.writes,
    )


def defaults_of(machine: Machine, frame: Frame, parameters: cst.Parameters) -> dict[str, Term]:
    """The defaults of a function's parameters, evaluated where it is defined."""
    from lintloss.analysis import expressions

    listed = (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)
    return {p.name.value: expressions.evaluate(machine, frame, p.default) for p in listed if p.default is not None}


def bind_parameters(
    machine: Machine, function: Function, frame: Frame, parameters: cst.Parameters, arguments: tuple[Argument, ...]
) -> None:
    """Bind arguments to parameters; what is neither given nor has a default is an open `Parameter`."""
    defaults = function.defaults
    if defaults is None:
        defaults = defaults_of(machine, function.outside, parameters)
    positional = [argument.value for argument in arguments if argument.keyword is None]
    keywords = {argument.keyword: argument.value for argument in arguments if argument.keyword not in (None, "*", "**")}
    unpacked = any(argument.keyword in ("*", "**") for argument in arguments)
    plain = [*parameters.posonly_params, *parameters.params]
    for parameter, value in zip(plain, positional, strict=False):
        frame.names[parameter.name.value] = value
    for parameter in (*plain[len(positional) :], *parameters.kwonly_params):
        name = parameter.name.value
        if name in keywords:
            frame.names[name] = keywords.pop(name)
        elif name in defaults and not unpacked and not _is_set_aside(machine, defaults[name]):
            frame.names[name] = defaults[name]
        else:
            origin = NodeOrigin(function.code.unit, parameter)
            frame.names[name] = Parameter(name, function.code.name, defaults.get(name), origin=origin)
    if isinstance(parameters.star_arg, cst.Param):
        frame.names[parameters.star_arg.name.value] = Sequence("tuple", tuple(positional[len(plain) :]))
    if parameters.star_kwarg is not None:
        rest = tuple((Const(name), value) for name, value in keywords.items() if name not in frame.names)
        frame.names[parameters.star_kwarg.name.value] = Mapping(rest)
    for name, fact in stated.of_parameters(function.code).items():
        value = frame.names[name]
        frame.names[name] = Stated(fact, value, origin=_place_of(function, parameters, name))


def _place_of(function: Function, parameters: cst.Parameters, name: str) -> NodeOrigin:
    listed = (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)
    return NodeOrigin(function.code.unit, next(each for each in listed if each.name.value == name))


def _is_set_aside(machine: Machine, default: Term) -> bool:
    """Whether this default is left open: a function nobody calls is also walked as if its flags were given.

    Its numbers are open then as well: they may be the defaults for another mode.
    """
    if not isinstance(default, Const) or len(machine.calls) > DEEPEST_SET_ASIDE:
        return False
    machine.flags_by_default += isinstance(default.value, (str, bool, type(None)))
    return machine.without_defaults


# -- classes and instances -----------------------------------------------------------------------------------


def lineage(cls: Term) -> Iterator[Class]:
    """A class of the user's and its bases, in the order attributes are looked up."""
    pending, seen = [cls], set()
    while pending:
        current = pending.pop(0)
        if isinstance(current, Choice):
            pending[:0] = [current.then, current.otherwise]
        elif isinstance(current, Class) and id(current) not in seen:
            seen.add(id(current))
            yield current
            pending[:0] = current.bases


def library_bases(cls: Term) -> Iterator[Api]:
    """The classes of libraries that a class derives from."""
    if isinstance(cls, Api):
        yield cls
    for user_class in lineage(cls):
        for base in user_class.bases:
            if isinstance(base, Api):
                yield base


def find_method(cls: Term, name: str, after: Class | None = None) -> Function | None:
    """The method that `name` means, or the one after the class `after` (for `super()`)."""
    waiting = after is not None
    for user_class in lineage(cls):
        if waiting:
            waiting = user_class is not after
        elif name in user_class.methods:
            return user_class.wrapped.get(name, user_class.methods[name])
    return None


def class_attribute(machine: Machine, cls: Class, name: str) -> Term | None:
    for user_class in lineage(cls):
        if name in user_class.methods:
            function = user_class.methods[name]
            return Method(cls, function) if "classmethod" in function.decorators else function
        if name in user_class.attributes:
            return user_class.attributes[name]
    return None


def instantiate(machine: Machine, cls: Class, arguments: tuple[Argument, ...], origin: NodeOrigin | None) -> Instance:
    """A new object; its `__init__` is walked, now or when someone asks what the object holds."""
    made = Apply(cls, arguments, origin=origin)
    instance = machine.new_instance(cls, made, origin)
    machine.give((argument.value for argument in arguments), instance)
    initialise = find_method(cls, waiting.CONSTRUCTOR)
    if initialise is not None:
        given = (Argument(None, instance), *arguments)
        build = partial(call_function, machine, initialise, given, origin, may_wait=False)
        reach = waiting.of_constructor(machine, lineage(cls), arguments)
        if reach is not None:
            knows_objects = waiting.objects_in(arguments)
            machine.postponed(
                build,
                (),
                origin,
                changes=instance,
                is_new=True,
                sets=reach.sets,
                knows_objects=knows_objects,
                may_be_a_loss=reach.names_losses,
            )
        else:
            build()
    else:
        for name, value in _given_fields(cls, arguments):
            machine.set_attribute(instance, name, value)
        if any(True for _ in library_bases(cls)):
            models.initialise(machine, instance, arguments)
    return instance


def fields_of(cls: Class) -> list[str]:
    """The fields of a data class, a named tuple or a Flax module, those of its bases first."""
    return [*dict.fromkeys(name for each in reversed(list(lineage(cls))) for name in each.code.fields)]


def _given_fields(cls: Class, arguments: tuple[Argument, ...]) -> Iterator[tuple[str, Term]]:
    """What a class without a constructor is made with, by the names of its fields."""
    by_position = iter(fields_of(cls))
    for keyword, value in arguments:
        if keyword in ("*", "**"):
            return
        name = keyword or next(by_position, None)
        if name is not None:
            yield name, value


def instance_attribute(machine: Machine, instance: Instance, name: str, origin: NodeOrigin | None) -> Term:
    """What `instance.name` is: set, a method, a class attribute, or set by a method that was not called yet."""
    found = machine.attribute(instance, name)
    if found is not None:
        return _open_if_others_change_it(machine, instance, name, machine.taken(found))
    method = find_method(instance.cls, name)
    if method is not None:
        if any(decorator.split(".")[-1] in ("property", "cached_property") for decorator in method.decorators):
            return call_function(machine, method, (Argument(None, instance),), origin)
        if "staticmethod" in method.decorators:
            return method
        return Method(instance if "classmethod" not in method.decorators else instance.cls, method)
    if isinstance(instance.cls, Class):
        inherited = class_attribute(machine, instance.cls, name)
        if inherited is not None:
            return inherited
    known = models.attribute(machine, instance, name, origin)
    if known is not None:
        return known
    _run_the_method_that_sets(machine, instance, name)
    found = machine.attribute(instance, name)
    return machine.taken(found) if found is not None else Attribute(instance, name, origin=origin)


def _open_if_others_change_it(machine: Machine, instance: Instance, name: str, held: Term) -> Term:
    """What an object holds, where methods that nobody in reach calls may have changed it.

    A list or dict that is still empty is there to be filled, a number that a method adds to has any value.
    """
    if not machine.is_open:
        return held
    if isinstance(held, (Sequence, Mapping)) and is_empty(held):
        return replace(held, is_open=True)
    if isinstance(held, Const) and type(held.value) in (int, float):
        methods = (method for cls in lineage(instance.cls) for method in cls.methods.values())
        if any(name in method.frame.module.outline.deeds_of(method.code).counts for method in methods):
            return unknown(f"`{name}` is counted up", held.origin)
    return held


def _run_the_method_that_sets(machine: Machine, instance: Instance, name: str) -> None:
    key = ("sets", instance.number, name)
    if key in machine.memo:
        return
    machine.memo[key] = (NOTHING, ())
    for cls in lineage(instance.cls):
        for method in cls.methods.values():
            own = cls.frame.module.outline.deeds_of(method.code).own
            if name in own and (instance.number, id(method.code)) not in machine.called_on:
                call_function(machine, method, (Argument(None, instance),), None)
                if machine.attribute(instance, name) is not None:
                    return


def _text(function: Function) -> str:
    code = function.code
    if code.first:
        return "\n".join(code.unit.source.lines[code.first - 1 : code.last])
    return code.unit.code(code.node) if code.node is not None else ""


def call_instance(
    machine: Machine, frame: Frame, instance: Instance, arguments: tuple[Argument, ...], origin: NodeOrigin | None
) -> Term:
    """What calling an object gives: its `__call__`, or the method that its library base runs for a call."""
    for name in ("__call__", *_entries_of(machine, instance), "call", "forward"):
        method = find_method(instance.cls, name)
        if method is not None:
            return call_function(machine, method, (Argument(None, instance), *arguments), origin)
    inherited = machine.attribute(instance, models.INHERITED)
    if inherited is not None:
        return call(machine, frame, inherited, arguments, origin)
    if arguments:
        return models.apply(machine, frame, instance, arguments[0].value, origin)
    return unknown("an object is called that has no known way to be", origin)


def _entries_of(machine: Machine, instance: Instance) -> list[str]:
    """The methods that calling an object of a library's class, or of one derived from it, runs."""
    return [name for base in library_bases(instance.cls) for name in _entries(machine, base.path)]


def _entries(machine: Machine, path: str) -> Iterator[str]:
    """The methods that calling an object of a library's class runs."""
    inherited = (base for entry in machine.book.entries(path) for base in entry.data.get("inherits", ()))
    found = (machine.book.entry(each) for each in (path, *inherited))
    return (entry["entry"] for entry in found if entry is not None and entry["entry"])


def _is_call(machine: Machine, base: Term, name: str) -> bool:
    """Whether `base.name(...)` is what `base(...)` runs, of an object of a library's class."""
    if isinstance(base, Instance):
        return name == "__call__" or name in _entries_of(machine, base)
    bound = machine.book.bind(base, machine.era) if isinstance(base, Apply) else None
    if bound is None or bound.constructor is not None or not bound.entry.is_class:
        return False
    return name == "__call__" or name in _entries(machine, bound.entry.name)


def call_method(
    machine: Machine,
    base: Term,
    name: str,
    arguments: tuple[Argument, ...],
    origin: NodeOrigin | None,
    frame: Frame | None = None,
) -> Term:
    """What `base.name(*arguments)` gives, for bases of every kind."""
    base = machine.chosen(base)
    here = frame if frame is not None else _outermost(machine)
    if isinstance(base, Choice):
        then, otherwise = base.then, base.otherwise
        return machine.either(
            here,
            base.condition,
            lambda: call_method(machine, then, name, arguments, origin, frame),
            lambda: call_method(machine, otherwise, name, arguments, origin, frame),
        )
    if isinstance(base, (Sequence, Mapping, Const)):
        known = builtins.method(machine, here, base, name, arguments, origin)
        if known is not None:
            return known
    if isinstance(base, Instance):
        method = find_method(base.cls, name)
        if method is not None:
            return call_function(machine, method, (Argument(None, base), *arguments), origin)
    if not isinstance(base, Super) and _is_call(machine, base, name):
        return call(machine, here, base, arguments, origin)
    if isinstance(base, Super):
        if name == "__init__" and isinstance(base.receiver, Instance):
            models.initialise(machine, base.receiver, arguments)
            return NOTHING
        base = base.receiver
        inherited = machine.attribute(base, models.INHERITED) if isinstance(base, Instance) else None
        if inherited is not None and isinstance(base, Instance) and name in _entries_of(machine, base):
            return call(machine, here, inherited, arguments, origin)
    handled = models.method(machine, here, base, name, arguments, origin)
    if handled is not None:
        return handled
    path, receives = method_of(machine, base, name)
    if isinstance(base, Instance) and path is not None and _keeps_its_receiver(machine, path):
        return base
    if path is None:
        _run_callbacks(machine, arguments)
        if isinstance(base, Unknown):
            return Unknown(base.reason, base, origin=origin)
        return Apply(Attribute(base, name, origin=origin), arguments, origin=origin)
    receiver = (Argument(None, base),) if receives else ()
    return record.note(machine, here, Apply(Api(path), (*receiver, *arguments), origin=origin))


def _keeps_its_receiver(machine: Machine, path: str) -> bool:
    """Whether a method that tensors have too gives what it is called on, elsewhere or of another data type."""
    entry = machine.book.entry(path)
    return entry is not None and entry.kind == "pass" and entry["since"] in ("identity", "cast")


def method_of(machine: Machine, base: Term, name: str) -> tuple[str | None, bool]:
    """The API entry that describes a method, of the value's own class or of any value; whether it gets the value."""
    owner = base
    while isinstance(owner, Apply) and isinstance(owner.function, Apply):
        owner = owner.function
    if isinstance(owner, Apply) and isinstance(owner.function, Api):
        entry = machine.book.entry(owner.function.path)
        for maker in (owner.function.path, str(entry["makes"]) if entry is not None else ""):
            own = machine.book.canonical(f"{maker}.{name}")
            if machine.book.entries(own):
                return own, entry is None or entry["receiver"] is not False
    return f"tensor.{name}" if machine.book.entries(f"tensor.{name}") else None, True


def _outermost(machine: Machine) -> Frame:
    return machine.calls[-1][0].frame if machine.calls else machine.project.frame


# -- callables of libraries ----------------------------------------------------------------------------------


def call_api(
    machine: Machine, frame: Frame, function: Api, arguments: tuple[Argument, ...], origin: NodeOrigin | None
) -> Term:
    """What a library's callable gives. Python's own are computed, models become objects, the rest are terms."""
    record.date(machine, function.path)
    # Only the whole name says what it means: `tf.losses.X` is one thing in TensorFlow 1 and another in 2.
    function = Api(machine.book.canonical(function.path), origin=function.origin)
    computed = builtins.function(machine, frame, function.path, arguments, origin)
    if computed is not None:
        return computed
    arguments = _with_scope(machine, function, arguments)
    term = Apply(function, arguments, origin=origin)
    made = _looked_up(machine, term) or models.construct(machine, frame, term)
    if made is not None:
        return made
    if not machine.book.entries(function.path):
        _run_callbacks(machine, arguments)
    return record.note(machine, frame, term)


def _looked_up(machine: Machine, term: Apply) -> Term | None:
    """What a library finds under a name: `losses.get("mse")`; what is no name is given back as it is."""
    bound = machine.book.bind(term, machine.era)
    wanted = bound.get("looks_up") if bound is not None else None
    if bound is None or wanted is None:
        return None
    if not isinstance(wanted, Const):
        return wanted
    found = machine.book.named(bound.entry["among"], wanted.value) if isinstance(wanted.value, str) else None
    return Api(found.name, origin=term.origin) if found is not None else wanted if wanted.value is None else None


def _with_scope(machine: Machine, function: Api, arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """The arguments, completed by the defaults that enclosing scopes (`arg_scope`) give this callable."""
    if not machine.scopes:
        return arguments
    given = {argument.keyword for argument in arguments if argument.keyword}
    extra: dict[str, Term] = {}
    names = {function.path, *(name for entry in machine.book.entries(function.path) for name in entry.names)}
    for targets, keywords in machine.scopes:
        if not names.isdisjoint(targets):
            extra.update(keywords)
    return (*arguments, *(Argument(name, value) for name, value in extra.items() if name not in given))


def enter_scope(machine: Machine, value: Term) -> None:
    """Push the defaults that a `with` statement's scope sets."""
    for layer in _scope_layers(machine, machine.chosen(value)):
        machine.scopes.append(layer)


def _scope_layers(machine: Machine, value: Term) -> list[tuple[frozenset[str], dict[str, Term]]]:
    if isinstance(value, Sequence) and value.kind == "scope":
        return [layer for item in value.items for layer in _scope_layers(machine, item)]
    bound = machine.book.bind(value, machine.era)
    if bound is None or bound.entry.kind != "scope":
        return []
    targets = bound.get("targets")
    if isinstance(targets, (Sequence, Api)) and not (isinstance(targets, Sequence) and targets.kind == "scope"):
        items = targets.items if isinstance(targets, Sequence) else (targets,)
        paths = frozenset(machine.book.canonical(item.path) for item in items if isinstance(item, Api))
        keywords = {name: term for name, term in bound.arguments.items() if name in bound.given and term is not targets}
        return [(paths, keywords)]
    return _scope_layers(machine, targets) if targets is not None else []


def entered(machine: Machine, value: Term, origin: NodeOrigin) -> Term:
    """What `with value as name` binds: the value itself; for scopes, all that are open now."""
    bound = machine.book.bind(value, machine.era)
    if bound is not None and bound.entry.kind == "scope":
        open_scopes = [Apply(Api(bound.entry.name), _scope_arguments(layer)) for layer in machine.scopes]
        return Sequence("scope", tuple(open_scopes), origin=origin)
    if isinstance(value, Instance):
        method = find_method(value.cls, "__enter__")
        if method is not None:
            return call_function(machine, method, (Argument(None, value),), origin)
    return value


def _scope_arguments(layer: tuple[frozenset[str], dict[str, Term]]) -> tuple[Argument, ...]:
    targets = Sequence("list", tuple(Api(path) for path in sorted(layer[0])))
    return (Argument(None, targets), *(Argument(name, value) for name, value in layer[1].items()))
