"""The page of a batch in a real browser: sorted and filtered by clicks, on a phone and on a desk."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.batch_standing import standing
from support.browser import Browser, browser

from imgtool.report.registry import BATCH_REPORTS

__all__ = ["browser"]

PHONE, DESK = (390, 844), (1400, 1000)

DO = """
<body><iframe id="page" width="{width}" height="{height}" srcdoc="{page}"></iframe><script>
document.getElementById("page").onload = event => {{
  const page = event.target.contentDocument;
  const find = id => page.getElementById(id);
  const rows = () => [...find("matrix").tBodies[0].rows].filter(row => !row.hidden);
  const names = () => rows().map(row => row.cells[0].textContent);
  const click = column => find("matrix").tHead.rows[0].cells[column].querySelector("button").click();
  const set = (id, value) => {{
    find(id).value = value;
    find(id).dispatchEvent(new event.target.contentWindow.Event("input", {{bubbles: true}}));
  }};
  const found = {{}};
  {steps}
  document.body.dataset.found = JSON.stringify(found);
}};
</script></body>
"""
"""Our own page around the report: it clicks where a person would."""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "batch.html"
    path.write_text(BATCH_REPORTS["html"](*standing()))
    return path


def done(browser: Browser, page: Path, size: tuple[int, int], steps: str) -> dict[str, Any]:
    outer = page.with_name("outer.html")
    width, height = size
    text = DO.format(width=width, height=height, page=html.escape(page.read_text()), steps=steps)
    outer.write_text(text)
    dom = browser((width + 100, height + 100), "--dump-dom", outer.as_uri())
    found = re.search(r'data-found="([^"]*)"', dom)
    assert found, dom[-2000:]
    value: dict[str, Any] = json.loads(html.unescape(found[1]))
    return value


def test_a_click_on_a_column_sorts_and_the_next_turns_it_round(browser: Browser, page: Path) -> None:
    steps = "found.before = names(); click(3); found.up = names(); click(3); found.down = names();"
    found = done(browser, page, DESK, steps)
    assert found["up"] == found["before"]  # sizes grow in the order of the plan
    assert found["down"] == found["before"][::-1]
    steps = "click(4); found.after = names(); click(0); found.names = names();"
    found = done(browser, page, DESK, steps)
    assert found["after"][0].startswith("waiting")
    assert found["names"] == sorted(found["names"])


def test_it_is_filtered_by_state_outcome_and_text(browser: Browser, page: Path) -> None:
    steps = """
    set("state", "done"); found.state = names(); set("state", "");
    set("outcome", "fail"); found.outcome = names(); set("outcome", "");
    set("text", "unknown-e0"); found.text = names(); found.shown = find("shown").textContent;
    set("text", ""); found.all = names().length;
    """
    found = done(browser, page, DESK, steps)
    assert found["state"] == ["good-a0"]
    assert found["outcome"] == ["bad-b0"]
    assert found["text"] == ["unknown-e0"]
    assert found["shown"] == "1 of 6 images"
    assert found["all"] == 6


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_it_fits_its_window(browser: Browser, page: Path, size: tuple[int, int]) -> None:
    steps = """
    found.width = page.documentElement.scrollWidth;
    found.verdict = page.querySelector(".verdict .word").getBoundingClientRect().bottom;
    """
    found = done(browser, page, size, steps)
    assert found["width"] <= size[0]
    assert 0 < found["verdict"] < 200


def test_all_is_there_to_read_without_the_script(browser: Browser, page: Path) -> None:
    text = re.sub(r"<script.*?</script>", "", page.read_text(), flags=re.DOTALL)
    page.write_text(text)
    found = done(browser, page, DESK, "found.names = names(); found.form = find('filters').hidden;")
    assert len(found["names"]) == 6
    assert found["form"]
