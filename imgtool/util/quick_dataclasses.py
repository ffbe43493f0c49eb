"""Makes `dataclasses` compile a method of a class when it is first called, and not when the class is made.

Python 3.11 and 3.12 compile five texts for each frozen class besides its `__init__`: how it is compared,
hashed and shown, and that it cannot be changed. Of a few hundred classes most are never called. That takes a
third of a millisecond for each, a tenth of the time of `imgtool inspect`. Python 3.13 makes them faster, by
other means, and is left alone.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

_WRITER = "_create_fn"
"""The private function of `dataclasses` that compiles a method; gone in Python 3.13."""
_AT_ONCE = frozenset({"__init__"})
"""Of these others read the signature."""


def install() -> None:
    """Do so for all classes that are made from now on, in this process and in its forks."""
    write = getattr(dataclasses, _WRITER, None)
    if write is not None and not hasattr(write, "__wrapped__"):
        setattr(dataclasses, _WRITER, _deferred(write))


def _deferred(write: Callable[..., Any]) -> Callable[..., Any]:
    def make(name: str, *args: Any, **kwargs: Any) -> Any:
        return write(name, *args, **kwargs) if name in _AT_ONCE else _method(name, write, args, kwargs)

    make.__wrapped__ = write  # type: ignore[attr-defined]  # as functools.wraps does, which has more to copy
    return make


def _method(name: str, write: Callable[..., Any], args: Any, kwargs: Any) -> Callable[..., Any]:
    written: Callable[..., Any] | None = None

    def call(*given: Any) -> Any:
        nonlocal written
        if written is None:
            written = write(name, *args, **kwargs)
        return written(*given)

    call.__name__ = name
    return call
