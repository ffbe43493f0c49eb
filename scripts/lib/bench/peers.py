"""Who takes part in a task, each in its best configurations.

A peer is never represented by a weak configuration alone: what its manual offers to make it faster is here.
Images are opened by explicit formats. QEMU's tools write with cache mode `unsafe`, qemu-img convert's
default, since the timer syncs every target afterwards.
"""

import subprocess
from pathlib import Path

from bench import nbdcopy
from bench.job import Argv, Configuration, Job
from bench.model import Task

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
        return [*found, *nbdcopy.to_qcow2()]
    if source_format == "qcow2":
        return [*found, nbdcopy.from_qcow2()]
    copies = [*nbdcopy.to_raw(), _cp("--sparse=always")]
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


def _cp(option: str) -> Configuration:
    return Configuration(
        f"cp {option}", ("cp",), lambda job: ["cp", option, str(job.source), str(job.target)]
    )
