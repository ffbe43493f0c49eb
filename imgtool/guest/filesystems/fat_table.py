"""The file allocation table: which cluster follows which (FAT specification, section 4)."""

from imgtool.guest.filesystems.base import GuestReadError

FIRST_CLUSTER = 2
MAX_TABLE_BYTES = 64 << 20
"""A table of 16 million clusters; an EFI system partition has under 100,000."""


class FatTable:
    """The first table of a volume, kept in memory."""

    def __init__(self, content: bytes, bits: int, clusters: int) -> None:
        if len(content) > MAX_TABLE_BYTES:
            raise GuestReadError(f"a FAT of more than {MAX_TABLE_BYTES} bytes")
        self._content = content
        self._bits = bits
        self._end = clusters + FIRST_CLUSTER
        self._last_mark = (1 << min(bits, 28)) - 8
        """From this value on, an entry marks the last cluster of a chain."""

    def chain(self, first: int, limit: int) -> list[int]:
        """The clusters from `first` on, at most `limit`: a chain cannot lead in a circle unseen."""
        clusters: list[int] = []
        seen: set[int] = set()
        cluster = first
        while len(clusters) < limit:
            if not FIRST_CLUSTER <= cluster < self._end or cluster in seen:
                raise GuestReadError(f"a damaged chain of clusters at {cluster}")
            clusters.append(cluster)
            seen.add(cluster)
            cluster = self._next(cluster)
            if cluster >= self._last_mark:
                break
        return clusters

    def _next(self, cluster: int) -> int:
        if self._bits == 12:
            offset = cluster + cluster // 2
            pair = int.from_bytes(self._content[offset : offset + 2], "little")
            return pair >> 4 if cluster & 1 else pair & 0xFFF
        width = self._bits // 8
        offset = cluster * width
        value = int.from_bytes(self._content[offset : offset + width], "little")
        return value & 0x0FFFFFFF
