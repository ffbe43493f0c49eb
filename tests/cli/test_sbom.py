"""`imgtool sbom` and the bills among reports, on the fixtures."""

import hashlib
import json
from pathlib import Path

import pytest
from support.cli import assert_clean_failure, imgtool
from support.fixtures import fixture_path

EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


def test_stdout_has_the_bill_and_nothing_else() -> None:
    run = imgtool("sbom", fixture_path("fedora-42"), env=EPOCH)
    assert run.returncode == 0, run.stderr
    bom = json.loads(run.stdout)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    purls = [one["purl"] for one in bom["components"] if "purl" in one]
    assert any(one.startswith("pkg:rpm/fedora/qemu-guest-agent@8.2.0-11.") for one in purls)
    assert bom["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("name", ["opensuse-leap-15.6", "ext4-gpt", "windows-2022"])
def test_other_databases(name: str, tmp_path: Path) -> None:
    target = tmp_path / "bill.json"
    run = imgtool("sbom", fixture_path(name), "--format", "spdx", "-o", target)
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    document = json.loads(target.read_text())
    assert document["spdxVersion"] == "SPDX-2.3"
    assert len(document["packages"]) >= 2


def test_the_same_file_gives_the_same_bytes_and_its_hash(tmp_path: Path) -> None:
    image = fixture_path("ext4-gpt")
    runs = [imgtool("sbom", image, env=EPOCH).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    expected = hashlib.sha256(image.read_bytes()).hexdigest()
    assert json.loads(runs[0])["metadata"]["component"]["hashes"][0]["content"] == expected


def test_a_disk_without_packages_has_no_bill(tmp_path: Path) -> None:
    target = tmp_path / "bill.json"
    run = imgtool("sbom", fixture_path("data-disk"), "-o", target)
    assert_clean_failure(run, 3, "its packages cannot be listed: ")
    assert not target.exists()


def test_a_time_that_is_none_is_refused() -> None:
    run = imgtool("sbom", fixture_path("ext4-gpt"), env={"SOURCE_DATE_EPOCH": "noon"})
    assert_clean_failure(run, 2, "SOURCE_DATE_EPOCH=noon")


def test_check_writes_bills_beside_its_verdict(tmp_path: Path) -> None:
    cyclonedx, spdx = tmp_path / "a.cdx.json", tmp_path / "a.spdx.json"
    reports = ("--report", f"cyclonedx={cyclonedx}", "--report", f"spdx={spdx}")
    run = imgtool("check", fixture_path("fedora-42"), *reports)
    assert "fedora-42" in run.stdout
    assert "pkg:rpm/fedora/" in cyclonedx.read_text()
    assert "pkg:rpm/fedora/" in spdx.read_text()


def test_a_batch_says_which_image_was_not_inspected(tmp_path: Path) -> None:
    manifest = tmp_path / "images.yaml"
    source = f"{{source: {fixture_path('ext4-gpt')}, output: {tmp_path}/out.qcow2, clouds: []}}"
    manifest.write_text(f"images: [{source}]\n")
    target = tmp_path / "bill.json"
    run = imgtool("batch", manifest, "--report", f"cyclonedx={target}")
    assert run.returncode == 0, run.stderr
    assert "was not inspected" in target.read_text()


@pytest.mark.parametrize("name", ["ext4-gpt", "fedora-42", "windows-2022"])
def test_a_bill_without_a_verdict_is_the_one_beside_a_verdict(name: str, tmp_path: Path) -> None:
    """`sbom` reads what is installed and judges nothing; `check` reads all of it."""
    alone = imgtool("sbom", fixture_path(name), env=EPOCH)
    imgtool("check", fixture_path(name), "--report", f"cyclonedx={tmp_path / 'beside.json'}", env=EPOCH)
    assert json.loads(alone.stdout)["components"]
    assert alone.stdout == (tmp_path / "beside.json").read_text()
