"""A box gets the code of what it imports late, and the code of nothing else."""

import json
import marshal
import subprocess
import sys
from pathlib import Path

import pytest
from support import box_jobs
from support.box_jobs import Words

from imgtool import box
from imgtool.box.modules import code_of

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
    box.stop()
    with Path("/dev/null").open("rb") as file:
        found = box.ask(box_jobs.LOAD, Words(tuple(names)), file.fileno()).words
    assert found == ("|", *names)


def test_machine_code_is_in_the_box_before_it_is_shut() -> None:
    """Those of a guest's readers: without, they would fall back to slower code, or to none."""
    program = (
        "import sys, json\n"
        "from imgtool.guest_box import JOB\nJOB.prepare()\n"
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
        ("dissect.extfs.extfs", False),
        ("dissect.extfs", True),
        ("imgtool.guest.inspect", False),
        ("json", True),
    ],
)
def test_the_code_of_a_module_is_sent(name: str, is_package: bool) -> None:
    origin, package, code = marshal.loads(code_of(name.encode()))  # noqa: S302
    assert (Path(origin).exists(), package) == (True, is_package)
    assert code.co_name == "<module>"


def test_a_namespace_package_has_no_code() -> None:
    assert marshal.loads(code_of(b"dissect")) == ("dissect", True, None)  # noqa: S302


@pytest.mark.parametrize(
    "asked",
    [
        b"", b".", b"..", b"/etc/hostname", b"imgtool/errors", b"imgtool..errors", b"imgtool.", b".imgtool",
        b"../imgtool", b"imgtool.nothing", b"nothing", b"pytest", b"click", b"openstack", b"support.box_jobs",
        b"\xff", b"a" * 100_000, b"imgtool" + b".a" * 400, b"imgtool\0", b"imgtool\n",
        "\u0131mgtool".encode(),
        b"zstandard.backend_c", b"sys", b"imgtool.errors.UsageError",
    ],
)  # fmt: skip
def test_nothing_else_is_sent(asked: bytes) -> None:
    assert code_of(asked) == b""


def test_what_is_asked_for_is_not_imported_here() -> None:
    program = (
        "import sys\nfrom imgtool.box.modules import code_of\n"
        "assert code_of(b'dissect.ntfs.attr')\n"
        "assert not [one for one in sys.modules if one.startswith('dissect')]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
