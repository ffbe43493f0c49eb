"""imgtool is installed from a checkout as the README says: it judges an image, and has its manual there."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.documentation import CHECKOUT, README
from support.fixtures import fixture_path
from support.packaging import PACKAGED, build, copy_of_checkout, run

from imgtool import __version__
from imgtool.cli import chapters

INSTALLERS = ("pipx install .", "uv tool install .", "python3 -m venv .venv && .venv/bin/pip install .")
NAMES = ("imgtool", "openstack-imgtool")
NOBODY = 65534
DROP = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")


def assert_works(folder: Path, cwd: Path) -> float:
    """The programs in `folder` judge an image and have every chapter; how long the first verdict took."""
    began = time.monotonic()
    shown = run([folder / NAMES[0], "check", "--policy=data", fixture_path("data-disk")], cwd)
    seconds = time.monotonic() - began
    assert "PASS" in shown
    for name in NAMES:
        assert run([folder / name, "--version"], cwd) == f"imgtool, version {__version__}\n"
    for chapter in chapters.CHAPTERS:
        assert run([folder / NAMES[0], "help", chapter], cwd).startswith(chapters.title(chapter))
    return seconds


@pytest.mark.parametrize("command", INSTALLERS)
def test_what_the_readme_installs_judges_an_image(command: str, tmp_path: Path) -> None:
    """Each builds a wheel; imgtool runs where the checkout is not."""
    assert command in README.read_text()
    checkout = copy_of_checkout(tmp_path)
    places = {
        "PIPX_HOME": tmp_path / "pipx", "PIPX_BIN_DIR": tmp_path / "bin", "PIPX_MAN_DIR": tmp_path / "man",
        "UV_TOOL_DIR": tmp_path / "uv", "UV_TOOL_BIN_DIR": tmp_path / "bin",
    }  # fmt: skip
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    began = time.monotonic()
    run(["bash", "-c", command], checkout, PATH=path, **places)
    seconds = time.monotonic() - began
    for name in PACKAGED:
        (checkout / name).rename(tmp_path / f"was {name}")
    own = checkout / ".venv/bin"
    verdict = assert_works(own if own.exists() else tmp_path / "bin", tmp_path)
    print(f"{command}: installed in {seconds:.1f} s, first verdict {verdict:.1f} s later")  # noqa: T201 - for pytest -s


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and the wheel that is built from it."""
    return build(tmp_path_factory.mktemp("built"))


def test_the_sdist_has_the_licence_the_manual_and_the_changes(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "CHANGELOG.md", "README.md", "pyproject.toml", "imgtool/py.typed"}
    assert wanted | {f"imgtool/docs/{chapter}.md" for chapter in chapters.CHAPTERS} <= names


def test_the_wheel_says_what_it_is(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        told = archive.read(metadata).decode().partition("\n\n")[0].splitlines()
    wanted = {"Name: openstack-imgtool", f"Version: {__version__}", "License-Expression: Apache-2.0"}
    assert wanted | {"License-File: LICENSE", "Classifier: Environment :: OpenStack"} <= set(told)
    assert any(line.startswith("Project-URL: ") for line in told)


def test_the_wheel_works_in_a_bare_environment(built: Path, tmp_path: Path) -> None:
    """As whoever gets it from an index has it: nothing of the checkout is there."""
    (wheel,) = built.glob("*.whl")
    run(["python3", "-m", "venv", tmp_path / "bare"], tmp_path)
    run([tmp_path / "bare/bin/python", "-m", "pip", "install", "--no-cache-dir", wheel], tmp_path)
    assert_works(tmp_path / "bare/bin", tmp_path)


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder of nobody's own, not in TMPDIR: the folders of a test run are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="install-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)


def test_setup_needs_no_root_where_the_programs_are_there(nobodys: Path) -> None:
    """Where something is missing, imgtool is there all the same, and says what."""
    checkout = copy_of_checkout(nobodys, "scripts")
    (checkout / "scripts/debian-packages").write_text("runtime  no-such-package  # none\n")
    poor = nobodys / "poor"
    poor.mkdir()
    for program in Path("/usr/bin").iterdir():
        if not program.name.startswith("qemu-"):
            (poor / program.name).symlink_to(program)
    shutil.chown(nobodys, NOBODY, NOBODY)
    run(["chown", "-R", f"{NOBODY}:{NOBODY}", checkout], nobodys)
    command = [*DROP, checkout / "scripts/setup"]
    environment = {"HOME": str(nobodys), "PATH": str(poor), "TMPDIR": str(nobodys)}
    lacking = subprocess.run(
        command, cwd=nobodys, env=environment, capture_output=True, text=True, check=False
    )
    assert lacking.returncode == 4, lacking.stderr
    assert "run: sudo apt-get install --yes --no-install-recommends no-such-package\n" in lacking.stderr
    assert "missing qemu-img" in " ".join(lacking.stderr.split())
    ready = subprocess.run(
        command, cwd=nobodys, env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ready.returncode == 0, ready.stderr
    assert "ready" in ready.stderr
    assert_works(checkout / ".venv/bin", nobodys)


def test_an_editable_install_reads_the_chapters_of_the_checkout() -> None:
    assert chapters.FOLDER.resolve() == CHECKOUT / "docs"
