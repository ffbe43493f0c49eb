"""Cinder and Ironic take what imgtool delivers and refuse what it refuses; Heat takes docs/examples."""

import json
import subprocess
from pathlib import Path

import pytest
from support import services
from support.cli import imgtool

REPOSITORY = Path(__file__).resolve().parents[2]
FORMS = {
    "raw.raw": ("-O", "raw"),
    "plain.qcow2": ("-O", "qcow2"),
    "zlib.qcow2": ("-c",),
    "zstd.qcow2": ("-c", "zstd"),
}
HOSTILE = {
    "backing.qcow2": ("-b", "/etc/hostname", "-F", "raw"),
    "data-file.qcow2": ("-o", "data_file=data.raw,data_file_raw=on"),
}


@pytest.fixture(scope="module")
def delivered(debian_image: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """A real disk in each form that imgtool makes, and what Glance would call its format."""
    folder = tmp_path_factory.mktemp("delivered")
    for name, options in FORMS.items():
        done = imgtool("convert", debian_image, folder / name, *options)
        assert done.returncode == 0, done.stderr
    return {folder / name: "raw" if name.endswith(".raw") else "qcow2" for name in FORMS}


def min_disk_gib(image: Path) -> int:
    done = imgtool("upload", image, "--cloud", "none", "--name", "x", "--dry-run", "--output", "json")
    assert done.returncode == 0, done.stderr
    gib: int = json.loads(done.stdout)["min_disk_gib"]
    return gib


@pytest.mark.parametrize("service", ["cinder", "ironic"])
def test_a_service_takes_each_form(service: str, delivered: dict[Path, str]) -> None:
    asked = [services.image(path, form, min_disk_gib(path)) for path, form in delivered.items()]
    assert services.ask(service, asked) == [None] * len(FORMS)


def test_a_volume_smaller_than_min_disk_is_refused(delivered: dict[Path, str]) -> None:
    asked = [services.image(path, form, min_disk_gib(path) - 1) for path, form in delivered.items()]
    assert all(answer is not None and "size" in answer for answer in services.ask("cinder", asked))


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.chdir(tmp_path)
    for name, options in HOSTILE.items():
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, name, "16M"], check=True)
    return [tmp_path / name for name in HOSTILE]


@pytest.mark.parametrize("service", ["cinder", "ironic"])
def test_a_service_refuses_what_imgtool_refuses(service: str, hostile: list[Path]) -> None:
    for path in hostile:
        assert imgtool("inspect", path).returncode == 3
    assert None not in services.ask(service, [services.image(path, "qcow2", 1) for path in hostile])


def template(wrong: tuple[str, str] = ("", "")) -> dict[str, object]:
    text = (REPOSITORY / "docs/examples/heat.yaml").read_text()
    given = dict.fromkeys(("image", "flavor", "network", "key_name"), "x")
    return {"template": text.replace(*wrong), "parameters": given}


def test_heat_takes_the_documented_template() -> None:
    faults = (("key_name: {get", "keyname: {get"), ("{get_resource: up_handle", "{get_resource: handle"))
    good, *wrong = services.ask("heat", [template(), *map(template, faults)])
    assert good is None
    assert None not in wrong
