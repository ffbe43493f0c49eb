"""The sandbox alone: qemu-img on images that no gate has seen, traced. It opens nothing that they name.

Each image that would like to read a file of the host, as its own format and as others, by each verb.
"""

import inspect
import re
import sys
from itertools import product
from pathlib import Path

import pytest
from support import ungated
from support.hostile import ROWS
from support.hostile.rows import Hostile
from support.traced import traced

FORMATS = {".vmdk": "vmdk", ".qcow2": "qcow2", ".vhd": "vpc", ".vhdx": "vhdx", ".vdi": "vdi", ".img": "qcow2"}
READERS = [
    name
    for name, (build, _) in ROWS.items()
    if "canary" in inspect.getsource(build).partition(":")[2].replace("canary: Path", "")
    or "parent" in name
    or "backing" in name
]
VERBS = ("check", "convert", "compare")
CASES = [(name, VERBS[number % len(VERBS)]) for number, name in enumerate(READERS)]
OWN = re.compile(r"/proc/\d+/status|/proc/sys/kernel/cap_last_cap")
"""What setpriv(1) looks up, before the program is started."""
EXPLOITS = ("backing_file", "external_data_file", "vmdk_flat", "vmdk_parent_in_sector_2")


@pytest.mark.parametrize(("name", "verb"), sorted({*CASES, *product(EXPLOITS, VERBS)}))
def test_it_opens_nothing(name: str, verb: str, hostile: Hostile, canary: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    image, out = hostile(name, tmp_path / "in"), tmp_path / "out"
    program = (sys.executable, ungated.__file__, verb, FORMATS.get(image.suffix, "vmdk"), image, out)
    found = traced(program=program, trace=tmp_path / "trace")
    assert "Traceback" not in found.run.stderr, found.run.stderr
    assert str(canary) not in found.got
    assert {path for path in found.got if not OWN.fullmatch(path)} <= {str(image), str(out)}
    assert found.sockets == 0
    assert b"CANARY" not in out.read_bytes()
    assert "CANARY" not in found.run.stdout + found.run.stderr
