"""One row: the copy is made, inspected and booted, by the command line as a user has it."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.real_guest import SET_ASIDE, opened_guest
from support.verdict_images import sparse_copy

from boot_table.bases import ESP_AND_ROOT, Bases
from boot_table.model import Foretold, Outcome, Row, Seen

IMGTOOL = Path(sys.executable).parent / "imgtool"
LIMIT_SECONDS = 900
"""For an answer, besides the time of a boot."""
SERVICES = {"cloud-init", "agent"}
Document = Mapping[str, Any]
_running: set["subprocess.Popen[str]"] = set()


class RowError(Exception):
    """imgtool gave no answer for a row."""


def run_row(row: Row, bases: Bases) -> Outcome:
    """Everything of one row; its copy is gone afterwards. Raises RowError, BaseError."""
    base = bases.image(row.base)
    with tempfile.TemporaryDirectory(prefix="row-", dir=bases.folder) as name:
        began = time.monotonic()
        image = make(row, base, Path(name))
        inspected, booted = inspect(image), boot(row, image)
        return Outcome(row, foretold(inspected, row), seen(booted), time.monotonic() - began)


def stop() -> None:
    """Ends what rows of other threads have started; they end with RowError."""
    for process in tuple(_running):
        process.terminate()


def inspect(image: Path) -> Document:
    """What `imgtool inspect` says. Raises RowError."""
    return _asked(LIMIT_SECONDS, "inspect", str(image))


def boot(row: Row, image: Path) -> Document:
    """What `imgtool boot` says. Raises RowError."""
    options = ("--bus", row.bus, "--timeout", str(row.patience_seconds))
    return _asked(row.patience_seconds + LIMIT_SECONDS, "boot", str(image), *options)


def make(row: Row, base: Path, folder: Path) -> Path:
    """The row's image in the folder."""
    image: Path = sparse_copy(base, folder / "image.raw")
    if row.change is not None:
        esp, root = ESP_AND_ROOT.get(row.base, (1, 2))
        with opened_guest(image, folder, esp, root) as guest:
            row.change(guest)
            guest.write_esp()
            shutil.rmtree(guest.root.top / SET_ASIDE, ignore_errors=True)
    if row.disk is not None:
        row.disk(image)
    return image


def _asked(seconds: float, command: str, *arguments: str) -> Document:
    words = [str(IMGTOOL), command, *arguments, "--output", "json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True) as process:
        _running.add(process)
        try:
            output, log = process.communicate(timeout=seconds)
        finally:
            _running.discard(process)
            process.terminate()
    try:
        document: Document = json.loads(output)
    except ValueError:
        document = {"error": {"message": f"status {process.returncode}: {log.strip()}"}}
    if "error" in document:
        raise RowError(f"imgtool {command}: {document['error']['message']}")
    return document


def foretold(document: Document, row: Row) -> Foretold:
    """The step at which the boot stops by `imgtool inspect`, on the row's bus."""
    paths = [one for one in document["guest"]["boot"] if one["used"]]
    if [one["firmware"] for one in paths] != [row.by]:
        return Foretold("unknown: firmware", f"{[one['firmware'] for one in paths]} is used")
    silent = Foretold("up", "comes up")
    for step in paths[0]["steps"]:
        name, outcome = step["step"], step["outcome"]
        if outcome == "unknown":
            return Foretold(f"unknown: {name}", step["summary"])
        if outcome == "goes-on" and row.bus in step.get("buses", [row.bus]):
            continue
        if name not in SERVICES:
            return Foretold(name, step["summary"])
        silent = Foretold(name, step["summary"])
    return silent


def seen(document: Document) -> Seen:
    """Where the boot ended by `imgtool boot`."""
    (boot,) = document["boots"]
    diagnosis = boot["diagnosis"] or {}
    end = "up" if boot["answered"] else str(diagnosis.get("stage"))
    if end == "up" and boot["cloud_init"] is None:
        end = "cloud-init"
    return Seen(
        end=end,
        reached=tuple(one["stage"] for one in boot["stages"]),
        cause=str(diagnosis.get("cause", "")),
        seconds=boot["seconds"],
        doubt=boot.get("doubt"),
        differences=tuple(
            f"boot-agrees: {one['fact']}: read {one['inspected']}, running {one['booted']}"
            for one in boot["differences"]
        ),
    )
