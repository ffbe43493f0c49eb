"""VMDK, VDI, VHD and VHDX with bytes overwritten: an answer or an ImgtoolError, never anything else."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.images import create, judgement

from imgtool.errors import ImgtoolError
from imgtool.formats.bounds import MAX_VIRTUAL_SIZE_BYTES

PLACES = {
    "vmdk": [(0, 600)],
    "vdi": [(64, 512)],
    "vpc": [(0, 512), (512, 1536)],
    "vhdx": [
        (192 << 10, (192 << 10) + 120),
        (2 << 20, (2 << 20) + 250),
        ((2 << 20) + 65536, (2 << 20) + 65600),
    ],
}
"""Where the headers are."""


def _image(image_format: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return create(Path(folder) / "x", image_format, "5M").read_bytes()


@pytest.mark.parametrize("image_format", PLACES)
@settings(max_examples=100, deadline=2000)
@given(data=st.data())
def test_a_mutated_image_is_judged(image_format: str, data: st.DataObject):
    content = bytearray(SEEDS[image_format])
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = data.draw(st.sampled_from(PLACES[image_format]))
        at = data.draw(st.integers(start, end - 8))
        value = data.draw(st.sampled_from([bytes(8), b"\xff" * 8]) | st.binary(min_size=1, max_size=8))
        content[at : at + len(value)] = value
    with tempfile.NamedTemporaryFile(suffix=".img") as file:
        file.write(content[: data.draw(st.sampled_from([len(content), 600, 200_000]))])
        file.flush()
        answer = judgement(file.name)
    if isinstance(answer, ImgtoolError):
        assert answer.exit_status == 3
    else:
        assert 0 < answer.virtual_size_bytes <= MAX_VIRTUAL_SIZE_BYTES


SEEDS = {image_format: _image(image_format) for image_format in PLACES}
