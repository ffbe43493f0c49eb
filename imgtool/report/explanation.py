"""What a check's docstring says of it, taken apart for the forms that lay it out anew."""

from dataclasses import dataclass
from textwrap import dedent

from imgtool.checks import registry

COMMANDS = "How to fix"
"""The section whose lines are commands: they stay as they stand; all others are prose."""


@dataclass(frozen=True, slots=True)
class Section:
    """One heading and what stands under it, without its indentation."""

    title: str
    body: str

    @property
    def is_commands(self) -> bool:
        """Whether the line breaks of the body mean something."""
        return self.title == COMMANDS

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The body as prose: a line for each paragraph."""
        return tuple(" ".join(part.split()) for part in self.body.split("\n\n"))


@dataclass(frozen=True, slots=True)
class Explanation:
    """A check's docstring."""

    text: str
    """All of it, as `imgtool explain` prints it."""
    summary: str
    """Its first line: how it should be."""
    sections: tuple[Section, ...]

    @property
    def markdown(self) -> str:
        """All but the summary, with headings, and with commands in a block of their own."""
        return "\n\n".join(f"### {one.title}\n\n{_markdown(one)}" for one in self.sections)


def explain(check: str) -> Explanation | None:
    """What the check of that name says of itself; None where there is none of that name."""
    found = registry.find_check(check)
    return parse(registry.explanation(found)) if found else None


def parse(text: str) -> Explanation:
    """Take a docstring apart: a summary, then headings at the margin with indented text under them."""
    summary, _, rest = text.partition("\n")
    sections: list[tuple[str, list[str]]] = []
    for line in rest.splitlines():
        if line and not line[0].isspace():
            sections.append((line.strip(), []))
        elif sections:
            sections[-1][1].append(line)
    found = tuple(Section(title, dedent("\n".join(lines)).strip("\n")) for title, lines in sections)
    return Explanation(text, summary, found)


def _markdown(section: Section) -> str:
    if section.is_commands:
        return f"```text\n{section.body}\n```"
    return "\n\n".join(section.paragraphs)
