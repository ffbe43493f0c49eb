import pytest

from imgtool.guest.version_order import version_key

ORDERED = [
    ("6.1.0-9-cloud-amd64", "6.1.0-10-cloud-amd64"),
    ("5.14.0-362.8.1.el9_3.x86_64", "5.14.0-427.13.1.el9_4.x86_64"),
    ("6.1~rc1", "6.1"),
    ("6.1.0-rc7", "6.1.0"),
    ("6.1.0-rc2", "6.1.0-rc10"),
    ("6.1", "6.1.1"),
    ("6.1.a", "6.1.1"),
    ("4.18.0-80.el8", "4.18.0-80.1.el8"),
    ("", "1"),
]


@pytest.mark.parametrize(("older", "newer"), ORDERED)
def test_order(older, newer):
    assert version_key(older) < version_key(newer)


def test_leading_zeros_and_separators_do_not_matter():
    assert version_key("6.01-2") == version_key("6.1.2")


def test_a_version_of_a_hundred_thousand_digits_is_compared_by_its_beginning():
    assert version_key("9" * 100_000) == version_key("9" * 256)
