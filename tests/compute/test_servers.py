"""Which flavor a throwaway server gets; with a real Nova in integration/test_devcloud_nova.py."""

import pytest

from imgtool.compute.servers import Flavor, smallest
from imgtool.errors import UsageError

MICRO = Flavor("1", "m1.micro", 512, 2, 1)
TINY = Flavor("2", "m1.tiny", 1024, 5, 1)
WIDE = Flavor("3", "c1.wide", 512, 50, 4)
DISKLESS = Flavor("4", "d0", 512, 0, 1)
ALL = (WIDE, DISKLESS, TINY, MICRO)


@pytest.mark.parametrize(
    ("memory", "disk", "wanted", "found"),
    [
        (512, 1, None, MICRO),
        (512, 3, None, WIDE),
        (600, 1, None, TINY),
        (1, 1, "2", TINY),
        (1, 9, "d0", DISKLESS),
    ],
)
def test_the_smallest_that_fits_or_the_one_that_is_named(
    memory: int, disk: int, wanted: str | None, found: Flavor
) -> None:
    assert smallest(ALL, memory, disk, wanted) == found


@pytest.mark.parametrize(
    ("flavors", "memory", "disk", "wanted", "says"),
    [
        (ALL, 4096, 1, None, "no flavor has 4096 MiB"),
        (ALL, 512, 60, None, "a disk of 60 GiB"),
        ((), 512, 1, None, "no flavor"),
        (ALL, 1, 1, "m1.tinny", "did you mean m1.tiny?"),
    ],
)
def test_none_that_fits_is_said(
    flavors: tuple[Flavor, ...], memory: int, disk: int, wanted: str | None, says: str
) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        smallest(flavors, memory, disk, wanted)
