"""The virtio drivers: services, their files, and the devices that are bound to them."""

import pytest
from support.windows import DATABASE, SERVICES, guest, hives, service

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.drivers import read_drivers
from imgtool.guest.windows.start import obstacle_at_boot, obstacle_later
from imgtool.model.windows import WindowsDriver

VIOSTOR = "/Windows/System32/drivers/viostor.sys"
KEY = f"{SERVICES}\\viostor"
BOUND = {f"{DATABASE}\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00": {"oem1.inf": b"\1\xff\0\0"}}
STORE = "/Windows/System32/DriverStore/FileRepository"


def read(tree: GuestTree) -> tuple[tuple[WindowsDriver, ...], str]:
    found = read_drivers(tree, hives(tree))
    return found.value, found.evidence


def only(tree: GuestTree) -> WindowsDriver:
    (driver,) = read(tree)[0]
    return driver


def test_a_boot_driver_with_its_file_and_its_devices() -> None:
    tree = guest({KEY: service("System32\\drivers\\viostor.sys", 0), **BOUND}, files={VIOSTOR: b"MZ"})
    driver = only(tree)
    assert driver == WindowsDriver("viostor", 0, VIOSTOR, ("VEN_1AF4&DEV_1001",))
    assert obstacle_at_boot(driver) is None
    assert "ControlSet001\\Services: viostor: Start=0, " in read(tree)[1]


@pytest.mark.parametrize(("values", "start"), [({"0": 3}, 3), ({"0": 0}, 0), ({}, 0), ({"7": 3}, 3)])
def test_what_windows_set_beside_start_counts(values: dict[str, int], start: int) -> None:
    keys = {KEY: service("System32\\drivers\\viostor.sys", 0), f"{KEY}\\StartOverride": values, **BOUND}
    tree = guest(keys, files={VIOSTOR: b"MZ"})
    assert only(tree).start == start
    assert ("StartOverride" in read(tree)[1]) is bool(values)
    assert (obstacle_at_boot(only(tree)) is None) is (start == 0)


def test_a_driver_without_its_file() -> None:
    tree = guest({KEY: service("System32\\drivers\\viostor.sys", 0), **BOUND})
    assert only(tree).file is None
    assert obstacle_at_boot(only(tree)) == "has no .sys file"
    assert f"{VIOSTOR} is not there" in read(tree)[1]


def test_a_driver_that_no_device_is_bound_to() -> None:
    other = {f"{DATABASE}\\VEN_1AF4&DEV_10011": {"oem1.inf": b"\1"}, f"{DATABASE}\\VEN_1AF4&DEV_1042": {}}
    tree = guest({KEY: service("System32\\drivers\\viostor.sys", 0), **other}, files={VIOSTOR: b"MZ"})
    assert only(tree).device_ids == ()
    assert obstacle_at_boot(only(tree)) == "is bound to no virtio device"


def test_the_boot_does_not_see_the_hive_of_other_drivers() -> None:
    """The boot loader reads SYSTEM only."""
    keys = {KEY: service("System32\\drivers\\viostor.sys", 0), "DriverDatabase\\DeviceIds": {}}
    assert only(guest(keys, drivers=BOUND, files={VIOSTOR: b"MZ"})).device_ids == ()


def test_the_network_s_devices_are_in_the_hive_of_other_drivers() -> None:
    keys = {
        f"{SERVICES}\\netkvm": service("\\SystemRoot\\System32\\drivers\\netkvm.sys"),
        "DriverDatabase": {},
    }
    drivers = {"DriverDatabase\\DeviceIds\\pci\\VEN_1AF4&DEV_1041": {"oem3.inf": b"\2"}}
    tree = guest(keys, drivers=drivers, files={"/Windows/System32/drivers/netkvm.sys": b"MZ"})
    assert only(tree).device_ids == ("VEN_1AF4&DEV_1041",)


def test_before_windows_8_the_critical_devices_count() -> None:
    name = "ControlSet001\\Control\\CriticalDeviceDatabase\\pci#ven_1af4&dev_1001&subsys_00021af4"
    keys = {KEY: service("System32\\drivers\\viostor.sys", 0), name: {"Service": "viostor"}}
    assert only(guest(keys, files={VIOSTOR: b"MZ"})).device_ids == ("VEN_1AF4&DEV_1001",)


def test_a_driver_that_waits_in_the_driver_store() -> None:
    """As DISM leaves it: it is installed when Windows first sees the card."""
    drivers = {
        f"{DATABASE}\\VEN_1AF4&DEV_1000": {"oem3.inf": b"\2"},
        "DriverDatabase\\DriverInfFiles\\oem3.inf": {"Active": "netkvm.inf_amd64_0123"},
    }
    path = f"{STORE}/netkvm.inf_amd64_0123/netkvm.sys"
    driver = only(guest({SERVICES: {}}, drivers=drivers, files={path: b"MZ"}))
    assert driver == WindowsDriver("netkvm", None, path, ("VEN_1AF4&DEV_1000",))
    assert obstacle_later(driver) is None
    assert obstacle_at_boot(driver) == "is not set to start"


def test_a_package_that_leads_out_of_the_driver_store_is_not_followed() -> None:
    drivers = {
        f"{DATABASE}\\VEN_1AF4&DEV_1000": {"oem3.inf": b"\2"},
        "DriverDatabase\\DriverInfFiles\\oem3.inf": {"Active": "../../x"},
    }
    assert read(guest({SERVICES: {}}, drivers=drivers, files={"/Windows/x/netkvm.sys": b""}))[0] == ()


def test_a_system_without_any() -> None:
    found, evidence = read(guest({SERVICES: {}}))
    assert found == ()
    assert evidence == "SYSTEM\\ControlSet001\\Services and the driver store: no virtio driver"


def test_the_control_set_that_boots_counts() -> None:
    path = "System32\\drivers\\viostor.sys"
    keys = {KEY: service(path, 0), "ControlSet002\\Services\\viostor": service(path, 3), **BOUND}
    tree = guest({**keys, "Select": {"Current": 2}}, files={VIOSTOR: b"MZ"})
    assert only(tree).start == 3


@pytest.mark.parametrize("select", [{}, {"Current": 0}, {"Current": 5}, {"Current": 1000}])
def test_no_control_set_is_an_error(select: dict[str, int]) -> None:
    with pytest.raises(GuestReadError, match="Select"):
        read(guest({KEY: service("x", 0), "Select": select}))


def test_a_damaged_hive_of_other_drivers_is_an_error() -> None:
    tree = guest({SERVICES: {}}, files={"/Windows/System32/config/DRIVERS": b"regf"})
    with pytest.raises(GuestReadError, match="DRIVERS"):
        read(tree)
