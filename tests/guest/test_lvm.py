"""LVM2 metadata to logical volumes: what is read, and what is told instead."""

import io

import pytest
from support.lvm import EXTENT, logical_volume, metadata, physical_volume, striped

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.lvm import MAX_PHYSICAL, PhysicalVolume, logical_volumes
from imgtool.guest.lvm_metadata import parse
from imgtool.guest.volumes import DiskLayout, Volume, read_layout

ONE = "a" * 32
TWO = "b" * 32
DATA = b"".join(bytes([number]) * EXTENT for number in range(8))


def layout(text: str, data: bytes = DATA, at: int = 512) -> DiskLayout:
    disk = physical_volume(ONE, text, data, at)
    return read_layout(io.BytesIO(disk), len(disk))


def logical(found: DiskLayout) -> dict[str, Volume]:
    return {volume.name: volume for volume in found.volumes if volume.is_logical}


def content(volume: Volume) -> bytes:
    return volume.open().read()


def test_a_linear_volume_of_two_segments() -> None:
    text = metadata(
        {"pv0": ONE},
        logical_volume("root", striped(0, 2, [("pv0", 5)]), striped(2, 1, [("pv0", 1)])),
    )
    volume = logical(layout(text))["vg/root"]
    assert volume.size_bytes == 3 * EXTENT
    assert content(volume) == bytes([5]) * EXTENT + bytes([6]) * EXTENT + bytes([1]) * EXTENT


def test_stripes_are_taken_in_turn() -> None:
    stripe = 16
    text = metadata({"pv0": ONE}, logical_volume("root", striped(0, 4, [("pv0", 1), ("pv0", 4)], stripe)))
    got = content(logical(layout(text))["vg/root"])
    first, second = DATA[EXTENT : 3 * EXTENT], DATA[4 * EXTENT : 6 * EXTENT]
    size = stripe * 512
    expected = b"".join(first[at : at + size] + second[at : at + size] for at in range(0, 2 * EXTENT, size))
    assert got == expected


def test_metadata_that_runs_round_the_end_of_its_area() -> None:
    text = metadata({"pv0": ONE}, logical_volume("root", striped(0, 1, [("pv0", 2)])))
    assert content(logical(layout(text, at=(64 << 10) - 100))["vg/root"]) == bytes([2]) * EXTENT


@pytest.mark.parametrize("kind", ["thin", "cache", "raid5", "snapshot", "vdo", "weird\x1b"])
def test_what_is_not_read_is_told_and_hides_nothing(kind: str) -> None:
    strange = f'start_extent = 0\nextent_count = 1\ntype = "{kind}"'
    text = metadata(
        {"pv0": ONE}, logical_volume("odd", strange) + logical_volume("root", striped(0, 1, [("pv0", 3)]))
    )
    volumes = logical(layout(text))
    with pytest.raises(GuestReadError, match="not read") as caught:
        volumes["vg/odd"].open()
    assert "\x1b" not in str(caught.value)
    assert content(volumes["vg/root"]) == bytes([3]) * EXTENT


def test_a_missing_physical_volume_makes_only_its_volumes_unreadable() -> None:
    text = metadata(
        {"pv0": ONE, "pv1": TWO},
        logical_volume("away", striped(0, 1, [("pv1", 0)]))
        + logical_volume("root", striped(0, 1, [("pv0", 0)])),
    )
    volumes = logical(layout(text))
    with pytest.raises(GuestReadError, match="pv1 is not on this disk"):
        volumes["vg/away"].open()
    assert content(volumes["vg/root"]) == bytes(EXTENT)


def test_a_mirror_is_read_by_its_first_leg() -> None:
    mirror = (
        'start_extent = 0\nextent_count = 1\ntype = "raid1"\nraids = ["meta0", "image0", "meta1", "image1"]'
    )
    image = logical_volume("image0", striped(0, 1, [("pv0", 7)]), status="READ")
    text = metadata({"pv0": ONE}, logical_volume("root", mirror) + image)
    volumes = logical(layout(text))
    assert list(volumes) == ["vg/root"]
    assert content(volumes["vg/root"]) == bytes([7]) * EXTENT


@pytest.mark.parametrize(
    "segment",
    [
        striped(0, 1, [("pv0", 1 << 40)]),
        striped(0, 1, [("pv0", -1)]),
        striped(0, 0, [("pv0", 0)]),
        striped(0, 1, []),
        striped(0, 2, [("pv0", 0), ("pv0", 1)]),
        striped(0, 1, [("pv0", 0)]).replace("type", "tip"),
        striped(0, 1, [("pv0", 0)]).replace('"pv0"', "[["),
    ],
)
def test_nonsense_is_an_error_of_the_volume_or_told(segment: str) -> None:
    found = layout(metadata({"pv0": ONE}, logical_volume("root", segment)))
    volumes = logical(found)
    if "vg/root" not in volumes:
        assert found.problem
        return
    with pytest.raises(GuestReadError):
        volumes["vg/root"].open()


def test_damaged_metadata_is_told() -> None:
    disk = bytearray(physical_volume(ONE, metadata({"pv0": ONE}, ""), DATA))
    disk[4096 + 512 + 40] ^= 1
    found = read_layout(io.BytesIO(bytes(disk)), len(disk))
    assert found.problem == "disk: no LVM metadata that is whole"


@pytest.mark.parametrize(
    "text", ["vg {" * 500, "x = [" * 5000, '"' * 999, "#" * 59000 + '\n"', "= = =", "a { b = } }"]
)
def test_hostile_metadata_ends_soon_and_is_told(text: str) -> None:
    assert layout(text[:60000]).problem


def test_the_newest_of_two_descriptions_counts() -> None:
    old = metadata({"pv0": ONE, "pv1": TWO}, logical_volume("gone", striped(0, 1, [("pv0", 0)])), sequence=3)
    new = metadata({"pv0": ONE, "pv1": TWO}, logical_volume("root", striped(0, 1, [("pv1", 4)])), sequence=12)
    one, two = physical_volume(ONE, old, DATA), physical_volume(TWO, new, DATA)
    disk = mbr_of([one, two])
    found = read_layout(io.BytesIO(disk), len(disk))
    volumes = logical(found)
    assert list(volumes) == ["vg/root"]
    assert content(volumes["vg/root"]) == bytes([4]) * EXTENT
    assert volumes["vg/root"].partitions == (2,)


def mbr_of(parts: list[bytes]) -> bytes:
    """A disk with these partitions, one after the other."""
    table, body, start = bytearray(512), b"", 1
    for index, part in enumerate(parts):
        entry = 446 + 16 * index
        table[entry + 4] = 0x8E
        table[entry + 8 : entry + 12] = start.to_bytes(4, "little")
        table[entry + 12 : entry + 16] = (len(part) // 512).to_bytes(4, "little")
        start += len(part) // 512
        body += part
    table[510:512] = b"\x55\xaa"
    return bytes(table) + body


def test_a_volume_on_very_many_physical_ones_is_told() -> None:
    names = [f"pv{number}" for number in range(MAX_PHYSICAL + 1)]
    for count, problem in ((MAX_PHYSICAL, None), (MAX_PHYSICAL + 1, "more than 64 physical volumes")):
        parts = [striped(index, 1, [(name, 0)]) for index, name in enumerate(names[:count])]
        text = metadata({name: name for name in names}, logical_volume("root", *parts))
        physical = [PhysicalVolume(f"partition {name}", name, 0, 1 << 30, parse(text)) for name in names]
        [volume] = logical_volumes(physical)
        assert (volume.problem is None) is (problem is None)
        assert problem is None or problem in str(volume.problem)


def test_volumes_that_are_left_out_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgtool.guest.volumes.MAX_VOLUMES", 2)
    text = metadata(
        {"pv0": ONE}, "".join(logical_volume(f"lv{one}", striped(0, 1, [("pv0", one)])) for one in range(3))
    )
    found = layout(text)
    assert [one.name for one in found.volumes] == ["disk", "vg/lv0"]
    assert found.problem == "4 volumes: the first 2 of them are looked at"
