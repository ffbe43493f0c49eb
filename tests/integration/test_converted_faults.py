"""Faults and kills while Glance converts: the disk as raw, proven, or nothing of it, is in Glance."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.cloud import Devcloud, cloud_with
from support.faults.every import FINAL, of_bytes, of_others
from support.faults.model import Fault, Route
from support.faulty_cloud import FaultyCloud, directly, faulty, told
from support.killed_at import killed_at

pytestmark = pytest.mark.series(3)

__all__ = ["faulty"]

ROUTES = {Route.SHOW, Route.IMPORT, Route.TASKS}


@pytest.fixture(scope="module")
def devcloud_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devcloud]:
    with cloud_with("conversion", tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def direct(devcloud_running: Devcloud) -> Any:
    return directly(devcloud_running)


@pytest.fixture
def converts() -> bool:
    return True


def in_turns(faults: list[Fault], others: list[Fault]) -> list[Fault]:
    """Each fault once: passing and staying ones take turns."""
    return [pair[number % 2] for number, pair in enumerate(zip(faults, others, strict=True))]


def every_fault() -> list[Fault]:
    bytes_faults = in_turns(of_bytes(Route.STAGE, 1), of_bytes(Route.STAGE, None))
    requests = in_turns(of_others(1), of_others(None))
    return bytes_faults + [fault for fault in requests if fault.route in ROUTES]


@pytest.mark.parametrize("form", ["qcow2"])
@pytest.mark.parametrize("fault", every_fault(), ids=str)
def test_a_fault(fault: Fault, form: str, faulty: FaultyCloud) -> None:
    faulty.proxy.inject(fault)
    seconds = 1.0 if fault.kind == "stall" else 30
    run = faulty.upload("--method", "import", timeout=seconds)
    faulty.judge(run)
    passes = fault.times == 1 and fault.kind not in {"truncate", "flip"} and fault.status not in FINAL
    if passes:
        assert run.returncode == 0, told(run, faulty.proxy)


KILLS = [
    ("imgtool.glance.images.create", "after"),
    ("imgtool.glance.imports.stage", "before"),
    ("imgtool.glance.imports.stage", "after"),
    ("imgtool.glance.imports.start", "after"),
    ("imgtool.glance.imports.wait", "after"),
    ("imgtool.glance.sending.verify_arrival", "after"),
    ("imgtool.glance.finalize.share", "before"),
    ("imgtool.glance.finalize.share", "after"),
]


@pytest.mark.parametrize("form", ["qcow2"])
@pytest.mark.parametrize(("point", "moment"), KILLS)
def test_a_kill(point: str, moment: str, form: str, faulty: FaultyCloud) -> None:
    words = ("upload", faulty.image, "--cloud", "devcloud-member", "--name", faulty.name)
    ended = killed_at(point, moment, *words, "--method", "import")
    assert ended.returncode == -9, ended.stderr
    assert len(list(faulty.journal.glob("*.json"))) == 1
    run = faulty.upload("--method", "import")
    assert run.returncode == 0, told(run, faulty.proxy)
    (image,) = faulty.ours()
    disk = faulty.image.with_suffix(".raw")
    assert (image["status"], image["disk_format"], image["size"]) == ("active", "raw", disk.stat().st_size)
    assert list(faulty.journal.glob("*.json")) == []
