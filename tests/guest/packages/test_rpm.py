"""RPM's databases as its own tools write them, and damage to them."""

import io
import random
import sqlite3
import struct
import time
from pathlib import Path

import pytest
from support.guest_tree import Content, guest_tree
from support.layouts import bdb
from support.rpm import (
    build_packages,
    made_header,
    make_bdb,
    make_database,
    make_ndb,
    versions,
)

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.packages import Package, installed_package, rpm_bdb
from imgtool.guest.packages.rpm import DIRECTORIES
from imgtool.guest.packages.rpm_header import parse_header

FILES = {"sqlite": "rpmdb.sqlite", "ndb": "Packages.db", "bdb": "Packages"}
AGENT, CLOUD_INIT = "17:8.2.0-11.el9_4.4", "23.4-7.el9"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Backend to a database of the same packages."""
    folder = tmp_path_factory.mktemp("rpm")
    source = make_database(build_packages(folder), folder / "sqlite")
    return {
        "sqlite": source / "rpmdb.sqlite",
        "ndb": make_ndb(source, folder / "Packages.db"),
        "bdb": make_bdb(source, folder / "Packages"),
    }


def find(content: bytes | Path, file: str, *names: str, **beside: Content) -> Package | None:
    place = f"{DIRECTORIES[0]}/{file}"
    more = {f"{DIRECTORIES[0]}/{name}": found for name, found in beside.items()}
    return installed_package(guest_tree({place: content, **more}), *names)


@pytest.mark.parametrize("backend", FILES)
def test_the_versions_are_those_that_rpm_says(databases: dict[str, Path], backend: str) -> None:
    said = versions(databases["sqlite"].parent)
    assert len(said) == 42
    file = FILES[backend]
    for name, version in said.items():
        assert find(databases[backend], file, name) == Package(name, version, f"/usr/lib/sysimage/rpm/{file}")
    assert (said["qemu-guest-agent"], said["cloud-init"]) == (AGENT, CLOUD_INIT)


@pytest.mark.parametrize("backend", FILES)
def test_a_package_that_is_not_there(databases: dict[str, Path], backend: str) -> None:
    file = FILES[backend]
    assert find(databases[backend], file, "qemu-ga", "qemu", "qemu-guest-agent-extra") is None
    found = find(databases[backend], file, "qemu-ga", "qemu-guest-agent")
    assert found is not None
    assert found.version == AGENT


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_either_directory(databases: dict[str, Path], directory: str) -> None:
    tree = guest_tree({f"{directory}/rpmdb.sqlite": databases["sqlite"]})
    found = installed_package(tree, "cloud-init")
    assert found is not None
    assert found.source == f"{directory}/rpmdb.sqlite"


def test_the_newest_kind_of_database_counts(databases: dict[str, Path]) -> None:
    files = {f"{DIRECTORIES[1]}/{file}": databases[backend] for backend, file in FILES.items()}
    found = installed_package(guest_tree(files), "cloud-init")
    assert found is not None
    assert found.source == "/var/lib/rpm/rpmdb.sqlite"


@pytest.mark.parametrize("backend", FILES)
@pytest.mark.parametrize("content", [b"", b"x" * 50, bytes(70_000), b"\xff" * 70_000])
def test_what_is_no_database_is_unknown(backend: str, content: bytes) -> None:
    with pytest.raises(GuestReadError, match=f"{FILES[backend]}: "):
        find(content, FILES[backend], "cloud-init")


@pytest.mark.parametrize("backend", FILES)
def test_a_database_cut_short_is_unknown(databases: dict[str, Path], backend: str) -> None:
    content = databases[backend].read_bytes()
    for size in (200, 4096, 8192 + 100):
        with pytest.raises(GuestReadError):
            find(content[:size], FILES[backend], "absent", "cloud-init", "qemu-guest-agent")


@pytest.mark.parametrize("backend", FILES)
def test_damage_never_crashes_and_never_takes_long(databases: dict[str, Path], backend: str) -> None:
    whole = databases[backend].read_bytes()
    for seed in range(150):
        dice = random.Random(seed)
        content = bytearray(whole)
        for _ in range(1 << dice.randrange(12)):
            content[dice.randrange(min(len(content), 4096 << dice.randrange(10)))] = dice.choice(
                (0, 1, 5, 13, 255, dice.randrange(256))
            )
        began = time.process_time()
        try:
            find(bytes(content), FILES[backend], "cloud-init")
        except GuestReadError as error:
            assert str(error).isprintable()  # noqa: PT017 - an answer is as good
        assert time.process_time() - began < 2


@pytest.mark.parametrize("entries", [5, 60_000], ids=["short", "long"])
def test_any_number_of_packages_in_one_place_takes_no_time(entries: int) -> None:
    words = [(1000, 6, 0, 1), (1001, 6, 2, 1), (1002, 6, 4, 1)]
    index = [*[(63, 7, 0, 16)] * (entries - len(words)), *words]
    data = b"x\x001\x002\0"
    blob = (
        struct.pack(">II", entries, len(data)) + b"".join(struct.pack(">IIII", *one) for one in index) + data
    )
    pages = 250
    slot = b"Slot" + struct.pack("<III", 7, pages * 256, 9)
    content = b"RpmP" + struct.pack("<IIII", 0, 1, pages, 8) + bytes(12) + slot * (pages * 256 - 2)
    content += b"BlbS" + struct.pack("<III", 7, 1, len(blob)) + blob
    began = time.process_time()
    with pytest.raises(GuestReadError, match="more than 20000 packages, or 50 with long headers"):
        find(content, "Packages.db", "cloud-init")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "options",
    [
        ("db_pagesize=512",),
        ("db_pagesize=512", "h_ffactor=200"),
        ("db_pagesize=4096", "h_nelem=3000"),
        ("db_pagesize=65536",),
        ("db_pagesize=4096", "db_lorder=4321"),
    ],
    ids=["many buckets", "long chains", "made large", "large pages", "another byte order"],
)
def test_every_package_of_a_hash_is_found(tmp_path: Path, options: tuple[str, ...]) -> None:
    """In buckets that were split again and again; on the page, and on pages of their own."""
    names = [f"package-{number}" for number in range(1500)]
    headers = [(n + 1, made_header(name, (n % 3) * 400)) for n, name in enumerate(names)]
    with io.BytesIO(bdb(headers, tmp_path / "Packages", *options)) as stream:
        found = [parse_header(blob(1 << 20)) for blob in rpm_bdb.blobs(stream, ())]
    assert sorted(one.name for one in found if one is not None) == sorted(names)


def test_a_slot_that_leads_to_another_package_s_header_is_unknown(databases: dict[str, Path]) -> None:
    content = bytearray(databases["ndb"].read_bytes())
    content[32 + 4 : 32 + 8] = struct.pack("<I", 999)
    with pytest.raises(GuestReadError, match="the header of package 999 in the NDB database is damaged"):
        find(bytes(content), "Packages.db", "absent")


def test_changes_that_are_not_written_back_are_unknown(databases: dict[str, Path]) -> None:
    database = databases["sqlite"]
    for beside in ("rpmdb.sqlite-wal", "rpmdb.sqlite-journal"):
        with pytest.raises(GuestReadError, match=f"{beside} holds changes"):
            find(database, "rpmdb.sqlite", "cloud-init", **{beside: b"x"})
        assert find(database, "rpmdb.sqlite", "cloud-init", **{beside: b""}) is not None


def test_a_name_without_its_header_is_unknown(databases: dict[str, Path], tmp_path: Path) -> None:
    changed = tmp_path / "rpmdb.sqlite"
    changed.write_bytes(databases["sqlite"].read_bytes())
    with sqlite3.connect(changed) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute("DELETE FROM Packages")
        database.commit()
    with pytest.raises(GuestReadError, match="in the table of names only"):
        find(changed, "rpmdb.sqlite", "cloud-init")
