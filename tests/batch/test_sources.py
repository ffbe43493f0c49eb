"""What a path, a pattern or a URL stands for."""

from pathlib import Path

import pytest

from imgtool.batch import sources
from imgtool.errors import UsageError


def test_a_pattern_gives_files_sorted(tmp_path: Path) -> None:
    for name in ("b.raw", "a.raw", "c.img", "deep/er/d.raw"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.raw").mkdir()
    assert sources.find("*.raw", tmp_path) == [f"{tmp_path}/a.raw", f"{tmp_path}/b.raw"]
    assert sources.find("**/*.raw", tmp_path)[-1] == f"{tmp_path}/deep/er/d.raw"
    assert sources.find(f"{tmp_path}/?.img", Path("/")) == [f"{tmp_path}/c.img"]
    assert sources.find("missing.raw", tmp_path) == [f"{tmp_path}/missing.raw"]
    with pytest.raises(UsageError, match=r"no file matches x\*"):
        sources.find("x*", tmp_path)


def test_the_two_files_of_a_vmdk_are_one_image(tmp_path: Path) -> None:
    for name in ("a.vmdk", "a-flat.vmdk", "b-flat.vmdk", "c.vmdk"):
        (tmp_path / name).touch()
    found = [Path(one).name for one in sources.find("*.vmdk", tmp_path)]
    assert found == ["a.vmdk", "b-flat.vmdk", "c.vmdk"]


def test_what_looks_like_a_pattern_may_be_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "[1]"
    folder.mkdir()
    for name in ("a[b].raw", "ab.raw"):
        (folder / name).touch()
    assert sources.find("a[b].raw", folder) == [f"{folder}/a[b].raw"]
    assert sources.find("*.raw", folder) == [f"{folder}/a[b].raw", f"{folder}/ab.raw"]


def test_stems_and_problems(tmp_path: Path) -> None:
    assert sources.stem("/x/disk.qcow2.xz") == "disk"
    assert sources.stem("https://host/a%20b.raw?x=1.y") == "a b"
    assert sources.problem(str(tmp_path)) == "is a folder"
    assert "no such file" in sources.problem(f"{tmp_path}/x")
    assert sources.problem("https://host/a") == ""
