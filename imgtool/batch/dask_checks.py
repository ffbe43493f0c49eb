"""Whether a batch may use a cluster, and which of its workers."""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from imgtool.batch.dask_worker import HINT, Home, unfit
from imgtool.errors import ToolFailedError, UsageError
from imgtool.util import codec
from imgtool.util.text import printable, shell_word

DISK = "disk"
"""The resource of a worker of which each task takes one: with `--resources disk=1` one image at a time is
read and written there."""
ANSWER_SECONDS = 30.0
_NAMED = 3
"""Workers that a message names."""

Workers = Mapping[str, Mapping[str, Any]]
"""By address: what the scheduler knows."""


def check_address(address: str) -> None:
    """Raises UsageError for what others on the network could read or use: tasks are code."""
    if not is_safe(address):
        raise UsageError(
            f"{printable(address)}: the scheduler address must use TLS or be on this machine",
            hint="start the cluster with --protocol tls, and name it by tls://HOST:PORT",
        )


def is_safe(address: str) -> bool:
    """Whether it is encrypted, or nobody but this machine can reach it."""
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme == "tls" or (parts.scheme == "tcp" and _is_loopback(host))


def usable(scheduler: str, info: Mapping[str, Any]) -> Workers:
    """Return the workers that have a disk, by `Client.scheduler_info`.

    Raises UsageError where the scheduler or one of them is open to the network; ToolFailedError where there
    is none.
    """
    check_address(info["address"])
    if not info["workers"]:
        raise ToolFailedError(
            f"{printable(scheduler)}: the scheduler has no workers", hint=f"start some: {_start(scheduler)}"
        )
    found = {address: one for address, one in info["workers"].items() if _disks(one) >= 1}
    if not found:
        raise ToolFailedError(
            f"{printable(scheduler)}: no worker has the resource `{DISK}`, of which each image takes one",
            hint=f"start a worker for each disk: {_start(scheduler)}",
        )
    for address in found:
        check_address(address)
    return found


def check_fit(client: Any, workers: Workers, home: Home) -> None:
    """Each worker says whether it can work for this batch. Raises ToolFailedError."""
    names = {address: printable(str(one["name"])) for address, one in workers.items()}
    try:
        answers = client.run(
            unfit,
            codec.to_values(home),
            workers=list(workers),
            on_error="return",
            callback_timeout=ANSWER_SECONDS,
        )
    except (OSError, TimeoutError) as error:
        raise ToolFailedError(
            f"the workers did not all answer within {ANSWER_SECONDS:g} seconds",
            hint="look at the workers' logs; end those that hang",
        ) from error
    wrong = [f"worker {names[address]}: {_why(answer)}" for address, answer in answers.items() if answer]
    if wrong:
        more = [f"and {len(wrong) - _NAMED} more"] if len(wrong) > _NAMED else []
        raise ToolFailedError("; ".join([*wrong[:_NAMED], *more]), hint=HINT)


def at_once(workers: Workers) -> int:
    """How many tasks they do at a time."""
    return sum(min(_disks(one), one["nthreads"]) for one in workers.values())


def _disks(worker: Mapping[str, Any]) -> int:
    return int(worker["resources"].get(DISK, 0))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _start(scheduler: str) -> str:
    word = None if scheduler.startswith("-") else shell_word(scheduler)
    return f"dask worker {word or 'ADDRESS'} --resources {DISK}=1"


def _why(answer: object) -> str:
    if isinstance(answer, ImportError | AttributeError):
        return f"it has no imgtool, or another version: {printable(str(answer))}"
    return printable(str(answer))
