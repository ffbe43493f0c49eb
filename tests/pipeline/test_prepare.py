"""What an inspection puts together; the whole of `prepare` is in integration/test_prepare.py."""

import gzip
from pathlib import Path

import pytest
from support.fixtures import fixture_path
from support.images import convert, patch, qemu_io, read_u64
from support.web import Site

from imgtool import glance, sandbox
from imgtool.checks.registry import judge
from imgtool.disk.open_source import incoming
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.facts import Known
from imgtool.model.source import SourceHash
from imgtool.model.verdict import Outcome
from imgtool.pipeline.inspect import inspect_image
from imgtool.pipeline.prepare import prepare, upload
from imgtool.pipeline.request import PrepareRequest
from imgtool.util.progress import NullProgress

CLUSTER = 64 << 10
OFFSET_MASK = 0x00FFFFFFFFFFFE00


@pytest.fixture
def corrupt(tmp_path: Path) -> Path:
    """A good guest in a qcow2 whose first data cluster counts as free."""
    image = convert(fixture_path("bare-ext4"), tmp_path / "disk.qcow2", "raw", "qcow2")
    qemu_io(image, ["write -P 7 0 512"])
    entry = read_u64(image, read_u64(image, read_u64(image, 40) & OFFSET_MASK) & OFFSET_MASK)
    block = read_u64(image, read_u64(image, 48)) & OFFSET_MASK
    return patch(image, block + 2 * ((entry & OFFSET_MASK) // CLUSTER), bytes(2))


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "compressed as a whole"])
def test_a_corrupt_image_is_inspected_and_fails_one_check(corrupt: Path, packed: bool) -> None:
    path = corrupt
    if packed:
        path = corrupt.with_suffix(".qcow2.gz")
        path.write_bytes(gzip.compress(corrupt.read_bytes(), 1))
    with incoming(path, None, NullProgress(), may_stream=False) as image:
        inspection = inspect_image(image, NullProgress())
    assert inspection.guest.status == "known"
    assert isinstance(inspection.consistent, Known)
    assert inspection.consistent.value is False
    finding = next(one for one in judge(inspection).findings if one.check == "image-consistent")
    assert finding.outcome is Outcome.FAIL
    assert "corruptions" in finding.evidence


def test_a_raw_image_has_nothing_to_check() -> None:
    with incoming(fixture_path("bare-ext4"), "raw", NullProgress(), may_stream=False) as image:
        assert inspect_image(image, NullProgress()).consistent == Known(True, "a raw image has no tables")


class _SpokenToError(Exception):
    pass


@pytest.mark.parametrize("story", [prepare, upload])
def test_what_reads_images_was_forked_before_a_cloud_is_spoken_to(story, monkeypatch, tmp_path: Path) -> None:
    """A fork has what is in memory: no password may be."""

    def connect(*_: object) -> None:
        assert sandbox.is_running()
        raise _SpokenToError

    monkeypatch.setattr(glance, "connect_each", connect)
    sandbox.stop()
    assert not sandbox.is_running()
    order = PrepareRequest(
        fixture_path("bare-ext4"), (CloudName("c"),), GlanceTarget("x"), tmp_path, source_format="raw"
    )
    with pytest.raises(_SpokenToError):
        story(order, NullProgress())


@pytest.mark.parametrize(
    ("source_hash", "noted"), [("sha256", ["0" * 64]), ("sha256-chunks", ["0" * 64]), ("none", [])]
)
def test_of_what_glance_fetches_the_published_hash_is_noted(
    source_hash: SourceHash, noted: list[str], site: Site, tmp_path: Path
) -> None:
    url = site.put("/a.qcow2", bytes(512))
    order = PrepareRequest(
        Path("a.qcow2"),
        (CloudName("c"),),
        GlanceTarget("x", method="web-download"),
        tmp_path,
        web=glance.WebContent(url, {"sha256": "0" * 64}),
        source_hash=source_hash,
    )
    (plan,) = upload(order, NullProgress(), dry_run=True).upload_plans
    assert [one.value for one in plan.properties if one.name.startswith("imgtool_source")] == noted
