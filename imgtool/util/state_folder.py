"""Where imgtool keeps what has to outlive a run: the notes of uploads that are not finished.

By the XDG Base Directory Specification: $XDG_STATE_HOME, else ~/.local/state. A service often has no home
that it can write to; it gets a folder of its own below the temporary directory.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from imgtool.errors import UsageError
from imgtool.util.text import printable


def uploads_folder(*, dry_run: bool = False) -> Path:
    """The folder, which is there and this user's now. Raises UsageError where there is no such place.

    A dry run makes none: it notes nothing.
    """
    wanted = _wanted()
    if dry_run:
        return wanted or _temporary()
    return wanted if wanted is not None and _made(wanted) else _below_temporary()


def journal_of(keys: Sequence[str]) -> Path:
    """The journal of a run of several images: the same command finds what a stopped one has done.

    It is in a folder below `uploads_folder`. Raises UsageError.
    """
    folder = uploads_folder() / "several"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = f"{printable(str(folder))}: cannot be made: {error.strerror}"
        raise UsageError(reason, hint="set XDG_STATE_HOME to a folder of your own") from error
    return folder / f"{hashlib.sha256(json.dumps(list(keys)).encode()).hexdigest()[:16]}.journal"


def _wanted() -> Path | None:
    """Where it belongs, whether it can be there or not; None where the environment names no place."""
    base = os.environ.get("XDG_STATE_HOME", "")
    home = os.environ.get("HOME", "")
    if Path(base).is_absolute():  # a relative one is to be ignored, says the specification
        return Path(base, "imgtool", "uploads")
    return Path(home, ".local", "state", "imgtool", "uploads") if Path(home).is_absolute() else None


def _made(folder: Path) -> bool:
    """Whether it is there now, this user's, and can be written to."""
    try:
        for missing in [path for path in reversed([folder, *folder.parents]) if not path.exists()]:
            missing.mkdir(mode=0o700, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError:
        return False
    return owner == os.geteuid() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _temporary() -> Path:
    return Path(tempfile.gettempdir(), f"imgtool-uploads-{os.geteuid()}")


def _below_temporary() -> Path:
    """Return a folder below TMPDIR that is the same for each run, so that the next run finds the notes.

    Others can write beside it, and what is noted there makes imgtool delete images: nobody else may have
    made it, or be able to write into it.
    """
    hint = "set XDG_STATE_HOME to a folder of your own"
    try:
        folder = _temporary()
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise UsageError(f"there is no folder to note uploads in: {error.strerror}", hint=hint) from error
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise UsageError(f"{printable(str(folder))} is not a folder of this user only", hint=hint)
    return folder
