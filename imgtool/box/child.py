"""The process in the box: it shuts itself in, answers one question, and ends."""

import os
from collections.abc import Sequence
from typing import Any, NoReturn

from imgtool.box import confine, frames, wire
from imgtool.box.descriptors import FIRST, arrange
from imgtool.box.frames import Failure
from imgtool.box.job import Job
from imgtool.box.modules import Asking

CHANNEL, DISK = FIRST, FIRST + 1
"""What is open, besides /dev/null."""


def become_child(job: Job[Any, Any], server: int, descriptors: Sequence[int]) -> NoReturn:
    """Do `job` and end. `descriptors`: the channel to imgtool, and what is to be read."""
    try:
        arrange(descriptors)
        frames.write(CHANNEL, *_work(job, server))
    finally:
        os._exit(0)  # whatever was raised: what counts is what was answered


def _work(job: Job[Any, Any], server: int) -> tuple[bytes, bytes]:
    """The frame that ends the conversation."""
    try:
        _, content = frames.read(CHANNEL)
        question = wire.from_json(content, job.question)
        confine.confine(job.limits, server, DISK)
        Asking(_module).install()
        return frames.ANSWER, wire.to_json(job.work(question, DISK))
    except BaseException as error:
        return frames.FAILURE, wire.to_json(Failure.of(error))


def _module(name: bytes) -> bytes:
    """From imgtool, which reads it."""
    frames.write(CHANNEL, frames.MODULE, name)
    return frames.read(CHANNEL)[1]
