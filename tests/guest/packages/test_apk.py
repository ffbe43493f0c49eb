import time

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import Package, installed_package

INSTALLED = "/lib/apk/db/installed"
DATABASE = """C:Q1pSfG3pKD6OIL2kNHH5qqcIcf1ls=
P:musl
V:1.2.5-r0
A:x86_64
T:the musl c library (libc) implementation
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1v8OBuEMmEmhCRnBOLgqiMdBhm2s=

C:Q1x
P:qemu-guest-agent
V:9.0.1-r0
A:x86_64
p:cmd:qemu-ga=9.0.1-r0
F:usr
F:usr/bin
R:qemu-ga

C:Q1y
P:cloud-init-doc
V:24.1-r2
"""
"""As apk-tools 2.14 writes it: src/database.c, apk_db_write_fdb."""


@pytest.mark.parametrize("path", [INSTALLED, "/usr/lib/apk/db/installed"])
def test_an_installed_package_and_its_version(path: str) -> None:
    found = installed_package(guest_tree({path: DATABASE}), "qemu-guest-agent")
    assert found == Package("qemu-guest-agent", "9.0.1-r0", path)


@pytest.mark.parametrize("name", ["cloud-init", "qemu", "cmd:qemu-ga", ""])
def test_a_package_that_is_not_there(name: str) -> None:
    assert installed_package(guest_tree({INSTALLED: DATABASE}), name) is None


def test_a_version_of_another_record_is_not_taken() -> None:
    broken = "P:cloud-init\n\nP:musl\nV:1\n"
    assert installed_package(guest_tree({INSTALLED: broken}), "cloud-init") is None


def test_a_version_that_is_none_is_unknown() -> None:
    with pytest.raises(GuestReadError, match="a name or version of 5000 bytes"):
        installed_package(guest_tree({INSTALLED: f"P:x\nV:{'1' * 5000}\n"}), "x")


def test_a_database_made_to_take_long_does_not() -> None:
    tree = guest_tree({INSTALLED: "P:x\n" * 1_000_000})
    began = time.process_time()
    assert installed_package(tree, "x") is None
    assert time.process_time() - began < 2
