import pytest
from support.guest_tree import Unreadable, guest_tree

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import Package, installed_package

LOCAL = "/var/lib/pacman/local"
DESC = "%NAME%\nqemu-guest-agent\n\n%VERSION%\n9.1.0-2\n\n%DESC%\n%NAME%\nno\n\n%ARCH%\nx86_64\n"
FILES = {
    f"{LOCAL}/ALPM_DB_VERSION": "9\n",
    f"{LOCAL}/qemu-guest-agent-9.1.0-2/desc": DESC,
    f"{LOCAL}/qemu-guest-agent-9.1.0-2/files": "%FILES%\nusr/\n",
    f"{LOCAL}/cloud-init-extra-1-1/desc": "%NAME%\ncloud-init-extra\n\n%VERSION%\n1-1\n",
    f"{LOCAL}/lost-1-1/files": "",
}
"""As pacman writes it: libalpm, be_local.c, _alpm_local_db_write."""


def find(*names: str) -> Package | None:
    return installed_package(guest_tree(FILES), *names)


def test_an_installed_package_and_its_version() -> None:
    assert find("qemu-ga", "qemu-guest-agent") == Package(
        "qemu-guest-agent", "9.1.0-2", f"{LOCAL}/qemu-guest-agent-9.1.0-2/desc"
    )


@pytest.mark.parametrize("name", ["cloud-init", "qemu", "ALPM_DB_VERSION", "lost"])
def test_a_package_that_is_not_there(name: str) -> None:
    assert find(name) is None


def test_a_record_that_cannot_be_read_is_unknown() -> None:
    tree = guest_tree({f"{LOCAL}/cloud-init-1-1/desc": Unreadable()})
    with pytest.raises(GuestReadError):
        installed_package(tree, "cloud-init")
