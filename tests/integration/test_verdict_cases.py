"""Real bootable images, each changed in one point: the verdict is what the boot does, and says why."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.in_process import imgtool_here
from support.spoilt_copies import offset_bytes
from support.verdict_case import Case
from support.verdict_images import ROOT, Base, Disk, Guest, extlinux_base, make_base, mounted, sparse_copy
from support.verdicts_command_line import COMMAND_LINE_CASES
from support.verdicts_firmware import FIRMWARE_CASES
from support.verdicts_grub import GRUB_CASES

pytestmark = pytest.mark.series(3)

CASES = (*GRUB_CASES, *FIRMWARE_CASES, *COMMAND_LINE_CASES)


@pytest.fixture(scope="module")
def with_grub(debian_bios: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """Debian 12 with GRUB for BIOS and UEFI, and a second kernel that finds no root."""
    base = make_base(debian_bios, tmp_path_factory.mktemp("grub"))
    yield base
    base.image.unlink()


@pytest.fixture(scope="module")
def with_extlinux(with_grub: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """The same system with an MBR and EXTLINUX."""
    base = extlinux_base(with_grub, tmp_path_factory.mktemp("extlinux"))
    yield base
    base.image.unlink()


def changed(case: Case, base: Base, folder: Path) -> Path:
    image = sparse_copy(base.image, folder / "image.raw")
    if case.guest is not None:
        with mounted(image, offset_bytes(image, 1 if case.extlinux else ROOT)) as root:
            case.guest(Guest(base, image, root))
    if case.disk is not None:
        case.disk(Disk(base, image))
    return image


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_what_the_boot_does(
    case: Case, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    base = request.getfixturevalue("with_extlinux" if case.extlinux else "with_grub")
    image = changed(case, base, tmp_path)
    done = imgtool_here("check", image, "--output", "json")
    image.unlink()
    (result,) = json.loads(done.stdout)["results"]
    not_passed = {one["check"]: one for one in result["findings"] if one["outcome"] in {"fail", "unknown"}}
    errors = {name: one["message"] for name, one in not_passed.items() if one["severity"] == "error"}
    if case.fails is None:
        assert errors == {}
        assert done.returncode == 0
        return
    assert case.fails in errors, errors
    finding = not_passed[case.fails]
    assert finding["outcome"] == "fail"
    assert case.says in f"{finding['message']} {finding['evidence']}"
    assert done.returncode == 1


def test_each_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
