"""What a script is made of, as GRUB's grammar has it (grub-core/script/parser.y)."""

from dataclasses import dataclass
from typing import Literal

PieceKind = Literal["text", "variable", "quoted-variable", "quoted", "translated"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of one kind within a word."""

    kind: PieceKind
    text: str
    """A variable's name, else the characters; unquoted text still has its backslashes."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word before it is expanded."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its arguments, and the text of its `{ }` block."""

    words: tuple[Word, ...]
    block: str | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class If:
    """`elif` is an If in `otherwise`."""

    condition: Sequence
    then: Sequence
    otherwise: "Sequence | If | None"


@dataclass(frozen=True, slots=True)
class For:
    """`for name in words; do`."""

    name: str
    words: tuple[Word, ...]
    body: Sequence


@dataclass(frozen=True, slots=True)
class While:
    """`while`, or `until`."""

    condition: Sequence
    body: Sequence
    until: bool


Node = Command | Sequence | If | For | While
