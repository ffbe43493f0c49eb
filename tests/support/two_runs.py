"""Two uploads of one name at the same moment, each in a process of its own, against a real Glance."""

import json
import multiprocessing
import os
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from imgtool import glance
from imgtool.convert.payload import open_payload
from imgtool.errors import ImgtoolError
from imgtool.glance.upload_journal import Journal
from imgtool.model.delivery import CloudName, GlanceTarget, OnConflict
from imgtool.model.image import DiskImage
from imgtool.util.progress import NullProgress

END_SECONDS = 300.0
CLOUD = CloudName("devcloud-member")


@dataclass(frozen=True)
class Run:
    """One of the two."""

    image: DiskImage
    journal: Path
    name: str
    on_conflict: OnConflict = "fail"


@dataclass(frozen=True)
class Ended:
    """How it ended: as in its result, or with the message of its error."""

    ending: str
    image_id: str = ""
    message: str = ""


def at_once(*runs: Run) -> list[Ended]:
    """Both begin when both are signed in."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(runs))
    pipes = [context.Pipe(duplex=False) for _ in runs]
    processes = [
        context.Process(target=_child, args=(run, barrier, theirs))
        for run, (_, theirs) in zip(runs, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    ended = [Ended(**json.loads(ours.recv())) for ours, _ in pipes if ours.poll(END_SECONDS)]
    for process in processes:
        process.join(END_SECONDS)
    assert len(ended) == len(runs), "a run ended without a word"
    return ended


def _child(run: Run, barrier: Barrier, pipe: Connection) -> None:
    found: dict[str, Any]
    try:
        found = _upload(run, barrier)
    except ImgtoolError as error:
        found = {"ending": type(error).__name__, "message": error.message}
    except BaseException as error:
        found = {"ending": "bug", "message": repr(error)}
    pipe.send(json.dumps(found))
    os._exit(0)


def _upload(run: Run, barrier: Barrier) -> dict[str, Any]:
    progress = NullProgress()
    there = glance.connect_each([CLOUD], 60, progress)
    wanted = GlanceTarget(run.name, on_conflict=run.on_conflict)
    plan = replace(glance.plan_upload(run.image, cloud=CLOUD, wanted=wanted, properties=()))
    journal = Journal(run.journal)
    barrier.wait(END_SECONDS)
    there = glance.check_each([plan], there, run.image.file_size_bytes, journal, progress)
    with open_payload(run.image, "raw", progress) as payload:
        (result,) = glance.upload_to_each([plan], there, payload, journal, progress)
    assert isinstance(result, glance.upload.UploadResult)
    return {"ending": result.ending, "image_id": result.image_id, "message": " ".join(result.notes)}
