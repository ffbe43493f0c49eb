"""The results as values that the templates lay out: verdicts first, findings worst first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgtool import __version__
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Finding
from imgtool.report.as_html.delivery import Delivered, Table, delivered, tables
from imgtool.report.as_html.origin import Origin, here_and_now
from imgtool.report.as_html.picture import Picture, draw
from imgtool.report.as_html.timeline import Timeline, timelines
from imgtool.report.as_text.facts import Row, boot_sections, guest_rows, image_rows
from imgtool.report.explanation import Section, explain
from imgtool.report.findings import Role, judged, needs_attention, role, summary, word, worst_first


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding."""

    finding: Finding
    word: str
    role: Role
    explanation: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of a table of facts; `depth` is 0, or more where it belongs to the row before."""

    key: str
    value: str
    depth: int


@dataclass(frozen=True, slots=True)
class Image:
    """One image's part of the page."""

    anchor: str
    path: str
    name: str
    passed: bool
    summary: str
    policy: str
    counts: tuple[tuple[str, Role, int], ...]
    """Word, colour and number of findings, worst first."""
    loud: tuple[Shown, ...]
    quiet: tuple[Shown, ...]
    quiet_counts: str
    """How many of what, in words."""
    facts: tuple[tuple[str, tuple[Fact, ...]], ...]
    """Titles, and the facts under them."""
    tables: tuple[Table, ...]
    """What was converted and uploaded, or would be."""
    delivered: tuple[Delivered, ...]
    """What each cloud has now."""
    picture: Picture | None
    boots: tuple[Timeline, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    version: str
    title: str
    passed: bool
    images: tuple[Image, ...]
    origin: Origin


def make_page(results: Sequence[ImageResult]) -> Page:
    """The page for these results, in their order."""
    images = tuple(_image(f"image-{number}", result) for number, result in enumerate(results, 1))
    passed = bool(images) and all(image.passed for image in images)
    names = images[0].name if len(images) == 1 else f"{len(images)} images"
    title = f"{'PASS' if passed else 'FAIL'}: {names}"
    return Page(__version__, title, passed, images, here_and_now())


def _image(anchor: str, result: ImageResult) -> Image:
    found = judged(result)
    shown = tuple(_shown(finding) for finding in worst_first(found))
    quiet = tuple(one for one in shown if not needs_attention(one.finding))
    there = delivered(result)
    failed = [one for one in there if one.failed]
    return Image(
        anchor=anchor,
        path=found.image,
        name=Path(found.image).name or found.image,
        passed=found.passed and not failed,
        summary=summary(found) + (f"; {len(failed)} of {len(there)} clouds did not get it" if failed else ""),
        policy=found.policy,
        counts=_counts(shown),
        loud=tuple(one for one in shown if needs_attention(one.finding)),
        quiet=quiet,
        quiet_counts=", ".join(f"{count} {name}" for name, _, count in _counts(quiet)),
        facts=_facts(result),
        tables=tables(result),
        delivered=there,
        picture=draw(result.inspection) if result.inspection else None,
        boots=timelines(result.inspection.boots) if result.inspection else (),
    )


def _shown(finding: Finding) -> Shown:
    explained = explain(finding.check) if needs_attention(finding) else None
    return Shown(finding, word(finding), role(finding), explained.sections if explained else ())


def _counts(shown: Sequence[Shown]) -> tuple[tuple[str, Role, int], ...]:
    counted = Counter((one.word, one.role) for one in shown)
    return tuple((name, colour, count) for (name, colour), count in counted.items())


def _facts(result: ImageResult) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
    if result.inspection is None:
        return ()
    image, guest = result.inspection.image, result.inspection.guest
    boots = ((f"{title[0].upper()}{title[1:]}", rows) for title, rows in boot_sections(guest.boot_paths))
    tables = (("Image", image_rows(image)), ("Guest", guest_rows(guest)), *boots)
    return tuple((title, tuple(map(_fact, rows))) for title, rows in tables)


def _fact(row: Row) -> Fact:
    key, value = row
    return Fact(key.lstrip(), value, (len(key) - len(key.lstrip())) // 2)
