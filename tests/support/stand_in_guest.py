"""A tree of files as a distribution has them, in which a repair's script runs: real shell, recorded programs.

The shell and the usual tools are this machine's. What the distribution has besides (dracut, grubby, apk) only
writes down how it was called; what it has not is not found.
"""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TOOLS = (
    "basename", "cat", "chmod", "cp", "cut", "dd", "env", "find", "grep", "head", "ln", "ls", "mkdir", "mv",
    "readlink", "rm", "sed", "sh", "sha256sum", "tar", "touch", "tr", "wc",
)  # fmt: skip
"""Without a package manager, and without a boot loader's."""
HOST = "/host"
RECORDER = (
    '#!/bin/sh\n{{ printf %s "${{0##*/}}"; [ $# = 0 ] || printf " %s" "$@"; echo; }} >> /calls\n{more}\n'
)
LIBRARIES = ("/lib64", "/lib/x86_64-linux-gnu")


@dataclass(frozen=True)
class Ran:
    """What a script did."""

    status: int
    calls: list[str]
    output: str


class StandInGuest:
    """One tree."""

    def __init__(self, top: Path, recorded: Iterable[str] = (), real: Iterable[str] = ()) -> None:
        """`recorded` are names of programs that only write down their calls; `real` are this machine's."""
        self.top = top
        for folder in ("bin", "dev", "etc", "lib", "proc", "tmp", "usr/sbin"):
            (top / folder).mkdir(parents=True)
        for name in (*TOOLS, *real):
            found = shutil.which(name)
            assert found is not None, name
            (top / "bin" / name).symlink_to(f"{HOST}{found.removeprefix('/usr')}")
        for name in recorded:
            self.record(name)

    def record(self, name: str, more: str = "") -> None:
        """A program that writes down its calls, and does `more`."""
        self.put(f"bin/{name}", RECORDER.format(more=more)).chmod(0o755)

    def put(self, path: str, content: str = "") -> Path:
        """A file."""
        place = self.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return place

    def read(self, path: str) -> str:
        """A file's content."""
        return (self.top / path).read_text()

    def run(self, script: str, *shown: str) -> Ran:
        """Run it as the sealed machine does; `shown` are further folders of this machine that are there."""
        binds = [word for path in (*LIBRARIES, *shown) for word in ("--ro-bind", path, path)]
        sandbox = ["bwrap", "--unshare-all", "--die-with-parent", "--uid", "0", "--gid", "0"]
        tree = [
            "--bind",
            str(self.top),
            "/",
            "--ro-bind",
            "/usr",
            HOST,
            *binds,
            "--dev",
            "/dev",
            "--proc",
            "/proc",
        ]
        body = f"(\nset -e\n{script}) < /dev/null 2>&1\n"
        done = subprocess.run(
            [
                *sandbox,
                *tree,
                "--chdir",
                "/",
                "/bin/sh",
                "-c",
                f"disk=/dev/vda packages=/packages.tar\n{body}",
            ],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": "/bin", "LC_ALL": "C", "HOME": "/"},
        )
        calls = self.top / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return Ran(done.returncode, lines, done.stdout + done.stderr)
