from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.images import create

from imgtool.errors import UsageError
from imgtool.formats.gate import admit
from imgtool.glance.plan import plan_upload
from imgtool.model.delivery import CloudName, GlanceTarget, Property, UploadPlan
from imgtool.model.image import DiskImage

GIB = 1 << 30


@pytest.fixture
def image(tmp_path: Path) -> DiskImage:
    return admit(create(tmp_path / "disk.qcow2"))


def plan(image: DiskImage, properties: Sequence[Property] = (), **wanted: Any) -> UploadPlan:
    return plan_upload(
        image, cloud=CloudName("c"), wanted=GlanceTarget(**{"name": "debian"} | wanted), properties=properties
    )


@pytest.mark.parametrize(
    ("size", "expected"), [(1, 1), (GIB, 1), (GIB + 1, 2), (10 * GIB, 10), (10 * GIB - 512, 10)]
)
def test_min_disk_is_rounded_up(image: DiskImage, size: int, expected: int) -> None:
    assert plan(replace(image, virtual_size_bytes=size)).min_disk_gib == expected


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("raw", "raw"), ("qcow2", "qcow2"), ("vpc", "vhd"), ("vmdk", "vmdk"), ("vhdx", "vhdx")],
)
def test_the_format_has_glances_name(image: DiskImage, ours: str, theirs: str) -> None:
    assert plan(replace(image, format=ours)).disk_format == theirs


def test_a_format_that_glance_does_not_have(image: DiskImage) -> None:
    with pytest.raises(UsageError, match="no disk format for qed"):
        plan(replace(image, format="qed"))


def test_a_compressed_file_is_refused(image: DiskImage) -> None:
    with pytest.raises(UsageError, match="compressed with gzip") as caught:
        plan(replace(image, wrapper="gzip"))
    assert "prepare" in caught.value.hint


@pytest.mark.parametrize("name", ["", "x" * 256, "a\x1b[2Jb", "a\nb"])
def test_names_that_are_refused(image: DiskImage, name: str) -> None:
    with pytest.raises(UsageError):
        plan(image, name=name)


@pytest.mark.parametrize(
    "name", ["owner", "visibility", "min_disk", "os_hash_value", "os_glance_x", "", "a\nb"]
)
def test_properties_that_are_refused(image: DiskImage, name: str) -> None:
    with pytest.raises(UsageError):
        plan(image, properties=(Property(name, "1", "given"),))


def test_a_value_that_is_refused(image: DiskImage) -> None:
    with pytest.raises(UsageError, match="hw_x"):
        plan(image, properties=(Property("hw_x", "a\x00b", "given"),))


def test_visibility_is_one_of_glances(image: DiskImage) -> None:
    with pytest.raises(UsageError) as caught:
        plan(image, visibility="secret")
    assert "community" in caught.value.hint
