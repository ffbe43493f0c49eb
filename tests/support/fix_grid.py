"""Debian guests of each kind, opened through mounts, for the repairs of test_fix_grid.py.

A root on LVM is mounted at its place on the disk, for there may be no device-mapper.
"""

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from debian_image.chroot import hardware_shown, in_chroot
from debian_image.layout import MIB, SUBVOLUME
from support.debian import PACKAGES, build_image, packages_to_oneself
from support.real_guest import Partition, run

ESP = 1
"""The number of its partition."""


@dataclass(frozen=True)
class Cell:
    """One kind of guest."""

    suite: str
    generator: str
    root: str
    firmware: str

    def __str__(self) -> str:
        return "-".join((self.suite, self.generator, self.root, self.firmware))

    def image(self) -> Path:
        """A good one, which is only read. With BIOS it has a loader for UEFI too, and starts by BIOS."""
        firmware = {"bios": "both", "uefi": "uefi"}[self.firmware]
        choice = {
            "suite": self.suite, "generator": self.generator, "root": self.root, "firmware": firmware,
        }  # fmt: skip
        return build_image(*(f"--{name}={value}" for name, value in choice.items()))


CELLS = tuple(
    itertools.starmap(
        Cell,
        itertools.product(
            ("bookworm", "trixie"), ("initramfs-tools", "dracut"), ("ext4", "btrfs", "lvm"), ("uefi", "bios")
        ),
    )
)


@dataclass(frozen=True)
class Volume:
    """A file system on the disk, in bytes, and how it is mounted and checked."""

    start: int
    size: int
    options: str
    check: tuple[str, ...]


EXT4 = ("e2fsck", "-fn")


def volumes(image: Path, cell: Cell) -> dict[str, Volume]:
    """By where they are mounted in the guest, the root first."""

    def of(number: int, options: str, check: tuple[str, ...], skip: int = 0) -> Volume:
        place = Partition.of(image, number)
        return Volume(place.start + skip, place.size - skip, options, check)

    if cell.root == "lvm":
        # Behind the metadata of the physical volume, whose only volume is this.
        return {"": of(3, "nouuid", ("xfs_repair", "-n"), MIB), "boot": of(2, "", EXT4)}
    if cell.root == "btrfs":
        return {"": of(2, f"subvol={SUBVOLUME}", ("btrfs", "check", "--readonly"))}
    return {"": of(2, "", EXT4)}


@contextmanager
def looped(image: Path, volume: Volume, *options: str) -> Iterator[Path]:
    """Its loop device."""
    place = ("--offset", str(volume.start), "--sizelimit", str(volume.size))
    device = run("losetup", "--find", "--show", *options, *place, image).strip()
    try:
        yield Path(device)
    finally:
        run("losetup", "--detach", device)


@dataclass(frozen=True)
class OpenGuest:
    """Its root, mounted, with what is mounted below it, and its image, with the ESP."""

    cell: Cell
    image: Path
    root: Path
    device: Path

    @property
    def kernel(self) -> str:
        """Its kernel's version."""
        (found,) = (self.root / "boot").glob("vmlinuz-*")
        return found.name.removeprefix("vmlinuz-")

    @property
    def initrd(self) -> str:
        """Where its initramfs is."""
        return f"/boot/initrd.img-{self.kernel}"

    @property
    def esp(self) -> str:
        """The ESP, as mtools name it."""
        return f"{self.image}@@{Partition.of(self.image, ESP).start}"

    def put(self, path: str, content: str) -> None:
        """A file with this content."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_text(content)

    def change(self, path: str, old: str, new: str) -> None:
        """Other words in a file."""
        text = (self.root / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        (self.root / path).write_text(text.replace(old, new))

    def runs(self, *command: str) -> None:
        """A program of the guest, which sees its root as that of a machine."""
        with hardware_shown(self.root):
            in_chroot(self.root, *command, devices=(self.device.name,))


@contextmanager
def opened(image: Path, cell: Cell, folder: Path, *, writable: bool = True) -> Iterator[OpenGuest]:
    """This very image, for as long as the block lasts."""
    root = folder / "root"
    root.mkdir(parents=True)
    with ExitStack() as stack:
        devices = []
        for place, volume in volumes(image, cell).items():
            device = stack.enter_context(looped(image, volume))
            mode = "rw" if writable else "ro"
            run("mount", "-o", ",".join(filter(None, (mode, volume.options))), device, root / place)
            stack.callback(run, "umount", root / place)
            devices.append(device)
        yield OpenGuest(cell, image, root, devices[0])
    root.rmdir()


def fsck(image: Path, cell: Cell) -> None:
    """No file system has anything to be repaired. Raises CalledProcessError."""
    for volume in volumes(image, cell).values():
        with looped(image, volume, "--read-only") as device:
            run(*volume.check, device)


def tree(guest: OpenGuest) -> dict[str, str]:
    """Each file's content, link or kind, mode and owner, by its path; those of the ESP below `esp:`."""
    files = guest.root.with_name("esp-files")
    files.mkdir()
    run("mcopy", "-s", "-n", "-i", guest.esp, "::*", files)
    found = {f"esp:{name}": known.split(" ", 2)[2] for name, known in _below(files)}
    run("rm", "-rf", files)
    return found | dict(_below(guest.root))


def _below(top: Path) -> Iterator[tuple[str, str]]:
    for folder, folders, names in os.walk(top):
        for name in (*folders, *names):
            path = Path(folder, name)
            shown = path.lstat()
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                content = ""
            yield str(path.relative_to(top)), f"{shown.st_mode:o} {shown.st_uid} {content}"


def taken_while_it_ran(guest: OpenGuest, copy: Path) -> None:
    """Copy the disk while it is mounted: the journal, the log and the log tree have something to replay."""
    run("sync", "--file-system", *(guest.root / place for place in volumes(guest.image, guest.cell)))
    with (guest.root / "var/lib/written").open("w") as file:
        file.write("just now\n")
        file.flush()
        os.fsync(file.fileno())
    run("cp", "--sparse=always", guest.image, copy)


def packages_of(guest: OpenGuest, *names: str) -> list[Path]:
    """Packages of the guest's release, with what they need there, downloaded once by its sources.list."""
    folder = PACKAGES / guest.cell.suite / "-".join(names)
    with packages_to_oneself():
        if not folder.exists():
            _download(guest, folder, names)
    return sorted(folder.glob("*.deb"))


def _download(guest: OpenGuest, folder: Path, names: Sequence[str]) -> None:
    work = folder.with_name(f"{folder.name}.new")
    (work / "archives/partial").mkdir(parents=True, exist_ok=True)
    (work / "lists/partial").mkdir(parents=True, exist_ok=True)
    etc, dpkg = guest.root / "etc/apt", guest.root / "var/lib/dpkg"
    places = {
        "Dir::Etc": etc, "Dir::Etc::Parts": "/dev/null", "Dir::Etc::TrustedParts": etc / "trusted.gpg.d",
        "Dir::Cache": work, "Dir::State::Lists": work / "lists", "Dir::State::Status": dpkg / "status",
        "APT::Sandbox::User": "root",
    }  # fmt: skip
    apt = ["apt-get", *(word for name, value in places.items() for word in ("-o", f"{name}={value}"))]
    run(*apt, "update")
    run(*apt, "install", "--yes", "--reinstall", "--download-only", "--no-install-recommends", *names)
    (work / "archives").rename(folder)
    run("rm", "-rf", work)
