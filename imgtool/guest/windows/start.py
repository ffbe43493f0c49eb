"""What keeps a driver of a Windows guest from starting. Pure."""

from collections.abc import Sequence

from imgtool.model.windows import WindowsDriver

BLOCK, SCSI, NETWORK, RANDOM, SERIAL = "viostor", "vioscsi", "netkvm", "VirtRng", "VirtioSerial"
STORAGE = (BLOCK, SCSI)
AT_BOOT, AUTOMATIC, DISABLED = 0, 2, 4
"""Start of a service: "Services Registry Tree" in Microsoft's driver documentation."""


def driver_named(drivers: Sequence[WindowsDriver], name: str) -> WindowsDriver | None:
    """The driver of that name, if it is installed."""
    return next((one for one in drivers if one.name == name), None)


def obstacle_at_boot(driver: WindowsDriver) -> str | None:
    """Why the disk is not reached by it, or None."""
    if driver.start is None:
        return "is not set to start"
    if driver.start != AT_BOOT:
        return f"does not start at boot (Start={driver.start})"
    if driver.file is None:
        return "has no .sys file"
    return None if driver.device_ids else "is bound to no virtio device"


def obstacle_later(driver: WindowsDriver) -> str | None:
    """Why its device, which Windows finds when it runs, stays without a driver, or None.

    One that waits in the driver store has no Start yet, and is installed by the ids that are bound to it.
    """
    if driver.file is None:
        return "has no .sys file"
    if driver.start == DISABLED:
        return f"is disabled (Start={DISABLED})"
    return "is bound to no device" if driver.start is None and not driver.device_ids else None
