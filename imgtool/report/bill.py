"""The bill of materials of one image, before it has the form of CycloneDX or SPDX.

It is made of the JSON that `as_json.inspection` makes, which is also what a batch's journal keeps.
"""

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from imgtool.errors import ToolMissingError, UsageError
from imgtool.model.packages import InstalledPackage
from imgtool.model.result import ImageResult
from imgtool.report.as_json.facts import inspection
from imgtool.report.as_json.values import clean
from imgtool.report.findings import judged
from imgtool.util import codec

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

Stored = Mapping[str, Any]

EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
"""When a document is made, for whoever wants the same one again: reproducible-builds.org/specs."""
_NAMESPACE = UUID("6f0a2d0b-3a5c-5e0f-9d8c-0d7c2a1f4b6e")
"""Of the names that identifiers of documents are made of (RFC 9562, version 5): it is only ever the same."""
_CPE = re.compile(r"cpe:(?:/|2\.3:)([aho](?::[a-z0-9._*-]*){1,10})")
"""As os-release(5) has it: a URI of CPE 2.2, or the form of 2.3, which Amazon cuts short."""
_CPE_PARTS = 11
_CPES = {
    "debian": "debian:debian_linux",
    "ubuntu": "canonical:ubuntu_linux",
    "alpine": "alpinelinux:alpine_linux",
    "opensuse-leap": "opensuse:leap",
    "arch": "archlinux:arch_linux",
    "windows": "microsoft:windows",
}
"""Vendor and product in the NVD's dictionary, of systems whose os-release does not say it."""
_LIBRARIES = ("cyclonedx", "packageurl", "spdx_tools")
NOT_INSPECTED = "the image was not inspected"
UNREAD = "the image was not read: it was refused"


@dataclass(frozen=True, slots=True)
class Bill:
    """What one image consists of."""

    image: Stored
    """Its file: the keys of `image` in an inspection."""
    name: str
    """The name of the file."""
    distro: str
    """os-release ID, windows; empty where no system was found."""
    version: str
    architecture: str
    cpe: str
    """In the form of CPE 2.3; empty where none is known."""
    packages: tuple[InstalledPackage, ...]
    kernels: tuple[Stored, ...]
    problem: str
    """Why packages are not known; empty where they are."""

    @property
    def sha256(self) -> str | None:
        """The file's hash, in hex; None where it was not computed."""
        found = self.image.get("sha256")
        return None if found is None else str(found)


def bills_of(results: Sequence[ImageResult]) -> tuple[Bill, ...]:
    """One for each image; one that the gate refused has none but its name."""
    return tuple(
        bill_of({"image": {"path": judged(result).image}, "guest": {"reason": UNREAD}})
        if result.inspection is None
        else bill_of(inspection(result.inspection, ()))
        for result in results
    )


def bills_of_batch(found: "BatchStatus", report_of: "ReportOf") -> tuple[Bill, ...]:
    """Return the same of a batch, from its journal. What is only converted is not inspected."""
    return tuple(
        _bill_of_task(found.names.get(one.key, one.key), report_of(one.key)) for one in found.records
    )


def _bill_of_task(name: str, report: Stored | None) -> Bill:
    inspected = (report or {}).get("inspection")
    return bill_of(inspected or {"image": {"path": clean(name)}, "guest": {"reason": NOT_INSPECTED}})


def bill_of(document: Stored) -> Bill:
    """The bill of what `as_json.inspection` made. Raises CodecError where that is something else."""
    image, guest = document.get("image") or {}, document.get("guest") or {}
    found = document.get("inventory") or {}
    packages = found.get("packages")
    distro, version = str(guest.get("os_distro") or ""), str(guest.get("os_version") or "")
    return Bill(
        image=image,
        name=PurePath(str(image.get("path") or "image")).name,
        distro=distro,
        version=version,
        architecture=str(guest.get("architecture") or ""),
        cpe=_cpe(str(found.get("cpe") or ""), distro, version),
        packages=_packages(packages or []),
        kernels=tuple(guest.get("kernels") or ()),
        problem="" if packages is not None else _problem(guest, found),
    )


def identifier_of(bills: Sequence[Bill]) -> UUID:
    """Return what names a document of these: the same for the same content, another one for any other."""
    content = [
        [one.name, one.sha256, one.distro, one.version, one.problem, codec.to_values(one.packages)]
        for one in bills
    ]
    return uuid5(_NAMESPACE, hashlib.sha256(json.dumps(content).encode()).hexdigest())


def _packages(found: Sequence[Any]) -> tuple[InstalledPackage, ...]:
    """Each once: a damaged database may tell one twice, and documents may not."""
    read = codec.from_values(list(found), tuple[InstalledPackage, ...])
    return tuple({(one.manager, one.name, one.version, one.architecture): one for one in read}.values())


def _problem(guest: Stored, found: Stored) -> str:
    said = (found.get("unknown") or {}).get("packages")
    return str(said or guest.get("reason") or "no system was found")


def _cpe(told: str, distro: str, version: str) -> str:
    """The system's own name, in the form of 2.3, which has eleven parts; else the NVD's for it."""
    own = _CPE.fullmatch(told)
    known = _CPES.get(distro)
    if own is not None:
        words = own[1].split(":")
    elif known is not None:
        words = ["o", *known.split(":"), re.sub(r"[^a-z0-9._-]", "", version)]
    else:
        return ""
    return ":".join(["cpe:2.3", *(word or "*" for word in words), *["*"] * (_CPE_PARTS - len(words))])


def created() -> datetime:
    """When the document is made, to the second: now, or what SOURCE_DATE_EPOCH says. Raises UsageError."""
    given = os.environ.get(EPOCH_VARIABLE)
    if not given:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(given), UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{EPOCH_VARIABLE}={given}: it is no number of seconds since 1970") from None


def require_libraries() -> None:
    """Raise ToolMissingError where the libraries of the extra `sbom` are not installed."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolMissingError(
            f"bills of materials need libraries that are not installed: {', '.join(missing)}",
            hint="the extra sbom of openstack-imgtool has it; from the checkout: pip install '.[sbom]'",
        )
