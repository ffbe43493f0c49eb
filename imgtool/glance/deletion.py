"""Deletes an image that Glance may be making, or importing, at this moment."""

import time

from imgtool.errors import ImgtoolError
from imgtool.glance import images
from imgtool.glance.cloud import Cloud

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
