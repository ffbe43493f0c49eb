"""Compressed clusters and grains, before another program inflates them."""

from pathlib import Path

import pytest
from support.hostile import CLUSTER_ROWS, INFLATED_ROWS
from support.images import create, qemu_io
from support.vmdk_images import IMAGES

from imgtool.convert.sound import check_compressed_clusters, check_packed_spans
from imgtool.errors import ImageUnreadableError
from imgtool.formats import admit
from imgtool.formats.examine import examine_clusters


@pytest.mark.parametrize("method", ["zlib", "zstd"])
def test_a_sound_image_passes(method: str, tmp_path: Path) -> None:
    path = create(tmp_path / "x.qcow2", "qcow2", "8M", f"compression_type={method}")
    qemu_io(path, ["write -P 7 0 128k", "write -c -P 8 1M 640k"])
    image = admit(path)
    examine_clusters(image)
    check_compressed_clusters(image)


@pytest.mark.parametrize("name", INFLATED_ROWS)
def test_one_that_does_not_hold_a_cluster(name: str, tmp_path: Path) -> None:
    build, says = INFLATED_ROWS[name]
    image = admit(build(tmp_path, tmp_path / "canary"))
    examine_clusters(image)
    check = check_compressed_clusters if image.format == "qcow2" else check_packed_spans
    with pytest.raises(ImageUnreadableError, match=says):
        check(image)


@pytest.mark.parametrize("name", ["hand usual", "hand stream usual", "hand stream footer"])
def test_a_sound_vmdk_passes(name: str, tmp_path: Path) -> None:
    check_packed_spans(admit(IMAGES[name](tmp_path)))


@pytest.mark.parametrize("name", CLUSTER_ROWS)
def test_an_entry_that_cannot_be_is_found_before(name: str, tmp_path: Path) -> None:
    build, says = CLUSTER_ROWS[name]
    image = admit(build(tmp_path, tmp_path / "canary"))
    with pytest.raises(ImageUnreadableError, match=says):
        examine_clusters(image)
