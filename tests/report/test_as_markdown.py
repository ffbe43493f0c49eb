"""Markdown, also as a renderer of GitHub's dialect (lowdown) shows it."""

import html
import re
import subprocess

import pytest
from support import batch_standing
from support import stories as made
from support.batch_standing import HOSTILE_NAME

from imgtool.report import as_markdown
from imgtool.report.as_markdown import Entry, document, report
from imgtool.report.as_markdown.markup import block, code, row, words
from imgtool.report.findings import judged

HOSTILE = [
    "<script>alert(1)</script>",
    "[words](http://example.org) and ![picture](http://example.org/x.png)",
    "a | b || c \\| d",
    "*bold* _emphasis_ ~~gone~~ **x** __y__ &lt; $x$",
    "a lone ` backtick",
    "``two`` and ` one",
    "# heading",
    "http://example.org www.example.org user@example.org",
    "\x1b[31m\u202e\nline",
]


def rendered(markdown: str) -> str:
    options = ["-thtml", "--parse-no-autolink", "--html-no-skiphtml", "--html-no-escapehtml"]
    return subprocess.run(
        ["lowdown", *options], input=markdown, capture_output=True, text=True, check=True
    ).stdout


def seen(markdown: str) -> str:
    """The text that a reader sees."""
    return html.unescape(re.sub(r"<[^>]*>", "", rendered(markdown))).strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_and_is_no_markup(text: str) -> None:
    expected = text.encode("unicode_escape").decode() if "\x1b" in text else text
    assert seen(code(text)) == expected
    assert re.findall(r"<(?!/?(?:code|p)\b)[^>]*>", rendered(words(text))) == []
    assert "`" in text or seen(words(text)) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_stays_a_cell(text: str) -> None:
    table = "\n".join([row(["a", "b"]), row(["---", "---"]), row([code(text), words(text)])])
    assert rendered(table).count("<td>") == 2


def test_commands_between_backticks_are_code() -> None:
    assert words("`rm a_*` and *b*") == "`rm a_*` and \\*b\\*"
    assert words("") == ""


def test_a_block_ends_where_it_should() -> None:
    assert rendered(block("```\n<b>")).count("<b>") == 0
    assert block("") == ""


def test_one_image_begins_with_its_verdict() -> None:
    text = report([made.bad()])
    assert text.startswith("### FAIL: `/images/debian.raw`\n\n1 of ")
    assert "| **FAIL** | `ssh-host-keys` |" in text
    assert "Seen: `/etc/ssh/ssh_host_rsa_key`<br>Fix: " in text
    assert "<details><summary>" in text
    assert "(policy `openstack`)" in text


def test_several_begin_with_a_table_of_verdicts() -> None:
    text = report([made.good(), made.bad(), made.refused()])
    assert text.startswith("### imgtool: 3 images: 1 passed, 2 failed\n\n| Result | Image | Summary |\n")
    assert "| PASS | `/images/debian.raw` |" in text
    assert text.count("\n### ") == 3
    page = rendered(text)
    assert page.count("<h3") == 4
    assert page.count("<table") == 3


def test_no_text_of_a_guest_becomes_markup() -> None:
    page = rendered(report([made.hostile()]))
    assert "<script" not in page
    assert "<a href" not in page
    assert "alert(1)" in page


def test_a_page_that_github_would_not_show_is_cut_between_images() -> None:
    entries = [Entry(judged(one).image, judged(one)) for one in [made.bad()] * 50]
    whole = document(entries)
    cut = document(entries, len(whole.encode()) // 2)
    assert len(cut.encode()) < len(whole.encode()) * 0.6
    assert re.search(r"\n\d+ more images are left out: the page would be too long\.\n$", cut)
    assert cut.count("| **FAIL** | `/images/debian.raw` |") == 50
    assert "left out" not in whole


def test_a_batch_has_the_end_and_the_ids_of_each_image() -> None:
    text = as_markdown.batch_report(*batch_standing.standing())
    assert text.startswith("### imgtool: 6 images: 2 passed, 4 failed\n")
    assert "one: id-a0" in text
    assert "did not end: waiting" in text
    assert HOSTILE_NAME not in text
    assert "<script" not in rendered(text)
