"""The kernel's command line, and the file that it comes from."""

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.booted_kernel import read_command_line
from imgtool.guest.bootloader.choose import BootChoice
from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.model.facts import Known

ENTRY = BootEntry("id", "Linux", "/boot/grub/grub.cfg", "/boot/vmlinuz-1", options="root=LABEL=x ro")


def test_of_the_default_entry() -> None:
    choice = BootChoice("1", "default=0", ENTRY, (ENTRY,))
    assert read_command_line(guest_tree({}), choice, ()) == Known("root=LABEL=x ro", "/boot/grub/grub.cfg")


def test_of_the_first_entry_of_the_kernel_where_no_default_is_known() -> None:
    choice = BootChoice(None, "the newest", None, (ENTRY,))
    assert read_command_line(guest_tree({}), choice, ()).value == "root=LABEL=x ro"


def test_of_what_entries_are_made_from_where_there_is_none() -> None:
    tree = guest_tree({"/etc/kernel/cmdline": "root=UUID=1\n console=ttyS0\n"})
    found = read_command_line(tree, BootChoice("1", "no boot menu was found"), ())
    assert found == Known("root=UUID=1 console=ttyS0", "/etc/kernel/cmdline")


def test_an_entry_of_another_kernel_does_not_count() -> None:
    choice = BootChoice("2", "the newest by version", None, (ENTRY,))
    with pytest.raises(GuestReadError, match="the newest by version"):
        read_command_line(guest_tree({}), choice, ())
