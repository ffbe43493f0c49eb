"""A Debian that starts by BIOS and by UEFI, with a second kernel that reaches no virtio disk; its copies.

The kernel `good` has its own initramfs. The kernel `bad` is the same under another version, in its image and
in its modules, and its initramfs has no virtio: what starts it finds no root.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debian_image.grub_pc import BLOCK_LIST_OFFSET, FIRST_SECTOR, SECTOR
from debian_image.layout import MIB
from support.spoilt_copies import offset_bytes, run

ESP, ROOT = 1, 2
BAD_ABI = "0"
"""The kernel `bad` has it in place of the last figures of the package's number: the version stays as long."""
CONSOLE = "console=tty0 console=ttyS0,115200"


@dataclass(frozen=True, slots=True)
class Base:
    """The image that all copies are made from; nobody writes to it."""

    image: Path
    good: str
    bad: str

    def text(self, template: str) -> str:
        """With the versions in place of $V and $B."""
        return template.replace("$V", self.good).replace("$B", self.bad)


@dataclass(frozen=True, slots=True)
class Guest:
    """The mounted root of a copy."""

    base: Base
    image: Path
    root: Path

    def write(self, path: str, text: str) -> None:
        """A file of the guest anew, $V and $B filled in."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(self.base.text(text))

    def append(self, path: str, text: str) -> None:
        """More at the end of a file of the guest."""
        with (self.root / path).open("a") as file:
            file.write(self.base.text(text))

    def edit(self, path: str, old: str, new: str) -> None:
        """Other words in a file of the guest."""
        text = (self.root / path).read_text()
        assert self.base.text(old) in text, text
        self.write(path, text.replace(self.base.text(old), self.base.text(new)))

    def remove(self, *paths: str) -> None:
        """Files of the guest go."""
        for path in paths:
            (self.root / self.base.text(path)).unlink(missing_ok=True)

    def link(self, path: str, target: str) -> None:
        """A symbolic link in place of what is there."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(self.base.text(target))


def make_base(debian: Path, folder: Path) -> Base:
    """From Debian 12 with GRUB for both kinds of firmware."""
    image = sparse_copy(debian, folder / "base.raw")
    start = offset_bytes(image, ROOT)
    run("tune2fs", "-L", "root", f"{image}?offset={start}")
    run("sgdisk", f"--change-name={ESP}:ESP", f"--change-name={ROOT}:rootpart", image)
    with mounted(image, start) as root:
        (good,) = (path.name.removeprefix("vmlinuz-") for path in root.glob("boot/vmlinuz-*"))
        head, abi, flavour = good.split("-", 2)
        base = Base(image, good, f"{head}-{BAD_ABI * len(abi)}-{flavour}")
        guest = Guest(base, image, root)
        guest.write("etc/fstab", "LABEL=root / ext4 defaults 0 1\nLABEL=ESP /boot/efi vfat umask=0077 0 0\n")
        guest.write("boot/grub/grub.cfg", menu())
        _add_bad_kernel(guest, folder)
    put_core(image, early_config())
    Disk(base, image).esp_write("EFI/BOOT/BOOTX64.EFI", grub_efi(image, early_config()))
    return base


GRUB_MODULES = (
    *("part_gpt", "part_msdos", "fat", "ext2", "search", "search_fs_uuid", "search_label", "search_fs_file"),
    *("linux", "normal", "configfile", "echo", "test", "loadenv", "true", "read", "reboot", "halt", "sleep"),
    *("regexp", "eval", "minicmd", "gzio", "password"),
)


def early_config(search: str = "search.fs_label root root") -> str:
    """What GRUB's core runs first, as grub-install writes it."""
    return f"{search}\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"


def put_core(image: Path, early: str) -> None:
    """GRUB for BIOS anew, whose core begins with these commands; its partition is there."""
    core = bytearray(_grub("i386-pc", early, image, "biosdisk", "linux16"))
    core[BLOCK_LIST_OFFSET : BLOCK_LIST_OFFSET + 8] = (FIRST_SECTOR + 1).to_bytes(8, "little")
    with image.open("r+b") as disk:
        disk.seek(FIRST_SECTOR * SECTOR)
        disk.write(core)


def grub_efi(image: Path, early: str, prefix: str = "/boot/grub") -> bytes:
    """GRUB for UEFI, which begins with these commands; with none it reads grub.cfg at its prefix."""
    return _grub("x86_64-efi", early, image, prefix=prefix)


def _grub(target: str, early: str, image: Path, *modules: str, prefix: str = "/boot/grub") -> bytes:
    config, core = image.with_name("early.cfg"), image.with_name("core.img")
    config.write_text(early)
    begins = ("-c", config) if early else ()
    run("grub-mkimage", "-O", target, "-p", prefix, *begins, "-o", core, *modules, *GRUB_MODULES)
    return core.read_bytes()


def _add_bad_kernel(guest: Guest, folder: Path) -> None:
    good, bad, boot = guest.base.good, guest.base.bad, guest.root / "boot"
    kernel = (boot / f"vmlinuz-{good}").read_bytes()
    (boot / f"vmlinuz-{bad}").write_bytes(kernel.replace(good.encode(), bad.encode()))
    shutil.copyfile(boot / f"config-{good}", boot / f"config-{bad}")
    modules = guest.root / "usr/lib/modules"
    run("cp", "--archive", "--link", modules / good, modules / bad)
    _without_virtio(boot / f"initrd.img-{good}", boot / f"initrd.img-{bad}", good, bad, folder / "initramfs")


def _without_virtio(old: Path, new: Path, good: str, bad: str, tree: Path) -> None:
    """The initramfs for another kernel, with no module of virtio's."""
    tree.mkdir()
    unpack = f"zstd -dc {old} | cpio -idm --quiet --no-absolute-filenames"
    subprocess.run(["bash", "-ceo", "pipefail", unpack], cwd=tree, check=True)
    (tree / "usr/lib/modules" / good).rename(tree / "usr/lib/modules" / bad)
    for module in tree.glob("usr/lib/modules/*/kernel/**/virtio*.ko"):
        module.unlink()
    run("depmod", "--basedir", tree / "usr", bad)
    pack = f"find . | cpio -o -H newc --quiet | zstd -q1 -c > {new}"
    subprocess.run(["bash", "-ceo", "pipefail", pack], cwd=tree, check=True)
    shutil.rmtree(tree)


HEAD = "insmod part_gpt\ninsmod ext2\nsearch --no-floppy --label root --set=root\n"


def entry(
    title: str, version: str = "$V", extra: str = "", options: str = f"root=LABEL=root ro {CONSOLE}"
) -> str:
    """A menu entry of GRUB's; $V and $B are versions."""
    lines = f"\tlinux /boot/vmlinuz-{version} {options}\n\tinitrd /boot/initrd.img-{version}\n"
    return f"menuentry '{title}' {extra}{{\n{lines}}}\n"


def menu(root: str = "LABEL=root", more: str = "") -> str:
    """A grub.cfg with one entry, and further words on the kernel's command line."""
    options = " ".join(filter(None, (f"root={root}" if root else "", "ro", CONSOLE, more)))
    return f"{HEAD}set default=0\nset timeout=1\n{entry('good', options=options)}"


def extlinux_base(base: Base, folder: Path) -> Base:
    """The same system on a disk with an MBR and one active partition, started by EXTLINUX."""
    image, root = folder / "extlinux.raw", folder / "extlinux.root"
    with mounted(base.image, offset_bytes(base.image, ROOT)) as tree:
        features = "^64bit,^metadata_csum,^metadata_csum_seed,^orphan_file"
        run("mkfs.ext4", "-q", "-F", "-O", features, "-L", "root", "-d", tree, root, "1500M")
    on_mbr(image, "start=2048,type=83,bootable", {2048: root})
    root.unlink()
    with image.open("r+b") as disk:
        disk.write(SYSLINUX_MBR.read_bytes())
    with mounted(image, 2048 * SECTOR) as tree:
        shutil.rmtree(tree / "boot/grub")
        (tree / "boot/extlinux").mkdir()
        for name in ("ldlinux.c32", "menu.c32", "libutil.c32"):
            shutil.copy(SYSLINUX_MODULES / name, tree / "boot/extlinux" / name)
        run("extlinux", "--install", tree / "boot/extlinux")
        Guest(base, image, tree).edit("etc/fstab", "LABEL=ESP /boot/efi vfat umask=0077 0 0\n", "")
    return Base(image, base.good, base.bad)


SYSLINUX_MBR = Path("/usr/lib/syslinux/mbr/mbr.bin")
SYSLINUX_MODULES = Path("/usr/lib/syslinux/modules/bios")


def on_mbr(image: Path, table: str, contents: dict[int, Path], size: str = "1700M") -> None:
    """A new disk with such lines of sfdisk's, and at these sectors the content of these files."""
    image.unlink(missing_ok=True)
    run("truncate", "--size", size, image)
    subprocess.run(["sfdisk", "-q", image], input=f"label: dos\n{table}\n", text=True, check=True)
    for sector, content in contents.items():
        copy_at(content, image, sector)


def copy_at(content: Path, disk: Path, sector: int) -> None:
    """The bytes of a file at a sector of the disk; what is zero is left a hole."""
    place = (f"seek={sector * SECTOR}", "oflag=seek_bytes", "bs=1M", "conv=notrunc,sparse", "status=none")
    run("dd", f"if={content}", f"of={disk}", *place)


def cut_out(image: Path, number: int, target: Path) -> Path:
    """The content of a partition in a file."""
    start, sectors = run("partx", "-rgo", "START,SECTORS", "--nr", str(number), image).split()
    place = (f"skip={int(start) * SECTOR}", f"count={int(sectors) * SECTOR}", "iflag=skip_bytes,count_bytes")
    run("dd", f"if={image}", f"of={target}", *place, "bs=1M", "conv=sparse", "status=none")
    return target


def sparse_copy(source: Path, target: Path) -> Path:
    """A copy to write to."""
    run("cp", "--sparse=always", "--reflink=auto", "--no-preserve=mode", source, target)
    return target


@contextmanager
def mounted(image: Path, start_bytes: int) -> Iterator[Path]:
    """The file system at that place, to be written to."""
    folder = image.with_name(f"{image.name}.mounted")
    folder.mkdir(exist_ok=True)
    run("mount", "-o", f"loop,offset={start_bytes}", image, folder)
    try:
        yield folder
    finally:
        run("mount", "-o", "remount,ro", folder)  # written, also where another namespace has it
        run("umount", folder)


@dataclass(frozen=True, slots=True)
class Disk:
    """A copy that is not mounted: its bytes, and its EFI system partition by mtools."""

    base: Base
    image: Path

    def put(self, offset: int, content: bytes) -> None:
        """Bytes at a place of the disk."""
        with self.image.open("r+b") as file:
            file.seek(offset)
            file.write(content)

    def cut(self, mib: int) -> None:
        """The file ends that much early."""
        with self.image.open("r+b") as file:
            file.truncate(self.image.stat().st_size - mib * MIB)

    def without_bios(self) -> None:
        """No code in the first sector, nor in the BIOS boot partition."""
        self.put(0, bytes(440))
        self.put(34 * SECTOR, bytes(MIB - 34 * SECTOR))

    @property
    def esp(self) -> str:
        """As mtools names it."""
        return f"{self.image}@@{offset_bytes(self.image, ESP)}"

    def mtools(self, program: str, *arguments: str | Path) -> None:
        """One of mtools' programs on the EFI system partition."""
        run(program, "-i", self.esp, *arguments)

    def esp_write(self, path: str, content: bytes) -> None:
        """A file on the EFI system partition; its directory is there."""
        local = self.image.with_name("esp-file")
        local.write_bytes(content)
        self.mtools("mcopy", "-o", local, f"::{path}")

    def esp_read(self, path: str) -> bytes:
        """The content of a file there."""
        local = self.image.with_name("esp-file")
        local.unlink(missing_ok=True)
        self.mtools("mcopy", f"::{path}", local)
        return local.read_bytes()
