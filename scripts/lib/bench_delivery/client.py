"""The usual client, python-openstackclient, in a virtual environment of its own: made once, then reused.

It is kept in the cache under a name that is the hash of what it is made from. pip compiles its modules, and
the first, untimed run warms the client's own caches.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
COMPLETE = "complete"
"""Exists only in an environment that was made to its end."""


class ClientError(Exception):
    """The client cannot be installed here."""


def ready_client(cache: Path) -> Path:
    """The program `openstack`, installed now where it is not there yet. Raises ClientError, OSError."""
    folder = cache / f"openstackclient-{_fingerprint()}"
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two that need it at once, the second waits for the first
        if not (folder / COMPLETE).exists():
            _make(folder)
    return folder / "bin/openstack"


def version() -> str:
    """The client's, as its requirement says it."""
    return pinned(REQUIREMENTS, "python-openstackclient")


def pinned(requirements: Path, package: str) -> str:
    """The version in a line such as `glance==33.0.0`. Raises KeyError."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)[package]


def _fingerprint() -> str:
    parts = [REQUIREMENTS.read_text(encoding="utf-8"), platform.python_version(), platform.machine()]
    return hashlib.sha256("\0".join([*parts, os.path.realpath(sys.executable)]).encode()).hexdigest()[:16]


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    print(f"bench: installing python-openstackclient into {folder} (once)", file=sys.stderr)
    _step(sys.executable, "-I", "-m", "venv", str(folder))
    install = ["install", "--quiet", "--no-input", "--no-deps", "--requirement", str(REQUIREMENTS)]
    _step(str(folder / "bin/python"), "-I", "-m", "pip", *install)
    (folder / COMPLETE).touch()


def _step(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ClientError(f"{' '.join(command[1:])} failed: {words[-1] if words else done.returncode}")
