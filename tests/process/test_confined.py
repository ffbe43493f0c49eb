"""Another program in the sandbox: what it was not given it does not get, by whatever means there are."""

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.images import create
from support.stand_in import built

from imgtool.errors import ToolFailedError, ToolMissingError
from imgtool.process import confined, qemu_img
from imgtool.process.confined import Access, Means
from imgtool.process.qemu_img import OpenImage

CANARY = "CANARY-SECRET-7d21"


KEPT_OPEN: dict[Means, Callable[[int], set[str]]] = {
    "landlock": lambda _: set(),
    "bubblewrap": lambda image: {"GOT file /proc/1/environ", f"GOT writing descriptor {image}"},
}
"""What the documentation says that is left: bubblewrap's own first process, and the image's own bytes."""


@pytest.fixture(params=["landlock", "bubblewrap"])
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Means:
    """Each of them, by itself."""
    monkeypatch.setattr(confined, "means", lambda: request.param)
    return request.param


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text(CANARY)
    path.chmod(0o600)
    return path


@pytest.fixture
def stand_in(tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of qemu-img; our environment has secrets."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    for name in ("OS_PASSWORD", "https_proxy", "MY_SECRET"):
        monkeypatch.setenv(name, CANARY)
    confined._find_libraries.cache_clear()
    return built(folder, victim)


@pytest.fixture
def image(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(create(tmp_path / "disk.qcow2"), os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("machine", [False, True])
def test_who_was_taken_over_gets_nothing(
    machine: bool, means: Means, image: int, stand_in: Path, victim: Path
) -> None:
    run = confined.run(["qemu-img"], Access(read=(image,), machine=machine), timeout_seconds=60)
    found = set(run.stdout.decode().splitlines())
    assert found - KEPT_OPEN[means](image) == {"done"}, run.stderr
    assert victim.read_text() == CANARY
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600


def test_the_same_without_a_sandbox_gets_a_lot(image: int, stand_in: Path) -> None:
    """The stand-in does try."""
    run = subprocess.run([stand_in], pass_fds=[image], capture_output=True, text=True, check=False)
    assert f"GOT file {stand_in.parent.parent / 'victim'}" in run.stdout
    assert "GOT a socket" in run.stdout


def test_what_it_was_given_it_can_use(means: Means, tmp_path: Path) -> None:
    source, target = create(tmp_path / "a.qcow2"), tmp_path / "b.raw"
    with source.open("rb") as read, target.open("w+b") as written:
        image = OpenImage(read.fileno(), "qcow2")
        assert qemu_img.check(image).clean
        qemu_img.convert(image, OpenImage(written.fileno(), "raw"))
        assert qemu_img.compare(image, OpenImage(written.fileno(), "raw")).same
    assert target.stat().st_size == 1 << 20


def test_an_image_of_another_user_and_one_without_a_name(means: Means, tmp_path: Path) -> None:
    path = create(tmp_path / "a.qcow2")
    os.chown(path, 12345, 12345)
    path.chmod(0o600)
    with path.open("rb") as file:
        path.unlink()
        assert qemu_img.check(OpenImage(file.fileno(), "qcow2")).clean


@pytest.mark.parametrize("name", ["/etc/passwd", "nbd:127.0.0.1:10809", "json:{}", "/usr/lib/os-release"])
def test_it_opens_no_name(name: str, means: Means, image: int) -> None:
    with pytest.raises(ToolFailedError):
        confined.run(["qemu-img", "info", name], Access(read=(image,)), timeout_seconds=60)


def test_a_backing_file_and_a_data_file_are_not_followed(means: Means, victim: Path, tmp_path: Path) -> None:
    """The gate is not asked here: what the sandbox keeps is kept also from what the gate does not know."""
    path, target = tmp_path / "x.qcow2", tmp_path / "out.raw"
    argv = ["-b", str(victim), "-F", "raw"]
    subprocess.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", *argv, path, "1M"], check=True)
    with path.open("rb") as read, target.open("w+b") as written:
        source = OpenImage(read.fileno(), "qcow2")
        qemu_img.convert(source, OpenImage(written.fileno(), "raw"))
        followed = json.dumps({"driver": "qcow2", "file": {"driver": "file", "filename": source.name}})
        with pytest.raises(ToolFailedError):
            confined.run(
                ["qemu-img", "convert", "-O", "raw", f"json:{followed}", f"/proc/self/fd/{written.fileno()}"],
                Access(read=(read.fileno(),), write=(written.fileno(),)),
                timeout_seconds=60,
            )
    assert CANARY not in target.read_text()


def test_where_nothing_confines_it_only_raw_and_qcow2_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(confined, "means", lambda: "none")
    with create(tmp_path / "a.qcow2").open("rb") as file:
        assert qemu_img.check(OpenImage(file.fileno(), "qcow2")).clean
    with create(tmp_path / "a.vmdk", "vmdk").open("rb") as file:
        image = OpenImage(file.fileno(), "vmdk")
        with pytest.raises(ToolMissingError, match="nothing confines it") as caught:
            qemu_img.check(image)
        assert caught.value.exit_status == 4
        assert "bubblewrap" in caught.value.hint
        monkeypatch.setattr(qemu_img.RISK, "unconfined", True)
        assert qemu_img.check(image).clean


def test_this_machine_has_the_first_of_them() -> None:
    assert confined.means.__wrapped__() == "landlock"
