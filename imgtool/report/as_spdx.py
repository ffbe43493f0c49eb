"""A bill of materials as SPDX 2.3 (ISO/IEC 5962), by the SPDX project's own library.

The document describes a package for each image file; it contains the operating system, its packages and its
kernels. What a database says of licences is what somebody declares; nobody here has concluded anything.
"""

import io
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    Checksum,
    ChecksumAlgorithm,
    CreationInfo,
    Document,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    Package,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)
from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream

from imgtool import __version__
from imgtool.model.packages import LANGUAGES, InstalledPackage
from imgtool.model.result import ImageResult
from imgtool.report.bill import Bill, Stored, bills_of, bills_of_batch, created, identifier_of
from imgtool.report.licences import is_expression
from imgtool.report.purls import purl_of

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

_UNFIT = re.compile(r"[^A-Za-z0-9.-]+")
"""What may not stand in an SPDX identifier: annex D's idstring."""
_MANAGERS = ExternalPackageRefCategory.PACKAGE_MANAGER
_SECURITY = ExternalPackageRefCategory.SECURITY


def report(results: Sequence[ImageResult]) -> str:
    """`--report spdx=PATH`."""
    return document(bills_of(results))


def batch_report(found: "BatchStatus", report_of: "ReportOf") -> str:
    """`--report spdx=PATH` of a batch."""
    return document(bills_of_batch(found, report_of))


def document(bills: Sequence[Bill]) -> str:
    """Return the document. Its namespace is made of what is in it: the same image has the same one."""
    name = ", ".join(bill.name for bill in bills) or "no image"
    creation = CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id="SPDXRef-DOCUMENT",
        name=name,
        document_namespace=f"urn:uuid:{identifier_of(bills)}",
        creators=[Actor(ActorType.TOOL, f"imgtool-{__version__}")],
        created=created().replace(tzinfo=None),
    )
    packages: list[Package] = []
    relations: list[Relationship] = []
    for number, bill in enumerate(bills):
        made = list(_packages(bill, f"SPDXRef-{number + 1}-" if number else "SPDXRef-"))
        packages += made
        relations += _relations(made, has_system=bool(bill.distro))
    stream = io.StringIO()
    made_document = Document(creation_info=creation, packages=packages, relationships=relations)
    write_document_to_stream(made_document, stream, validate=False)
    return stream.getvalue().rstrip("\n") + "\n"


def _relations(made: Sequence[Package], *, has_system: bool) -> Iterator[Relationship]:
    """The document describes the image, which contains the system, which contains all else."""
    image, *inside = made
    yield Relationship("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, image.spdx_id)
    owner = image
    if has_system:
        owner = inside.pop(0)
        yield Relationship(image.spdx_id, RelationshipType.CONTAINS, owner.spdx_id)
    for one in inside:
        yield Relationship(owner.spdx_id, RelationshipType.CONTAINS, one.spdx_id)


def _packages(bill: Bill, prefix: str) -> Iterator[Package]:
    """The image first, then the system, where there is one."""
    yield _image(bill, f"{prefix}Image")
    if bill.distro:
        yield _system(bill, f"{prefix}System")
    for number, package in enumerate(bill.packages):
        yield _package(package, bill, f"{prefix}Package-{_fit(package.name)}-{number + 1}")
    for kernel in bill.kernels:
        yield _kernel(kernel, prefix)


def _fit(text: str) -> str:
    return _UNFIT.sub("-", text)


def _made(spdx_id: str, name: str, **more: Any) -> Package:
    unsaid = SpdxNoAssertion()
    told = {"license_concluded": unsaid, "license_declared": unsaid, "copyright_text": unsaid, **more}
    return Package(spdx_id=spdx_id, name=name, download_location=unsaid, files_analyzed=False, **told)


def _image(bill: Bill, spdx_id: str) -> Package:
    return _made(
        spdx_id,
        bill.name,
        file_name=bill.name,
        checksums=[Checksum(ChecksumAlgorithm.SHA256, bill.sha256)] if bill.sha256 else [],
        primary_package_purpose=PackagePurpose.FILE,
        comment=f"packages are unknown: {bill.problem}" if bill.problem else None,
    )


def _system(bill: Bill, spdx_id: str) -> Package:
    references = [ExternalPackageRef(_SECURITY, "cpe23Type", bill.cpe)] if bill.cpe else []
    return _made(
        spdx_id,
        bill.distro,
        version=bill.version or None,
        external_references=references,
        primary_package_purpose=PackagePurpose.OPERATING_SYSTEM,
    )


def _package(package: InstalledPackage, bill: Bill, spdx_id: str) -> Package:
    purl = purl_of(package, bill.distro, bill.version).to_string()
    told: dict[str, Any] = {}
    if package.licence and is_expression(package.licence):
        told["license_declared"] = _expression(package.licence)
    elif package.licence:
        told["license_comment"] = f"the package database says: {package.licence}"
    if package.manager in LANGUAGES:
        told["source_info"] = f"told by {package.source}"
    elif package.source:
        version = f" {package.source_version}" if package.source_version else ""
        told["source_info"] = f"built from {package.source}{version}"
    if package.vendor:
        told["supplier"] = Actor(ActorType.ORGANIZATION, package.vendor)
    return _made(
        spdx_id,
        package.name,
        version=package.version or None,
        external_references=[ExternalPackageRef(_MANAGERS, "purl", purl)],
        **told,
    )


@cache
def _expression(text: str) -> Any:
    """The expression as the library has it. Its index of licences takes a while, once."""
    return _licensing().parse(text)


@cache
def _licensing() -> Any:
    from license_expression import Licensing  # noqa: PLC0415 - dpkg names no licence, so most need none

    return Licensing()


def _kernel(kernel: Stored, prefix: str) -> Package:
    version = str(kernel.get("version", ""))
    modules = ", ".join(f"{name}: {state}" for name, state in (kernel.get("modules") or {}).items())
    boots = "it boots by default" if kernel.get("default") else "it does not boot by default"
    return _made(
        f"{prefix}Kernel-{_fit(version)}",
        "linux-kernel",
        version=version,
        comment=f"{boots}; modules: {modules}" if modules else boots,
        primary_package_purpose=PackagePurpose.OPERATING_SYSTEM,
    )
