"""The sources that one item of a manifest names: a path, a pattern, or a URL."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.fetch.urls import file_name, is_url
from imgtool.formats.claims import without_endings
from imgtool.formats.vmdk.pair import data_name_for
from imgtool.util.text import printable


def find(source: str, folder: Path) -> list[str]:
    """The absolute paths that `source`, relative to the absolute `folder`, stands for; sorted, never none.

    `*`, `?` and `[...]` are a pattern's, and `**` stands for any folders, unless a file has just that name.
    A pattern that stands for both files of a VMDK stands for one image. Raises UsageError where nothing
    matches a pattern. A file that is not there is no error here.
    """
    if not glob.has_magic(source) or os.path.lexists(folder / source):
        return [str(folder / source)]
    pattern = str(Path(glob.escape(str(folder)), source))
    found = sorted(one for one in glob.glob(pattern, recursive=True) if Path(one).is_file())  # noqa: PTH207 - absolute
    if not found:
        raise UsageError(f"no file matches {printable(source)}", hint=f"it is looked for in {folder}")
    return without_halves(found)


def without_halves(paths: Sequence[str]) -> list[str]:
    """The paths without the data files of VMDKs whose descriptors are among them: a pair is one image."""
    halves = {data_file(one) for one in paths}
    return [one for one in paths if one not in halves]


def data_file(path: str) -> str | None:
    """Where the disk stands of which `path`, NAME.vmdk, may be the descriptor; None where it can be none."""
    name = Path(path).name
    return str(Path(path).with_name(data_name_for(name))) if name.lower().endswith(".vmdk") else None


def problem(source: str) -> str:
    """Why a path cannot be read as it seems now; empty where nothing speaks against it."""
    if is_url(source):
        return ""
    if not Path(source).exists():
        return "there is no such file"
    if Path(source).is_dir():
        return "is a folder"
    return "" if os.access(source, os.R_OK) else "may not be read"


def stem(source: str) -> str:
    """The file's name without endings such as .qcow2 and .gz, printable: images are named by it."""
    return printable(without_endings(file_name(source) if is_url(source) else Path(source).name))
