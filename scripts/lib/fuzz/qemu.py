"""The judge: what QEMU reads. Only ever given an image that the gate has let through."""

import json
import subprocess
from pathlib import Path

from fuzz import limits

_SECONDS = 30


def info(path: Path, image_format: str) -> dict[str, object] | str:
    """What `qemu-img info` says, or why it refuses."""
    done = _run("info", "--output", "json", "-f", image_format, str(path))
    return done.stderr.strip() if done.returncode else json.loads(done.stdout)


def content(path: Path, image_format: str) -> bytes | str:
    """The disk, or why it cannot be read."""
    target = path.with_suffix(".judge")
    done = _run("convert", "-f", image_format, "-O", "raw", str(path), str(target))
    try:
        return done.stderr.strip() if done.returncode else target.read_bytes()
    finally:
        target.unlink(missing_ok=True)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["qemu-img", *arguments],  # noqa: S607 - as installed
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=_SECONDS,
        preexec_fn=limits.unbind,
    )
