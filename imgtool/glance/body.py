"""The bytes of an upload on their way: read once, counted, hashed."""

import hashlib
from collections.abc import Iterator

from imgtool.errors import CloudError, ImageUnreadableError
from imgtool.formats.source import Source
from imgtool.progress import Meter
from imgtool.text import printable

CHUNK_BYTES = 1 << 20

USUAL_ALGORITHM = "sha512"
"""What Glance computes unless its `hashing_algorithm` says otherwise."""


class Body:
    """A request body. It can be sent once only.

    keystoneauth sends a request again after a 401, with the same body: a consumed iterator then makes an
    active image of 0 bytes. A second start is therefore an error.
    """

    def __init__(self, source: Source, meter: Meter) -> None:
        self._source = source
        self._meter = meter
        self._hash = hashlib.sha512()
        self._started = False
        self.sent_bytes = 0

    def __len__(self) -> int:
        """For requests: the length is known, no chunked encoding."""
        return self._source.size_bytes

    def __iter__(self) -> Iterator[bytes]:
        if self._started:
            raise CloudError(
                "the connection to Glance would have sent the image's bytes a second time",
                hint="upload the image again",
            )
        self._started = True
        while self.sent_bytes < self._source.size_bytes:
            yield self._next()

    def _next(self) -> bytes:
        chunk = self._source.read_at(self.sent_bytes, CHUNK_BYTES)
        if not chunk:
            raise ImageUnreadableError(
                f"{printable(str(self._source.path))}: it became shorter while it was uploaded",
                hint="upload it again once nothing writes to it",
            )
        self._hash.update(chunk)
        self.sent_bytes += len(chunk)
        self._meter.advance(len(chunk))
        return chunk

    def hash_by(self, algorithm: str) -> str | None:
        """The hash of what was sent, in hexadecimal; None for an `algorithm` that Python does not have.

        Another one than the usual one means reading the file once more.
        """
        if algorithm == USUAL_ALGORITHM:
            return self._hash.hexdigest()
        try:
            digest = hashlib.new(algorithm, usedforsecurity=False)
        except ValueError:
            return None
        if digest.digest_size == 0:  # SHAKE has no length of its own
            return None
        for offset in range(0, self._source.size_bytes, CHUNK_BYTES):
            digest.update(self._source.read_at(offset, CHUNK_BYTES))
        return digest.hexdigest()
