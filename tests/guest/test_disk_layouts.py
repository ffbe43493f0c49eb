"""Whole disks that are laid out in other ways than the fixtures, made on the spot by Debian's tools."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.made_filesystems import MIB  # puts the recipe of the fixtures on the path
from support.unified_image import unified_image

from disks import Part, empty_disk, make_fat, place, run  # isort: skip
from guest_tree import KERNEL, write_guest  # isort: skip
from loaders import efi_systemd_boot, write_grub  # isort: skip

from imgtool.guest.inspect import inspect_disk
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.model.kernel import Kernel
from imgtool.model.linux import LinuxFacts

UUIDS = {
    name: f"22222222-2222-4333-8444-55555555550{n}" for n, name in enumerate(("/", "/usr", "/var", "/boot"))
}
OPTIONS = f"root=UUID={UUIDS['/']} ro console=ttyS0"


def inspected(disk: Path) -> GuestFacts:
    with disk.open("rb") as file:
        return inspect_disk(file, disk.stat().st_size)


def linux(facts: GuestFacts) -> LinuxFacts:
    assert facts.linux is not None, facts.reason
    return facts.linux


def booting(facts: LinuxFacts) -> Kernel:
    assert isinstance(facts.kernels, Known), facts.kernels.reason
    (kernel,) = facts.kernels.value
    assert kernel.default
    return kernel


def is_healthy(facts: LinuxFacts, initramfs: str, evidence: str) -> bool:
    """Whether all of a fixture's guest is found, and the kernel boots by what `evidence` names."""
    kernel = booting(facts)
    assert kernel.default_evidence.startswith(evidence)
    assert kernel.modules["virtio_blk"] == "module"
    assert isinstance(kernel.initramfs, Known), kernel.initramfs.reason
    assert kernel.initramfs.value is not None, kernel.initramfs.evidence
    assert kernel.initramfs.value.path == initramfs
    assert kernel.initramfs.value.problem is None
    assert kernel.initramfs.value.modules["virtio_blk"] == "module"
    seen = (facts.agent.installed, facts.agent.enabled, facts.agent.channel, facts.cloud_init.enabled)
    assert isinstance(facts.agent.version, Known)
    return all(isinstance(fact, Known) and fact.value for fact in seen)


def make_gpt(disk: Path, rows: list[tuple[int, int, int, str, str]]) -> dict[int, Part]:
    """Partitions of (number, start MiB, size MiB, sgdisk's type code, label), in one run: sgdisk ends each
    with a second of sleep.
    """
    options = [f"--new={n}:{start}M:+{size}M" for n, start, size, _, _ in rows]
    options += [f"--typecode={n}:{code}" for n, _, _, code, _ in rows]
    options += [f"--change-name={n}:{label}" for n, _, _, _, label in rows]
    run("sgdisk", "--clear", *options, disk)
    return {n: Part(start * MIB, size * MIB) for n, start, size, _, _ in rows}


def place_ext4(disk: Path, part: Part, tree: Path, uuid: str, label: str) -> None:
    volume = tree.with_suffix(".volume")
    run("mkfs.ext4", "-q", "-F", "-U", uuid, "-L", label, "-d", tree, volume, f"{part.size // 1024}k")
    place(disk, volume, part.start)


def place_esp(disk: Path, part: Part, tree: Path) -> None:
    loader = tree / "EFI/BOOT/BOOTX64.EFI"
    loader.parent.mkdir(parents=True)
    loader.write_bytes(efi_systemd_boot())
    volume = tree.with_suffix(".volume")
    make_fat(volume, part.size, tree, "-F", "12", "-i", "12345678", "-n", "ESP")
    place(disk, volume, part.start)


def without_boot_files(root: Path) -> dict[str, bytes]:
    """Empties the guest's /boot; what was in it."""
    found = {path.name: path.read_bytes() for path in (root / "boot").iterdir() if path.is_file()}
    shutil.rmtree(root / "boot")
    (root / "boot").mkdir()
    return found


def systemd_boot_with_a_unified_image(disk: Path, work: Path) -> None:
    """No fstab at all: systemd finds the ESP by its type and mounts it at the empty /boot."""
    write_guest(work / "root", "", "")
    boot = without_boot_files(work / "root")
    empty_disk(disk, 47 * MIB)
    parts = make_gpt(disk, [(1, 1, 4, "ef00", "esp"), (2, 6, 40, "8304", "root")])
    sections = {
        ".osrel": b'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n',
        ".cmdline": OPTIONS.encode(),
        ".uname": KERNEL.encode(),
        ".linux": boot[f"vmlinuz-{KERNEL}"],
        ".initrd": boot[f"initrd.img-{KERNEL}"],
    }
    (work / "esp/EFI/Linux").mkdir(parents=True)
    (work / "esp/EFI/Linux/debian.efi").write_bytes(unified_image(sections))
    (work / "esp/loader").mkdir()
    (work / "esp/loader/loader.conf").write_text("timeout 3\ndefault debian.efi\n")
    place_esp(disk, parts[1], work / "esp")
    place_ext4(disk, parts[2], work / "root", UUIDS["/"], "root")


def systemd_boot_with_xbootldr(disk: Path, work: Path) -> None:
    """Entries and kernels as kernel-install puts them, on a boot partition beside the ESP; no fstab.

    It is FAT: UEFI reads nothing else, and systemd-boot looks through the firmware's eyes.
    """
    write_guest(work / "root", "", "")
    (work / "root/efi").mkdir()
    boot = without_boot_files(work / "root")
    empty_disk(disk, 64 * MIB)
    rows = [(1, 1, 4, "ef00", "esp"), (2, 6, 16, "ea00", "boot"), (3, 23, 40, "8304", "root")]
    parts = make_gpt(disk, rows)
    directory = work / f"boot/0123abc/{KERNEL}"
    directory.mkdir(parents=True)
    (directory / "linux").write_bytes(boot[f"vmlinuz-{KERNEL}"])
    (directory / "initrd").write_bytes(boot[f"initrd.img-{KERNEL}"])
    entry = work / f"boot/loader/entries/0123abc-{KERNEL}.conf"
    entry.parent.mkdir(parents=True)
    entry.write_text(
        f"title Debian\nversion {KERNEL}\noptions {OPTIONS}\n"
        f"linux /0123abc/{KERNEL}/linux\ninitrd /0123abc/{KERNEL}/initrd\n"
    )
    place_esp(disk, parts[1], work / "esp")
    make_fat(work / "boot.volume", parts[2].size, work / "boot", "-F", "16", "-n", "BOOT")
    place(disk, work / "boot.volume", parts[2].start)
    place_ext4(disk, parts[3], work / "root", UUIDS["/"], "root")


def partitions_of_their_own(disk: Path, work: Path) -> None:
    """MBR: /boot on a primary partition; the root, /usr and /var on logical ones."""
    empty_disk(disk, 112 * MIB)
    script = (
        "label: dos\nlabel-id: 0xcafe1234\nunit: sectors\n"
        "1: start=2048, size=32768, type=83, bootable\n2: start=34816, size=192512, type=5\n"
        "5: start=36864, size=40960, type=83\n6: start=79872, size=90112, type=83\n"
        "7: start=172032, size=40960, type=83\n"
    )
    run("sfdisk", "--quiet", disk, text=script)
    places = {"/boot": (2048, 32768), "/": (36864, 40960), "/usr": (79872, 90112), "/var": (172032, 40960)}
    fstab = "".join(f"UUID={UUIDS[point]} {point} ext4 defaults 0 2\n" for point in places)
    write_grub(disk, 512, "(,msdos1)/grub")
    write_guest(work / "root", fstab, f"UUID={UUIDS['/']}", boot="")
    for point in ("/boot", "/usr", "/var"):
        shutil.move(work / f"root{point}", work / point[1:])
        (work / f"root{point}").mkdir()
    for point, (start, size) in places.items():
        part = Part(start * 512, size * 512)
        place_ext4(disk, part, work / (point[1:] or "root"), UUIDS[point], point[1:] or "root")


@pytest.mark.parametrize(
    ("make", "root", "initramfs", "evidence"),
    [
        (
            systemd_boot_with_a_unified_image,
            "partition 2",
            "/boot/EFI/Linux/debian.efi",
            "/EFI/Linux/debian.efi on partition 1: Debian GNU/Linux 12 (debian.efi, default debian.efi)",
        ),
        (
            systemd_boot_with_xbootldr,
            "partition 3",
            f"/boot/0123abc/{KERNEL}/initrd",
            f"/loader/entries/0123abc-{KERNEL}.conf on partition 2: Debian (0123abc-{KERNEL}.conf, the first",
        ),
        (
            partitions_of_their_own,
            "partition 5",
            f"/boot/initrd.img-{KERNEL}",
            "/grub/grub.cfg on partition 1: default=0",
        ),
    ],
)
def test_the_guest_is_found_and_healthy(
    tmp_path: Path, make: Callable[[Path, Path], None], root: str, initramfs: str, evidence: str
) -> None:
    make(tmp_path / "disk", tmp_path)
    facts = inspected(tmp_path / "disk")
    assert facts.reason == f"Linux on {root}"
    assert is_healthy(linux(facts), initramfs, evidence)
    assert isinstance(linux(facts).command_line, Known)
    assert f"root=UUID={UUIDS['/']}" in linux(facts).command_line.value  # type: ignore[union-attr]  # found, or the test fails


def two_systems(disk: Path, work: Path) -> None:
    empty_disk(disk, 82 * MIB)
    parts = make_gpt(disk, [(1, 1, 40, "8300", "a"), (2, 41, 40, "8300", "b")])
    for number, part in parts.items():
        write_guest(work / f"root{number}", "", "")
        place_ext4(disk, part, work / f"root{number}", list(UUIDS.values())[number], "root")


def copies(disk: Path, work: Path) -> None:
    """Two partitions with the same system, each with its own label; GRUB starts the menu of the second."""
    empty_disk(disk, 84 * MIB)
    parts = make_gpt(disk, [(1, 1, 1, "ef02", "bios"), (3, 2, 40, "8300", "a"), (4, 42, 40, "8300", "b")])
    write_grub(disk, parts[1].start, "(,gpt4)/boot/grub")
    for number in (3, 4):
        root = work / f"root{number}"
        write_guest(root, f"LABEL=root{number} / ext4 d 0 1\n", f"LABEL=root{number}")
        place_ext4(disk, parts[number], root, list(UUIDS.values())[number - 3], f"root{number}")


def chroot_on_data(disk: Path, work: Path) -> None:
    """A partition for data, which fstab mounts on /srv, holds a chroot."""
    empty_disk(disk, 84 * MIB)
    parts = make_gpt(disk, [(1, 1, 1, "ef02", "bios"), (3, 2, 40, "8300", "a"), (4, 42, 40, "8300", "b")])
    write_grub(disk, parts[1].start, "(,gpt4)/boot/grub")
    write_guest(work / "root3", "", "")
    write_guest(work / "root4", "LABEL=root / ext4 d 0 1\nLABEL=srv /srv ext4 d 0 2\n", "LABEL=root")
    place_ext4(disk, parts[3], work / "root3", UUIDS["/var"], "srv")
    place_ext4(disk, parts[4], work / "root4", UUIDS["/"], "root")


@pytest.mark.parametrize("make", [copies, chroot_on_data])
def test_of_two_systems_the_one_that_the_boot_loader_s_entry_names(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """Rows root-two-copies and chroot-partition."""
    make(tmp_path / "disk", tmp_path)
    facts = inspected(tmp_path / "disk")
    assert facts.reason == "Linux on partition 4"
    mounted = {one.device: one.mount_point for one in facts.filesystems}
    assert mounted["partition 4"] == "/"
    assert mounted["partition 3"] == ("/srv" if make is chroot_on_data else None)


def luks_beside_boot(disk: Path, work: Path) -> None:
    """The header of LUKS2, as its specification has it, on what would be the root."""
    empty_disk(disk, 32 * MIB)
    parts = make_gpt(disk, [(1, 1, 16, "8300", "boot"), (2, 17, 14, "8309", "root")])
    (work / "boot").mkdir()
    (work / "boot/vmlinuz-6.1.0").write_bytes(b"MZ")
    place_ext4(disk, parts[1], work / "boot", UUIDS["/boot"], "boot")
    header = b"LUKS\xba\xbe\0\2" + (16384).to_bytes(8, "big") + bytes(8)
    header = header.ljust(168, b"\0") + UUIDS["/"].encode()
    write_at(disk, parts[2].start, header)


def bitlocker(disk: Path, _work: Path) -> None:
    empty_disk(disk, 32 * MIB)
    parts = make_gpt(disk, [(1, 1, 30, "0700", "Basic data partition")])
    write_at(disk, parts[1].start, b"\xeb\x58\x90-FVE-FS-\0\2\x08")


def luks_without_partitions(disk: Path, _work: Path) -> None:
    empty_disk(disk, 16 * MIB)
    write_at(disk, 0, b"LUKS\xba\xbe\0\1aes")


def software_raid(disk: Path, _work: Path) -> None:
    empty_disk(disk, 32 * MIB)
    parts = make_gpt(disk, [(1, 1, 30, "fd00", "root")])
    write_at(disk, parts[1].start + 4096, b"\xfc\x4e\x2b\xa9\1\0\0\0")


def only_swap(disk: Path, work: Path) -> None:
    empty_disk(disk, 16 * MIB)
    empty_disk(work / "swap", 8 * MIB)
    subprocess.run(["/sbin/mkswap", "-q", work / "swap"], check=True, stderr=subprocess.DEVNULL)
    parts = make_gpt(disk, [(1, 1, 8, "8200", "swap")])
    place(disk, work / "swap", parts[1].start)


def empty_partitions(disk: Path, _work: Path) -> None:
    empty_disk(disk, 16 * MIB)
    make_gpt(disk, [(1, 1, 8, "8300", "root")])


def write_at(disk: Path, offset: int, content: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            two_systems,
            "more than one system is on this disk (partition 1, partition 2): it is not clear which",
        ),
        (luks_beside_boot, "part of the disk is encrypted (partition 2: it is encrypted (LUKS))"),
        (luks_without_partitions, "part of the disk is encrypted (disk: it is encrypted (LUKS))"),
        (bitlocker, "part of the disk is encrypted (partition 1: it is encrypted (BitLocker))"),
        (software_raid, "software RAID is not read"),
        (only_swap, "system was found on this disk"),
        (empty_partitions, "no known file system is on this disk"),
    ],
)
def test_a_disk_without_one_system_that_can_be_read_is_unknown(
    tmp_path: Path, make: Callable[[Path, Path], None], reason: str
) -> None:
    make(tmp_path / "disk", tmp_path)
    facts = inspected(tmp_path / "disk")
    assert (facts.status, facts.linux, facts.windows) == ("unknown", None, None)
    assert reason in facts.reason


def test_an_empty_disk_is_unknown() -> None:
    assert inspect_disk(io.BytesIO(bytes(MIB)), MIB).reason == "no known file system is on this disk"
