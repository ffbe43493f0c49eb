"""The judge of every output: a time counts only when what was written is right."""

import subprocess
from pathlib import Path

from bench.kept import qemu_arguments
from bench.measure import last_line

JUDGE_SECONDS = 600


def check(target: Path, target_format: str, expected_bytes: int) -> str:
    """`qemu-img check` for a qcow2, the size for a raw file; why it fails, or empty."""
    if not target.exists():
        return "wrote nothing"
    if target_format == "qcow2":
        return _judged("check", "-q", "-f", "qcow2", str(target))
    size_bytes = target.stat().st_size
    return "" if size_bytes == expected_bytes else f"{size_bytes} bytes instead of {expected_bytes}"


def compare(source: Path, source_format: str, target: Path, target_format: str) -> str:
    """`qemu-img compare`, every byte; why it fails, or empty."""
    return _judged("compare", "-F", target_format, *qemu_arguments(source, source_format), str(target))


def _judged(verb: str, *arguments: str) -> str:
    command = ["qemu-img", verb, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=JUDGE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"qemu-img {verb} did not end within {JUDGE_SECONDS} s"
    if done.returncode == 0:
        return ""
    found = last_line(done.stdout) or last_line(done.stderr)
    return f"qemu-img {verb}: status {done.returncode}: {found}"
