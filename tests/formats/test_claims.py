import pytest

from imgtool.errors import UsageError
from imgtool.formats.claims import format_to_make, without_endings


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("disk.qcow2", "disk"),
        ("disk.RAW.XZ", "disk"),
        ("cloud.img.gz", "cloud"),
        ("debian-12.5", "debian-12.5"),
        ("debian-12.5.raw", "debian-12.5"),
    ],
)
def test_a_name_for_the_image_is_what_the_endings_leave(name, expected):
    assert without_endings(name) == expected


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("x.raw", None, "raw"),
        ("x.RAW", None, "raw"),
        ("x.raw", "raw", "raw"),
        ("x.qcow2", None, "qcow2"),
        ("x.img", None, "qcow2"),
        ("x", None, "qcow2"),
        ("-", "raw", "raw"),
        ("x.img", "raw", "raw"),
        ("debian-12.5", "raw", "raw"),
    ],
)
def test_the_ending_decides_what_is_made_where_nobody_says(name, wanted, expected):
    assert format_to_make(name, wanted) == expected


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("x.raw", "qcow2"), ("x.qcow2", "raw"), ("x.vmdk", None), ("x.vhd", "raw"), ("x.vdi", "qcow2")],
)
def test_a_name_that_would_be_a_lie_is_refused(name, wanted):
    with pytest.raises(UsageError, match="its name claims that it is"):
        format_to_make(name, wanted)
