"""Lines -> tokens, as GRUB's scanner has it (grub-core/script/yylex.l, lexer.c).

Lines are asked for one at a time, and only where a quote, a backslash at the end or an open construct
needs another: where a line cannot be parsed, the next one begins anew.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from imgtool.guest.bootloader.grub.syntax import Piece, PieceKind, Word
from imgtool.guest.filesystems.base import GuestReadError

MAX_CONTINUED_LINES = 2000
MAX_CONTINUED_CHARACTERS = 32 << 10
"""Of one word that goes on over many lines: each further line reads it anew."""

_RESERVED = "case do done elif else esac fi for if in select then until while function"
RESERVED = frozenset(_RESERVED.split())
BRACKETS = frozenset({"[[", "]]"})
_OPERATOR = re.compile(r"\|\||&&|;;|[|&;<>{}\n]")
_STOPS = frozenset("{}|&$;<> \t\n'\"\\")
_PLAIN = re.compile(r"[^{}|&$;<> \t\n'\"\\]++")
_BLANK = re.compile(r"[ \t]++")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_VARIABLE = re.compile(
    r"\$(?:([A-Za-z_][A-Za-z0-9_]*+|[0-9]++|[?#*@])|\{([A-Za-z_][A-Za-z0-9_]*+|[0-9]++|[?#*@])\})"
)
_DOUBLE = re.compile(r'(?:\\[\s\S]|[^\\"])*+')
_SINGLE = re.compile(r"[^']*+")


class ScriptError(Exception):
    """What GRUB calls a syntax error: the statement, with all that is open around it, is dropped."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is `name`, `word`, `end`, a reserved word or an operator."""

    kind: str
    text: str = ""

    @property
    def is_argument(self) -> bool:
        """Whether it can be an argument: reserved words are just words there."""
        return self.kind in {"name", "word"} or self.kind in RESERVED


class Lexer:
    """The tokens of one statement, and of what else stands on its last line."""

    def __init__(self, line: str, next_line: Callable[[], str | None]) -> None:
        self._next_line = next_line
        self._buffer = _ended(line)
        self._position = 0
        self._peeked: Token | None = None
        self._recorded: list[str] = []
        self._recording = 0
        self._continued = 0
        self.open = 0
        """Constructs that are not closed yet: while there are any, the next line belongs to them."""

    def peek(self) -> Token:
        """The next token, which stays the next one."""
        if self._peeked is None:
            self._peeked = self._read()
        return self._peeked

    def take(self) -> Token:
        """The next token."""
        token = self.peek()
        self._peeked = None
        return token

    def record(self) -> int:
        """Keep the text from here on; returns where that begins, for `recorded`."""
        self._recording += 1
        return len(self._recorded)

    def recorded(self, start: int) -> str:
        """The text between `record` and the `}` that was taken last."""
        self._recording -= 1
        text = "".join(self._recorded[start:-1])
        if not self._recording:
            self._recorded.clear()
        return text

    def _read(self) -> Token:
        while True:
            if self._position >= len(self._buffer):
                if not self.open:
                    return Token("end")
                self._more("")
            token = self._token()
            if token is not None:
                return token

    def _more(self, prefix: str) -> None:
        line = self._next_line()
        if line is None:
            raise ScriptError("unexpected end of file")
        self._continued = self._continued + 1 if prefix else 0
        if self._continued > MAX_CONTINUED_LINES or len(prefix) > MAX_CONTINUED_CHARACTERS:
            raise GuestReadError("a word of a GRUB script goes on over too many lines")
        self._buffer = prefix + _ended(line)
        self._position = 0

    def _token(self) -> Token | None:
        """The token at the position; None where a blank, a comment or a line's end was skipped."""
        buffer, start = self._buffer, self._position
        if blank := _BLANK.match(buffer, start):
            self._accept(blank.end())
            return None
        if operator := _OPERATOR.match(buffer, start):
            self._accept(operator.end())
            return Token(operator[0])
        end, whole = _word_end(buffer, start)
        if buffer[start] == "#" and (comment := buffer.index("\n", start)) + 1 >= end:
            self._accept(comment)
            return None
        if end == start:
            raise ScriptError("a `$` that begins no variable")
        if end == len(buffer) and (not whole or _continues(buffer, start, end)):
            self._more(buffer[start:])
            return None
        self._accept(end)
        return _named(buffer[start:end])

    def _accept(self, end: int) -> None:
        if self._recording:
            self._recorded.append(self._buffer[self._position : end])
        self._position = end


def _ended(line: str) -> str:
    return line if line.endswith("\n") else line + "\n"


def _named(text: str) -> Token:
    if text in RESERVED or text in BRACKETS:
        return Token(text, text)
    return Token("name" if _NAME.fullmatch(text) else "word", text)


def _word_end(buffer: str, start: int) -> tuple[int, bool]:
    """Where the word ends, and whether all its quotes do; an open one goes to the end of the buffer."""
    at = start
    while at < len(buffer):
        character = buffer[at]
        if character not in _STOPS:
            at = _PLAIN.match(buffer, at).end()  # type: ignore[union-attr]  # it always matches here
        elif character == "\\" and at + 1 < len(buffer):
            at += 2
        elif character in "'\"" or buffer.startswith('$"', at):
            at = _quote_end(buffer, at)
            if at > len(buffer):
                return len(buffer), False
        elif variable := _VARIABLE.match(buffer, at):
            at = variable.end()
        else:
            break
    return at, True


def _quote_end(buffer: str, start: int) -> int:
    """Behind the closing quote; beyond the buffer where there is none."""
    start += buffer[start] == "$"
    body = _SINGLE if buffer[start] == "'" else _DOUBLE
    return body.match(buffer, start + 1).end() + 1  # type: ignore[union-attr]  # it always matches here


def _continues(buffer: str, start: int, end: int) -> bool:
    """Whether the word ends in a backslash before the line's end, and that backslash is not escaped."""
    if not buffer.startswith("\\\n", end - 2):
        return False
    return _word_end(buffer[: end - 2], start) == (end - 2, True)


def word_of(text: str) -> Word:
    """The word whose text that is, split into its pieces. Raises ScriptError for a `$` without a name."""
    return Word(tuple(_Splitter(text).pieces()))


class _Splitter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._pieces: list[Piece] = []

    def pieces(self) -> list[Piece]:
        plain: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\\":
                pair = self._text[self._at : self._at + 2]
                plain.append("" if pair == "\\\n" else pair)
                self._at += 2
            elif character in "'\"$":
                translated = self._text.startswith('$"', self._at)
                self._add("translated" if translated and plain else "text", "".join(plain))
                plain = []
                self._special(character, translated=translated)
            else:
                plain.append(character)
                self._at += 1
        self._add("text", "".join(plain))
        return self._pieces

    def _add(self, kind: PieceKind, text: str) -> None:
        if text or kind not in {"text", "translated"}:
            self._pieces.append(Piece(kind, text))

    def _special(self, character: str, *, translated: bool) -> None:
        if translated:
            self._at += 1
            body = _DOUBLE.match(self._text, self._at + 1)[0]  # type: ignore[index]  # it always matches here
            self._at += len(body) + 2
            self._pieces.append(Piece("translated", _unescaped(body, '"')))
        elif character == "$":
            self._variable("variable")
        elif character == "'":
            body = _SINGLE.match(self._text, self._at + 1)[0]  # type: ignore[index]  # it always matches here
            self._at += len(body) + 2
            self._add("quoted", body)
        else:
            self._double()

    def _variable(self, kind: PieceKind) -> None:
        found = _VARIABLE.match(self._text, self._at)
        if found is None:
            raise ScriptError("a `$` that begins no variable")
        self._add(kind, found[1] or found[2])
        self._at = found.end()

    def _double(self) -> None:
        """Text and variables in turn; even an empty piece makes the word one that is there."""
        self._at += 1
        characters: list[str] = []
        while (character := self._text[self._at]) != '"':
            if character == "$":
                self._add("quoted", "".join(characters))
                characters = []
                self._variable("quoted-variable")
            elif character == "\\" and self._text[self._at + 1] in '$\\"\n':
                characters.append(self._text[self._at + 1].replace("\n", ""))
                self._at += 2
            else:
                characters.append(character)
                self._at += 1
        self._at += 1
        self._add("quoted", "".join(characters))


def _unescaped(text: str, quote: str) -> str:
    return text.replace(f"\\{quote}", quote).replace("\\\n", "")
