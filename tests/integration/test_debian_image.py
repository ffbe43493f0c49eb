"""The images that scripts/build-image makes are what they claim to be, by the word of other tools.

That they start is shown by test_boot.py and test_boot_table.py.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest
from support.debian import build_image

SECTOR = 512


def run(*command: str | Path) -> str:
    environment = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def partitions(image: Path) -> list[tuple[str, int, int]]:
    """Name, offset and length in bytes of each partition, as partx reads them."""
    lines = run("partx", "--raw", "--noheadings", "--output", "NAME,START,SECTORS", image).splitlines()
    fields = [line.split() for line in lines]
    return [(name, int(start) * SECTOR, int(sectors) * SECTOR) for name, start, sectors in fields]


def ext4_of(image: Path) -> str:
    """The root file system, as e2fsprogs' programs name it."""
    return f"{image}?offset={partitions(image)[-1][1]}"


def sgdisk(option: str, image: Path, folder: Path) -> str:
    """What it says of a copy: it opens even for a look for writing, and who reads beside us would notice."""
    copy = folder / "copy.raw"
    subprocess.run(["cp", "--sparse=always", "--no-preserve=mode", image, copy], check=True)
    said = run("sgdisk", option, copy)
    copy.unlink()
    return said


def debugfs(image: Path, request: str) -> str:
    return run("debugfs", "-R", request, ext4_of(image))


def initramfs_names(image: Path, tmp_path: Path) -> str:
    """The names in the initramfs: one archive, compressed with zstd."""
    listing = debugfs(image, "ls -p /boot").splitlines()
    (name,) = (line.split("/")[5] for line in listing if "/initrd.img-" in line)
    debugfs(image, f"dump /boot/{name} {tmp_path}/initrd")
    run("zstd", "--quiet", "-d", tmp_path / "initrd", "-o", tmp_path / "initrd.cpio")
    return run("cpio", "--quiet", "--list", "--file", tmp_path / "initrd.cpio")


@pytest.mark.parametrize("fixture", ["debian_image", "debian_xfs", "debian_btrfs", "debian_lvm"])
def test_partition_table_is_sound(fixture: str, request: pytest.FixtureRequest, tmp_path: Path):
    image = request.getfixturevalue(fixture)
    assert "No problems found" in sgdisk("--verify", image, tmp_path)
    assert partitions(image)[0][0] == "esp"


def test_second_call_only_prints_the_path(debian_image: Path):
    start = time.monotonic()
    assert build_image() == debian_image
    assert time.monotonic() - start < 5


def test_image_cannot_be_written_by_mistake(debian_image: Path):
    assert debian_image.stat().st_mode & 0o222 == 0


def test_esp_starts_without_nvram(debian_image: Path):
    offset = partitions(debian_image)[0][1]
    assert "BOOTX64" in run("mdir", "-i", f"{debian_image}@@{offset}", "::/EFI/BOOT")


def test_ext4_is_clean_and_owned_by_the_guest(debian_image: Path):
    run("e2fsck", "-fn", ext4_of(debian_image))
    shadow = debugfs(debian_image, "stat /etc/shadow")
    assert "Mode:  0640" in shadow
    assert "Group:    42" in shadow


@pytest.mark.parametrize(
    ("fixture", "checker"),
    [("debian_xfs", ["xfs_repair", "-n", "-f"]), ("debian_btrfs", ["btrfs", "check", "--readonly"])],
)
def test_file_system_is_clean(
    fixture: str, checker: list[str], request: pytest.FixtureRequest, tmp_path: Path
):
    image = request.getfixturevalue(fixture)
    _, offset, length = partitions(image)[-1]
    place = [f"skip={offset // 2**20}", f"count={length // 2**20}"]
    run("dd", f"if={image}", f"of={tmp_path}/root", "bs=1M", "conv=sparse", "status=none", *place)
    run(*checker, tmp_path / "root")


def test_good_image_is_clean_of_its_maker(debian_image: Path):
    assert "ssh_host" not in debugfs(debian_image, "ls -p /etc/ssh")
    assert debugfs(debian_image, "cat /etc/machine-id") == ""
    assert debugfs(debian_image, "cat /etc/hostname") == "localhost\n"
    assert "/run/systemd/resolve" in debugfs(debian_image, "stat /etc/resolv.conf")


def test_host_keys_are_baked_in(debian_host_keys: Path):
    assert "ssh_host_ed25519_key.pub" in debugfs(debian_host_keys, "ls -p /etc/ssh")


def test_agent_is_masked(debian_agent_masked: Path):
    link = debugfs(debian_agent_masked, "stat /etc/systemd/system/qemu-guest-agent.service")
    assert '"/dev/null"' in link


def test_agent_is_purged(debian_no_agent: Path):
    assert "Package: qemu-guest-agent" not in debugfs(debian_no_agent, "cat /var/lib/dpkg/status")


def test_initramfs_has_virtio(debian_image: Path, tmp_path: Path):
    assert "virtio_blk.ko" in initramfs_names(debian_image, tmp_path)


def test_initramfs_of_another_machine_has_none(debian_initramfs_without_virtio: Path, tmp_path: Path):
    names = initramfs_names(debian_initramfs_without_virtio, tmp_path)
    assert "sd_mod.ko" in names
    assert "virtio" not in names


def test_initramfs_of_what_the_root_depends_on_has_no_disk_of_virtio(
    debian_initramfs_dep: Path, tmp_path: Path
):
    names = initramfs_names(debian_initramfs_dep, tmp_path)
    assert "libcrc32c.ko" in names  # of ext4, which is built in
    assert "virtio_blk" not in names
    assert "virtio_scsi" not in names
    assert debugfs(debian_initramfs_dep, "cat /etc/initramfs-tools/conf.d/driver-policy") == "MODULES=dep\n"


def test_truncated_initramfs_ends_early(debian_initramfs_truncated: Path, tmp_path: Path):
    with pytest.raises(AssertionError, match="premature"):
        initramfs_names(debian_initramfs_truncated, tmp_path)


def test_it_has_grub_for_bios_too_only_where_that_was_asked_for(
    debian_image: Path, debian_bios: Path, tmp_path: Path
):
    for image, code in ((debian_image, bytes(440)), (debian_bios, b"\xeb\x63")):
        with image.open("rb") as file:
            assert file.read(440).startswith(code)
    assert "No problems found" in sgdisk("--verify", debian_bios, tmp_path)
    assert "EF02" in sgdisk("--print", debian_bios, tmp_path)
