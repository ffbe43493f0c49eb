"""Databases of RPM, written by its own tools (Debian's packages rpm and db5.3-util)."""

import sqlite3
import struct
import subprocess
from pathlib import Path

from support.layouts import bdb, ndb

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
    """The hash that RPM before 4.16 kept, with the headers out of SQLite: RPM writes none any more."""
    bdb(_headers(source), target)
    return target


def make_ndb(source: Path, target: Path) -> Path:
    """SUSE's database of the same headers; Debian's rpm is built without it."""
    target.write_bytes(ndb(_headers(source), removed=5))
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
