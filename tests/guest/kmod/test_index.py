"""The indexes of depmod: kmod's own, and damaged ones."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kmod import index

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kmod import index as index_module
from imgtool.guest.kmod.index import Index, TextIndex

PAIRS = {
    "pci:v00001AF4d*sv*": ["virtio_pci"],
    "pci:v00008086d[0123]?00*": ["other"],
    "virtio:d00000001v*": ["virtio_net", "second"],
    "fs-ext4": ["ext4"],
    "fs-ext": ["short"],
}


def test_search() -> None:
    found = Index(index(PAIRS))
    assert found.matching("pci:v00001AF4d00001000sv00001AF4") == ("virtio_pci",)
    assert found.matching("pci:v00008086d1500sv1") == ("other",)
    assert found.matching("pci:v00008086dx500sv1") == ()
    assert found.matching("virtio:d00000001v00001AF4") == ("virtio_net", "second")
    assert found.matching("fs-ext4") == found.values("fs_ext4") == ("ext4",)
    assert found.values("fs-ext") == ("short",)
    assert found.values("fs-") == found.matching("") == ()


def test_what_depmod_writes_is_read(tmp_path: Path) -> None:
    """Aliases out of a module's own .modinfo, through the program itself."""
    top = tmp_path / "lib/modules/1.0"
    (top / "kernel").mkdir(parents=True)
    source = tmp_path / "m.s"
    source.write_text('.section .modinfo,"a"\n.asciz "name=my_mod"\n.asciz "alias=virtio:d00000001v*"\n')
    assembler = shutil.which("as")
    assert assembler is not None
    subprocess.run([assembler, "-o", top / "kernel/my-mod.ko", source], check=True)
    subprocess.run(["/usr/sbin/depmod", "-b", tmp_path, "1.0"], check=True, capture_output=True)
    aliases = Index((top / "modules.alias.bin").read_bytes())
    assert aliases.matching("virtio:d00000001v00001AF4") == ("my_mod",)
    names = Index((top / "modules.dep.bin").read_bytes())
    assert names.values("my-mod") == ("kernel/my-mod.ko:",)


@pytest.mark.parametrize("data", [b"", b"x" * 11, b"\xb0\x07\xf4\x57\0\1\0\1\0\0\0\0", b"alias a b\n" * 9])
def test_what_is_no_index(data: bytes) -> None:
    with pytest.raises(GuestReadError):
        Index(data)


def test_an_index_that_leads_back_to_itself_ends() -> None:
    data = bytearray(index({"**": ["a"]}))
    data[:12] = bytes.fromhex("b007f457000200012000000c")
    data[12:] = b"**" + bytes.fromhex("2000000c")
    with pytest.raises(GuestReadError, match="without an end"):
        Index(bytes(data)).matching("x" * 50)


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_mutations_raise_nothing_but_guest_read_errors(source: random.Random) -> None:
    data = bytearray(index(PAIRS))
    for _ in range(source.randint(1, 5)):
        data[source.randrange(len(data))] = source.randrange(256)
    try:
        found = Index(bytes(data))
        assert all(isinstance(value, str) for value in found.matching("virtio:d00000001v00001AF4"))
        assert all(isinstance(value, str) for value in found.values("fs-ext4"))
    except GuestReadError:
        return


def test_patterns_without_a_bound_are_no_answer() -> None:
    pairs = {f"virtio:*{number}*": ["x"] for number in range(index_module.MAX_PATTERNS + 1)}
    with pytest.raises(GuestReadError, match="patterns for virtio"):
        Index(index(pairs)).matching("virtio:d1")
    lines = ((key, value) for key, (value,) in pairs.items())
    with pytest.raises(GuestReadError, match="patterns for virtio"):
        TextIndex(lines).matching("virtio:d1")
