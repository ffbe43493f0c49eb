"""What a box can be asked for."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from imgtool.box.limits import Limits
from imgtool.errors import ImageUnreadableError

Q = TypeVar("Q")
A = TypeVar("A")


class BoxFailedError(ImageUnreadableError):
    """A box gave no answer: it was killed, was not in time, or answered nonsense. The message says which."""


def nothing() -> None:
    """What needs no preparation."""


@dataclass(frozen=True, slots=True)
class Job(Generic[Q, A]):
    """A question that a box answers. A module has it as a constant, so that the box finds it by its name."""

    name: str
    """`package.module:CONSTANT`"""
    subject: str
    """What is read, for messages: `the guest`."""
    question: type[Q]
    answer: type[A]
    """Frozen dataclasses of what wire.py knows."""
    work: Callable[[Q, int], A]
    """Called in the box, with the question and the descriptor. May raise what frames.EXPECTED has."""
    limits: Limits
    prepare: Callable[[], object] = nothing
    """Called in the server, before hostile bytes are near: loads what only files can give."""


def find(name: str) -> Job[Any, Any]:
    """The job of this name."""
    module, _, constant = name.partition(":")
    found = getattr(importlib.import_module(module), constant)
    assert isinstance(found, Job)  # noqa: S101 - the name is a constant of ours
    return found
