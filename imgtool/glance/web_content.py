"""A published file that Glance is to fetch by itself: its URL, and the hashes that prove it.

Where Glance's algorithm is among the published ones nothing is read here. Where it is not, the URL is read
once, without keeping a byte: what was published proves what was read, and that proves what Glance has.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from imgtool.errors import FetchError
from imgtool.fetch import web
from imgtool.fetch.download import OTHER_FILE, compare
from imgtool.fetch.transfer import Transfer, hashed
from imgtool.fetch.urls import without_query
from imgtool.glance.body import USUAL_ALGORITHM
from imgtool.util.progress import Progress


@dataclass(slots=True)
class WebContent:
    """What is at a URL, as its publisher describes it."""

    url: str
    published: Mapping[str, str]
    """Hashes in hexadecimal, by hashlib's names: one at least."""
    size_bytes: int = 0
    """As the server says; 0 where it does not."""
    problem: str = ""
    """Why it cannot be reached from here."""
    _found: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """Return what messages call it."""
        return without_query(self.url)

    @property
    def disk(self) -> None:
        """Return None: the disk in it is read only where that has to be."""

    def ask_size(self) -> None:
        """Learn the size from the server. One that cannot be reached from here the cloud perhaps can reach.

        Raises FetchError where it has to be read here, too.
        """
        try:
            with web.as_fetch_errors(self.shown), Transfer(self.url) as transfer:
                self.size_bytes = transfer.size_bytes or 0
        except FetchError as error:
            if not self.is_proof_at_once:
                raise
            self.problem = error.message

    @property
    def is_proof_at_once(self) -> bool:
        """Whether Glance's usual hash is among the published ones."""
        return USUAL_ALGORITHM in self.published

    def hash_by(self, algorithm: str, progress: Progress) -> str | None:
        """The file's hash, published or read; None for an algorithm that Python does not have.

        Raises FetchError, and VerificationError where another file is there than the published one.
        """
        if algorithm in self.published:
            return self.published[algorithm]
        if algorithm not in self._found:
            if algorithm not in hashlib.algorithms_available or hashlib.new(algorithm).digest_size == 0:
                return None
            self._read(algorithm, progress)
        return self._found[algorithm]

    def _read(self, algorithm: str, progress: Progress) -> None:
        progress.stage("hash", f"{self.shown}: read here too, as no {algorithm} of it is published")
        with (
            web.as_fetch_errors(self.shown),
            Transfer(self.url) as transfer,
            progress.meter("hash", transfer.size_bytes) as meter,
        ):
            found = hashed(transfer.chunks(), {algorithm, *self.published}, meter)
        compare(self.shown, found, self.published, hint=OTHER_FILE)
        self._found |= found
