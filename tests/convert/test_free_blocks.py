"""What a sandbox says of free blocks is believed only where it makes sense; else all is copied."""

import pytest
from support.fixtures import fixture_path

from imgtool.convert import free_blocks
from imgtool.convert.free_blocks import free_ranges, read_free_blocks
from imgtool.formats import admit
from imgtool.model.free_blocks import FreeBlocks, FreePart
from imgtool.sandbox import SandboxFailedError
from imgtool.util.progress import NullProgress
from imgtool.util.ranges import Ranges, to_text

DISK = fixture_path("ext4-gpt")


def said(start: int, end: int, free_bytes: int) -> FreeBlocks:
    part = FreePart("partition 1", "ext4", 40 << 20, free_bytes)
    return FreeBlocks((part,), to_text(Ranges([(start, end)])))


def test_a_sandbox_reads_it() -> None:
    image = admit(DISK)
    found = read_free_blocks(image, NullProgress())
    assert {part.type for part in found.parts if part.free_bytes} == {"ext4", "vfat", "unpartitioned"}
    assert free_ranges(found, image).total == found.free_bytes


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said(4096, 8192, 4095), "another one than that of its parts"),
        (said(4096, 1 << 40, (1 << 40) - 4096), "beyond the end"),
        (FreeBlocks((), ("AAAA",)), "makes no sense"),
        (FreeBlocks((), ("not base64",)), "makes no sense"),
    ],
)
def test_an_answer_that_makes_no_sense_leaves_nothing_out(
    answer: FreeBlocks, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_blocks, "ask", lambda *_: answer)
    found = read_free_blocks(admit(DISK), NullProgress())
    assert found.free_bytes == 0
    assert found.runs == ()
    assert reason in str(found.parts[0].reason)


def test_a_sandbox_that_dies_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object) -> FreeBlocks:
        raise SandboxFailedError("the free blocks of the disk: its reader was killed")

    monkeypatch.setattr(free_blocks, "ask", ask)
    found = read_free_blocks(admit(DISK), NullProgress())
    assert [(part.free_bytes, part.reason) for part in found.parts] == [
        (0, "the free blocks of the disk: its reader was killed")
    ]
