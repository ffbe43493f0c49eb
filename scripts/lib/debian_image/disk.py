"""A directory becomes a disk: GPT, EFI system partition with GRUB, root; put together in one raw file."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from debian_image.commands import run
from debian_image.filesystems import empty_file, make_ext4, make_xfs
from debian_image.grub import GRUB_MODULES, early_config
from debian_image.layout import BOOT_MIB, DISK_MIB, ESP_MIB, FIRST_MIB, MIB, ROOT_MIB, Layout
from debian_image.loop import make_btrfs, make_volume_group


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its type (a code of sgdisk's), its size, and the file with its content."""

    type_code: str
    size_mib: int
    content: Path


def build_disk(kind: str, tree: Path, layout: Layout, target: Path) -> None:
    """Writes the raw disk `target` with the files of `tree`; `kind` is one of ROOT_KINDS.

    Leaves its other files beside the target.
    """
    work = target.parent
    esp = Partition("ef00", ESP_MIB, _make_esp(layout, work))
    empty_file(target, DISK_MIB)
    _assemble(target, [esp, *_ROOTS[kind](tree, layout, work)])


def _assemble(disk: Path, partitions: list[Partition]) -> None:
    arguments: list[str] = []
    start = FIRST_MIB
    for number, part in enumerate(partitions, 1):
        arguments += [f"--new={number}:{start}M:+{part.size_mib}M", f"--typecode={number}:{part.type_code}"]
        arguments.append(f"--change-name={number}:{part.content.stem}")
        _copy_into(disk, part.content, start * MIB)
        start += part.size_mib
    run("sgdisk", "--clear", *arguments, disk)


def _copy_into(disk: Path, content: Path, offset_bytes: int) -> None:
    """Moves the file `content` into `disk` at that offset, holes left holes."""
    with content.open("rb") as source, disk.open("r+b") as target:
        for start, end in _data_of(source.fileno()):
            target.seek(offset_bytes + start)
            done = start
            while done < end:
                done += os.sendfile(target.fileno(), source.fileno(), done, end - done)
    content.unlink()


def _data_of(file: int) -> Iterator[tuple[int, int]]:
    """Where each stretch of data in a sparse file begins and ends."""
    start = _next_data(file, 0)
    while start is not None:
        end = os.lseek(file, start, os.SEEK_HOLE)
        yield start, end
        start = _next_data(file, end)


def _next_data(file: int, offset: int) -> int | None:
    try:
        return os.lseek(file, offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # lseek(2): no more data
            return None
        raise


def _make_esp(layout: Layout, work: Path) -> Path:
    """GRUB under the name that firmware with empty NVRAM starts; it finds /boot by its file system's UUID."""
    early, program, esp = work / "early.cfg", work / "BOOTX64.EFI", work / "esp.img"
    early.write_text(early_config(layout), encoding="utf-8")
    modules = (f"--install-modules={GRUB_MODULES}", f"--modules={GRUB_MODULES}")
    nothing_else = ("--locales=", "--fonts=", "--themes=")
    options = ("-O", "x86_64-efi", "-o", program, *modules, *nothing_else)
    run("grub-mkstandalone", *options, f"boot/grub/grub.cfg={early}")
    serial = layout.esp_serial.replace("-", "")
    run("mkfs.vfat", "-n", "ESP", "-i", serial, "-C", esp, str(ESP_MIB * 1024))
    run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", esp, program, "::/EFI/BOOT/BOOTX64.EFI")
    return esp


MakeFilesystem = Callable[[Path, str, int, Path], Path]
MakeRoot = Callable[[Path, Layout, Path], list[Partition]]


def _plain_root(make: MakeFilesystem) -> MakeRoot:
    def partitions(tree: Path, layout: Layout, work: Path) -> list[Partition]:
        content = make(tree, layout.root_uuid, ROOT_MIB, work / "root.img")
        return [Partition("8304", ROOT_MIB, content)]

    return partitions


def _lvm_root(tree: Path, layout: Layout, work: Path) -> list[Partition]:
    """A separate /boot, and a volume group with some space left free."""
    boot_tree = work / "boot"
    (tree / "boot").rename(boot_tree)
    (tree / "boot").mkdir()
    boot = make_ext4(boot_tree, layout.boot_uuid, BOOT_MIB, work / "boot.img")
    root = make_xfs(tree, layout.root_uuid, ROOT_MIB, work / "root.img")
    size_mib = ROOT_MIB + 64
    pv = empty_file(work / "lvm.img", size_mib)
    _copy_into(pv, root, make_volume_group(pv))
    return [Partition("8300", BOOT_MIB, boot), Partition("8e00", size_mib, pv)]


_ROOTS: dict[str, MakeRoot] = {
    "ext4": _plain_root(make_ext4),
    "xfs": _plain_root(make_xfs),
    "btrfs": _plain_root(make_btrfs),
    "lvm": _lvm_root,
}
