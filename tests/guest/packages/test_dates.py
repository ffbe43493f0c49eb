"""How fresh a system is: the newest package's date by each package manager."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.guest_tree import Content, File, guest_tree
from support.rpm import build_packages, make_bdb, make_database, make_ndb

from imgtool.guest.packages.dates import build_date_fact
from imgtool.guest.packages.rpm import DIRECTORIES
from imgtool.model.facts import Known, Unknown

DAY = 86_400
INFO = "/var/lib/dpkg/info"
MAY = int(datetime(2026, 5, 17, 23, 59, tzinfo=UTC).timestamp())


def dpkg(**seconds: int) -> dict[str, Content]:
    lists = {f"{INFO}/{name}.list": File(modified_seconds=one) for name, one in seconds.items()}
    return {"/var/lib/dpkg/status": "", **lists}


def test_dpkg_wrote_the_list_of_a_package_s_files_when_it_installed_it() -> None:
    files = dpkg(dash=MAY - 30 * DAY, libc6=MAY, vim=MAY - DAY)
    files[f"{INFO}/dash.md5sums"] = File(modified_seconds=MAY + DAY)
    assert build_date_fact(guest_tree(files)) == Known("2026-05-17", f"{INFO}: libc6 was installed")


def test_apk_and_pacman_say_when_a_package_was_built() -> None:
    apk = f"P:musl\nV:1\nt:{MAY - DAY}\nF:lib\n\nP:busybox\nV:1\nt:{MAY}\n\nP:odd\nt:x\n"
    found = build_date_fact(guest_tree({"/lib/apk/db/installed": apk}))
    assert found == Known("2026-05-17", "/lib/apk/db/installed: busybox was built")
    local = "/var/lib/pacman/local"
    pacman: dict[str, Content] = {
        f"{local}/{name}-1-1/desc": f"%NAME%\n{name}\n\n%BUILDDATE%\n{built}\n"
        for name, built in (("linux", MAY), ("bash", MAY - DAY), ("odd", "-5"))
    }
    assert build_date_fact(guest_tree(pacman)) == Known("2026-05-17", f"{local}: linux-1-1 was built")


def test_rpm_says_so_in_each_header(tmp_path: Path) -> None:
    before = datetime.now(UTC).date()
    source = make_database(build_packages(tmp_path), tmp_path / "sqlite")
    databases = {
        "rpmdb.sqlite": source / "rpmdb.sqlite",
        "Packages.db": make_ndb(source, tmp_path / "Packages.db"),
        "Packages": make_bdb(source, tmp_path / "Packages"),
    }
    for name, path in databases.items():
        found = build_date_fact(guest_tree({f"{DIRECTORIES[0]}/{name}": path}))
        assert isinstance(found, Known)
        assert found.value in {f"{before}", f"{before + timedelta(days=1)}"}
        assert found.evidence.endswith("was built")


@pytest.mark.parametrize(
    "seconds", [0, int(time.time()) + 3 * DAY, 1 << 60], ids=["the epoch", "in three days", "never"]
)
def test_a_date_that_cannot_be_is_not_believed(seconds: int) -> None:
    assert isinstance(build_date_fact(guest_tree(dpkg(libc6=seconds))), Unknown)
    found = build_date_fact(guest_tree(dpkg(libc6=seconds, dash=MAY)))
    assert found == Known("2026-05-17", f"{INFO}: dash was installed")


def test_without_a_package_manager_nothing_is_known() -> None:
    assert build_date_fact(guest_tree({})) == Unknown("no package database has the date of a package")
    assert isinstance(
        build_date_fact(guest_tree({"/var/lib/dpkg/status": "", f"{INFO}/a.list": ""})), Unknown
    )
