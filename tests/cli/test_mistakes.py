"""A hundred mistakes: each has its exit status, and a message that says what happened and what to do."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import mistakes
from support.in_process import imgtool_here
from support.mistakes import Mistake

import imgtool

IN_PROCESS = [
    *mistakes.OPTIONS, *mistakes.FILES, *mistakes.CLOUD, *mistakes.YAML, *mistakes.PROPERTIES,
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mistakes")
    mistakes.make_folder(path)
    return path


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the clouds of its clouds.yaml and no other."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", "clouds.yaml")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    return folder


def assert_told(one: Mistake, status: int, said: str, folder: Path) -> None:
    """What happened, and what to do."""
    assert "internal error" not in said
    assert "\\n" not in said, "a line that was broken is shown with what broke it"
    assert "Traceback" not in said
    assert status == one.status, said
    for part in one.says.format(folder=folder, steam="{steam}", stem="{stem}").split(" | "):
        assert part.strip() in said, said
    says_what_to_do = (
        "imgtool: hint:  ",
        "      fix  ",
        " must be ",
        "problem  ",
        '"hint": "',
        "(examples: ",
    )
    assert any(words in said for words in says_what_to_do), said


NOBODY = 65534
CODE = "import sys; from imgtool.cli.main import main; sys.argv[0] = 'imgtool'; main()"


def as_nobody(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it as a user without rights, in a folder whose own folders are closed to others."""
    binds = " && ".join(
        f"mount --bind '{path}' '{folder / name}'"
        for name, path in (("python", sys.prefix), ("code", Path(imgtool.__file__).parents[1]))
    )
    drop = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --no-new-privs"
    script = f"{binds} && cd '{folder}' && exec {drop} '{folder}/python/bin/python' -c \"$CODE\" \"$@\""
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": str(folder / "tmp"), "CODE": CODE,
        "PYTHONPATH": str(folder / "code"), "OS_CLIENT_CONFIG_FILE": "clouds.yaml",
    }  # fmt: skip
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", *words]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def closed() -> Iterator[Path]:
    """The same files where another user may come, and some that it may not read or write."""
    path = Path(tempfile.mkdtemp(prefix="mistakes-", dir="/var/tmp"))
    mistakes.make_folder(path)
    for name in ("python", "code", "tmp", "shut"):
        (path / name).mkdir()
    (path / "tmp").chmod(0o777)
    (path / "shut").chmod(0o755)
    for name, text in (("closed.yaml", "images: [data.raw]\n"), ("closed.raw", "x" * 512)):
        (path / name).write_text(text)
        (path / name).chmod(0o600)
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("one", mistakes.WITHOUT_RIGHTS, ids=str)
def test_what_may_not_be_done_is_told_too(one: Mistake, closed: Path) -> None:
    run = as_nobody(closed, *one.words.split())
    assert_told(one, run.returncode, run.stderr + run.stdout, closed)
    assert os.listdir(closed / "shut") == []


def test_there_are_a_hundred() -> None:
    assert len(IN_PROCESS) + len(mistakes.WITHOUT_RIGHTS) >= 100


@pytest.mark.parametrize("one", IN_PROCESS, ids=str)
def test_a_mistake_is_told_with_what_to_do(
    one: Mistake, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(os.listdir(inside))
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    run = imgtool_here(*one.words.split())
    assert_told(one, run.returncode, run.stderr + run.stdout, inside)
    left = set(os.listdir(inside)) - set(before)
    assert {name for name in left if name != "state" and not name.endswith(".journal")} == set()
