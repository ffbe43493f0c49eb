"""The pages judged by others: by axe, for those who see or hear them otherwise, and by a strict parser.

axe runs in a real browser: in light on a desk, in dark on a phone. The pages themselves run nothing:
the copies that are judged have no Content-Security-Policy.
"""

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from unicodedata import normalize

import html5lib
import pytest
from pypdf import PdfReader
from support import stories as made
from support.batch_standing import standing
from support.boots import boot, booted, stopped
from support.browser import Browser, browser
from support.deliveries import DONE, FAILED, PLAN

from imgtool.model.result import ImageResult
from imgtool.model.verdict import Outcome
from imgtool.report.findings import judged
from imgtool.report.registry import BATCH_REPORTS, REPORTS

__all__ = ["browser"]

PHONE, DESK = (400, 844), (1280, 900)


def delivered() -> ImageResult:
    return replace(made.good(), upload_plans=(PLAN, FAILED.plan), uploads=(DONE, FAILED))


def several() -> Sequence[ImageResult]:
    started = made.told(booted(boot(), stopped(bus="virtio-scsi", seconds=60.0, log=("a", "b"))))
    return [made.bad(), made.good(), made.warned(), made.hostile(), made.refused(), started, delivered()]


PAGES = {
    "one": lambda: REPORTS["html"]([made.bad()]),
    "delivered": lambda: REPORTS["html"]([delivered()]),
    "several": lambda: REPORTS["html"](several()),
    "batch": lambda: BATCH_REPORTS["html"](*standing()),
}

RUN = """
<script>{axe}</script>
<script>
document.querySelectorAll("details").forEach(one => one.open = true);
axe.run().then(found => {{ document.body.dataset.found = JSON.stringify(
  found.violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 200))])); }});
</script>
"""


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    name: str, scheme: str, size: tuple[int, int], browser: Browser, tmp_path: Path
) -> None:
    axe = (files("axe_core_python") / "axe.min.js").read_text()
    text = re.sub(r"<meta http-equiv=[^>]*>", "", PAGES[name]())
    page = tmp_path / "page.html"
    page.write_text(
        text.replace("</body>", RUN.format(axe=axe.replace("</script", "<\\/script")) + "</body>")
    )
    setting = f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}"
    dom = browser(size, "--virtual-time-budget=20000", setting, "--dump-dom", page.as_uri())
    found = re.search(r'data-found="([^"]*)"', dom)
    assert found, dom[-2000:]
    violations: list[Any] = json.loads(html.unescape(found[1]))
    assert violations == []


def whole() -> ImageResult:
    """One with a part of each kind: findings, clouds, boots, the disk, what passed."""
    started = made.told(booted(boot(), stopped(bus="virtio-scsi", seconds=60.0)))
    return replace(started, upload_plans=(PLAN, FAILED.plan), uploads=(DONE, FAILED))


HEADINGS = ("To be looked at", "Delivery", "Upload", "Booted", "Other checks", "Image", "Guest", "Boot by")


@pytest.mark.parametrize("result", [made.bad, whole])
def test_on_paper_nothing_is_folded_and_no_heading_is_alone(
    result: Callable[[], ImageResult], browser: Browser, tmp_path: Path
) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "paper.pdf"
    page.write_text(REPORTS["html"]([result()]))
    browser(DESK, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    texts = [normalize("NFKC", one.extract_text()) for one in PdfReader(paper).pages]  # without ligatures
    pages = [one.strip().splitlines() for one in texts]
    passed = [one.check for one in judged(result()).findings if one.outcome is Outcome.PASS]
    assert [check for check in passed if check not in "".join(texts)] == []
    assert not any(lines[-1].startswith(HEADINGS) for lines in pages)
    assert 2 <= len(pages) <= 7


@pytest.mark.parametrize("name", PAGES)
def test_a_strict_parser_has_nothing_to_say(name: str) -> None:
    text = PAGES[name]()
    html5lib.HTMLParser(strict=True).parse(text)
    assert text.count("<h1") == 1


@pytest.mark.parametrize("name", PAGES)
def test_no_outcome_is_said_by_a_colour_alone(name: str) -> None:
    """Wherever there is the colour of an outcome, there are a word or a sign."""
    tree = html5lib.parse(PAGES[name](), namespaceHTMLElements=False)
    for element in tree.iter():
        classes = (element.get("class") or "").split()
        if {"good", "bad", "doubt"}.intersection(classes):
            assert "".join(element.itertext()).strip(), classes
