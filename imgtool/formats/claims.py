"""What the caller, or a file's name, claims that the content is."""

from collections.abc import Collection
from pathlib import PurePath
from typing import Literal

from imgtool.errors import FormatMismatchError, UsageError
from imgtool.util.text import printable

FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx")
"""What the gate lets through, by qemu-img's names. An ISO image is raw."""

MadeFormat = Literal["raw", "qcow2"]
"""What imgtool writes."""

OVA = "ova"
"""An archive of a disk: what a name can claim, and the caller cannot, as his word is for the disk inside."""

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
    ".ova": OVA,
}
_WRAPPER_ENDINGS = frozenset({".gz", ".gzip", ".xz", ".zst", ".zstd", ".bz2"})


def format_named(claimed_format: str) -> str:
    """qemu-img's name of what the caller calls `claimed_format`. Raises UsageError where it is not read."""
    name = claimed_format.lower()
    name = _ALIASES.get(name, name)
    if name not in FORMATS:
        known = ", ".join((*FORMATS, *_ALIASES))
        raise UsageError(f"unsupported image format: {printable(claimed_format)}", hint=f"known: {known}")
    return name


def format_by_ending(name: str) -> str | None:
    """What the ending claims: qcow2 for disk.qcow2 and for disk.qcow2.xz; None for .img and all others."""
    return _ENDINGS.get(_without(name, _WRAPPER_ENDINGS).suffix.lower())


def is_packed(name: str) -> bool:
    """Whether the ending claims that the file is compressed as a whole."""
    return PurePath(name).suffix.lower() in _WRAPPER_ENDINGS


def format_to_make(name: str, wanted: MadeFormat | None) -> MadeFormat:
    """The format of a new file of that name: as `wanted`, or what its ending claims, or else qcow2.

    Raises UsageError where the ending claims another: imgtool, for one, refuses such a file.
    """
    claimed = format_by_ending(name)
    if wanted is None and claimed in {None, "raw", "qcow2"}:
        return "raw" if claimed == "raw" else "qcow2"
    if claimed not in {None, wanted}:
        made = f"{wanted} is to be made" if wanted else "only raw and qcow2 can be made"
        raise UsageError(
            f"{printable(name)}: its name claims that it is {claimed}, and {made}",
            hint="give it another ending: .raw, .qcow2, or one that claims nothing, .img for one",
        )
    return wanted or "qcow2"


def without_endings(name: str) -> str:
    """`name` without what its endings claim: disk for disk.qcow2.xz; debian-12.5 stays as it is."""
    return str(_without(str(_without(name, _WRAPPER_ENDINGS)), {*_ENDINGS, ".img"}))


def _without(name: str, endings: Collection[str]) -> PurePath:
    path = PurePath(name)
    return path.with_suffix("") if path.suffix.lower() in endings else path


def contradict(claimed: str, *, who: str, content: str) -> FormatMismatchError:
    """The refusal of content that is not what `who` claimed: "the caller", "its name"."""
    return FormatMismatchError(
        f"{who} claims that it is {claimed}, but its content is {content}",
        hint="find out who made it and why; rename it, or give its real format, only if you trust them",
    )
