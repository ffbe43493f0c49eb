"""How long it takes until imgtool answers: the part of every conversion that no fast data path removes."""

import json
import subprocess
from itertools import chain
from pathlib import Path

from bench.disks import debian
from bench.measure import last_line, run
from bench.model import Confinement, StartUp, spread

WHOLE_IMAGE_BYTES = 1 << 40
CONFINED = Path(__file__).with_name("confined.py")
CONFINED_TIMES, CONFINED_PROCESSES = 40, 5


def measure(imgtool: Path, folder: Path, times: int) -> list[StartUp]:
    """`--help`, and the two commands that look into the Debian image. Raises DiskError, RuntimeError."""
    image = folder / "debian.raw"
    debian(image, WHOLE_IMAGE_BYTES)
    try:
        commands = (["--help"], ["inspect", str(image)], ["check", str(image)])
        return [_measured(imgtool, command, times) for command in commands]
    finally:
        image.unlink()


def _measured(imgtool: Path, arguments: list[str], times: int) -> StartUp:
    runs = [run([imgtool, *arguments], None, limit_seconds=120) for _ in range(times)]
    for ended in runs:
        if ended.too_slow or ended.failure:
            raise RuntimeError(f"imgtool {arguments[0]}: {ended.failure or 'took too long'}")
    wall = spread([ended.sample.wall_seconds for ended in runs])
    return StartUp(f"imgtool {arguments[0]}", wall, max(ended.sample.peak_rss_bytes for ended in runs))


def confinement(imgtool: Path, times: int = CONFINED_TIMES) -> Confinement:
    """What it takes to run a program in the sandbox. Raises RuntimeError where this imgtool has none."""
    found = [_confined(imgtool, times // CONFINED_PROCESSES) for _ in range(CONFINED_PROCESSES)]
    names = ("confined_seconds", "plain_seconds", "first_seconds")
    return Confinement(*(tuple(chain.from_iterable(one[name] for one in found)) for name in names))


def _confined(imgtool: Path, times: int) -> dict[str, list[float]]:
    command = [_interpreter(imgtool), "-I", str(CONFINED), str(times)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(last_line(done.stderr))
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def _interpreter(imgtool: Path) -> str:
    """The Python that the command `imgtool` runs by, which has its packages: pip writes it after `#!`."""
    with imgtool.open("rb") as file:
        first = file.readline(4096)
    if not first.startswith(b"#!"):
        raise RuntimeError(f"{imgtool} does not say which Python it runs by")
    return first[2:].decode("utf-8", "replace").strip()
