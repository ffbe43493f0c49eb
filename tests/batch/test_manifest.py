"""A manifest is read, or what is wrong with it is told by line and key; every key is documented."""

import re
from pathlib import Path

import pytest
from support.batches import manifest
from support.documentation import DOCS

from imgtool.batch.manifest import Image, Manifest, Settings, read_manifest
from imgtool.errors import UsageError

ENVIRONMENT = {"HERE": "/images", "DISTRO": "debian"}


def read(folder: Path, text: str) -> Manifest:
    return read_manifest(manifest(folder, text), ENVIRONMENT).content


def test_a_source_alone_is_an_image(tmp_path: Path) -> None:
    assert read(tmp_path, "images: [a.raw, {source: b.raw}]\n").images == (
        Image(source="a.raw"), Image(source="b.raw"),
    )  # fmt: skip


def test_variables_are_put_in_everywhere(tmp_path: Path) -> None:
    text = (
        "defaults: {properties: {os_distro: '${DISTRO}'}}\n"
        "images:\n  - ${HERE}/a.raw\n  - {source: '${HERE}/$${x}$', tags: ['${DISTRO}-12']}\n"
    )
    found = read(tmp_path, text)
    assert found.defaults.properties == {"os_distro": "debian"}
    assert [image.source for image in found.images] == ["/images/a.raw", "/images/${x}$"]
    assert found.images[1].tags == ("debian-12",)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("images: []\n", 1, ["images"]),
        ("defaults: {}\n", 1, ["images", "missing"]),
        ("images:\n  - sourc: a\n", 2, ["sourc", "no such key", "source"]),
        ("images:\n  - source: a\n    visibility: all\n", 3, ["visibility", "not all"]),
        ("images:\n  - source: a\n    on_conflict: skip\n", 3, ["on_conflict", "on-conflict"]),
        ("images:\n  - source: a\n    min-disk: -1\n", 3, ["min-disk"]),
        ("images:\n  - source: a\n    deadline: soon\n", 3, ["deadline", "invalid duration"]),
        ("images:\n  - source: a\n    sha256: abc\n", 3, ["sha256", "64"]),
        ("images:\n  - source: a\n    clouds: [a, a]\n", 3, ["clouds", "twice"]),
        ("images:\n  - source: ${NOT_SET}/a\n", 2, ["source", "NOT_SET", "not set", "export"]),
        ("images:\n  - source: ${DISTRO:-x}\n", 2, ["names no variable"]),
        ("images:\n  - source: ${MY_TOKEN}\n", 2, ["MY_TOKEN", "secret"]),
        ("images:\n  - source: a\n    password: x\n", 3, ["password", "no secrets", "clouds.yaml"]),
        ("api_key: x\nimages: [a]\n", 1, ["api_key", "no secrets"]),
        ("defaults:\n  properties:\n    admin_password: x\nimages: [a]\n", 3, ["admin_password", "secrets"]),
        ("defaults:\n  name: ${OS_PASSWORD}\nimages: [a]\n", 2, ["OS_PASSWORD", "secret"]),
    ],
)
def test_what_is_wrong_is_told_by_line_and_key(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    path = manifest(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_manifest(path, ENVIRONMENT)
    assert caught.value.message.startswith(f"{path}:{line}: ")
    told = f"{caught.value.message} {caught.value.hint}"
    assert [word for word in words if word not in told] == []


def test_no_value_of_a_secret_is_told(tmp_path: Path) -> None:
    for text in ("images: [{source: a, password: hunter2}]\n", "images: [{source: '${A_TOKEN}'}]\n"):
        with pytest.raises(UsageError) as caught:
            read_manifest(manifest(tmp_path, text), {"A_TOKEN": "hunter2"})
        assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_every_key_is_documented_and_no_other() -> None:
    section = (DOCS / "many-images.md").read_text()
    table = section.partition("| key |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    documented = [key for row in rows for key in re.findall(r"`([^`]+)`", row)]
    keys = [field.alias or name for model in (Settings, Image) for name, field in model.model_fields.items()]
    assert sorted(documented) == sorted(set(keys))
    assert [key for key in Manifest.model_fields if f"`{key}`" not in section] == []
