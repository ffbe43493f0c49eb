"""A file in place of an image: an inspection that was saved, or a bill of materials of whatever tool.

It is somebody's JSON: of bounded size, and only texts of it are shown, printable.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgtool.diff.snapshot import Missing, Snapshot, from_document, managers_of, package_items
from imgtool.errors import ImageUnreadableError, ToolMissingError
from imgtool.model.difference import KINDS, Kind
from imgtool.model.inventory import Items
from imgtool.util.text import printable

MAX_BYTES = 64 << 20
"""Of a document. A bill of a desktop's 5,000 packages has 5 MB."""
MAX_PACKAGES = 100_000
_BEGINS = b"{"
_MANAGERS = {"deb": "dpkg", "rpm": "rpm", "apk": "apk", "alpm": "pacman", "generic": "windows"}
"""Type of a package URL to the manager; others are of languages."""


def saved_snapshot(path: Path) -> Snapshot | None:
    """The snapshot of a document in the file `path`; None where the file is none, but may be an image.

    Raises ImageUnreadableError where it is JSON, and none of the documents that are known here.
    """
    content = _content(path)
    if content is None:
        return None
    try:
        document = json.loads(content)
        return _snapshot(str(path), document)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise ImageUnreadableError(
            f"{printable(str(path))}: it is no inspection and no bill of materials"
            f" ({type(error).__name__}: {printable(str(error))[:200]})",
            hint="save one with: imgtool inspect IMAGE --inventory --output json, or imgtool sbom IMAGE",
        ) from error


def _content(path: Path) -> bytes | None:
    """The whole file, where it begins as JSON does. What cannot be opened is the gate's to say."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if file.read(64).lstrip()[:1] != _BEGINS:
                return None
            file.seek(0)
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= MAX_BYTES else None


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
    kinds: dict[Kind, Items | Missing] = {kind: absent for kind in KINDS if kind != "files"}
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
