"""Whether the root grows: its place on the disk, and who grows it."""

import io

import pytest
from support.facts import cloud_init
from support.guest_tree import Content, Unreadable, guest_tree

from imgtool.guest.cloud_config import cloud_config_fact
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.growth import read_can_grow, read_root_is_last
from imgtool.guest.partitions import Partition
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.model.facts import Known, Unknown
from imgtool.model.services import CloudInitFacts

CFG = "cloud_init_modules:\n - seed_random\n - growpart\n - [resizefs, always]\n"
DEBIAN: dict[str, Content] = {"/usr/bin/growpart": "#!/bin/sh", "/etc/cloud/cloud.cfg": CFG}


def layout(scheme: str, *starts: tuple[int, int]) -> DiskLayout:
    table = tuple(Partition(n, "x", None, None, start << 20, 1 << 20, bootable=False) for n, start in starts)
    return DiskLayout(scheme, table, b"", b"", ())  # type: ignore[arg-type]


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
        ({"/usr/share/initramfs-tools/scripts/local-bottom/growroot": "#!"}, "local-bottom/growroot"),
        ({"/usr/lib/dracut/modules.d/50growroot/module-setup.sh": "#!"}, "modules.d/50growroot"),
        ({"/usr/bin/systemd-repart": "ELF", "/usr/lib/repart.d/50-root.conf": "x"}, "repart.d/50-root.conf"),
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
