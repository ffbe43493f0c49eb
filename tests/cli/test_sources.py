"""Sources by URL, and their hashes, as `convert`, `check` and `inspect` take them."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from support.cli import assert_clean_failure, imgtool
from support.images import convert, create, qemu_io
from support.web import Site


@pytest.fixture
def disk(tmp_path: Path) -> bytes:
    path = create(tmp_path / "made.raw", "raw", "4M")
    qemu_io(path, ["write -P 7 1M 1M"], "raw")
    made: Path = convert(path, path.with_suffix(".qcow2"), "raw", "qcow2")
    return made.read_bytes()


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TMPDIR, in which nothing may be left; the current folder is beside it."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sha512(content: bytes) -> str:
    return hashlib.sha512(content).hexdigest()


@pytest.mark.parametrize("packed", [False, True])
def test_convert_from_a_url(packed: bool, site: Site, disk: bytes, away: Path) -> None:
    content = gzip.compress(disk) if packed else disk
    name = "disk.qcow2.gz" if packed else "disk.qcow2"
    url = site.put(f"/images/{name}", content)
    sums = site.put("/images/SHA512SUMS", f"{sha512(content)}  {name}\n")
    site.torn = [len(content)] * packed + [len(content) // 2]
    run = imgtool("convert", f"{url}?key=secret", "out.raw", "--checksum-file", sums)
    assert run.returncode == 0, run.stderr
    assert f"from                   {url} (qcow2, 4.0 MiB)" in run.stdout
    assert "secret" not in run.stdout + run.stderr
    assert Path("out.raw").read_bytes()[1 << 20 : 2 << 20] == b"\x07" * (1 << 20)
    assert list(away.iterdir()) == []


def test_another_file_than_the_one_that_is_meant(site: Site, disk: bytes, away: Path) -> None:
    url = site.put("/disk.qcow2", disk)
    run = imgtool("convert", url, "out.raw", "--checksum", f"sha256:{'0' * 64}")
    assert_clean_failure_after_progress(
        run.returncode, run.stderr, 5, f"{url}: its SHA-256 is {sha256(disk)}"
    )
    assert not Path("out.raw").exists()
    assert list(away.iterdir()) == []


def assert_clean_failure_after_progress(status: int, stderr: str, wanted: int, words: str) -> None:
    assert status == wanted, stderr
    assert f"imgtool: error: {words}" in stderr
    assert "Traceback" not in stderr


REFUSED = {
    "no hash": ([], 2, "has to be compared with a hash"),
    "no line": (["--checksum-file", "SUMS"], 2, "SUMS: has no line for disk.qcow2"),
    "no list": (["--checksum-file", "missing"], 2, "missing: cannot be read"),
    "md5": (["--checksum", "md5:" + "a" * 32], 2, "is not sha256:HEX or sha512:HEX"),
    "both": (["--checksum", f"sha256:{'0' * 64}", "--checksum", f"sha256:{'1' * 64}"], 2, "two different"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_before_anything_is_fetched(kind: str, site: Site, away: Path) -> None:
    options, status, words = REFUSED[kind]
    Path("SUMS").write_text(f"{'0' * 64}  other.qcow2\n")
    run = imgtool("convert", f"{site.url}/disk.qcow2", "out.raw", *options)
    assert_clean_failure(run, status, words)
    assert site.asked == []


def test_a_target_that_is_there_is_refused_before_anything_is_fetched(site: Site, away: Path) -> None:
    Path("out.raw").touch()
    run = imgtool("convert", f"{site.url}/d.qcow2", "out.raw", "--checksum", f"sha256:{'0' * 64}")
    assert_clean_failure(run, 2, "already exists")
    assert site.asked == []


def test_a_password_in_a_url_is_never_shown(away: Path) -> None:
    run = imgtool("convert", "https://me:hunter2@host/disk.qcow2", "out.raw", "-vv", "--log-file", "log")
    assert run.returncode == 2
    assert "hunter2" not in run.stderr + run.stdout + Path("log").read_text()
    assert "has a user or a password in it" in run.stderr


def test_what_is_not_there(site: Site, away: Path) -> None:
    run = imgtool("convert", f"{site.url}/x.raw", "out.raw", "--checksum", f"sha256:{'0' * 64}")
    assert run.returncode == 3
    assert "x.raw: the server answers 404" in run.stderr
    assert "not-fetched" in imgtool("inspect", f"{site.url}/x.raw", "--output", "json").stdout


def test_a_local_file_is_compared_too(disk: bytes, away: Path) -> None:
    Path("disk.qcow2.gz").write_bytes(gzip.compress(disk))
    Path("disk.qcow2.gz.sha256").write_text(sha256(Path("disk.qcow2.gz").read_bytes()))
    run = imgtool("convert", "disk.qcow2.gz", "out.raw", "--checksum-file", "disk.qcow2.gz.sha256")
    assert run.returncode == 0, run.stderr
    Path("disk.qcow2.gz").write_bytes(gzip.compress(disk, 1))
    run = imgtool("convert", "disk.qcow2.gz", "other.raw", "--checksum-file", "disk.qcow2.gz.sha256")
    assert run.returncode == 5
    assert "disk.qcow2.gz: its SHA-256 is" in run.stderr
    assert not Path("other.raw").exists()


def test_stdin_has_nothing_to_compare(away: Path) -> None:
    run = imgtool("convert", "-", "out.raw", "--checksum", f"sha256:{'0' * 64}", stdin="x")
    assert_clean_failure(run, 2, "what comes from stdin is not compared")


def test_inspect_and_check_look_at_what_is_there(site: Site, disk: bytes, away: Path) -> None:
    url = site.put("/disk.qcow2", disk)
    inspected = imgtool("inspect", url)
    assert inspected.returncode == 0, inspected.stderr
    assert inspected.stdout.startswith(url)
    checked = imgtool(
        "check", url, f"{site.url}/missing.raw", "--policy", "data", "--output", "json", "--report", "sarif=r"
    )
    assert checked.returncode == 3, checked.stderr
    shown = [one["image"] for one in json.loads(checked.stdout)["results"]]
    assert shown == [url, f"{site.url}/missing.raw"]
    assert str(away) not in Path("r").read_text()
    assert list(away.iterdir()) == []
