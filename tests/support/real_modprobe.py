"""What modprobe itself makes of a configuration, in a root of its own: kmod, modules, a command line."""

import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from support.guest_tree import Content
from support.kmod import VERSION

KMOD = Path("/usr/bin/kmod")


class RealModprobe:
    """A root with these files, in which modprobe says what it would do."""

    def __init__(self, top: Path, files: Mapping[str, Content]) -> None:
        self._top = top
        for name in ("usr/bin", "usr/sbin", "usr/lib", "proc", "etc"):
            (top / name).mkdir(parents=True)
        for name in ("lib", "lib64"):
            (top / name).symlink_to("usr/lib")
        shutil.copy(KMOD, top / "usr/bin/kmod")
        (top / "usr/sbin/modprobe").symlink_to("../bin/kmod")
        said = subprocess.run(["ldd", KMOD], check=True, capture_output=True, text=True).stdout
        for library in (word for word in said.split() if word.startswith("/")):
            shutil.copy(library, top / "usr/lib")
        self._write(files)

    def loads(self, name: str, module: str, files: Mapping[str, Content], options: str = "") -> bool:
        """Whether `modprobe -b NAME` puts the module's own file into the kernel."""
        self._write(files)
        (self._top / "proc/cmdline").write_text(f"{options}\n")
        command = ["chroot", self._top, "/usr/sbin/modprobe", "-n", "-v", "-b", "-S", VERSION, "--", name]
        said = subprocess.run(command, check=False, capture_output=True, text=True).stdout
        for path in files:
            place = self._place(path)
            place.unlink()
            with suppress(OSError):  # others are in it
                place.parent.rmdir()
        return any(f"/{module}.ko" in line and line.startswith("insmod ") for line in said.splitlines())

    def _write(self, files: Mapping[str, Content]) -> None:
        for path, content in files.items():
            place = self._place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            assert isinstance(content, str | bytes)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def _place(self, path: str) -> Path:
        return self._top / path.removeprefix("/")
