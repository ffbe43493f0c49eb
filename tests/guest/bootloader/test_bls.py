"""The lines, the counters and the order of versions of the Boot Loader Specification."""

import pytest

from imgtool.guest.bootloader.bls import Tries, compare_versions, decoded, key_values, tries_in

OLDEST_FIRST = (
    # the examples of systemd's strverscmp_improved(), and what kernels are called
    (
        "122.1",
        "123~rc1-1",
        "123",
        "123-a",
        "123-a.1",
        "123-1",
        "123-1.1",
        "123^post1",
        "123.a-1",
        "123.1-1",
        "123a-1",
        "124-1",
    ),
    ("6.1.0-9-amd64", "6.1.0-40-amd64", "6.1.0-40-cloud-amd64", "6.10.1", "6.10.12"),
    ("5.11.0~rc5", "5.11.0", "5.11.0-0.rc5.20210128", "5.11.0-1"),
    ("a.conf", "b.conf", "z9.conf", "z10.conf"),
    ("", "a", "1", "2", "10"),
    ("~", ""),
)


@pytest.mark.parametrize("versions", OLDEST_FIRST, ids=lambda versions: str(versions[:2]))
def test_the_order_of_versions(versions: tuple[str, ...]) -> None:
    for index, older in enumerate(versions):
        assert compare_versions(older, older) == 0
        for newer in versions[index + 1 :]:
            assert compare_versions(older, newer) < 0, (older, newer)
            assert compare_versions(newer, older) > 0, (newer, older)


@pytest.mark.parametrize(("one", "other"), [("123_a", "123a"), ("00123", "123"), ("1 2", "1_2"), ("é", "")])
def test_versions_that_are_equal(one: str, other: str) -> None:
    assert compare_versions(one, other) == 0


def test_very_long_versions_are_compared_by_their_beginnings() -> None:
    assert compare_versions("1" * 100_000 + "a", "1" * 100_000 + "b") == 0


def test_lines_of_an_entry() -> None:
    text = "# title no\n\ttitle \tDebian GNU/Linux \r\nlinux\t/vmlinuz\nlonely\noptions a\n options  b c\n\n"
    assert key_values(text) == [
        ("title", "Debian GNU/Linux"),
        ("linux", "/vmlinuz"),
        ("options", "a"),
        ("options", "b c"),
    ]


def test_lines_of_an_os_release() -> None:
    text = 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID=\'12\'\nODD="\nA B=c\n'
    found = dict(key_values(text, "="))
    assert found == {"PRETTY_NAME": "Debian 12", "ID": "debian", "VERSION_ID": "12", "ODD": "", "A B": "c"}
    assert dict(key_values(text, "=", '"'))["VERSION_ID"] == "'12'"


def test_a_file_ends_at_its_first_nul() -> None:
    assert decoded(b"linux /a\0linux /b\xff") == "linux /a"
    assert decoded(b"\xffa\xc3\xa4") == "aä"


@pytest.mark.parametrize(
    ("name", "tries"),
    [
        ("a+3.conf", Tries("a.conf", 3, 0)),
        ("a+0-3.conf", Tries("a.conf", 0, 3)),
        ("a+b+2-1.CONF", Tries("a+b.CONF", 2, 1)),
        ("a.conf", None),
        ("a+.conf", None),
        ("a+1-.conf", None),
        ("a+1-2-3.conf", None),
        ("a+1x.conf", None),
        ("a+1.efi", None),
        ("a+2147483648.conf", None),
        ("a+99999999999999999999999999.conf", None),
        ("a+1.conf+2", None),
    ],
)
def test_boot_counters(name: str, tries: Tries | None) -> None:
    assert tries_in(name, ".conf") == tries
