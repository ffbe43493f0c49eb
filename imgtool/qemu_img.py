"""One typed function per verb of qemu-img.

Only images that have passed the gate may come here: `-f qcow2` does not keep QEMU from opening a backing file
that the header names. Formats are always given, never probed. Paths are absolute, because QEMU reads
`a:b` as a protocol, a leading `json:` as options and `-` as an option, and none of these starts with `/`
(QEMU, block.c, path_has_protocol).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from imgtool.errors import ToolFailedError
from imgtool.model.conversion import Compression
from imgtool.process import Completed, Limits, run
from imgtool.text import printable

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


class Version(NamedTuple):
    """qemu-img's version, comparable."""

    major: int
    minor: int
    micro: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


@dataclass(frozen=True, slots=True)
class Info:
    """What `qemu-img info` says of an image."""

    format: str
    virtual_size_bytes: int
    allocated_bytes: int


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


def info(path: Path, image_format: str) -> Info:
    """Sizes of the image at `path`, read as `image_format`."""
    argv = ["qemu-img", "info", "--output=json", "--force-share", "-f", image_format, _name(path)]
    answer = _json(run(argv, timeout_seconds=INFO_TIMEOUT_SECONDS, limits=INFO_LIMITS))
    try:
        return Info(str(answer["format"]), int(answer["virtual-size"]), int(answer["actual-size"]))
    except KeyError as error:
        raise ToolFailedError(f"qemu-img info printed no {error}") from error


def check(path: Path, image_format: str, *, timeout_seconds: float = WORK_TIMEOUT_SECONDS) -> CheckResult:
    """Whether the image's tables and refcounts agree. Nothing is repaired."""
    argv = ["qemu-img", "check", "--output=json", "--force-share", "-f", image_format, _name(path)]
    accept = {_CHECK_CLEAN, _CHECK_CORRUPT, _CHECK_LEAKS, _CHECK_UNSUPPORTED}
    completed = run(argv, timeout_seconds=timeout_seconds, limits=WORK_LIMITS, accept=accept)
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


def convert(  # noqa: PLR0913 - it is what qemu-img asks for, named one by one
    source: Path,
    source_format: str,
    target: Path,
    target_format: str,
    *,
    compression: Compression = "none",
    on_fraction: Callable[[float], None] | None = None,
) -> None:
    """Write what `source` holds to the new file `target`; zeros become holes. The source must not be in use.

    `on_fraction` receives the share that is done, 0.0 to 1.0. On failure the target may be left half written:
    removing it is the caller's.
    """
    options = ["-c", "-o", f"compression_type={compression}"] if compression != "none" else []
    argv = ["qemu-img", "convert", "-p", "-f", source_format, "-O", target_format, *options]
    listener = None if on_fraction is None else _fractions(on_fraction)
    argv += [_name(source), _name(target)]
    run(argv, timeout_seconds=WORK_TIMEOUT_SECONDS, limits=WORK_LIMITS, on_output=listener)


def create(target: Path, size_bytes: int) -> None:
    """Make `target` an empty qcow2 of a disk of `size_bytes`; it names no backing file."""
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", _name(target), str(size_bytes)]
    run(argv, timeout_seconds=INFO_TIMEOUT_SECONDS, limits=INFO_LIMITS)


def compare(
    first: Path,
    first_format: str,
    second: Path,
    second_format: str,
    *,
    on_fraction: Callable[[float], None] | None = None,
) -> Comparison:
    """Whether both hold the same bytes; a longer one may have zeros beyond the other's end."""
    argv = ["qemu-img", "compare", "-p", "--force-share", "-f", first_format, "-F", second_format]
    argv += [_name(first), _name(second)]
    listener = None if on_fraction is None else _fractions(on_fraction)
    completed = run(
        argv,
        timeout_seconds=WORK_TIMEOUT_SECONDS,
        limits=WORK_LIMITS,
        on_output=listener,
        accept={_COMPARE_SAME, _COMPARE_DIFFERENT},
    )
    return Comparison(completed.returncode == _COMPARE_SAME, _last_line(completed.stdout))


def _name(path: Path) -> str:
    """`path` as QEMU will not parse it; a relative one is a bug of the caller."""
    if not path.is_absolute():
        raise ValueError(f"qemu-img needs an absolute path, not {printable(str(path))}")
    return str(path)


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


def _last_line(output: bytes) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]", output.decode("utf-8", "replace"))]
    return printable(next((line for line in reversed(lines) if line and not _PROGRESS.search(line)), ""))
