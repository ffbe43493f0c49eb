"""Edits of texts: words that mean something to some parser, lines doubled, swapped and left out."""

from random import Random

from fuzz.model import Edit
from fuzz.places import Aim

_WORDS = (
    *(b"\0", b"\xff", b"\xed\xa0\x80", b"\r\n", b"\t", b"\x1b[31m", b"\\", b"'", b'"', b"`", b"#", b";"),
    *("\u2028".encode(), "\x85".encode(), "²".encode(), "٣".encode(), "İ".encode(), "\ufeff".encode()),
    *(b"=", b"==", b":", b"::", b"%", b"%s", b"$", b"${", b"${x}", b"$x", b"{", b"}", b"[", b"]", b"<", b">"),
    *(b"&a ", b"*a", b"<<: *a\n", b"!!python/object:x ", b"? ", b"- ", b"---\n", b"...\n", b"|\n", b"!<x> "),
    *(b"-1", b"0", b"1e999", b".inf", b"4294967296", b"18446744073709551616", b"../", b"/", b"~", b"*"),
    *(b"[" * 200, b"(" * 200, b"9" * 5000, b"a" * 9000),
    *(b"\\x", b"\\777", b">>", b"0>0", b"ID=", b"include ", b"\\\n"),
)  # fmt: skip


def insert(aim: Aim, chance: Random, tokens: tuple[bytes, ...]) -> Edit:
    """A word between, or in the place of some bytes."""
    words = tokens if tokens and chance.random() < 0.4 else _WORDS
    return Edit(aim.offset(), chance.choice((0, 0, 1, 2, 8)), chance.choice(words))


def line(aim: Aim, chance: Random, _tokens: tuple[bytes, ...]) -> Edit:
    """A line doubled, once or thousands of times, copied to elsewhere, or left out."""
    start, end = _line_at(aim, aim.offset())
    content = aim.at(start, end - start)
    how = chance.randrange(4)
    if how == 0:
        return Edit(start, end - start)
    if how == 1:
        return Edit(start, 0, content * chance.choice((1, 2, 50, 3000)))
    target = _line_at(aim, aim.offset())
    return Edit(target[0], target[1] - target[0] if how == 2 else 0, content)


def _line_at(aim: Aim, offset: int) -> tuple[int, int]:
    before = aim.at(max(0, offset - 512), min(512, offset))
    start = offset - (len(before) - before.rfind(b"\n") - 1)
    found = aim.at(start, 4096).find(b"\n")
    return start, start + found + 1 if found >= 0 else aim.size


def flip(aim: Aim, chance: Random, _tokens: tuple[bytes, ...]) -> Edit:
    """Another character."""
    offset = aim.offset()
    old = (aim.at(offset, 1) or b"\0")[0]
    return Edit(offset, 1, bytes([old ^ 1 << chance.randrange(8)]))


MUTATORS = (insert, insert, line, flip)
