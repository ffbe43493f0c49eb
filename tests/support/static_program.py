"""The smallest program that the kernel would load."""

import struct

_SIZES = (64, 56, 1, 64, 0, 0)
_HEADER = struct.pack(
    "<4s5B7x2HI3QI6H", b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0
)
STATIC_PROGRAM = _HEADER + struct.pack("<2I6Q", 1, 5, 0, 0, 0, 120, 120, 4096)
"""Its headers, and one segment that holds them: it needs no library."""
