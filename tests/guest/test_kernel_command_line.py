"""The kernel's command line, by the rules of each program that reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.guest.kernel_command_line import MAX_CHARACTERS, Option, UnitChoice, parse_command_line


@pytest.mark.parametrize(
    ("text", "kernel"),
    [
        ("a=1 b", [("a", "1"), ("b", None)]),
        ('a="x y" b', [("a", "x y"), ("b", None)]),
        ('"a=x y" b', [("a", "x y"), ("b", None)]),
        ('"a b"', [("a b", None)]),
        ('a=x"y z"', [("a", 'x"y z"')]),
        ("a='x y'", [("a", "'x"), ("y'", None)]),
        ("a=b=c", [("a", "b=c")]),
        ("a=", [("a", "")]),
        ('a="x y', [("a", "x y")]),
        ("a -- b", [("a", None)]),
        ("a --b c", [("a", None), ("--b", None), ("c", None)]),
        ('a="--" -- x', [("a", "--")]),
        ("\ta\n b\v", [("a", None), ("b", None)]),
        ("", []),
    ],
)
def test_words_as_the_kernel_splits_them(text: str, kernel: list[tuple[str, str | None]]) -> None:
    assert parse_command_line(text).kernel == tuple(Option(*pair) for pair in kernel)


@pytest.mark.parametrize(
    ("text", "systemd"),
    [
        ("a='x y' b", ["a=x y", "b"]),
        ('a=x"y z"', ["a=xy z"]),
        ("a='it is \"so\"'", ['a=it is "so"']),
        ("a -- b", ["a", "--", "b"]),
        ("a='open", ["a=open"]),
        ('""', [""]),
    ],
)
def test_words_as_systemd_splits_them(text: str, systemd: list[str]) -> None:
    assert [str(one) for one in parse_command_line(text).systemd] == systemd


def test_what_is_behind_two_dashes_is_no_parameter_of_the_kernel() -> None:
    line = parse_command_line("root=/dev/vda1 -- init=/bin/sh module_blacklist=virtio_net single")
    assert (line.init, line.module_blacklist) == (None, frozenset())
    assert line.default_unit == UnitChoice("rescue.target", "single")
    assert line.root == "/dev/vda1"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("ro quiet", None),
        ("systemd.unit=rescue.target", "rescue.target"),
        ("systemd.unit=multi-user.target", "multi-user.target"),
        ("systemd.unit='rescue.target'", "rescue.target"),
        ("single", "rescue.target"),
        ("s", "rescue.target"),
        ("S", "rescue.target"),
        ("-s", "rescue.target"),
        ("1", "rescue.target"),
        ("rescue", "rescue.target"),
        ("emergency", "emergency.target"),
        ("-b", "emergency.target"),
        ("3", "multi-user.target"),
        ("5", "graphical.target"),
        ("single systemd.unit=multi-user.target", "multi-user.target"),
        ("systemd.unit=multi-user.target single", "rescue.target"),
        ("systemd.unit=nonsense", None),
        ("systemd.unit=", None),
        ("systemd.unit", None),
        ("rd.systemd.unit=rescue.target", None),
        ("rd.rescue", None),
        ("single=1", None),
        ("SINGLE", None),
        ("0", None),
        ("6", None),
    ],
)
def test_the_unit_that_systemd_starts(text: str, unit: str | None) -> None:
    chosen = parse_command_line(text).default_unit
    assert (chosen and chosen.unit) == unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("rd.systemd.unit=emergency.target", "emergency.target"),
        ("rd.emergency", "emergency.target"),
        ("rd.rescue", "rescue.target"),
        ("rd.single", None),
        ("systemd.unit=rescue.target single rescue", None),
    ],
)
def test_the_unit_of_the_initramfs(text: str, unit: str | None) -> None:
    chosen = parse_command_line(text).initramfs_unit
    assert (chosen and chosen.unit) == unit


def test_masks_and_wants_add_up() -> None:
    line = parse_command_line(
        "systemd.mask=qemu-guest-agent.service systemd.mask=cloud-init.target systemd.mask=sshd "
        "systemd.wants=x.target rd.systemd.mask=a.service"
    )
    assert line.masked_units == ("qemu-guest-agent.service", "cloud-init.target", "sshd.service")
    assert line.wanted_units == ("x.target",)


@pytest.mark.parametrize(
    ("text", "machine_id"),
    [
        ("systemd.machine_id=0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"),
        ("systemd.machine-id=01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"),
        ("systemd.machine_id=firmware", None),
        ("systemd.machine_id=", None),
        ("", None),
    ],
)
def test_the_machine_id_of_every_instance(text: str, machine_id: str | None) -> None:
    assert parse_command_line(text).machine_id == machine_id


def test_blacklists() -> None:
    line = parse_command_line(
        "modprobe.blacklist=virtio-blk,nouveau modprobe.blacklist=virtio_scsi "
        "module_blacklist=gone module-blacklist=virtio_pci,virtio-net "
        "rd.driver.blacklist=ahci rdblacklist=sd-mod rd.driver.pre=virtio_blk,xfs blacklist=a blacklist=b-c "
        "initcall_blacklist=virtio_net_driver_init modules_load=dm-mod"
    )
    assert line.modprobe_blacklist == {"virtio-blk", "nouveau", "virtio_scsi"}
    assert line.module_blacklist == {"virtio_pci", "virtio-net"}
    assert line.initramfs_blacklist == {"ahci", "sd_mod"}
    assert line.initramfs_tools_blacklist == {"b_c"}
    assert line.loaded_first == {"virtio_blk", "xfs"}
    assert line.blacklisted_calls == {"virtio_net_driver_init"}
    assert line.loaded_by_systemd == {"dm_mod"}


@pytest.mark.parametrize(
    ("text", "root", "kind", "flags", "read_only"),
    [
        ("root=LABEL=x ro", "LABEL=x", None, (), True),
        ("root=/dev/sda1 root=UUID=y rw", "UUID=y", None, (), False),
        ('root="LABEL=a b" rootfstype=xfs', "LABEL=a b", "xfs", (), True),
        ("root= rootfstype=auto rootflags=subvol=@,discard rw ro", None, None, ("subvol=@", "discard"), True),
        ("quiet", None, None, (), True),
    ],
)
def test_the_root(
    text: str, root: str | None, kind: str | None, flags: tuple[str, ...], *, read_only: bool
) -> None:
    line = parse_command_line(text)
    assert (line.root, line.root_type, line.root_flags, line.read_only) == (root, kind, flags, read_only)


@pytest.mark.parametrize(
    ("text", "selinux", "enforcing"),
    [
        ("", None, None),
        ("selinux=0", False, None),
        ("selinux=1 enforcing=0", True, False),
        ("enforcing=1", None, True),
        ("security=apparmor", False, None),
        ("lsm=lockdown,yama,bpf", False, None),
        ("lsm=lockdown,selinux security=apparmor", None, None),
    ],
)
def test_selinux(text: str, *, selinux: bool | None, enforcing: bool | None) -> None:
    line = parse_command_line(text)
    assert (line.selinux, line.enforcing) == (selinux, enforcing)


def test_values_by_name() -> None:
    line = parse_command_line(
        'rd.lvm.lv=vg/a rd.lvm.lv=vg/b rd.md=0 rd.lvm rd.luks=no ds="nocloud;x y" init="/x"'
    )
    assert line.values("rd.lvm.lv") == ("vg/a", "vg/b")
    assert [line.switch(name, default=True) for name in ("rd.md", "rd.lvm", "rd.luks", "rd.dm")] == [
        False,
        True,
        False,
        True,
    ]
    assert line.plain_value("ds") == '"nocloud;x'
    assert line.value("ds") == "nocloud;x y"
    assert line.init == "/x"
    assert line.has("rd.lvm")
    assert not line.has("rd.md")


def test_a_long_line_is_cut() -> None:
    line = parse_command_line("x" * MAX_CHARACTERS + " init=/bin/sh")
    assert line.init is None


@given(st.text(max_size=300))
def test_any_text_is_taken_apart(text: str) -> None:
    line = parse_command_line(text)
    assert all(one.key or one.value is not None for one in line.kernel)
    assert (line.default_unit is None) or line.default_unit.unit
