from pathlib import Path

import pytest

from imgtool.cli import checkout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Git repository; the working directory is a folder in it, and no CI system says anything."""
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "checkout"
    (root / "build").mkdir(parents=True)
    (root / ".git").mkdir()
    monkeypatch.chdir(root / "build")
    return root


def test_a_path_is_within_the_repository_around_the_working_directory(repository: Path) -> None:
    assert checkout.path(str(repository / "build/a.raw")) == "build/a.raw"
    assert checkout.path("a.raw") == "build/a.raw"
    assert checkout.path("../a.raw") == "a.raw"


def test_what_is_elsewhere_stays_as_it_is(repository: Path) -> None:
    assert checkout.path("/images/a.raw") == "/images/a.raw"
    assert checkout.path("../../a.raw") == "../../a.raw"
    assert checkout.path("https://h/a.raw") == "https://h/a.raw"
    assert checkout.path(f"{repository}-old/a.raw") == f"{repository}-old/a.raw"


@pytest.mark.parametrize("name", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE"])
def test_the_ci_system_knows_better(name: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(repository.parent))
    assert checkout.path("a.raw") == "checkout/build/a.raw"


def test_a_checkout_behind_a_link_is_the_same(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = repository.parent / "link"
    link.symlink_to(repository)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(link))
    assert checkout.path(str(link / "a.raw")) == "a.raw"
    assert checkout.path(str(repository / "a.raw")) == "a.raw"
