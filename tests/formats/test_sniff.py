import ctypes.util
from random import Random

import pytest

from imgtool.errors import ToolMissingError
from imgtool.formats import libmagic, sniff
from imgtool.formats.libmagic import Libmagic, LibmagicError


def test_without_libmagic_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(libmagic, "_SONAME", "libmagic-of-nobody.so.1")
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    sniff._magic.cache_clear()
    for ask in (lambda: sniff.wrapper_of(b"x"), sniff.library_version):
        with pytest.raises(ToolMissingError, match="libmagic is not installed") as caught:
            ask()
        assert caught.value.hint == "apt install libmagic1"


def test_libmagic_without_its_database_says_so(monkeypatch):
    monkeypatch.setenv("MAGIC", "/nowhere/magic.mgc")
    with pytest.raises(LibmagicError, match="could not find any valid magic files"):
        Libmagic()


def test_libmagic_is_found_under_another_name(monkeypatch):
    monkeypatch.setattr(libmagic, "_SONAME", "libmagic-of-nobody.so.1")
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"lib{name}.so.1")
    assert Libmagic(mime=True).describe(b"%PDF-1.7\n") == "application/pdf"


def test_libmagic_speaks_in_words_or_by_type():
    assert Libmagic(mime=True).describe(b"") == "application/x-empty"
    assert Libmagic().describe(b"\x1f\x8b\x08" + bytes(20)).startswith("gzip compressed data")


@pytest.mark.parametrize(
    "content",
    [
        bytes(4096),
        bytes(1080) + b"\x53\xef" + bytes(3000),
        b"XFSB" + bytes(4092),
        b"hsqs" + bytes(4092),
        b"\xeb\x63\x90" + bytes(507) + b"\x55\xaa" + bytes(3584),
        bytes(4086) + b"SWAPSPACE2",
    ],
    ids=["zeros", "ext4", "xfs", "squashfs", "boot sector", "swap"],
)
def test_what_disks_begin_with_passes(content: bytes):
    assert sniff.wrapper_of(content) is None
    sniff.refuse_other_content(content)


def test_random_bytes_are_no_other_content():
    """A disk that is encrypted as a whole begins with them."""
    random = Random(2)
    for _ in range(5000):
        prefix = random.randbytes(512)
        sniff.refuse_other_content(prefix)
        assert sniff.wrapper_of(prefix) is None
