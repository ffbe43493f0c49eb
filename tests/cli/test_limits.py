"""Limits that an operator raises: the images are sound, and larger than anybody else's."""

import lzma
from pathlib import Path

import pytest
import zstandard
from support.cli import assert_clean_failure, imgtool
from support.images import create

MIB = 1 << 20


def test_a_larger_disk(tmp_path: Path) -> None:
    path = create(tmp_path / "x.qcow2", "qcow2", "100T", "cluster_size=2M")
    assert_clean_failure(imgtool("inspect", path), 3, "64.0 TiB is the limit", "IMGTOOL_MAX_DISK=SIZE")
    done = imgtool("inspect", path, env={"IMGTOOL_MAX_DISK": "100T"})
    assert done.returncode == 0, done.stderr


def test_a_window_that_needs_memory(tmp_path: Path) -> None:
    path, target = tmp_path / "x.raw.zst", tmp_path / "out"
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    stream = compressor.compressobj()
    path.write_bytes(stream.compress(bytes(MIB)) + stream.flush())
    refused = imgtool("convert", path, target)
    assert_clean_failure(refused, 3, "zstd compression", "IMGTOOL_MAX_UNPACKING_MEMORY=SIZE")
    done = imgtool("convert", path, target, env={"IMGTOOL_MAX_UNPACKING_MEMORY": "1G"})
    assert done.returncode == 0, done.stderr


def test_a_dictionary_that_needs_memory(tmp_path: Path) -> None:
    path, target = tmp_path / "x.raw.xz", tmp_path / "out"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 300 * MIB}]
    path.write_bytes(lzma.compress(bytes(MIB), filters=filters))
    refused = imgtool("convert", path, target)
    assert_clean_failure(refused, 3, "xz compression", "IMGTOOL_MAX_UNPACKING_MEMORY=SIZE")
    done = imgtool("convert", path, target, env={"IMGTOOL_MAX_UNPACKING_MEMORY": "1G"})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("value", ["much", "1M", "1\x1b[2J"])
def test_a_limit_that_cannot_be(value: str, tmp_path: Path) -> None:
    failed = imgtool("inspect", tmp_path, env={"IMGTOOL_MAX_DISK": value})
    assert_clean_failure(failed, 2, "IMGTOOL_MAX_DISK")
    assert "\x1b" not in failed.stderr
