"""The log of a serial console as plain lines. The guest wrote it: it is not to be trusted."""

import re

from imgtool.text import printable

MAX_CHARACTERS = 4 << 20
"""Of a log its first and its last half of this are read: a guest can write without end."""
MAX_LINE_CHARACTERS = 400

_CURSOR = re.compile(r"\x1b\[[0-9;]{0,16}[Hf]")
"""Menus put each row in its place (ECMA-48, CUP and HVP): a new row is a new line."""
_ESCAPE = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI: colours, clearing
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC, DCS and the like: titles
    r"|\x1b[ -/]{0,4}[0-~]"  # character sets, reset
)
_DROPPED = dict.fromkeys(map(ord, "\0\b\x1b"))
"""Also what is left of an escape sequence that systemd cut in two to shorten a line."""
_WORD = re.compile(r"[A-Za-z]{2}")
"""The rest are blanks, the frames of menus, and what a console shows before its speed is set."""
_BREAK = re.compile(r"[\r\n]+")


def plain_lines(log: str) -> list[str]:
    """The lines with a word in them, in order, without escape sequences, printable, none very long."""
    if len(log) > MAX_CHARACTERS:
        log = f"{log[: MAX_CHARACTERS // 2]}\n{log[-MAX_CHARACTERS // 2 :]}"
    text = _ESCAPE.sub("", _CURSOR.sub("\n", log)).replace("\t", " ").translate(_DROPPED)
    lines = (line.strip()[:MAX_LINE_CHARACTERS] for line in _BREAK.split(text))
    return [printable(line) for line in lines if _WORD.search(line)]
