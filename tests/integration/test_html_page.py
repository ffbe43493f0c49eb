"""The HTML report in a real browser, on a phone and on a desk."""

import html
import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from support import stories as made
from support.boots import boot, booted, stopped
from support.browser import Browser, browser
from support.cli import imgtool

from imgtool.report.registry import REPORTS

__all__ = ["browser"]

PHONE, DESK = (390, 844), (1200, 900)
SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])

MEASURE = """
<body><iframe id="page" width="{width}" height="{height}" srcdoc="{page}"></iframe><script>
document.getElementById("page").onload = event => {{
  const page = event.target.contentDocument;
  page.querySelectorAll("details").forEach(one => one.open = true);
  const labels = [...page.querySelectorAll("svg .label")].map(text => [
    text.textContent, text.getBBox().width, text.parentNode.querySelector("rect").getBBox().width]);
  document.body.dataset.measured = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    verdict: page.querySelector(".verdict .word").getBoundingClientRect().bottom,
    small: [...page.querySelectorAll("body *")].filter(
      one => one.textContent && parseFloat(getComputedStyle(one).fontSize) < 12).length,
    scripts: page.scripts.length,
    labels,
  }});
}};
</script></body>
"""
"""Our own page around the report, which itself may run nothing."""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A report of images that are good, bad, hostile and refused, and of one that was booted."""
    path = tmp_path / "report.html"
    started = made.told(booted(boot(), stopped(bus="virtio-scsi", seconds=60.0, log=(made.HOSTILE * 9,))))
    judged = [made.bad(), made.good(), made.warned(), made.hostile(), made.refused(), made.nothing_ran()]
    stories = [*judged, started]
    path.write_text(REPORTS["html"](stories))
    return path


def measured(browser: Browser, page: Path, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    outer = page.with_name("outer.html")
    outer.write_text(MEASURE.format(width=width, height=height, page=html.escape(page.read_text())))
    dom = browser((width + 100, height + 100), "--dump-dom", outer.as_uri())
    found = re.search(r'data-measured="([^"]*)"', dom)
    assert found, dom[-2000:]
    return json.loads(html.unescape(found[1]))


def pixels(path: Path) -> tuple[tuple[int, int], bytes]:
    """Width and height, and the filtered rows of a PNG: enough to tell a picture from a blank sheet."""
    content = path.read_bytes()
    position, data, size = 8, b"", (0, 0)
    while position < len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        chunk = content[position + 8 : position + 8 + length]
        size = struct.unpack_from(">II", chunk) if kind == b"IHDR" else size
        data += chunk if kind == b"IDAT" else b""
        position += 12 + length
    return size, zlib.decompress(data)


@SIZES
def test_the_page_fits_its_window_with_everything_open(browser: Browser, page: Path, size) -> None:
    found = measured(browser, page, size)
    assert found["width"] <= size[0]
    assert found["small"] == 0
    assert found["scripts"] == 0


@SIZES
def test_the_verdict_of_one_image_is_seen_without_scrolling(browser: Browser, page: Path, size) -> None:
    page.write_text(REPORTS["html"]([made.bad()]))
    assert 0 < measured(browser, page, size)["verdict"] < 200


@SIZES
def test_labels_stay_inside_of_their_blocks(browser: Browser, page: Path, size) -> None:
    labels = measured(browser, page, size)["labels"]
    assert {"1: Linux LVM", "initramfs"} <= {text for text, _, _ in labels}
    assert [text for text, text_width, width in labels if text_width > width] == []


def shot(browser: Browser, page: Path, size: tuple[int, int], scheme: str) -> bytes:
    """The rows of the page's picture, which is as large as the window."""
    target = page.with_name(f"{scheme}.png")
    setting = f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}"
    browser(size, f"--screenshot={target}", setting, page.as_uri())
    found, rows = pixels(target)
    assert found == size
    return rows


@SIZES
def test_the_page_is_a_picture_dark_or_light(browser: Browser, page: Path, size) -> None:
    dark, light = (shot(browser, page, size, scheme) for scheme in ("dark", "light"))
    assert min(len(set(dark)), len(set(light))) > 100  # no blank sheet
    assert dark != light


def test_the_page_prints(browser: Browser, page: Path) -> None:
    paper = page.with_name("report.pdf")
    browser(DESK, f"--print-to-pdf={paper}", page.as_uri())
    assert paper.read_bytes().startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) >= 6  # one for each image


def test_a_real_image_is_drawn(browser: Browser, debian_lvm: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    run = imgtool("check", debian_lvm, "--report", f"html={report}")
    assert run.returncode == 0, run.stdout
    text = report.read_text()
    assert "Data kept in the image file" in text
    assert "volume on partition" in text
    found = measured(browser, report, PHONE)
    assert found["width"] <= PHONE[0]
    assert found["labels"]
