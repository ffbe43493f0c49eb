import pytest

from imgtool.formats.claims import without_endings


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
