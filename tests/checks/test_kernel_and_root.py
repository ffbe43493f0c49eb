"""Kernel, initramfs and root: what the findings say, where they depend on the bus of the disk."""

import pytest
from support import facts
from support.facts import known, states

from imgtool.checks.rules.fstab_stable import CHECK as STABLE
from imgtool.checks.rules.initramfs_intact import CHECK as INTACT
from imgtool.checks.rules.root_resolves import CHECK as ROOT
from imgtool.checks.rules.virtio_initramfs import CHECK as INITRAMFS
from imgtool.checks.rules.virtio_kernel import CHECK as KERNEL
from imgtool.model.facts import Unknown
from imgtool.model.verdict import Outcome

BLACKLISTED = {"virtio_blk": "/etc/modprobe.d/x.conf: blacklist virtio_blk"}


def test_a_driver_that_is_kept_from_being_loaded_fails_and_the_other_bus_is_named() -> None:
    found = INITRAMFS.examine(
        facts.with_initramfs(modules=states(virtio_blk="missing"), obstacles=BLACKLISTED)
    )
    assert found.outcome is Outcome.FAIL
    assert "does not load virtio_blk; a virtio-scsi disk (hw_disk_bus=scsi) is reached" in found.message
    assert "x.conf: blacklist virtio_blk" in found.evidence


def test_without_the_other_bus_it_is_not_named() -> None:
    both = {**BLACKLISTED, "virtio_scsi": "module_blacklist=virtio_scsi"}
    modules = states(virtio_blk="missing", virtio_scsi="missing")
    found = INITRAMFS.examine(facts.with_initramfs(modules=modules, obstacles=both))
    assert found.outcome is Outcome.FAIL
    assert "hw_disk_bus" not in found.message
    assert "virtio_scsi" in found.message


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"modules": states(virtio_scsi="missing"), "obstacles": {"virtio_scsi": "x"}}, Outcome.PASS),
        ({"modules": states(virtio_blk="missing")}, Outcome.PASS),
        ({"modules": states(virtio_pci="missing"), "obstacles": {"virtio_pci": "x"}}, Outcome.FAIL),
        ({"modules": states(ext4="missing"), "obstacles": {"ext4": "needs crc32c"}}, Outcome.FAIL),
        ({"stops": ("rd.break ends in a shell",)}, Outcome.FAIL),
        ({"unsure": ("/init cannot be read",)}, Outcome.UNKNOWN),
        ({"modules": states(virtio_blk="unknown", virtio_scsi="missing")}, Outcome.UNKNOWN),
    ],
)
def test_the_initramfs(changed: dict[str, object], outcome: Outcome) -> None:
    assert INITRAMFS.examine(facts.with_initramfs(**changed)).outcome is outcome


def test_junk_behind_the_archive_passes_and_is_told() -> None:
    found = INTACT.examine(facts.with_initramfs(junk="trailing garbage: no known magic at byte 9"))
    assert found.outcome is Outcome.PASS
    assert "goes on" in found.message
    assert "trailing garbage" in found.evidence


@pytest.mark.parametrize(
    ("changed", "outcome", "says"),
    [
        ({"image_problem": "/boot/vmlinuz: the file is empty"}, Outcome.FAIL, "the file is empty"),
        ({"late": {"virtio_net": known(False, "blacklist")}}, Outcome.FAIL, "no network card"),
        ({"late": {"virtio_net": Unknown("bad block")}}, Outcome.UNKNOWN, "bad block"),
        ({"late": {"virtio_net": known(True)}}, Outcome.PASS, "boots"),
    ],
)
def test_the_kernel(changed: dict[str, object], outcome: Outcome, says: str) -> None:
    found = KERNEL.examine(facts.with_kernel(**changed))
    assert found.outcome is outcome
    assert says in found.message


@pytest.mark.parametrize(
    ("device", "source", "outcome"),
    [
        ("/dev/vda3", "/boot/grub/grub.cfg", Outcome.PASS),
        ("/dev/vda1", "/etc/fstab", Outcome.PASS),
        ("/dev/sda3", "/boot/grub/grub.cfg", Outcome.FAIL),
        ("/dev/vdb1", "/etc/fstab", Outcome.FAIL),
    ],
)
def test_names_of_the_bus_that_nova_gives(device: str, source: str, outcome: Outcome) -> None:
    found = STABLE.examine(facts.with_reference(stable=False, device=device, source=source))
    assert found.outcome is outcome
    assert outcome is not Outcome.PASS or "hw_disk_bus=virtio" in found.message


def test_where_virtio_blk_is_not_reached_its_names_are_wrong() -> None:
    system = facts.linux(
        kernels=known(
            (facts.kernel(initramfs=known(facts.initramfs(modules=states(virtio_blk="missing")))),)
        ),
        device_references=known((facts.reference(stable=False, device="/dev/vda1"),)),
    )
    assert STABLE.examine(facts.inspection(system)).outcome is Outcome.FAIL


def test_a_root_that_is_there_and_is_none() -> None:
    found = ROOT.examine(facts.with_reference(device="LABEL=ESP", source="grub.cfg", problem="it is vfat"))
    assert found.outcome is Outcome.FAIL
    assert "LABEL=ESP is no root that can be mounted: it is vfat" in found.message
