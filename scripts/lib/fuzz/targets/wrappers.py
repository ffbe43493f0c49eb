"""Files that are compressed as a whole: the gate, and inflation into a file within its bounds."""

import bz2
import gzip
import lzma
import struct
import time
from functools import cache

import zstandard
from support.hostile_streams import HOSTILE

from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from fuzz.targets.images import folder, written
from imgtool.disk.wrapped import unwrap
from imgtool.errors import ImgtoolError
from imgtool.formats import admit
from imgtool.util.progress import NullProgress

_DISK = bytes(1024) + b"\xfa some code" * 60 + bytes(40000) + bytes(range(256)) * 50
_HOSTILE_BYTES = 200 << 10
_MAX_SECONDS = 5
"""Of CPU time, on a machine that is slow: all of these take a tenth at most."""


@cache
def _seeds() -> list[Seed]:
    folder()  # of the run, and not of a worker
    made = {
        "gzip": gzip.compress(_DISK, mtime=0),
        "xz": lzma.compress(_DISK),
        "bzip2": bz2.compress(_DISK),
        "zstd": zstandard.compress(_DISK),
        "zstd-frames": zstandard.compress(_DISK) + b"\0" * 8 + zstandard.compress(_DISK[:5000]),
        "zstd-skipped": struct.pack("<II4x", 0x184D2A50, 4) + zstandard.compress(_DISK[:9000]) * 3,
        "gzip-members": gzip.compress(_DISK, mtime=0) + gzip.compress(_DISK[:9000], mtime=0),
    }
    made |= {name: make(_HOSTILE_BYTES) for name, (_, make) in HOSTILE.items()}
    return [Seed(name, content) for name, content in made.items()]


def _run(mutant: Mutant) -> str:
    image = admit(written(mutant, "x.img"), "raw")
    if image.wrapper is None:
        return "no longer compressed"
    began = time.process_time()
    content = unwrap(image, NullProgress())
    if time.process_time() - began > _MAX_SECONDS:
        raise AssertionError(f"{len(mutant.content)} bytes took more than {_MAX_SECONDS} seconds of CPU time")
    return f"passed, {image.wrapper} {content.virtual_size_bytes.bit_length()}"


TARGETS = (Target("wrappers", _seeds, _run, (ImgtoolError,), share=30),)
