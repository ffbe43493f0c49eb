"""VMDK files whose descriptor is fine as far as the header says it goes, and names a parent after that."""

import struct
from pathlib import Path

from support.hostile.rows import ROWS
from support.images import patch
from support.vmdk_images import DESCRIPTOR_SECTORS, NOISE, SECTOR, Spec, descriptor, write_vmdk

DESCRIPTOR_LENGTH_AT = 36
LAST = 20
"""The last sector of which QEMU reads a descriptor."""
_HINT = "parentFileNameHint"


def leaking(path: Path, canary: Path, sector: int, claimed: int = 1, key: str = _HINT) -> Path:
    """A parent in `sector`, by `key`, of a file whose header claims a descriptor of `claimed` sectors.

    The parent is the same file further on: a monolithicFlat descriptor, whose extent is the canary. A comment
    leads to it, as QEMU reads no further than a zero. Where no grain is, the parent is the disk.
    """
    write_vmdk(path, {3: NOISE[: 64 << 10]}, Spec(), 2048)
    place = path.stat().st_size
    flat = '# Disk DescriptorFile\nversion=1\nCID=ffffffff\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
    patch(path, place, f'{flat}RW 4 FLAT "{canary}" 0\n'.encode().ljust(1 << 20, b"\0"))
    inner = f"{{'driver':'raw','offset':{place},'file':{{'driver':'file','filename':'{path}'}}}}"
    hint = f"\n{key}=\"json:{{'driver':'vmdk','file':{inner}}}\"\n".encode()
    text = (descriptor('RW 2048 SPARSE "x.vmdk"') + b"#").ljust((sector - 1) * SECTOR, b"#") + hint
    patch(path, SECTOR, text.ljust(DESCRIPTOR_SECTORS * SECTOR, b"\0")[: DESCRIPTOR_SECTORS * SECTOR])
    return patch(path, DESCRIPTOR_LENGTH_AT, struct.pack("<Q", claimed))


def _row(name: str, sector: int, claimed: int, key: str = _HINT) -> None:
    def build(folder: Path, canary: Path) -> Path:
        return leaking(folder / "x.vmdk", canary, sector, claimed, key)

    ROWS[f"vmdk_parent_{name}"] = (build, "stands on a parent")


for _sector in (2, 3, 11, LAST):
    _row(f"in_sector_{_sector}", _sector, 1)
_row("in_the_claimed_sectors", 5, 20)
_row("in_capitals", 2, 1, "PARENTFILENAMEHINT")
_row("behind_a_zero", 2, 1, "\0parentFileNameHint")
_row("by_its_content", 2, 1, 'parentCID=12345678\n#parent"')
