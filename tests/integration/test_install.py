"""imgtool is installed from a checkout as the README says, and has its manual there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.documentation import CHECKOUT, README

from imgtool.cli import chapters

PACKAGED = ("README.md", "LICENSE", "pyproject.toml", "imgtool", "docs")
INSTALLERS = ("pipx install .", "uv tool install .", "python3 -m venv .venv && .venv/bin/pip install .")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what is packaged: an installer leaves its build beside it."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in PACKAGED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return copy


@pytest.mark.parametrize("command", INSTALLERS)
def test_an_installed_imgtool_has_every_chapter(command: str, checkout: Path, tmp_path: Path) -> None:
    """Both build a wheel; this runs where the checkout is not."""
    assert command in README.read_text()
    places = {
        "PIPX_HOME": tmp_path / "pipx", "PIPX_BIN_DIR": tmp_path / "bin", "PIPX_MAN_DIR": tmp_path / "man",
        "UV_TOOL_DIR": tmp_path / "uv", "UV_TOOL_BIN_DIR": tmp_path / "bin",
    }  # fmt: skip
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}, "PATH": path}
    done = subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in PACKAGED:
        (checkout / name).rename(tmp_path / f"was {name}")
    own = checkout / ".venv/bin/imgtool"
    installed = own if own.exists() else tmp_path / "bin/imgtool"
    for chapter in chapters.CHAPTERS:
        shown = subprocess.run(
            [installed, "help", chapter], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert shown.stdout.startswith(chapters.title(chapter))


def test_an_editable_install_reads_the_chapters_of_the_checkout() -> None:
    assert chapters.FOLDER.resolve() == CHECKOUT / "docs"
