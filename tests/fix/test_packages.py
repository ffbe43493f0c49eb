"""What is handed to the guest is an archive that its tar takes; what is no package is refused."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtool.errors import UsageError
from imgtool.fix import packages
from imgtool.fix.packages import SECTOR_BYTES, handed, write_disk
from imgtool.model.fix import FixOptions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    for name in ("a b.deb", "pool/c.deb", "x/repodata/repomd.xml", "README", "x86_64/APKINDEX.tar.gz"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "loop.deb").symlink_to("nowhere")
    return made


def test_tar_unpacks_the_disk(folder: Path, tmp_path: Path) -> None:
    one = tmp_path / "one_1%3a2.deb"
    one.write_bytes(b"one" * 1000)
    files = handed(FixOptions(packages=(one,), repository=folder))
    disk, place = tmp_path / "disk", tmp_path / "place"
    write_disk(files, disk, "@imgtool:0123")
    assert disk.read_bytes().startswith(b"@imgtool:0123\0")
    assert disk.stat().st_size % SECTOR_BYTES == 0
    place.mkdir()
    subprocess.run(["tar", "-xf", disk, "-C", place], check=True)
    found = {str(path.relative_to(place)): path for path in place.rglob("*") if path.is_file()}
    assert found.pop("@imgtool:0123").stat().st_size == 0
    assert set(found) == {
        "packages/0.deb", "repository/a b.deb", "repository/pool/c.deb", "repository/x/repodata/repomd.xml",
        "repository/x86_64/APKINDEX.tar.gz",
    }  # fmt: skip
    assert found["packages/0.deb"].read_bytes() == one.read_bytes()
    assert found["repository/a b.deb"].read_text() == "a b.deb"


def test_nothing_is_handed_over_unless_that_was_asked_for() -> None:
    assert handed(FixOptions()) == {}


REFUSED: list[tuple[Callable[[Path], FixOptions], str]] = [
    (lambda at: FixOptions(packages=(at / "a.zip",)), "ends with none of .deb, .rpm, .apk"),
    (lambda at: FixOptions(packages=(at / "a.deb",)), "No such file"),
    (lambda at: FixOptions(packages=(at / "d.deb",)), "no regular file"),
    (lambda at: FixOptions(repository=at / "a.deb"), "no folder"),
    (lambda at: FixOptions(repository=at), "no package is in it"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_none_is_refused(make: Callable[[Path], FixOptions], says: str, tmp_path: Path) -> None:
    (tmp_path / "d.deb").mkdir()
    with pytest.raises(UsageError, match=re.escape(says)):
        handed(make(tmp_path))


def test_more_than_its_memory_holds_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_BYTES", 10)
    with pytest.raises(UsageError, match="more than the guest gets"):
        handed(FixOptions(repository=folder))
