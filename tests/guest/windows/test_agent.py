"""qemu-guest-agent on Windows: installed, enabled, its channel, its version, what it refuses."""

import pytest
from support.facts import windows_driver
from support.windows import SERVICES, guest, hives, service

from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.agent import PROGRAM, VSS_SERVICE, read_agent
from imgtool.model.facts import Known, Unknown
from imgtool.model.services import AgentFacts
from imgtool.model.windows import WindowsDriver

KEY = f"{SERVICES}\\QEMU-GA"
COMMAND = '"C:\\Program Files\\Qemu-ga\\qemu-ga.exe" -d --retry-path'
UNINSTALL = "Microsoft\\Windows\\CurrentVersion\\Uninstall"
SERIAL = windows_driver("VirtioSerial")
FILES = {PROGRAM: b"MZ"}


def read(tree: GuestTree, *drivers: WindowsDriver) -> AgentFacts:
    return read_agent(tree, hives(tree), Known(drivers, ""))


def test_an_agent_that_will_run() -> None:
    tree = guest({KEY: service(COMMAND, 2), f"{SERVICES}\\{VSS_SERVICE}": {}}, software={}, files=FILES)
    found = read(tree, SERIAL)
    assert found.installed == Known(value=True, evidence=PROGRAM)
    assert isinstance(found.enabled, Known)
    assert found.enabled.value
    assert "Start=2 (automatic)" in found.enabled.evidence
    assert VSS_SERVICE in found.enabled.evidence
    assert found.channel == Known(value=True, evidence=SERIAL.file or "")
    assert found.filtered_rpcs == Known((), "no configuration filters any")


@pytest.mark.parametrize(("start", "word"), [(3, "on demand"), (4, "disabled"), (9, "not defined")])
def test_a_service_that_does_not_start_by_itself(start: int, word: str) -> None:
    found = read(guest({KEY: service(COMMAND, start)}, files=FILES))
    assert isinstance(found.enabled, Known)
    assert not found.enabled.value
    assert isinstance(found.enabled_by, Known)
    assert found.enabled_by.value == f"service QEMU-GA, Start={start} ({word})"


def test_no_agent_at_all() -> None:
    found = read(guest({SERVICES: {}}))
    assert isinstance(found.installed, Known)
    assert not found.installed.value
    assert isinstance(found.enabled, Known)
    assert not found.enabled.value


def test_a_service_whose_program_is_elsewhere() -> None:
    tree = guest({KEY: service('"D:\\tools\\qemu-ga.exe" -d', 2)}, files={"/tools/qemu-ga.exe": b"MZ"})
    assert read(tree).installed == Known(value=True, evidence="/tools/qemu-ga.exe")


def test_a_service_whose_program_is_gone() -> None:
    found = read(guest({KEY: service(COMMAND, 2)})).installed
    assert found == Known(value=False, evidence=f"{PROGRAM} is not there; its service is there")


@pytest.mark.parametrize(
    "option", ["--block-rpcs=guest-exec,guest-fsfreeze-freeze", "-b guest-exec,guest-fsfreeze-freeze"]
)
def test_what_its_command_line_forbids(option: str) -> None:
    found = read(guest({KEY: service(f"{COMMAND} {option}", 2)}, files=FILES)).filtered_rpcs
    assert isinstance(found, Known)
    assert found.value == ("guest-exec", "guest-fsfreeze-freeze")
    assert found.evidence == "SYSTEM\\ControlSet001\\Services\\QEMU-GA: ImagePath"


def test_the_version_is_that_of_the_installed_product() -> None:
    software = {
        f"{UNINSTALL}\\{{1}}": {"DisplayName": "Something else", "DisplayVersion": "1"},
        f"{UNINSTALL}\\{{2}}": {"DisplayName": "QEMU Guest Agent", "DisplayVersion": "105.0.2"},
    }
    found = read(guest({SERVICES: {}}, software=software)).version
    assert isinstance(found, Known)
    assert found.value == "105.0.2"


def test_without_software_the_version_alone_is_unknown() -> None:
    found = read(guest({KEY: service(COMMAND, 2)}, files=FILES))
    assert isinstance(found.version, Unknown)
    assert isinstance(found.installed, Known)


@pytest.mark.parametrize(
    ("drivers", "there"),
    [
        ((), False),
        ((windows_driver("VirtioSerial", file=None),), False),
        ((windows_driver("VirtioSerial", start=4),), False),
        ((windows_driver("VirtioSerial", start=None),), True),
        ((windows_driver("VirtioSerial", start=None, device_ids=()),), False),
    ],
)
def test_the_channel_needs_its_driver(drivers: tuple[WindowsDriver, ...], there: bool) -> None:
    found = read(guest({SERVICES: {}}), *drivers).channel
    assert isinstance(found, Known)
    assert found.value is there


def test_a_damaged_registry_makes_all_of_it_unknown() -> None:
    tree = guest(b"regf" + bytes(9000))
    found = read_agent(tree, hives(tree), Unknown("SYSTEM is damaged"))
    facts = (found.installed, found.enabled, found.enabled_by, found.channel, found.filtered_rpcs)
    assert all(isinstance(fact, Unknown) for fact in facts)
