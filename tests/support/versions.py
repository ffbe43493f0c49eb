"""Versions of an image in a real Glance, made quickly; and a retirement that is killed at a step of it."""

import importlib
import json
import os
import signal
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgtool.glance import Cloud, Journal, connect, finalize, images, retire
from imgtool.glance.names import former_name
from imgtool.glance.versions import MADE_BY
from imgtool.model.retirement import RetirementRequest
from imgtool.util.progress import NullProgress

CLOUD = "devcloud"
BYTES = b"an image" * 64


@dataclass(frozen=True)
class Step:
    """Where a run is killed: around a call of a function, counted from one."""

    function: str
    moment: str
    call: int = 1

    def __str__(self) -> str:
        return f"{self.moment}-{self.function.rpartition('.')[2]}-{self.call}"


STEPS = (
    Step("retire.decided", "after"),
    Step("upload_journal.Page.write", "before"),
    Step("upload_journal.Page.write", "after"),
    Step("removal.set_aside", "before"),
    Step("images.patch", "after"),
    Step("removal.set_aside", "after", 2),
    Step("removal.obstacle", "before", 2),
    Step("removal.needed", "after", 3),
    Step("images.delete", "before"),
    Step("images.delete", "after"),
    Step("images.delete", "after", 3),
    Step("upload_journal.Page.remove", "before"),
    Step("upload_journal.Page.remove", "after"),
)


def make(cloud: Cloud, name: str, *, current: bool = False, ours: bool = True, **more: Any) -> str:
    """Make an image that was replaced, or that has the name; its id."""
    image_id = str(uuid.uuid4())
    document = {
        "id": image_id, "name": name if current else former_name(name, image_id), "os_hidden": not current,
        "disk_format": "raw", "container_format": "bare", "visibility": "private",
        **({MADE_BY: "0.1.0"} if ours else {}), **more,
    }  # fmt: skip
    images.require(cloud.request("POST", "/v2/images", json=document), "to make a version")
    address = f"{cloud.endpoint}/v2/images/{image_id}/file"
    headers = {"Content-Type": "application/octet-stream"}
    answer = cloud._ask_at(address, "PUT", data=BYTES, headers=headers, timeout=60)
    images.require(answer, "the bytes")
    return image_id


def there(cloud: Cloud, name: str) -> dict[str, dict[str, Any]]:
    """What the project has whose name begins so, by id."""
    found: dict[str, dict[str, Any]] = {}
    for hidden in ("false", "true"):
        query = {"owner": cloud.project_id, "limit": "1000", "os_hidden": hidden}
        answer = cloud.request("GET", "/v2/images", params=query)
        found |= {one["id"]: one for one in answer.rows("images") if one["name"].startswith(name)}
    return found


def forget(cloud: Cloud, name: str) -> None:
    """Delete all of them."""
    for image_id, found in there(cloud, name).items():
        if found["protected"]:
            images.patch(cloud, image_id, {"protected": False})
        images.delete(cloud, image_id)


def killed(step: Step, work: Callable[[], object]) -> int:
    """Do `work` in a process that kills itself at `step`; the signal that ended it, or its exit status."""
    child = os.fork()
    if child == 0:
        try:
            _arm(step)
            work()
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(3)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _arm(step: Step) -> None:
    module, *parents, name = step.function.split(".")
    owner: Any = importlib.import_module(f"imgtool.glance.{module}")
    for parent in parents:
        owner = getattr(owner, parent)
    original, calls = getattr(owner, name), 0

    def armed(*values: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == step.call and step.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*values, **named)
        if calls == step.call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, armed)


def run(name: str, keep: int, folder: Path) -> None:
    """As the command does it, signed in anew."""
    retire(RetirementRequest(name, keep), connect(CLOUD), Journal(folder), NullProgress())


def notes(folder: Path) -> list[dict[str, Any]]:
    """What the journal has; a page on which nothing stands yet is empty."""
    lines = [path.read_text().splitlines() for path in folder.glob("*.json")]
    return [json.loads(one[-1]) for one in lines if one]


def run_of_another_name(cloud: Cloud, folder: Path) -> None:
    """What an upload of any other image does first."""
    finalize.recover(cloud, Journal(folder), NullProgress(), "another name")
