"""What stands between the shell and the first byte: the modules that a command loads, written down.

A list that gets longer makes each run longer, by a third of a millisecond a module on the average.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.images import create

WATCHED = """
import os, sys
from imgtool.util import ahead
from imgtool.cli.main import run
own, seen = os.getpid(), []

def look(event, _):
    if event == "socket.sendmsg" and os.getpid() == own:  # with descriptors: a question to the sandbox
        seen.append(sorted(sys.modules))

sys.addaudithook(look)
ahead.load = lambda names: None  # what a thread loads meanwhile is there or not, as it happens
status = run({argv})
print(f"\\n{{(status, seen[0], sorted(sys.modules))}}")
"""

CONVERTING = {
    "cli": ". bars checksums commands commands.convert console conversion_options defaults group lazy limits "
    "live main options sources standard_streams",
    "disk": ". open_source",
    "errors": ".",
    "fetch": ". urls",
    "formats": ". bounds claims containers foreign gate headers layout source",
    "model": ". conversion free_blocks image source",
    "report": ". as_text as_text.fitting",
    "sandbox": ". client forked handle job modules protocol",
    "util": ". ahead codec fork_server interrupts leases log memory progress quick_dataclasses streams text",
}
"""Of imgtool, before the sandbox is asked what the source is. All else is loaded while it looks."""

LIBRARIES = {
    "convert": {"click", "deflate"},
    "inspect": {"click", "deflate", "isal"},
    "check": {"click", "deflate", "isal"},
}
"""From elsewhere than Python, in a process of imgtool's own: the sandbox loads its own."""

HEAVY = {"asyncio", "email", "http", "logging", "multiprocessing", "unittest", "xml"}
"""Of Python's own: no command needs one of them that only reads or converts."""


def loaded(*argv: str) -> tuple[set[str], set[str]]:
    """The modules before the first question to the sandbox, and at the end."""
    code = WATCHED.format(argv=list(argv))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    status, before, after = ast.literal_eval(run.stdout.splitlines()[-1])
    assert status in {0, 1}, run.stderr
    return set(before), set(after)


def outside(modules: set[str]) -> set[str]:
    """The packages that are neither imgtool nor Python."""
    tops = {name.partition(".")[0] for name in modules if not name.startswith("_")}
    return tops - sys.stdlib_module_names - {"imgtool", "apport_python_hook", "sitecustomize"}


@pytest.mark.parametrize("made", ["raw", "qcow2"])
def test_what_a_conversion_loads_before_its_first_question(tmp_path: Path, made: str) -> None:
    source = create(tmp_path / "x.raw", "raw")
    before, after = loaded("convert", "-f", "raw", "-O", made, str(source), str(tmp_path / "y"))
    own = {name.removeprefix("imgtool.") for name in before if name.startswith("imgtool.")}
    assert own - {""} == {
        f"{part}.{name}".removesuffix("..") for part, names in CONVERTING.items() for name in names.split()
    }
    assert outside(after) == {"click"}


@pytest.mark.parametrize("command", LIBRARIES)
def test_what_comes_from_elsewhere(tmp_path: Path, command: str) -> None:
    source = create(tmp_path / "x.qcow2")
    target = [str(tmp_path / "y.raw")] if command == "convert" else []
    before, after = loaded(command, str(source), *target)
    assert outside(after) <= LIBRARIES[command]
    if command != "check":  # what it judges by asks Glance's own rules
        assert before & HEAVY == set()
    assert [name for name in after if name.startswith(("dissect", "imgtool.batch"))] == []
