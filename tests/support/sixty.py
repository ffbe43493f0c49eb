"""Sixty images as a migration brings them: copies and variants of the fixtures, broken and hostile ones."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.fixtures import fixture_path
from support.hostile import ROWS
from support.images import convert, qemu_img

PASS = (
    "btrfs-subvolumes", "ext4-gpt", "fedora-42", "lvm-xfs", "opensuse-leap-15.6",
    "windows-2019", "windows-2022", "windows-dirty", "windows-hibernated", "xfs-gpt", "mbr-logical",
)  # fmt: skip
"""Fixtures that the policy `openstack` lets through."""
FAIL = (
    "bare-ext3", "bare-ext4", "data-disk", "windows-agent-disabled", "windows-demand-start",
    "windows-no-driver-file", "windows-no-netkvm", "windows-start-override", "xfs-v4",
)  # fmt: skip
HOSTILE = (
    "backing_file", "external_data_file", "giant_l1", "corrupt_bit", "dirty_bit", "encrypted_luks",
    "qcow2_version_4", "vmdk_flat", "qed", "luks_2", "truncated",
)  # fmt: skip
HUGE_BYTES = 20 << 30


@dataclass(frozen=True)
class Sixty:
    """The images' folder, and what has to become of each, by the source's stem."""

    folder: Path
    expected: dict[str, str]

    def named(self, state: str) -> list[str]:
        """The stems of those that end so."""
        return [name for name, one in self.expected.items() if one == state]

    def manifest(self, path: Path, prefix: str, cloud: str = "devcloud-member") -> Path:
        """Of all sixty, each to be an image named `prefix` and its stem."""
        path.write_text(
            f"defaults: {{clouds: [{cloud}], name: '{prefix} {{stem}}'}}\nimages: ['{self.folder}/*']\n"
        )
        return path


def make(folder: Path) -> Sixty:
    """Make them, 60 files below `folder`; takes some seconds."""
    folder.mkdir()
    canary = folder.parent / "canary"
    canary.write_text("CANARY\n")
    expected: dict[str, str] = {}

    def add(name: str, state: str, build: Callable[[Path], object]) -> None:
        build(folder / name)
        expected[name.rpartition(".")[0]] = state

    for name in PASS:
        raw = fixture_path(name)
        add(f"{name}.raw", "done", lambda path, raw=raw: _copy(raw, path))
        add(f"{name}-plain.qcow2", "done", lambda path, raw=raw: convert(raw, path, "raw", "qcow2"))
    for name in PASS[:8]:
        raw = fixture_path(name)
        add(f"{name}-packed.qcow2", "done", lambda path, raw=raw: convert(raw, path, "raw", "qcow2", "-c"))
    add("huge.raw", "done", lambda path: _grown(fixture_path("xfs-gpt"), path))
    add("huge-plain.qcow2", "done", _grown_qcow2)
    for name in FAIL:
        add(f"{name}.raw", "check-failed", lambda path, name=name: _copy(fixture_path(name), path))
    for name in FAIL[:6]:
        raw = fixture_path(name)
        add(f"{name}-q.qcow2", "check-failed", lambda path, raw=raw: convert(raw, path, "raw", "qcow2"))
    for name in HOSTILE:
        add(f"{name.replace('_', '-')}.img", "refused", lambda path, name=name: _hostile(name, path, canary))
    add("text.raw", "refused", lambda path: path.write_text("no disk\n" * 100))
    add("empty.raw", "refused", lambda path: path.touch())
    assert len(expected) == 60
    return Sixty(folder, expected)


def _copy(source: Path, target: Path) -> None:
    """Sparse, as the fixture is."""
    qemu_img("convert", "-f", "raw", "-O", "raw", source, target)


def _grown(source: Path, target: Path) -> None:
    _copy(source, target)
    os.truncate(target, HUGE_BYTES)


def _grown_qcow2(target: Path) -> None:
    convert(fixture_path("ext4-gpt"), target, "raw", "qcow2")
    qemu_img("resize", target, str(HUGE_BYTES))


def _hostile(name: str, target: Path, canary: Path) -> None:
    """Built in a folder of its own: some need a second file, which nobody is to find among the images."""
    build = target.parent.parent / f"hostile-{name}"
    build.mkdir()
    shutil.move(ROWS[name][0](build, canary), target)
