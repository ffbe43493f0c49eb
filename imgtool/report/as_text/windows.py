"""A Windows guest's drivers, and whether it sleeps, as text: a line each."""

from collections.abc import Iterator

from imgtool.model.facts import Known, Unknown
from imgtool.model.windows import WindowsDriver, WindowsFacts
from imgtool.report.as_text.layout import shown

STARTS = {0: "starts at boot", 1: "starts early", 2: "starts by itself", 3: "starts on demand", 4: "disabled"}


def driver_rows(windows: WindowsFacts) -> Iterator[tuple[str, str]]:
    """One row for each virtio driver."""
    if isinstance(windows.drivers, Unknown):
        yield "drivers", shown(windows.drivers)
        return
    if not windows.drivers.value:
        yield "drivers", "none of virtio"
    for driver in windows.drivers.value:
        yield "driver", f"{driver.name}, {_start(driver)}, {_file(driver)}{_devices(driver)}"


def hibernation_rows(windows: WindowsFacts) -> Iterator[tuple[str, str]]:
    """A row only where it is hibernated, or nobody knows."""
    if isinstance(windows.hibernated, Known) and not windows.hibernated.value:
        return
    yield "hibernated", shown(windows.hibernated, lambda _: "yes: it would be resumed")


def _start(driver: WindowsDriver) -> str:
    if driver.start is None:
        return "waits in the driver store"
    return STARTS.get(driver.start, f"Start={driver.start}")


def _file(driver: WindowsDriver) -> str:
    return driver.file or "its file is missing"


def _devices(driver: WindowsDriver) -> str:
    """Without the vendor, which is the same for all."""
    numbers = [one.rpartition("DEV_")[2] for one in driver.device_ids]
    return f", for {' '.join(numbers)}" if numbers else ""
