"""Paths of the registry in the guest's tree."""

import pytest

from imgtool.guest.windows.paths import command_parts, driver_path

VIOSTOR = "/Windows/System32/drivers/viostor.sys"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (None, "/Windows/System32/drivers/viostor.sys"),
        ("System32\\drivers\\viostor.sys", VIOSTOR),
        ("\\SystemRoot\\System32\\drivers\\viostor.sys", VIOSTOR),
        ("%SystemRoot%\\System32\\drivers\\viostor.sys", VIOSTOR),
        ("\\??\\C:\\Windows\\System32\\drivers\\viostor.sys", VIOSTOR),
        ("c:\\Windows\\System32\\drivers\\viostor.sys", VIOSTOR),
        ("System32\\drivers\\..\\..\\..\\x.sys", "/x.sys"),
    ],
)
def test_a_driver_s_file(written: str | None, path: str) -> None:
    assert driver_path(written, "viostor") == path


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ('"C:\\Program Files\\Qemu-ga\\qemu-ga.exe" -d --retry-path',
         ("/Program Files/Qemu-ga/qemu-ga.exe", "-d --retry-path")),
        ("C:\\Program Files\\Qemu-ga\\qemu-ga.exe -d", ("/Program Files/Qemu-ga/qemu-ga.exe", "-d")),
        ("%ProgramFiles%\\a.exe", ("/Program Files/a.exe", "")),
        ("%SystemRoot%\\system32\\svchost.exe -k netsvcs", ("/Windows/system32/svchost.exe", "-k netsvcs")),
        ("odd", ("/Windows/odd", "")),
    ],
)  # fmt: skip
def test_a_service_s_command(written: str, parts: tuple[str, str]) -> None:
    assert command_parts(written) == parts
