"""Bad days: a call that fails, a file that changes while it is read, a clock that jumps. See shim.c."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("shim.c")


@dataclass(frozen=True)
class Mishaps:
    """Makes the environment in which imgtool has one; `shim` is the library that is preloaded."""

    shim: Path

    def failing(self, call: str, file: Path | str, at: int, number: int = errno.EIO) -> dict[str, str]:
        """The `at`-th of these calls for a file with that name in its own, and all later ones, fail."""
        return self._of(call, file, at, f"errno: {number}")

    def shrinking(self, file: Path, at: int) -> dict[str, str]:
        """Just before the `at`-th reading of the file it loses its second half."""
        return self._of("preadv", file, at, "shrink")

    def changing(self, file: Path, at: int) -> dict[str, str]:
        """Just before the `at`-th reading of the file somebody writes to it."""
        return self._of("preadv", file, at, "change")

    def vanishing(self, folder: Path, call: str, at: int) -> dict[str, str]:
        """The folder gets another name just before that call for a file in it."""
        return self._of(call, folder, at, f"rename: {folder}")

    def jumping_clock(self) -> dict[str, str]:
        """The wall clock jumps to and fro by hours, each time somebody looks."""
        return {"LD_PRELOAD": str(self.shim), "MISHAP_CLOCK": "1"}

    def _of(self, call: str, file: Path | str, at: int, what: str) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.shim), "MISHAP_CALL": call, "MISHAP_FILE": str(file),
            "MISHAP_AT": str(at), "MISHAP_DO": what,
        }  # fmt: skip


@pytest.fixture(scope="session")
def mishaps(tmp_path_factory: pytest.TempPathFactory) -> Mishaps:
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    flags = ["-std=gnu11", "-Wall", "-Werror", "-O1", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", library, _SOURCE, "-ldl"], check=True)
    return Mishaps(library)


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of that size, mounted at the new folder."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size_bytes},huge=never", "tmpfs"]
    subprocess.run(["mount", *options, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
