"""tqdm without what it starts by itself: a thread that watches bars, and a process that watches a lock."""

from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tqdm


def load() -> "type[tqdm.tqdm[Any]]":
    """The class of bars. Imported when one is shown: it takes a tenth of the start-up time."""
    from tqdm import tqdm as bar  # noqa: PLC0415 - see above

    bar.monitor_interval = 0
    # Its own lock is shared between processes, and multiprocessing keeps a process for such locks.
    bar.set_lock(RLock())
    return bar
