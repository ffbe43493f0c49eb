"""The chapters of the manual. They stand in docs/ of the checkout and are installed as imgtool/docs."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

FOLDER = Path(__file__).parents[1] / "docs"
"""A link to docs/ in a checkout; setuptools copies the files behind it into a wheel."""

CHAPTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "inspect-check": ("inspect", "check"),
        "sbom-diff": ("sbom", "diff"),
        "policies": ("explain",),
        "command-line": ("completion", "init", "schema"),
        "convert": ("convert",),
        "upload": ("upload", "prepare", "copy", "retire", "doctor"),
        "many-images": ("batch",),
        "boot": ("boot",),
        "fix": ("fix",),
        "log": (),
        "security": (),
        "performance": (),
        "boot-table": (),
        "python-api": (),
        "development": (),
    }
)
"""Each chapter in the order of the README, and the commands that it explains."""

_FENCE = "```"
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def chapter_of(topic: str) -> str | None:
    """The chapter of that name, or the one that explains the command of that name."""
    if topic in CHAPTERS:
        return topic
    return next((chapter for chapter, commands in CHAPTERS.items() if topic in commands), None)


def markdown(chapter: str) -> str:
    """The text of a chapter as it is in docs/."""
    return (FOLDER / f"{chapter}.md").read_text(encoding="utf-8")


def title(chapter: str) -> str:
    """The heading of a chapter."""
    return markdown(chapter).partition("\n")[0].removeprefix("# ")


def for_terminal(text: str, paint: Callable[[str, str], str]) -> str:
    """Markdown as a terminal shows it: painted headings, indented examples, links without their targets."""
    lines, fenced = [], False
    for line in _LINK.sub(r"\1", text).splitlines():
        if line.startswith(_FENCE):
            fenced = not fenced
        elif fenced:
            lines.append(f"    {line}".rstrip())
        elif line.startswith("#"):
            lines.append(paint(line.lstrip("# "), "title"))
        else:
            lines.append(line)
    return "\n".join(lines)
