"""Extents that no logical volume has, and groups of which nothing may be left out."""

import io

import pytest
from support.lvm import DATA, EXTENT, logical_volume, metadata, physical_volume, striped

from imgtool.guest.free.disk import find_free_blocks
from imgtool.model.free_blocks import FreeBlocks
from imgtool.util.ranges import from_text

ONE = "a" * 32
EXTENTS = 64


def found(text: str) -> tuple[FreeBlocks, list[int]]:
    """What is free on a disk that is one physical volume, and the numbers of its free extents."""
    disk = physical_volume(ONE, text, b"\xff" * EXTENTS * EXTENT)
    blocks = find_free_blocks(io.BytesIO(disk), len(disk))
    free = from_text(blocks.runs, len(disk))
    assert not free.touches(0, DATA), "label and metadata stay"
    starts = range(DATA, DATA + EXTENTS * EXTENT, EXTENT)
    inside = [number for number, start in enumerate(starts) if free.touches(start, start + EXTENT)]
    assert free.total == len(inside) * EXTENT
    return blocks, inside


def test_extents_of_no_volume_are_free() -> None:
    root = logical_volume("root", striped(0, 2, [("pv0", 5)]), striped(2, 1, [("pv0", 1)]))
    hidden = logical_volume("hidden", striped(0, 3, [("pv0", 30)]), status="READ")
    stripes = logical_volume("stripes", striped(0, 4, [("pv0", 10), ("pv0", 20)], 16))
    blocks, free = found(metadata({"pv0": ONE}, root + hidden + stripes))
    used = {1, 5, 6, 10, 11, 20, 21, 30, 31, 32}
    assert free == [number for number in range(EXTENTS) if number not in used]
    assert [(part.device, part.reason) for part in blocks.parts] == [
        ("disk", None),
        ("vg/root", "nothing known is on it"),
        ("vg/stripes", "nothing known is on it"),
    ]


@pytest.mark.parametrize("kind", ["thin-pool", "raid1", "snapshot", "cache", "mirror"])
def test_a_group_with_what_shares_blocks_is_kept_whole(kind: str) -> None:
    odd = f'start_extent = 0\nextent_count = 1\ntype = "{kind}"'
    root = logical_volume("root", striped(0, 2, [("pv0", 5)]))
    blocks, free = found(metadata({"pv0": ONE}, root + logical_volume("odd", odd)))
    assert free == []
    assert all(kind in str(part.reason) for part in blocks.parts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (metadata({"pv0": ONE, "pv1": "b" * 32}, ""), "not on this disk"),
        (metadata({"pv0": ONE}, logical_volume("root", striped(0, 2, [("pv0", 63)]))), "beyond the end"),
        (metadata({"pv0": ONE}, logical_volume("root", striped(0, 2, [("pv7", 1)]))), "does not have"),
        (metadata({"pv0": ONE}, "").replace("pe_count = 64", "pe_count = 65"), "impossible sizes"),
        (metadata({"pv0": ONE}, "").replace("pe_start", "other"), "has no pe_start"),
        (metadata({"pv1": "b" * 32}, ""), "not on this disk"),
    ],
)
def test_metadata_that_cannot_be_are_no_reason_to_leave_anything_out(text: str, reason: str) -> None:
    blocks, free = found(text)
    assert free == []
    assert reason in str(blocks.parts[0].reason) or "no volume group" in str(blocks.parts[0].reason)
