"""The source of a task: a file of the operator's or one from the web, and when its hash is known."""

import hashlib
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.batches import task
from support.hostile import ROWS
from support.images import create, qemu_io

from imgtool.batch import task as tasks
from imgtool.convert import digest
from imgtool.errors import UnsafeImageError, VerificationError
from imgtool.pipeline.source_file import SourceFile
from imgtool.util.progress import NullProgress

NOBODY = NullProgress()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = create(tmp_path / "a.raw", "raw", "8M")
    qemu_io(path, ["write -P 5 1M 1M"], "raw")
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make(source: Path | str, folder: Path, **changed: Any) -> SourceFile:
    """What is known of it, its hash included, when the block has ended."""
    changed = {"clouds": (), **changed}
    with tasks.source_of(task(source=str(source), **changed), folder, NOBODY) as found:
        found.hash_by("sha256")
        found.hash_by("sha256-chunks")
        return found


def test_a_file_is_read_where_it_is_and_hashed_beside(disk: Path, tmp_path: Path) -> None:
    found = make(disk, tmp_path)
    assert (found.path, found.size_bytes, found.hash_by("sha256")) == (disk, 8 << 20, sha256(disk))
    assert found.identity is not None


def test_another_file_than_the_manifest_means_is_refused_first(disk: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=f"its SHA-256 is {sha256(disk)}, and not 0000"):
        make(disk, tmp_path, sha256="0" * 64)


def test_the_checksum_of_the_manifest_is_held_against_the_file(disk: Path, tmp_path: Path) -> None:
    assert make(disk, tmp_path, sha256=sha256(disk)).hash_by("sha256") == sha256(disk)


def test_so_is_a_sha512(disk: Path, tmp_path: Path) -> None:
    sha512 = hashlib.sha512(disk.read_bytes()).hexdigest()
    assert make(disk, tmp_path, sha512=sha512).hash_by("sha256") == sha256(disk)
    assert make(disk, tmp_path, sha512=sha512, clouds=task().clouds).hash_by("sha256") == sha256(disk)
    assert make(disk, tmp_path, sha512=sha512, sha256=sha256(disk)).hash_by("sha256") == sha256(disk)
    with pytest.raises(VerificationError, match=f"its SHA-512 is {sha512}, and not 0000"):
        make(disk, tmp_path, sha512="0" * 128)


def test_a_hash_that_is_asked_for_is_compared_whatever_the_size(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "MAX_BYTES", 1000)
    assert make(disk, tmp_path).hash_by("sha256") is None
    with pytest.raises(VerificationError, match="and not 0000"):
        make(disk, tmp_path, sha256="0" * 64)


def test_an_upload_hashes_it_anyway(disk: Path, tmp_path: Path) -> None:
    assert make(disk, tmp_path, clouds=task().clouds).hash_by("sha256") is None


def test_a_disk_of_holes_is_not_hashed_for_its_conversion(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.raw"
    sparse.touch()
    os.truncate(sparse, 100 << 30)
    assert make(sparse, tmp_path).hash_by("sha256") is None


def test_but_by_its_chunks_it_is(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.raw"
    sparse.touch()
    os.truncate(sparse, 200 << 30)
    found = make(sparse, tmp_path, source_hash="sha256-chunks")
    assert found.hash_by("sha256") is None
    assert found.hash_by("sha256-chunks") == hashlib.sha256(f"{200 << 30}\n".encode()).hexdigest()


def test_only_the_hash_that_is_chosen_is_computed_but_for_the_one_that_is_compared(
    disk: Path, tmp_path: Path
) -> None:
    def known(**changed: Any) -> list[bool]:
        found = make(disk, tmp_path, **changed)
        return [found.hash_by(name) is not None for name in ("sha256", "sha256-chunks")]

    assert known() == known(source_hash="sha256") == [True, False]
    assert known(source_hash="sha256-chunks") == [False, True]
    assert known(source_hash="none") == [False, False]
    assert known(source_hash="sha256-chunks", sha256=sha256(disk)) == [True, True]
    assert known(source_hash="none", sha256=sha256(disk)) == [True, False]
    sha512 = hashlib.sha512(disk.read_bytes()).hexdigest()
    assert known(source_hash="sha256-chunks", sha512=sha512) == [False, True]
    assert known(source_hash="none", sha512=sha512) == [False, False]
    with pytest.raises(VerificationError, match="and not 0000"):
        make(disk, tmp_path, source_hash="none", sha256="0" * 64)


def test_the_gate_comes_first(tmp_path: Path) -> None:
    hostile = ROWS["backing_file"][0](tmp_path, tmp_path / "canary")
    with pytest.raises(UnsafeImageError, match="backing file"):
        make(hostile, tmp_path)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a server that gives what is in `tmp_path`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_fetched_is_put_into_the_task_s_folder(disk: Path, web: str, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    found = make(f"{web}/a.raw", tmp_path / "own", sha256=sha256(disk))
    assert found.path.parent == tmp_path / "own"
    assert found.path.read_bytes() == disk.read_bytes()
    assert (found.hash_by("sha256"), found.identity) == (sha256(disk), None)
    sha512 = hashlib.sha512(disk.read_bytes()).hexdigest()
    found.path.unlink()
    assert make(f"{web}/a.raw", tmp_path / "own", sha512=sha512).hash_by("sha256") == sha256(disk)
