"""Modules that are loaded while this process waits for another one, by a thread.

For those that are needed a moment later: the thread has the time in which nothing else happens here.
"""

import importlib
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread


def load(names: Sequence[str]) -> None:
    """Begin to load the modules, in their order. What cannot be loaded is for its importer to say.

    To be called when the thread that calls is about to wait: two that load modules take turns.
    """
    Thread(target=_load, args=(names,), name="imgtool-ahead", daemon=True).start()


def _load(names: Sequence[str]) -> None:
    for name in names:
        with suppress(Exception):  # it is loaded once more, and raised, where it is needed
            importlib.import_module(name)
