"""What a guest consists of, for a bill of materials and for the comparison of two images.

It is read only where it is asked for (`GuestQuery`): most runs need none of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from imgtool.model.facts import NOT_READ, Fact
from imgtool.model.packages import InstalledPackage

SettingsKind = Literal["units", "users", "groups", "sudoers", "sshd", "cloud-config", "privileged", "files"]
SETTINGS_KINDS: tuple[SettingsKind, ...] = get_args(SettingsKind)

Items = Mapping[str, str]
"""What is told of one kind: a name to what is said of it, both printable."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was read of it; what nobody asked for is not in `settings`."""

    packages: Fact[tuple[InstalledPackage, ...]] = NOT_READ
    settings: Mapping[str, Fact[Mapping[str, str]]] = field(default_factory=dict)
    """By SettingsKind."""
    cpe: str = ""
    """What the system calls itself by (os-release, CPE_NAME); empty where it does not."""


NO_INVENTORY = Inventory()
