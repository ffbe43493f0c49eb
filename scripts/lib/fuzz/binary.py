"""Edits of binary formats: bits, numbers, pointers, pieces of elsewhere."""

from collections.abc import Callable
from random import Random
from typing import Final, Literal

from fuzz.model import Edit
from fuzz.places import Aim

_EDGES = (0, 1, 2, 7, 8, 127, 128, 255, 256, 511, 512, 4095, 4096, 32767, 65535, 65536, 1 << 24, 1 << 30)
_WIDTHS = (1, 2, 4, 8)
_ORDERS: Final[tuple[Literal["little", "big"], ...]] = ("little", "big")
Mutator = Callable[[Aim, Random], Edit]


def _put(offset: int, data: bytes, aim: Aim) -> Edit:
    data = data[: max(0, aim.size - offset)]
    return Edit(offset, len(data), data)


def flip_bit(aim: Aim, chance: Random) -> Edit:
    """One bit."""
    offset = aim.offset()
    byte = (aim.at(offset, 1) or b"\0")[0] ^ 1 << chance.randrange(8)
    return _put(offset, bytes([byte]), aim)


def edge_number(aim: Aim, chance: Random) -> Edit:
    """A number at the edge of what its width, a page, a sector or a sign holds, in either byte order."""
    width = chance.choice(_WIDTHS)
    edges = (*_EDGES, (1 << width * 8) - 1, 1 << width * 8 - 1, (1 << width * 8 - 1) - 1, aim.size)
    number = (chance.choice(edges) + chance.choice((0, 0, 0, -1, 1))) % (1 << width * 8)
    return _put(aim.offset(width), number.to_bytes(width, chance.choice(_ORDERS)), aim)


def near_number(aim: Aim, chance: Random) -> Edit:
    """The number that is there, a little more or less, or shifted."""
    width, order = chance.choice(_WIDTHS), chance.choice(_ORDERS)
    offset = aim.offset(width)
    old = int.from_bytes(aim.at(offset, width), order)
    new = old + chance.randint(-35, 35) if chance.random() < 0.7 else old << chance.randint(1, 8)
    return _put(offset, (new % (1 << width * 8)).to_bytes(width, order), aim)


def other_number(aim: Aim, chance: Random) -> Edit:
    """A number of elsewhere: pointers that lead into each other, and in circles."""
    width = chance.choice(_WIDTHS[1:])
    return _put(aim.offset(width), aim.at(aim.offset(width), width), aim)


def splice(aim: Aim, chance: Random) -> Edit:
    """A piece of elsewhere."""
    length = 1 << chance.randrange(3, 13)
    align = min(length, 512)
    return _put(aim.offset(align), aim.at(aim.offset(align), length), aim)


def fill(aim: Aim, chance: Random) -> Edit:
    """Zeros, ones or noise."""
    length = chance.choice((1, 2, 4, 8, 16, 64, 512))
    data = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))
    return _put(aim.offset(), data, aim)


def cut(aim: Aim, chance: Random) -> Edit:
    """The end is missing."""
    return Edit(max(1, aim.offset(chance.choice((1, 512)))), None)


MUTATORS: tuple[Mutator, ...] = (flip_bit, edge_number, edge_number, near_number, other_number, splice, fill)
