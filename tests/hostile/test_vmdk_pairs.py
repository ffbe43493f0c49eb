"""Hostile VMDKs of two files, by every command: nothing outside their folder is opened, not even tried."""

import os
import re
from pathlib import Path

import pytest
from support.hostile.vmdk_pairs import PAIRS
from support.traced import lines_of_error, traced

COMMANDS = (("convert", "IMAGE", "OUT", "-O", "raw"), ("inspect", "IMAGE"), ("check", "IMAGE"),
            ("upload", "IMAGE", "--cloud", "none-such", "--dry-run"),
            ("prepare", "IMAGE", "-O", "qcow2", "--cloud", "none-such", "--dry-run"))  # fmt: skip
CASES = [(name, COMMANDS[number % len(COMMANDS)]) for number, name in enumerate(PAIRS)]


@pytest.mark.parametrize(("name", "command"), CASES, ids=[f"{name}-{command[0]}" for name, command in CASES])
def test_it_is_refused(name: str, command: tuple[str, ...], canary: Path, tmp_path: Path) -> None:
    build, says = PAIRS[name]
    folder = tmp_path / "in"
    folder.mkdir()
    image = build(folder, canary)
    there = sorted(os.listdir(folder))
    words = [{"IMAGE": str(image), "OUT": str(tmp_path / "out")}.get(word, word) for word in command]
    found = traced(*words, trace=tmp_path / "trace", cwd=folder)
    assert found.run.returncode == 3, found.run.stderr
    said = found.run.stdout if command[0] == "check" else "".join(lines_of_error(found.run))
    assert re.search(says, said)
    assert f"{image}" in said
    assert found.executed == ()
    assert {Path(path).parent for path in found.read - {str(folder)}} <= {folder}
    assert str(canary) not in found.read
    assert found.written <= {str(tmp_path)}  # where the target would have been
    assert sorted(os.listdir(folder)) == there
    assert sorted(os.listdir(tmp_path)) == ["in", "trace"]
    assert "CANARY" not in found.run.stdout + found.run.stderr
