"""The batch of the demonstration, and what is told about it."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from support.fixtures import fixture_path

from imgtool.batch.journal import read_journal

FIXTURES = ("ext4-gpt", "xfs-gpt", "lvm-xfs", "btrfs-subvolumes", "bare-ext4", "data-disk")
EXIT_SIGNAL_BASE = 128
_NOT_SENT = ("--dry-run", "--help")


def own_manifest(folder: Path) -> Path:
    """Fixtures of imgtool's tests, each to be converted into `folder`."""
    (folder / "made").mkdir()
    images = "".join(f"  - source: {fixture_path(name)}\n    name: {name}\n" for name in FIXTURES)
    path = folder / "images.yaml"
    path.write_text(f"defaults:\n  compression: zstd\n  clouds: []\n  output: made/\nimages:\n{images}")
    return path


def run(address: str, manifest: Path, more: Sequence[str]) -> int:
    """Run it, then say who did what; its exit status. What ends this process ends the batch first."""
    imgtool = Path(sys.executable).with_name("imgtool")
    command = [imgtool, "batch", manifest, "--scheduler", address, *more]
    with subprocess.Popen(command) as batch:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches the batch by itself
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: batch.send_signal(received))
        status = batch.wait()
    journal = _journal(manifest, more)
    if journal.exists() and not set(more) & set(_NOT_SENT):
        print("\n".join(["", "who did what:", *who_did_what(journal)]), flush=True)
    return status if status >= 0 else EXIT_SIGNAL_BASE - status


def who_did_what(journal: Path) -> Iterator[str]:
    """A line for each image of the last run; more than one worker where one was lost."""
    with read_journal(journal) as notes:
        names = notes.names()
        for record in notes.records():
            workers = [one.detail for one in notes.stages(record.key) if one.stage == "worker"]
            yield f"  {', '.join(workers) or '-':<12} {record.state:<13} {names[record.key]}"


def _journal(manifest: Path, more: Sequence[str]) -> Path:
    """Where imgtool batch keeps it."""
    for option, value in pairwise(more):
        if option == "--journal":
            return Path(value)
    joined = [one.partition("=")[2] for one in more if one.startswith("--journal=")]
    return Path(joined[0]) if joined else manifest.with_name(f"{manifest.name}.journal")
