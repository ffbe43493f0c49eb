"""Images that a real Nova starts: how each is made and uploaded, and where its boot ends.

The spoiled ones are uploaded as they are, by `imgtool upload`, which does not judge: they claim an agent.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from boot_table.model import Row, shown_by
from boot_table.run import Document, foretold, inspect
from support.cli import imgtool

SCSI = ("hw_disk_bus=scsi", "hw_scsi_model=virtio-scsi")
QUIESCE = "os_require_quiesce=yes"
AGENT = "hw_qemu_guest_agent=yes"


@dataclass(frozen=True)
class NovaRow:
    """One image, in one form, with its properties."""

    fixture: str
    """Of tests/support/debian.py."""
    form: tuple[str, ...] = ("-c",)
    """Options of `imgtool prepare`, or of `imgtool convert`."""
    properties: tuple[str, ...] = ()
    firmware: str = "uefi"
    spoiled: bool = False
    grows: bool = True
    quick: bool = False
    """One of those that every run of the tests boots."""

    def __str__(self) -> str:
        return "-".join((self.fixture, *self.form, *self.properties))

    @property
    def bus(self) -> str:
        """The disk's."""
        return "virtio-scsi" if "hw_disk_bus=scsi" in self.properties else "virtio-blk"


ZSTD = ("-c", "zstd")
RAW = ("-O", "raw")
BIOS = "hw_firmware_type=bios"
ROWS = (
    NovaRow("debian_image", quick=True),
    NovaRow("debian_bios", RAW, (BIOS,), "bios"),
    NovaRow("debian_bios", ZSTD, (BIOS, *SCSI), "bios"),
    NovaRow("debian_image", ("-O", "qcow2"), SCSI),
    NovaRow("debian_trixie", ZSTD),
    NovaRow("debian_trixie", ("-c",), SCSI),
    NovaRow("debian_xfs", RAW, grows=False),
    NovaRow("debian_lvm", ZSTD, grows=False),
    NovaRow("debian_btrfs", grows=False),
    NovaRow("debian_dracut", ZSTD),
    NovaRow("debian_initramfs_without_virtio", spoiled=True, quick=True),
    NovaRow("debian_initramfs_truncated", spoiled=True),
    NovaRow("debian_initramfs_dep", spoiled=True),
    NovaRow("debian_initramfs_host_only", spoiled=True),
    NovaRow("debian_agent_masked", spoiled=True),
    NovaRow("debian_no_agent", spoiled=True),
    NovaRow("debian_host_keys", spoiled=True),
)
"""Some do not grow: cloud-init leaves logical volumes alone, and two images lack the program for it."""


def upload(row: NovaRow, image: Path, cloud: str, folder: Path) -> str:
    """The id that the row's image has in the cloud."""
    properties = (*row.properties, AGENT) if row.spoiled else (*row.properties, QUIESCE)
    options = [word for one in properties for word in ("--property", one)]
    options += ["--cloud", cloud, "--name", f"{row}", "--output", "json"]
    if row.spoiled:
        made = folder / "spoiled.qcow2"
        assert imgtool("convert", image, made, *row.form).returncode == 0
        done = imgtool("upload", made, *options)
        made.unlink()
    else:
        done = imgtool("prepare", image, *row.form, *options)
    assert done.returncode == 0, done.stderr
    identifier: str = json.loads(done.stdout)["upload"]["image_id"]
    return identifier


def predicted(row: NovaRow, image: Path) -> str:
    """What a boot shows that ends where `imgtool inspect` says: a stage, `up` or `cloud-init`."""
    like = Row("in Nova", "grub-uefi", firmware=row.firmware, bus=row.bus)  # type: ignore[arg-type]  # two words
    return shown_by(foretold(inspect(image), like).end)  # type: ignore[arg-type]  # a step, or the test fails


def seen(document: Document) -> str:
    """Where the boot ended by `imgtool boot --cloud`."""
    if document["passed"]:
        return "up" if document["cloud_init"] else "cloud-init"
    if document["diagnosis"]:
        return str(document["diagnosis"]["stage"])
    return "agent" if document["agent_answered"] is False else str(document["problem"])


def rows(*, spoiled: bool, wanted: str) -> list["pytest.ParameterSet"]:
    """Those of every run; all where `wanted` is `all`, else those whose name has it."""
    chosen = [
        one
        for one in ROWS
        if one.spoiled == spoiled and (wanted == "all" or (wanted in f"{one}" if wanted else one.quick))
    ]
    return [pytest.param(one, id=f"{one}") for one in chosen]
