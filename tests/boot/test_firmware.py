import json
from pathlib import Path
from typing import Any

import pytest

from imgtool.boot import firmware
from imgtool.errors import ToolMissingError
from imgtool.model.facts import NOT_READ, Known
from imgtool.model.guest import GuestFacts
from imgtool.model.layout import Firmware


def guest(bios: bool, uefi: bool) -> GuestFacts:
    return GuestFacts("known", "", firmware=Known(Firmware(bios=bios, uefi=uefi), "seen"))


@pytest.mark.parametrize(
    ("found", "architecture", "chosen"),
    [
        (guest(bios=True, uefi=True), "x86_64", "bios"),
        (guest(bios=True, uefi=False), "x86_64", "bios"),
        (guest(bios=False, uefi=True), "x86_64", "uefi"),
        (guest(bios=False, uefi=False), "x86_64", "bios"),
        (GuestFacts("unknown", "", firmware=NOT_READ), "x86_64", "bios"),
        (GuestFacts("unknown", "", firmware=NOT_READ), "aarch64", "uefi"),
    ],
)
def test_auto_is_what_nova_would_do_with_the_derived_property(
    found: GuestFacts, architecture: str, chosen: str
) -> None:
    assert firmware.choose("auto", found, architecture) == chosen


def test_what_was_asked_for_wins() -> None:
    assert firmware.choose("bios", guest(bios=False, uefi=True), "x86_64") == "bios"
    assert firmware.choose("uefi", guest(bios=True, uefi=False), "x86_64") == "uefi"


def test_bios_needs_nothing(tmp_path: Path) -> None:
    assert firmware.prepare("bios", "x86_64", tmp_path, ()) is None


class Descriptions:
    """A folder of descriptions, whose firmware files are there too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code, self.variables = folder / "CODE.fd", folder / "VARS.fd"
        self.code.write_bytes(b"code")
        self.variables.write_bytes(b"variables")

    def add(self, name: str, **changed: Any) -> None:
        description = {
            "interface-types": ["uefi"],
            "mapping": {
                "device": "flash",
                "executable": {"filename": str(self.code), "format": "raw"},
                "nvram-template": {"filename": str(self.variables), "format": "raw"},
            },
            "targets": [{"architecture": "x86_64", "machines": ["pc-i440fx-*", "pc-q35-*"]}],
            "features": ["acpi-s3", "verbose-dynamic"],
            **changed,
        }
        (self.folder / name).write_text(json.dumps(description))


@pytest.fixture
def described(tmp_path: Path) -> Descriptions:
    folder = tmp_path / "firmware"
    folder.mkdir()
    return Descriptions(folder)


def test_uefi_is_found_by_its_description_and_its_variables_are_a_copy(
    described: Descriptions, tmp_path: Path
) -> None:
    described.add("60.json")
    files = firmware.prepare("uefi", "x86_64", tmp_path, [described.folder])
    assert files is not None
    assert files.code == described.code
    assert files.variables.parent == tmp_path
    assert files.variables.read_bytes() == b"variables"
    files.variables.write_bytes(b"changed")
    assert described.variables.read_bytes() == b"variables"


UNFIT: list[dict[str, Any]] = [
    {"features": ["requires-smm", "secure-boot"]},
    {"features": ["enrolled-keys"]},
    {"interface-types": ["bios"]},
    {"targets": [{"architecture": "aarch64", "machines": ["virt-*"]}]},
    {"targets": [{"architecture": "x86_64", "machines": ["microvm"]}]},
    {"mapping": {"device": "memory", "filename": "/x"}},
    {"mapping": None},
    {"targets": 5},
]


@pytest.mark.parametrize("changed", UNFIT, ids=range(len(UNFIT)))
def test_another_firmware_is_passed_over(
    changed: dict[str, Any], described: Descriptions, tmp_path: Path
) -> None:
    described.add("10.json", **changed)
    (described.folder / "20.json").write_text("no json")
    (described.folder / "30.json").write_text("[]")
    with pytest.raises(ToolMissingError, match="OVMF is not installed") as caught:
        firmware.prepare("uefi", "x86_64", tmp_path, [described.folder])
    assert caught.value.hint == "apt install ovmf"
    described.add("60.json")
    assert firmware.prepare("uefi", "x86_64", tmp_path, [described.folder]) is not None


def test_a_description_whose_files_are_gone_is_passed_over(described: Descriptions, tmp_path: Path) -> None:
    described.add("60.json")
    described.code.unlink()
    with pytest.raises(ToolMissingError):
        firmware.prepare("uefi", "x86_64", tmp_path, [described.folder])


def test_an_administrator_s_description_hides_the_package_s_of_that_name(
    described: Descriptions, tmp_path: Path
) -> None:
    described.add("60.json")
    own = tmp_path / "etc"
    own.mkdir()
    (own / "60.json").write_text("")
    with pytest.raises(ToolMissingError):
        firmware.prepare("uefi", "x86_64", tmp_path, [own, described.folder])


def test_aarch64_says_which_package_it_needs(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError) as caught:
        firmware.prepare("uefi", "aarch64", tmp_path, [])
    assert caught.value.hint == "apt install qemu-efi-aarch64"


def test_this_machine_s_own_is_found(tmp_path: Path) -> None:
    files = firmware.prepare("uefi", "x86_64", tmp_path)
    assert files is not None
    assert files.code.stat().st_size > 1 << 20


def test_secure_boot_takes_a_firmware_with_enrolled_keys_only(
    described: Descriptions, tmp_path: Path
) -> None:
    described.add("50-secure.json", features=["secure-boot", "requires-smm"])
    with pytest.raises(ToolMissingError, match="by UEFI with Secure Boot"):
        firmware.prepare("uefi", "x86_64", tmp_path, [described.folder], secure=True)
    described.add("60-enrolled.json", features=["secure-boot", "enrolled-keys", "requires-smm"])
    files = firmware.prepare("uefi", "x86_64", tmp_path, [described.folder], secure=True)
    assert files is not None
    assert files.secure


def test_debians_firmware_has_enrolled_keys(tmp_path: Path) -> None:
    files = firmware.prepare("uefi", "x86_64", tmp_path, secure=True)
    assert files is not None
    assert ".ms." in files.code.name
