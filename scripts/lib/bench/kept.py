"""How a source is kept: what a raw disk is made into before the clock runs, and how QEMU opens it."""

import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.disks import DiskError

OVF = "disk.ovf"
MEMBER = "disk-disk1.vmdk"
"""What an OVA holds, in this order: the OVF comes first (DSP0243, 5)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A form of a disk image file."""

    format: str
    """As qemu-img calls it; `ova` it does not know."""
    make: Callable[[Path, Path], None]
    """Makes the second path from the first, a raw disk. Raises DiskError."""
    ending: str

    def source(self, raw: Path) -> Path:
        """The file that is made from `raw`, which goes. Raises DiskError."""
        target = raw.with_suffix(f".{self.ending}")
        self.make(raw, target)
        raw.unlink()
        return target


def qemu_arguments(source: Path, source_format: str) -> list[str]:
    """How a tool of QEMU's is told to open it, by an explicit format."""
    if source_format != "ova":
        return ["-f", source_format, str(source)]
    with tarfile.open(source) as archive:
        member = archive.getmember(MEMBER)
    part = {"driver": "raw", "offset": member.offset_data, "size": member.size}
    inside = {"driver": "vmdk", "file": {**part, "file": {"driver": "file", "filename": str(source)}}}
    return ["json:" + json.dumps(inside)]


def virtual_bytes(source: Path, source_format: str) -> int:
    """Of the disk inside, as QEMU presents it. Raises DiskError."""
    if source_format == "raw":
        return source.stat().st_size
    told = _qemu_img("info", "--output=json", *qemu_arguments(source, source_format))
    found: dict[str, Any] = json.loads(told)
    return int(found["virtual-size"])


def _made_by_qemu(*options: str, to: str) -> Callable[[Path, Path], None]:
    def make(raw: Path, target: Path) -> None:
        _qemu_img("convert", "-f", "raw", "-O", to, *options, str(raw), str(target))

    return make


def _make_ova(raw: Path, target: Path) -> None:
    """As exporters make one: the OVF, and its disk as a streamOptimized VMDK, in a plain tar."""
    disk, described = target.with_name(MEMBER), target.with_name(OVF)
    _qemu_img("convert", "-f", "raw", "-O", "vmdk", *_STREAM, str(raw), str(disk))
    described.write_text(_ovf(raw.stat().st_size, disk.stat().st_size), encoding="utf-8")
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in (described, disk):
            archive.add(path, path.name)
            path.unlink()


def _ovf(virtual_size: int, file_size: int) -> str:
    """A virtual machine of one disk, no more than a reader needs to find it. Source: DSP0243."""
    vmdk = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
 <References><File ovf:id="file1" ovf:href="{MEMBER}" ovf:size="{file_size}"/></References>
 <DiskSection><Info>Disks</Info>
  <Disk ovf:diskId="disk1" ovf:fileRef="file1" ovf:capacity="{virtual_size}" ovf:format="{vmdk}"/>
 </DiskSection>
 <VirtualSystem ovf:id="disk"><Info>A virtual machine</Info>
  <VirtualHardwareSection><Info>Hardware</Info>
   <Item><rasd:ElementName>disk1</rasd:ElementName><rasd:HostResource>ovf:/disk/disk1</rasd:HostResource>
    <rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType></Item>
  </VirtualHardwareSection>
 </VirtualSystem>
</Envelope>
"""


def _qemu_img(*arguments: str) -> str:
    command = ["qemu-img", *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise DiskError(f"qemu-img: {done.stderr.strip()}")
    return done.stdout


_STREAM = ("-o", "subformat=streamOptimized")
_ZLIB, _ZSTD = (("-c", "-o", f"compression_type={kind}") for kind in ("zlib", "zstd"))

FORMS: Mapping[str, Kept] = {
    "qcow2 zlib": Kept("qcow2", _made_by_qemu(*_ZLIB, to="qcow2"), "qcow2"),
    "qcow2 zstd": Kept("qcow2", _made_by_qemu(*_ZSTD, to="qcow2"), "qcow2"),
    "streamOptimized VMDK": Kept("vmdk", _made_by_qemu(*_STREAM, to="vmdk"), "vmdk"),
    "sparse VMDK": Kept("vmdk", _made_by_qemu("-o", "subformat=monolithicSparse", to="vmdk"), "vmdk"),
    "OVA": Kept("ova", _make_ova, "ova"),
    "dynamic VHD": Kept("vpc", _made_by_qemu("-o", "subformat=dynamic", to="vpc"), "vhd"),
    "VDI": Kept("vdi", _made_by_qemu(to="vdi"), "vdi"),
    "VHDX": Kept("vhdx", _made_by_qemu("-o", "subformat=dynamic", to="vhdx"), "vhdx"),
}
"""A raw disk stays as it is, and has no place here."""
