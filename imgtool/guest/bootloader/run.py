"""What a boot loader comes to when nobody touches a key."""

from dataclasses import dataclass
from typing import BinaryIO, Literal

from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.mounts import Device

LoaderEnd = Literal["entry", "menu", "prompt", "error", "firmware", "unknown"]
"""It starts an entry; waits in its menu, or at its prompt, for a key; stops with an error; goes back to the
firmware (which has nothing else to start); or what it does depends on what cannot be read."""


@dataclass(frozen=True, slots=True)
class LoaderFile:
    """A file as a boot loader finds it: by the file system, not by where the guest mounts that."""

    device: Device
    path: str
    """From the top of the file system, as the loader sees it."""
    node: Node

    @property
    def size_bytes(self) -> int:
        """Size of its content."""
        return self.node.size_bytes

    def open(self) -> BinaryIO:
        """Open the file; its content is seekable."""
        if self.node.kind is not Kind.FILE:
            raise GuestReadError(f"{self}: not a regular file")
        return self.node.open()

    def __str__(self) -> str:
        return f"{self.path} on {self.device.volume.name}"


@dataclass(frozen=True, slots=True)
class LoadedEntry:
    """An entry with what the loader makes of it: the files that it really loads, the options as expanded."""

    entry: BootEntry
    kernel: LoaderFile | None
    """None where it loads none; `problem` says why."""
    initrds: tuple[LoaderFile, ...] = ()
    problem: str = ""
    """What the loader would complain of when it runs this entry; empty where it starts the kernel."""


@dataclass(frozen=True, slots=True)
class LoaderRun:
    """One run of a boot loader, from its start to what it comes to."""

    end: LoaderEnd
    reason: str
    """One sentence: the entry and what made it the default, why it waits, what it complains of."""
    places: tuple[str, ...] = ()
    """The files that it read on the way, in their order, as `PATH on VOLUME`."""
    seconds: float | None = None
    """How long it shows its menu before it starts the entry; None where it does not by itself."""
    booted: LoadedEntry | None = None
    """What starts, or would start at a key (`end` is `menu`)."""
    entries: tuple[BootEntry, ...] = ()
    """All of the menu, in its order, submenus flattened."""
    saved: tuple[tuple[str, str], ...] = ()
    """Variables that it writes to the disk for the next boot: names and values."""
