"""Several images in one command, and sources by URL, into a real cloud."""

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support.cli import IMGTOOL, imgtool
from support.cloud import Devcloud
from support.glance_client import images_named
from support.images import create, qemu_io
from support.web import Site


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devcloud: Devcloud) -> Path:
    """The current folder, with the images a.raw and b.qcow2; nothing may be left in its tmp."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a.raw", "b.qcow2"), 1):
        form = "raw" if name.endswith("raw") else "qcow2"
        create(Path(name), form, "8M")
        qemu_io(Path(name), [f"write -P {number} 1M 1M"], form)
        with Path(name).open("r+b") as file:  # no two tests have the same bytes
            file.seek(0, os.SEEK_END)
            file.write(os.urandom(512))
    return tmp_path


@pytest.fixture
def naming(name: str) -> tuple[str, ...]:
    return ("--cloud", "devcloud-member", "--name", f"{name} {{stem}}")


def told(run: "subprocess.CompletedProcess[str]", status: int = 0) -> dict[str, Any]:
    assert run.returncode == status, run.stderr + run.stdout
    assert "Traceback" not in run.stderr
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def left(place: Path) -> list[Path]:
    """Temporary files, and journals."""
    return [
        *(place / "tmp").iterdir(),
        *(place / "state").rglob("*.journal*"),
        *(place / "state").rglob("*.json"),
    ]


def test_prepare_takes_several(place: Path, naming: tuple[str, ...], name: str) -> None:
    (place / "kept").mkdir()
    options = ("--policy", "data", "--keep", "kept", "--level", "3", "-c", "--tag", "monthly")
    run = imgtool(
        "prepare", "a.raw", "b.qcow2", *naming, *options, "--output", "json", "--report", "junit=r.xml"
    )
    document = told(run)
    assert (document["manifest"], document["counts"]) == ("imgtool prepare", {"done": 2})
    assert "[2/2] done" in run.stderr
    for stem in ("a", "b"):
        (there,) = images_named(f"{name} {stem}")
        assert (there["disk_format"], there["tags"]) == ("qcow2", ["monthly"])
        kept = place / "kept" / f"{name} {stem}.qcow2"
        assert hashlib.sha512(kept.read_bytes()).hexdigest() == there["os_hash_value"]
    assert Path("r.xml").read_text().count("<testsuite ") == 2
    assert left(place) == []


def test_upload_takes_several_as_they_are(place: Path, naming: tuple[str, ...], name: str) -> None:
    run = imgtool("upload", "a.raw", "b.qcow2", *naming, "--jobs", "1")
    assert run.returncode == 0, run.stderr
    assert "imgtool upload" in run.stdout
    assert "images                 2 of 2 ended" in run.stdout
    for file, form in (("a.raw", "raw"), ("b.qcow2", "qcow2")):
        (there,) = images_named(f"{name} {Path(file).stem}")
        assert there["disk_format"] == form
        assert there["os_hash_value"] == hashlib.sha512(Path(file).read_bytes()).hexdigest()
    assert left(place) == []


def test_one_that_fails_stops_no_other_and_the_rest_is_not_done_again(
    place: Path, naming: tuple[str, ...], name: str
) -> None:
    Path("broken.qcow2").write_bytes(b"QFI\xfb" + bytes(100))
    command = ("upload", "a.raw", "broken.qcow2", "missing.raw", "b.qcow2", *naming, "--output", "json")
    document = told(imgtool(*command), 7)
    assert document["counts"] == {"done": 2, "refused": 2}
    images = {one["name"]: one for one in document["images"]}
    assert images[f"{name} broken"]["exit_status"] == 3
    create(Path("missing.raw"), "raw", "1M")
    create(Path("broken.qcow2"), "qcow2", "1M")
    again = told(imgtool(*command))
    assert again["counts"] == {"done": 2, "skipped": 2}
    assert left(place) == []


def test_a_journal_of_ones_own_stays(place: Path, naming: tuple[str, ...]) -> None:
    command = ("upload", "a.raw", "b.qcow2", *naming, "--output", "json", "--journal", "j")
    told(imgtool(*command))
    assert told(imgtool(*command))["counts"] == {"skipped": 2}
    assert told(imgtool("batch", "--status", "j", "--output", "json"))["manifest"] == "imgtool upload"


def test_dry_run_shows_the_plan(place: Path, naming: tuple[str, ...], name: str) -> None:
    run = imgtool("prepare", "a.raw", "b.qcow2", *naming, "--dry-run")
    assert run.returncode == 0, run.stderr
    assert "2 images, 2 uploads, 0 files, 0 problems" in run.stdout
    assert images_named(f"{name} a") == []
    assert left(place) == []


REFUSED = {
    "the same name": (("a.raw", "./a.raw"), (), "is already used in devcloud-member by"),
    "no folder": (("a.raw", "b.qcow2"), ("--keep", "kept.qcow2"), "of several images it names a folder"),
    "one hash": (("a.raw", "b.qcow2"), ("--checksum", f"sha256:{'0' * 64}"), "is the hash of one file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_several_cannot_have(kind: str, place: Path, naming: tuple[str, ...]) -> None:
    files, options, words = REFUSED[kind]
    run = imgtool("prepare", *files, *naming, *options)
    assert run.returncode == 2
    assert words in run.stderr


def test_what_is_interrupted_cleans_up_and_goes_on(place: Path, naming: tuple[str, ...]) -> None:
    command = [str(IMGTOOL), "upload", "a.raw", "b.qcow2", *naming, "--jobs", "1", "--output", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        while "[1/2] done" not in running.stderr.readline():
            assert running.poll() is None
        time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert running.returncode in {0, 130}
    again = told(imgtool(*command[1:]))["counts"]
    assert again in ({"done": 1, "skipped": 1}, {"done": 2})
    assert left(place) == []


def test_prepare_from_a_url(place: Path, naming: tuple[str, ...], name: str, site: Site) -> None:
    content = Path("b.qcow2").read_bytes()
    url = site.put("/images/b.qcow2", content)
    sums = site.put("/images/SHA256SUMS", f"{hashlib.sha256(content).hexdigest()} *b.qcow2\n")
    options = (
        "--cloud",
        "devcloud-member",
        "--name",
        f"{name} url",
        "--policy",
        "data",
        "--checksum-file",
        sums,
    )
    run = imgtool("prepare", f"{url}?key=hunter2", *options, "--output", "json")
    document = told(run)
    (there,) = images_named(f"{name} url")
    assert there["os_hash_value"] == hashlib.sha512(content).hexdigest()
    assert there["imgtool_source_sha256"] == hashlib.sha256(content).hexdigest()
    assert document["upload"]["path"] == url
    assert "hunter2" not in run.stdout + run.stderr
    several = imgtool("upload", url, "a.raw", *naming, "--checksum-file", sums)
    assert several.returncode == 2
    assert "has no line for a.raw" in several.stderr
    Path("SUMS").write_text(
        "".join(
            f"{hashlib.sha256(Path(one).read_bytes()).hexdigest()} *{one}\n" for one in ("a.raw", "b.qcow2")
        )
    )
    both = told(imgtool("upload", url, "a.raw", *naming, "--checksum-file", "SUMS", "--output", "json"))
    assert both["counts"] == {"done": 2}
    assert left(place) == []


def test_nothing_is_sent_of_another_file(place: Path, name: str, site: Site) -> None:
    url = site.put("/b.qcow2", Path("b.qcow2").read_bytes())
    for command in ("upload", "prepare"):
        run = imgtool(
            command, url, "--cloud", "devcloud-member", "--name", name, "--checksum", f"sha512:{'0' * 128}"
        )
        assert run.returncode == 5, run.stderr
        assert f"{url}: its SHA-512 is" in run.stderr
    assert images_named(name) == []
    assert left(place) == []
