"""The two training curves of a piece of evidence as a picture: SVG whose colours follow the page's.

This is the only module that needs matplotlib, which the extra `lintloss[report]` brings.
"""

from __future__ import annotations

import importlib.util
import io
import math
import re
from typing import Any

from lintloss.finding import Evidence, Learned

# What matplotlib is told, and the page's variable that takes its place.
_COLOURS = {"#010203": "var(--ink)", "#010204": "var(--faint)", "#010205": "var(--before)", "#010206": "var(--after)"}
_INK, _FAINT, _BEFORE, _AFTER = _COLOURS
_DECADES = 1.5  # from which spread on the loss is drawn on a logarithmic axis


def available() -> bool:
    """Whether matplotlib is installed; it is not imported."""
    return importlib.util.find_spec("matplotlib") is not None


def render(evidence: Evidence, name: str) -> str:
    """Return the picture; `name` keeps its parts apart from those of other pictures on the page.

    A version that could not be trained has no curve.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif", "font.size": 9}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(5.4, 2.7), layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, evidence)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inlined(stream.getvalue(), name)


def _draw(axes: Any, evidence: Evidence) -> None:
    sides = {"before the fix": (evidence.before, _BEFORE, "--"), "after the fix": (evidence.after, _AFTER, "-")}
    losses: list[float] = []
    for label, (side, colour, style) in sides.items():
        if isinstance(side, Learned):
            axes.plot(evidence.steps, side.intended, color=colour, linestyle=style, linewidth=2, label=label)
            losses += side.intended
    if _is_wide(losses):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("training steps", color=_INK)
    axes.set_ylabel("loss that was meant", color=_INK)
    axes.tick_params(which="both", colors=_FAINT, labelcolor=_INK)
    axes.grid(color=_FAINT, linewidth=0.5, alpha=0.35)
    for edge, spine in axes.spines.items():
        spine.set_visible(edge in ("bottom", "left"))
        spine.set_color(_FAINT)
    axes.legend(frameon=False, labelcolor=_INK)


def _is_wide(losses: list[float]) -> bool:
    positive = [loss for loss in losses if loss > 0 and math.isfinite(loss)]
    return len(positive) == len(losses) > 0 and math.log10(max(positive) / min(positive)) > _DECADES


def _inlined(svg: str, name: str) -> str:
    """The picture's own element, with the page's colours and with names of its own."""
    svg = svg[svg.index("<svg") :]
    for told, meant in _COLOURS.items():
        svg = svg.replace(told, meant)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", '<svg role="img" aria-label="Training curves before and after the fix" ', 1)


def is_drawable(evidence: Evidence) -> bool:
    """Whether there is a curve to draw."""
    return any(isinstance(side, Learned) for side in (evidence.before, evidence.after))
