"""The page as a browser takes it apart; how it looks is for tests/integration/test_html_page.py."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support import facts
from support import stories as made

from imgtool.model.conversion import ConversionPlan
from imgtool.model.delivery import GlanceTarget, UploadPlan
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Outcome, Severity
from imgtool.report.as_html import report
from imgtool.report.as_html.markup import commands
from imgtool.report.as_html.picture import draw

VOID = {"meta", "rect", "br", "link", "img"}


class Page(HTMLParser):
    """All elements with their attributes, all text, and whether every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"{tag} closes another element"

    def handle_startendtag(self, tag: str, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for _, attrs in self.elements if name in (attrs.get("class") or "").split()]


def page(*stories: ImageResult) -> Page:
    return Page(report(stories))


EVERY = (
    made.good(), made.bad(), made.unknown(), made.warned(), made.hostile(), made.refused(),
    made.nothing_ran(),
)  # fmt: skip


@pytest.mark.parametrize("stories", [*((one,) for one in EVERY), EVERY])
def test_the_page_needs_nothing_else_and_runs_nothing(stories) -> None:
    found = page(*stories)
    assert found.open == []
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {
        tag for tag, _ in found.elements
    }
    attributes = [(name, value or "") for _, attrs in found.elements for name, value in attrs.items()]
    assert [name for name, _ in attributes if name.startswith("on") or name == "style"] == []
    assert [
        value for name, value in attributes if name in {"src", "href"} and not value.startswith("#")
    ] == []
    policy = next(attrs for _, attrs in found.elements if "http-equiv" in attrs)
    assert policy["content"].startswith("default-src 'none'")


def test_hostile_text_is_text() -> None:
    found = page(made.hostile())
    assert r"\x1b]0;owned\x07<script>alert(1)</script>\u202e & 'quote'" in found.text
    assert r"/odd\udcff\nname<b>.raw" in found.text


def test_the_verdict_and_the_findings_come_before_the_facts() -> None:
    text = page(made.bad()).text
    order = [
        "1 of ",
        "ssh-host-keys",
        "rm /etc/ssh/ssh_host_*_key*",
        "2.0 GiB",
        "machine-id is empty",
        "x86_64",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("story", "word"), [(made.good(), "PASS"), (made.warned(), "PASS"), (made.bad(), "FAIL")]
)
def test_the_title_is_the_verdict(story: ImageResult, word: str) -> None:
    assert f"<title>{word}: debian.raw</title>" in report([story])


def test_several_images_have_an_index_that_leads_to_each() -> None:
    found = page(made.good(), made.bad(), made.refused())
    links = [attrs["href"] for tag, attrs in found.elements if tag == "a"]
    anchors = [f"#{attrs['id']}" for _, attrs in found.elements if "id" in attrs]
    assert links == anchors == ["#image-1", "#image-2", "#image-3"]
    assert "<title>FAIL: 3 images</title>" in report([made.good(), made.bad(), made.refused()])
    assert not [tag for tag, _ in page(made.good()).elements if tag == "nav"]


def test_commands_in_a_remedy_can_be_copied_and_nothing_else_is_markup() -> None:
    assert commands("run `rm <a> & b` then") == "run <code>rm &lt;a&gt; &amp; b</code> then"
    assert commands("a ` alone <") == "a ` alone &lt;"


def test_a_failing_check_explains_itself_and_a_passing_one_does_not() -> None:
    text = report([made.bad()])
    assert text.count("Why it matters") >= 1
    assert "Why it matters" not in report([made.good()])


def test_delivery_is_told_where_there_was_one() -> None:
    story = made.good()
    # Only a text.
    plan = ConversionPlan(facts.image(), Path("/tmp/<b>.qcow2"), "qcow2", "zlib", "native", "it is raw")  # noqa: S108
    upload = UploadPlan("devcloud", facts.image(), "qcow2", 2, GlanceTarget("debian"), ())
    told = page(replace(story, conversion_plan=plan, upload_plans=(upload,))).text
    assert "/tmp/<b>.qcow2 (qcow2, compression zlib)" in told  # noqa: S108 - only a text
    assert "devcloud" in told
    assert "Delivery" not in report([story])


def test_a_disk_is_drawn_to_scale() -> None:
    inspection = made.drawn(facts.inspection())
    picture = draw(inspection)
    assert picture
    blocks = {block.title: (block.start, block.width) for block in picture.partitions}
    assert blocks["15: esp"] == pytest.approx((100 * 4 / 2048, 100 * 124 / 2048), abs=0.01)
    assert blocks["1: Linux LVM"] == pytest.approx((100 * 128 / 2048, 100 * 1400 / 2048), abs=0.01)
    assert blocks["14: BIOS boot"][1] == 0.5  # wider than it is, to be seen
    assert [block.title for block in picture.filesystems] == ["xfs /, xfs /var", "vfat /boot/efi"]
    assert [(cell.start, cell.width, cell.filled) for cell in picture.cells][:3] == [
        (0, 12.5, 1.0),
        (12.5, 12.5, 0.5),
        (25, 25, 1.0),
    ]
    assert picture.kept_bytes == int(3.75 * 256) * made.MIB


def test_a_label_stands_only_where_it_fits() -> None:
    picture = draw(made.drawn(facts.inspection()))
    labels = {block.title: block.label for block in picture.partitions + picture.filesystems}
    assert labels["1: Linux LVM"] == "1: Linux LVM"
    assert labels["14: BIOS boot"] == ""


def test_volumes_stand_in_the_table_with_the_partition_that_they_are_on() -> None:
    lines = {line.name: line for line in draw(made.drawn(facts.inspection())).lines}
    assert lines["partition 1"].filesystem == "LVM2_member"
    assert (lines["system/var"].type, lines["system/var"].mount_point) == ("volume on partition 1", "/var")


@pytest.mark.parametrize("size", [1, 512, 1 << 50])
def test_impossible_places_stay_inside_of_the_picture(size: int) -> None:
    inspection = made.drawn(facts.inspection(image=facts.image(virtual_size_bytes=size)))
    picture = draw(replace(inspection, disk_map=None))
    blocks = picture.partitions + picture.filesystems
    assert all(block.start >= 0 and block.start + min(block.width, 100) <= 100.001 for block in blocks)


def test_a_disk_of_unknown_size_is_not_drawn() -> None:
    story = made.told(facts.inspection(image=facts.image(virtual_size_bytes=0)))
    assert "<svg" not in report([story])


def test_outcomes_are_counted_worst_first() -> None:
    text = report([made.of_finding(Outcome.UNKNOWN, Severity.ERROR)])
    assert '<li class="bad"><b>1</b> UNKNOWN</li>' in text
