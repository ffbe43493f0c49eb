"""The package manager of this machine, by its os-release."""

from pathlib import Path

import pytest

from imgtool.util import install

SYSTEMS = {
    "ID=debian\n": "apt install qemu-utils",
    'ID=linuxmint\nID_LIKE="ubuntu debian"\n': "apt install qemu-utils",
    "ID=fedora\n": "dnf install qemu-img",
    'ID="rocky"\nID_LIKE="rhel centos fedora"\n': "dnf install qemu-img",
    'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n': "zypper install qemu-tools",
    "ID=sles\n": "zypper install qemu-tools",
}


@pytest.mark.parametrize("text", SYSTEMS)
def test_each_system_has_its_command(text: str, tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text(f'NAME="whatever"\nVERSION_ID="1"\n{text}')
    assert install.command("qemu-utils", (tmp_path / "none", file)) == SYSTEMS[text]


@pytest.mark.parametrize("text", ["ID=arch\n", "", None])
def test_elsewhere_all_are_named(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    if text is not None:
        file.write_text(text)
    told = "apt install ovmf, dnf install edk2-ovmf or zypper install qemu-ovmf-x86_64"
    assert install.command("ovmf", (file,)) == told


def test_a_package_of_one_name_everywhere() -> None:
    assert install.command("lsof") == "apt install lsof"  # the tests run on Debian
