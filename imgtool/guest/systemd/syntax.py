"""The syntax of unit files: systemd.syntax(7), conf-parser.c."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.util.text import printable

MAX_LINE = 1 << 20
"""LONG_LINE_MAX."""
MAX_LINES = 50_000


LINE_END = re.compile(r"\r\n|[\n\r\0]")
NO_UTF8 = re.compile(r"[\ud800-\udfff]")
"""What bytes that are no UTF-8 are decoded to, with `surrogateescape`."""


class SyntaxProblemError(Exception):
    """systemd gives up on this file: says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment."""

    source: str
    """The file, printable."""
    section: str
    key: str
    value: str


def parse(text: str, source: str) -> Iterator[Line]:
    """The assignments of a file in their order.

    Raises SyntaxProblemError at a section's header that has no end, and at bytes that are no UTF-8 (which
    `text` has as surrogates), as systemd does. A line without `=` is
    passed over; so is one before the first section.
    """
    section = ""
    for count, line in enumerate(_logical_lines(text.removeprefix("\ufeff"))):
        if count >= MAX_LINES:
            raise SyntaxProblemError(f"{printable(source)} has more than {MAX_LINES} lines")
        if line.startswith("["):
            if not line.endswith("]"):
                raise SyntaxProblemError(
                    f"{printable(source)}: the section {printable(line[:80])} has no end"
                )
            section = line[1:-1]
            continue
        key, separator, value = line.partition("=")
        if separator and section:
            yield Line(printable(source), section, key.strip(), value.strip())


def _logical_lines(text: str) -> Iterator[str]:
    """Lines with their continuations; comments between those are passed over, and do not end them."""
    continued = ""
    for raw in LINE_END.split(text):
        line = raw if continued else raw.lstrip(" \t")
        if line.lstrip(" \t").startswith(("#", ";")):
            continue
        if _is_continued(line):
            continued += f"{line[:-1]} "
            if len(continued) > MAX_LINE:
                raise SyntaxProblemError("a line is longer than systemd reads")
            continue
        whole = f"{continued}{line}".strip(" \t")
        continued = ""
        if whole:
            yield _valid(whole)
    if continued.strip():
        yield _valid(continued.strip(" \t"))


def _valid(line: str) -> str:
    if NO_UTF8.search(line) is not None:
        raise SyntaxProblemError(f"a line is no UTF-8: {printable(line[:80])}")
    return line


def _is_continued(line: str) -> bool:
    """Whether its last backslash is not itself escaped."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
