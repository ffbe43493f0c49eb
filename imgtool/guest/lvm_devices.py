"""LVM's list of the devices that it may use: lvmdevices(8)."""

from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.text import printable

DEVICES_FILE = "/etc/lvm/devices/system.devices"
CONFIGURATION = "/etc/lvm/lvm.conf"
MAX_BYTES = 256 << 10


def read_lvm_devices_file(tree: GuestTree) -> Known[bool]:
    """Whether the list is there, names devices, and is used."""
    content = tree.read_bytes(DEVICES_FILE, MAX_BYTES)
    if content is None:
        return Known(value=False, evidence=f"no {DEVICES_FILE}")
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    entry = next((line for line in lines if line.startswith("IDTYPE=")), None)
    if entry is None:
        return Known(value=False, evidence=f"{DEVICES_FILE} names no device")
    if _is_off(tree):
        return Known(value=False, evidence=f"{CONFIGURATION}: use_devicesfile=0")
    return Known(value=True, evidence=f"{DEVICES_FILE}: {printable(entry)}")


def _is_off(tree: GuestTree) -> bool:
    """lvm.conf(5); Debian's has the line as a comment."""
    content = tree.read_bytes(CONFIGURATION, MAX_BYTES) or b""
    lines = (
        line.split("#", 1)[0].replace(" ", "") for line in content.decode("utf-8", "replace").splitlines()
    )
    return any(line.strip() == "use_devicesfile=0" for line in lines)
