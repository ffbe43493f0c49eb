"""What mutants are made of. The only importer of tests/support, which has the fixtures."""

import io
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from support.archives import COMPRESSORS, compress, newc
from support.block_images import Vdi, Vhd, Vhdx, blocks_of, sealed, vhd_checksum
from support.cli import IMGTOOL
from support.firmware_disks import loaders
from support.fixtures import fixture_path
from support.guest_tree import guest_tree
from support.images import create, qemu_img, qemu_io
from support.layouts import LAYOUTS, bdb, write_kernel, write_tree
from support.lvm import logical_volume, metadata, physical_volume, striped
from support.memory_filesystem import Link, MemoryFilesystem
from support.ovas import OVIRT, ovf, tar
from support.signed_boot import own_key, sign
from support.unified_image import unified_image
from support.vmdk_images import Spec as VmdkSpec
from support.vmdk_images import write_vmdk

from imgtool.guest.filesystems import open_filesystem
from imgtool.guest.mounts import Device, find_system
from imgtool.guest.secure_boot.authenticode import read_signed
from imgtool.guest.secure_boot.pkcs7 import read_signature
from imgtool.guest.tree import GuestTree
from imgtool.guest.volumes import read_layout

__all__ = [
    "COMPRESSORS",
    "LAYOUTS",
    "OVIRT",
    "Link",
    "MemoryFilesystem",
    "Vdi",
    "Vhd",
    "Vhdx",
    "VmdkSpec",
    "bdb",
    "blocks_of",
    "compress",
    "create",
    "document",
    "fixture_path",
    "fixture_tree",
    "guest_tree",
    "layout_files",
    "loaders",
    "logical_volume",
    "metadata",
    "newc",
    "ovf",
    "physical_volume",
    "qemu_img",
    "qemu_io",
    "sealed",
    "striped",
    "tar",
    "unified_image",
    "vhd_checksum",
    "write_vmdk",
]

MAX_FILE_BYTES = 64 << 20


@cache
def fixture_tree(name: str) -> GuestTree:
    """The tree of the guest in a fixture; its file stays open."""
    disk = fixture_path(name)
    stream = disk.open("rb")
    layout = read_layout(stream, disk.stat().st_size)
    devices = []
    for volume in layout.volumes:
        found = open_filesystem(volume.open(), volume.size_bytes)
        if found is not None:
            devices.append(Device(volume, found, None))
    return find_system(devices, []).tree


def fixture_file(name: str, path: str) -> bytes:
    """A file of the guest in a fixture."""
    content = fixture_tree(name).read_bytes(path, MAX_FILE_BYTES)
    assert content is not None, f"{name} has no {path}"  # noqa: S101 - a fixture does not change
    return content


@cache
def layout_files(name: str) -> dict[str, bytes | Link]:
    """Path to content or link of a layout's guest, its ESP below /boot/efi; no databases, no initramfs."""
    layout = LAYOUTS[name]
    with tempfile.TemporaryDirectory() as work:
        root, esp = Path(work, "root"), Path(work, "esp")
        write_tree(root, layout.files)
        write_kernel(root, layout.kernel)
        write_tree(esp, layout.esp or {})
        return {**_files(root, "/"), **_files(esp, "/boot/efi/")}


def _files(top: Path, below: str) -> dict[str, bytes | Link]:
    found: dict[str, bytes | Link] = {}
    for path in sorted(top.rglob("*")):
        name = below + str(path.relative_to(top))
        if path.is_symlink():
            found[name] = Link(str(path.readlink()))
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def made(name: str, *command: str) -> bytes:
    """What a program writes into the file `name`, which stands for `{}` in its arguments."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work, name)
        subprocess.run([word.replace("{}", str(path)) for word in command], check=True, capture_output=True)
        return path.read_bytes()


def document(image: str, *command: str) -> bytes:
    """What a command of imgtool writes about a fixture."""
    done = subprocess.run([IMGTOOL, *command, fixture_path(image)], check=True, capture_output=True)
    return done.stdout


_BOOTLOADER = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
"""Of Debian's systemd-boot-efi: small, and with a section .sbat."""


@cache
def signed_program() -> tuple[bytes, int, str]:
    """A program that a key of our own signed, where its signature begins, and the SHA-256 of that key."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        content = sign(_BOOTLOADER, folder / "signed.efi", *own_key(folder)).read_bytes()
    signed = read_signed(io.BytesIO(content), len(content))
    (der,) = signed.signatures
    return content, content.rindex(der), read_signature(der).signer.key_sha256
