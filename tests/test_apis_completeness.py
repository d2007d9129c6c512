"""The API files against the libraries that are installed.

Two questions. Does the data know, or waive with a reason, every callable that could be a loss, a metric, an
activation or a layer? And are the parameters that it states the ones that the installed callable has?
The files are read here with `tomllib`, not with lintloss' own loader: a mistake in one does not hide the other.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

FOLDER = Path(__file__).parent.parent / "rules" / "apis"
FILES = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))}
ENTRIES = [(stem, entry) for stem, data in FILES.items() for entry in data["api"]]
ALIASES = {old: new for data in FILES.values() for old, new in data.get("aliases", {}).items()}
KNOWN = {name for _, entry in ENTRIES for name in entry["names"]}

KINDS = {
    "activation", "layer", "pass", "affine", "elementwise", "reduce", "loss", "metric", "encoder", "make", "input",
    "loader", "model", "module", "compile", "train", "feed", "policy", "scope", "structure", "waived",
}  # fmt: skip
FAMILIES = {
    "softmax", "sigmoid", "squared", "absolute", "nll", "kl", "hinge", "poisson", "cosine", "focal_softmax",
    "focal_sigmoid", "contrastive", "margin", "other",
}  # fmt: skip
ACTIVATIONS = {"softmax", "sigmoid", "log_softmax", "log_sigmoid", "relu", "tanh", "linear", "other"}
ENCODINGS = {
    "one_hot", "class_ids", "multi_hot", "soft", "binary", "continuous", "constant", "unknown",
}  # fmt: skip
TELLTALE = {"logits", "from_logits", "labels", "y_true", "onehot_labels", "multi_class_labels"}
NAMES_A_PARAMETER = ("input", "other", "axis", "units", "classes", "targets", "wraps", "threshold")

# Where the libraries keep what a training script calls. All callables of `everything` must be known.
TELLTALE_MODULES = {
    "tensorflow": tf,
    "tensorflow.nn": tf.nn,
    "tensorflow.math": tf.math,
    "tensorflow.random": tf.random,
    "tensorflow.losses": tf.losses,
    "tensorflow.metrics": tf.metrics,
    "tensorflow.compat.v1": tf.compat.v1,
    "tensorflow.compat.v1.nn": tf.compat.v1.nn,
    "tensorflow.compat.v1.math": tf.compat.v1.math,
    "tensorflow.compat.v1.random": tf.compat.v1.random,
    "tensorflow.compat.v1.losses": tf.compat.v1.losses,
    "tensorflow.compat.v1.metrics": tf.compat.v1.metrics,
    "tensorflow.keras.backend": tf.keras.backend,
    "keras": keras,
    "keras.ops": keras.ops,
    "keras.random": keras.random,
    "keras.utils": keras.utils,
    "keras.preprocessing": keras.preprocessing,
}
EVERYTHING_MODULES = {
    "keras.activations": keras.activations,
    "keras.layers": keras.layers,
    "keras.losses": keras.losses,
    "keras.metrics": keras.metrics,
    "keras.applications": keras.applications,
    "tensorflow.keras.activations": tf.keras.activations,
    "tensorflow.keras.layers": tf.keras.layers,
    "tensorflow.keras.losses": tf.keras.losses,
    "tensorflow.keras.metrics": tf.keras.metrics,
    "tensorflow.losses": tf.losses,
    "tensorflow.compat.v1.losses": tf.compat.v1.losses,
}


def canonical(path: str) -> str:
    """`path` with its longest aliased prefix replaced, until nothing changes."""
    for _ in range(4):
        prefix = next((piece for piece in _prefixes(path) if piece in ALIASES), None)
        if prefix is None:
            break
        path = ALIASES[prefix] + path[len(prefix) :]
    return path


def _prefixes(path: str) -> Iterator[str]:
    pieces = path.split(".")
    return (".".join(pieces[:length]) for length in range(len(pieces), 0, -1))


def is_known(path: str) -> bool:
    return path in KNOWN or canonical(path) in KNOWN


def public(module: Any) -> Iterator[tuple[str, Any]]:
    for name in sorted(set(dir(module))):
        if name.startswith("_"):
            continue
        found = getattr(module, name, None)
        if callable(found) and not isinstance(found, ModuleType) and not _is_enumeration(found):
            yield name, found


def _is_enumeration(found: Any) -> bool:
    return (
        inspect.isclass(found)
        and not any(name in dir(found) for name in ("call", "update_state"))
        and "Reduction" in found.__name__
    )


def parameter_names(found: Any) -> set[str]:
    try:
        names = set(inspect.signature(found).parameters)
        if inspect.isclass(found) and hasattr(found, "call"):
            names |= set(inspect.signature(found.call).parameters)
    except (TypeError, ValueError):
        return set()
    return names


@pytest.mark.parametrize("prefix", EVERYTHING_MODULES)
def test_every_public_callable_is_known(prefix: str) -> None:
    unknown = [name for name, _ in public(EVERYTHING_MODULES[prefix]) if not is_known(f"{prefix}.{name}")]
    assert not unknown, f"neither known nor waived in {prefix}: {', '.join(unknown)}"


@pytest.mark.parametrize("prefix", TELLTALE_MODULES)
def test_every_callable_that_takes_labels_or_logits_is_known(prefix: str) -> None:
    unknown = [
        name
        for name, found in public(TELLTALE_MODULES[prefix])
        if parameter_names(found) & TELLTALE and not is_known(f"{prefix}.{name}")
    ]
    assert not unknown, f"neither known nor waived in {prefix}: {', '.join(unknown)}"


def test_every_activation_is_known_wherever_it_is_exported() -> None:
    homes = {"tensorflow": tf, "tensorflow.nn": tf.nn, "tensorflow.math": tf.math, "keras.ops": keras.ops}
    activations = {name for name, _ in public(keras.activations)} - {"threshold", "get", "serialize", "deserialize"}
    exported = [f"{home}.{name}" for home, module in homes.items() for name in activations if hasattr(module, name)]
    unknown = [path for path in exported if not is_known(path)]
    assert not unknown, unknown


def test_the_walk_would_notice_a_new_loss() -> None:
    def brand_new_loss(labels: Any, logits: Any) -> None: ...

    module = ModuleType("somewhere")
    module.brand_new_loss = brand_new_loss  # type: ignore[attr-defined]
    (pair,) = public(module)
    assert parameter_names(pair[1]) & TELLTALE
    assert not is_known(f"tensorflow.nn.{pair[0]}")


# -- what the entries say -------------------------------------------------------------------------------------------


def installed(path: str, versions: str = "") -> Any:
    """What the name stands for in the installed libraries, or None."""
    root, *rest = path.split(".")
    if root not in ("tensorflow", "keras", "numpy", "operator", "builtins", "math", "functools", "random"):
        return None
    if root == "tensorflow" and "<2" in versions:
        return _reach(tf.compat.v1, rest)
    found = _reach(importlib.import_module(root), rest)
    return _reach(tf.keras, rest) if found is None and root == "keras" else found  # tf.keras keeps the older names


def _reach(found: Any, rest: list[str]) -> Any:
    for name in rest:
        try:
            found = getattr(found, name)
        except Exception:  # lazily loaded modules fail in ways of their own
            return None
    return found


def stated(specs: list[str]) -> list[tuple[str, str, Any]]:
    """(kind, name, default) of a parameter list as the files write it."""
    result, kind = [], "plain"
    for spec in specs:
        name, equals, default = spec.partition("=")
        if spec == "*":
            kind = "keyword"
        elif spec.startswith("**"):
            result.append(("options", spec[2:], inspect.Parameter.empty))
        elif spec.startswith("*"):
            result.append(("rest", spec[1:], inspect.Parameter.empty))
            kind = "keyword"
        else:
            result.append((kind, name, _literal(default) if equals else inspect.Parameter.empty))
    return result


def _literal(code: str) -> Any:
    try:
        return ast.literal_eval(code)
    except ValueError:
        return code


def actual(found: Any) -> list[tuple[str, str, Any]] | None:
    kinds = {
        inspect.Parameter.KEYWORD_ONLY: "keyword",
        inspect.Parameter.VAR_POSITIONAL: "rest",
        inspect.Parameter.VAR_KEYWORD: "options",
    }
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return None
    return [(kinds.get(p.kind, "plain"), p.name, p.default) for p in parameters]


def differences(specs: list[str], found: Any) -> list[str]:
    """What the stated parameters and the installed ones disagree on.

    A list that ends in `*rest` or `**rest` where the callable has none leaves the remaining parameters open.
    """
    mine, theirs = stated(specs), actual(found)
    if theirs is None:
        return []
    mine, theirs = _without_receiver(mine), _without_receiver(theirs)
    if [kind for kind, *_ in theirs] == ["rest", "options"]:  # (*args, **kwargs): the signature is hidden
        return []
    closed = [(kind, name) for kind, name, _ in theirs if kind in ("rest", "options")]
    is_open = [m for m in mine if m[0] in ("rest", "options") and m[:2] not in closed]
    mine = [m for m in mine if m not in is_open]
    result = []
    if not is_open and [m[:2] for m in mine] != [t[:2] for t in theirs]:
        result.append(f"states {_names(mine)}, has {_names(theirs)}")
    order = [name for kind, name, _ in theirs if kind == "plain"]
    plain = [name for kind, name, _ in mine if kind == "plain"]
    if order[: len(plain)] != plain:
        result.append(f"positional {plain}, has {order}")
    defaults = {name: default for _, name, default in theirs}
    for _, name, default in mine:
        if name in defaults and name != "name" and not _same(default, defaults[name]):
            result.append(f"{name}={default!r}, has {defaults[name]!r}")
        if name not in defaults:
            result.append(f"no parameter {name}")
    return result


def _without_receiver(parameters: list[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    return parameters[1:] if parameters and parameters[0][1] == "self" else parameters


def _names(parameters: list[tuple[str, str, Any]]) -> str:
    return ", ".join({"rest": "*", "options": "**"}.get(kind, "") + name for kind, name, _ in parameters)


def _same(stated_default: Any, default: Any) -> bool:
    if stated_default is default:
        return True
    if isinstance(default, tf.DType):
        return stated_default == default.name
    if type(default).__name__ in ("KeywordRequired", "_NoValueType") or isinstance(default, (type, *_enumerations())):
        return stated_default is None or stated_default == getattr(default, "__name__", None)
    return repr(stated_default) == repr(default) or stated_default == default


@functools.cache
def _enumerations() -> tuple[type, ...]:
    compat = tf.compat.v1
    kinds = {type(e) for c in (tf, compat) for e in (c.VariableSynchronization.AUTO, c.VariableAggregation.NONE)}
    return (*kinds, tf.UnconnectedGradients)


# NumPy's own functions hide their defaults behind C code or a marker; their names and order are checked all the same.
@pytest.mark.parametrize("stem", FILES)
def test_parameters_are_those_of_the_installed_callable(stem: str) -> None:
    wrong = []
    for entry in FILES[stem]["api"]:
        versions = entry.get("versions", "")
        if "parameters" not in entry or versions.startswith(("keras<", "tensorflow<1")):
            continue
        for name in entry["names"]:
            found = installed(name, versions)
            if found is None or isinstance(found, (property, ModuleType)):
                continue
            if name.split(".")[0] in ("numpy", "builtins", "operator", "math", "random"):
                found_differences = numeric_differences(entry["parameters"], found)
            else:
                found_differences = differences(entry["parameters"], found)
            wrong += [f"{name}: {difference}" for difference in found_differences]
    assert not wrong, "\n".join(wrong)


def numeric_differences(specs: list[str], found: Any) -> list[str]:
    """As `differences`, for names and order only."""
    theirs = actual(found)
    if theirs is None or any(kind == "rest" for kind, *_ in theirs):
        return []
    order = [name for kind, name, _ in theirs if kind == "plain" and name != "self"]
    plain = [name for kind, name, _ in stated(specs) if kind == "plain" and name != "self"]
    agrees = len(plain) <= len(order) and all(
        mine == other or mine in ("a", "b", "x", "obj", "start", "iterable")
        for mine, other in zip(plain, order, strict=False)
    )
    return [] if agrees else [f"positional {plain}, has {order}"]


@pytest.mark.parametrize("stem", ["tensorflow", "keras", "numpy", "python"])
def test_names_without_versions_exist(stem: str) -> None:
    absent = [
        name
        for entry in FILES[stem]["api"]
        if "versions" not in entry
        for name in entry["names"]
        if name.split(".")[0] in ("tensorflow", "keras", "numpy", "operator", "builtins", "math")
        and installed(name) is None
        and name not in OUT_OF_THE_LIBRARY
    ]
    assert not absent, absent


# Keras 3 has it as a string only, which names a different function each time.
OUT_OF_THE_LIBRARY = {"keras.metrics.accuracy"}


def test_orders_of_tensorflow_1_are_those_of_compat_v1() -> None:
    wrong = []
    for stem, entry in ENTRIES:
        for order in entry.get("orders", ()):
            if order["versions"] != "tensorflow<2" or "source" in order:
                continue
            for name in entry["names"]:
                found = installed(name, "tensorflow<2")
                assert found is not None, name
                wrong += [f"{stem} {name}: {difference}" for difference in differences(order["parameters"], found)]
    assert not wrong, "\n".join(wrong)


def test_orders_of_versions_that_are_not_installed_are_dated_and_sourced() -> None:
    for _, entry in ENTRIES:
        for order in entry.get("orders", ()):
            if order["versions"] != "tensorflow<2":
                assert order.get("source"), entry["names"]
                assert order.get("date"), entry["names"]


@pytest.mark.parametrize("stem", FILES)
def test_call_parameters_are_those_of_the_installed_class(stem: str) -> None:
    wrong = []
    for entry in FILES[stem]["api"]:
        if "call" not in entry or "versions" in entry:
            continue
        for name in entry["names"]:
            found = installed(name)
            method = found and getattr(
                found, {"loss": "__call__", "metric": "update_state"}.get(entry["kind"], "call"), None
            )
            if method is not None and entry["kind"] not in ("module", "model", "input"):
                wrong += [f"{name}: {difference}" for difference in differences(entry["call"], method)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("stem", FILES)
def test_entries_are_well_formed(stem: str) -> None:
    data = FILES[stem]
    assert data["format"] == 1
    assert data["framework"]
    wrong = []
    for entry in data["api"]:
        label = entry["names"][0]
        parameters = {name for _, name, _ in stated([*entry.get("parameters", ()), *entry.get("call", ())])} | {"self"}
        if entry["kind"] not in KINDS:
            wrong.append(f"{label}: kind {entry['kind']}")
        wrong += [
            f"{label}: {key} names {entry[key]}, which is no parameter"
            for key in NAMES_A_PARAMETER
            if isinstance(entry.get(key), str)
            and entry[key] not in parameters
            and (key, entry["kind"]) not in (("input", "loss"), ("input", "metric"))
        ]
        wrong += [
            f"{label}: takes {role} = {name}, which is no parameter"
            for role, name in entry.get("takes", {}).items()
            if name not in parameters
        ]
        wrong += [
            f"{label}: renamed to {new}, which is no parameter"
            for new in entry.get("renamed", {}).values()
            if new not in parameters and not any(p.startswith("**") for p in entry.get("parameters", ()))
        ]
        wrong += _vocabulary(label, entry)
    assert not wrong, "\n".join(wrong)


def _vocabulary(label: str, entry: dict[str, Any]) -> Iterator[str]:
    if entry["kind"] in ("loss", "metric"):
        families = FAMILIES | ({"auto", "equal"} if entry["kind"] == "metric" else set())
        if entry.get("family") not in families:
            yield f"{label}: family {entry.get('family')}"
        if entry.get("input") not in ("logits", "probabilities", "log_probabilities", "any"):
            yield f"{label}: input {entry.get('input')}"
        if entry.get("labels") not in ("dense", "sparse", "either", "binary", "any"):
            yield f"{label}: labels {entry.get('labels')}"
        if "prediction" not in entry.get("takes", {}):
            yield f"{label}: takes no prediction"
    if entry["kind"] == "activation" and entry.get("activation") not in ACTIVATIONS:
        yield f"{label}: activation {entry.get('activation')}"
    if entry["kind"] == "encoder" and entry.get("encoding") not in ENCODINGS:
        yield f"{label}: encoding {entry.get('encoding')}"
    if entry["kind"] == "waived" and not entry.get("reason"):
        yield f"{label}: waived without a reason"


def test_aliases_lead_somewhere_and_end() -> None:
    for old in ALIASES:
        new = canonical(old)
        assert canonical(new) == new, f"{old} never settles"


def test_a_name_stands_twice_only_where_versions_or_kinds_differ() -> None:
    seen: dict[str, list[dict[str, Any]]] = {}
    for _, entry in ENTRIES:
        for name in entry["names"]:
            seen.setdefault(name, []).append(entry)
    for name, entries in seen.items():
        marks = [(entry.get("versions"), entry["kind"]) for entry in entries]
        assert len(marks) == len(set(marks)), name


def test_strings_of_losses_metrics_and_activations_are_those_of_keras() -> None:
    look_up = {"loss": keras.losses.get, "metric": keras.metrics.get, "activation": keras.activations.get}
    strange = [
        (entry["kind"], string)
        for entry in FILES["keras"]["api"]
        if "versions" not in entry
        for string in entry.get("strings", ())
        if string not in FORMER_STRINGS and not _finds(look_up[entry["kind"]], string)
    ]
    assert not strange, strange


def _finds(look_up: Any, string: str) -> bool:
    try:
        return look_up(string) is not None
    except ValueError:
        return False
    except TypeError:  # found, but its constructor needs arguments
        return True


# Strings that Keras 1 or 2 understood, or that `compile` handles itself.
FORMER_STRINGS = {
    "accuracy", "acc", "cosine", "cosine_proximity", "huber_loss", "logcosh", "kullback_leibler_divergence", "exp",
}  # fmt: skip
