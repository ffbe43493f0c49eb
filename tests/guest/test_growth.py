"""Whether the root grows: its place on the disk, and who grows it."""

import io

import pytest
from support.facts import cloud_init
from support.guest_tree import Content, File, Link, Unreadable, guest_tree

from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.growth import GrowingRoot, read_can_grow, read_root_is_last
from imgtool.guest.partitions import Partition
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.model.facts import Known, Unknown
from imgtool.model.kernel import Initramfs
from imgtool.model.services import CloudInitFacts

CFG = "cloud_init_modules:\n - seed_random\n - growpart\n - [resizefs, always]\n"
RESIZES: dict[str, Content] = {"/etc/cloud/cloud.cfg": "cloud_init_modules: [resizefs]\n"}
DEBIAN: dict[str, Content] = {"/usr/bin/growpart": "#!/bin/sh", "/etc/cloud/cloud.cfg": CFG}


def layout(scheme: str, *starts: tuple[int, int]) -> DiskLayout:
    table = tuple(Partition(n, "x", None, None, start << 20, 1 << 20, bootable=False) for n, start in starts)
    return DiskLayout(scheme, table, b"", ())  # type: ignore[arg-type]  # as much as is asked of it


def root(*partitions: int) -> Volume:
    return Volume("the root", 4096, partitions, io.BytesIO)


@pytest.mark.parametrize(
    ("disk", "volume", "last"),
    [
        (layout("none"), root(), True),
        (layout("gpt", (1, 1), (2, 9)), root(2), True),
        (layout("gpt", (1, 200), (14, 1), (15, 5)), root(1), True),
        (layout("gpt", (1, 1), (2, 9)), root(1), False),
        (layout("gpt", (1, 1), (2, 9), (3, 20)), root(1, 3), True),
        (layout("mbr", (1, 1), (5, 9)), root(5), False),
        (layout("mbr", (1, 1), (5, 9)), root(1), False),
        (layout("mbr", (1, 1)), root(1), True),
    ],
)
def test_what_stands_behind_the_root(disk: DiskLayout, volume: Volume, *, last: bool) -> None:
    fact = read_root_is_last(disk, volume)
    assert fact.value is last
    assert fact.evidence


def can_grow(files: dict[str, Content], cloud: CloudInitFacts | None = None) -> Known[bool]:
    tree = guest_tree(files)
    return read_can_grow(tree, cloud or cloud_init(), cloud_config_fact(tree))


@pytest.mark.parametrize(
    ("files", "evidence"),
    [
        (DEBIAN, "/usr/bin/growpart, called by cloud-init"),
        (
            {**RESIZES, "/usr/share/initramfs-tools/scripts/local-bottom/growroot": "#!"},
            "local-bottom/growroot",
        ),
        ({**RESIZES, "/usr/lib/dracut/modules.d/50growroot/module-setup.sh": "#!"}, "modules.d/50growroot"),
        (
            {"/usr/bin/systemd-repart": "ELF", "/usr/lib/repart.d/50-root.conf": "[Partition]\nType=root\n"},
            "repart.d/50-root.conf",
        ),
    ],
)
def test_what_grows_it(files: dict[str, Content], evidence: str) -> None:
    found = can_grow(files)
    assert found.value is True
    assert evidence in found.evidence


@pytest.mark.parametrize(
    ("change", "evidence"),
    [
        ({"/usr/bin/growpart": ""}, "no /usr/bin/growpart"),
        ({"/etc/growroot-disabled": ""}, "/etc/growroot-disabled"),
        ({"/etc/cloud/cloud.cfg.d/9.cfg": "growpart: {mode: off}\n"}, "9.cfg: growpart: mode: off"),
        ({"/etc/cloud/cloud.cfg.d/9.cfg": "resize_rootfs: False\n"}, "9.cfg: resize_rootfs: False"),
        (
            {"/etc/cloud/cloud.cfg": "cloud_init_modules: [resizefs]\n"},
            "cloud.cfg: cloud_init_modules has no growpart",
        ),
        ({"/etc/cloud/cloud.cfg": "cloud_init_modules: [growpart]\n"}, "has no resizefs"),
        ({"/etc/cloud/cloud.cfg": "users: [default]\n"}, "no cloud_init_modules"),
    ],
)
def test_what_keeps_it_from_growing(change: dict[str, Content], evidence: str) -> None:
    found = can_grow(DEBIAN | change)
    assert found.value is False
    assert evidence in found.evidence


def test_a_later_file_wins() -> None:
    files = {"/etc/cloud/cloud.cfg.d/1.cfg": "growpart: {mode: off}\n"}
    later = {"/etc/cloud/cloud.cfg.d/2.cfg": "growpart: {mode: auto}\nresize_rootfs: noblock\n"}
    assert can_grow(DEBIAN | files | later).value is True


@pytest.mark.parametrize("fact", ["installed", "enabled"])
def test_growpart_needs_cloud_init(fact: str) -> None:
    found = can_grow(DEBIAN, cloud_init(**{fact: Known(value=False, evidence="it is off")}))
    assert found.value is False
    assert "it is off" in found.evidence
    with pytest.raises(GuestReadError, match="bad block"):
        can_grow(DEBIAN, cloud_init(**{fact: Unknown("bad block")}))


def test_a_configuration_that_cannot_be_read_is_no_answer() -> None:
    with pytest.raises(GuestReadError):
        can_grow(DEBIAN | {"/etc/cloud/cloud.cfg": Unreadable()})


# ---------------------------------------------------------------- programs, configuration, systemd-repart


WHOLE: dict[str, Content] = {
    **DEBIAN,
    "/bin/sh": "\x7fELF",
    **{f"/usr/bin/{name}": "\x7fELF" for name in ("flock", "awk", "sed", "grep")},
    **{f"/usr/sbin/{name}": "\x7fELF" for name in ("sfdisk", "partx", "resize2fs", "xfs_growfs", "btrfs")},
}
"""A Debian with what growpart and resizefs call."""
REPART = {"/usr/bin/systemd-repart": "\x7fELF", "/usr/bin/growpart": None}


def grows(change: dict[str, Content | None], filesystem: str = "ext4", scheme: str = "gpt") -> Known[bool]:
    tree = guest_tree({path: one for path, one in (WHOLE | change).items() if one is not None})
    return read_can_grow(tree, cloud_init(), cloud_config_fact(tree), GrowingRoot(filesystem, scheme))


def cfg(text: str) -> dict[str, Content | None]:
    return {"/etc/cloud/cloud.cfg.d/99-x.cfg": text}


@pytest.mark.parametrize(
    ("change", "filesystem", "scheme"),
    [
        ({}, "ext4", "gpt"),
        ({}, "xfs", "mbr"),
        ({}, "btrfs", "gpt"),
        ({"/usr/sbin/sfdisk": None, "/usr/sbin/sgdisk": "\x7fELF"}, "ext4", "gpt"),
        ({"/usr/sbin/resize2fs": None}, "xfs", "gpt"),
        ({"/usr/sbin/sfdisk": None, "/usr/sbin/partx": None}, "ext4", "none"),
        (
            cfg("cloud_init_modules: [ migrator, growpart, [resizefs, always], users_groups ]\n"),
            "ext4",
            "gpt",
        ),
        (cfg("cloud_init_modules:\n - [growpart, always]\n - resizefs\n"), "ext4", "gpt"),
        (cfg("cloud_init_modules: [cc_growpart, {name: resizefs}]\n"), "ext4", "gpt"),
        (cfg("unverified_modules: [growpart]\n"), "ext4", "gpt"),
        (cfg("cloud_init_modules: [resizefs]\ncloud_config_modules: [growpart]\n"), "ext4", "gpt"),
        (cfg("growpart: {mode: growpart}\n"), "ext4", "gpt"),
        (cfg("growpart: {mode: auto, devices: [/, /dev/vdb1]}\n"), "ext4", "gpt"),
        (cfg("resize_rootfs: noblock\n"), "ext4", "gpt"),
        (
            {"/etc/growroot-disabled": "", **cfg("growpart: {ignore_growroot_disabled: true}\n")},
            "ext4",
            "gpt",
        ),
        ({**REPART, "/usr/lib/repart.d/50-root.conf": "[Partition]\nType=root\n"}, "ext4", "gpt"),
        ({**REPART, "/etc/repart.d/1.conf": "[Partition]\nType=root-x86-64\nWeight=500\n"}, "ext4", "gpt"),
    ],
)
def test_it_grows(change: dict[str, Content | None], filesystem: str, scheme: str) -> None:
    found = grows(change, filesystem, scheme)
    assert found.value is True, found.evidence


@pytest.mark.parametrize(
    ("change", "filesystem", "scheme", "evidence"),
    [
        ({"/usr/sbin/sfdisk": None}, "ext4", "gpt", "needs sfdisk or sgdisk"),
        ({"/usr/sbin/sfdisk": File("", 0o644)}, "ext4", "gpt", "needs sfdisk or sgdisk"),
        ({"/usr/sbin/sfdisk": None, "/usr/sbin/sgdisk": "\x7fELF"}, "ext4", "mbr", "needs sfdisk, which"),
        ({"/usr/bin/flock": None}, "ext4", "gpt", "needs flock"),
        ({"/usr/bin/growpart": File("#!/bin/sh\n", 0o644)}, "ext4", "gpt", "growpart is not executable"),
        ({"/usr/sbin/resize2fs": None}, "ext4", "gpt", "no resize2fs: the partition grows"),
        ({"/usr/sbin/xfs_growfs": None}, "xfs", "gpt", "no xfs_growfs"),
        ({}, "f2fs", "gpt", "no file system of type f2fs"),
        (cfg("growpart: {mode: 'off'}\n"), "ext4", "gpt", "99-x.cfg: growpart: mode: off"),
        (cfg("growpart: {mode: false}\n"), "ext4", "gpt", "growpart: mode: off"),
        (cfg("growpart: {mode: gpart}\n"), "ext4", "gpt", "growpart: mode: gpart"),
        (cfg("growpart: []\n"), "ext4", "gpt", "growpart is no mapping"),
        (cfg("growpart: {mode: [auto]}\n"), "ext4", "gpt", "growpart: mode: ['auto']"),
        (cfg("growpart:\n"), "ext4", "gpt", "growpart is no mapping"),
        (cfg("growpart: {devices: []}\n"), "ext4", "gpt", "devices: none"),
        (cfg("growpart: {devices: [/data]}\n"), "ext4", "gpt", "devices: /data"),
        (cfg("resize_rootfs: 'false'\n"), "ext4", "gpt", "resize_rootfs: false"),
        (cfg("resize_rootfs:\n"), "ext4", "gpt", "resize_rootfs: None"),
        (cfg("cloud_init_modules: [growpart, [resizefs, always, 'off']]\n"), "ext4", "gpt", "resize_rootfs"),
        ({**REPART, "/etc/repart.d/50-swap.conf": "[Partition]\nType=swap\nSizeMinBytes=64M\n"},
         "ext4", "gpt", "nothing else that grows"),
        ({**REPART, "/etc/repart.d/1.conf": "[Partition]\nType=root\nSizeMaxBytes=2G\n"},
         "ext4", "gpt", "nothing else that grows"),
        ({**REPART, "/usr/lib/repart.d/1.conf": "[Partition]\nType=root\n", "/etc/repart.d/1.conf": ""},
         "ext4", "gpt", "nothing else that grows"),
    ],
)  # fmt: skip
def test_it_does_not_grow(
    change: dict[str, Content | None], filesystem: str, scheme: str, evidence: str
) -> None:
    found = grows(change, filesystem, scheme)
    assert (found.value, evidence in found.evidence) == (False, True), found.evidence


def test_a_device_that_may_be_the_root_is_not_known() -> None:
    with pytest.raises(GuestReadError, match="whether that is the root"):
        grows(cfg("growpart: {devices: [/dev/vda1]}\n"))


GROWROOT = "/scripts/local-bottom/growroot"
KIWI = "/usr/lib/dracut/hooks/pre-mount/20-kiwi-repart-disk.sh"
DRACUT_GROWROOT = "/usr/lib/dracut/hooks/pre-mount/00-growroot.sh"
FSTAB = {"/etc/fstab": "LABEL=root / ext4 defaults 0 1\n"}
ROOT_REPART: dict[str, Content | None] = {**REPART, "/usr/lib/repart.d/1.conf": "[Partition]\nType=root\n"}
NO_RESIZE = cfg("resize_rootfs: false\n")
IN_TREE: dict[str, Content | None] = {
    "/usr/bin/growpart": None,
    "/usr/share/initramfs-tools/scripts/local-bottom/growroot": "#!/bin/sh\n",
}


@pytest.mark.parametrize(
    ("change", "growers", "value", "evidence"),
    [
        (IN_TREE, (GROWROOT,), True, GROWROOT),
        (IN_TREE, (), False, "nothing else that grows"),  # made before the package was there
        ({**IN_TREE, **NO_RESIZE}, (GROWROOT,), False, "grows the partition alone"),
        ({**IN_TREE, "/usr/sbin/resize2fs": None}, (GROWROOT,), False, "no resize2fs"),
        ({**IN_TREE, "/etc/growroot-disabled": ""}, (GROWROOT,), False, "nothing else that grows"),
        ({**IN_TREE, "/etc/growroot-grown": ""}, (GROWROOT,), False, "nothing else that grows"),
        ({"/usr/bin/growpart": None}, (DRACUT_GROWROOT,), True, DRACUT_GROWROOT),
        ({"/usr/bin/growpart": None, **NO_RESIZE}, (KIWI,), True, KIWI),
    ],
)
def test_what_is_in_the_initramfs_counts(
    change: dict[str, Content | None], growers: tuple[str, ...], *, value: bool, evidence: str
) -> None:
    initramfs = Initramfs("/boot/initrd", "gzip", "dracut", None, {}, {}, growers=growers)
    tree = guest_tree({path: one for path, one in (WHOLE | change).items() if one is not None})
    found = read_can_grow(
        tree, cloud_init(), cloud_config_fact(tree), GrowingRoot("ext4", initramfs=initramfs)
    )
    assert (found.value, evidence in found.evidence) == (value, True), found.evidence


GROWFS = "/etc/systemd/system/local-fs.target.wants/systemd-growfs-root.service"


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (FSTAB, True),  # resizefs does it
        ({**FSTAB, **NO_RESIZE}, False),
        ({"/etc/fstab": "LABEL=root / ext4 x-systemd.growfs 0 1\n", **NO_RESIZE}, True),
        ({**FSTAB, **NO_RESIZE, GROWFS: Link("/usr/lib/systemd/system/systemd-growfs-root.service")}, True),
        (NO_RESIZE, True),  # systemd-gpt-auto-generator does it
        ({"/etc/systemd/system/systemd-repart.service": Link("/dev/null")}, False),
    ],
)
def test_systemd_repart_grows_the_partition_alone(change: dict[str, Content | None], *, value: bool) -> None:
    assert grows({**ROOT_REPART, **change}).value is value
