"""Somebody changes the image, or the folder, while it is read or written: no try of many is delivered wrong.

What comes out is all of one state of the source, with that state's hash, or there is an error and no output.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import attacker
from support.images import convert as made
from support.images import qemu_img

from imgtool.convert import convert
from imgtool.convert.digest import background_digest
from imgtool.convert.payload import open_payload
from imgtool.disk.open_source import incoming
from imgtool.errors import ImgtoolError
from imgtool.util import leases
from imgtool.util.progress import NullProgress

TRIES = int(os.environ.get("IMGTOOL_RACE_TRIES", "20"))
"""Of each: 200 take some minutes."""
GOOD, OTHER = (state * ((4 << 20) // len(state)) for state in attacker.STATES)
REFUSED = re.compile("it changed after|has it open for writing|it has a backing file|was replaced while")
Deliver = Callable[[Path, Path], str]
"""Source and target to the source's hash; what was delivered is in the target."""


@pytest.fixture(autouse=True)
def leased() -> Iterator[None]:
    """As the command line has it."""
    with leases.enabled():
        yield


@pytest.fixture
def shm() -> Iterator[Path]:
    """A folder on tmpfs."""
    with tempfile.TemporaryDirectory(prefix="imgtool-test-", dir="/dev/shm") as folder:
        yield Path(folder)


@contextmanager
def attacked(how: str, place: Path, user: int = 0) -> Iterator[None]:
    argv = [sys.executable, "-I", attacker.__file__, how, str(place)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, user=user) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"begun\n"
            yield
        finally:
            running.kill()


def by_conversion(source: Path, target: Path) -> str:
    with (
        incoming(source, None, NullProgress(), may_stream=False, force_share=False) as image,
        background_digest(image) as digest,
    ):
        convert.execute(convert.plan(image, target, "raw", overwrite=True), NullProgress())
        assert digest is not None
        return digest.value()


def by_staging(source: Path, target: Path) -> str:
    """As a batch does it: the image gets its place once the source's hash is known."""
    staged = target.with_suffix(".staged")
    try:
        value = by_conversion(source, staged)
        staged.replace(target)
        return value
    finally:
        staged.unlink(missing_ok=True)


def by_sending(source: Path, target: Path) -> str:
    """As an upload does it; the receiver keeps it only where it is complete."""
    received = target.with_suffix(".received")
    try:
        with (
            incoming(source, None, NullProgress(), may_stream=False, force_share=False) as image,
            background_digest(image) as digest,
            open_payload(image, "raw", NullProgress()) as payload,
        ):
            with received.open("wb") as file:
                for chunk in payload.chunks():
                    file.write(chunk)
            assert digest is not None
            value = digest.value()
        received.replace(target)
        return value
    finally:
        received.unlink(missing_ok=True)


DELIVERIES: dict[str, Deliver] = {"converted": by_staging, "sent": by_sending}


def deliveries(deliver: Deliver, source: Path, target: Path) -> Iterator[tuple[bytes, str]]:
    """What was delivered in TRIES tries, with the hash; all others ended with an error and nothing."""
    for _ in range(TRIES):
        target.unlink(missing_ok=True)
        value = attempted(deliver, source, target)
        if isinstance(value, str):
            yield target.read_bytes(), value
            continue
        assert REFUSED.search(value.message), value
        assert value.exit_status in {3, 5}
        assert not target.exists()


def attempted(deliver: Deliver, source: Path, target: Path) -> str | ImgtoolError:
    try:
        return deliver(source, target)
    except ImgtoolError as error:
        return error


@pytest.mark.parametrize("deliver", DELIVERIES)
@pytest.mark.parametrize("how", ["rewrite", "map"])
@pytest.mark.parametrize("where", ["shm", "tmp_path"])
def test_a_source_that_is_rewritten(
    how: str, where: str, deliver: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = request.getfixturevalue(where) / "disk.raw"
    source.write_bytes(GOOD)
    target = tmp_path / "out" / "disk.raw"
    target.parent.mkdir()
    with attacked(how, source):
        for content, value in deliveries(DELIVERIES[deliver], source, target):
            assert content in {GOOD, OTHER}, "it is of two states"
            assert value == hashlib.sha256(content).hexdigest()
    assert os.listdir(target.parent) in ([], ["disk.raw"])


@pytest.mark.parametrize("deliver", DELIVERIES)
def test_folders_that_are_exchanged(deliver: str, tmp_path: Path) -> None:
    """The one image is sound; the other would read a file of the host."""
    for name in ("good", "evil"):
        (tmp_path / name).mkdir()
    canary = tmp_path / "canary"
    canary.write_bytes(b"CANARY" * 1000)
    (tmp_path / "disk.raw").write_bytes(GOOD)
    source = tmp_path / "good/disk.qcow2"
    made(tmp_path / "disk.raw", source, "raw", "qcow2")
    qemu_img(
        "create", "-q", "-u", "-f", "qcow2", "-b", canary, "-F", "raw", tmp_path / "evil/disk.qcow2", "4M"
    )
    with attacked("exchange", tmp_path):
        for content, _ in deliveries(DELIVERIES[deliver], source, tmp_path / "out.raw"):
            assert content == GOOD


@pytest.mark.parametrize("tmpfile", [True, False])
def test_a_folder_of_another_user(tmpfile: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the folder can take our file away, or put a link in its place; no other file is written to."""
    if not tmpfile:  # a file system that has no files without a name
        monkeypatch.setattr("imgtool.util.output._without_a_name", lambda _: -1)
    source, victim, folder = tmp_path / "disk.raw", tmp_path / "victim", tmp_path / "theirs"
    source.write_bytes(GOOD[: 64 << 10])
    victim.write_bytes(b"root's own")
    victim.chmod(0o600)
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    for one in (tmp_path, *tmp_path.parents):
        one.chmod(one.stat().st_mode | 0o111)
    target = folder / "out.raw"
    with attacked("link", folder, user=12345):
        for _ in range(TRIES):
            found = attempted(by_conversion, source, target)
            assert isinstance(found, str) or found.exit_status in {2, 5}, found
    assert victim.read_bytes() == b"root's own"
    assert victim.stat().st_mode & 0o777 == 0o600
