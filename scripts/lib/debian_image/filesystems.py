"""ext4 and XFS from a directory, in a file, without a mount."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from debian_image.commands import run
from debian_image.layout import MIB


def empty_file(path: Path, size_mib: int) -> Path:
    """A new file that is one hole."""
    with path.open("xb") as file:
        file.truncate(size_mib * MIB)
    return path


def make_ext4(tree: Path, uuid: str, size_mib: int, target: Path) -> Path:
    """Without the two features that e2fsprogs 1.47 turned on by default and GRUB 2.06 cannot read."""
    features = "^metadata_csum_seed,^orphan_file"
    identity = ("-L", target.stem, "-U", uuid)
    run("mkfs.ext4", "-q", "-F", *identity, "-O", features, "-d", tree, target, f"{size_mib}M")
    return target


def make_xfs(tree: Path, uuid: str, size_mib: int, target: Path) -> Path:
    """By a prototype file, whose names must hold no blanks: they are relative to the tree."""
    prototype = target.with_suffix(".prototype")
    prototype.write_text("\n".join(["/boot/none", "0 0", *_prototype(tree, tree), ""]), encoding="utf-8")
    identity = ("-L", target.stem, "-m", f"uuid={uuid}")
    empty_file(target, size_mib)
    run("mkfs.xfs", "-q", *identity, "-p", prototype, target, cwd=tree)
    return target


def _prototype(tree: Path, directory: Path) -> Iterator[str]:
    """The lines of mkfs.xfs(8)'s prototype for `directory` and all below it.

    It has no place for the sticky bit (systemd-tmpfiles sets that of /tmp at boot), extended attributes
    and hard links.
    """
    yield _mode("d", directory.lstat())
    for path in sorted(directory.iterdir()):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            yield f"{path.name} {_mode('l', status)} {path.readlink()}"
        elif stat.S_ISDIR(status.st_mode):
            head, *rest = _prototype(tree, path)
            yield f"{path.name} {head}"
            yield from rest
        elif stat.S_ISREG(status.st_mode):
            yield f"{path.name} {_mode('-', status)} {path.relative_to(tree)}"
    yield "$"


def _mode(kind: str, status: os.stat_result) -> str:
    setuid = "u" if status.st_mode & stat.S_ISUID else "-"
    setgid = "g" if status.st_mode & stat.S_ISGID else "-"
    return f"{kind}{setuid}{setgid}{status.st_mode & 0o777:03o} {status.st_uid} {status.st_gid}"
