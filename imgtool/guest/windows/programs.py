"""Programs that Windows lists under "Programs and Features", by their uninstall keys.

Source: Microsoft's documentation of the Windows Installer, "Uninstall Registry Key". Programs of 32 bits on
a Windows of 64 have a key of their own. What has no DisplayName, or is a SystemComponent, is not shown.
"""

from collections.abc import Iterator

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages.base import MAX_PACKAGES, optional_word
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.registry import Key
from imgtool.model.facts import Fact, Known
from imgtool.model.packages import InstalledPackage

_BELOW = "Microsoft\\Windows\\CurrentVersion\\Uninstall"
KEYS = ((_BELOW, ""), (f"WOW6432Node\\{_BELOW}", "x86"))
"""Below HKLM\\SOFTWARE; and the architecture of what stands there, as far as the key tells it."""


def programs_fact(hives: Hives) -> Fact[tuple[InstalledPackage, ...]]:
    """Return all of them, sorted by name."""
    return fact_of(lambda: _all(hives))


def _all(hives: Hives) -> Known[tuple[InstalledPackage, ...]]:
    software = hives.software()
    found = sorted(_programs(software), key=lambda one: (one.name, one.architecture, one.version))
    return Known(tuple(found), hives.evidence(f"{len(found)} of {_BELOW}", "SOFTWARE"))


def _programs(software: Key) -> Iterator[InstalledPackage]:
    count = 0
    for path, architecture in KEYS:
        parent = software.key(path)
        for name in parent.names() if parent is not None else ():
            count += 1
            if count > MAX_PACKAGES:
                raise GuestReadError(f"{path}: more than {MAX_PACKAGES} programs")
            key = parent.key(name) if parent is not None else None
            if key is not None and (shown := _text(key, "DisplayName")) and not _is_hidden(key):
                yield InstalledPackage(
                    manager="windows",
                    name=shown,
                    version=_text(key, "DisplayVersion"),
                    architecture=architecture,
                    vendor=_text(key, "Publisher"),
                )


def _text(key: Key, name: str) -> str:
    """A text of the program's own key, which an installer may have written in any other type."""
    try:
        return optional_word((key.text(name) or "").encode("utf-8", "replace"))
    except GuestReadError:
        return ""


def _is_hidden(key: Key) -> bool:
    try:
        return key.number("SystemComponent") == 1
    except GuestReadError:
        return False
