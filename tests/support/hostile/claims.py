"""Files that are two things at once, or something else than their name says, and boot sectors."""

from pathlib import Path

from support.hostile.other_files import backing_file
from support.hostile.rows import row
from support.images import create, patch


@row("two formats at once: gpt and qcow2")
def qcow2_with_a_boot_signature(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.qcow2"), 510, b"\x55\xaa")


@row("two formats at once: iso and qcow2")
def qcow2_over_an_iso(folder: Path, canary: Path) -> Path:
    return patch(create(folder / "x.qcow2"), 32768, b"\x01CD001\x01")


@row("its name claims that it is raw, but its content is qcow2 with a backing file '.*canary'")
def qcow2_named_raw(folder: Path, canary: Path) -> Path:
    return backing_file(folder, canary).rename(folder / "x.raw")


@row("its name claims that it is qcow2, but its content is raw")
def raw_named_qcow2(folder: Path, canary: Path) -> Path:
    path = folder / "x.qcow2"
    path.write_bytes(bytes(1 << 20))
    return path


@row("its name claims that it is raw, but its content is vmdk")
def vmdk_named_raw(folder: Path, canary: Path) -> Path:
    return create(folder / "x.raw", "vmdk")


def _iso(path: Path) -> Path:
    path.write_bytes(bytes(32768) + b"\x01CD001\x01" + bytes(1 << 20))
    return path


@row("its name claims that it is qcow2, but its content is raw, with an ISO 9660")
def iso_named_qcow2(folder: Path, canary: Path) -> Path:
    return _iso(folder / "x.qcow2")


@row("two formats at once: iso and qcow2")
def iso_with_a_qcow2_in_its_system_area(folder: Path, canary: Path) -> Path:
    path = _iso(folder / "x.iso")
    return patch(path, 0, create(folder / "other", "qcow2").read_bytes()[:32768])


@row("its name claims that it is vmdk, but its content is qcow2")
def qcow2_named_vmdk(folder: Path, canary: Path) -> Path:
    return create(folder / "x.vmdk", "qcow2")


@row("its name claims that it is qcow2, but its content is vpc")
def vhd_named_qcow2(folder: Path, canary: Path) -> Path:
    return create(folder / "x.qcow2", "vpc")


@row("not a disk image: it is HTML")
def web_page_named_qcow2(folder: Path, canary: Path) -> Path:
    path = folder / "x.qcow2"
    path.write_bytes(b"<!DOCTYPE html><html><body>404</body></html>" * 20)
    return path


@row("its name claims that it is ova, but its content is qcow2")
def qcow2_named_ova(folder: Path, canary: Path) -> Path:
    return create(folder / "x.ova")
