"""Two uploads of one name at once: in no try does Glance end with two images where the rule forbids it."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import IMGTOOL
from support.cloud import Devcloud
from support.faulty_cloud import direct
from support.two_runs import Run, at_once

from imgtool.formats.gate import admit
from imgtool.glance import connect
from imgtool.glance.preload import preload
from imgtool.glance.upload_journal import Journal
from imgtool.model.delivery import OnConflict
from imgtool.model.image import DiskImage

__all__ = ["direct"]

TRIES = int(os.environ.get("IMGTOOL_RACE_TRIES", "5"))
"""Of each: 20 take some minutes."""


@pytest.fixture
def two(tmp_path: Path, devcloud: Devcloud) -> tuple[DiskImage, DiskImage]:
    """Two images of other bytes; what an upload needs is imported before there are two processes."""
    preload()
    for name in ("one.raw", "two.raw"):
        (tmp_path / name).write_bytes(bytes(4096) + os.urandom(60 << 10))
    return admit(tmp_path / "one.raw"), admit(tmp_path / "two.raw")


@pytest.fixture
def ours(direct: Any, request: pytest.FixtureRequest) -> Iterator["Ours"]:
    found = Ours(direct, f"two {os.getpid()} {request.node.name}")
    yield found
    found.clean()


class Ours:
    """All images whose names begin as this test's."""

    def __init__(self, direct: Any, prefix: str) -> None:
        self._direct = direct
        self.prefix = prefix

    def all(self) -> list[dict[str, Any]]:
        """Hidden ones as well."""
        pages = (
            self._direct.image.get("/images", params={"limit": "1000", "os_hidden": hidden}).json()
            for hidden in ("false", "true")
        )
        return [one for page in pages for one in page["images"] if one["name"].startswith(self.prefix)]

    def named(self, name: str) -> list[str]:
        """The ids of those with exactly this name."""
        return [one["id"] for one in self.all() if one["name"] == name]

    def clean(self) -> None:
        """The cloud is shared."""
        for image in self.all():
            self._direct.image.delete(f"/images/{image['id']}")


ENDINGS: dict[OnConflict, list[str]] = {
    "fail": ["CloudError", "uploaded"],
    "skip": ["skipped", "uploaded"],
    "replace": ["replaced", "uploaded"],
}
"""Of the two, as if the second had been started when the first had ended."""


@pytest.mark.parametrize("rule", ENDINGS)
def test_two_runs_of_one_user(
    rule: OnConflict, two: tuple[DiskImage, DiskImage], ours: Ours, tmp_path: Path
) -> None:
    for number in range(TRIES):
        name = f"{ours.prefix} {number}"
        ended = at_once(*(Run(image, tmp_path / "notes", name, rule) for image in two))
        assert sorted(one.ending for one in ended) == ENDINGS[rule], ended
        (left,) = ours.named(name)
        last = "replaced" if rule == "replace" else "uploaded"
        assert [one.image_id for one in ended if one.ending == last] == [left]
        assert list((tmp_path / "notes").iterdir()) == []


@pytest.mark.parametrize("rule", ["fail", "replace"])
def test_two_machines(rule: OnConflict, two: tuple[DiskImage, DiskImage], ours: Ours, tmp_path: Path) -> None:
    """Their folders of notes are not shared; an older image has the name already where it is replaced."""
    seen = Counter[str]()
    for number in range(TRIES):
        name = f"{ours.prefix} {number}"
        if rule == "replace":
            first = admit(tmp_path / "one.raw")
            at_once(Run(first, tmp_path / "first", name))
            first.path.write_bytes(bytes(4096) + os.urandom(60 << 10))
        images = [admit(image.path) for image in two]
        runs = [Run(image, tmp_path / f"notes {at}", name, rule) for at, image in enumerate(images)]
        ended = at_once(*runs)
        seen.update(one.ending for one in ended)
        assert len(ours.named(name)) == 1, ended
        assert not [one for one in ended if one.ending == "bug"], ended
        assert not [path for run in runs for path in run.journal.iterdir()], ended
    assert seen["uploaded"] + seen["replaced"] >= TRIES, seen


def test_who_waits_says_so_and_can_be_stopped(
    two: tuple[DiskImage, DiskImage], ours: Ours, tmp_path: Path
) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"], "imgtool", "uploads")
    cloud = connect("devcloud-member")
    command = [IMGTOOL, "upload", two[0].path, "--cloud", "devcloud-member", "--name", ours.prefix]
    lock = Journal(folder).name_lock(cloud.endpoint, cloud.project_id, ours.prefix, lambda: True)
    with (
        lock as taken,
        subprocess.Popen([*command, "-p", "always"], stderr=subprocess.PIPE, text=True) as process,
    ):
        assert taken
        assert process.stderr is not None
        said = next(line for line in process.stderr if "waits for another upload" in line)
        process.send_signal(signal.SIGTERM)
        assert "interrupted" in process.stderr.read()
    assert ours.prefix in said
    assert process.returncode == 130
    assert list(folder.iterdir()) == []
    assert ours.all() == []
