"""Ways to spoil a copy of a real Debian image (ext4, UEFI), by the programs that do it to real images."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

GRUB_CFG = "/boot/grub/grub.cfg"
SECTOR = 512
Spoil = Callable[[Path], None]


def run(*command: str | Path) -> str:
    """What a program prints; it must succeed."""
    environment = os.environ | {"LC_ALL": "C"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def offset_bytes(image: Path, number: int) -> int:
    """Where a partition begins."""
    start = run("partx", "--raw", "--noheadings", "--output", "START", "--nr", str(number), image)
    return int(start) * SECTOR


def root_of(image: Path) -> str:
    """The root file system, as e2fsprogs' programs name it."""
    return f"{image}?offset={offset_bytes(image, 2)}"


def debugfs(image: Path, *requests: str) -> str:
    """Carries out the requests on the root file system. It says nothing where one of them fails."""
    batch = "".join(f"{request}\n" for request in requests)
    command = ["debugfs", "-w", "-f", "/dev/stdin", root_of(image)]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=batch).stdout


def write_file(path: str, content: str) -> Spoil:
    """A file of the guest with this content; its directory is there."""

    def spoil(image: Path) -> None:
        local = image.with_name("content")
        local.write_text(content)
        debugfs(image, f"rm {path}", f"write {local} {path}")

    return spoil


def change_file(path: str, old: str, new: str) -> Spoil:
    """Other words in a file of the guest."""

    def spoil(image: Path) -> None:
        local = image.with_name("old")
        debugfs(image, f"dump {path} {local}")
        text = local.read_text()
        assert old in text
        write_file(path, text.replace(old, new))(image)

    return spoil


def name_another_root(image: Path) -> None:
    """The boot loader's configuration came from another machine."""
    (uuid,) = set(re.findall(r"root=UUID=(\S+)", _grub_cfg(image)))
    other = "root=UUID=11111111-2222-4333-8444-555555555555"
    change_file(GRUB_CFG, f"root=UUID={uuid}", other)(image)


def without_kernel(image: Path) -> None:
    """/boot was left out of a copy, or was full when the kernel was installed."""
    (kernel,) = re.findall(r"/boot/vmlinuz-\S+", _grub_cfg(image))
    debugfs(image, f"rm {kernel}")


def _grub_cfg(image: Path) -> str:
    local = image.with_name("grub.cfg")
    debugfs(image, f"dump {GRUB_CFG} {local}")
    return local.read_text()


def another_uuid(image: Path) -> None:
    """The root was copied into a file system that was made anew."""
    run("e2fsck", "-fy", root_of(image))
    run("tune2fs", "-U", "11111111-2222-4333-8444-555555555555", root_of(image))


def in_use(image: Path) -> None:
    """The image was taken of a machine that ran."""
    debugfs(image, "feature needs_recovery")


def partition_behind_the_root(image: Path) -> None:
    """As installers make it for swap."""
    run("sgdisk", "--new=3:0:+64M", "--typecode=3:8200", image)


def vendor_s_loader_only(image: Path) -> None:
    """Installed without --removable."""
    esp = f"{image}@@{offset_bytes(image, 1)}"
    run("mmd", "-i", esp, "::/EFI/debian")
    run("mmove", "-i", esp, "::/EFI/BOOT/BOOTX64.EFI", "::/EFI/debian/GRUBX64.EFI")


def ran_once(image: Path) -> None:
    """cloud-init had run when the image was taken."""
    state = "/var/lib/cloud"
    debugfs(image, f"mkdir {state}", f"mkdir {state}/instances", f"symlink {state}/instance instances/i-0123")
