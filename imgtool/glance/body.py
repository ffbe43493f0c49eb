"""The bytes of an upload on their way: read once, counted, hashed."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from imgtool.convert.payload import Bytes, Payload
from imgtool.errors import CloudError
from imgtool.util.progress import Meter

USUAL_ALGORITHM = "sha512"
"""What Glance computes unless its `hashing_algorithm` says otherwise."""


class Body:
    """A request body. It can be sent once only; for another attempt there is another one.

    keystoneauth sends a request again after a 401, with the same body: a consumed iterator then makes an
    active image of 0 bytes. A second start is therefore an error.
    """

    def __init__(self, payload: Payload, meter: Meter) -> None:
        self._payload = payload
        self._meter = meter
        self._hash = hashlib.sha512()
        self._started = False
        self.sent_bytes = 0

    def __len__(self) -> int:
        """Tell requests the length, so that there is no chunked encoding."""
        return self._payload.size_bytes

    def __iter__(self) -> Iterator[bytes | memoryview]:
        if self._started:
            raise CloudError(
                "the connection to Glance would have sent the image's bytes a second time",
                hint="upload the image again",
            )
        self._started = True
        # A chunk is hashed while it is sent: together they take as long as the slower of the two.
        with ThreadPoolExecutor(1) as hashing, closing(self._payload.chunks()) as chunks:
            for chunk in chunks:
                hashed = hashing.submit(self._hash.update, chunk)
                yield chunk
                hashed.result()
                self.sent_bytes += len(chunk)
                self._meter.advance(len(chunk))

    @property
    def complete(self) -> bool:
        """The last byte was taken by the connection; whether it arrived is another question."""
        return self.sent_bytes == len(self)

    def hash_by(self, algorithm: str) -> str | None:
        """The hash of what was sent, in hexadecimal; None for an `algorithm` that Python does not have.

        Another one than the usual one means reading the payload once more.
        """
        if algorithm == USUAL_ALGORITHM:
            return self._hash.hexdigest()
        return hash_of(self._payload, algorithm)


def hash_of(payload: Bytes, algorithm: str, meter: Meter | None = None) -> str | None:
    """The hash of all that `payload` has, in hexadecimal; None where Python does not have `algorithm`."""
    try:
        digest = hashlib.new(algorithm, usedforsecurity=False)
    except ValueError:
        return None
    if digest.digest_size == 0:  # SHAKE has no length of its own
        return None
    with closing(payload.chunks()) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            if meter is not None:
                meter.advance(len(chunk))
    return digest.hexdigest()
