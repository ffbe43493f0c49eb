"""The repair of a guest: what is planned for which finding, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imgtool.model.boot import BootResult
from imgtool.model.conversion import ConversionResult
from imgtool.model.verdict import Judgement


@dataclass(frozen=True, slots=True)
class FixOptions:
    """How the machine is run in which the guest repairs itself."""

    timeout_seconds: float = 1800.0
    """Of the whole run, and of the boot that proves it."""
    accel: Literal["auto", "kvm", "tcg"] = "auto"
    packages: tuple[Path, ...] = ()
    """Files of packages to install where a check misses one."""
    repository: Path | None = None
    """A folder of packages to take from for that, with what they need."""

    @property
    def hands_packages(self) -> bool:
        """The guest gets packages."""
        return bool(self.packages) or self.repository is not None


@dataclass(frozen=True, slots=True)
class Repair:
    """What is done in the guest so that some checks pass."""

    checks: tuple[str, ...]
    """The checks that fail without it."""
    title: str
    """What it does, as the end of `to …`."""
    script: str
    """POSIX shell, run as root in the guest; it ends with another status than 0 where it fails."""


@dataclass(frozen=True, slots=True)
class FixPlan:
    """What will be done, and what will not."""

    repairs: tuple[Repair, ...]
    left: Mapping[str, str] = field(default_factory=dict)
    """Checks that fail and stay so: by name, why there is no repair."""
    skipped: tuple[str, ...] = ()
    """Checks that fail and that the operator leaves out."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The checks that are to pass afterwards."""
        return tuple(dict.fromkeys(name for repair in self.repairs for name in repair.checks))

    @property
    def problem(self) -> str | None:
        """Why nothing is begun: what is left makes the image unfit, whatever is repaired."""
        if not self.left:
            return None
        return f"there is no repair for {', '.join(self.left)}"


@dataclass(frozen=True, slots=True)
class StartFiles:
    """What the sealed machine starts from: paths in the guest."""

    kernel: str
    initramfs: str | None
    """None: it has none of its own, or that is of no use."""
    modules: tuple[str, ...]
    """The drivers' files, each after what it needs."""
    programs: Mapping[str, str]
    """For an initramfs of the guest's programs: by the path in there, the guest's file; none: not asked."""
    root_flags: str = ""
    """What of fstab's options for the root the kernel has to know: Btrfs's subvolume."""


@dataclass(frozen=True, slots=True)
class RepairOutcome:
    """What the guest said of one repair."""

    repair: Repair
    status: int | None
    """The script's exit status; None where it did not come to its end."""
    output: tuple[str, ...] = ()
    """The last lines that it wrote, printable."""
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        """The script ended well: whether the image is repaired is for the checks to say."""
        return self.status == 0


@dataclass(frozen=True, slots=True)
class SealedRun:
    """One run of the sealed machine."""

    outcomes: tuple[RepairOutcome, ...]
    seconds: float
    clean: bool
    """All file systems were unmounted, or the root mounted read-only, before it was switched off."""
    problem: str | None = None
    """Why it did not come to its end, or None."""
    log: tuple[str, ...] = ()
    """The last lines of its console, printable."""

    def followed_by(self, other: "SealedRun") -> "SealedRun":
        """Both runs as one: what the first did, and how the second ended."""
        return SealedRun(
            (*self.outcomes, *other.outcomes),
            self.seconds + other.seconds,
            self.clean and other.clean,
            other.problem,
            other.log,
        )


@dataclass(frozen=True, slots=True)
class FixResult:
    """How far the repair of one image came."""

    source: str
    before: Judgement
    plan: FixPlan
    run: SealedRun | None = None
    """None: nothing was to be done, or only the plan was wanted."""
    after: Judgement | None = None
    boots: tuple[BootResult, ...] = ()
    problem: str | None = None
    """Why there is no target; None where there is one, or none was to be made."""
    conversion: ConversionResult | None = None
    """The target."""

    @property
    def is_plan(self) -> bool:
        """It says what would be done, and nothing was."""
        return bool(self.plan.repairs) and self.run is None and self.problem is None
