"""The compiled database of s6-rc: which services are in a bundle."""

import pytest
from support.layouts import cdb

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.init_system import read_resolve

SERVICES = {"sshd-srv": [0], "qemu-ga-srv": [1], "default": [0, 1], "empty": []}


def test_services_and_bundles() -> None:
    assert read_resolve(cdb(SERVICES)) == {name: frozenset(numbers) for name, numbers in SERVICES.items()}


@pytest.mark.parametrize(
    "content",
    [b"", b"made up", bytes(2048), cdb(SERVICES)[:2060], cdb(SERVICES)[:2048] + b"\xff" * 80],
    ids=["empty", "short", "zeros", "cut off", "impossible lengths"],
)
def test_a_damaged_database_is_an_error(content: bytes) -> None:
    with pytest.raises(GuestReadError, match="resolve"):
        read_resolve(content)
