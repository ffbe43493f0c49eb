"""Headless Chromium, which loads nothing from any network."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Browser = Callable[..., str]
"""Takes the size of the window and arguments; gives what the browser prints."""


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """One with a profile of its own."""
    program = shutil.which("chromium-headless-shell")
    if program is None:
        pytest.skip("there is no chromium-headless-shell")
    options = ["--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # its sandbox refuses to start as root

    def run(size: tuple[int, int], *arguments: str) -> str:
        command = [program, *options, "--window-size={},{}".format(*size), *arguments]
        environment = {**os.environ, "HOME": str(tmp_path)}
        done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)
        return done.stdout.decode()

    return run
