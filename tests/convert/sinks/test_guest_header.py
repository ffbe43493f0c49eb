"""What a guest may have at the start of its own disk."""

from pathlib import Path

import pytest
from support.images import create

from imgtool.convert.sinks import writing
from imgtool.errors import VerificationError


@pytest.mark.parametrize("image_format", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
def test_the_header_of_another_format_is_refused(image_format: str, tmp_path: Path) -> None:
    beginning = create(tmp_path / "inner", image_format, "8M").read_bytes()[: 1 << 20]
    shown = {"vpc": "vpc|vhd"}.get(image_format, image_format)
    with pytest.raises(VerificationError, match=f"starts with a ({shown}) header"):
        writing.refuse(beginning)


def test_a_header_behind_a_compressed_files_signature_is_refused_too(tmp_path: Path) -> None:
    """VDI's signature stands at 64."""
    beginning = create(tmp_path / "inner", "vdi", "8M").read_bytes()[: 1 << 20]
    with pytest.raises(VerificationError, match="starts with a vdi header"):
        writing.refuse(b"\x1f\x8b\x08" + beginning[3:])


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        bytes(512),
        b"\xeb\x63\x90".ljust(510, b"\0") + b"\x55\xaa",
        bytes(0x8001) + b"CD001".ljust(4096, b"\0"),
        b"x" * 4096,
        b"\x1f\x8b\x08".ljust(4096, b"\0"),
    ],
    ids=["nothing", "zeros", "boot sector", "ISO 9660", "text", "gzip"],
)
def test_what_disks_begin_with_is_not(beginning: bytes) -> None:
    writing.refuse(beginning)
