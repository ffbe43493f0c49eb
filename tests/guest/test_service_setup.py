"""What keeps systemd from starting a service, on a guest in memory; an integration test asks systemd."""

import pytest
from support.condition_rows import CONDITIONS, conditional
from support.guest_tree import EMPTY_DIRECTORY, Content, File, Link, guest_tree
from support.service_rows import (
    PAIRS,
    REFUSED_ROWS,
    ROWS,
    WRITES,
    pair,
    service,
)
from support.static_program import STATIC_PROGRAM
from support.unit_forms import FORMS
from support.units import SYSTEM

from imgtool.guest.boot_services import BootServices
from imgtool.guest.exec_command import commands_of
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.service_paths import ServicePaths
from imgtool.guest.service_setup import setup_failures

UNIT = "/etc/systemd/system/x.service"
TREE: dict[str, Content] = {
    **SYSTEM,
    "/bin": Link("usr/bin"),
    "/usr/bin/cat": STATIC_PROGRAM,
    "/usr/bin/true": STATIC_PROGRAM,
    "/usr/bin/false": "\x7fELF",
    "/usr/bin/sleep": "\x7fELF",
    **{f"/usr/bin/{name}": "\x7fELF" for name in ("test", "[", "sh", "env", "nice", "cp", "rm", "chmod")},
    "/usr/lib/systemd/libsystemd-shared-252.so": "",
    "/usr/lib/x.so": File("\x7fELF"),
    "/etc/hostname": File("guest\n"),
    "/etc/passwd": File("root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nnobody:x:65534:65534::/none:\n"),
    "/etc/group": File("root:x:0:\ndaemon:x:1:\n"),
    "/home": EMPTY_DIRECTORY,
    "/root": EMPTY_DIRECTORY,
    "/var/lib": EMPTY_DIRECTORY,
    "/run": EMPTY_DIRECTORY,
    "/var/run": Link("/run"),
}


def failures(text: str, more: dict[str, Content] | None = None) -> list[str]:
    boot = BootServices(guest_tree({**TREE, UNIT: text, **(more or {})}), parse_command_line(""))
    unit = boot.unit("x.service")
    assert unit.state == "loaded"
    return list(setup_failures(ServicePaths(boot.tree, unit), commands_of(boot.tree, unit.settings)[0]))


@pytest.mark.parametrize("row", ROWS)
def test_it_is_as_systemd_says(row: str) -> None:
    found = failures(service(row))
    assert (not found) == ROWS[row], found


@pytest.mark.parametrize("row", CONDITIONS)
def test_conditions(row: str) -> None:
    files = {
        **TREE,
        UNIT: f"[Unit]\n{conditional(row)}",
        "/etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "/etc/systemd/system/multi-user.target.wants/x.service": Link("../x.service"),
    }
    start = BootServices(guest_tree(files), parse_command_line(""), "x86_64", "6.1.0-13-amd64").start(
        "x.service"
    )
    assert start.starts == CONDITIONS[row], start.reason


@pytest.mark.parametrize("name", FORMS)
def test_ways_to_write_a_unit(name: str) -> None:
    content, says = FORMS[name]
    boot = BootServices(guest_tree({**TREE, UNIT: File(content)}), parse_command_line(""))
    unit = boot.unit("x.service")
    state = {"error": "bad", "bad-setting": "bad", "masked": "masked"}.get(says, "loaded")
    has_command = bool(commands_of(boot.tree, unit.settings))
    assert unit.state == state or (says == "bad-setting" and not has_command)
    if state == "loaded":
        command = commands_of(boot.tree, unit.settings)[0]
        assert bool(list(setup_failures(ServicePaths(boot.tree, unit), command))) == (says == "fails")


@pytest.mark.parametrize("row", REFUSED_ROWS)
def test_a_unit_that_is_refused(row: str) -> None:
    boot = BootServices(guest_tree({**TREE, UNIT: service(row)}), parse_command_line(""))
    assert boot.unit("x.service").state == "bad"


def test_no_program_starts_in_so_little_memory() -> None:
    assert failures(service("MemoryMax=100K"))


@pytest.mark.parametrize(
    ("row", "more"),
    [
        ("ReadWritePaths=/run/made-by-another", {}),
        ("ReadWritePaths=/var/run/made-by-another", {}),
        ("BindPaths=/tmp/x", {}),
        ("ReadWritePaths=/srv/x", {"/usr/lib/tmpfiles.d/x.conf": File("d /srv/x 0755 root root -\n")}),
        ("User=agent", {"/usr/lib/sysusers.d/x.conf": File('u agent - "an agent" /\n')}),
        ("ExecStartPre=/run/made-by-another", {}),
    ],
)
def test_what_a_boot_makes_is_not_missed(row: str, more: dict[str, Content]) -> None:
    assert not failures(service(row), more)


@pytest.mark.parametrize(("settings", "path"), WRITES)
def test_what_it_may_write(settings: str, path: str) -> None:
    unit = service(f"{settings}|ExecStart=/bin/cat")
    boot = BootServices(guest_tree({**TREE, UNIT: unit}), parse_command_line(""))
    assert ServicePaths(boot.tree, boot.unit("x.service")).read_only(path) == WRITES[settings, path]


@pytest.mark.parametrize(("it", "other"), PAIRS)
def test_what_it_requires_and_waits_for(it: str, other: str) -> None:
    units = {
        f"/etc/systemd/system/{name}.service": f"[Unit]\nDefaultDependencies=no\n{text}"
        for name, text in pair(it, other, 1).items()
    }
    wanted = {"/etc/systemd/system/multi-user.target.wants/it1.service": Link("../it1.service")}
    boot = BootServices(guest_tree({**TREE, **units, **wanted}), parse_command_line(""))
    assert boot.start("it1.service").starts == PAIRS[it, other], boot.start("it1.service").reason
