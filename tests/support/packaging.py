"""A copy of the checkout as an installer gets it, and the wheel that is built from it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.documentation import CHECKOUT

PACKAGED = ("README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "imgtool", "docs")


def copy_of_checkout(place: Path, *more: str) -> Path:
    """A copy of what is packaged: an installer leaves its build beside it."""
    copy = place / "checkout"
    copy.mkdir()
    for name in (*PACKAGED, *more):
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return copy


def run(command: Sequence[str | Path], cwd: Path, **variables: str | Path) -> str:
    """What it prints, where it ends well."""
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(place: Path) -> Path:
    """The folder with the sdist, and the wheel that is built from it, in `place`."""
    uv = Path(sys.executable).parent / "uv"
    run([uv, "build", "--out-dir", place / "dist", copy_of_checkout(place)], place)
    return place / "dist"
