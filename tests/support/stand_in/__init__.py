"""A program in the place of qemu-img that was taken over, and tries to reach what it was not given."""

import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("stand_in.c")


def built(folder: Path, victim: Path, name: str = "qemu-img") -> Path:
    """Its executable in `folder`; `victim` is a file that is not its to read."""
    program = folder / name
    defined = f'-DVICTIM="{victim}"'
    subprocess.run(["gcc", "-O1", "-w", defined, "-o", program, _SOURCE], check=True)
    return program
