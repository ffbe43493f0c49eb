"""Mutated headers and arbitrary tables: an answer or an ImgtoolError, never anything else."""

import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.images import create, judgement, qemu_io

from imgtool.errors import ImageUnreadableError, ImgtoolError
from imgtool.formats.bounds import MAX_VIRTUAL_SIZE_BYTES
from imgtool.formats.qcow2 import header as qcow2_header
from imgtool.formats.qcow2 import safety as qcow2_safety

_U32 = st.sampled_from([0, 1, 2, 3, 7, 9, 16, 21, 22, 63, 104, 112, 65536, 0x7FFFFFFF, 0xFFFFFFFF])
_U64 = st.sampled_from([0, 1, 512, 65536, 65537, 196608, 1 << 32, 1 << 62, (1 << 64) - 1]) | st.integers(
    0, (1 << 64) - 1
)


def _image(*options: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = create(Path(folder) / "x.qcow2", "qcow2", "1M", *options)
        qemu_io(path, ["write -P 1 0 128k"])
        return path.read_bytes()


SEEDS = [_image(), _image("compat=0.10"), _image("cluster_size=512", "compression_type=zstd")]


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A real image with a few fields, or a few bytes anywhere in its metadata, overwritten."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            struct.pack_into(">I", content, draw(st.sampled_from(range(4, 112, 4))), draw(_U32))
        elif draw(st.booleans()):
            struct.pack_into(">Q", content, draw(st.sampled_from(range(8, 104, 8))), draw(_U64))
        else:
            at = draw(st.integers(0, min(len(content) - 16, 6 * 65536)))
            content[at : at + 8] = draw(st.binary(min_size=8, max_size=8))
    return bytes(content[: draw(st.sampled_from([len(content), 600, 70000]))])


@settings(max_examples=400, deadline=2000)
@given(_mutated())
def test_a_mutated_image_is_judged(content: bytes):
    with tempfile.NamedTemporaryFile(suffix=".img") as file:
        file.write(content)
        file.flush()
        answer = judgement(file.name)
    if isinstance(answer, ImgtoolError):
        assert answer.exit_status == 3
        assert answer.message.startswith(f"{file.name}: ")
    else:
        assert 0 < answer.virtual_size_bytes <= MAX_VIRTUAL_SIZE_BYTES
        assert not answer.encrypted


@settings(max_examples=500)
@given(st.binary(max_size=400), st.integers(2, 3), st.none() | st.integers(0, 1 << 20))
def test_arbitrary_headers(rest: bytes, version: int, file_size: int | None):
    content = qcow2_header.MAGIC + struct.pack(">I", version) + rest
    try:
        header = qcow2_header.parse(content)
        qcow2_safety.judge(header, file_size)
    except ImgtoolError:
        return
    assert 512 <= header.cluster_size_bytes <= 2 << 20
    assert header.backing_file is None
    assert header.l1_entries * 8 <= qcow2_safety.MAX_L1_BYTES


def test_the_fields_of_a_real_header():
    header = qcow2_header.parse(SEEDS[2])
    assert (header.version, header.cluster_bits, header.l2_entries) == (3, 9, 64)
    assert (header.virtual_size_bytes, header.l1_entries) == (1 << 20, 32)
    assert (header.compression_type, header.incompatible) == ("zstd", qcow2_header.COMPRESSION_TYPE)
    assert (header.backing_file, header.snapshots, header.refcount_order) == (None, 0, 4)
    assert qcow2_header.parse(SEEDS[1]).version == 2


@pytest.mark.parametrize(("claimed", "there"), [((1 << 20) - 100, (1 << 20) - 512), (513, 512), (6, 0)])
def test_a_part_of_a_sector_is_not_there(claimed: int, there: int):
    """As QEMU has it; tests/fuzz holds that both then read the same bytes."""
    content = SEEDS[2][:24] + struct.pack(">Q", claimed) + SEEDS[2][32:]
    assert qcow2_header.parse(content).virtual_size_bytes == there


@pytest.mark.parametrize("length", [0, 4, 71, 72, 103])
def test_a_header_that_is_cut_off(length: int):
    with pytest.raises(ImageUnreadableError, match="cut off"):
        qcow2_header.parse(SEEDS[0][:length])
