"""Manifests and tasks for tests."""

from pathlib import Path
from typing import Any

from imgtool.batch.plan import read_plan
from imgtool.model.batch import BatchPlan, Task
from imgtool.model.delivery import CloudName, GlanceTarget


def task(key: str = "debian-0123456789", **changed: Any) -> Task:
    """One that is to go into the cloud `one`."""
    values = {
        "key": key, "source": f"/images/{key}.raw", "name": key, "wanted": GlanceTarget(key),
        "settings_hash": "0" * 64, "clouds": (CloudName("one"),), **changed,
    }  # fmt: skip
    return Task(**values)


def batch(count: int = 3) -> BatchPlan:
    """Of tasks t0, t1, ..."""
    return BatchPlan(Path("/images/images.yaml"), tuple(task(f"t{number}") for number in range(count)))


def manifest(folder: Path, text: str, *files: str) -> Path:
    """A manifest in `folder`, with empty files beside it."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    path = folder / "images.yaml"
    path.write_text(text)
    return path


def planned(folder: Path, text: str, *files: str, **environment: str) -> BatchPlan:
    """The plan of such a manifest."""
    return read_plan(manifest(folder, text, *files), environment)
