"""Who delivers: imgtool, in one command; qemu-img in its best configurations, then the usual client."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.job import Argv, Job
from bench.model import Task

from bench_delivery.cases import Delivery
from bench_delivery.cloud import CLOUD
from bench_delivery.gate import NAME

JUDGED = "imgtool prepare"
PLAIN = "qemu-img -c + openstack"
"""What most people type. Faster peers are in the tables all the same."""
RAW_PEER = "qemu-img + openstack"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to deliver: commands, one after the other."""

    name: str
    steps: Callable[[Job], list[Argv]]
    ours: bool = False


def ways_of(delivery: Delivery, imgtool: Path, client: Path) -> list[Way]:
    """Who takes part in a case. A large disk is raw only once or twice: each time takes minutes."""
    if delivery.ceph:
        direct = [] if delivery.large else [without_conversion(imgtool)]
        return [through_conversion(imgtool), *direct, raw_peer(client)]
    return [ours(imgtool), *([] if delivery.large else peers(delivery.task, client))]


def ours(imgtool: Path) -> Way:
    """As an operator runs it: inspection, checks, conversion, upload and verification."""

    def steps(job: Job) -> list[Argv]:
        formats = ["-f", job.source_format, "-O", job.target_format, "--compress", job.compression]
        return [[str(imgtool), "prepare", str(job.source), *formats, "--cloud", CLOUD, "--name", NAME]]

    return Way(JUDGED, steps, ours=True)


def through_conversion(imgtool: Path) -> Way:
    """For a Glance that converts imports to raw: a compressed qcow2 travels."""

    def steps(job: Job) -> list[Argv]:
        formats = ["-f", job.source_format, "-O", "qcow2", "-c", "--method", "import"]
        return [[str(imgtool), "prepare", str(job.source), *formats, "--cloud", CLOUD, "--name", NAME]]

    return Way(JUDGED, steps, ours=True)


def without_conversion(imgtool: Path) -> Way:
    """The raw disk itself travels."""

    def steps(job: Job) -> list[Argv]:
        formats = ["-f", job.source_format, "-O", "raw", "--method", "direct"]
        return [[str(imgtool), "prepare", str(job.source), *formats, "--cloud", CLOUD, "--name", NAME]]

    return Way("imgtool prepare -O raw", steps, ours=True)


def raw_peer(client: Path) -> Way:
    """What Ceph's manual has operators do."""
    return _converted(client)


def peers(task: Task, client: Path) -> list[Way]:
    """What the task takes without imgtool. A raw file is sent as it is: nothing has to be converted."""
    if task == "raw":
        return [Way("openstack", lambda job: [_create(client, job.source, job)])]
    compress = ["-c"] if task.startswith("qcow2 ") else []
    return [_converted(client, *compress), _converted(client, *compress, "-m", "16", "-W")]


def _converted(client: Path, *options: str) -> Way:
    def steps(job: Job) -> list[Argv]:
        formats = ["-f", job.source_format, "-O", job.target_format]
        convert = ["qemu-img", "convert", *formats, *options, str(job.source), str(job.target)]
        return [convert, _create(client, job.target, job)]

    return Way(" ".join(["qemu-img", *options, "+ openstack"]), steps)


def _create(client: Path, file: Path, job: Job) -> Argv:
    formats = ["--disk-format", job.target_format, "--container-format", "bare"]
    return [str(client), "--os-cloud", CLOUD, "image", "create", "--file", str(file), *formats, NAME]


def shown(way: Way, job: Job) -> tuple[str, ...]:
    """The commands as one, without this machine's paths."""
    places = {str(job.source): "SOURCE", str(job.target): "TARGET"}
    words: list[str] = []
    for program, *arguments in way.steps(job):
        words += ["&&"] * bool(words)
        words += [Path(program).name, *(places.get(argument, argument) for argument in arguments)]
    return tuple(words)
