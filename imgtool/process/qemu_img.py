"""One typed function per verb of qemu-img.

It reads what others wrote, so each run is confined (process/confined.py) to the open files that it is given:
they are named as `/proc/self/fd/N`, in a `json:` that gives the driver, so that no format is probed, no name
parsed, and no backing file opened whatever the header says (QEMU, block.c: `"backing": null`). Images have
passed the gate as well: the confinement is for what the gate does not know.

Where nothing on this machine confines a program, only raw and qcow2 are read, of which the gate knows all.
"""

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.model.conversion import Compression
from imgtool.process import confined
from imgtool.process.confined import Access
from imgtool.process.programs import Completed, Limits, run
from imgtool.util import install
from imgtool.util.text import last_line

INFO_LIMITS = Limits(cpu_seconds=30, address_space_bytes=2 << 30)
"""What Nova gives it: nova/privsep/qemu.py, QEMU_IMG_LIMITS."""

WORK_LIMITS = Limits(address_space_bytes=8 << 30)
"""check, compare and convert: `check` keeps a refcount of 2 bytes for each cluster of the file. Their time is
bounded by a deadline, as it grows with the image."""

INFO_TIMEOUT_SECONDS = 60.0
WORK_TIMEOUT_SECONDS = 12 * 3600.0

_CHECK_CLEAN, _CHECK_CORRUPT, _CHECK_LEAKS, _CHECK_UNSUPPORTED = 0, 2, 3, 63
_COMPARE_SAME, _COMPARE_DIFFERENT = 0, 1
_PROGRESS = re.compile(r"\(\s*([0-9]+(?:\.[0-9]+)?)/100%\)")


READ_UNCONFINED = frozenset({"raw", "qcow2"})
"""Formats that qemu-img may read where nothing confines it."""


@dataclass(slots=True)
class Risk:
    """What the operator takes upon himself: set once, when the program starts."""

    unconfined: bool = False
    """To have qemu-img read any format where nothing confines it."""


RISK = Risk()
RISK_VARIABLE = "IMGTOOL_ALLOW_UNCONFINED"
"""The environment variable for it: read by the command line."""


@dataclass(frozen=True, slots=True)
class OpenImage:
    """An image in an open file."""

    descriptor: int
    format: str
    start_bytes: int = 0
    """Where in the file it begins."""
    length_bytes: int | None = None
    """How long it is; None: to the file's end."""
    is_device: bool = False

    @property
    def name(self) -> str:
        """What qemu-img opens."""
        return f"/proc/self/fd/{self.descriptor}"

    @property
    def json(self) -> str:
        """Return the image as `json:` options, with all that qemu-img would otherwise probe."""
        file: dict[str, Any] = {
            "driver": "host_device" if self.is_device else "file",
            "filename": self.name,
        }
        if self.length_bytes is not None:
            file = {"driver": "raw", "offset": self.start_bytes, "size": self.length_bytes, "file": file}
        return "json:" + json.dumps({"driver": self.format, "file": file, "backing": None})


class Version(NamedTuple):
    """qemu-img's version, comparable."""

    major: int
    minor: int
    micro: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What `qemu-img check` found. `supported` is False for formats that have nothing to check (raw)."""

    supported: bool
    corruptions: int = 0
    leaks: int = 0
    errors: int = 0

    @property
    def clean(self) -> bool:
        """Nothing wrong. Leaked clusters only waste space, but say that a writer died."""
        return self.supported and not (self.corruptions or self.leaks or self.errors)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two images hold the same disk; where not, what qemu-img says."""

    same: bool
    message: str


def version() -> Version:
    """The installed version. Raises ToolMissingError, ToolFailedError."""
    completed = run(["qemu-img", "--version"], timeout_seconds=INFO_TIMEOUT_SECONDS, limits=INFO_LIMITS)
    found = re.search(rb"version ([0-9]+)\.([0-9]+)\.([0-9]+)", completed.stdout)
    if found is None:
        raise ToolFailedError("qemu-img --version printed no version")
    return Version(*map(int, found.groups()))


def check(
    image: OpenImage, *, limits: Limits | None = None, timeout_seconds: float = WORK_TIMEOUT_SECONDS
) -> CheckResult:
    """Whether the image's tables and refcounts agree. Nothing is repaired.

    Raises ToolMissingError, also where it may not be read unconfined, and ToolFailedError.
    """
    argv = ["qemu-img", "check", "--output=json", "--force-share", image.json]
    accept = {_CHECK_CLEAN, _CHECK_CORRUPT, _CHECK_LEAKS, _CHECK_UNSUPPORTED}
    completed = _read(argv, [image], timeout_seconds=timeout_seconds, limits=limits, accept=accept)
    if completed.returncode == _CHECK_UNSUPPORTED:
        return CheckResult(supported=False)
    answer = _json(completed)
    result = CheckResult(
        supported=True,
        corruptions=int(answer.get("corruptions", 0)),
        leaks=int(answer.get("leaks", 0)),
        errors=int(answer.get("check-errors", 0)),
    )
    if result.clean != (completed.returncode == _CHECK_CLEAN):
        raise ToolFailedError(f"qemu-img check ended with {completed.returncode}, but printed {result}")
    return result


def convert(
    source: OpenImage,
    target: OpenImage,
    *,
    compression: Compression = "none",
    limits: Limits | None = None,
    on_fraction: Callable[[float], None] | None = None,
) -> None:
    """Write what `source`, which nobody else writes, holds to the empty file `target`; zeros become holes.

    `on_fraction` receives the share that is done, 0.0 to 1.0. On failure the target may be left half written:
    removing it is the caller's. Raises as `check` does.
    """
    options = ["-c", "-o", f"compression_type={compression}"] if compression != "none" else []
    argv = ["qemu-img", "convert", "-p", "-O", target.format, *options, source.json, target.name]
    _read(argv, [source], write=(target.descriptor,), limits=limits, on_fraction=on_fraction)


def create(target: int, size_bytes: int) -> None:
    """Make the open, empty file `target` a qcow2 of an empty disk of `size_bytes`, without a backing file."""
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", OpenImage(target, "qcow2").name, str(size_bytes)]
    access = Access(write=(target,))
    confined.run(argv, access, timeout_seconds=INFO_TIMEOUT_SECONDS, limits=INFO_LIMITS)


def compare(
    first: OpenImage,
    second: OpenImage,
    *,
    limits: Limits | None = None,
    on_fraction: Callable[[float], None] | None = None,
) -> Comparison:
    """Whether both hold the same bytes; a longer one may have zeros beyond the other's end.

    Raises as `check` does.
    """
    argv = ["qemu-img", "compare", "-p", "--force-share", first.json, second.json]
    accept = {_COMPARE_SAME, _COMPARE_DIFFERENT}
    completed = _read(argv, [first, second], limits=limits, on_fraction=on_fraction, accept=accept)
    return Comparison(completed.returncode == _COMPARE_SAME, last_line(completed.stdout, unlike=_PROGRESS))


def _read(  # noqa: PLR0913 - each says one thing about the run
    argv: Sequence[str],
    images: Sequence[OpenImage],
    *,
    write: tuple[int, ...] = (),
    limits: Limits | None = None,
    timeout_seconds: float = WORK_TIMEOUT_SECONDS,
    on_fraction: Callable[[float], None] | None = None,
    accept: Collection[int] = (0,),
) -> Completed:
    """Run `argv`, which reads `images` and nothing else."""
    _refuse_unconfined(images)
    return confined.run(
        argv,
        Access(read=tuple(image.descriptor for image in images), write=write),
        timeout_seconds=timeout_seconds,
        limits=limits or WORK_LIMITS,
        on_output=None if on_fraction is None else _fractions(on_fraction),
        accept=accept,
    )


def _refuse_unconfined(images: Sequence[OpenImage]) -> None:
    """Raise ToolMissingError where nothing confines qemu-img, and one of `images` is of a format for which
    the gate is not enough."""
    formats = {image.format for image in images} - READ_UNCONFINED
    if formats and not RISK.unconfined and confined.means() == "none":
        raise ToolMissingError(
            f"qemu-img may not read {' and '.join(sorted(formats))}: nothing confines it on this machine",
            hint=f"{install.command('bubblewrap')}; or, if you trust the image, set {RISK_VARIABLE}=1",
        )


def _json(completed: Completed) -> dict[str, Any]:
    try:
        answer = json.loads(completed.stdout.decode("utf-8", "replace"))
    except ValueError as error:
        raise ToolFailedError(f"qemu-img printed no JSON: {error}") from error
    if not isinstance(answer, dict):
        raise ToolFailedError("qemu-img printed no JSON object")
    return answer


def _fractions(on_fraction: Callable[[float], None]) -> Callable[[str], None]:
    """Turns lines like `    (12.50/100%)` into 0.125."""

    def listen(line: str) -> None:
        found = _PROGRESS.search(line)
        if found is not None:
            on_fraction(min(float(found[1]) / 100, 1.0))

    return listen
