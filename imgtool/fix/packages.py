"""Packages that the operator hands to the sealed machine: an archive for tar that is a disk there.

Nothing of this machine reads them; the guest's own dpkg, rpm or apk does, and resolves what they need.
"""

import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.model.fix import FixOptions
from imgtool.util.text import human_size, printable

KINDS = (".deb", ".rpm", ".apk")
MAX_BYTES = 256 << 20
"""Of all: the machine unpacks them into its memory."""
MAX_FILES = 2000
SECTOR_BYTES = 512


def handed(options: FixOptions) -> dict[str, Path]:
    """The files by their names in the machine: `packages/...` are wanted, of `repository/...` what is needed.

    Raises UsageError for what is no package or folder, and for more than the machine has room for.
    """
    found = {f"packages/{number}{_kind(path)}": path for number, path in enumerate(options.packages)}
    if options.repository is not None:
        found |= {f"repository/{name}": path for name, path in _below(options.repository)}
        if not any(path.suffix in KINDS for path in found.values()):
            raise UsageError(
                f"{printable(str(options.repository))}: no package is in it",
                hint=f"put files that end with {', '.join(KINDS)} there",
            )
    size = sum(_size(path) for path in found.values())
    if size > MAX_BYTES or len(found) > MAX_FILES:
        raise UsageError(
            f"{len(found)} files, {human_size(size)}, are more than the guest gets"
            f" ({MAX_FILES} files, {human_size(MAX_BYTES)})",
            hint="hand over what it needs only",
        )
    return found


def write_disk(files: dict[str, Path], target: Path, label: str) -> None:
    """Write them to `target`, in whole sectors, behind an empty file whose name is the label.

    Raises UsageError where one cannot be read.
    """
    with tarfile.open(target, "x", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(label))  # an archive begins with the name of its first file
        for name, path in files.items():
            try:
                with path.open("rb") as file:
                    member = tarfile.TarInfo(name)
                    member.size = _size(path)
                    member.mode = 0o644
                    archive.addfile(member, file)
            except OSError as error:
                raise _unreadable(path, error) from error


def _kind(path: Path) -> str:
    if path.suffix not in KINDS:
        raise UsageError(
            f"{printable(str(path))}: it ends with none of {', '.join(KINDS)}",
            hint="hand over packages as the distribution has them",
        )
    return path.suffix


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Packages, and the indexes that dnf and apk look for."""
    if not folder.is_dir():
        raise UsageError(f"{printable(str(folder))}: it is no folder", hint="name a folder")
    for path in sorted(folder.rglob("*")):
        is_index = path.parent.name == "repodata" or path.name == "APKINDEX.tar.gz"
        if path.is_file() and (path.suffix in KINDS or is_index):
            yield path.relative_to(folder).as_posix(), path


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{printable(str(path))}: it is no regular file", hint="name a package's file")
    return found.st_size


def _unreadable(path: Path, error: OSError) -> UsageError:
    reason = printable(error.strerror or str(error))
    return UsageError(f"{printable(str(path))}: {reason}", hint="name a package's file")
