"""The parent's side, with an executor that the test decides for; real clusters are in tests/integration."""

from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from support import batches

from imgtool.batch import records
from imgtool.batch.dask_client import MAX_DEATHS, Cluster
from imgtool.batch.dask_worker import Home
from imgtool.errors import ToolFailedError
from imgtool.model.batch import TaskRecord


class KilledWorker(Exception):  # noqa: N818 - dask calls it so
    """Known by its name, since dask need not be installed."""


class Decided(Executor):
    """Keeps what was submitted."""

    def __init__(self) -> None:
        self.sent: list[Future[Any]] = []

    def submit(self, *_: Any, **__: Any) -> Future[Any]:  # type: ignore[override]  # as the test calls it
        self.sent.append(Future())
        return self.sent[-1]


@pytest.fixture
def heard() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def cluster(heard: list[tuple[str, dict[str, Any]]]) -> Cluster:
    home = Home(Path("/work"), 7)
    return Cluster(3, None, Decided(), home, "batch", lambda task, event: heard.append((task.key, event)), {})


def sent(cluster: Cluster) -> list[Future[Any]]:
    assert isinstance(cluster.executor, Decided)
    return cluster.executor.sent


def begin(cluster: Cluster, batch: str = "batch") -> None:
    cluster.hear((0.0, {"batch": batch, "key": "k", "attempt": 1}))


def test_a_record_comes_back(cluster: Cluster) -> None:
    ours = cluster.submit(batches.task("k"), replace_output=False)
    record = TaskRecord("k", "done", attempts=1)
    sent(cluster)[0].set_result(records.to_json(record))
    assert ours.result(0) == record


def test_what_only_waited_on_workers_that_died_is_sent_again_as_often_as_it_takes(cluster: Cluster) -> None:
    ours = cluster.submit(batches.task("k"), replace_output=False)
    for number in range(MAX_DEATHS + 2):
        sent(cluster)[number].set_exception(KilledWorker())
    assert len(sent(cluster)) == MAX_DEATHS + 3
    assert not ours.done()


def test_what_several_workers_died_of_is_given_up(cluster: Cluster) -> None:
    ours = cluster.submit(batches.task("k"), replace_output=False)
    for _ in range(MAX_DEATHS):
        begin(cluster)
    sent(cluster)[0].set_exception(KilledWorker())
    with pytest.raises(ToolFailedError, match=f"{MAX_DEATHS} workers died"):
        ours.result(0)
    assert len(sent(cluster)) == 1


def test_cancelled_here_it_is_cancelled_there(cluster: Cluster) -> None:
    ours = cluster.submit(batches.task("k"), replace_output=False)
    assert ours.cancel()
    assert sent(cluster)[0].cancelled()
    assert ours.cancelled()


def test_cancelled_there_the_scheduler_is_gone(cluster: Cluster) -> None:
    ours = cluster.submit(batches.task("k"), replace_output=False)
    sent(cluster)[0].cancel()
    with pytest.raises(ToolFailedError, match="the scheduler is gone"):
        ours.result(0)


def test_it_hears_of_its_own_tasks_until_they_have_ended(
    cluster: Cluster, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    cluster.submit(batches.task("k"), replace_output=False)
    begin(cluster, "another")
    cluster.hear((0.0, {"batch": "batch", "key": "unknown", "attempt": 1}))
    begin(cluster)
    sent(cluster)[0].set_result(records.to_json(TaskRecord("k", "done")))
    begin(cluster)
    assert heard == [("k", {"attempt": 1})]
