"""RPCs that fail for what the agent's service may not do."""

import pytest
from support.guest_tree import guest_tree
from support.service_rows import FREEZES
from support.units import SYSTEM

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Known

NAME = "qemu-guest-agent.service"
FREEZING = ("guest-fsfreeze-freeze", "guest-fsfreeze-thaw")


def failing_with(settings: str) -> Known[tuple[str, ...]]:
    """What fails of a service with these settings."""
    files = {
        **SYSTEM,
        "/usr/sbin/qemu-ga": "\x7fELF",
        "/etc/shadow": "root:*:1::::::\n",
        f"/usr/lib/systemd/system/{NAME}": "[Service]\nExecStart=/usr/sbin/qemu-ga\n",
        f"/etc/systemd/system/{NAME}.d/x.conf": f"[Service]\n{settings}\n",
    }
    found = read_agent(BootServices(guest_tree(files), parse_command_line("")), Known((), "")).failing_rpcs
    assert isinstance(found, Known)
    return found


@pytest.mark.parametrize(("row", "freezes"), FREEZES.items())
def test_freezing_takes_what_the_unit_may_take_away(row: str, *, freezes: bool) -> None:
    failing = failing_with(row.replace("|", "\n"))
    assert tuple(name for name in failing.value if name in FREEZING) == (() if freezes else FREEZING)
    if not freezes:
        assert any(word in failing.evidence for word in ("CAP_SYS_ADMIN", "ioctl"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("ProtectSystem=full", "ProtectSystem=full"),
        ("ReadOnlyPaths=/etc", "ReadOnlyPaths=/etc"),
        ("ProtectSystem=strict\nReadWritePaths=/etc", ""),
        ("ProtectSystem=yes", ""),
    ],
)
def test_a_password_takes_an_etc_that_can_be_written(settings: str, said: str) -> None:
    failing = failing_with(settings)
    assert failing.value == (("guest-set-user-password",) if said else ())
    assert said in failing.evidence


def test_a_privileged_command_has_all_of_it() -> None:
    assert failing_with("PrivateUsers=yes\nExecStart=\nExecStart=+/usr/sbin/qemu-ga").value == ()
