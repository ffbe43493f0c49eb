"""A real dask cluster for tests: a scheduler and workers as processes on loopback."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cluster_demo.processes import Cluster, Process, cluster

from imgtool.batch.journal import read_journal

Start = Callable[..., Cluster]
"""Options of scheduler and workers -> a cluster without workers."""


@pytest.fixture
def start_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts clusters, which end with the test; none of their processes has left a file of imgtool's."""
    with ExitStack() as running:
        folders: list[Path] = []

        def start(*options: str) -> Cluster:
            folders.append(tmp_path_factory.mktemp("dask"))
            return running.enter_context(cluster(folders[-1], *options))

        yield start
    assert [path for folder in folders for path in folder.rglob("imgtool-*")] == []


def three_workers(started: Cluster) -> Cluster:
    """The same, with workers w1, w2 and w3 that are ready."""
    for name in ("w1", "w2", "w3"):
        started.add_worker(name)
    started.wait_for()
    return started


def workers_of(journal: Path) -> dict[str, str]:
    """The last worker of each task that one has begun, by the task's key."""
    with read_journal(journal) as notes:
        keys = [record.key for record in notes.records()]
        stages = {key: [one.detail for one in notes.stages(key) if one.stage == "worker"] for key in keys}
    return {key: workers[-1] for key, workers in stages.items() if workers}


def family(process: Process) -> set[int]:
    """The process ids of all that descend from it."""
    found: set[int] = set()
    left = [process.pid]
    while left:
        pid = left.pop()
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            new = {int(one) for one in children.read_text().split()}
            left += new
            found |= new
    return found


def forked(process: Process) -> set[int]:
    """The children that work on images: what the fork server of that worker has forked, and theirs."""
    servers = {pid for pid in family(process) if parent(pid) == process.pid}
    return family(process) - servers


def parent(pid: int) -> int:
    """0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
