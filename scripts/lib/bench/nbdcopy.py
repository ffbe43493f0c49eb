"""nbdcopy of libnbd, as its manual shows it: between files, and with nbdkit and qemu-nbd as its servers.

It reads a local file faster than nbdkit serves one, but first maps the whole of it and asks mincore(2) about
every page: 0.9 s and 26 MiB for an empty disk of 100 GiB, two minutes and 2.5 GiB for one of 10 TiB, in a
single call that not even SIGKILL ends. From nbdkit it does not do that.
"""

from collections.abc import Callable

from bench.job import Argv, Configuration, Job
from bench.kept import qemu_arguments

LARGEST_FILE_BYTES = 1 << 40
WHY_NOT_LARGER = "it first asks mincore(2) about every page of a local source, which nothing can stop"


def to_raw() -> list[Configuration]:
    """From a raw file."""
    return [_from_file("nbdcopy", _raw_target), _from_nbdkit("nbdcopy from nbdkit", _raw_target)]


def to_qcow2() -> list[Configuration]:
    """From a raw file; the target has to be there, which is done before the clock runs."""
    return [
        _from_file("nbdcopy to qemu-nbd", _qcow2_target, "qemu-nbd", "qemu-img"),
        _from_nbdkit("nbdcopy from nbdkit to qemu-nbd", _qcow2_target, "qemu-nbd", "qemu-img"),
    ]


def from_image() -> Configuration:
    """To a raw file, from what QEMU's server opens."""

    def command(job: Job) -> Argv:
        server = ["qemu-nbd", "-r", "-e", "4", *qemu_arguments(job.source, job.source_format)]
        return ["nbdcopy", "--", "[", *server, "]", str(job.target)]

    return Configuration("nbdcopy from qemu-nbd", ("nbdcopy", "qemu-nbd"), command)


Target = Callable[[Job], Argv]


def _from_file(name: str, target: Target, *programs: str) -> Configuration:
    return Configuration(
        name,
        ("nbdcopy", *programs),
        lambda job: ["nbdcopy", *_options(job), "--", str(job.source), *target(job)],
        _prepare,
        largest_bytes=LARGEST_FILE_BYTES,
        why_not_larger=WHY_NOT_LARGER,
    )


def _from_nbdkit(name: str, target: Target, *programs: str) -> Configuration:
    def command(job: Job) -> Argv:
        server = ["nbdkit", "--exit-with-parent", "file", str(job.source)]
        return ["nbdcopy", *_options(job), "--", "[", *server, "]", *target(job)]

    return Configuration(name, ("nbdcopy", "nbdkit", *programs), command, _prepare)


def _options(job: Job) -> Argv:
    """A new qcow2 reads as zeros; of a file nbdcopy knows that itself."""
    return ["--destination-is-zero"] if job.target_format == "qcow2" else []


def _prepare(job: Job) -> Argv | None:
    if job.target_format == "raw":
        return None
    return ["qemu-img", "create", "-q", "-f", "qcow2", str(job.target), str(job.virtual_bytes)]


def _raw_target(job: Job) -> Argv:
    return [str(job.target)]


def _qcow2_target(job: Job) -> Argv:
    """qemu-nbd recognises zeros, so that nbdcopy need not be told; four connections, as nbdcopy wants."""
    options = ["-f", "qcow2", "-e", "4", "--cache=unsafe", "--discard=unmap", "--detect-zeroes=unmap"]
    return ["[", "qemu-nbd", *options, str(job.target), "]"]
