"""A virtual environment with pinned packages, kept in the cache: made once, then reused.

Its name there has the hash of what it is made from, so a changed list makes another one.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

COMPLETE = "complete"
"""Exists only in an environment that was made to its end."""


class InstallError(Exception):
    """The packages cannot be installed here."""


def ready(cache: Path, name: str, requirements: Path, say: Callable[[str], None]) -> Path:
    """The folder of the environment `name`, made now where it is not there yet.

    `requirements` names every package with its version: nothing else is installed. Raises InstallError,
    OSError.
    """
    folder = cache / f"{name}-{_fingerprint(requirements)}"
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two that need it at once, the second waits for the first
        if not (folder / COMPLETE).exists():
            say(f"installing {name} into {folder} (once)")
            _make(folder, requirements)
    return folder


def pinned(requirements: Path, package: str) -> str:
    """The version in a line such as `glance==33.0.0`. Raises KeyError."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)[package]


def _fingerprint(requirements: Path) -> str:
    parts = [requirements.read_text(encoding="utf-8"), platform.python_version(), platform.machine()]
    return hashlib.sha256("\0".join([*parts, os.path.realpath(sys.executable)]).encode()).hexdigest()[:16]


def _make(folder: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _step(sys.executable, "-I", "-m", "venv", str(folder))
    install = ["install", "--quiet", "--no-input", "--no-deps", "--requirement", str(requirements)]
    _step(str(folder / "bin/python"), "-I", "-m", "pip", *install)
    (folder / COMPLETE).touch()


def _step(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise InstallError(f"{' '.join(command[1:])} failed: {words[-1] if words else done.returncode}")
