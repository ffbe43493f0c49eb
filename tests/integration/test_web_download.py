"""Glance fetches a URL by itself: what arrived is proven by what is published of it, or nothing stays."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.cloud import Devcloud
from support.glance_client import images_named
from support.images import convert, create, qemu_io
from support.own_cloud import running
from support.web import Site

pytestmark = pytest.mark.series(3)

__all__ = ["running"]

PARTS = ["", "conversion"]
CLOUD = ("--cloud", "devcloud-member", "--method", "web-download")


@pytest.fixture(scope="module", params=PARTS, ids=lambda parts: parts or "none")
def parts(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(autouse=True)
def place(running: Devcloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """TMPDIR, in which nothing may be left."""
    running.enter(monkeypatch, tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tmp"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = create(tmp_path / "disk.raw", "raw", "8M")
    qemu_io(path, ["write -P 7 1M 3M"], "raw")
    path.write_bytes(os.urandom(512) + path.read_bytes()[512:])
    return path


@pytest.fixture
def content(disk: Path) -> bytes:
    made: Path = convert(disk, disk.with_suffix(".qcow2"), "raw", "qcow2", "-c")
    return made.read_bytes()


def hash_of(content: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, content).hexdigest()


def upload(url: str, name: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return imgtool("upload", url, *CLOUD, "--name", name, "--output", "json", *options)


def uploaded(url: str, name: str, *options: str) -> dict[str, Any]:
    run = upload(url, name, *options)
    assert run.returncode == 0, run.stderr + run.stdout
    document: dict[str, Any] = json.loads(run.stdout)["upload"]
    return document


@pytest.mark.parametrize("stores", [(), ("--all-stores",)], ids=["one store", "all stores"])
@pytest.mark.parametrize("algorithm", ["sha512", "sha256"])
def test_it_is_proven(  # noqa: PLR0917 - fixtures
    algorithm: str, stores: tuple[str, ...], parts: str, content: bytes, disk: Path, site: Site, place: Path
) -> None:
    url = site.put("/images/disk.qcow2", content)
    sums = site.put(f"/images/{algorithm.upper()}SUMS", f"{hash_of(content, algorithm)} *disk.qcow2\n")
    name = f"web {algorithm} {len(stores)}"
    found = uploaded(f"{url}?key=hunter2", name, "--checksum-file", sums, *stores)
    (there,) = images_named(name)
    converts = parts == "conversion"
    expected = disk.read_bytes() if converts else content
    assert (there["status"], there["disk_format"]) == ("active", "raw" if converts else "qcow2")
    assert there["os_hash_value"] == hash_of(expected, "sha512") == found["os_hash_value"]
    assert (found["path"], found["method"]) == (url, "web-download")
    assert ("imgtool_source_sha256" in there) == (algorithm == "sha256")
    assert list(place.iterdir()) == []
    reads = [path for path, _ in site.asked].count("/images/disk.qcow2")
    # One for its size, one of Glance's, and what had to be read here.
    assert reads == 2 + (algorithm == "sha256") + converts


@pytest.mark.parametrize("algorithm", ["sha512", "sha256"])
def test_another_file_does_not_stay(algorithm: str, content: bytes, site: Site, place: Path) -> None:
    url = site.put("/disk.qcow2", content)
    name = f"another {algorithm}"
    wrong = hash_of(b"another", algorithm)
    run = upload(url, name, "--checksum", f"{algorithm}:{wrong}")
    assert run.returncode == 5, run.stderr
    assert f"and not {wrong}" in run.stdout
    assert images_named(name) == []
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("algorithm", ["sha512", "sha256"])
def test_the_same_again_is_already_there(
    algorithm: str, parts: str, content: bytes, site: Site, place: Path
) -> None:
    """Also where Glance converted it: by the image's own properties, else by its disk, which is read then."""
    url = site.put("/disk.qcow2", content)
    checksum, name = f"{algorithm}:{hash_of(content, algorithm)}", f"again {algorithm}"
    first = uploaded(url, name, "--checksum", checksum)
    before = len(site.asked)
    second = uploaded(url, name, "--checksum", checksum)
    assert (second["ending"], second["image_id"]) == ("already-there", first["image_id"])
    is_read = (parts == "conversion") == (algorithm == "sha512")
    assert len(site.asked) - before == 1 + is_read  # one for its size
    assert list(place.iterdir()) == []


def test_another_file_of_that_name_is_a_conflict(content: bytes, site: Site) -> None:
    for position, algorithm in enumerate(("sha512", "sha256")):
        url = site.put("/disk.qcow2", content)
        name = f"other {algorithm}"
        uploaded(url, name, "--checksum", f"{algorithm}:{hash_of(content, algorithm)}")
        disk = create(Path(f"other{position}.raw"), "raw", "8M")
        qemu_io(disk, ["write -P 9 1M 3M"], "raw")
        other: bytes = convert(disk, disk.with_suffix(".qcow2"), "raw", "qcow2", "-c").read_bytes()
        url = site.put("/disk.qcow2", other)
        run = upload(url, name, "--checksum", f"{algorithm}:{hash_of(other, algorithm)}")
        assert run.returncode == 6, run.stdout
        assert f"has an image named '{name}' already" in run.stdout


def test_several_at_once(content: bytes, disk: Path, site: Site) -> None:
    raw = disk.read_bytes()
    urls = [site.put("/a.qcow2", content), site.put("/b.raw", raw)]
    lines = f"{hash_of(content, 'sha512')}  a.qcow2\n{hash_of(raw, 'sha512')}  b.raw\n"
    sums = ("--checksum-file", site.put("/SUMS", lines))
    run = imgtool("upload", *urls, *CLOUD, "--name", "many-{stem}", *sums, "--output", "json")
    assert run.returncode == 0, run.stderr + run.stdout
    assert json.loads(run.stdout)["counts"] == {"done": 2}
    assert images_named("many-b")[0]["os_hash_value"] == hash_of(raw, "sha512")


WHATEVER = ("--checksum", f"sha512:{'0' * 128}")
SHA256 = ("--checksum", f"sha256:{'0' * 64}")
QUIESCE = ("--property", "os_require_quiesce=yes")
REFUSED: dict[str, tuple[str, str, tuple[str, ...], int, str]] = {
    "a file": ("upload", "x.qcow2", (), 2, "takes URLs"),
    "no hash": ("upload", "{url}/x.qcow2", (), 2, "has to be compared with a hash"),
    "compressed": ("upload", "{url}/x.qcow2.xz", WHATEVER, 2, "Glance would keep it so"),
    "no ending": ("upload", "{url}/x.img", WHATEVER, 2, "does not say which format"),
    "prepare": ("prepare", "{url}/x.qcow2", WHATEVER, 2, "is neither checked nor converted"),
    "quiesce": ("upload", "{url}/x.qcow2", (*WHATEVER, *QUIESCE), 2, "every snapshot"),
    "filtered": ("upload", "http://localhost:1/x.qcow2?key=hunter2", WHATEVER, 6, "does not pass filtering"),
    "not there": (
        "upload",
        "{url}/x.qcow2",
        WHATEVER,
        6,
        "from here either: {url}/x.qcow2: the server answers 404",
    ),
    "not there to be read": ("upload", "{url}/x.qcow2", SHA256, 3, "x.qcow2: the server answers 404"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(kind: str, site: Site) -> None:
    command, source, options, status, words = REFUSED[kind]
    run = imgtool(command, source.format(url=site.url), *CLOUD, "--name", "refused", *options)
    assert run.returncode == status, run.stderr
    assert words.format(url=site.url) in run.stderr
    assert "hunter2" not in run.stderr
    assert images_named("refused") == []


def test_dry_run_asks_nobody(site: Site) -> None:
    url = site.put("/x.qcow2", b"x")
    run = imgtool("upload", url, *CLOUD, "--dry-run", *WHATEVER)
    assert run.returncode == 0, run.stderr
    assert "web-download: Glance fetches the URL itself" in run.stdout
