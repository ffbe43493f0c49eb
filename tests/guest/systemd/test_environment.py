"""ConditionEnvironment= of cloud-init-main.service in Debian 13, and its like."""

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.systemd import Machine
from imgtool.guest.systemd.machine_conditions import _environment

OFF = "KERNEL_CMDLINE=cloud-init=disabled"


@pytest.mark.parametrize(
    ("argument", "line", "holds"),
    [
        (OFF, "ro quiet", False),
        (OFF, f"ro {OFF}", True),
        (OFF, "ro KERNEL_CMDLINE=other", False),
        ("KERNEL_CMDLINE", "KERNEL_CMDLINE=other", True),
        ("PATH", "ro", None),
        ("LC_ALL=C", "ro", None),
    ],
)
def test_a_variable_comes_from_the_command_line(argument: str, line: str, holds: bool | None) -> None:
    assert _environment(guest_tree({}), argument, Machine(parse_command_line(line))) is holds
