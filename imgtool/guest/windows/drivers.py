"""The virtio drivers of a Windows guest: do they start, are their files there, which devices are theirs.

Sources: the INF files of virtio-win (AddService, StartType, ServiceBinary); "Services Registry Tree" in
Microsoft's driver documentation for Start; virt-v2v and Microsoft's support articles on stop code 0x7B for
StartOverride, by which Windows itself turns off a boot driver that it did not need.
"""

from dataclasses import dataclass

from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.driver_database import bound_devices, packages, shown
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.paths import driver_path
from imgtool.guest.windows.registry import Key
from imgtool.model.facts import Known
from imgtool.model.windows import WindowsDriver

NOT_SET = "Start is not set"


@dataclass(frozen=True, slots=True)
class Specification:
    """A driver of virtio-win."""

    services: tuple[str, ...]
    """Names that its service has had, the one of today first."""
    file: str
    devices: tuple[str, ...]
    """The transitional and the modern device: Virtual I/O Device specification 1.2, 4.1.2."""
    at_boot: bool = False
    """It has to be there before the disk is."""


VIRTIO_WIN = (
    Specification(("viostor",), "viostor.sys", ("VEN_1AF4&DEV_1001", "VEN_1AF4&DEV_1042"), at_boot=True),
    Specification(("vioscsi",), "vioscsi.sys", ("VEN_1AF4&DEV_1004", "VEN_1AF4&DEV_1048"), at_boot=True),
    Specification(("netkvm",), "netkvm.sys", ("VEN_1AF4&DEV_1000", "VEN_1AF4&DEV_1041")),
    Specification(("VirtioSerial", "vioser"), "vioser.sys", ("VEN_1AF4&DEV_1003", "VEN_1AF4&DEV_1043")),
    Specification(("BALLOON",), "balloon.sys", ("VEN_1AF4&DEV_1002", "VEN_1AF4&DEV_1045")),
    Specification(("VirtRng",), "viorng.sys", ("VEN_1AF4&DEV_1005", "VEN_1AF4&DEV_1044")),
)


def read_drivers(tree: GuestTree, hives: Hives) -> Known[tuple[WindowsDriver, ...]]:
    """Read the virtio-win drivers that are installed or wait in the driver store for their device."""
    found: list[WindowsDriver] = []
    evidence: list[str] = []
    for one in VIRTIO_WIN:
        driver, seen = _read(tree, hives, one)
        if driver is not None:
            found.append(driver)
            evidence.append(f"{driver.name}: {seen}")
    where = f"{hives.control_set().where}\\Services"
    text = f"{where}: {'; '.join(evidence)}" if found else f"{where} and the driver store: no virtio driver"
    return Known(tuple(found), hives.evidence(text))


def _read(tree: GuestTree, hives: Hives, one: Specification) -> tuple[WindowsDriver | None, str]:
    """The driver, and what was seen of it."""
    for name in one.services:
        key = hives.service(name)
        if key is not None:
            return _of_service(tree, hives, one, key)
    for package in packages(hives, one.devices):
        path = f"{package}/{one.file}"
        if tree.is_file(path):
            devices = bound_devices(hives, one.devices, at_boot=one.at_boot)
            driver = WindowsDriver(one.services[0], None, path, devices)
            return driver, f"not installed yet, {path} for {shown(devices)}"
    return None, ""


def _of_service(tree: GuestTree, hives: Hives, one: Specification, key: Key) -> tuple[WindowsDriver, str]:
    start, seen = _start(key)
    path = driver_path(key.text("ImagePath"), one.file.removesuffix(".sys"))
    there = tree.is_file(path)
    devices = bound_devices(hives, one.devices, at_boot=one.at_boot)
    seen = f"{seen}, {path}{'' if there else ' is not there'}, for {shown(devices)}"
    return WindowsDriver(one.services[0], start, path if there else None, devices), seen


def _start(key: Key) -> tuple[int | None, str]:
    """What counts of Start and StartOverride, and how they are set.

    The values of StartOverride have the numbers of hardware profiles as their names; there is only 0 today.
    """
    start = key.number("Start")
    seen = NOT_SET if start is None else f"Start={start}"
    overrides = key.key("StartOverride")
    if overrides is None:
        return start, seen
    values = {name: overrides.number(name) for name in overrides.value_names() if name.isdecimal()}
    override = values.get("0", next(iter(values.values()), None))
    return (start, seen) if override is None else (override, f"{seen}, StartOverride={override}")
