"""The text in which LVM2 describes a volume group: sections, numbers, strings and lists.

Grammar: lvm2, lib/config/config.c. Read here and not by dissect.volume: its reader takes quadratic time on
a line made for it.
"""

import re
from collections.abc import Iterator

from imgtool.guest.filesystems.base import GuestReadError

Value = int | float | str | list["int | float | str"]
Section = dict[str, "Value | Section"]

MAX_TOKENS = 200_000
"""A volume group of 1,000 logical volumes has about 60,000."""
MAX_DEPTH = 8
TOKEN = re.compile(r'\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|([{}\[\]=,])|([^\s{}\[\]=,"#]+)', re.DOTALL)


def parse(text: str) -> Section:
    """The text as nested dictionaries; GuestReadError where it does not follow the grammar."""
    return _Parser(_tokens(text)).section(0)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Kind (`string`, `word`, or the sign itself) and text of each token; `end` for ever after."""
    position = 0
    for _ in range(MAX_TOKENS):
        while (match := TOKEN.match(text, position)) and match.lastindex is None:
            position = match.end()
        if match is None:
            break
        position = match.end()
        string, sign, word = match.groups()
        yield ("string", string) if string is not None else (sign or "word", sign or word)
    if position < len(text):
        raise GuestReadError("LVM metadata is damaged, or too long")
    while True:
        yield "end", ""


class _Parser:
    def __init__(self, tokens: Iterator[tuple[str, str]]) -> None:
        self._tokens = tokens

    def section(self, depth: int) -> Section:
        if depth > MAX_DEPTH:
            raise GuestReadError("LVM metadata is nested too deeply")
        found: Section = {}
        closing = "}" if depth else "end"
        while (token := next(self._tokens))[0] != closing:
            if token[0] not in {"word", "string"}:
                raise GuestReadError(f"LVM metadata has an unexpected {token[0]!r}")
            sign = next(self._tokens)[0]
            found[token[1]] = self.section(depth + 1) if sign == "{" else self._value(sign)
        return found

    def _value(self, sign: str) -> Value:
        if sign != "=":
            raise GuestReadError(f"LVM metadata has {sign!r} in place of '='")
        token = next(self._tokens)
        if token[0] != "[":
            return _scalar(*token)
        items = []
        while (token := next(self._tokens))[0] != "]":
            if token[0] != ",":
                items.append(_scalar(*token))
        return items


def _scalar(kind: str, text: str) -> int | float | str:
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    if kind != "word":
        raise GuestReadError(f"LVM metadata has {kind!r} in place of a value")
    if re.fullmatch(r"-?\d{1,20}", text):
        return int(text)
    return text
