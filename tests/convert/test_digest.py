import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from imgtool.convert import digest
from imgtool.convert.digest import background_digest
from imgtool.errors import ImageUnreadableError
from imgtool.formats.gate import admit


@pytest.mark.parametrize("size", [512, 1 << 20, (3 << 20) + 512])
def test_it_is_what_sha256sum_prints(tmp_path: Path, size: int) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(os.urandom(size))
    with background_digest(admit(path, "raw")) as found:
        assert found is not None
        assert found.value() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_holes_count_as_the_zeros_that_they_are(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    with path.open("wb") as file:
        for place in (0, 5 << 20, (9 << 20) + 4096):
            file.seek(place)
            file.write(os.urandom(70_000))
        file.truncate((12 << 20) + 512)
    with background_digest(admit(path, "raw")) as found:
        assert found is not None
        assert found.value() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_huge_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.touch()
    os.truncate(path, digest.MAX_BYTES + 512)
    with background_digest(admit(path)) as found:
        assert found is None


def test_a_stream_has_none(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(bytes(512))
    with background_digest(replace(admit(path), streamed=True)) as found:
        assert found is None


def test_a_file_that_changed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(bytes(4096))
    image = admit(path)
    path.write_bytes(bytes(8192))
    with background_digest(image) as found:
        assert found is not None
        with pytest.raises(ImageUnreadableError, match="changed"):
            found.value()


def test_an_end_of_the_block_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.raw"
    path.touch()
    os.truncate(path, 4 << 30)
    monkeypatch.setattr(digest, "_CHUNK_BYTES", 512)  # eight million reads, were it not stopped
    with background_digest(admit(path)) as found:
        assert found is not None
    assert found.finished


def test_its_thread_stands_back_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(bytes(512))
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with background_digest(admit(path, "raw")) as found:
        assert found is not None
        found.value()
        threads = [int(one) for one in os.listdir("/proc/self/task")]
        nice = sorted(os.getpriority(os.PRIO_PROCESS, thread) for thread in threads)
        assert nice[-1] == min(19, before + digest.NICE)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
