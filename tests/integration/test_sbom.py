"""Bills of materials of real Debian images have what dpkg-query says, name by name, version by version."""

import importlib.metadata
import json
import subprocess
from pathlib import Path

import pytest
from packageurl import PackageURL
from support.cli import IMGTOOL, imgtool
from support.peak import run_and_peak
from support.real_guest import mounted

MOST_BYTES = 200 << 20


@pytest.mark.parametrize("image", ["debian_image", "debian_trixie", "debian_lvm"])
def test_the_packages_are_those_of_dpkg_query(
    image: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    disk = request.getfixturevalue(image)
    target = tmp_path / "bill.json"
    run, peak = run_and_peak([IMGTOOL, "sbom", disk, "-o", target])
    assert run.returncode == 0, run.stderr
    assert peak < MOST_BYTES
    bom = json.loads(target.read_text())
    urls = [PackageURL.from_string(one["purl"]) for one in bom["components"] if "purl" in one]
    found = sorted((one.name, one.version, one.qualifiers["arch"]) for one in urls)
    if image == "debian_lvm":  # no loop device here shows what is in its volumes
        assert len(found) > 150
        return
    assert found == said_by_dpkg(disk, tmp_path)
    suite = "debian-13" if image == "debian_trixie" else "debian-12"
    assert {one.qualifiers["distro"] for one in urls} == {suite}
    kernels = [one["version"] for one in bom["components"] if one["name"] == "linux-kernel"]
    assert len(kernels) == 1


def test_packages_of_python_are_those_that_python_finds(debian_image: Path, tmp_path: Path) -> None:
    target, copy = tmp_path / "bill.json", tmp_path / "copy.raw"
    run = imgtool("sbom", debian_image, "--languages", "-o", target)
    assert run.returncode == 0, run.stderr
    bom = json.loads(target.read_text())
    urls = [PackageURL.from_string(one["purl"]) for one in bom["components"] if "purl" in one]
    found = {(one.name, one.version) for one in urls if one.type == "pypi"}
    subprocess.run(["cp", "--sparse=always", debian_image, copy], check=True)
    copy.chmod(0o644)
    with mounted(copy, 2, tmp_path / "root") as top:
        there = importlib.metadata.distributions(path=[str(top / "usr/lib/python3/dist-packages")])
        said = {(PackageURL("pypi", None, one.name).name, one.version) for one in there}
    assert found == said
    assert len(found) > 10


def said_by_dpkg(disk: Path, folder: Path) -> list[tuple[str, ...]]:
    copy = folder / "copy.raw"
    subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
    copy.chmod(0o644)
    shown = "${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\n"
    with mounted(copy, 2, folder / "root") as top:
        command = ["dpkg-query", "--admindir", top / "var/lib/dpkg", "-W", "-f", shown]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = (line.split("\t") for line in said.splitlines())
    return sorted(tuple(words) for state, *words in lines if state == "installed")
