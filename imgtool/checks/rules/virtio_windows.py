"""Windows starts from a virtio disk, and has a driver for the virtio network card.

What it checks
    In the registry and the files of a Windows guest: viostor (virtio-blk) or vioscsi (virtio-scsi) starts at
    boot (Start=0, and no StartOverride undoes it), its .sys is there, and the driver database binds a virtio
    device to it; netkvm is installed, or waits in the driver store, and is not disabled.
    Skipped for other guests.

Why it matters
    Without a storage driver that starts at boot Windows stops with INACCESSIBLE_BOOT_DEVICE (0x7B) when it
    first meets a virtio disk. Windows itself sets StartOverride for a boot driver that it did not need, so
    that an image made on an IDE or SATA disk has the driver and still does not start. Without netkvm nobody
    reaches the instance.

How to fix
    In the guest, started with a second disk on the virtio bus, from the virtio-win ISO:
        msiexec /i D:\\virtio-win-gt-x64.msi /qn
    A driver that Windows turned off, in the guest's registry editor or offline by hivexregedit:
        reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\viostor /v Start /t REG_DWORD /d 0 /f
        reg delete HKLM\\SYSTEM\\CurrentControlSet\\Services\\viostor\\StartOverride /f
    Or let `virt-v2v -i disk IMAGE -o local -os DIRECTORY` put the drivers in.
"""

from imgtool.checks.check import Check, Verdict, failed, passed, skipped, unknown
from imgtool.guest.windows.start import NETWORK, STORAGE, driver_named, obstacle_at_boot, obstacle_later
from imgtool.model.facts import Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity
from imgtool.model.windows import WindowsDriver, WindowsFacts

INSTALL = r"in the guest: `msiexec /i D:\virtio-win-gt-x64.msi /qn` from the virtio-win ISO"
SERVICES = r"HKLM\SYSTEM\CurrentControlSet\Services"


def examine(inspection: Inspection) -> Verdict:
    """A storage driver starts, and the network has one."""
    guest = inspection.guest
    if guest.windows is not None:
        return _judge(guest.windows)
    if guest.linux is not None:
        return skipped("not a Windows system (virtio-kernel and virtio-initramfs judge Linux)")
    return unknown(guest.reason)


def _judge(windows: WindowsFacts) -> Verdict:
    if isinstance(windows.drivers, Unknown):
        return unknown(windows.drivers.reason)
    drivers, evidence = windows.drivers.value, windows.drivers.evidence
    storage = [one for one in drivers if one.name in STORAGE]
    starting = [one.name for one in storage if obstacle_at_boot(one) is None]
    if not starting:
        reasons = "; ".join(f"{one.name} {obstacle_at_boot(one)}" for one in storage)
        message = f"Windows does not start from a virtio disk: {reasons or 'neither viostor nor vioscsi'}"
        return failed(message, evidence, _storage_remedy(storage))
    network = driver_named(drivers, NETWORK)
    obstacle = "is not installed" if network is None else obstacle_later(network)
    if obstacle is not None:
        return failed(f"there is no virtio network: {NETWORK} {obstacle}", evidence, INSTALL)
    return passed(f"{' and '.join(starting)} starts at boot, and {NETWORK} is there", evidence)


def _storage_remedy(storage: list[WindowsDriver]) -> str:
    """What is installed, and only set wrong, is set right."""
    for one in storage:
        if one.file is not None and one.start is not None and one.device_ids:
            key = rf"{SERVICES}\{one.name}"
            return (
                f"`reg add {key} /v Start /t REG_DWORD /d 0 /f`, and "
                rf"`reg delete {key}\StartOverride /f` where that is there"
            )
    return INSTALL


CHECK = Check("virtio-windows", Severity.ERROR, examine)
