"""Internal snapshots, which carry what was deleted since: they go nowhere unless somebody says so."""

import json
import subprocess
from pathlib import Path

import pytest
from support.cli import assert_clean_failure, imgtool
from support.images import create, qemu_img, qemu_io, raw_content


@pytest.fixture(params=["x.qcow2", "x.qcow2.gz"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = create(tmp_path / "x.qcow2")
    qemu_io(path, ["write -P 65 0 64k"])
    qemu_img("snapshot", "-c", "secret", path)
    qemu_io(path, ["write -P 66 0 64k"])
    if request.param.endswith(".gz"):
        subprocess.run(["gzip", path], check=True)
    return tmp_path / request.param


def test_an_upload_is_refused(image: Path) -> None:
    assert_clean_failure(
        imgtool("upload", image, "--cloud", "none-such"),
        3,
        str(image),
        "1 internal snapshot",
        "--allow-snapshots",
    )
    planned = imgtool("upload", image, "--allow-snapshots", "--dry-run")
    if image.suffix == ".gz":  # refused for another reason then
        assert "Nova does not unpack images" in planned.stderr
    else:
        assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("command", [["check"], ["prepare", "--dry-run"]])
def test_a_check_fails(command: list[str], image: Path) -> None:
    run = imgtool(*command, image, "--output", "json")
    assert run.returncode == 1, run.stderr
    told = json.loads(run.stdout)
    (found,) = [told["result"]] if "result" in told else told["results"]
    (finding,) = [one for one in found["findings"] if one["check"] == "image-safe"]
    assert finding["outcome"] == "fail"
    assert "1 internal snapshot" in finding["message"]


def test_a_conversion_leaves_them_out(image: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.qcow2"
    assert imgtool("convert", image, target).returncode == 0
    assert qemu_img("snapshot", "-l", target) == ""
    assert raw_content(target, "qcow2")[:65536] == b"B" * 65536
    assert b"A" * 4096 not in target.read_bytes()
