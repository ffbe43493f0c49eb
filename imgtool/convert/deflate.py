"""Compresses one qcow2 cluster. Source: QEMU, docs/interop/qcow2, "Compressed Clusters Descriptor".

zlib is raw deflate with a window of 4 KiB: what is written with a larger one some readers cannot read.
zstd is one frame without a checksum.
"""

import zlib
from collections.abc import Callable
from threading import local

from isal import isal_zlib

WINDOW_BITS = 12
"""How far back a match may reach: 4 KiB."""

Compress = Callable[[memoryview], bytes]

LEVELS = {"zlib": range(1, 10), "zstd": range(1, 20)}
DEFAULT_LEVEL = {"zlib": 1, "zstd": 1}
"""The fastest: 15 times as fast as zlib's default at nearly its ratio."""

_ISAL_LEVELS = 3
"""zlib's levels up to this one are ISA-L's, far faster; those above are zlib's own, and smaller."""

_ISAL_MEMORY = 5
"""Room for 32768 matches and pairs of literals, what 64 KiB can need: 5% faster than with its default."""

_HEAD_BYTES = 4
"""What has its own block, see `_isal`: the fewest from which ISA-L starts its table of matches."""


def compressor(method: str, level: int) -> Compress:
    """A function that compresses one cluster by `method` (zlib or zstd), to be called by any thread."""
    if method == "zstd":
        return _zstd(level)
    if level <= _ISAL_LEVELS:
        return lambda data: _isal(data, level)
    return lambda data: _zlib(data, level)


def _isal(data: memoryview, level: int) -> bytes:
    """Make the same bytes of the same cluster, in every thread and process: not what ISA-L gives by itself.

    At levels 1 and 2 its x86 loop files the third byte of a stream under a hash of an address instead of the
    data (`write_first_byte` in igzip_icf_body_h1_gr_bt.asm, up to ISA-L 2.32). Which matches it finds then
    depends on where the kernel put the stack. A flush after a few bytes gives the start of the stream to its
    other loop, the one for what is left before a flush, which has no such fault. It costs about 7 bytes.
    """
    deflater = isal_zlib.compressobj(level, isal_zlib.DEFLATED, -WINDOW_BITS, _ISAL_MEMORY)
    head = deflater.compress(data[:_HEAD_BYTES]) + deflater.flush(isal_zlib.Z_SYNC_FLUSH)
    return head + deflater.compress(data[_HEAD_BYTES:]) + deflater.flush()


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
