"""What was read from a guest: known, with its evidence, or unknown, with the reason."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A fact that was read. `evidence` is the guest path and what stood there."""

    value: T_co
    evidence: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read, and why."""

    reason: str


Fact = Known[T] | Unknown


NOT_READ = Unknown("it was not read")


@dataclass(frozen=True, slots=True)
class GuestQuery:
    """What is looked for in the guest: by itself whether it starts and works, and what else is asked for."""

    modules: tuple[str, ...] = ()
    """Kernel modules, by the names that `lsmod` prints."""
    files: tuple[str, ...] = ()
    """Absolute guest paths; `*`, `?` and `[...]` stand for parts of one name, `**` for any directories."""
    dates: bool = False
    """How fresh the system is, by the dates of its packages."""
    packages: bool = False
    """All packages, with versions: `Inventory.packages`."""
    languages: bool = False
    """With them those of pip, npm and RubyGems, for which the whole guest is walked through."""
    settings: bool = False
    """Accounts, units and the settings of services: `Inventory.settings`."""
    privileged: bool = False
    """Files that lend their owner's rights, or rights of their own, anywhere in the guest."""
    trees: tuple[str, ...] = ()
    """Absolute guest paths: owner, mode and hash of all files below them."""
    judged: bool = True
    """Whether it starts and works; without it only what is installed is read: a third of the time."""


NO_EXTRAS = GuestQuery()
"""What is looked for without a policy that asks for more."""
