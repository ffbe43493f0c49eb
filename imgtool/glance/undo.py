"""All or nothing: what fails takes its image out of Glance again, or says what is left there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgtool.errors import CloudError, ImgtoolError, InterruptedByUserError
from imgtool.glance import images, own_id
from imgtool.glance.cloud import Cloud
from imgtool.glance.journal import Page

DELETE_SECONDS = 60.0
"""While Glance imports an image it does not let it go: how long to try."""
COMING_SECONDS = 6.0
"""How long a record may take to appear whose making got no answer."""
FIRST_PAUSE_SECONDS = 0.25
_MAX_PAUSE_SECONDS = 4.0


@dataclass(slots=True)
class Making:
    """Whether Glance said what became of the record that it was asked for.

    Where it did not, it may be making it yet: that there is no such image now does not mean that none comes.
    """

    answered: bool = False


@contextmanager
def all_or_nothing(cloud: Cloud, image_id: str, page: Page) -> Iterator[Making]:
    """Deletes the image if the block fails, by whatever exception, also an interruption."""
    making = Making()
    try:
        yield making
    except own_id.IdTakenError:
        page.remove()  # what has that id is not ours
        raise
    except BaseException as failure:
        left = _delete(cloud, image_id, may_come=not making.answered)
        if left is None:
            page.remove()
            raise
        raise _with_remains(failure, left) from failure


def _delete(cloud: Cloud, image_id: str, *, may_come: bool) -> str | None:
    """None once the image is gone, else what the user has to know and do."""
    try:
        problem = _try_to_delete(cloud, image_id, may_come=may_come)
    except KeyboardInterrupt:
        problem = "it was interrupted"  # a second ^C: stop trying, and say what is left
    return problem and (
        f"image {image_id} could not be deleted from {cloud.name} ({problem}); the next upload tries again, "
        f"or: openstack {cloud.option}image delete {image_id}"
    )


def _try_to_delete(cloud: Cloud, image_id: str, *, may_come: bool) -> str | None:
    """None once it is gone, else the last problem. What `may_come` yet is gone when it stays away."""
    began, pause, problem = time.monotonic(), FIRST_PAUSE_SECONDS, None
    while True:
        try:
            was_there = images.delete(cloud, image_id)
            problem = None
        except ImgtoolError as error:
            was_there, problem = False, error.message
        if was_there or (problem is None and not may_come):
            return None
        patience = COMING_SECONDS if problem is None else DELETE_SECONDS
        if time.monotonic() - began + pause > patience:
            return problem
        time.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def _with_remains(failure: BaseException, left: str) -> ImgtoolError:
    """`failure` as an error that also tells what was left behind, and that is not tried again."""
    if isinstance(failure, KeyboardInterrupt):
        return InterruptedByUserError(f"interrupted; {left}")
    if isinstance(failure, CloudError):
        return CloudError(f"{failure.message}; {left}", hint=failure.hint)
    if isinstance(failure, ImgtoolError):
        return type(failure)(f"{failure.message}; {left}", hint=failure.hint)
    return CloudError(f"{type(failure).__name__} during the upload; {left}")
