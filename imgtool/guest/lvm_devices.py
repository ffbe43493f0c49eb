"""The list of devices that LVM may use: lvmdevices(8), lvm.conf(5).

It names disks by what they say of themselves, and an instance has others. LVM looks for a volume elsewhere
where the list knows it by its name in /dev alone (search_for_devnames), or where the list says of which
machine it is, and this is another one (device_ids_refresh, since 2.03.23).
"""

import re
from collections.abc import Iterator

from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.util.text import printable

DEVICES_FILE = "/etc/lvm/devices/system.devices"
CONFIGURATIONS = ("/etc/lvm/lvmlocal.conf", "/etc/lvm/lvm.conf")
"""The first counts more."""
MAX_BYTES = 256 << 10
OF_A_MACHINE = ("PRODUCT_UUID=", "HOSTNAME=")
_SWITCH = re.compile(r"^[ \t]*(#?)[ \t]*use_devicesfile[ \t]*=[ \t]*([01])", re.MULTILINE)
"""Behind a `#` it is what LVM was built with: on with Red Hat, off with Debian."""


def read_lvm_devices_file(tree: GuestTree) -> Known[bool]:
    """Whether the list is there, names devices, and is used."""
    content = tree.read_bytes(DEVICES_FILE, MAX_BYTES)
    if content is None:
        return Known(value=False, evidence=f"no {DEVICES_FILE}")
    entry = next(_entries(content), None)
    if entry is None:
        return Known(value=False, evidence=f"{DEVICES_FILE} names no device")
    is_on, evidence = _switch(tree) or (True, "")
    if not is_on:
        return Known(value=False, evidence=evidence)
    return Known(value=True, evidence=f"{DEVICES_FILE}: {printable(entry)}")


def keeps_out_others(tree: GuestTree) -> str | None:
    """Where the list says that LVM uses none of an instance's disks; None where it may use one.

    To be asked of an initramfs as well, which has the list of when it was made.
    """
    content = tree.read_bytes(DEVICES_FILE, MAX_BYTES) or b""
    entries = list(_entries(content))
    switch = _switch(tree)
    if not entries or switch is None or not switch[0]:
        return None
    if any(entry.startswith("IDTYPE=devname") for entry in entries):
        return None
    if any(line.startswith(OF_A_MACHINE) for line in _lines(content)):
        return None
    return f"{DEVICES_FILE}: {printable(entries[0])}"


def _lines(content: bytes) -> list[str]:
    return [line.strip() for line in content.decode("utf-8", "replace").splitlines()]


def _entries(content: bytes) -> Iterator[str]:
    return (line for line in _lines(content) if line.startswith("IDTYPE="))


def _switch(tree: GuestTree) -> tuple[bool, str] | None:
    """Whether the list is used, and where that is said; None where nothing says it."""
    found = [
        (mark, value == "1", f"{path}: {mark}use_devicesfile={value}")
        for path in CONFIGURATIONS
        for mark, value in reversed(_SWITCH.findall(_text(tree, path)))
    ]
    found.sort(key=lambda one: one[0])  # what is said comes before what a comment has
    return next(((is_on, evidence) for _, is_on, evidence in found), None)


def _text(tree: GuestTree, path: str) -> str:
    return (tree.read_bytes(path, MAX_BYTES) or b"").decode("utf-8", "replace")
