import pytest
from support.guest_tree import Unreadable, guest_tree
from support.pacman import make_database

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import Package, installed_package
from imgtool.guest.tree import GuestTree

LOCAL = "/var/lib/pacman/local"
INSTALLED = {"qemu-guest-agent": "9.1.0-2", "cloud-init-extra": "1:24.1-1", "linux": "6.9.1.arch1-1"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> GuestTree:
    """What pacman wrote."""
    local = make_database(INSTALLED, tmp_path_factory.mktemp("pacman"))
    files = {f"{LOCAL}/{path.relative_to(local)}": path for path in local.rglob("*") if path.is_file()}
    return guest_tree(files)


@pytest.mark.parametrize("name", INSTALLED)
def test_an_installed_package_and_its_version(tree: GuestTree, name: str) -> None:
    version = INSTALLED[name]
    assert installed_package(tree, name) == Package(name, version, f"{LOCAL}/{name}-{version}/desc")


def test_any_of_several_names(tree: GuestTree) -> None:
    found = installed_package(tree, "qemu-ga", "qemu-guest-agent")
    assert found is not None
    assert found.name == "qemu-guest-agent"


@pytest.mark.parametrize("name", ["cloud-init", "qemu", "ALPM_DB_VERSION", ""])
def test_a_package_that_is_not_there(tree: GuestTree, name: str) -> None:
    assert installed_package(tree, name) is None


def test_the_name_of_a_directory_alone_installs_nothing() -> None:
    files = {f"{LOCAL}/y-1-1/files": "", f"{LOCAL}/z-1-1/desc": "%NAME%\nother\n\n%VERSION%\n1-1\n"}
    for name in ("y", "z"):
        assert installed_package(guest_tree(files), name) is None


def test_a_record_that_cannot_be_read_is_unknown() -> None:
    tree = guest_tree({f"{LOCAL}/cloud-init-1-1/desc": Unreadable()})
    with pytest.raises(GuestReadError):
        installed_package(tree, "cloud-init")
