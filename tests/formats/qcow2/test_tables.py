import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtool.errors import ImageUnreadableError
from imgtool.formats.qcow2.tables import (
    COMPRESSED,
    COPIED,
    UNALLOCATED_CLUSTER,
    ZERO_CLUSTER,
    Cluster,
    ClusterKind,
    decode_l2_entry,
    decode_table,
)

CLUSTER_BITS = st.integers(9, 21)


@given(st.integers(0, (1 << 64) - 1), CLUSTER_BITS, st.sampled_from([2, 3]))
def test_any_entry_decodes_to_something_possible_or_is_refused(entry: int, bits: int, version: int):
    try:
        cluster = decode_l2_entry(entry, bits, version)
    except ImageUnreadableError:
        return
    if cluster.kind is ClusterKind.STANDARD:
        assert cluster.offset % (1 << bits) == 0
        assert cluster.offset >= 1 << bits
        assert cluster.length == 1 << bits
    elif cluster.kind is ClusterKind.COMPRESSED:
        assert cluster.offset >= 1 << bits
        assert 0 < cluster.length <= 2 << bits
        assert (cluster.offset + cluster.length) % 512 == 0
    else:
        assert cluster in {UNALLOCATED_CLUSTER, ZERO_CLUSTER}


@given(CLUSTER_BITS, st.data())
def test_compressed_entries_as_the_specification_writes_them(bits: int, data: st.DataObject):
    offset_bits = 62 - (bits - 8)
    offset = data.draw(st.integers(1 << bits, min(1 << 48, (1 << offset_bits) - 1)))
    length = data.draw(st.integers(1, 1 << bits))
    more_sectors = (offset + length - 1) // 512 - offset // 512
    cluster = decode_l2_entry(COMPRESSED | more_sectors << offset_bits | offset, bits, 3)
    assert (cluster.kind, cluster.offset) == (ClusterKind.COMPRESSED, offset)
    assert length <= cluster.length < length + 512
    with pytest.raises(ImageUnreadableError):
        decode_l2_entry(COPIED | COMPRESSED | more_sectors << offset_bits | offset, bits, 3)


def test_the_kinds_of_version_3():
    assert decode_l2_entry(0, 16, 3) == UNALLOCATED_CLUSTER
    assert decode_l2_entry(1, 16, 3) == ZERO_CLUSTER
    assert decode_l2_entry(COPIED | 5 << 16 | 1, 16, 3) == ZERO_CLUSTER
    assert decode_l2_entry(COPIED | 5 << 16, 16, 3) == Cluster(ClusterKind.STANDARD, 5 << 16, 1 << 16)


@pytest.mark.parametrize("entry", [2, 1 << 60, COPIED | 5 << 16 | 512, 1 << 56])
def test_impossible_entries(entry: int):
    with pytest.raises(ImageUnreadableError, match="impossible entry"):
        decode_l2_entry(entry, 16, 3)


def test_version_2_has_no_zero_clusters():
    with pytest.raises(ImageUnreadableError, match="impossible entry"):
        decode_l2_entry(1, 16, 2)


def test_tables_are_big_endian():
    assert list(decode_table(struct.pack(">QQ", 1, COPIED))) == [1, COPIED]
