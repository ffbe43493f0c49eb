"""A bill of materials as CycloneDX 1.6 (ECMA-424), by OWASP's own library.

The file is the subject; the operating system is a component of it, on which packages and kernels depend, as
trivy and grype look for them. trivy takes the source package from properties of its own.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion

from imgtool import __version__
from imgtool.model.packages import InstalledPackage
from imgtool.model.result import ImageResult
from imgtool.report.bill import Bill, Stored, bills_of, bills_of_batch, created, identifier_of
from imgtool.report.licences import is_expression
from imgtool.report.purls import purl_of

if TYPE_CHECKING:
    from imgtool.batch.status import BatchStatus, ReportOf

_TRIVY = "aquasecurity:trivy:"


def report(results: Sequence[ImageResult]) -> str:
    """`--report cyclonedx=PATH`."""
    return document(bills_of(results))


def batch_report(found: "BatchStatus", report_of: "ReportOf") -> str:
    """`--report cyclonedx=PATH` of a batch."""
    return document(bills_of_batch(found, report_of))


def document(bills: Sequence[Bill]) -> str:
    """Return the document. One image is its subject; several are components beside each other."""
    bom = Bom(serial_number=identifier_of(bills), metadata=BomMetaData(timestamp=created()))
    bom.metadata.tools.components.add(Component(name="imgtool", version=__version__, type=_APPLICATION))
    for number, bill in enumerate(bills):
        image = _image(bill, "" if number == 0 else f"-{number + 1}")
        if len(bills) == 1:
            bom.metadata.component = image
        else:
            bom.components.add(image)
        _add(bom, bill, image)
    made = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    return f"{made.output_as_string(indent=2)}\n"


_APPLICATION = ComponentType.APPLICATION


def _image(bill: Bill, suffix: str) -> Component:
    told = {
        "format": bill.image.get("format"),
        "virtual-size-bytes": bill.image.get("virtual_size_bytes"),
        "packages-unknown": bill.problem or None,
    }
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=bill.sha256)] if bill.sha256 else []
    return Component(
        type=ComponentType.FILE,
        name=bill.name,
        bom_ref=f"image{suffix}",
        version=f"sha256:{bill.sha256}" if bill.sha256 else None,
        hashes=hashes,
        properties=_properties("imgtool:image:", told),
    )


def _add(bom: Bom, bill: Bill, image: Component) -> None:
    """What is inside, and how it hangs together."""
    prefix = f"{image.bom_ref.value}/"
    parts = [_package(one, bill, prefix) for one in bill.packages]
    parts += [_kernel(one, prefix) for one in bill.kernels]
    bom.components.update(parts)
    if not bill.distro:
        bom.register_dependency(image, parts)
        return
    system = _system(bill, prefix)
    bom.components.add(system)
    bom.register_dependency(image, [system])
    bom.register_dependency(system, parts)


def _system(bill: Bill, prefix: str) -> Component:
    return Component(
        type=ComponentType.OPERATING_SYSTEM,
        name=bill.distro,
        version=bill.version or None,
        bom_ref=f"{prefix}system",
        cpe=bill.cpe or None,
        properties=_properties("imgtool:system:", {"architecture": bill.architecture or None}),
    )


def _package(package: InstalledPackage, bill: Bill, prefix: str) -> Component:
    purl = purl_of(package, bill.distro, bill.version)
    return Component(
        type=ComponentType.LIBRARY if package.manager != "windows" else _APPLICATION,
        name=package.name,
        version=package.version or None,
        bom_ref=f"{prefix}{purl.to_string()}",
        purl=purl,
        supplier=OrganizationalEntity(name=package.vendor) if package.vendor else None,
        licenses=_licences(package.licence),
        properties=[
            *_properties("imgtool:package:", {"manager": package.manager}),
            *_properties(_TRIVY, _of_language(package) or dict(_source(package))),
        ],
    )


def _licences(told: str) -> list[DisjunctiveLicense | LicenseExpression]:
    if not told:
        return []
    return [LicenseExpression(told) if is_expression(told) else DisjunctiveLicense(name=told)]


_TRIVY_TYPES = {"pypi": "python-pkg", "npm": "node-pkg", "gem": "gemspec"}


def _of_language(package: InstalledPackage) -> dict[str, str]:
    """How trivy tells a language's package; empty for one of the system."""
    kind = _TRIVY_TYPES.get(package.manager)
    return {"PkgType": kind, "FilePath": package.source.lstrip("/")} if kind else {}


def _source(package: InstalledPackage) -> Iterator[tuple[str, str]]:
    """How trivy tells the source package: name, epoch, version and release."""
    yield "PkgType", package.manager
    name, whole = package.source or package.name, package.source_version or package.version
    if package.manager == "rpm" and package.source.endswith(".src.rpm"):
        name, _, rest = package.source.removesuffix(".src.rpm").rpartition("-")
        name, _, version = name.rpartition("-")
        whole = f"{version}-{rest}"
    epoch, colon, rest = whole.partition(":")
    version, dash, release = (rest if colon else whole).rpartition("-")
    yield "SrcName", name
    yield "SrcVersion", version if dash else release
    yield from [("SrcRelease", release)] if dash else []
    yield from [("SrcEpoch", epoch)] if colon and epoch.isdigit() else []


def _kernel(kernel: Stored, prefix: str) -> Component:
    """A kernel as it is installed: drivers that clouds need, and whether it is the one that boots."""
    version = str(kernel.get("version", ""))
    told = {"boots": str(bool(kernel.get("default"))).lower(), "image": kernel.get("image")}
    modules = kernel.get("modules") or {}
    return Component(
        type=ComponentType.PLATFORM,
        name="linux-kernel",
        version=version,
        bom_ref=f"{prefix}kernel/{version}",
        properties=[
            *_properties("imgtool:kernel:", told),
            *_properties("imgtool:kernel:module:", modules),
        ],
    )


def _properties(prefix: str, told: Stored) -> list[Property]:
    known = {f"{prefix}{name}": str(value) for name, value in told.items() if value is not None}
    return [Property(name=name, value=value) for name, value in known.items()]
