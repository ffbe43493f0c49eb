"""The menu of extlinux and syslinux, which Alpine's cloud images use.

Source: the Syslinux project's "Config" and "Menu" pages: LABEL, LINUX or KERNEL, INITRD, APPEND, DEFAULT; and
MENU DEFAULT, which names the entry where DEFAULT only starts the menu, as Alpine's update-extlinux writes it.
"""

from imgtool.guest.boot_entry import MAX_ENTRIES, BootEntry
from imgtool.guest.filesystems.base import GuestReadError


def parse_extlinux(text: str, path: str) -> tuple[BootEntry | None, str, tuple[BootEntry, ...]]:
    """The default entry, what decides it, and all entries of the file at the guest path `path`."""
    default, labels = _parse(text, path)
    entries = tuple(entry for label in labels if (entry := _entry(label, path)).linux)
    marked = next((label["label"] for label in labels if "menu default" in label), None)
    for name, why in ((default, f"default {default}"), (marked, f"menu default {marked}")):
        chosen = next((entry for entry in entries if entry.name == name), None)
        if chosen is not None:
            return chosen, why, entries
    return (entries[0] if entries else None), "its first entry", entries


def _parse(text: str, path: str) -> tuple[str, list[dict[str, str]]]:
    """The value of DEFAULT, and the first setting of each kind of every LABEL."""
    default = ""
    labels: list[dict[str, str]] = []
    for line in text.splitlines():
        keyword, value = _words(line)
        if keyword == "menu":
            keyword, value = _words(value, prefix="menu ")
        if keyword == "label":
            labels.append({"label": value})
        elif keyword == "default":
            default = value
        elif labels:
            labels[-1].setdefault(keyword, value)
        if len(labels) > MAX_ENTRIES:
            raise GuestReadError(f"{path}: more than {MAX_ENTRIES} entries")
    return default, labels


def _words(line: str, prefix: str = "") -> tuple[str, str]:
    keyword, _, value = line.strip().partition(" ")
    return f"{prefix}{keyword.lower()}", value.strip()


def _entry(label: dict[str, str], path: str) -> BootEntry:
    options = label.get("append", "")
    initrds = label.get("initrd", "").split(",")
    initrds += [word[len("initrd=") :] for word in options.split() if word.startswith("initrd=")]
    return BootEntry(
        name=label["label"],
        title=label.get("menu label", label["label"]),
        source=path,
        linux=label.get("linux") or label.get("kernel", ""),
        initrds=tuple(name for name in initrds if name),
        options=options,
        base="/boot",
    )
