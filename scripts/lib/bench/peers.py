"""Who takes part in a task, each in its best configurations.

A peer is never represented by a weak configuration alone: what its manual offers to make it faster is here.
Images are opened by explicit formats. QEMU's tools write with cache mode `unsafe`, qemu-img convert's
default, since the timer syncs every target afterwards.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.model import Task

Argv = list[str]

PACKAGES = {
    "cp": "coreutils",
    "nbdcopy": "libnbd-bin",
    "nbdkit": "nbdkit",
    "qemu-img": "qemu-utils",
    "qemu-nbd": "qemu-utils",
}
JUDGED = "imgtool"
"""The configuration that the bars are about: as an operator runs it, with its own verification."""
PLAIN = "qemu-img"
CLONING = "qemu-img -C"


@dataclass(frozen=True, slots=True)
class Job:
    """What has to be done."""

    source: Path
    source_format: str
    target: Path
    virtual_bytes: int
    task: Task

    @property
    def target_format(self) -> str:
        """As qemu-img calls it."""
        return self.task.split()[0]

    @property
    def compression(self) -> str:
        """none, zlib or zstd."""
        return self.task.partition(" ")[2] or "none"


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to do a job."""

    name: str
    programs: tuple[str, ...]
    command: Callable[[Job], Argv]
    prepare: Callable[[Job], Argv] | None = None
    """Runs before the clock does, in the peer's favour: nbdcopy wants a qcow2 that is there already."""
    ours: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The programs that are not installed."""
        return tuple(program for program in self.programs if shutil.which(program) is None)


def configurations(task: Task, source_format: str, imgtool: Path, *, cloning: bool) -> list[Configuration]:
    """All who can do this task; `cloning` where source and target share a file system that can reflink."""
    return [*ours(imgtool), *peers(task, source_format, cloning=cloning)]


def ours(imgtool: Path) -> list[Configuration]:
    """imgtool as it comes, and without the check of its output, which no peer makes.

    An imgtool from before it had engines of its own is measured as it is.
    """
    helped = subprocess.run([imgtool, "convert", "--help"], capture_output=True, encoding="utf-8", check=True)
    engine = ["--engine", "native"] if "--engine" in helped.stdout else []
    found = [_imgtool(imgtool, JUDGED, engine)]
    if "--verify" in helped.stdout:
        found.append(_imgtool(imgtool, f"{JUDGED} --verify none", [*engine, "--verify", "none"]))
    return found


def peers(task: Task, source_format: str, *, cloning: bool = True) -> list[Configuration]:
    """The programs that others use for this task."""
    if task.startswith("qcow2 "):
        return [_qemu_img("-c"), _qemu_img("-c", "-m", "16", "-W")]
    found = [_qemu_img(), _qemu_img("-m", "16", "-W")]
    if source_format == "raw":
        found.append(_qemu_img("-C"))
    if task == "qcow2":
        return [*found, _nbdcopy_into_qcow2()]
    if source_format == "qcow2":
        return [*found, _nbdcopy_from_qcow2()]
    copies = [_nbdcopy_files(), _nbdcopy_from_nbdkit(), _cp("--sparse=always")]
    return [*found, *copies, *([_cp("--reflink=always")] if cloning else [])]


def _imgtool(imgtool: Path, name: str, options: Argv) -> Configuration:
    def command(job: Job) -> Argv:
        formats = ["-f", job.source_format, "-O", job.target_format, "--compress", job.compression]
        return [str(imgtool), "convert", *formats, *options, str(job.source), str(job.target)]

    return Configuration(name, (), command, ours=True)


def _qemu_img(*options: str) -> Configuration:
    def command(job: Job) -> Argv:
        argv = ["qemu-img", "convert", "-f", job.source_format, "-O", job.target_format, *options]
        if job.compression != "none":
            argv += ["-o", f"compression_type={job.compression}"]
        return [*argv, str(job.source), str(job.target)]

    return Configuration(" ".join(["qemu-img", *options]), ("qemu-img",), command)


def _nbdcopy_into_qcow2() -> Configuration:
    """qemu-nbd recognises zeros, so that nbdcopy need not be told; it takes four connections."""
    server = [
        "qemu-nbd",
        "-f",
        "qcow2",
        "-e",
        "4",
        "--cache=unsafe",
        "--discard=unmap",
        "--detect-zeroes=unmap",
    ]

    def create(job: Job) -> Argv:
        return ["qemu-img", "create", "-q", "-f", "qcow2", str(job.target), str(job.virtual_bytes)]

    def command(job: Job) -> Argv:
        return ["nbdcopy", "--destination-is-zero", "--", str(job.source), "[", *server, str(job.target), "]"]

    return Configuration("nbdcopy to qemu-nbd", ("nbdcopy", "qemu-nbd", "qemu-img"), command, create)


def _nbdcopy_from_qcow2() -> Configuration:
    def command(job: Job) -> Argv:
        server = ["qemu-nbd", "-r", "-f", "qcow2", "-e", "4", str(job.source)]
        return ["nbdcopy", "--", "[", *server, "]", str(job.target)]

    return Configuration("nbdcopy from qemu-nbd", ("nbdcopy", "qemu-nbd"), command)


def _nbdcopy_files() -> Configuration:
    return Configuration(
        "nbdcopy", ("nbdcopy",), lambda job: ["nbdcopy", "--", str(job.source), str(job.target)]
    )


def _nbdcopy_from_nbdkit() -> Configuration:
    def command(job: Job) -> Argv:
        server = ["nbdkit", "--exit-with-parent", "file", str(job.source)]
        return ["nbdcopy", "--", "[", *server, "]", str(job.target)]

    return Configuration("nbdcopy from nbdkit", ("nbdcopy", "nbdkit"), command)


def _cp(option: str) -> Configuration:
    return Configuration(
        f"cp {option}", ("cp",), lambda job: ["cp", option, str(job.source), str(job.target)]
    )
