"""Lines that are drawn anew, in a terminal of tmux: whatever its width becomes, nothing of them is left."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import wait_for

PROGRAM = """
import sys, time
from imgtool.cli import console
from imgtool.cli.bars import TerminalProgress

print("\\n" * 30, flush=True)  # as in a terminal that has been used: the cursor is in its last row
told = TerminalProgress("auto")
with told.meter("a-very-long-name-of-an-image-that-somebody-has-given", 1 << 30) as one, \\
        told.meter("second", 1 << 30) as two:
    for number in range(int(sys.argv[1])):
        one.advance(1 << 20)
        two.advance(2 << 20)
        if number == 5:
            console.log("a line above")
        time.sleep(0.05)
        sys.stdout.flush()
print("the end", flush=True)
time.sleep(60)
"""


class Terminal:
    """One window of a tmux server of its own."""

    def __init__(self, folder: Path) -> None:
        self._tmux = ["tmux", "-S", str(folder / "socket"), "-f", "/dev/null"]

    def run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=True).stdout

    def screen(self) -> list[str]:
        """All that it has shown, but for blank lines."""
        return [line for line in self.run("capture-pane", "-p", "-S", "-").splitlines() if line.strip()]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.fail("tmux is missing: scripts/setup --test installs it")
    made = Terminal(tmp_path)
    yield made
    subprocess.run([*made._tmux, "kill-server"], capture_output=True, check=False)


def started(terminal: Terminal, folder: Path, width: int, steps: int, program: str = PROGRAM) -> None:
    (folder / "program.py").write_text(program)
    words = [sys.executable, str(folder / "program.py"), str(steps)]
    os.environ.pop("TMUX", None)
    terminal.run("new-session", "-d", "-x", str(width), "-y", "20", *words)


@pytest.mark.parametrize("widths", [(120, 60), (60, 120), (80, 50, 100, 44)], ids=str)
def test_nothing_stays_behind(widths: tuple[int, ...], terminal: Terminal, tmp_path: Path) -> None:
    started(terminal, tmp_path, widths[0], 60)
    for width in widths[1:]:
        time.sleep(0.7)
        terminal.run("resize-window", "-x", str(width))
    wait_for(lambda: "the end" in terminal.screen())
    assert terminal.screen() == ["a line above", "the end"]


MANY = """
import time
from imgtool.cli.live import LIVE

print("\\n" * 30, flush=True)
for step in range(20):
    lines = [*(f"image {number} at {step}" for number in range(40)), "all of them"]
    LIVE.show(lambda width: lines, at_once=True)
    time.sleep(0.02)
time.sleep(1)
LIVE.clear()
print("the end", flush=True)
time.sleep(60)
"""


def test_more_lines_than_rows(terminal: Terminal, tmp_path: Path) -> None:
    started(terminal, tmp_path, 80, 0, MANY)
    wait_for(lambda: "image 16 at 19" in terminal.screen())
    assert terminal.screen() == [
        *(f"image {number} at 19" for number in range(17)),
        "and 23 more",
        "all of them",
    ]
    wait_for(lambda: "the end" in terminal.screen())
    assert terminal.screen() == ["the end"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_each_is_one_line_with_its_name_and_rate(width: int, terminal: Terminal, tmp_path: Path) -> None:
    started(terminal, tmp_path, width, 400)
    wait_for(lambda: len(terminal.screen()) == 3 and "MiB/s" in terminal.screen()[-1])
    above, first, second = terminal.screen()
    assert above == "a line above"
    assert first.startswith("a-very-long-")
    assert "/s" in first
    assert second.startswith("second  ")
    assert len(first) < width
