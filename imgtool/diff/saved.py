"""A file in place of an image: an inspection that was saved, or a bill of materials of whatever tool.

It is somebody's JSON, so it is read in the sandbox, which has bounds on memory and time; only texts of it
come out, printable.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgtool.diff.snapshot import Missing, Snapshot, from_document, managers_of, package_items
from imgtool.errors import ImageUnreadableError, ToolMissingError
from imgtool.model.difference import KINDS
from imgtool.model.inventory import Items
from imgtool.sandbox import Job, Limits, SandboxFailedError, ask
from imgtool.util.codec import refuse_constant
from imgtool.util.text import printable

MAX_BYTES = 64 << 20
"""Of a document. A bill of a desktop's 5,000 packages has 5 MB."""
MAX_PACKAGES = 50_000
"""Of a bill, and of anything else that is told by name (util/codec.py). A desktop has 5,000."""
MAX_TEXT = 1 << 20
"""Characters of one text of it."""
LIMITS = Limits(cpu_seconds=30, memory_bytes=1 << 30, deadline_seconds=120.0)
"""The bill of a desktop takes 0.1 seconds and 50 MiB; one of MAX_BYTES may need more than there is."""
_BEGINS = b"{"
_MANAGERS = {"deb": "dpkg", "alpm": "pacman", "generic": "windows"}
"""Type of a package URL to the manager that is called otherwise."""


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """What to read."""

    name: str
    """What the user called it."""
    size_bytes: int


def saved_snapshot(path: Path) -> Snapshot | None:
    """The snapshot of a document in the file `path`; None where the file is none, but may be an image.

    Raises ImageUnreadableError where it is JSON, and none of the documents that are known here, or where it
    takes more than it may; ToolMissingError where it is a bill, and nothing here reads one.
    """
    with _opened(path) as descriptor:
        if descriptor is None:
            return None
        request = DocumentRequest(str(path), os.fstat(descriptor).st_size)
        try:
            return ask(JOB, request, descriptor)
        except SandboxFailedError as error:
            raise ImageUnreadableError(f"{printable(str(path))}: {error.message}", hint=_HINT) from error


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """An open descriptor of a file that begins as JSON does. What cannot be opened is the gate's to say."""
    descriptor = None
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield descriptor if descriptor is not None and _is_document(descriptor) else None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _is_document(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        return False
    with suppress(OSError):
        return os.pread(descriptor, 64, 0).lstrip()[:1] == _BEGINS
    return False


_HINT = "save one with: imgtool inspect IMAGE --inventory --output json, or imgtool sbom IMAGE"


def read_document(request: DocumentRequest, descriptor: int) -> Snapshot:
    """Read the document; runs in the sandbox."""
    content = _content(request, descriptor)
    try:
        found = _snapshot(request.name, json.loads(content, parse_constant=refuse_constant))
        _refuse_what_is_too_much(found)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise ImageUnreadableError(
            f"{printable(request.name)}: it is no inspection and no bill of materials"
            f" ({type(error).__name__}: {printable(str(error)[:200])})",
            hint=_HINT,
        ) from error
    return found


def _content(request: DocumentRequest, descriptor: int) -> bytes:
    """Return as much of it as there was when it was opened."""
    content = bytearray()
    while piece := os.pread(descriptor, request.size_bytes - len(content), len(content)):
        content += piece
    return bytes(content)


def _refuse_what_is_too_much(found: Snapshot) -> None:
    """Raise ValueError for what no image has, so that the reason is said here."""
    for kind, items in found.kinds.items():
        if isinstance(items, Missing):
            continue
        if len(items) > MAX_PACKAGES:
            raise ValueError(f"more than {MAX_PACKAGES} {kind}")
        if any(len(text) > MAX_TEXT for pair in items.items() for text in pair):
            raise ValueError(f"{kind}: a text of more than {MAX_TEXT} characters")


def load() -> None:
    """Load in the server what reads package URLs, where it is installed: a sandbox can open no file."""
    with suppress(ImportError):
        import packageurl  # noqa: F401, PLC0415 - of an extra, and only for bills


JOB = Job(
    name=f"{__name__}:JOB",
    subject="the document",
    question=DocumentRequest,
    answer=Snapshot,
    work=read_document,
    limits=LIMITS,
    prepare=load,
)


def _snapshot(name: str, document: Mapping[str, Any]) -> Snapshot:
    if "spdxVersion" in document:
        return _bill(name, list(_of_spdx(document)))
    if document.get("bomFormat") == "CycloneDX":
        return _bill(name, list(_of_cyclonedx(document)))
    return from_document(name, document)


def _bill(name: str, packages: Sequence[Mapping[str, str]]) -> Snapshot:
    """A bill tells packages, and kernels where imgtool made it."""
    if len(packages) > MAX_PACKAGES:
        raise ValueError(f"more than {MAX_PACKAGES} packages")
    absent = Missing("a bill of materials does not tell it", absent=True)
    kinds: dict[str, Items | Missing] = {kind: absent for kind in KINDS if kind != "files"}
    kinds["packages"] = package_items(packages)
    return Snapshot(name, kinds, managers_of(packages))


def _of_cyclonedx(document: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for one in document.get("components") or ():
        if one.get("purl"):
            yield _package(one["purl"], one["name"])


def _of_spdx(document: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for one in document.get("packages") or ():
        for reference in one.get("externalRefs") or ():
            if reference.get("referenceType") == "purl":
                yield _package(reference["referenceLocator"], one["name"])


def _package(url: str, name: str) -> dict[str, str]:
    """Raises ValueError where it is no package URL, ToolMissingError where nothing here reads one."""
    try:
        from packageurl import PackageURL  # noqa: PLC0415 - of an extra, and only for bills
    except ImportError as error:
        raise ToolMissingError(
            "to read a bill of materials, packageurl-python is needed, and it is not installed",
            hint="install the extra: pip install 'openstack-imgtool[sbom]'",
        ) from error
    found = PackageURL.from_string(url)
    qualifiers: Mapping[str, str] = found.qualifiers
    manager = _MANAGERS.get(found.type, found.type)
    epoch = qualifiers.get("epoch", "")
    version = f"{epoch}:{found.version}" if manager == "rpm" and epoch else found.version or ""
    architecture = qualifiers.get("arch", "")
    return {"manager": manager, "name": name, "version": version, "architecture": architecture}
