"""TERM ends every command at any moment, with status 130; before it could begin, with 143 as for a shell."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.cli import IMGTOOL, imgtool

MOMENTS = 4
COMMANDS = {
    "inspect": ["inspect", "disk.raw"],
    "inspect unpacked": ["inspect", "disk.raw.gz"],
    "check": ["check", "disk.raw", "--report", "html=report.html"],
    "explain": ["explain", "--output", "json"],
    "doctor": ["doctor"],
    "upload": ["upload", "disk.raw", "--dry-run"],
    "prepare": ["prepare", "disk.raw.gz", "--dry-run"],
    "batch": ["batch", "images.yaml"],
}
"""`convert` is in test_convert_interrupted.py, `boot` in test_boot.py."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terminated")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", path / "disk.raw", "32M"], check=True)
    subprocess.run(["gzip", "-k", "-1", path / "disk.raw"], check=True)
    (path / "images.yaml").write_text("images:\n  - {source: disk.raw.gz, output: out.qcow2}\n")
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_it_ends_and_leaves_nothing(name: str, folder: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    usual = imgtool(*COMMANDS[name], cwd=folder).returncode
    seconds = time.monotonic() - started
    moments = random.Random(name)
    for _ in range(MOMENTS):
        after = moments.uniform(0, seconds)
        status, errors = terminated(COMMANDS[name], after, folder, tmp_path)
        assert status in {usual, 130, -signal.SIGTERM, 0}, f"after {after} s: {errors}"
        assert "Traceback" not in errors
        assert "ignored" not in errors
        assert os.listdir(tmp_path) == [], f"after {after} s"
        assert not [one.name for one in folder.iterdir() if one.name.startswith(".imgtool-")]
    assert imgtool(*COMMANDS[name], cwd=folder).returncode == usual


def terminated(words: list[str], after: float, folder: Path, tmpdir: Path) -> tuple[int, str]:
    argv, env = [IMGTOOL, *words], {**os.environ, "TMPDIR": str(tmpdir)}
    with subprocess.Popen(
        argv, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as child:
        time.sleep(after)
        child.send_signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=30)
    return child.returncode, errors
