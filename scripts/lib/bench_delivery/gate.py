"""The judge of every delivery: a time counts only when Glance has the image that was meant, and only one."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import gate
from bench.job import Job

from bench_delivery.cloud import Cloud

NAME = "imgtool-bench"
"""Of every image; each is deleted before the next is made."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What Glance has."""

    size_bytes: int = 0
    failure: str = ""
    """Why it does not count; empty where all is right."""


def judge(cloud: Cloud, job: Job, *, thoroughly: bool) -> Arrival:
    """Ask Glance, and read what is in its store; `thoroughly` also compares the disk in it, byte by byte."""
    found = cloud.named(NAME)
    if len(found) != 1:
        return Arrival(failure=f"Glance has {len(found)} images of the name instead of one")
    record = found[0]
    if record["status"] != "active" or record["disk_format"] != job.target_format:
        return Arrival(failure=f"the image is {record['status']}, and {record['disk_format']}")
    with cloud.stored(record["id"]) as stored:
        return _judge_stored(record, stored, job, thoroughly=thoroughly)


def _judge_stored(record: Mapping[str, Any], stored: Path, job: Job, *, thoroughly: bool) -> Arrival:
    size_bytes = stored.stat().st_size
    if record["size"] != size_bytes:
        return Arrival(failure=f"Glance says {record['size']} bytes, and its store has {size_bytes}")
    with stored.open("rb") as file:
        stored_hash = hashlib.file_digest(file, "sha512").hexdigest()
    if (record["os_hash_algo"], record["os_hash_value"]) != ("sha512", stored_hash):
        return Arrival(failure="Glance's hash is not the sha512 of what is in its store")
    problem = gate.check(stored, job.target_format, job.virtual_bytes)
    if not problem and thoroughly:
        problem = gate.compare(job.source, job.source_format, stored, job.target_format)
    return Arrival(size_bytes, problem)


def clear(cloud: Cloud) -> None:
    """Delete what a run left, however many."""
    for record in cloud.named(NAME):
        cloud.delete(record["id"])
