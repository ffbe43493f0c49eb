"""Programs by their uninstall keys, in hives that hivex writes."""

from support.windows import guest, hives

from imgtool.guest.windows.programs import programs_fact
from imgtool.model.facts import Known, Unknown
from imgtool.model.packages import InstalledPackage

BELOW = r"Microsoft\Windows\CurrentVersion\Uninstall"
WOW = rf"WOW6432Node\{BELOW}"


def test_what_windows_lists_is_told_and_nothing_else() -> None:
    software = {
        rf"{BELOW}\{{1}}": {"DisplayName": "QEMU guest agent", "DisplayVersion": "107.0", "Publisher": "x"},
        rf"{BELOW}\Hidden": {"DisplayName": "Update", "SystemComponent": 1},
        rf"{BELOW}\NoName": {"DisplayVersion": "1"},
        rf"{BELOW}\Odd": {"DisplayName": "Odd", "DisplayVersion": 7},
        rf"{WOW}\Old": {"DisplayName": "An old program", "DisplayVersion": "2"},
    }
    found = programs_fact(hives(guest(software=software)))
    assert isinstance(found, Known)
    assert found.value == (
        InstalledPackage("windows", "An old program", "2", "x86"),
        InstalledPackage("windows", "Odd", ""),
        InstalledPackage("windows", "QEMU guest agent", "107.0", vendor="x"),
    )


def test_without_the_key_there_are_none_and_without_the_hive_nothing_is_known() -> None:
    none = programs_fact(hives(guest(software={"Microsoft": {}})))
    assert isinstance(none, Known)
    assert none.value == ()
    assert isinstance(programs_fact(hives(guest())), Unknown)
