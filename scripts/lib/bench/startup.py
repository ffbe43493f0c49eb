"""How long it takes until imgtool answers: the part of every conversion that no fast data path removes."""

from pathlib import Path

from bench.disks import debian
from bench.measure import run
from bench.model import StartUp, spread

WHOLE_IMAGE_BYTES = 1 << 40


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
