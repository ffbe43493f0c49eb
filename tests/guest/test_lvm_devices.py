"""LVM's list of devices."""

import pytest
from support.guest_tree import Content, Unreadable, guest_tree

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.lvm import DEVICES_FILE, read_lvm_devices_file

HEAD = "# LVM uses devices listed in this file.\nVERSION=1.1.2\n"
ENTRY = "IDTYPE=sys_serial IDNAME=abc DEVNAME=/dev/vda3 PVID=x PART=3\n"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({}, False),
        ({DEVICES_FILE: HEAD}, False),
        ({DEVICES_FILE: ""}, False),
        ({DEVICES_FILE: HEAD + ENTRY}, True),
        ({DEVICES_FILE: HEAD + ENTRY, "/etc/lvm/lvm.conf": "devices {\n\t# use_devicesfile = 0\n}\n"}, True),
        ({DEVICES_FILE: HEAD + ENTRY, "/etc/lvm/lvm.conf": "devices {\n\tuse_devicesfile = 0\n}\n"}, False),
        ({DEVICES_FILE: HEAD + ENTRY, "/etc/lvm/lvm.conf": "devices {\n\tuse_devicesfile = 1\n}\n"}, True),
        ({DEVICES_FILE: HEAD + ENTRY, "/etc/lvm/lvm.conf": "use_devicesfile=0 # ours\n"}, False),
    ],
)
def test_whether_it_names_devices(files: dict[str, Content], *, names: bool) -> None:
    fact = read_lvm_devices_file(guest_tree(files))
    assert fact.value is names
    assert fact.evidence


def test_an_unreadable_list_is_no_answer() -> None:
    with pytest.raises(GuestReadError):
        read_lvm_devices_file(guest_tree({DEVICES_FILE: Unreadable()}))
