"""LVM's list of devices."""

import pytest
from support.guest_tree import Content, Unreadable, guest_tree

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.lvm_devices import DEVICES_FILE, keeps_out_others, read_lvm_devices_file

HEAD = "# LVM uses devices listed in this file.\nVERSION=1.1.2\n"
LOCAL, ON = "/etc/lvm/lvmlocal.conf", "devices {\n\tuse_devicesfile = 1\n}\n"
ENTRY = "IDTYPE=sys_serial IDNAME=abc DEVNAME=/dev/vda3 PVID=x PART=3\n"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({}, False),
        ({DEVICES_FILE: HEAD}, False),
        ({DEVICES_FILE: ""}, False),
        ({DEVICES_FILE: HEAD + ENTRY}, True),
        ({DEVICES_FILE: HEAD + ENTRY, "/etc/lvm/lvm.conf": "devices {\n\t# use_devicesfile = 0\n}\n"}, False),
        ({DEVICES_FILE: HEAD + ENTRY, "/etc/lvm/lvm.conf": "devices {\n\t# use_devicesfile = 1\n}\n"}, True),
        ({DEVICES_FILE: HEAD + ENTRY, LOCAL: ON, "/etc/lvm/lvm.conf": "use_devicesfile=0\n"}, True),
        ({DEVICES_FILE: HEAD + ENTRY, LOCAL: "use_devicesfile = 0\n", "/etc/lvm/lvm.conf": ON}, False),
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


@pytest.mark.parametrize(
    ("listed", "configuration", "keeps_out"),
    [
        (HEAD + ENTRY, ON, True),
        (HEAD + ENTRY, "# use_devicesfile = 1\n", True),
        (HEAD + ENTRY, "# use_devicesfile = 0\n", False),
        (HEAD + ENTRY, "", False),
        (HEAD, ON, False),
        (f"{HEAD}IDTYPE=devname IDNAME=/dev/sda2 DEVNAME=/dev/sda2 PVID=x\n", ON, False),
        (f"{HEAD}PRODUCT_UUID=4c4c\n{ENTRY}", ON, False),
        (f"{HEAD}HOSTNAME=old\n{ENTRY}", ON, False),
    ],
)
def test_whether_an_instance_has_a_disk_that_it_lets_in(
    listed: str, configuration: str, *, keeps_out: bool
) -> None:
    found = keeps_out_others(guest_tree({DEVICES_FILE: listed, "/etc/lvm/lvm.conf": configuration}))
    assert (found is not None) is keeps_out
