"""What differs between two images, kind by kind."""

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "system",
    "packages",
    "kernels",
    "initramfs-modules",
    "units",
    "users",
    "groups",
    "sudoers",
    "privileged",
    "sshd",
    "cloud-init",
    "cloud-config",
    "agent",
    "boot",
    "secure-boot",
    "left-behind",
    "partitions",
    "filesystems",
    "sizes",
    "properties",
    "findings",
    "files",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they are told."""

How = Literal["added", "removed", "up", "down", "changed"]
"""up and down: of a version, by the order of the package manager that has it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs."""

    name: str
    how: How
    old: str | None
    """What is said of it in the old image; None where it is not there."""
    new: str | None


@dataclass(frozen=True, slots=True)
class KindDifference:
    """What differs of one kind."""

    kind: Kind
    changes: tuple[Change, ...] = ()
    unknown: str = ""
    """Why an image could not be read as far as this kind takes: nothing is known of it then."""
    absent: str = ""
    """Why this kind is not compared: a document that was saved does not have it."""

    @property
    def is_same(self) -> bool:
        """It was compared, and nothing differs."""
        return not (self.changes or self.unknown or self.absent)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two images."""

    old: str
    """What the user called it."""
    new: str
    kinds: tuple[KindDifference, ...]
    """In the order of KINDS; `files` only where it was asked for."""

    @property
    def is_same(self) -> bool:
        """Nothing differs of all that could be compared, and nothing is unknown."""
        return not any(one.changes or one.unknown for one in self.kinds)
