from typing import Any

import pytest

from imgtool.batch import dask_checks
from imgtool.errors import ToolFailedError, UsageError


@pytest.mark.parametrize(
    "address", ["tls://workers.example:8786", "tcp://127.0.0.1:8786", "127.0.0.1:8786", "localhost:8786", "tcp://[::1]:1"]
)  # fmt: skip
def test_encrypted_or_on_this_machine(address: str) -> None:
    dask_checks.check_address(address)


@pytest.mark.parametrize(
    "address", ["tcp://workers.example:8786", "10.0.0.1:8786", "ws://127.0.0.1:1", "inproc://x", "", "tcp://"]
)
def test_nothing_that_others_could_listen_to(address: str) -> None:
    with pytest.raises(UsageError, match="must use TLS or be on this machine"):
        dask_checks.check_address(address)


def worker(**changed: Any) -> dict[str, Any]:
    return {"name": "w", "nthreads": 2, "resources": {"disk": 1.0}, **changed}


def test_only_workers_with_a_disk_are_used_and_they_say_how_many_at_once() -> None:
    workers = {"tcp://127.0.0.1:1": worker(), "tcp://127.0.0.1:2": worker(resources={}),
               "tcp://127.0.0.1:3": worker(resources={"disk": 4})}  # fmt: skip
    found = dask_checks.usable("here", {"address": "tcp://127.0.0.1:9", "workers": workers})
    assert list(found) == ["tcp://127.0.0.1:1", "tcp://127.0.0.1:3"]
    assert dask_checks.at_once(found) == 3


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:9", "tcp://127.0.0.1:9"])
def test_a_scheduler_or_a_worker_that_others_reach_is_refused(address: str) -> None:
    """Also where it was named by a loopback address: behind that it may listen to the network."""
    info = {"address": address, "workers": {"tcp://10.0.0.2:1": worker()}}
    with pytest.raises(UsageError, match=r"10\.0\.0\."):
        dask_checks.usable("127.0.0.1:9", info)


@pytest.mark.parametrize(
    ("workers", "words"), [({}, "no workers"), ({"a": worker(resources={})}, "resource `disk`")]
)
def test_nothing_is_begun_without_a_disk(workers: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolFailedError, match=words) as caught:
        dask_checks.usable("tls://h:1", {"address": "tls://h:1", "workers": workers})
    assert "dask worker tls://h:1 --resources disk=1" in caught.value.hint
