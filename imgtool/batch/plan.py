"""The plan of a batch: which images there are, and what is to be done with each. Opens no image."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from imgtool.batch import settings, sources
from imgtool.batch.duplicates import refuse_duplicates
from imgtool.batch.manifest import Image, Manifest, read_manifest
from imgtool.batch.policies import Fingerprints
from imgtool.documents import Document
from imgtool.errors import UsageError
from imgtool.model.batch import BatchPlan, PlanProblem, Task


def read_plan(path: Path, environment: Mapping[str, str], *, boot: bool = False) -> BatchPlan:
    """The plan of the manifest `path`; paths in it are relative to its folder. `boot`: where it says nothing.

    Raises UsageError that names file, line and key: of what is wrong in the manifest or in a policy that it
    names, of a pattern that matches nothing, and of images that would be in one another's way.
    """
    return make_plan(read_manifest(path, environment), environment, boot=boot)


def make_plan(
    document: Document[Manifest], environment: Mapping[str, str], *, boot: bool = False
) -> BatchPlan:
    """The same of a manifest that was read."""
    folder = document.path.parent.absolute()
    around = settings.Around(folder, Fingerprints(folder), environment, boot)
    tasks = tuple(
        task
        for index, image in enumerate(document.content.images)
        for task in _tasks(document, index, image, around)
    )
    refuse_duplicates(tasks)
    return BatchPlan(document.path.absolute(), tasks, tuple(_problems(tasks)))


def _tasks(document: Document[Manifest], index: int, image: Image, around: settings.Around) -> Iterator[Task]:
    """Of one item of `images`. What is wrong with it gets its line here, once."""
    where = document.where("images", index)
    try:
        chosen = settings.merged(document.content.defaults, image)
        for source in _sources(image, around.folder):
            yield settings.task(source, chosen, around, where)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", hint=error.hint) from error


def _sources(image: Image, folder: Path) -> list[str]:
    """Raises UsageError where what is said of one file is said of several, or a URL has no hash."""
    if sources.is_url(image.source):
        sources.check_url(image.source)
        if image.sha256 is None:
            raise UsageError("sha256: a URL needs the hash of what it gives", hint="sha256sum FILE")
        return [image.source]
    found = sources.find(image.source, folder)
    for key, value in (("sha256", image.sha256), ("id", image.id)):
        if len(found) > 1 and value is not None:
            raise UsageError(f"{key}: of one image only, and {len(found)} files match {image.source}")
    return found


def _problems(tasks: tuple[Task, ...]) -> Iterator[PlanProblem]:
    for task in tasks:
        message = sources.problem(task.source)
        if message:
            yield PlanProblem(task.key, f"{task.source}: {message}")
        if task.output is not None and not task.output.parent.is_dir():
            yield PlanProblem(task.key, f"{task.output}: the folder {task.output.parent} does not exist")
