"""How a disk is read by its layout: what its content is, tests/contract/test_source.py says."""

from pathlib import Path

import pytest
from support.vmdk_images import Spec, mixed, write_vmdk

from imgtool.convert.engine import FEW
from imgtool.convert.sources.mapped import MappedSource
from imgtool.formats.layout import read_layout
from imgtool.formats.source import open_source

PIECE = 1 << 20


@pytest.mark.parametrize(
    ("spec", "few"),
    [(Spec(compressed=True), True), (Spec(grain=2048), True), (Spec(shuffled=True), False)],
    ids=["compressed grains that follow each other", "one grain", "grains in any order"],
)
def test_a_piece_says_how_many_reads_it_takes(tmp_path: Path, spec: Spec, few: bool) -> None:
    """By which the engine decides whether several threads may read, and inflate, at the same time."""
    image = write_vmdk(tmp_path / "disk.vmdk", mixed(PIECE), spec).path
    with open_source(image) as file:
        piece = MappedSource(file, read_layout("vmdk", file.read_at, file.size_bytes)).take(bytearray(PIECE))
    assert piece is not None
    assert (piece.fragments <= FEW) == few
