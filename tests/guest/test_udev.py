"""What udev's rules make of the agent's port."""

import pytest
from support.guest_tree import Content, Link, guest_tree

from imgtool.guest.udev import port_event

D = "/usr/lib/udev/rules.d"
MATCH = 'SUBSYSTEM=="virtio-ports", ATTR{name}=="org.qemu.guest_agent.0", '
WANTS = MATCH + 'ENV{SYSTEMD_WANTS}="a.service"\n'


def units(files: dict[str, Content]) -> tuple[str, ...]:
    return port_event(guest_tree(files)).units


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (WANTS, ("a.service",)),
        (WANTS.replace("==", " == "), ("a.service",)),
        (WANTS.replace(", ", " "), ("a.service",)),
        (WANTS.replace('"org.qemu.guest_agent.0"', '"org.qemu.*|x"'), ("a.service",)),
        (WANTS.replace('"org.qemu.guest_agent.0"', '"com.redhat.*"'), ()),
        (WANTS.replace("ATTR{name}==", "ATTR{name}!="), ()),
        (WANTS.replace("ATTR{name}", "ATTRS{name}"), ("a.service",)),
        (WANTS.replace("SUBSYSTEM", "SUBSYSTEMS"), ("a.service",)),
        ('SUBSYSTEMS=="virtio", ' + WANTS, ("a.service",)),
        ('DRIVERS=="virtio-pci", ' + WANTS, ("a.service",)),
        ('SUBSYSTEM=="block", ' + WANTS, ()),
        ('ACTION=="add|change", ' + WANTS, ("a.service",)),
        ('ACTION!="add", ' + WANTS, ()),
        ('ATTR{size}=="1", ' + WANTS, ()),
        ('ENV{ID_X}=="1", ' + WANTS, ()),
        ('ENV{ID_X}!="1", ' + WANTS, ("a.service",)),
        ('TEST=="/usr/sbin/qemu-ga", ' + WANTS, ()),
        ('TEST=="/run/x", ' + WANTS, ("a.service",)),
        (WANTS + MATCH + 'ENV{SYSTEMD_WANTS}+="b.service"\n', ("a.service", "b.service")),
        (WANTS + MATCH + 'ENV{SYSTEMD_WANTS}="b.service"\n', ("b.service",)),
        (WANTS + MATCH + 'TAG-="systemd"\n', ("a.service",)),
        (MATCH + 'ENV{X}="a"\n' + MATCH + 'ENV{SYSTEMD_WANTS}="$env{X}@$attr{name}.service"\n',
         ("a@org.qemu.guest_agent.0.service",)),
        ("# " + WANTS, ()),
        (WANTS.replace(", ENV", ", \\\n ENV"), ("a.service",)),
        (WANTS.replace('"a.service"', "a.service"), ()),
        ('GOTO="end"\n' + WANTS + 'LABEL="end"\n', ()),
        (WANTS.rstrip() + ', GOTO="end"\n' + MATCH + 'ENV{SYSTEMD_WANTS}=""\nLABEL="end"\n', ("a.service",)),
    ],
)  # fmt: skip
def test_what_it_wants(rule: str, wanted: tuple[str, ...]) -> None:
    assert units({f"{D}/60-a.rules": rule}) == wanted


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({f"{D}/60-a.rules": WANTS, "/etc/udev/rules.d/60-a.rules": ""}, ()),
        ({f"{D}/60-a.rules": WANTS, "/etc/udev/rules.d/60-a.rules": Link("/dev/null")}, ()),
        ({f"{D}/60-a.rules": WANTS, "/etc/udev/rules.d/60-b.rules": ""}, ("a.service",)),
        ({f"{D}/60-a.rules": "", "/etc/udev/rules.d/60-a.rules": WANTS}, ("a.service",)),
        ({f"{D}/60-a.rules": WANTS, "/run/udev/rules.d/60-a.rules": "#\n"}, ()),
        ({f"{D}/60-a.conf": WANTS}, ()),
        ({f"{D}/60-a.rules": WANTS, f"{D}/70-b.rules": MATCH + 'ENV{SYSTEMD_WANTS}=""\n'}, ()),
        ({f"{D}/60-a.rules": WANTS, f"{D}/50-b.rules": MATCH + 'ENV{SYSTEMD_WANTS}=""\n'}, ("a.service",)),
        ({f"{D}/60-a.rules": WANTS, f"{D}/99-systemd.rules": 'KERNEL=="vport*", TAG+="systemd"\n'},
         ("a.service",)),
        ({f"{D}/60-a.rules": WANTS, f"{D}/99-systemd.rules": "# nothing\n"}, ()),
    ],
)  # fmt: skip
def test_which_files_count(files: dict[str, Content], wanted: tuple[str, ...]) -> None:
    assert units(files) == wanted


def test_what_hides_the_vendor_s_rule_is_named() -> None:
    own = "/etc/udev/rules.d/60-a.rules"
    assert port_event(guest_tree({f"{D}/60-a.rules": WANTS, own: "#\n"})).overridden == (own,)
