"""VHD, VDI, VHDX, and formats that nobody has a use for."""

import struct
from pathlib import Path

from support.hostile.rows import row
from support.images import create, patch


@row("stands on a parent image")
def vhd_differencing(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vhd", "vpc"), 60, struct.pack(">I", 4))


@row("checksum")
def vhd_with_a_wrong_checksum(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vhd", "vpc"), 64, bytes(4))


@row("stands on a parent image")
def vdi_with_a_parent(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vdi", "vdi"), 0x1B8, b"p" * 16)


@row("contradicts itself")
def vdi_with_too_few_blocks(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vdi", "vdi", "8M"), 0x180, bytes(4))


@row("VHDX region table")
def vhdx_cut_off(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.vhdx", "vhdx")
    with path.open("r+b") as file:
        file.truncate(200 << 10)
    return path


@row("stands on a parent image")
def vhdx_differencing(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.vhdx", "vhdx")
    parameters = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
    content = path.read_bytes()
    entry = content.index(parameters)
    table = content.rindex(b"metadata", 0, entry)
    (offset,) = struct.unpack_from("<I", content, entry + 16)
    return patch(path, table + offset + 4, struct.pack("<I", 2))


@row("a QED image")
def qed(folder: Path, canary: Path) -> Path:
    return create(folder / "x.img", "qed")


@row("LUKS volume: it is encrypted")
def luks_1(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"LUKS\xba\xbe\x00\x01" + b"aes".ljust(32, b"\0") + bytes(1 << 20))
    return path


@row("LUKS volume")
def luks_2(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"LUKS\xba\xbe\x00\x02" + bytes(1 << 20))
    return path


@row("Parallels")
def parallels(folder: Path, canary: Path) -> Path:
    return create(folder / "x.img", "parallels")


@row("contradicts itself")
def vdi_of_absurd_size(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vdi", "vdi"), 0x170, struct.pack("<Q", 1 << 45))


@row("stands on a parent image")
def vdi_of_an_undo_kind(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.vdi", "vdi"), 0x4C, struct.pack("<I", 3))


@row("65535 entries|format cannot be told")
def vhdx_with_too_many_entries(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.vhdx", "vhdx")
    return patch(path, path.read_bytes().index(b"metadata") + 10, b"\xff\xff")


@row("claims a disk of")
def vhdx_of_absurd_size(folder: Path, canary: Path) -> Path:
    path = create(folder / "x.vhdx", "vhdx")
    size = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
    content = path.read_bytes()
    entry = content.index(size)
    table = content.rindex(b"metadata", 0, entry)
    (offset,) = struct.unpack_from("<I", content, entry + 16)
    return patch(path, table + offset, struct.pack("<Q", 1 << 50))


@row("a Bochs image")
def bochs(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"Bochs Virtual HD Image".ljust(512, b"\0") + bytes(1 << 20))
    return path


@row(r"an Apple disk image \(DMG\)")
def dmg(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(bytes(1 << 20) + b"koly" + struct.pack(">II", 4, 512) + bytes(500))
    return path


@row("an EWF image")
def ewf(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"EVF\x09\r\n\xff\0\x01\x01\0\0\0" + bytes(1 << 20))
    return path


@row("it is a Linux kernel")
def bzimage(folder: Path, canary: Path) -> Path:
    """Its boot sector has the signature of a disk's."""
    path = folder / "x.img"
    path.write_bytes(bytes(510) + b"\x55\xaa" + b"\xeb\x66HdrS" + bytes(1 << 20))
    return path


@row("a VMDK of VMware ESX's old kind")
def vmdk_of_esx(folder: Path, canary: Path) -> Path:
    path = folder / "x.img"
    path.write_bytes(b"COWD" + struct.pack("<III", 1, 3, 2048) + bytes(1 << 20))
    return path
