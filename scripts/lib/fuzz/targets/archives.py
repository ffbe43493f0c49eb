"""OVAs: the archive and the descriptor in it, and where a disk is by tarfile's word; the descriptor alone."""

import io
import os
import tarfile
from functools import cache

from fuzz import seeds
from fuzz.model import Edit, Seed, Target
from fuzz.mutant import Mutant
from imgtool.errors import ImgtoolError
from imgtool.formats.ova import ova, ovf

_BLOCK = 512
_SUM = slice(148, 156)
_DISK = b"KDMV" + bytes(700) + b"disk" * 100
_WORDS = (
    b"References",
    b"DiskSection",
    b"fileRef",
    b"href",
    b"parentRef",
    b"compression",
    b"<!DOCTYPE",
    b"&a;",
)


@cache
def _seeds() -> list[Seed]:
    long = "/".join(["folder"] * 40) + "/x-disk1.vmdk"
    disks = {
        "ustar": ["x-disk1.vmdk"],
        "gnu": ["a.vmdk", "b.vmdk"],
        "pax": ["x-disk1.vmdk", "wéb.vmdk"],
        "gnu-long": [long],
        "pax-long": [long],
    }
    return [Seed(kind, _ova(kind, names)) for kind, names in disks.items()]


def _ova(kind: str, names: list[str]) -> bytes:
    members = {"x.ovf": seeds.ovf(names), **dict.fromkeys(names, _DISK), "x.mf": b"SHA256(x)= 0"}
    form = kind.partition("-")[0]
    return bytes(seeds.tar(members, "gnu" if form == "gnu" else "pax" if form == "pax" else "ustar"))


@cache
def _descriptors() -> list[Seed]:
    vmware = seeds.ovf(["a.vmdk", "b.vmdk"], file='ovf:compression="identity"', disk='ovf:parentRef=""')
    short = vmware.decode().replace("><", ">\n<")  # a line may be repeated 3000 times
    content = {
        "vmware": short.encode(),
        "ovirt": seeds.OVIRT.format(name="x-disk1.vmdk").encode(),
        "utf-16": short.replace("UTF-8", "UTF-16").encode("UTF-16"),
    }
    return [Seed(name, text, tokens=_WORDS) for name, text in content.items()]


def _run(mutant: Mutant) -> str:
    content = mutant.content
    descriptor = os.memfd_create("fuzz")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    package = ova.look(ova.OvaRequest(0, len(content)), descriptor)  # which closes it
    for disk in package.disks:
        _compare(disk, content)
    return f"passed, {len(package.disks)} {sorted({disk.problem for disk in package.disks})}"


def _compare(disk: ova.Disk, content: bytes) -> None:
    """With where tarfile finds the file, if it does: it looks at more fields, and stops at what is none."""
    if not disk.size_bytes:
        return
    assert disk.start_bytes + disk.size_bytes <= len(content), "beyond the file"  # noqa: S101 - a judgement
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found = {one.name: (one.offset_data, one.size) for one in archive.getmembers() if one.isreg()}
    except (tarfile.TarError, ValueError, OverflowError):
        return
    place = (disk.start_bytes, disk.size_bytes)
    assert found.get(disk.name, place) == place, "tarfile has it elsewhere"  # noqa: S101 - a judgement


def _seal(mutant: Mutant) -> tuple[Edit, ...]:
    """The checksums that headers should have: those that are where sizes say, of which most are right."""
    content, offset, edits = mutant.content, 0, list[Edit]()
    while (block := content[offset : offset + _BLOCK]).strip(b"\0") and len(block) == _BLOCK:
        blank = sum(block) - sum(block[_SUM]) + 8 * ord(" ")
        edits.append(Edit(offset + _SUM.start, 8, b"%06o\0 " % blank))
        digits = block[124:136].strip(b"\0 ")
        if not digits.isdigit() or digits.strip(b"01234567"):
            break
        offset += _BLOCK + -(-int(digits, 8) // _BLOCK) * _BLOCK
    return tuple(edits)


def _read(mutant: Mutant) -> str:
    disks = ovf.read_disks(mutant.content)
    return f"passed, {len(disks)} {sorted({disk.problem for disk in disks})}"


TARGETS = (
    Target("ova", _seeds, _run, (ImgtoolError,), repair=_seal, share=30),
    Target("ovf", _descriptors, _read, (ImgtoolError,), text=True, share=30),
)
