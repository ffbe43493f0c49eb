"""Makes OVAs, as VMware, VirtualBox and oVirt do: an archive by Python's tarfile of an OVF and real disks."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from support.images import stream_optimized_vmdk

TarFormat = Literal["ustar", "gnu", "pax"]
_FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
NAMESPACE = "http://schemas.dmtf.org/ovf/envelope/1"
STREAM = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"

OVIRT = """<?xml version='1.0' encoding='UTF-8'?>
<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ovf:version="4.4.0.0">
<References><File ovf:href="{name}" ovf:id="{name}" ovf:size="1" ovf:description="A disk"/></References>
<Section xsi:type="ovf:DiskSection_Type"><Info>List of Virtual Disks</Info>
<Disk ovf:diskId="1" ovf:size="1" ovf:fileRef="{name}" ovf:parentRef="" ovf:boot="true"
  ovf:format="http://www.vmware.com/specifications/vmdk.html#sparse"/></Section>
<Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type"><Name>vm</Name></Content></ovf:Envelope>
"""
"""As oVirt writes it; the format is what it says of a qcow2 too."""


def ovf(
    hrefs: Sequence[str], *, file: str = "", disk: str = "", head: str = "", encoding: str = "UTF-8"
) -> bytes:
    """A descriptor of disks; `file` and `disk` are attributes of each, `head` stands before the document."""
    files = "".join(
        f'<File ovf:href="{href}" ovf:id="file{number}" ovf:size="1" {file}/>'
        for number, href in enumerate(hrefs)
    )
    disks = "".join(
        f'<Disk ovf:capacity="1" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk{number}" '
        f'ovf:fileRef="file{number}" ovf:format="{STREAM}" {disk}/>'
        for number, _ in enumerate(hrefs)
    )
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n{head}<Envelope xmlns="{NAMESPACE}" '
        f'xmlns:ovf="{NAMESPACE}"><References>{files}</References>'
        f"<DiskSection><Info>Virtual disk information</Info>{disks}</DiskSection>"
        '<VirtualSystem ovf:id="vm"><Info>A virtual machine</Info></VirtualSystem></Envelope>\n'
    ).encode(encoding)


def tar(members: Mapping[str, bytes], tar_format: TarFormat = "ustar") -> bytes:
    """An archive of regular files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=_FORMATS[tar_format]) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def ova(path: Path, disks: Mapping[str, bytes], tar_format: TarFormat = "ustar") -> Path:
    """An OVA of these disks at `path`, its descriptor first, and a manifest behind it."""
    members = {f"{path.stem}.ovf": ovf(list(disks)), f"{path.stem}.mf": b"SHA256(x)= 0\n", **disks}
    path.write_bytes(tar(members, tar_format))
    return path


def stream_ova(path: Path, raw: Path, name: str = "x-disk1.vmdk") -> Path:
    """An OVA of the disk `raw`, as a streamOptimized VMDK."""
    vmdk = stream_optimized_vmdk(raw, path.with_name(path.name + ".vmdk"))
    made = ova(path, {name: vmdk.read_bytes()})
    vmdk.unlink()
    return made
