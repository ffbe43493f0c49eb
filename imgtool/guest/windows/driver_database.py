r"""Which PCI devices Windows binds to a driver.

Since Windows 8 that is a database in the registry, DriverDatabase: of drivers that the boot needs in the
SYSTEM hive, of the others in DRIVERS. Before, CriticalDeviceDatabase in the control set names the devices of
the boot. Read in: libguestfs virt-v2v, convert/windows_virtio.ml; lxc/distrobuilder, windows/driver_*.go;
"Device Identification Strings" in Microsoft's driver documentation.
"""

from collections.abc import Iterable, Iterator

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.registry import Key
from imgtool.util.text import printable

FILE_REPOSITORY = "/Windows/System32/DriverStore/FileRepository"
CRITICAL_DEVICES = r"Control\CriticalDeviceDatabase"
MAX_PACKAGES = 64
"""Of one driver that are looked at: each update leaves one."""


def bound_devices(hives: Hives, device_ids: Iterable[str], *, at_boot: bool) -> tuple[str, ...]:
    """Return those of `device_ids` (VEN_1AF4&DEV_1001) for which Windows has a driver.

    `at_boot`: by what the boot loader can see only.
    """
    databases = list(_databases(hives, at_boot=at_boot))
    if not databases:
        return _critical_devices(hives, device_ids)
    return tuple(
        one for one in device_ids if any(True for database in databases for _ in _infs(database, one))
    )


def packages(hives: Hives, device_ids: Iterable[str]) -> Iterator[str]:
    """Directories in the driver store of the packages that serve these devices, as guest paths."""
    count = 0
    for database in _databases(hives, at_boot=False):
        for inf in dict.fromkeys(inf for one in device_ids for inf in _infs(database, one)):
            count += 1
            if count > MAX_PACKAGES:
                raise GuestReadError(f"more than {MAX_PACKAGES} packages for one driver")
            files = database.key(f"DriverInfFiles\\{inf}")
            active = files.text("Active") if files is not None else None
            if active and "\\" not in active and "/" not in active:
                yield f"{FILE_REPOSITORY}/{active}"


def _databases(hives: Hives, *, at_boot: bool) -> Iterator[Key]:
    for hive in (hives.system(), None if at_boot else hives.drivers()):
        database = hive.key("DriverDatabase") if hive is not None else None
        if database is not None:
            yield database


def _infs(database: Key, device_id: str) -> Iterator[str]:
    """Names of the INF files that claim a device, with or without the identity of its subsystem."""
    devices = database.key(r"DeviceIds\PCI")
    if devices is None:
        return
    for name in devices.names():
        if _is_of(name, device_id):
            key = devices.key(name)
            yield from (inf for inf in (key.value_names() if key else ()) if inf.lower().endswith(".inf"))


def _critical_devices(hives: Hives, device_ids: Iterable[str]) -> tuple[str, ...]:
    critical = hives.control_set().key(CRITICAL_DEVICES)
    names = critical.names() if critical is not None else ()
    return tuple(one for one in device_ids if any(_is_of(name.upper(), f"PCI#{one}") for name in names))


def _is_of(name: str, device_id: str) -> bool:
    return name.upper() == device_id or name.upper().startswith(f"{device_id}&")


def shown(device_ids: Iterable[str]) -> str:
    """Show the device ids as evidence."""
    return printable(", ".join(device_ids)) or "no device"
