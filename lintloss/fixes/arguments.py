"""set-argument, drop-argument and swap-arguments: on the loss call, or where the loss object is made."""

from __future__ import annotations

from collections.abc import Mapping

from lintloss.fixes import compiled, layers, places
from lintloss.fixes.misuse import Change, Misuse
from lintloss.fixes.written import WrittenCall


def set_argument(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: give one argument another value. `activation`, `axis` and `units` are the last layer's."""
    if len(arguments) != 1:
        return None
    ((name, value),) = arguments.items()
    if name == "activation":
        return layers.set_activation(misuse, str(value))
    if name == "axis" and isinstance(value, int):
        return layers.set_axis(misuse, value)
    if (name, value) == ("units", "classes"):
        return layers.set_units(misuse)
    parameter = misuse.entry.role(name) or misuse.entry[name] or name
    if not isinstance(parameter, str):
        return None
    call = _holding(misuse, parameter)
    if call is not None:
        return Change.of([call.setting(parameter, repr(value))])
    if misuse.site.model is None:
        return None
    return Change.of(compiled.as_object(misuse, misuse.site.entry, parameter, repr(value)))


def drop_argument(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: take an argument away that has the wrong value."""
    if len(arguments) != 1:
        return None
    ((name, value),) = arguments.items()
    parameter = misuse.entry.role(name) or name
    call = _holding(misuse, parameter)
    if call is None or call.argument(parameter) is None:
        return None
    dropped = call.dropping(parameter)
    if dropped is None and isinstance(value, bool):  # a positional argument with others behind it
        dropped = call.setting(parameter, repr(not value))
    return Change.of([dropped])


def _holding(misuse: Misuse, parameter: str) -> WrittenCall | None:
    """The call that takes the parameter: the loss function's, or the loss object's constructor's."""
    if parameter not in {each.name for each in misuse.site.entry.parameters or ()}:
        return None
    return misuse.construction if misuse.site.entry.is_class else misuse.call


def swap_arguments(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: labels and prediction change places."""
    prediction, labels = misuse.given("prediction"), misuse.given("labels")
    if prediction is None or labels is None:
        return None
    return Change(
        (
            places.replacing(prediction, places.text(labels)),
            places.replacing(labels, places.text(prediction)),
        )
    )
