"""Product, version, architecture, hibernation, Cloudbase-Init."""

import struct

import pytest
from support.windows import CONFIG, SELECT, SERVICES, Value, guest, hive, hives, service

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.windows.facts import read_windows
from imgtool.guest.windows.system import (
    CURRENT_VERSION,
    HIBERNATION_FILE,
    KERNEL,
    SETUP_COMPLETE,
    read_architecture,
    read_cloud_init,
    read_hibernated,
    read_product,
    read_version,
)
from imgtool.model.facts import Known, Unknown

SERVER: dict[str, Value] = {
    "ProductName": "Windows Server 2022 Standard",
    "CurrentVersion": "6.3",
    "CurrentMajorVersionNumber": 10,
    "CurrentMinorVersionNumber": 0,
    "CurrentBuildNumber": "20348",
}
OLD: dict[str, Value] = {
    "ProductName": "Windows Server 2012 R2 Standard",
    "CurrentVersion": "6.3",
    "CurrentBuild": "9600",
}
CLIENT: dict[str, Value] = {**SERVER, "ProductName": "Windows 10 Pro", "CurrentBuildNumber": "22631"}
PROGRAM = "/Program Files/Cloudbase Solutions/Cloudbase-Init/bin/OpenStackService.exe"
CLOUDBASE = f'"C:{PROGRAM}" cloudbase-init'.replace("/", "\\")


@pytest.mark.parametrize(
    ("values", "product", "version"),
    [
        (SERVER, "Windows Server 2022 Standard", "10.0.20348"),
        (OLD, "Windows Server 2012 R2 Standard", "6.3.9600"),
        (CLIENT, "Windows 11 Pro", "10.0.22631"),
        ({**CLIENT, "CurrentBuildNumber": "19045"}, "Windows 10 Pro", "10.0.19045"),
        ({**SERVER, "ProductName": "视窗服务器"}, "视窗服务器", "10.0.20348"),
    ],
)
def test_product_and_version(values: dict[str, Value], product: str, version: str) -> None:
    found = hives(guest(software={CURRENT_VERSION: values}))
    assert read_product(found).value == product
    assert read_version(found).value == version


@pytest.mark.parametrize("values", [{}, {"CurrentBuildNumber": "x"}, {"CurrentVersion": "6.3"}])
def test_a_version_that_is_none_is_an_error(values: dict[str, Value]) -> None:
    found = hives(guest(software={CURRENT_VERSION: values}))
    with pytest.raises(GuestReadError, match="no version"):
        read_version(found)


@pytest.mark.parametrize(
    ("written", "machine"), [("AMD64", "x86_64"), ("x86", "i686"), ("ARM64", "aarch64"), ("amd64", "x86_64")]
)
def test_the_architecture_is_that_of_the_environment(written: str, machine: str) -> None:
    key = "ControlSet001\\Control\\Session Manager\\Environment"
    tree = guest({key: {"PROCESSOR_ARCHITECTURE": written}})
    assert read_architecture(tree, hives(tree)).value == machine


def test_else_that_of_the_kernel() -> None:
    program = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", 0xAA64)
    tree = guest({SERVICES: {}}, files={KERNEL: program})
    assert read_architecture(tree, hives(tree)) == Known("aarch64", f"{KERNEL}: PE header")


@pytest.mark.parametrize("kernel", [b"", b"MZ", b"MZ" + b"\xff" * 100, b"\x7fELF" + bytes(100)])
def test_else_it_is_unknown(kernel: bytes) -> None:
    tree = guest({SERVICES: {}}, files={KERNEL: kernel})
    with pytest.raises(GuestReadError, match="architecture"):
        read_architecture(tree, hives(tree))


@pytest.mark.parametrize(
    ("content", "hibernated"),
    [
        (b"HIBR" + bytes(100), True),
        (b"hibr" + bytes(100), True),
        (b"HORM", True),
        (b"WAKE" + bytes(100), False),
        (b"wake", False),
        (b"RSTR", False),
        (bytes(100), False),
        (b"", False),
        (None, False),
    ],
)
def test_a_hibernated_system_is_told_by_the_first_bytes(content: bytes | None, hibernated: bool) -> None:
    tree = guest({}, files={} if content is None else {HIBERNATION_FILE: content})
    assert read_hibernated(tree).value is hibernated


@pytest.mark.parametrize(
    ("start", "there", "expected"),
    [(2, True, True), (3, True, False), (4, True, False), (2, False, False), (None, True, False)],
)
def test_cloudbase_init(start: int | None, there: bool, expected: bool) -> None:
    files = {PROGRAM: b"MZ"} if there else {}
    tree = guest({f"{SERVICES}\\cloudbase-init": service(CLOUDBASE, start)}, files=files)
    assert read_cloud_init(tree, hives(tree)).value is expected


@pytest.mark.parametrize("start", [3, 4])
def test_what_runs_at_the_end_of_setup_may_start_it(start: int) -> None:
    """As images of Packer do it: `sc config cloudbase-init start= auto` stands there."""
    files = {PROGRAM: b"MZ", SETUP_COMPLETE: b"sc config cloudbase-init start= auto"}
    tree = guest({f"{SERVICES}\\cloudbase-init": service(CLOUDBASE, start)}, files=files)
    with pytest.raises(GuestReadError, match=r"SetupComplete\.cmd may start"):
        read_cloud_init(tree, hives(tree))


def test_no_cloudbase_init() -> None:
    tree = guest({SERVICES: {}})
    assert not read_cloud_init(tree, hives(tree)).value


def test_one_damaged_hive_makes_its_facts_unknown_and_no_others() -> None:
    facts = read_windows(guest(b"regf" + bytes(9000), software={CURRENT_VERSION: SERVER}))
    assert isinstance(facts.product, Known)
    assert isinstance(facts.hibernated, Known)
    for fact in (facts.drivers, facts.cloud_init, facts.agent.enabled, facts.architecture):
        assert isinstance(fact, Unknown)


def test_a_missing_hive_is_named() -> None:
    found = fact_of(lambda: read_product(hives(guest({}))))
    assert found == Unknown(f"{CONFIG}/SOFTWARE is not there")


def test_changes_in_a_log_are_mentioned() -> None:
    content = hive({**SELECT, SERVICES: {}})
    dirty = content[:4] + struct.pack("<II", 2, 1) + content[12:]
    tree = guest(dirty, files={f"{CONFIG}/SYSTEM.LOG1": b"log"})
    assert "SYSTEM.LOG1 may hold later changes" in read_cloud_init(tree, hives(tree)).evidence
