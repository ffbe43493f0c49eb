"""What the caller, or a file's name, claims that the content is."""

from collections.abc import Collection
from pathlib import PurePath

from imgtool.errors import FormatMismatchError, UsageError
from imgtool.text import printable

FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx")
"""What the gate lets through, by qemu-img's names. An ISO image is raw."""

_ALIASES = {"vhd": "vpc", "iso": "raw"}
_ENDINGS = {
    ".raw": "raw",
    ".iso": "raw",
    ".qcow2": "qcow2",
    ".qcow": "qcow2",
    ".qc2": "qcow2",
    ".vmdk": "vmdk",
    ".vdi": "vdi",
    ".vhd": "vpc",
    ".vpc": "vpc",
    ".vhdx": "vhdx",
}
_WRAPPER_ENDINGS = frozenset({".gz", ".gzip", ".xz", ".zst", ".zstd", ".bz2"})


def format_named(claimed_format: str) -> str:
    """qemu-img's name of what the caller calls `claimed_format`. Raises UsageError where it is not read."""
    name = claimed_format.lower()
    name = _ALIASES.get(name, name)
    if name not in FORMATS:
        known = ", ".join((*FORMATS, *_ALIASES))
        raise UsageError(
            f"images of the format {printable(claimed_format)} are not read", hint=f"known: {known}"
        )
    return name


def format_by_ending(name: str) -> str | None:
    """What the ending claims: qcow2 for disk.qcow2 and for disk.qcow2.xz; None for .img and all others."""
    return _ENDINGS.get(_without(name, _WRAPPER_ENDINGS).suffix.lower())


def without_endings(name: str) -> str:
    """`name` without what its endings claim: disk for disk.qcow2.xz; debian-12.5 stays as it is."""
    return str(_without(str(_without(name, _WRAPPER_ENDINGS)), {*_ENDINGS, ".img"}))


def _without(name: str, endings: Collection[str]) -> PurePath:
    path = PurePath(name)
    return path.with_suffix("") if path.suffix.lower() in endings else path


def contradict(claimed: str, *, by_caller: bool, content: str) -> FormatMismatchError:
    """The refusal of content that is not what was claimed."""
    who = "the caller claims that it is" if by_caller else "its name claims that it is"
    return FormatMismatchError(
        f"{who} {claimed}, but its content is {content}",
        hint="find out who made it and why; rename it, or give its real format, only if you trust them",
    )
