import ctypes.util
import sys
from random import Random

import pytest

from imgtool.errors import ToolMissingError
from imgtool.formats import sniff


def test_without_libmagic_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "magic", None)
    sniff._magic.cache_clear()
    sniff._library.cache_clear()
    with pytest.raises(ToolMissingError, match="libmagic is not installed") as caught:
        sniff.wrapper_of(b"x")
    assert caught.value.hint == "apt install libmagic1"


def test_libmagic_is_found_without_a_search(monkeypatch):
    """ldconfig(8), which ctypes runs to find a library, takes as long as all else."""
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: pytest.fail(f"{name} is looked for"))
    sniff._library.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "magic"]:
        monkeypatch.delitem(sys.modules, name)
    assert int(sniff._library().version()) > 500


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
