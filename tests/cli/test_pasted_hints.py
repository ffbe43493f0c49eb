"""Hints in which a name stands that a user, a cloud or a publisher chose: a command does what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import facts
from support.pasted import HOSTILE, pasted

from imgtool.batch.dask_checks import usable
from imgtool.batch.journal_file import Lock
from imgtool.errors import ImgtoolError
from imgtool.glance import cloud
from imgtool.glance.plan import plan_upload
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.util.text import shell_word

NAMES = [name for name in HOSTILE if name and "/" not in name and "\0" not in name]


def of_a_batch_that_runs(name: str, folder: Path) -> str:
    """Its journal has that name."""
    journal = folder / name
    first = Lock(journal)
    first.take()
    try:
        return hint_of(Lock(journal).take)
    finally:
        first.release()


def of_an_image_that_is_compressed(name: str, folder: Path) -> str:
    image = facts.image(path=folder / name, wrapper="gzip")
    return hint_of(
        lambda: plan_upload(image, cloud=CloudName("c"), wanted=GlanceTarget(name="x"), properties=())
    )


def of_a_cluster_without_workers(name: str, _: Path) -> str:
    info = {"address": "tls://h:1", "workers": {}}
    return hint_of(lambda: usable(name, info))


def of_an_image_that_is_left(name: str, _: Path) -> str:
    return f"or: openstack {cloud.client_options(name, name)}image delete 1-2"


def hint_of(fails: Callable[[], object]) -> str:
    with pytest.raises(ImgtoolError) as caught:
        fails()
    return caught.value.hint


HINTS = (
    of_a_batch_that_runs,
    of_an_image_that_is_compressed,
    of_a_cluster_without_workers,
    of_an_image_that_is_left,
)


@pytest.mark.parametrize("hint", HINTS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_word_or_a_placeholder(name: str, hint: Callable[[str, Path], str], tmp_path) -> None:
    (tmp_path / "to").mkdir()
    said = hint(name, tmp_path / "to")
    assert said.isprintable()
    (words,) = pasted(said.rpartition(": ")[2] if ": " not in name else said.partition(": ")[2], tmp_path)
    assert words[0] in {"imgtool", "dask", "openstack"}
    assert any(word.endswith(name) for word in words) or shell_word(name) is None or name.startswith("-")
