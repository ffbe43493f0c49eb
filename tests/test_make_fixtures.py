"""scripts/make-fixtures: it makes what is in fixtures/, the same every time."""

import hashlib
import subprocess
import sys
from pathlib import Path

import zstandard
from support.fixtures import FIXTURES, checksums

SCRIPT = FIXTURES.parent / "scripts" / "make-fixtures"
ROOTLESS = ("bare-ext4", "data-disk")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def unpacked(path: Path) -> str:
    """SHA-256 of the disk in a packed fixture."""
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(path.read_bytes())
    digest = hashlib.sha256()
    while chunk := reader.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def test_two_runs_make_the_same_disks(tmp_path: Path) -> None:
    made = []
    for directory in (tmp_path / "one", tmp_path / "two"):
        done = run("--output", str(directory), *ROOTLESS)
        assert done.returncode == 0, done.stderr
        made.append({name: unpacked(directory / f"{name}.raw.zst") for name in ROOTLESS})
        sums = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=directory, check=False)
        assert sums.returncode == 0
    assert made[0] == made[1]


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = run("--output", str(tmp_path), "no-such-fixture")
    assert done.returncode == 2
    assert "no fixture is called no-such-fixture" in done.stderr
    assert "bare-ext4" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_readme_names_every_fixture_and_they_are_small() -> None:
    readme = (FIXTURES / "README.md").read_text()
    packed = {path.name: path.stat().st_size for path in FIXTURES.glob("*.raw.zst")}
    assert set(packed) == set(checksums())
    assert all(f"`{name.removesuffix('.raw.zst')}`" in readme for name in packed)
    assert sum(packed.values()) < 10 << 20
