import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest
from support.images import create

from imgtool.errors import CloudError
from imgtool.formats.gate import admit
from imgtool.glance import concurrency
from imgtool.glance.cloud import Cloud
from imgtool.glance.plan import plan_upload
from imgtool.glance.upload_journal import Journal
from imgtool.model.delivery import CloudName, GlanceTarget, OnConflict, UploadPlan
from imgtool.util.progress import NullProgress


class _Addressed:
    """All that is asked of a cloud here."""

    name, endpoint, project_id = "c", "http://glance", "p"


CLOUD = cast("Cloud", _Addressed())


class Told(NullProgress):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def stage(self, name: str, message: str) -> None:
        self.messages.append(f"{name}: {message}")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "uploads")


def plan(folder: Path, name: str = "x", on_conflict: OnConflict = "fail") -> UploadPlan:
    path = folder / "disk.qcow2"
    image = admit(path if path.exists() else create(path))
    return plan_upload(
        image, cloud=CloudName("c"), wanted=GlanceTarget(name, on_conflict=on_conflict), properties=()
    )


def test_the_second_waits_for_the_first_and_says_so(journal: Journal, tmp_path: Path) -> None:
    told = Told()
    with ExitStack() as first:
        first.enter_context(concurrency.alone(plan(tmp_path), CLOUD, journal, NullProgress()))
        end = threading.Timer(0.6, first.close)
        end.start()
        began = time.monotonic()
        with concurrency.alone(plan(tmp_path), CLOUD, journal, told):
            assert time.monotonic() - began > 0.4
        end.join()
    assert told.messages == ["wait: waits for another upload of x to c"]
    assert list(journal.folder.iterdir()) == []


@pytest.mark.parametrize("other", [{"name": "y"}, {"on_conflict": "new"}], ids=repr)
def test_others_do_not_wait(other: dict[str, str], journal: Journal, tmp_path: Path) -> None:
    with (
        concurrency.alone(plan(tmp_path), CLOUD, journal, NullProgress()),
        concurrency.alone(plan(tmp_path, **other), CLOUD, journal, NullProgress()),  # type: ignore[arg-type]  # by name, as the test says
    ):
        pass


def test_the_wait_has_an_end(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "WAIT_SECONDS", 0.2)
    with (
        concurrency.alone(plan(tmp_path), CLOUD, journal, NullProgress()),
        pytest.raises(CloudError, match="another upload of x to c has been going on"),
        concurrency.alone(plan(tmp_path), CLOUD, journal, NullProgress()),
    ):
        pass
    assert list(journal.folder.iterdir()) == []


def test_an_error_leaves_no_lock(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), concurrency.alone(plan(tmp_path), CLOUD, journal, NullProgress()):
        raise ZeroDivisionError
    assert list(journal.folder.iterdir()) == []
