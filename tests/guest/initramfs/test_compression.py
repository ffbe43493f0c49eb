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
    assert method.inflate is not None
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


def test_lzo_is_recognised_but_not_inflated():
    method = method_at(Reader(iter([b"\x89LZO\0\r\n\x1a\n and more"])))
    assert (method.name, method.inflate) == ("lzo", None)


def test_two_lz4_frames_behind_each_other_are_one_as_for_the_kernel():
    assert inflate(PACKED["lz4"] * 2) == ("lz4", CONTENT * 2, b"")


def test_an_lz4_block_larger_than_the_format_allows_is_refused():
    with pytest.raises(ArchiveError, match="lz4 block of 4294967295 bytes"):
        inflate(b"\x02\x21\x4c\x18\xff\xff\xff\xff" + bytes(100))


def test_a_dictionary_beyond_the_memory_limit_is_refused():
    huge = b"\x5d\0\0" + (0xFFFFFFFF).to_bytes(4, "little")[2:] + b"\xff" * 8 + bytes(64)
    with pytest.raises(ArchiveError):
        inflate(huge)
