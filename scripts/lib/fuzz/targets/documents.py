"""Saved documents as a side of `imgtool diff`: an inspection, and bills of materials of both forms.

The reader stands without its sandbox here: what only the sandbox's limits would end is a find. A seed is
the document taken apart, a value a line behind where it stands, so that most mutants are JSON still: of
mutated JSON itself nearly nothing came further than its parser.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from imgtool.diff.compare import difference
from imgtool.diff.saved import MAX_PACKAGES, DocumentRequest, read_document
from imgtool.diff.snapshot import Missing, Snapshot
from imgtool.errors import ImageUnreadableError
from imgtool.util.text import printable

_COMMANDS = {
    "inspection": ("inspect", "--inventory", "--output", "json"),
    "cyclonedx": ("sbom", "--format", "cyclonedx"),
    "spdx": ("sbom", "--format", "spdx"),
}
_IMAGES = ("ext4-gpt", "fedora-42", "windows-2022")


@cache
def _seeds() -> list[Seed]:
    return [
        Seed(f"{kind}-{image}", "\n".join(_lines(json.loads(seeds.document(image, *command)))).encode())
        for image in _IMAGES
        for kind, command in _COMMANDS.items()
    ]


def _run(mutant: Mutant) -> str:
    """Both ways: what is gone on one side is new on the other."""
    found, whole = _read(mutant.content), _read_seed(mutant.seed.name)
    there, back = difference(whole, found), difference(found, whole)
    # A bug of ours.
    assert [len(one.changes) for one in there.kinds] == [len(one.changes) for one in back.kinds], (  # noqa: S101
        "another number of changes from the one side than from the other"
    )
    told = (items for items in found.kinds.values() if not isinstance(items, Missing))
    shown = all(text == printable(text) for items in told for pair in items.items() for text in pair)
    assert shown, "a text of it is not printable"  # noqa: S101 - a bug of ours
    return " ".join(f"{one.kind} {bool(one.changes)} {one.absent} {one.unknown}" for one in there.kinds)


def _lines(value: Any, place: str = "") -> Iterator[str]:
    """Each value that holds no other, and each that is empty: `guest/kernels/0/version "6.1.0"`."""
    if not isinstance(value, dict | list) or not value:
        yield f"{place} {json.dumps(value)}"
        return
    below = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in below:
        yield from _lines(one, f"{place}/{key}")


def _document(content: bytes) -> bytes:
    """The lines put together again, as JSON; what is no value is a text."""
    top: dict[str, Any] = {}
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        place, _, shown = line.partition(" ")
        value: Any = shown
        with suppress(ValueError, RecursionError):
            value = json.loads(shown)
        *above, last = place.split("/")[1:] or [place]
        inside = top
        for key in above:
            inside = inside.setdefault(key, {})
            if not isinstance(inside, dict):
                break
        else:
            inside[last] = value
    return json.dumps(_with_lists(top)).encode()


def _with_lists(value: Any) -> Any:
    """Lists again where the keys are numbers that follow each other."""
    if not isinstance(value, dict):
        return value
    below = {key: _with_lists(one) for key, one in value.items()}
    return list(below.values()) if below and list(below) == [str(n) for n in range(len(below))] else below


@cache
def _read_seed(name: str) -> Snapshot:
    content = next(seed.content for seed in _seeds() if seed.name == name)
    assert isinstance(content, bytes)  # noqa: S101 - made above
    return _read(content)


def _read(content: bytes) -> Snapshot:
    document = _document(content)
    descriptor = os.memfd_create("document")
    try:
        os.write(descriptor, document)
        found = read_document(DocumentRequest("document", len(document)), descriptor)
    finally:
        os.close(descriptor)
    # A bug of ours.
    assert all(isinstance(one, Missing) or len(one) <= MAX_PACKAGES for one in found.kinds.values())  # noqa: S101
    return found


TARGETS = (Target("documents", _seeds, _run, (ImageUnreadableError,), text=True, share=30),)
