"""A baseline: the findings that somebody knows of, so that only new ones fail an image.

The file is small, sorted JSON, fit for version control:

    {"schema_version": 1, "findings": [{"image": PATH, "check": NAME, "fingerprint": HEX}, ...]}

The path is relative to the file's folder. A finding is another one when its evidence is (where it has none,
its message), or its outcome: what failed before and is unknown now is new. What a crashed check says is never
known.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from imgtool.errors import UsageError
from imgtool.fetch.urls import is_url
from imgtool.model.verdict import Finding, Judgement, Outcome
from imgtool.util import codec
from imgtool.util.text import escape_bytes, printable

MAX_BYTES = 16 << 20
_CAN_BE_KNOWN = frozenset({Outcome.FAIL, Outcome.UNKNOWN})


@dataclass(frozen=True, slots=True, order=True)
class KnownFinding:
    """One entry of the file."""

    image: str
    check: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Document:
    schema_version: Literal[1]
    findings: tuple[KnownFinding, ...]


Baseline = frozenset[KnownFinding]


def read_baseline(path: Path) -> Baseline:
    """Return what the file has. Raises UsageError where it cannot be read, or is no baseline."""
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = "`imgtool check IMAGE --write-baseline FILE` makes it"
        raise UsageError(f"{shown}: cannot be read: {error.strerror}", hint=hint) from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{shown}: larger than {MAX_BYTES} bytes", hint="is this the right file?")
    try:
        return frozenset(codec.from_json(content, _Document).findings)
    except codec.CodecError as error:
        hint = "name a file that --write-baseline made"
        raise UsageError(f"{shown}: not a baseline of imgtool: {error}", hint=hint) from error


def to_text(known: Iterable[KnownFinding]) -> str:
    """Return the content of the file, the same for the same findings."""
    document = {"schema_version": 1, "findings": [asdict(one) for one in sorted(set(known))]}
    return json.dumps(document, indent=2) + "\n"


def image_name(image: str, file: Path) -> str:
    """Return what the baseline in `file` calls the image."""
    return escape_bytes(image if is_url(image) else os.path.relpath(image, file.absolute().parent))


def known_findings(found: Judgement, name: str) -> Iterator[KnownFinding]:
    """Yield an entry for each finding of the image `name` that could be known."""
    return (_entry(one, name) for one in found.findings if one.outcome in _CAN_BE_KNOWN)


def marked(found: Judgement, is_known: Callable[[KnownFinding], bool], name: str) -> Judgement:
    """The judgement of the image `name`, in which known findings fail nothing."""
    findings = (
        replace(one, known=one.outcome in _CAN_BE_KNOWN and is_known(_entry(one, name)))
        for one in found.findings
    )
    return replace(found, findings=tuple(findings))


def _entry(finding: Finding, name: str) -> KnownFinding:
    seen = f"{finding.outcome.value}\0{finding.evidence or finding.message}"
    digest = hashlib.sha256(seen.encode("utf-8", "surrogateescape")).hexdigest()
    return KnownFinding(name, finding.check, digest[:32])
