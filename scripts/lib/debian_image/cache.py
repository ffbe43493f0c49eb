"""The cache: each file is made once, whole or not at all, by whoever comes first."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def directory() -> Path:
    """Where images are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "imgtool/images"


def digest(*parts: str) -> str:
    """A short name for what is made from `parts`."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def recipe() -> str:
    """The text of this package: another recipe makes another image."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py")))


@contextmanager
def made_once(target: Path) -> Iterator[Path | None]:
    """A path to write, in a directory of its own, which becomes `target` when all went well.

    None where it is there already: others wait here until the first has made it, or failed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{target}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            yield None
            return
        with _workplace(Path(f"{target}.building")) as work:
            fresh = work / target.name
            yield fresh
            fresh.chmod(0o444)
            fresh.rename(target)


@contextmanager
def _workplace(work: Path) -> Iterator[Path]:
    """An empty directory for as long as the block lasts, also where one that was killed has left it full."""
    if work.exists():
        shutil.rmtree(work)
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work)
