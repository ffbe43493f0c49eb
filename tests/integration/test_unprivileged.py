"""Inspection, checks, conversion and upload need no root: here everything runs as the user nobody."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import imgtool

NOBODY = 65534
DROP = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
CODE = "import sys; from imgtool.cli.main import main; sys.argv[0] = 'imgtool'; main()"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of nobody's own, not in TMPDIR: the folders of a test run are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="unprivileged-", dir="/var/tmp"))
    os.chown(path, NOBODY, NOBODY)
    yield path
    shutil.rmtree(path)


def as_nobody(
    folder: Path, *arguments: str | Path, timeout: float = 300, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run imgtool as nobody.

    The checkout and its virtual environment may lie where only root may look; in a mount namespace of its own
    they are bound below `folder`.
    """
    prefix, package = folder / "prefix", folder / "code"
    for path in (prefix, package):
        path.mkdir(exist_ok=True)
    checkout = Path(imgtool.__file__).parents[1]
    binds = f"mount --bind '{sys.prefix}' '{prefix}' && mount --bind '{checkout}' '{package}'"
    drop = " ".join(DROP)
    script = f"{binds} && cd '{folder}' && exec {drop} '{prefix}/bin/python' -c \"$CODE\" \"$@\""
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", *arguments]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "TMPDIR": str(folder),
        "CODE": CODE,
        "PYTHONPATH": str(package),
        **env,
    }
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=timeout)


@pytest.fixture
def image(debian_image: Path, folder: Path) -> Path:
    copy = folder / "debian.raw"
    subprocess.run(["cp", "--sparse=always", debian_image, copy], check=True)
    copy.chmod(0o444)
    return copy


def test_inspect_and_check(folder: Path, image: Path) -> None:
    shown = as_nobody(folder, "inspect", image)
    assert shown.returncode == 0, shown.stderr
    assert "debian 12 x86_64" in shown.stdout
    judged = as_nobody(folder, "check", image)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_convert(folder: Path, image: Path) -> None:
    run = as_nobody(folder, "convert", "-c", image, folder / "small.qcow2")
    assert run.returncode == 0, run.stderr
    assert (folder / "small.qcow2").stat().st_uid == NOBODY


@pytest.mark.series(0)
def test_boot(folder: Path, image: Path) -> None:
    """A qcow2 on virtio-scsi by UEFI; tests/integration/test_boot.py has a raw one on virtio-blk by BIOS."""
    qcow2 = folder / "debian.qcow2"
    assert as_nobody(folder, "convert", image, qcow2).returncode == 0
    qcow2.chmod(0o444)
    before = hashlib.sha256(qcow2.read_bytes()).digest()
    options = ("--bus", "virtio-scsi", "--timeout", "1200", "--output", "json")
    run = as_nobody(folder, "boot", qcow2, *options, timeout=1500)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    (boot,) = json.loads(run.stdout)["boots"]
    assert (boot["bus"], boot["firmware"], boot["answered"]) == ("virtio-scsi", "uefi", True)
    assert boot["root_grown"] is True
    assert hashlib.sha256(qcow2.read_bytes()).digest() == before
    assert not [path for path in folder.iterdir() if path.name.startswith("imgtool-")]


def test_a_file_that_may_not_be_read_is_an_error_that_says_so(folder: Path) -> None:
    secret = folder / "secret.raw"
    secret.write_bytes(b"\0" * 4096)
    secret.chmod(0o600)
    run = as_nobody(folder, "inspect", secret)
    assert run.returncode == 3
    assert "ermission" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_folder_that_may_not_be_written_is_an_error_that_says_so(folder: Path, image: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o755)
    run = as_nobody(folder, "convert", image, closed / "target.qcow2")
    assert run.returncode == 5
    assert "cannot write into" in run.stderr


def test_upload(folder: Path, devcloud) -> None:
    """As the cloud's member, by OS_* variables: its clouds.yaml is closed to nobody."""
    small = folder / "small.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", small, "1M"], check=True)
    small.chmod(0o644)
    member = devcloud.document["clouds"]["devcloud-member"]
    credentials = {f"OS_{key.upper()}": str(value) for key, value in member["auth"].items()}
    run = as_nobody(
        folder, "upload", small, "--name", "by-nobody", OS_REGION_NAME=member["region_name"], **credentials
    )
    assert run.returncode == 0, run.stderr
    assert "(active)" in run.stdout
