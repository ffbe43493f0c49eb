"""What the running kernel makes of each row of mount options."""

import subprocess
from pathlib import Path

import pytest
from support.mount_options import ROWS
from support.real_guest import run

MAKERS = {
    "ext4": ("mkfs.ext4", "-q"),
    "xfs": ("mkfs.xfs", "-q"),
    "btrfs": ("mkfs.btrfs", "-q"),
}
"""FAT is judged by its driver's source alone: kernels of machines without firmware leave it out."""
BYTES = 320 << 20
"""XFS wants 300 MiB; nearly all of it is a hole."""


@pytest.mark.parametrize("kind", ["tmpfs", *MAKERS])
def test_a_kernel_says_the_same_of_each_row(kind: str, tmp_path: Path) -> None:
    source, place = tmp_path / "disk", tmp_path / "place"
    place.mkdir()
    if kind in MAKERS:
        with source.open("wb") as file:
            file.truncate(BYTES)
        run(*MAKERS[kind], source)
    loop = ["loop"] if kind in MAKERS else []
    rows = {row: taken for row, taken in ROWS.items() if row[0] == kind}
    told = {row: mounts(source, place, kind, ",".join([*loop, row[1]])) for row in rows}
    assert told == rows


def mounts(source: Path, place: Path, kind: str, options: str) -> bool:
    done = subprocess.run(
        ["mount", "-t", kind, "-o", options, source, place], capture_output=True, check=False
    )
    if done.returncode == 0:
        run("umount", place)
    return done.returncode == 0
