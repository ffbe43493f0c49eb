"""All or nothing: what fails takes its image out of Glance again, or says what is left there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgtool.errors import CloudError, ImgtoolError, InterruptedByUserError
from imgtool.glance import deletion, own_id
from imgtool.glance.cloud import Cloud
from imgtool.glance.journal import Page


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
    coming_seconds = deletion.COMING_SECONDS if may_come else 0
    try:
        deletion.until_gone(
            cloud, image_id, coming_seconds=coming_seconds, patience_seconds=deletion.DELETE_SECONDS
        )
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
