"""Generations of boot components: SBAT.md of rhboot/shim.

Each program has a line for each component that it is built of: name, generation, and who made it. shim keeps
the lowest generation that it still takes; where the firmware's variable is empty, as it is on a new instance,
that is what was built into shim (section .sbatlevel: a version, two offsets, two texts).
"""

import re
import struct
from collections.abc import Mapping

from imgtool.util.text import printable

MAX_BYTES = 64 << 10
MAX_COMPONENTS = 100
_LINE = re.compile(r"([^,\n]{1,100}),(\d{1,9})(?:,[^\n]*)?")


def components(section: bytes | None) -> dict[str, int] | None:
    """Name to generation; None where the program has no such section."""
    if section is None:
        return None
    text = section[:MAX_BYTES].split(b"\0")[0].decode("utf-8", "replace")
    found = (_LINE.fullmatch(line.strip()) for line in text.splitlines()[:MAX_COMPONENTS])
    return {printable(one[1]): int(one[2]) for one in found if one is not None}


def automatic_level(section: bytes | None) -> dict[str, int]:
    """The lowest generations that shim takes by itself: the first of the two texts of .sbatlevel."""
    if section is None or len(section) < 12:
        return {}
    (offset,) = struct.unpack_from("<I", section, 4)
    return components(section[4 + offset :]) or {}


def too_old(found: Mapping[str, int], level: Mapping[str, int]) -> str:
    """Which component shim takes no longer, in words; empty where it takes all."""
    for name, generation in found.items():
        if generation < level.get(name, 0):
            return f"{name} is of generation {generation}, and shim takes {level[name]} and later"
    return ""
