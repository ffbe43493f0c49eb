import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.archives import COMPRESSORS, compress

from imgtool.guest.initramfs.compression import METHODS, method_at
from imgtool.guest.initramfs.reader import ArchiveError, Reader

CONTENT = bytes(range(256)) * 40 + b"imgtool" * 900
PACKED = {name: compress(name, CONTENT) for name in COMPRESSORS}
every_method = pytest.mark.parametrize("name", COMPRESSORS)


def inflate(data: bytes, chunk: int = 1000) -> tuple[str, bytes, bytes]:
    """The method's name, what it inflates to, and what stands behind it."""
    reader = Reader(data[at : at + chunk] for at in range(0, len(data), chunk))
    method = method_at(reader)
    assert method is not None
    content = b"".join(method.inflate(reader))
    return method.name, content, reader.peek(1 << 20)


@every_method
@pytest.mark.parametrize("chunk", [1, 13, 4096, 1 << 20])
def test_inflates_what_the_real_program_wrote(name, chunk):
    assert inflate(PACKED[name], chunk) == (name, CONTENT, b"")


@every_method
@pytest.mark.parametrize("chunk", [5, 1 << 20])
def test_leaves_exactly_what_stands_behind(name, chunk):
    behind = b"\0\0\0\0" + PACKED["gzip"] + b"070701"
    assert inflate(PACKED[name] + behind, chunk) == (name, CONTENT, behind)


@every_method
def test_every_truncation_is_noticed(name):
    data = PACKED[name]
    for length in range(max(len(method.magic) for method in METHODS), len(data)):
        with pytest.raises(ArchiveError):
            inflate(data[:length])


@every_method
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.data())
def test_damage_is_an_archive_error_or_goes_unseen(name, data):
    packed = bytearray(PACKED[name])
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(9, len(packed) - 1))] = data.draw(st.integers(0, 255))
    try:
        _, content, _ = inflate(bytes(packed))
    except ArchiveError:
        return
    assert len(content) < 64 << 20


@every_method
def test_output_comes_in_pieces(name):
    zeros = 20 << 20
    reader = Reader(iter([compress(name, bytes(zeros))]))
    method = method_at(reader)
    sizes = [len(piece) for piece in method.inflate(reader)]
    assert sum(sizes) == zeros
    assert max(sizes) <= 8 << 20


def test_what_has_no_known_magic_has_no_method():
    assert method_at(Reader(iter([b"070701"]))) is None
    assert method_at(Reader(iter([]))) is None


def test_two_lz4_frames_behind_each_other_are_one_as_for_the_kernel():
    assert inflate(PACKED["lz4"] * 2) == ("lz4", CONTENT * 2, b"")


def test_an_lz4_block_larger_than_the_format_allows_is_refused():
    with pytest.raises(ArchiveError, match="lz4 block of 4294967295 bytes"):
        inflate(b"\x02\x21\x4c\x18\xff\xff\xff\xff" + bytes(100))


def test_a_dictionary_beyond_the_memory_limit_is_refused():
    huge = b"\x5d\0\0" + (0xFFFFFFFF).to_bytes(4, "little")[2:] + b"\xff" * 8 + bytes(64)
    with pytest.raises(ArchiveError):
        inflate(huge)


LZOP_HEADER = PACKED["lzo"][: PACKED["lzo"].index((10240 + 6300).to_bytes(4, "big"))]


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        (struct.pack(">III", 1 << 20, 9, 0) + bytes(9), "lzo block of 1048576 bytes"),
        (struct.pack(">III", 9, 10, 0) + bytes(10), "a block of 10 bytes for 9"),
        (struct.pack(">III", 9, 0, 0), "a block of 0 bytes for 9"),
        (struct.pack(">III", 99, 3, 0) + b"\x11\0\0", "a block has 0 bytes, not 99"),
        (struct.pack(">III", 99, 5, 0) + b"\x20\1\xff\xff\xff", "damaged"),
    ],
)
def test_lzo_blocks_that_the_kernel_does_not_take(blocks, problem):
    with pytest.raises(ArchiveError, match=problem):
        inflate(LZOP_HEADER + blocks + bytes(4))


def test_an_lzo_block_that_was_not_worth_packing_is_taken_as_it_is():
    assert inflate(LZOP_HEADER + struct.pack(">III", 5, 5, 0) + b"plain" + bytes(4)) == ("lzo", b"plain", b"")


def test_the_older_header_of_lzop_has_no_level_and_a_shorter_time():
    head = METHODS[-1].magic + struct.pack(">HHHBI", 0x0930, 0x1000, 0x0900, 1, 0x801) + bytes(12 + 1 + 4)
    assert inflate(head + struct.pack(">III", 5, 5, 0) + b"plain" + bytes(4))[1] == b"plain"
