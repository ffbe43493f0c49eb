"""All or nothing: what fails takes its image out of Glance again, or says what is left there.

Glance may be making the image, or importing it, at this moment: it is deleted once it can be.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgtool.errors import CloudError, ImgtoolError, InterruptedByUserError
from imgtool.glance import images
from imgtool.glance.cloud import Cloud
from imgtool.util import log
from imgtool.util.notes import Page


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
    except images.IdTakenError:
        page.remove()  # what has that id is not ours
        raise
    except BaseException as failure:
        left = _delete(cloud, image_id, may_come=not making.answered)
        log.warning(
            __name__,
            f"rollback after {type(failure).__name__}: {left or f'image {image_id} is deleted'}",
            cloud=cloud.name,
            image_id=image_id,
        )
        if left is None:
            page.remove()
            raise
        raise _with_remains(failure, left) from failure


def _delete(cloud: Cloud, image_id: str, *, may_come: bool) -> str | None:
    """None once the image is gone, else what the user has to know and do."""
    coming_seconds = COMING_SECONDS if may_come else 0
    try:
        until_gone(cloud, image_id, coming_seconds=coming_seconds, patience_seconds=DELETE_SECONDS)
    except KeyboardInterrupt:
        problem = "it was interrupted"  # a second ^C: stop trying, and say what is left
    except ImgtoolError as error:
        problem = error.message
    else:
        return None
    return (
        f"image {image_id} could not be deleted from {cloud.name} ({problem}); the next upload tries again, "
        f"or: openstack {cloud.option}image delete {image_id}"
    )


def _with_remains(failure: BaseException, left: str) -> ImgtoolError:
    """`failure` as an error that also tells what was left behind, and that is not tried again."""
    if isinstance(failure, KeyboardInterrupt):
        return InterruptedByUserError(f"interrupted; {left}")
    if isinstance(failure, CloudError):
        return CloudError(f"{failure.message}; {left}", hint=failure.hint)
    if isinstance(failure, ImgtoolError):
        return type(failure)(f"{failure.message}; {left}", hint=failure.hint)
    return CloudError(f"{type(failure).__name__} during the upload; {left}")


DELETE_SECONDS = 60.0
"""While Glance imports an image it does not let it go: how long to try."""
COMING_SECONDS = 6.0
"""How long a record may take to appear whose making got no answer."""
_FIRST_PAUSE_SECONDS = 0.25
_MAX_PAUSE_SECONDS = 4.0


def until_gone(cloud: Cloud, image_id: str, *, coming_seconds: float, patience_seconds: float) -> bool:
    """Whether it was there; it is not any more. What may come yet is gone when it stays away for so long.

    Raises what Glance says at last where it does not let it go within `patience_seconds`.
    """
    began, pause = time.monotonic(), _FIRST_PAUSE_SECONDS
    while True:
        problem: ImgtoolError | None = None
        try:
            if images.delete(cloud, image_id):
                return True
        except ImgtoolError as error:
            problem = error
        patience = coming_seconds if problem is None else patience_seconds
        if time.monotonic() - began + pause > patience:
            break
        time.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE_SECONDS)
    if problem is not None:
        raise problem
    return False
