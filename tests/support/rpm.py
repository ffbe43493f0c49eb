"""Databases of RPM, written by its own tools (Debian's packages rpm and db5.3-util)."""

import sqlite3
import struct
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path

SPEC = """
Name: filler
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%package -n qemu-guest-agent
Epoch: 17
Version: 8.2.0
Release: 11.el9_4.4
Summary: x
%description -n qemu-guest-agent
x
%files -n qemu-guest-agent
%package -n cloud-init
Version: 23.4
Release: 7.el9
Summary: x
%description -n cloud-init
x
%install
mkdir -p %{buildroot}/usr/share/filler
cd %{buildroot}/usr/share/filler
for number in $(seq 1500); do : > file-with-a-long-name-to-make-the-header-large-$number; done
%files -n cloud-init
/usr/share/filler
"""
"""cloud-init's header is larger than a page, the agent's has an epoch."""

MANY = "".join(f"%package s{n}\nSummary: x\n%description s{n}\nx\n%files s{n}\n" for n in range(40))


def build_packages(folder: Path) -> list[Path]:
    """The packages of SPEC, and 40 small ones."""
    spec = folder / "filler.spec"
    spec.write_text(SPEC + MANY)
    defines = ["--define", f"_topdir {folder}", "--define", "_build_id_links none"]
    _run("rpmbuild", "-bb", "--quiet", *defines, spec)
    return sorted((folder / "RPMS").rglob("*.rpm"))


def make_database(packages: list[Path], folder: Path) -> Path:
    """An SQLite database of these packages; the directory that holds it."""
    folder.mkdir()
    options = ["--dbpath", folder, "--define", "_db_backend sqlite"]
    _run("rpm", *options, "--initdb")
    _run("rpm", *options, "-i", "--justdb", "--nodeps", "--nosignature", "--ignorearch", *packages)
    return folder


def versions(folder: Path) -> dict[str, str]:
    """What rpm itself says is in the database: name to epoch:version-release."""
    shown = "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n"
    options = ["--dbpath", folder, "--define", "_db_backend sqlite", "--qf", shown]
    return dict(line.split() for line in _run("rpm", *options, "-qa").splitlines())


def make_bdb(source: Path, target: Path) -> Path:
    """The hash that RPM before 4.16 kept: package number, in the machine's byte order, to header.

    RPM writes none any more, so that Berkeley DB's own tool does, with the headers out of SQLite.
    """
    return load_bdb(_headers(source), target, "db_pagesize=4096")


def load_bdb(headers: Sequence[tuple[int, bytes]], target: Path, *options: str) -> Path:
    """A hash of these, and of RPM's counter; the options are those of db_dump(1)'s format."""
    lines = ["VERSION=3", "format=bytevalue", "type=hash", *options, "HEADER=END"]
    for number, header in [(0, len(headers).to_bytes(4, "little")), *headers]:
        lines += [f" {number.to_bytes(4, 'little').hex()}", f" {header.hex()}"]
    dump = target.with_suffix(".dump")
    dump.write_text("\n".join([*lines, "DATA=END", ""]))
    _run("db5.3_load", "-f", dump, target)
    return target


def make_ndb(source: Path, target: Path) -> Path:
    """SUSE's database of the same headers; Debian's rpm is built without it.

    Written as lib/backend/ndb/rpmpkg.c of RPM describes it: a header and slots in pages of 4096 bytes, then
    blobs in blocks of 16 bytes, each with a head, and a tail that begins with its Adler-32.
    """
    headers = _headers(source)
    pages = 1 + -(-(len(headers) + 7) // 256)
    slots, blobs = [], b""
    for number, header in headers:
        head = b"BlbS" + struct.pack("<III", number, 1, len(header))
        blocks = -(-(len(head) + len(header) + 12) // 16)
        body = (head + header).ljust(blocks * 16 - 12, b"\0")
        block = (pages * 4096 + len(blobs)) // 16
        slots.append(b"Slot" + struct.pack("<III", number, block, blocks))
        blobs += body + struct.pack("<II", zlib.adler32(body), len(header)) + b"BlbE"
    free = [b"Slot" + bytes(12)] * (pages * 256 - 2 - len(slots))
    slots[1:1] = free[:5]  # packages were removed
    header = b"RpmP" + struct.pack("<IIII", 0, 77, pages, 1000) + bytes(12)
    target.write_bytes(header + b"".join([*slots, *free[5:]]) + blobs)
    return target


def made_header(name: str, padding: int = 0) -> bytes:
    """A header of one package, version 1-1, with as many bytes behind it."""
    data = name.encode() + b"\0001\0" + bytes(padding)
    version = len(name) + 1
    entries = ((1000, 6, 0, 1), (1001, 6, version, 1), (1002, 6, version, 1))
    index = b"".join(struct.pack(">IIII", *entry) for entry in entries)
    return struct.pack(">II", len(entries), len(data)) + index + data


def _headers(folder: Path) -> list[tuple[int, bytes]]:
    with sqlite3.connect(folder / "rpmdb.sqlite") as database:
        return database.execute("SELECT hnum, blob FROM Packages").fetchall()


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return done.stdout
