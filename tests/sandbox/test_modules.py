"""A sandbox gets the code of what it imports late, and the code of nothing else."""

import json
import marshal
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import sandbox_jobs
from support.fixtures import checksums, fixture_path
from support.sandbox_jobs import Words

from imgtool import sandbox
from imgtool.sandbox.modules import code_of, warmable

TWICE = """
import json, os, sys
from imgtool import sandbox
from imgtool.sandbox import modules
from imgtool.disk.request import DiskRequest
from imgtool.pipeline.guest_reader import JOB, GuestRequest
from imgtool.model.facts import GuestQuery
names, code_of = [], modules.code_of
def listen(name):
    code = code_of(name)
    names.extend([name.decode()] if code else [])
    return code
modules.code_of = listen
heard = []
for path in sys.argv[1:]:
    size = os.path.getsize(path)
    wanted = GuestQuery(modules=("virtio_net",), files=("/etc/**",))
    given = GuestRequest(DiskRequest("", "raw", 0, file_size_bytes=size, virtual_size_bytes=size), wanted)
    heard.append([])
    for _ in range(2):
        with open(path, "rb") as disk:
            sandbox.ask(JOB, given, disk.fileno())
        heard[-1].append(names[:])
        names.clear()
print(json.dumps(heard))
"""
READER = re.compile(r"imgtool\.guest\.|dissect\.")

EVERYTHING = """
import json, sys
from imgtool.guest import preload
preload.preload()
print(json.dumps([one for one in sys.modules if one.startswith(("imgtool.guest.", "dissect."))]))
"""


def test_every_reader_can_be_loaded_in_the_box(tmp_path: Path) -> None:
    """What needs machine code is there before; all else is sent."""
    run = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=True)
    names = json.loads(run.stdout)
    assert "dissect.ntfs.usnjrnl" in names
    assert "imgtool.guest.filesystems.btrfs_guard" in names
    sandbox.stop()
    with Path("/dev/null").open("rb") as file:
        found = sandbox.ask(sandbox_jobs.LOAD, Words(tuple(names)), file.fileno()).words
    assert found == ("|", *names)


def test_machine_code_is_in_the_box_before_it_is_shut() -> None:
    """Those of a guest's readers: without, they would fall back to slower code, or to none."""
    program = (
        "import sys, json\n"
        "import imgtool.sandbox.server\n"  # where a box is forked
        "from imgtool.pipeline.guest_reader import JOB\nJOB.prepare()\n"
        "import importlib\n"
        "def machine(): return {name for name, one in list(sys.modules.items())"
        " if (getattr(one, '__file__', None) or '').endswith('.so')}\n"
        "before = machine()\n"
        "from imgtool.guest import preload\npreload.preload()\n"
        "import dissect.util.compression.lzo, dissect.util.compression.lz4, yaml, zstandard, lz4.block\n"
        "print(json.dumps(sorted(machine() - before)))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []


@pytest.mark.parametrize(
    ("name", "is_package"),
    [
        ("dissect.xfs.xfs", False),
        ("dissect.xfs", True),
        ("imgtool.guest.inspect", False),
        ("json", True),
    ],
)
def test_the_code_of_a_module_is_sent(name: str, is_package: bool) -> None:
    origin, package, code = marshal.loads(code_of(name.encode()))  # noqa: S302 - code of our own
    assert (Path(origin).exists(), package) == (True, is_package)
    assert code.co_name == "<module>"


def test_a_namespace_package_has_no_code() -> None:
    assert marshal.loads(code_of(b"dissect")) == ("dissect", True, None)  # noqa: S302 - code of our own


@pytest.mark.parametrize(
    "asked",
    [
        b"", b".", b"..", b"/etc/hostname", b"imgtool/errors", b"imgtool..errors", b"imgtool.", b".imgtool",
        b"../imgtool", b"imgtool.nothing", b"nothing", b"pytest", b"click", b"openstack",
        b"support.sandbox_jobs", b"\xff", b"a" * 100_000, b"imgtool" + b".a" * 400, b"imgtool\0",
        b"imgtool\n", "\u0131mgtool".encode(), b"zstandard.backend_c", b"sys", b"imgtool.errors.UsageError",
    ],
)  # fmt: skip
def test_nothing_else_is_sent(asked: bytes) -> None:
    assert code_of(asked) == b""


def test_what_may_be_warmed_is_what_is_installed() -> None:
    """Each name is that of a module of Python, or one of machine code that was loaded before."""
    assert [name for name in warmable() if not code_of(name.encode())] == []
    assert {"imgtool.guest.filesystems.btrfs_guard", "dissect.ntfs.usnjrnl", "imgtool.guest"} <= warmable()
    assert not {"imgtool.errors", "imgtool.guest.__init__", "dissect.util.tools", "os"} & warmable()


def test_all_that_guests_need_may_be_warmed() -> None:
    """The sandbox of a second guest like the first asks for no reader any more."""
    disks = [str(fixture_path(one.removesuffix(".raw.zst"))) for one in checksums()]
    run = subprocess.run([sys.executable, "-c", TWICE, *disks], capture_output=True, text=True, check=True)
    for disk, (first, second) in zip(disks, json.loads(run.stdout), strict=True):
        assert set(filter(READER.match, first)) <= warmable(), disk
        assert list(filter(READER.match, second)) == [], disk


def test_what_is_asked_for_is_not_imported_here() -> None:
    program = (
        "import sys\nfrom imgtool.sandbox.modules import code_of\n"
        "assert code_of(b'dissect.ntfs.attr')\n"
        "before = set(sys.modules)\n"
        "assert not [one for one in before if one.startswith('dissect')]\n"
        "assert not code_of(b'distutils.core') or code_of(b'distutils')\n"
        "assert set(sys.modules) == before\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
