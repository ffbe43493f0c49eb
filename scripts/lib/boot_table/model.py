"""A row of the table, what was foretold and seen of it, and whether the two agree."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from support.real_guest import RealGuest

from imgtool.boot.compare import STAGE_OF
from imgtool.model.boot import STAGES, Bus, Stage
from imgtool.model.boot_path import FirmwareName, StepName

UP = "up"
End = StepName | Literal["up"]
"""The step at which a boot stops. `cloud-init` means that the image comes up without it."""
BaseName = Literal["grub-uefi", "grub-bios", "systemd-boot", "extlinux", "dracut", "btrfs", "lvm"]
FIRMWARE: dict[BaseName, FirmwareName] = {"grub-bios": "bios", "extlinux": "bios"}
"""Of the bases that BIOS starts; UEFI starts the others."""
GuestChange = Callable[[RealGuest], object]
DiskChange = Callable[[Path], object]


@dataclass(frozen=True)
class Row:
    """One image, and where its boot ends."""

    name: str
    base: BaseName
    end: End = "up"
    change: GuestChange | None = None
    """Done to the mounted root and to the files of the ESP."""
    disk: DiskChange | None = None
    """Done to the raw disk afterwards."""
    bus: Bus = "virtio-blk"
    firmware: FirmwareName | None = None
    """Where it is another one than the base's."""
    patience_seconds: int = 1500
    """For a boot that waits for ever: long enough to come there, on a machine that has other work."""
    cause: str = ""
    """Words of the diagnosis."""
    quick: bool = False
    """One of the few that the tests boot."""

    def __str__(self) -> str:
        return f"{self.base}: {self.name}"

    @property
    def by(self) -> FirmwareName:
        """The firmware that starts it."""
        return self.firmware or FIRMWARE.get(self.base, "uefi")


@dataclass(frozen=True)
class Foretold:
    """What the inspection of the disk says."""

    end: str
    """A step, `up`, or `unknown` with the step: `unknown: root`."""
    summary: str


@dataclass(frozen=True)
class Seen:
    """What the boot showed."""

    end: str
    """A stage, `up`, or `cloud-init`."""
    reached: tuple[Stage, ...]
    cause: str
    seconds: float
    doubt: str | None
    """Why this may be the machine's doing."""
    differences: tuple[str, ...]
    """What `boot-agrees` says."""


@dataclass(frozen=True)
class Outcome:
    """A row that was run."""

    row: Row
    foretold: Foretold
    seen: Seen
    seconds: float
    """For all of it."""

    @property
    def troubles(self) -> tuple[str, ...]:
        """Where the three do not agree: the row, what was foretold, what was seen."""
        row, seen = self.row, self.seen
        found = []
        if self.foretold.end != row.end:
            found.append(f"foretold {self.foretold.end} ({self.foretold.summary}), the row says {row.end}")
        if seen.end != shown_by(row.end):
            found.append(f"seen {seen.end} ({seen.cause}), the row says {shown_by(row.end)}")
        elif row.cause not in seen.cause:
            found.append(f"seen {seen.cause!r}, the row says {row.cause!r}")
        return (*found, *stages_wrong(row.end, seen.reached), *seen.differences)

    @property
    def agrees(self) -> bool:
        """All three agree, at every stage."""
        return not self.troubles


def shown_by(end: End) -> str:
    """What a boot shows that ends at that step: a stage, `up` or `cloud-init`."""
    return end if end in {"up", "cloud-init"} else STAGE_OF[end]  # type: ignore[index]  # the rest are steps


def stages_wrong(end: End, reached: tuple[Stage, ...]) -> tuple[str, ...]:
    """Stages that were to be reached and were not, or the other way round; the last one may be either."""
    shown = shown_by(end)
    last = STAGES.index("agent" if shown in {"up", "cloud-init"} else shown)
    missing = [stage for stage in STAGES[:last] if stage not in reached]
    beyond = [stage for stage in STAGES[last + 1 :] if stage in reached]
    return (*(f"{stage} was not seen" for stage in missing), *(f"{stage} was reached" for stage in beyond))
