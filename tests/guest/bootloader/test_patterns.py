"""The patterns of loader.conf's `default`."""

import time

import pytest

from imgtool.guest.bootloader.patterns import MAX_PATTERN_CHARACTERS, matches
from imgtool.guest.filesystems.base import GuestReadError


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("debian.conf", "debian.conf", True),
        ("debian", "debian.conf", False),
        ("debian*", "debian-6.1.conf", True),
        ("*", "", True),
        ("*.conf", "a.conf", True),
        ("*.conf", "a.conf.efi", False),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXcYb", False),
        ("a*a", "a", False),
        ("?.conf", "a.conf", True),
        ("?.conf", ".conf", False),
        ("[ab].conf", "b.conf", True),
        ("[a-c]x", "cx", True),
        ("[a-c-f]x", "-x", True),
        ("[a-c-f]x", "dx", False),
        ("[-a]x", "-x", True),
        ("[a-]x", "-x", True),
        ("[]a]x", "]x", True),
        ("[!a]x", "bx", False),
        ("[!a]x", "!x", True),
        ("[^a]x", "^x", True),
        ("[c-a]x", "bx", False),
        ("[abc", "a", False),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
        ("a\\", "a\\", False),
        ("[\\]]x", "]x", True),
        ("a.c", "abc", False),
        ("", "", True),
        ("", "a", False),
        ("***a***", "bab", True),
    ],
)
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_no_pattern_takes_long() -> None:
    started = time.process_time()
    assert not matches("*a" * (MAX_PATTERN_CHARACTERS // 2) + "b"[:0], "a" * 255)
    assert not matches("*" + "?" * 200 + "b", "a" * 255)
    assert time.process_time() - started < 1
    with pytest.raises(GuestReadError, match="1024"):
        matches("a" * (MAX_PATTERN_CHARACTERS + 1), "a")
