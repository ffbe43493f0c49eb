"""What is told of one image, kind by kind, from the JSON that an inspection is shown as.

One way for all: an image that is read now, and one whose inspection was saved and that is gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from imgtool.model.difference import KINDS, Kind
from imgtool.model.inventory import SETTINGS_KINDS, Items
from imgtool.model.packages import PackageManager
from imgtool.model.verdict import Judgement, Outcome
from imgtool.util.text import human_size, printable

Stored = Mapping[str, Any]
MANAGERS: tuple[PackageManager, ...] = get_args(PackageManager)


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a kind has no items."""

    reason: str
    absent: bool
    """The document does not have it; False: the image could not be read that far."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One image."""

    name: str
    kinds: Mapping[str, Items | Missing]
    """By Kind."""
    managers: Mapping[str, PackageManager] = field(default_factory=dict)
    """By the name of each package."""

    def of(self, kind: Kind) -> Items | Missing:
        """The items of one kind."""
        return self.kinds.get(kind, Missing("it is not told there", absent=True))


def from_document(name: str, document: Stored, judgement: Judgement | None = None) -> Snapshot:
    """The snapshot of what `imgtool inspect --output json` shows; `judgement` is its verdict now.

    Raises AttributeError, TypeError, KeyError or ValueError where the document is another one.
    """
    guest, inventory = document["guest"], document.get("inventory")
    packages = None if inventory is None else inventory.get("packages")
    told: dict[Kind, Items | Missing] = {
        "system": _system(guest),
        "packages": _packages(packages, guest, inventory),
        "kernels": _kernels(guest),
        "initramfs-modules": _initramfs(guest, inventory),
        "cloud-init": _section(guest, "cloud_init"),
        "agent": _section(guest, "qemu_guest_agent"),
        "boot": _boot(guest),
        "secure-boot": _secure_boot(guest),
        "left-behind": _left_behind(guest),
        "partitions": _partitions(guest),
        "filesystems": _filesystems(guest),
        "sizes": {"virtual size": _size(document["image"]["virtual_size_bytes"])},
        "properties": _texts(document.get("properties") or {}),
        "findings": _findings(judgement),
    }
    for kind in SETTINGS_KINDS:
        told[kind] = _settings(kind, guest, inventory)
    ordered: dict[str, Items | Missing] = {kind: told[kind] for kind in KINDS if kind in told}
    return Snapshot(name, ordered, managers_of(packages or ()))


def managers_of(packages: Iterable[Stored]) -> dict[str, PackageManager]:
    """Name to manager, of those that are known."""
    found = ((_text(one["name"]), one["manager"]) for one in packages)
    return {name: cast("PackageManager", manager) for name, manager in found if manager in MANAGERS}


def package_items(packages: Iterable[Stored]) -> Items:
    """Name to version; of a package that is there several times all versions, with their architectures."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in packages:
        found.setdefault(_text(one["name"]), []).append((_text(one["version"]), _text(one["architecture"])))
    return {
        name: versions[0][0]
        if len(versions) == 1
        else ", ".join(f"{version} ({architecture})" for version, architecture in sorted(versions))
        for name, versions in found.items()
    }


def _packages(packages: Any, guest: Stored, inventory: Stored | None) -> Items | Missing:
    return _unread("packages", guest, inventory) if packages is None else package_items(packages)


def _settings(kind: Kind, guest: Stored, inventory: Stored | None) -> Items | Missing:
    found = None if inventory is None else inventory.get(kind)
    return _unread(kind, guest, inventory) if found is None else _texts(found)


def _unread(kind: str, guest: Stored, inventory: Stored | None) -> Missing:
    """Why there is nothing: nobody asked, Windows has none of it, or it could not be read."""
    if inventory is not None:
        reason = (inventory.get("unknown") or {}).get(kind)
        if reason is not None:
            return Missing(_text(reason), absent=False)
        if kind != "files" and guest.get("os_type") == "windows":
            return Missing("not read of Windows", absent=True)
        return Missing("it was not asked for", absent=True)
    if guest.get("status") == "unknown":
        return Missing(_text(guest.get("reason")), absent=False)
    if guest.get("os_type") is None:
        return Missing("no system was found", absent=True)
    return Missing("the inspection was saved without --inventory", absent=True)


def _system(guest: Stored) -> Items | Missing:
    if guest.get("status") == "unknown":
        return Missing(_text(guest.get("reason")), absent=False)
    names = ("os_type", "os_distro", "os_version", "architecture")
    return {name: _text(guest.get(name)) for name in names}


def _kernels(guest: Stored) -> Items | Missing:
    kernels = guest.get("kernels")
    if kernels is None:
        return _unknown(guest, "kernels")
    states = {True: "boots by default", False: "installed"}
    return {
        _text(one["version"]): f"{states[bool(one['default'])]}, {_text(one['image'])}" for one in kernels
    }


def _unknown(guest: Stored, key: str) -> Missing:
    """Why a key of the guest is null: unknown, or not what this system has."""
    reason = (guest.get("unknown") or {}).get(key)
    if reason is None and guest.get("status") == "unknown":
        reason = guest.get("reason")
    return Missing(_text(reason or "this system has none"), absent=reason is None)


def _initramfs(guest: Stored, inventory: Stored | None) -> Items | Missing:
    modules = None if inventory is None else inventory.get("initramfs-modules")
    if modules is not None:
        return {_text(name): "" for name in modules}
    if inventory is None:
        return _unread("initramfs-modules", guest, None)
    return Missing("no initramfs of the kernel that boots was read", absent=True)


def _section(guest: Stored, key: str) -> Items | Missing:
    """The keys of one object; one that is null with the reason for that."""
    section = guest.get(key)
    if section is None:
        return _unknown(guest, key)
    unknown = guest.get("unknown") or {}
    return {
        _text(name): f"unknown: {_text(unknown[f'{key}.{name}'])}"
        if value is None and f"{key}.{name}" in unknown
        else _text(value)
        for name, value in section.items()
        if name != "version"  # its package tells it
    }


def _boot(guest: Stored) -> Items:
    """The steps of the boot that is used, and each word of the kernel's command line."""
    found = {}
    for path in guest.get("boot") or ():
        for step in path["steps"] if path["used"] else ():
            found[f"{_text(path['firmware'])}: {_text(step['step'])}"] = (
                f"{_text(step['outcome'])}: {_text(step['summary'])}"
            )
    words = (guest.get("command_line") or "").split()
    return found | {f"command line: {_text(word)}": "" for word in words}


def _secure_boot(guest: Stored) -> Items | Missing:
    """Each program of the boot: by whom it is signed, and why it is refused."""
    if "secure_boot" not in guest:
        return Missing("the inspection was saved by an older imgtool", absent=True)
    found = guest["secure_boot"]
    if found is None:
        unknown = (guest.get("unknown") or {}).get("secure_boot")
        return Missing(_text(unknown), absent=False) if unknown else {}
    told = {}
    for one in found["programs"]:
        signers = ", ".join(_text(sign["authority"] or sign["signer"]) for sign in one["signatures"])
        refused = f", refused: {_text(one['refused'])}" if one["refused"] else ""
        told[_text(one["role"])] = f"signed by {signers or 'nobody'}{refused}"
    return told


def _left_behind(guest: Stored) -> Items | Missing:
    """What is of one machine, or secret: by its path."""
    if guest.get("os_type") != "linux":
        return Missing("only read of Linux", absent=True)
    kinds = {"ssh_host_keys": "SSH host key", "secrets": "secret", "pinned_macs": "pinned MAC address"}
    found = {"machine-id": _text(guest.get("machine_id"))}
    for key, shown in kinds.items():
        found |= {f"{shown}: {_text(path)}": "" for path in guest.get(key) or ()}
    return found


def _partitions(guest: Stored) -> Items:
    found = {"table": _text(guest.get("partition_table"))}
    for one in guest.get("partitions") or ():
        start, size = _size(one["start_bytes"]), _size(one["size_bytes"])
        label = f", label {_text(one['label'])}" if one["label"] else ""
        found[f"partition {_text(one['number'])}"] = f"type {_text(one['type'])}{label}, at {start}, {size}"
    return found


def _filesystems(guest: Stored) -> Items:
    found = {}
    for one in guest.get("filesystems") or ():
        told = {"label": one["label"], "UUID": one["uuid"], "mounted on": one["mount_point"]}
        parts = [f"{name} {_text(value)}" for name, value in told.items() if value]
        found[_text(one["device"])] = ", ".join([_text(one["type"]), *parts])
    return found


def _findings(judgement: Judgement | None) -> Items | Missing:
    if judgement is None:
        return Missing("a document that was saved has no findings", absent=True)
    quiet = {Outcome.PASS, Outcome.SKIPPED}
    return {
        one.check: one.outcome.value
        if one.outcome in quiet
        else f"{one.outcome.value} ({one.severity.value}): {_text(one.message)}"
        for one in judgement.findings
    }


def _size(size_bytes: object) -> str:
    """A size as people read it. Raises TypeError where the document has something else in its place."""
    if not isinstance(size_bytes, int):
        raise TypeError("a size is no number of bytes")
    return f"{size_bytes} bytes ({human_size(size_bytes)})"


def _texts(found: Stored) -> Items:
    return {_text(name): _text(value) for name, value in found.items()}


def _text(value: object) -> str:
    """A value as people read it, printable: what was saved may be of anybody."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_text, value)) or "none"
    return printable(str(value))
