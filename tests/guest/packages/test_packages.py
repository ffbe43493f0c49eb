"""What is said with the word of all package databases together."""

import pytest
from support.guest_tree import Unreadable, guest_tree

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import installed_package, package_fact, read_program, version_of
from imgtool.model.facts import Known, Unknown

DPKG, APK = "/var/lib/dpkg/status", "/lib/apk/db/installed"
RECORD = {APK: "P:tool\nV:2-r0\n"}


def test_without_a_database_nothing_is_known():
    with pytest.raises(GuestReadError, match="no package database"):
        installed_package(guest_tree({}), "x")


def test_each_database_of_several_is_asked():
    found = installed_package(guest_tree({DPKG: "", **RECORD}), "tool")
    assert found.source == APK


def test_a_database_that_cannot_be_read_hides_none_that_can():
    tree = guest_tree({DPKG: Unreadable(), **RECORD})
    assert installed_package(tree, "tool").version == "2-r0"
    with pytest.raises(GuestReadError, match="bad block"):
        installed_package(tree, "absent")


def test_a_version_and_its_evidence():
    tree = guest_tree(RECORD)
    assert version_of(package_fact(tree, "tool")) == Known("2-r0", f"{APK}: tool 2-r0")
    assert version_of(package_fact(tree, "absent")) == Known(None, "no package absent is installed")
    assert isinstance(version_of(package_fact(guest_tree({}), "tool")), Unknown)


PATHS = ("/usr/sbin/tool", "/usr/bin/tool")
SAID = f"{APK}: tool 2-r0"
NEITHER = f"neither {PATHS[0]} nor {PATHS[1]} is there"


@pytest.mark.parametrize(
    ("files", "there", "evidence"),
    [
        (RECORD | {PATHS[1]: "ELF"}, True, f"/usr/bin/tool ({SAID})"),
        ({DPKG: "", PATHS[0]: "ELF"}, True, "/usr/sbin/tool (no package tool is installed)"),
        ({PATHS[0]: "ELF"}, True, "/usr/sbin/tool (no package database was found)"),
        (RECORD, False, f"{NEITHER}, though its package is installed ({SAID})"),
        (RECORD | {PATHS[0]: ""}, False, f"{NEITHER}, though its package is installed ({SAID})"),
        ({DPKG: ""}, False, f"{NEITHER} (no package tool is installed)"),
        ({}, False, f"{NEITHER} (no package database was found)"),
    ],
    ids=["both", "by hand", "no database", "removed", "emptied", "neither", "nothing"],
)  # fmt: skip
def test_the_program_decides_and_the_database_is_quoted(files, there, evidence):
    tree = guest_tree(files)
    assert read_program(tree, PATHS, package_fact(tree, "tool")) == Known(there, evidence)
