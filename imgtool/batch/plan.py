"""The plan of a batch: which images there are, and what is to be done with each. Opens no image.

Tasks that would be in one another's way are refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from imgtool.batch import settings, sources
from imgtool.batch.manifest import Image, Manifest, read_manifest
from imgtool.batch.settings import PolicyFingerprints
from imgtool.errors import UsageError
from imgtool.fetch.urls import check_url, file_name, is_url
from imgtool.model.batch import BatchPlan, PlanProblem, Task
from imgtool.model.cloud_boot import BootPlace
from imgtool.model.source import SourceHash
from imgtool.util import misspelt
from imgtool.util.name_templates import STEM
from imgtool.util.text import printable
from imgtool.util.yaml_file import Document


def read_plan(
    path: Path,
    environment: Mapping[str, str],
    *,
    boot: BootPlace | None = None,
    sparsify: bool = False,
    source_hash: SourceHash = "sha256",
) -> BatchPlan:
    """The plan of the manifest `path`; paths in it are relative to its folder.

    `boot`, `sparsify` and `source_hash` are for images of which it says nothing.
    Raises UsageError that names file, line and key: of what is wrong in the manifest or in a policy that it
    names, of a pattern that matches nothing, and of images that would be in one another's way.
    """
    document = read_manifest(path, environment)
    return make_plan(document, environment, boot=boot, sparsify=sparsify, source_hash=source_hash)


def make_plan(
    document: Document[Manifest],
    environment: Mapping[str, str],
    *,
    boot: BootPlace | None = None,
    sparsify: bool = False,
    source_hash: SourceHash = "sha256",
) -> BatchPlan:
    """Plan a manifest that was read already."""
    folder = document.path.parent.absolute()
    around = settings.Around(folder, PolicyFingerprints(folder), environment, boot, sparsify, source_hash)
    tasks = tuple(
        task
        for index, image in enumerate(document.content.images)
        for task in _tasks(document, index, image, around)
    )
    refuse_duplicates(tasks)
    return BatchPlan(document.path.absolute(), tasks, tuple(_problems(tasks)))


def only(plan: BatchPlan, patterns: Sequence[str]) -> BatchPlan:
    """The plan for those images whose name, source or source's file name fits one of the shell patterns.

    Raises UsageError for a pattern that fits none.
    """
    if not patterns:
        return plan
    kept: set[str] = set()
    for pattern in patterns:
        fitting = {task.key for task in plan.tasks if any(fnmatchcase(one, pattern) for one in _called(task))}
        if not fitting:
            names = [name for task in plan.tasks for name in _called(task)]
            raise UsageError(
                f"--only {printable(pattern)}: no image of {printable(str(plan.manifest))} is called so",
                hint=misspelt.hint(pattern, names, f"the first of them is {printable(plan.tasks[0].name)}"),
            )
        kept |= fitting
    problems = tuple(one for one in plan.problems if one.key in kept)
    return replace(plan, tasks=tuple(task for task in plan.tasks if task.key in kept), problems=problems)


def _called(task: Task) -> tuple[str, ...]:
    return task.name, task.source, file_name(task.source) if is_url(task.source) else Path(task.source).name


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done with each image that a command line names."""

    like: Task
    """The task of each, but for its source, and what is named by that."""
    name: str = STEM
    """In Glance; `{stem}` in it is the file's."""
    folder: Path | None = None
    """Absolute; where what was uploaded is to stay as a file."""


def plan_sources(
    command: str, sources_named: Sequence[tuple[str, Mapping[str, str]]], wanted: Wanted, folder: Path
) -> BatchPlan:
    """The plan for images that `command` names: absolute paths or URLs, each with the hashes it must have.

    `folder` is the one that a policy file is relative to. Raises UsageError as `read_plan` does.
    """
    policy, fingerprint = PolicyFingerprints(folder).of(wanted.like.policy)
    like = replace(wanted.like, policy=policy)
    whole = set(sources.without_halves([source for source, _ in sources_named]))
    tasks = tuple(
        settings.with_key(
            _named(source, hashes, replace(like, where=f"argument {number}"), wanted), fingerprint
        )
        for number, (source, hashes) in enumerate(sources_named, 1)
        if source in whole
    )
    refuse_duplicates(tasks)
    return BatchPlan(Path(command), tasks, tuple(_problems(tasks)))


def _named(source: str, hashes: Mapping[str, str], like: Task, wanted: Wanted) -> Task:
    name = settings.filled_name(wanted.name, source)
    file = settings.named_in(f"{wanted.folder}/", name, like.target_format)
    return replace(
        like,
        source=source,
        sha256=hashes.get("sha256"),
        sha512=hashes.get("sha512"),
        name=name,
        wanted=replace(like.wanted, name=name),
        output=None if wanted.folder is None else Path(file),
    )


def _tasks(document: Document[Manifest], index: int, image: Image, around: settings.Around) -> Iterator[Task]:
    """Return the tasks of one item of `images`. An error in it gets its line here, once."""
    where = document.where("images", index)
    try:
        chosen = settings.over(document.content.defaults, image)
        for source in _sources(image, around.folder):
            yield settings.task(source, chosen, around, where)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", hint=error.hint) from error


def _sources(image: Image, folder: Path) -> list[str]:
    """Raises UsageError where what is said of one file is said of several."""
    if is_url(image.source):
        check_url(image.source)
        return [image.source]
    found = sources.find(image.source, folder)
    for key, value in (("sha256", image.sha256), ("sha512", image.sha512), ("id", image.id)):
        if len(found) > 1 and value is not None:
            raise UsageError(f"{key} applies to one image, but {image.source} matches {len(found)} files")
    return found


def _problems(tasks: tuple[Task, ...]) -> Iterator[PlanProblem]:
    for task in tasks:
        message = sources.problem(task.source)
        if message:
            yield PlanProblem(task.key, f"{task.source}: {message}")
        if task.output is not None and not task.output.parent.is_dir():
            yield PlanProblem(task.key, f"{task.output}: the folder {task.output.parent} does not exist")


_NAME_HINT = "give one of them another name; with a pattern, {stem} in it is the file's"
_OUTPUT_HINT = "give one of them another output; with a pattern, {stem} in it is the file's"


def refuse_duplicates(tasks: Sequence[Task]) -> None:
    """Raises UsageError that names both lines."""
    seen: dict[tuple[str, str, str], Task] = {}
    for task in tasks:
        for claim in _claims(task):
            if claim in seen:
                raise _refusal(claim, seen[claim], task)
            seen[claim] = task
        if str(task.output) == task.source:
            raise UsageError(f"{task.where}: output: {task.output} is the source itself", hint=_OUTPUT_HINT)


def _claims(task: Task) -> Iterator[tuple[str, str, str]]:
    """What only one task of a batch can have: kind, place, value."""
    if task.output is not None:
        yield "output", "", str(task.output)
    for cloud in task.clouds:
        yield "name", cloud.label, task.name
        if task.wanted.image_id:
            yield "id", cloud.label, task.wanted.image_id


def _refusal(claim: tuple[str, str, str], first: Task, second: Task) -> UsageError:
    kind, place, value = claim
    at = f" in {place or 'the cloud of the OS_* variables'}" if kind != "output" else ""
    used_by = f"{first.source} ({first.where})"
    hint = {"name": _NAME_HINT, "output": _OUTPUT_HINT}.get(kind, "")
    message = f"{second.where}: {kind} {value!r} of {second.source} is already used{at} by {used_by}"
    return UsageError(message, hint=hint)
