"""All packages of a guest, compared with what dpkg-query, rpm and pacman themselves print."""

import random
import subprocess
import time
from pathlib import Path

import pytest
from support.guest_tree import Content, Link, Unreadable, guest_tree
from support.pacman import make_database as make_pacman
from support.rpm import build_packages, make_bdb, make_database, make_ndb
from support.syft import purls_of_tree

from imgtool.guest.packages.installed import packages_fact
from imgtool.model.facts import Known, Unknown
from imgtool.model.packages import InstalledPackage
from imgtool.report.purls import purl_of

STATUS = "/var/lib/dpkg/status"
RPM = "/usr/lib/sysimage/rpm"
RPM_FILES = {"sqlite": "rpmdb.sqlite", "ndb": "Packages.db", "bdb": "Packages"}


def installed(files: dict[str, Content]) -> tuple[InstalledPackage, ...]:
    found = packages_fact(guest_tree(files))
    assert isinstance(found, Known), found
    return found.value


def told(*command: str | Path) -> list[list[str]]:
    """The lines that a program prints, with tabs between the words."""
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return sorted(line.split("\t") for line in done.stdout.splitlines())


def test_of_this_machine_it_is_what_dpkg_query_says() -> None:
    fields = ("Package", "Version", "Architecture", "source:Package", "source:Version", "db:Status-Status")
    shown = "\\t".join(f"${{{field}}}" for field in fields) + "\\n"
    said = told("dpkg-query", "--admindir", "/var/lib/dpkg", "-W", "-f", shown)
    wanted = [line[:-1] for line in said if line[-1] not in {"config-files", "not-installed"}]
    found = installed({STATUS: Path(STATUS)})
    ours = [[p.name, p.version, p.architecture, p.source, p.source_version or p.version] for p in found]
    assert sorted(ours) == wanted
    assert len(wanted) > 100


@pytest.mark.parametrize(
    ("state", "there"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("install ok unpacked", True),
        ("install ok half-configured", True),
        ("install reinstreq half-installed", True),
        ("install ok triggers-pending", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
    ],
)
def test_each_state_is_taken_as_dpkg_query_takes_it(tmp_path: Path, state: str, there: bool) -> None:
    awaited = "Triggers-Pending: x\n" if state.endswith("triggers-pending") else ""
    rest = f"Maintainer: x <x@localhost>\nArchitecture: amd64\nVersion: 1:2-3\n{awaited}Description: x\n"
    text = f"Package: tool\nStatus: {state}\n{rest}"
    (tmp_path / "status").write_text(text)
    (tmp_path / "updates").mkdir()
    (tmp_path / "info").mkdir()
    said = told("dpkg-query", "--admindir", tmp_path, "-W", "-f", "${Package}\t${db:Status-Status}\n")
    assert [line[0] for line in said if line[1] not in {"config-files", "not-installed"}] == ["tool"] * there
    assert [one.name for one in installed({STATUS: text})] == ["tool"] * there


def test_a_file_for_each_package_needs_no_status() -> None:
    directory = "/var/lib/dpkg/status.d"
    files: dict[str, Content] = {
        f"{directory}/base": "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
        f"{directory}/libc6": "Package: libc6\nVersion: 2.36-9\nSource: glibc (2.36-8)\n",
        f"{directory}/libc6.md5sums": "0123 Package: nothing\n",
    }
    found = installed(files)
    assert [(one.name, one.version) for one in found] == [("base-files", "12.4"), ("libc6", "2.36-9")]
    assert (found[1].source, found[1].source_version) == ("glibc", "2.36-8")


@pytest.fixture(scope="module")
def rpm_databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("rpm")
    source = make_database(build_packages(folder), folder / "sqlite")
    return {
        "sqlite": source / "rpmdb.sqlite",
        "ndb": make_ndb(source, folder / "Packages.db"),
        "bdb": make_bdb(source, folder / "Packages"),
    }


@pytest.mark.parametrize("backend", RPM_FILES)
def test_of_each_backend_it_is_what_rpm_says(rpm_databases: dict[str, Path], backend: str) -> None:
    shown = "%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\t%{LICENSE}\\n"
    define = ("--define", "_db_backend sqlite")
    said = told("rpm", "--dbpath", rpm_databases["sqlite"].parent, *define, "-qa", "--qf", shown)
    found = installed({f"{RPM}/{RPM_FILES[backend]}": rpm_databases[backend]})
    assert [[p.name, p.version, p.architecture, p.source, p.licence] for p in found] == said
    assert len(said) == 42


@pytest.mark.parametrize("backend", RPM_FILES)
def test_a_damaged_database_ends_in_time_and_in_a_reason(
    rpm_databases: dict[str, Path], backend: str
) -> None:
    whole = rpm_databases[backend].read_bytes()
    for seed in range(40):
        dice = random.Random(seed)
        content = bytearray(whole)
        for _ in range(1 << dice.randrange(10)):
            content[dice.randrange(min(len(content), 4096 << dice.randrange(10)))] = dice.randrange(256)
        began = time.process_time()
        found = packages_fact(guest_tree({f"{RPM}/{RPM_FILES[backend]}": bytes(content)}))
        assert time.process_time() - began < 3
        assert isinstance(found, Known) or found.reason.isprintable()


def test_of_pacman_it_is_what_pacman_says(tmp_path: Path) -> None:
    wanted = {"bash": "5.2.037-1", "linux": "6.9.1.arch1-1", "cloud-init-extra": "1:24.1-1"}
    local = make_pacman(wanted, tmp_path)
    said = told("pacman", "--query", "--dbpath", local.parent, "--config", tmp_path / "pacman.conf")
    files = {f"/var/lib/pacman/local/{p.relative_to(local)}": p for p in local.rglob("*") if p.is_file()}
    found = installed(files)
    assert [[f"{one.name} {one.version}"] for one in found] == said
    assert {one.architecture for one in found} == {"any"}


APK = """C:Q1abc=
P:busybox-binsh
V:1.36.1-r29
A:x86_64
S:1546
T:busybox ash /bin/sh
U:x
L:GPL-2.0-only
o:busybox
m:nobody <x@localhost>
t:1719936372
D:busybox=1.36.1-r29
F:bin
R:sh
a:0:0:777

P:musl
V:1.2.5-r0
A:x86_64
L:MIT
o:musl
"""


def test_records_of_apk() -> None:
    found = installed({"/usr/lib/apk/db/installed": APK, "/lib": Link("usr/lib")})
    assert [(one.name, one.version, one.source, one.licence) for one in found] == [
        ("busybox-binsh", "1.36.1-r29", "busybox", "GPL-2.0-only"),
        ("musl", "1.2.5-r0", "musl", "MIT"),
    ]


def test_of_apk_it_is_what_syft_says(tmp_path: Path) -> None:
    """Of two records as apk-tools writes them, and of a thousand: names, versions, architectures, sources."""
    many = "".join(
        f"C:Q1={number}\nP:pkg-{number}{'_x' * (number % 3)}\nV:{number}.{number % 7}_rc1-r{number % 11}\n"
        f"A:{'noarch' if number % 5 else 'x86_64'}\nL:MIT\no:origin-{number % 13}\nF:usr/lib\nR:a\nZ:Q1=\n\n"
        for number in range(1000)
    )
    release = {"/etc/os-release": "ID=alpine\nVERSION_ID=3.20.1\n"}
    said = purls_of_tree({"/lib/apk/db/installed": APK + "\n" + many, **release}, tmp_path)
    found = installed({"/lib/apk/db/installed": APK + "\n" + many})
    assert {purl_of(one, "alpine", "3.20.1").to_string() for one in found} == said
    assert len(found) == 1002


def test_two_managers_are_told_together_and_one_that_is_damaged_makes_all_unknown() -> None:
    apk = {"/lib/apk/db/installed": APK}
    both = packages_fact(
        guest_tree({STATUS: "Package: a\nStatus: install ok installed\nVersion: 1\n", **apk})
    )
    assert isinstance(both, Known)
    assert both.evidence == "2 of apk, 1 of dpkg"
    damaged = packages_fact(guest_tree({STATUS: Unreadable(), **apk}))
    assert damaged == Unknown("bad block")
    assert packages_fact(guest_tree({})) == Unknown("no package database was found")


def test_nothing_that_a_terminal_obeys_comes_out() -> None:
    (one,) = installed({STATUS: "Package: a\x1b[2J\nVersion: 1\nMaintainer: \u202ex\n"})
    assert (one.name, one.vendor) == ("a\\x1b[2J", "\\u202ex")


def test_more_packages_than_there_are_anywhere_are_refused() -> None:
    many = "Package: a\nVersion: 1\n\n" * 20_001
    assert packages_fact(guest_tree({STATUS: many})) == Unknown(f"{STATUS}: more than 20000 packages")
