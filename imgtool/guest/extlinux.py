"""The menu of extlinux and syslinux, which Alpine's cloud images use.

Source: the Syslinux project's "Config" page: LABEL, LINUX or KERNEL, INITRD, APPEND, DEFAULT.
"""

from imgtool.guest.boot_entry import MAX_ENTRIES, BootEntry
from imgtool.guest.filesystems.base import GuestReadError


def parse_extlinux(text: str, path: str) -> tuple[BootEntry | None, str, tuple[BootEntry, ...]]:
    """The default entry, what decides it, and all entries of the file at the guest path `path`."""
    default = ""
    labels: list[dict[str, str]] = []
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        keyword = key.lower()
        if keyword == "label":
            labels.append({"label": value.strip()})
        elif keyword == "default":
            default = value.strip()
        elif labels:
            labels[-1].setdefault(keyword, value.strip())
        if len(labels) > MAX_ENTRIES:
            raise GuestReadError(f"{path}: more than {MAX_ENTRIES} entries")
    entries = tuple(entry for label in labels if (entry := _entry(label, path)).linux)
    chosen = next((entry for entry in entries if entry.name == default), None)
    if chosen is not None:
        return chosen, f"default {default}", entries
    return (entries[0] if entries else None), "its first entry", entries


def _entry(label: dict[str, str], path: str) -> BootEntry:
    options = label.get("append", "")
    initrds = label.get("initrd", "").split(",")
    initrds += [word[len("initrd=") :] for word in options.split() if word.startswith("initrd=")]
    return BootEntry(
        name=label["label"],
        title=label.get("menu", label["label"]),
        source=path,
        linux=label.get("linux") or label.get("kernel", ""),
        initrds=tuple(name for name in initrds if name),
        options=options,
        base="/boot",
    )
