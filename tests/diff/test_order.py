"""The order of versions, compared with the programs whose order it is."""

import subprocess
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgtool.diff.order import compare

VERSIONS = (
    "1", "1.0", "1.0-1", "1:0.5-1", "0:1.0-1", "1.0~rc1-1", "1.0~rc1~x-1", "1.0+dfsg-1", "1.0-1+b1",
    "1.0-1~bpo12+1", "1.00-01", "1.10-1", "1.9-1", "2.36-9+deb12u8", "2.36-9+deb12u10", "20230311+deb12u1",
    "1.0a-1", "1.0.a-1", "5.2.15-2+b2", "1.0-1.el9", "1.0-1.el9_4.1", "1.0^git1-1", "",
)  # fmt: skip


@cache
def dpkg(left: str, right: str) -> int:
    for word, order in (("lt", -1), ("eq", 0), ("gt", 1)):
        command = ["dpkg", "--force-bad-version", "--compare-versions", left, word, right]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return order
    raise AssertionError((left, right))


def test_dpkg() -> None:
    versions = [one for one in VERSIONS if one and "^" not in one]
    for left in versions:
        for right in versions:
            assert compare("dpkg", left, right) == dpkg(left, right), (left, right)


@settings(max_examples=150, deadline=None)
@given(*[st.from_regex(r"([0-9]:)?[0-9][0-9a-z.+~]{0,6}(-[0-9a-z.+~]{1,4})?", fullmatch=True)] * 2)
def test_dpkg_on_any_versions(left: str, right: str) -> None:
    assert compare("dpkg", left, right) == dpkg(left, right)


def test_rpm() -> None:
    """RPM compares epoch, version and release in turn; rpm.vercmp takes the whole since 4.16."""
    versions = [one for one in VERSIONS if one]
    pairs = [(left, right) for left in versions for right in versions]
    script = "".join(f'print(rpm.vercmp("{left}", "{right}") .. "\\n")' for left, right in pairs)
    said = subprocess.run(["rpm", "--eval", f"%{{lua:{script}}}"], check=True, capture_output=True, text=True)
    orders = [int(line) for line in said.stdout.split()]
    for (left, right), order in zip(pairs, orders, strict=True):
        assert compare("rpm", left, right) == order, (left, right)


@pytest.mark.parametrize(
    "ascending",
    [
        ("1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1"),
        ("1", "1.0", "1.1", "1.1.1", "1.2", "2.0", "3.0.0"),
        ("2.0-1", "2.0-2", "1:1.0-1"),
    ],
)
def test_pacman(ascending: tuple[str, ...]) -> None:
    """The examples of vercmp(8), which Debian does not package."""
    for number, left in enumerate(ascending):
        for other, right in enumerate(ascending):
            assert compare("pacman", left, right) == (number > other) - (number < other), (left, right)


@pytest.mark.parametrize(
    "newer",
    [
        ("1.36.1-r29", "1.36.1-r3"),
        ("1.36.1-r0", "1.36.1_rc1-r0"),
        ("1.0_rc1-r0", "1.0_beta2-r0"),
        ("1.0_p1-r0", "1.0-r0"),
        ("1.0a-r0", "1.0-r0"),
        ("10.0-r0", "9.1-r0"),
    ],
)
def test_apk(newer: tuple[str, str]) -> None:
    """apk-tools' own examples of its test/version.data."""
    left, right = newer
    assert compare("apk", left, right) == 1
    assert compare("apk", right, left) == -1
    assert compare("apk", left, left) == 0
