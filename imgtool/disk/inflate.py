"""Inflates one compressed qcow2 cluster, exactly.

Source: QEMU, docs/interop/qcow2, "Compressed Clusters Descriptor": raw deflate with a window of 4 KiB, or one
zstd frame. What follows in the last sector belongs to the next cluster, and is ignored.
"""

from collections.abc import Callable
from threading import local

from deflate import DeflateError, deflate_decompress

from imgtool.errors import ImageUnreadableError

Inflated = bytes | bytearray

_zstd = local()
"""A zstd context serves one thread at a time."""


def inflate_cluster(method: str, data: bytes | memoryview, cluster_size_bytes: int) -> Inflated:
    """`data` inflated by `method` (zlib or zstd). Raises ImageUnreadableError unless it fills one cluster."""
    try:
        content = _INFLATE[method](data, cluster_size_bytes)
    except (ValueError, MemoryError, DeflateError) as error:
        raise ImageUnreadableError(f"one of its compressed clusters is damaged: {error}") from error
    if len(content) != cluster_size_bytes:
        raise ImageUnreadableError("one of its compressed clusters does not hold a cluster")
    return content


def _inflate_zlib(data: bytes | memoryview, cluster_size_bytes: int) -> Inflated:
    """Inflate a cluster at most: what would be larger fails, as does what does not end within its sectors."""
    return deflate_decompress(data, cluster_size_bytes)


def _inflate_zstd(data: bytes | memoryview, cluster_size_bytes: int) -> Inflated:
    import zstandard  # noqa: PLC0415 - loaded only where it is needed: it makes a start slower

    try:
        # A size in the frame's header would be allocated before anything is inflated.
        if zstandard.frame_content_size(data) not in {-1, cluster_size_bytes}:
            raise ValueError("its frame is of another size")
        if not hasattr(_zstd, "context"):
            _zstd.context = zstandard.ZstdDecompressor()
        context: zstandard.ZstdDecompressor = _zstd.context
        return context.decompress(data, max_output_size=cluster_size_bytes)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


_INFLATE: dict[str, Callable[[bytes | memoryview, int], Inflated]] = {
    "zlib": _inflate_zlib,
    "zstd": _inflate_zstd,
}
