"""Fetches an image from an http(s) URL into a file, and proves that it is the one that was meant.

The bytes are hashed on their way; without the right hash nothing of them stays.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

from imgtool.errors import FetchError, VerificationError
from imgtool.fetch import web
from imgtool.fetch.transfer import MAX_BYTES, Transfer, hashed
from imgtool.fetch.urls import file_name, without_query
from imgtool.util.progress import Progress
from imgtool.util.text import human_size

SPARE_BYTES = 1 << 30
"""Of the disk, which is left to others."""
SHA256 = "sha256"

OTHER_FILE = "compare with what the publisher says; the file there may be another one by now"


class Fetched(NamedTuple):
    """A file, and what was computed on its way."""

    path: Path
    sha256: str


def fetch(url: str, hashes: Mapping[str, str] | None, folder: Path, progress: Progress) -> Fetched:
    """The file in `folder`. Raises FetchError, VerificationError; then no file is left.

    `hashes` are those that it must have, by hashlib's names: one at least. None is for what is only looked
    at, and takes whatever comes.
    """
    if hashes is not None and not hashes:
        raise ValueError("nothing to compare it with")
    shown, wanted = without_query(url), hashes or {}
    fetched = target(url, folder)
    progress.stage("fetch", shown)
    try:
        with web.as_fetch_errors(shown), Transfer(url) as transfer, fetched.open("xb") as file:
            found = _receive(transfer, file, {SHA256, *wanted}, progress)
            os.fsync(file.fileno())
        compare(shown, found, wanted, hint=OTHER_FILE)
    except BaseException:
        fetched.unlink(missing_ok=True)
        raise
    return Fetched(fetched, found[SHA256])


def compare(shown: str, found: Mapping[str, str], wanted: Mapping[str, str], *, hint: str) -> None:
    """Raise VerificationError where a hash of what is `shown` to people is not the one that is `wanted`.

    Both are in hexadecimal, by hashlib's names.
    """
    for algorithm, value in wanted.items():
        if found[algorithm] != value:
            name = algorithm.upper().replace("SHA", "SHA-")
            raise VerificationError(f"{shown}: its {name} is {found[algorithm]}, and not {value}", hint=hint)


def target(url: str, folder: Path) -> Path:
    """The file that `fetch` makes. Its ending is a claim of the format, which the gate looks at."""
    kept = "".join(one if one.isalnum() or one in "._-" else "_" for one in file_name(url))
    return folder / (kept[-100:].lstrip(".") or "image")


def text(url: str, max_bytes: int) -> str:
    """A short text, such as a list of hashes. Raises FetchError."""
    shown = without_query(url)
    with web.as_fetch_errors(shown), Transfer(url) as transfer:
        content = bytearray()
        for chunk in transfer.chunks():
            content += chunk
            if len(content) > max_bytes:
                raise FetchError(f"{shown}: is larger than {human_size(max_bytes)}", hint="check the URL")
    return content.decode("utf-8", "replace")


def _receive(
    transfer: Transfer, file: IO[bytes], algorithms: set[str], progress: Progress
) -> Mapping[str, str]:
    """The hashes of what came, in hexadecimal."""
    room = _Room(transfer.shown, file)
    room.require(transfer.size_bytes or 0)

    def keep(chunk: bytes) -> None:
        room.require(file.tell() + len(chunk))
        file.write(chunk)

    with progress.meter("fetch", transfer.size_bytes) as meter:
        return hashed(transfer.chunks(), algorithms, meter, keep)


class _Room:
    """How many bytes there may be, on the disk of `file` as it is now."""

    def __init__(self, shown: str, file: IO[bytes]) -> None:
        self._shown = shown
        self._bytes = min(MAX_BYTES, max(shutil.disk_usage(file.fileno()).free - SPARE_BYTES, 0))

    def require(self, size_bytes: int) -> None:
        """Raise FetchError where it is more."""
        if size_bytes > self._bytes:
            raise FetchError(
                f"{self._shown}: is larger than the {human_size(self._bytes)} that there is room for",
                hint=web.MORE_ROOM,
            )
