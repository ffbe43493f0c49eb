import platform
import struct
from pathlib import Path

import pytest
from support.guest_tree import Link, Unreadable, guest_tree

from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.system import (
    read_architecture,
    read_distribution,
    read_machine_id,
    read_ssh_host_keys,
    read_version,
)
from imgtool.model.facts import Known, Unknown


def elf(machine: int, bits: int = 2, order: str = "<") -> bytes:
    return (
        b"\x7fELF"
        + bytes([bits, 1 if order == "<" else 2, 1])
        + bytes(9)
        + struct.pack(order + "HH", 3, machine)
    )


@pytest.mark.parametrize(
    ("text", "distribution", "version"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "debian", "12"),
        ("ID='rhel'\nVERSION_ID=\"9.4\" # comment\n", "rhel", "9.4"),
        ('ID="opensuse-leap"\nVERSION_ID="15.6"', "opensuse-leap", "15.6"),
        ("ID=arch\nBUILD_ID=rolling\n", "arch", None),
        ('#ID=no\nID="unbalanced\n', "unbalanced", None),
        ("NAME=x\n", "linux", None),
    ],
)
def test_os_release(text, distribution, version):
    tree = guest_tree({"/etc/os-release": text})
    assert read_distribution(tree).value == distribution
    assert read_version(tree).value == version
    assert read_distribution(tree).evidence.startswith("/etc/os-release: ")


def test_os_release_in_etc_comes_before_the_one_in_usr():
    files = {"/usr/lib/os-release": "ID=fedora\nVERSION_ID=40"}
    assert read_version(guest_tree(files)) == Known("40", "/usr/lib/os-release: VERSION_ID=40")
    linked = files | {"/etc/os-release": Link("../usr/lib/os-release")}
    assert read_distribution(guest_tree(linked)).value == "fedora"
    assert read_distribution(guest_tree(files | {"/etc/os-release": "ID=alma"})).value == "alma"


def test_without_os_release_the_distribution_is_unknown():
    with pytest.raises(GuestReadError, match="neither /etc/os-release nor"):
        read_distribution(guest_tree({}))


def test_terminal_escapes_in_os_release_are_made_harmless():
    assert read_distribution(guest_tree({"/etc/os-release": "ID=\x1b[31mred"})).value == "\\x1b[31mred"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (elf(62), "x86_64"),
        (elf(183), "aarch64"),
        (elf(3, 1), "i686"),
        (elf(40, 1), "armv7l"),
        (elf(21), "ppc64le"),
        (elf(21, order=">"), "ppc64"),
        (elf(22, order=">"), "s390x"),
        (elf(243), "riscv64"),
    ],
)
def test_architecture_through_links_of_the_guest(header, name):
    files = {"/bin": Link("usr/bin"), "/usr/bin/sh": Link("/bin/dash"), "/usr/bin/dash": header}
    assert read_architecture(guest_tree(files)) == Known(name, "/bin/sh: ELF header of /usr/bin/dash")


def test_architecture_of_a_real_program():
    header = Path("/bin/sh").read_bytes()[:64]
    assert read_architecture(guest_tree({"/sbin/init": header})).value == platform.machine()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no ELF program"),
        ({"/bin/sh": "#!/bin/busybox"}, "no ELF program"),
        ({"/bin/sh": elf(999)}, "ELF machine 999 of class 2 is not known"),
        ({"/bin/sh": elf(62)[:19]}, "no ELF program"),
    ],
)
def test_architecture_that_cannot_be_told(files, reason):
    with pytest.raises(GuestReadError, match=reason):
        read_architecture(guest_tree(files))


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ({}, "missing"),
        ({"/etc/machine-id": Link("/var/lib/dbus/machine-id")}, "missing"),
        ({"/var/lib/dbus/machine-id": "0123456789abcdef0123456789abcdef"}, "set"),
        ({"/etc/machine-id": "", "/var/lib/dbus/machine-id": "0123456789abcdef0123456789abcdef"}, "set"),
        ({"/etc/machine-id": "", "/var/lib/dbus/machine-id": Link("/etc/machine-id")}, "empty"),
        ({"/etc/machine-id": "uninitialized\n", "/var/lib/dbus/machine-id": ""}, "uninitialized"),
        ({"/etc/machine-id": ""}, "empty"),
        ({"/etc/machine-id": "\n"}, "empty"),
        ({"/etc/machine-id": "uninitialized\n"}, "uninitialized"),
        ({"/etc/machine-id": "0123456789abcdef0123456789abcdef\n"}, "set"),
        ({"/etc/machine-id": "", "/var/lib/dbus/machine-id": "none\n"}, "empty"),
        ({"/etc/machine-id": "0123\n", "/usr/lib/systemd/systemd": "x"}, "empty"),
        ({"/etc/machine-id": f"{'0' * 32}\n", "/usr/lib/systemd/systemd": "x"}, "empty"),
        ({"/etc/machine-id": "0123\n"}, "set"),
    ],
)
def test_machine_id(files, state):
    assert read_machine_id(guest_tree(files)).value == state


def test_an_unreadable_machine_id_is_unknown():
    tree = guest_tree({"/etc/machine-id": Unreadable()})
    assert isinstance(fact_of(lambda: read_machine_id(tree)), Unknown)


def test_private_ssh_host_keys():
    names = ("ssh_host_rsa_key", "ssh_host_rsa_key.pub", "ssh_host_ed25519_key", "moduli")
    files = {f"/etc/ssh/{name}": "x" for name in names} | {"/etc/ssh/ssh_host_dsa_key": ""}
    found = read_ssh_host_keys(guest_tree(files))
    assert found.value == ("/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key")


def test_host_keys_elsewhere():
    files = {
        "/etc/ssh/sshd_config": "HostKey /etc/ssh/ssh_host_rsa_key\nHostKey /var/lib/keys/host\n",
        "/var/lib/keys/host": "x",
        "/etc/dropbear/dropbear_rsa_host_key": "x",
        "/etc/cloud/cloud.cfg.d/x.cfg": "ssh_keys: {rsa_private: x}\n",
    }
    tree = guest_tree(files)
    assert read_ssh_host_keys(tree, cloud_config_fact(tree)).value == (
        "/etc/dropbear/dropbear_rsa_host_key",
        "/var/lib/keys/host",
        "/etc/cloud/cloud.cfg.d/x.cfg: ssh_keys of cloud-init's configuration",
    )


def test_no_ssh_host_keys():
    assert read_ssh_host_keys(guest_tree({"/etc/ssh/sshd_config": ""})).value == ()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("systemd.machine_id=0123456789abcdef0123456789abcdef", "set"),
        ("systemd.machine-id=01234567-89ab-cdef-0123-456789abcdef", "set"),
        ("systemd.machine_id=firmware", "empty"),
        ("systemd.machine_id=0123", "empty"),
    ],
)
def test_a_machine_id_on_the_command_line_is_every_instance_s(word: str, state: str) -> None:
    tree = guest_tree({"/etc/machine-id": ""})
    assert read_machine_id(tree, parse_command_line(word)).value == state
