import shlex

import pytest
from support import facts

from imgtool.checks.remake import remake, remake_generic, remake_with

KERNEL = facts.kernel(version="6.12")
GENERATORS = {
    "initramfs-tools": "update-initramfs -u -k 6.12",
    "dracut": "dracut --force",
    "mkinitcpio": "mkinitcpio -P",
    "mkinitfs": "mkinitfs 6.12",
}


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_tool_that_made_it_makes_it_again(generator):
    archive = facts.initramfs(generator=generator)
    for command in (remake(archive, KERNEL), remake_with(("virtio_blk", "xfs"), archive, KERNEL)):
        assert GENERATORS[generator] in command
        assert shlex.split(command.strip("`"))
    others = set(GENERATORS.values()) - {GENERATORS[generator]}
    assert not any(other in remake(archive, KERNEL) for other in others)


def test_what_the_guest_chose_is_quoted():
    archive = facts.initramfs(generator="dracut", path="/boot/x; reboot")
    kernel = facts.kernel(version="6.1$(reboot)")
    for command in (remake(archive, kernel), remake_with(("xfs",), archive, kernel)):
        assert shlex.split(command.strip("`"))[-2:] == ["/boot/x; reboot", "6.1$(reboot)"]


def test_mkinitfs_is_told_features_and_not_modules():
    archive = facts.initramfs(generator="mkinitfs")
    command = remake_with(("virtio_pci", "virtio_blk", "virtio_scsi", "dm_mod", "xfs"), archive, KERNEL)
    assert "&virtio scsi lvm xfs " in command


def test_where_nobody_knows_what_made_it_the_usual_ones_are_named():
    archive = facts.initramfs(generator=None)
    assert "update-initramfs" in remake(archive, KERNEL)
    assert "dracut" in remake(archive, KERNEL)
    assert "hostonly=no" in remake_generic(archive, KERNEL)


@pytest.mark.parametrize(
    ("generator", "words"),
    [
        ("initramfs-tools", "MODULES=most"),
        ("dracut", "--no-hostonly"),
        ("mkinitcpio", "-S autodetect"),
    ],
)
def test_for_any_machine(generator, words):
    assert words in remake_generic(facts.initramfs(generator=generator), KERNEL)
