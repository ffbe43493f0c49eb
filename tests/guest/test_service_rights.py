"""What a unit leaves to its service of the kernel's rights."""

import pytest
from support.guest_tree import guest_tree
from support.service_rows import LINKS
from support.units import SYSTEM

from imgtool.guest.service_rights import without_network
from imgtool.guest.systemd.files import UnitFiles


@pytest.mark.parametrize(("row", "has_network"), LINKS.items())
def test_the_network_takes_what_a_unit_may_take_away(row: str, *, has_network: bool) -> None:
    settings = row.replace("|", "\n")
    path = "/etc/systemd/system/n.service"
    files = {**SYSTEM, path: f"[Service]\nExecStart=/usr/bin/true\n{settings}\n"}
    unit = UnitFiles(guest_tree(files)).unit("n.service")
    assert (without_network(unit) == "") is has_network
