"""A dataclass whose methods are compiled when they are called is one like any other."""

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from imgtool.util import quick_dataclasses


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    before = vars(dataclasses).get("_create_fn")
    quick_dataclasses.install()
    yield
    if before is not None:
        vars(dataclasses)["_create_fn"] = before


def made() -> type:
    @dataclass(frozen=True, slots=True, order=True)
    class Point:
        """A place."""

        x: int
        y: int = 2
        names: tuple[str, ...] = field(default=(), compare=False)

    return Point


def test_it_compares_hashes_shows_and_refuses_as_before() -> None:
    point = made()
    one, same, other = point(1), point(1, names=("a",)), point(1, 3)
    assert one == same
    assert one != other
    assert one < other
    assert one <= same
    assert hash(one) == hash(same)
    assert {one: "found"}[same] == "found"
    assert repr(other).endswith("Point(x=1, y=3, names=())")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        one.x = 5
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'y'"):
        del one.y


def test_what_others_make_of_it_is_there() -> None:
    point = made()
    assert list(inspect.signature(point).parameters) == ["x", "y", "names"]
    assert replace(point(1), y=7) == point(1, 7)
    assert dataclasses.asdict(point(1)) == {"x": 1, "y": 2, "names": ()}
    assert copy.deepcopy(point(1)) == point(1)
    assert point.__eq__.__qualname__.endswith("Point.__eq__")


def test_one_that_holds_itself_is_shown() -> None:
    @dataclass
    class Loop:
        """It may hold itself."""

        inside: object = None

    loop = Loop()
    loop.inside = loop
    assert repr(loop).endswith("Loop(inside=...)")


def test_a_second_time_changes_nothing() -> None:
    once = vars(dataclasses).get("_create_fn")
    quick_dataclasses.install()
    assert vars(dataclasses).get("_create_fn") is once


def test_classes_of_imgtool_travel_between_processes() -> None:
    code = (
        "import sys, pickle; from imgtool.util import quick_dataclasses; quick_dataclasses.install()\n"
        "from imgtool.model.conversion import ConversionOptions as C\n"
        "sys.stdout.buffer.write(pickle.dumps(C(level=3)))"
    )
    sent = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    from imgtool.model.conversion import ConversionOptions  # noqa: PLC0415 - the other process has its own

    assert pickle.loads(sent) == ConversionOptions(level=3)  # noqa: S301 - our own bytes


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python compiles them all at once since 3.13")
def test_nothing_is_compiled_that_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = vars(dataclasses)["_create_fn"]
    names: list[str] = []

    def counted(name: str, *args: object, **kwargs: object) -> object:
        names.append(name)
        return quick.__wrapped__(name, *args, **kwargs)

    monkeypatch.setattr(dataclasses, "_create_fn", counted)
    quick_dataclasses.install()
    point = made()
    assert names == ["__init__"]
    assert point(1) == point(1)
    assert point(1) == point(1)
    assert names == ["__init__", "__eq__"]
