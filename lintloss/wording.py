"""How facts are put into words: the placeholders of messages, and why something could not be decided."""

from __future__ import annotations

from lintloss.analysis.facts import Evaluator, Facts
from lintloss.vocabulary import Case, units_of

_INPUTS = {"log_probabilities": "log-probabilities", "any": "any values"}
_LABELS = {
    "dense": "one-hot labels",
    "sparse": "class ids",
    "either": "class ids or rows of class weights",
    "binary": "0/1 labels",
}
_VALUES = {
    "linear": "logits",
    "softmax": "softmax probabilities",
    "sigmoid": "sigmoid probabilities",
    "log_softmax": "log-probabilities",
    "log_sigmoid": "log-probabilities",
    "relu": "relu output",
    "tanh": "tanh output",
}
_TIMES = {2: "twice", 3: "three times"}
_ENCODINGS = {
    "class_ids": "class ids",
    "one_hot": "one-hot labels",
    "multi_hot": "multi-hot labels",
    "soft": "soft labels",
    "binary": "0/1 labels",
    "continuous": "continuous targets",
}


def worded(message: str, case: Case) -> str:
    """A rule page's message with what stands in braces filled in."""
    words = placeholders(case)
    return message.format_map({**words, "times": _times(case)} if "{times}" in message else words)


def _times(case: Case) -> str:
    """How often the activation is applied: by the loss, and before it."""
    facts, count, evaluator = case.prediction, 2, Evaluator(case.book)
    while facts.pre is not None:
        facts = evaluator.single(facts.pre)
        if facts.activation != case.prediction.activation:
            break
        count += 1
    return _TIMES.get(count, f"{count} times")


def placeholders(case: Case) -> dict[str, str]:
    """What may stand in braces in a rule page's message."""
    units = units_of(case.prediction)
    return {
        "loss": case.site.name.rpartition(".")[2],
        "takes": _takes(case),
        "gets": _gets(case.prediction),
        "labels": "" if case.labels is None else _ENCODINGS.get(case.labels.encoding, "unknown"),
        "activation": case.prediction.activation.replace("_", "-"),
        "units": _counted(units, "unit"),
        "classes": _classes(case.labels),
        "backend": case.backend,
    }


def _classes(labels: Facts | None) -> str:
    if labels is not None and labels.encoding == "binary":
        return "one column"
    return _counted(labels.classes if labels else None, "class")


def _takes(case: Case) -> str:
    what = str(case.entry["input"] or "any")
    labels = _LABELS.get(str(case.entry["labels"]))
    return ", ".join(filter(None, (_INPUTS.get(what, what), labels)))


def _gets(facts: Facts) -> str:
    value = _VALUES.get(facts.activation)
    return value or _ENCODINGS.get(facts.encoding, "unknown")


def _counted(number: int | None, noun: str) -> str:
    if number is None:
        return f"an unknown number of {noun}{'es' if noun.endswith('s') else 's'}"
    plural = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


def reason_for(subject: str, case: Case) -> str:
    """Why the fact is not known, as a person would be told."""
    group = subject.partition(".")[0]
    if group == "loss":
        return f"could not tell what `{placeholders(case)['loss']}` takes: an argument is no constant"
    if subject.endswith(".shape"):
        return f"whether the labels fit depends on the shape of the {group}, which is not known"
    facts = case.prediction if group == "prediction" else case.labels
    if facts is not None and facts.reason:
        return facts.reason
    return "could not follow the prediction" if group == "prediction" else "the labels' encoding is not known"
