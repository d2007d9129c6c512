"""The HTML report: one page that needs nothing else, looked at by a real browser where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lintloss.finding import (
    Applicability,
    Batch,
    CallVerdict,
    Edit,
    Evidence,
    Finding,
    Fix,
    FlowStep,
    Learned,
    Location,
    LossCall,
    Report,
    Severity,
    Span,
    Verdict,
    Verification,
)
from lintloss.output import FORMATS, curves, listing, render
from lintloss.output.context import Context
from lintloss.sources import Source

CODE = """import tensorflow as tf
from model import head

x = "<script>alert(1)</script>"
probs = head(x)

loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=probs)
"""
HEAD = "def head(x):\n    return softmax(x)\n"
VOID = {"meta", "link", "br", "img", "path", "circle", "use"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def of(filename: str, text: str, row: int, part: str) -> Span:
    """The span of a part of a row."""
    start = text.splitlines()[row - 1].rindex(part) + 1
    return Span(filename, Location(row, start), Location(row, start + len(part)))


CALL = "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=probs)"
LOSS = of("train.py", CODE, 7, CALL)
EVIDENCE = Evidence(
    (0, 10, 20),
    Learned(0.55, 4e-6, 0.5, (4.1, 4.1, 4.0)),
    Learned(0.0, 1.22, 1.0, (4.1, 0.1, 0.01)),
)


def report(evidence: Evidence | None = EVIDENCE) -> Report:
    batches = (Batch("literals", (0.56551915, 1.4743223), (0.02215516, 3.0996735), (0.02215516, 3.0996737)),)
    finding = Finding(
        "LL101",
        "softmax-into-softmax-loss",
        Severity.ERROR,
        "`softmax_cross_entropy_with_logits` takes logits & gets <probabilities>",
        LOSS,
        Fix(Applicability.SAFE, "pass the logits", (Edit(of("train.py", CODE, 7, "probs"), "logits"),)),
        (
            FlowStep(of("model.py", HEAD, 2, "softmax(x)"), "softmax is applied here"),
            FlowStep(of("train.py", CODE, 5, "head(x)"), "called here"),
            FlowStep(LOSS, "passed to the loss here"),
        ),
        verification=Verification(Verdict.CONFIRMED, "the loss differs", "TensorFlow 2", batches, evidence),
    )
    call = LossCall(LOSS, "softmax", "logits", "softmax probabilities", "", CallVerdict.MISUSED, "LL101", ("LL101",))
    return Report((finding,), (call,), 2)


def context() -> Context:
    sources = {name: Source.from_text(text, name) for name, text in {"train.py": CODE, "model.py": HEAD}.items()}
    page = "# LL101\n\n## Why is this bad?\n\nWith `ten` classes\nnothing works.\n\nMore.\n"
    return Context(sources, {"LL101": page})


class Outline(HTMLParser):
    """Tags that are open, the ids there are, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return render(report(), "html", context())


def test_html_is_one_of_the_formats() -> None:
    assert "html" in FORMATS


def test_the_page_is_well_formed(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))


def test_the_page_needs_nothing_else(page: str) -> None:
    outline = Outline(page)
    assert not {"script", "link", "iframe", "img"} & set(outline.tags)
    fetched = re.findall(r"""(?:src|href)="([^"#][^"]*)""", page)
    assert fetched == []
    assert "@import" not in page
    assert "url(http" not in page


def test_code_is_text_not_markup(page: str) -> None:
    assert "<script>" not in page
    assert "takes logits & gets <probabilities>" in Outline(page).text


def test_everything_that_is_known_of_a_finding_is_shown(page: str) -> None:
    text = Outline(page).text
    for each in (
        "LL101 softmax-into-softmax-loss",
        "With ten classes nothing works.",
        "- loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=probs)",
        "+ loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits)",
        "[0.56551915 1.4743223]",
        "[0.02215516 3.0996735]",
        "[0.02215516 3.0996737]",
        "confirmed",
        "4e-06",
        "50%",
        "100%",
        "1 error, 1 confirmed; 1 loss call: 0 fine, 1 misused, 0 undecided",
    ):
        assert each in text, each
    assert "More." not in text


def test_the_flow_runs_through_both_files() -> None:
    (finding,) = report().findings
    shown = listing.render(finding, context())
    assert shown.count('class="way"') == 2
    assert shown.count("<circle") == 3
    assert re.findall(r"<mark>(.*?)</mark>", shown) == [
        "softmax(x)",
        "head(x)",
        CALL,
    ]
    assert shown.index("model.py") < shown.index("train.py")


def test_arrows_end_where_the_rows_are() -> None:
    (finding,) = report().findings
    shown = listing.render(finding, context())
    rows = re.findall(r'<div class="row (\w+)">', shown)
    height = re.search(r'class="arrows" width="\d+" height="(\d+)"', shown)
    assert height is not None
    assert int(height[1]) == listing.ROW * len(rows)
    steps = [index for index, kind in enumerate(rows) if index + 1 < len(rows) and rows[index + 1] == "note"]
    middles = [float(y) for y in re.findall(r'<circle cx="\d+" cy="([\d.]+)"', shown)]
    assert middles == [listing.ROW * (index + 0.5) for index in steps]


def test_the_curves_are_inlined_and_follow_the_pages_colours() -> None:
    pytest.importorskip("matplotlib")
    picture = curves.render(EVIDENCE, "curves-1")
    assert picture.startswith("<svg ")
    assert picture.count("var(--before)") >= 1
    assert picture.count("var(--after)") >= 1
    assert not re.search(r"#01020\d", picture)
    assert all(name.startswith("curves-1-") for name in re.findall(r'\bid="([^"]*)"', picture))
    assert picture == curves.render(EVIDENCE, "curves-1"), "the same evidence gives the same page"


def test_without_matplotlib_the_page_says_what_brings_the_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "available", lambda: False)
    outline = Outline(render(report(), "html", context()))
    assert "pip install 'lintloss[report]'" in outline.text
    assert "4e-06" in outline.text


def test_a_version_that_cannot_be_trained_says_why() -> None:
    raised = Evidence((0, 10), "ValueError: no", Learned(0.0, 1.0, None, (2.0, 1.0)))
    text = Outline(render(report(raised), "html", context())).text
    assert "ValueError: no" in text
    assert "no classes" in text


def test_a_report_without_findings_is_a_page_too() -> None:
    outline = Outline(render(Report(files=3), "html", Context()))
    assert outline.open == []
    assert "3 files; no findings" in outline.text


def test_a_browser_shows_it_light_and_dark(page: str, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no browser is installed")
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    light, dark = (_screenshot(browser, file, tmp_path / f"{scheme}.png", scheme) for scheme in ("light", "dark"))
    assert light[:8] == dark[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(light) > 20_000, "more than an empty page"
    assert light != dark


def _screenshot(browser: str, file: Path, picture: Path, scheme: str) -> bytes:
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-sync".split()
    )
    prefers = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    profile = f"--user-data-dir={picture.parent / scheme}"
    where = [f"--screenshot={picture}", "--window-size=1200,1600", file.as_uri()]
    subprocess.run([browser, *flags, prefers, profile, *where], check=True, capture_output=True, timeout=120)
    return picture.read_bytes()
