import os
from collections.abc import Callable
from pathlib import Path

import pytest
from oslo_utils.imageutils import format_inspector
from support.images import create, patch, stream_optimized_vmdk

from imgtool import sandbox
from imgtool.errors import UnsafeImageError
from imgtool.formats import admit, inspector
from imgtool.formats.headers import HEAD_BYTES, TAIL_BYTES
from imgtool.formats.inspector import check_safety, detect


def _reader(content: bytes, seen: list[int] | None = None) -> Callable[[int, int], bytes]:
    def read_at(offset: int, length: int) -> bytes:
        piece = content[offset : offset + length]
        if seen is not None:
            seen.append(len(piece))
        return piece

    return read_at


@pytest.mark.parametrize("image_format", ["raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"])
def test_the_verdict_is_that_of_the_whole_file(tmp_path: Path, image_format: str):
    path = create(tmp_path / "x", image_format, "40M")
    content = path.read_bytes()
    verdict = detect(_reader(content), len(content))
    whole = format_inspector.detect_file_format(str(path))
    assert [str(found) for found in verdict.inspectors] == [str(whole)]
    assert verdict.format == image_format
    check_safety(verdict)


LOOKUP_BYTES = 8 + (64 << 10)
"""Of a VHDX, to learn where its metadata are."""


def test_a_footer_far_away_is_found_and_the_middle_is_not_read(tmp_path: Path):
    raw = tmp_path / "raw"
    raw.write_bytes(os.urandom(HEAD_BYTES + (4 << 20)))
    content = stream_optimized_vmdk(raw, tmp_path / "x.vmdk").read_bytes()
    seen: list[int] = []
    verdict = detect(_reader(content, seen), len(content))
    check_safety(verdict)
    assert len(content) > HEAD_BYTES + TAIL_BYTES
    assert sum(seen) <= HEAD_BYTES + TAIL_BYTES + LOOKUP_BYTES


def test_an_undecided_stream_is_read_within_the_bounds():
    """VHDX metadata beyond the file's end: incomplete, so not safe."""
    region = b"regi" + bytes(4) + (1).to_bytes(4, "little") + bytes(4)
    region += bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e") + (1 << 40).to_bytes(8, "little") + bytes(8)
    content = (b"vhdxfile".ljust(192 << 10, b"\0") + region).ljust(HEAD_BYTES * 2, b"\0")
    seen: list[int] = []
    verdict = detect(_reader(content, seen), len(content))
    assert sum(seen) <= HEAD_BYTES + TAIL_BYTES + LOOKUP_BYTES
    with pytest.raises(UnsafeImageError, match="safety check fails: Incomplete"):
        check_safety(verdict)


@pytest.mark.usefixtures("own_server")
def test_a_check_that_crashes_is_unsafe(tmp_path: Path, monkeypatch):
    path = create(tmp_path / "x.qcow2")

    def crash(self) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(format_inspector.QcowInspector, "check_data_file", crash)
    with pytest.raises(UnsafeImageError, match="OpenStack refuses it: Unexpected error"):
        admit(path)
    sandbox.stop()
    monkeypatch.setattr(format_inspector.QcowInspector, "safety_check", crash)
    with pytest.raises(UnsafeImageError, match="safety check fails: ZeroDivisionError"):
        admit(path)
    sandbox.stop()
    monkeypatch.setattr(format_inspector.InspectWrapper, "formats", property(crash))
    with pytest.raises(UnsafeImageError, match="cannot be told: ZeroDivisionError"):
        admit(path)


def test_what_it_logs_is_not_printed(tmp_path: Path, capfd):
    path = patch(create(tmp_path / "x.qcow2"), 510, b"\x55\xaa")
    with pytest.raises(UnsafeImageError):
        admit(path)
    assert capfd.readouterr() == ("", "")
    assert inspector.logging.getLogger(format_inspector.__name__).handlers
