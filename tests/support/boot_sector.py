"""A disk that shows a login prompt on its serial console, and does nothing else: it is up in a second."""

from pathlib import Path

from support.images import create, patch

PROMPT = b"\r\nsector login: \r\n"
ORIGIN = 0x7C00
"""Where a BIOS puts the first sector, and starts it."""
CODE = bytes.fromhex(
    "31c0 8ed8"  # ds = 0
    "be247c"  # si = PROMPT, which stands behind the code
    "bafd03"  # dx = line status of COM1
    "ac 84c0 7412"  # the next byte; at the end: halt
    "88c3"
    "ec a820 74fb"  # wait until it can send
    "baf803 88d8 ee"  # send
    "bafd03 ebe9"
    "f4 ebfd"  # halt, for ever
)
PARTITION = bytes.fromhex("80000000 83000000 01000000 ff070000")
"""Nova starts no raw disk whose first sector looks like a partition table without one."""


def disk_with_a_prompt(path: Path) -> Path:
    """A raw disk of 1 MiB. There is no system on it."""
    assert ORIGIN + len(CODE) == 0x7C24
    disk = create(path, "raw", "1M")
    patch(disk, 0, CODE + PROMPT + b"\0")
    return patch(disk, 446, PARTITION.ljust(64, b"\0") + b"\x55\xaa")
