"""Who takes part in a task, each in its best configurations.

A peer is never represented by a weak configuration alone: what its manual offers to make it faster is here.
Images are opened by explicit formats. QEMU's tools write with cache mode `unsafe`, qemu-img convert's
default, since the timer syncs every target afterwards.
"""

import subprocess
from pathlib import Path

from bench import nbdcopy
from bench.job import Argv, Configuration, Job
from bench.kept import MEMBER, qemu_arguments
from bench.model import Task

PACKAGES = {
    "cp": "coreutils",
    "nbdcopy": "libnbd-bin",
    "nbdkit": "nbdkit",
    "qemu-img": "qemu-utils",
    "qemu-nbd": "qemu-utils",
    "tar": "tar",
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


def takes_ova(imgtool: Path, ova: Path) -> bool:
    """Whether imgtool reads one by itself; it was not always able to."""
    plan = [str(imgtool), "convert", "--dry-run", "-O", "raw", str(ova), str(ova.with_suffix(".raw"))]
    return subprocess.run(plan, capture_output=True, check=False).returncode == 0


def peers(task: Task, source_format: str, *, cloning: bool = True) -> list[Configuration]:
    """The programs that others use for this task.

    `-C` is for a raw source: QEMU copies no block of a foreign format so (block_int-common.h,
    bdrv_co_copy_range_from), and falls back to what it does without.
    """
    if task.startswith("qcow2 "):
        return [_qemu_img("-c"), _qemu_img("-c", "-m", "16", "-W")]
    found = [_qemu_img(), _qemu_img("-m", "16", "-W")]
    if source_format == "ova":
        found += [_unpacked_first(), _unpacked_first("-m", "16", "-W")]
    if source_format != "raw":
        return [*found, nbdcopy.from_image()] if task == "raw" else found
    found.append(_qemu_img("-C"))
    if task == "qcow2":
        return [*found, *nbdcopy.to_qcow2()]
    copies = [*nbdcopy.to_raw(), _cp("--sparse=always")]
    return [*found, *copies, *([_cp("--reflink=always")] if cloning else [])]


def _imgtool(imgtool: Path, name: str, options: Argv) -> Configuration:
    def command(job: Job) -> Argv:
        return [*_converting(imgtool, job), *options, str(job.source), str(job.target)]

    return Configuration(name, (), command, ours=True)


def _converting(imgtool: Path, job: Job) -> Argv:
    """An OVA is no format of a disk: nothing is claimed of it."""
    claimed = [] if job.source_format == "ova" else ["-f", job.source_format]
    return [str(imgtool), "convert", *claimed, "-O", job.target_format, "--compress", job.compression]


def _qemu_img(*options: str) -> Configuration:
    def command(job: Job) -> Argv:
        argv = ["qemu-img", "convert", "-O", job.target_format, *options]
        if job.compression != "none":
            argv += ["-o", f"compression_type={job.compression}"]
        return [*argv, *qemu_arguments(job.source, job.source_format), str(job.target)]

    return Configuration(" ".join(["qemu-img", *options]), ("qemu-img",), command)


def _unpacked_first(*options: str) -> Configuration:
    """What most people do with an OVA; what tar makes goes with the folder of the target."""
    script = 'tar -xOf "$1" "$2" > "$3" && shift 3 && exec qemu-img convert -f vmdk "$@"'

    def command(job: Job) -> Argv:
        disk = str(job.target.with_suffix(".vmdk"))
        convert = ["-O", job.target_format, *options, disk, str(job.target)]
        return ["sh", "-c", script, "sh", str(job.source), MEMBER, disk, *convert]

    return Configuration(" ".join(["tar, qemu-img", *options]), ("tar", "qemu-img"), command)


def _cp(option: str) -> Configuration:
    return Configuration(
        f"cp {option}", ("cp",), lambda job: ["cp", option, str(job.source), str(job.target)]
    )
