"""The picture of a disk takes time and room in proportion to what is on it, and says what it leaves out."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import imgtool
from support.facts import image
from support.many_partitions import write_chain, write_gpt

from imgtool.guest.lvm import MAX_PHYSICAL
from imgtool.guest.partitions import MAX_PARTITIONS
from imgtool.guest.volumes import MAX_VOLUMES
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.layout import FilesystemFacts, PartitionFacts
from imgtool.report.as_html.picture import MOST_BLOCKS, MOST_LINES, draw
from imgtool.util.text import MOST_ENUMERATED


def test_volumes_on_many_partitions_are_drawn_in_time() -> None:
    everywhere = tuple(range(1, MAX_PHYSICAL + 1))
    guest = GuestFacts(
        "known",
        "",
        partition_table="gpt",
        partitions=tuple(
            PartitionFacts(n, "0x83", None, n << 20, 1 << 20) for n in range(1, MAX_PARTITIONS + 1)
        ),
        filesystems=tuple(
            FilesystemFacts(f"vg/lv{n}", "ext4", None, None, f"/srv/{n}", partitions=everywhere)
            for n in range(MAX_VOLUMES)
        ),
    )
    began = time.process_time()
    picture = draw(Inspection(image(virtual_size_bytes=1 << 34), guest))
    assert time.process_time() - began < 2
    assert picture is not None
    assert (len(picture.partitions), len(picture.filesystems)) == (MOST_BLOCKS, MAX_PHYSICAL)
    assert (len(picture.lines), picture.places) == (MOST_LINES, MAX_PARTITIONS + MAX_VOLUMES)
    assert picture.filesystems[0].title.endswith(f", and {MAX_VOLUMES - MOST_ENUMERATED} more")


@pytest.mark.parametrize(
    ("write", "count", "shown"),
    [
        (write_gpt, MAX_PARTITIONS, f"{MOST_LINES} of {MAX_PARTITIONS} are shown"),
        (write_gpt, 8000, "room for 8000 partitions"),
        (write_chain, 100, "partition 104"),
        (write_chain, 1000, "more than 100 logical partitions"),
    ],
)
def test_the_report_of_many_partitions_is_made_in_time(
    write: Callable[[Path, int], Path], count: int, shown: str, tmp_path: Path
) -> None:
    disk, page = tmp_path / "disk.raw", tmp_path / "page.html"
    write(disk, count)
    began = time.monotonic()
    run = imgtool("check", "--report", f"html={page}", disk)
    assert time.monotonic() - began < 10, "it takes one second on a machine that has nothing else to do"
    assert run.returncode == 1
    assert shown in page.read_text()
    assert page.stat().st_size < 512 << 10
    assert len(run.stdout) < 64 << 10
