import time

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.packages import Package, installed_package
from imgtool.guest.packages.dpkg import STATUS as DPKG_STATUS

STATUS = """Package: qemu-guest-agent
Status: install ok installed
Priority: optional
Conffiles:
 /etc/default/x 0123
Version: 1:7.2+dfsg-7+deb12u7
Description: text
 Version: 9

Package: cloud-init
Status: deinstall ok config-files
Version: 22.4.2-1

Package: qemu-guest-agent-extra
Status: install ok installed
Version: 5

Package: twice
Architecture: i386
Status: deinstall ok config-files
Version: 1

Package: twice
Architecture: amd64
Status: install ok installed
Version: 2
"""


def find(name: str) -> Package | None:
    return installed_package(guest_tree({DPKG_STATUS: STATUS}), name)


def test_an_installed_package_and_its_version():
    assert find("qemu-guest-agent") == Package("qemu-guest-agent", "1:7.2+dfsg-7+deb12u7", DPKG_STATUS)


@pytest.mark.parametrize("name", ["cloud-init", "qemu-guest", "nothing", "qemu.guest-agent"])
def test_a_removed_or_unknown_package_is_not_installed(name):
    assert find(name) is None


def test_a_package_of_two_architectures_is_installed_where_one_is():
    assert find("twice").version == "2"


def test_a_status_file_made_to_take_long_does_not():
    tree = guest_tree({DPKG_STATUS: "Package: x\n" * 500_000})
    began = time.process_time()
    assert installed_package(tree, "x") is None
    assert time.process_time() - began < 2
