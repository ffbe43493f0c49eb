"""Compresses one qcow2 cluster. Source: QEMU, docs/interop/qcow2, "Compressed Clusters Descriptor".

zlib is raw deflate with a window of 4 KiB: what is written with a larger one some readers cannot read.
zstd is one frame without a checksum.
"""

import zlib
from collections.abc import Callable
from threading import local

from isal import igzip_lib

from imgtool.disk.inflate import WINDOW_BITS

Compress = Callable[[memoryview], bytes]

LEVELS = {"zlib": range(1, 10), "zstd": range(1, 20)}
DEFAULT_LEVEL = {"zlib": 1, "zstd": 1}
"""The fastest: 15 times as fast as zlib's default at nearly its ratio."""

_ISAL_LEVELS = 3
"""zlib's levels up to this one are ISA-L's, far faster; those above are zlib's own, and smaller."""


def compressor(method: str, level: int) -> Compress:
    """A function that compresses one cluster by `method` (zlib or zstd), to be called by any thread."""
    if method == "zstd":
        return _zstd(level)
    if level <= _ISAL_LEVELS:
        return lambda data: igzip_lib.compress(
            data, level, igzip_lib.COMP_DEFLATE, igzip_lib.MEM_LEVEL_DEFAULT, WINDOW_BITS
        )
    return lambda data: _zlib(data, level)


def _zlib(data: memoryview, level: int) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, -WINDOW_BITS)
    return deflater.compress(data) + deflater.flush()


def _zstd(level: int) -> Compress:
    import zstandard  # noqa: PLC0415 - loaded only where it is needed: it makes a start slower

    contexts = local()  # one serves one thread at a time

    def compress(data: memoryview) -> bytes:
        if not hasattr(contexts, "context"):
            contexts.context = zstandard.ZstdCompressor(level=level, write_checksum=False)
        context: zstandard.ZstdCompressor = contexts.context
        return context.compress(data)

    return compress
