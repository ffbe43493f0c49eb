"""One image into several clouds: each is tried, and what fails in one does not stop the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgtool.convert.payload import Payload
from imgtool.errors import CloudError, ImgtoolError, VerificationError
from imgtool.glance import cloud as clouds
from imgtool.glance import concurrency, conflicts, finalize, preflight, remembered
from imgtool.glance.cloud import Cloud
from imgtool.glance.upload import Late, execute
from imgtool.glance.upload_journal import Journal
from imgtool.glance.web_content import WebContent
from imgtool.model.delivery import CloudName, UploadFailure, UploadPlan, UploadResult
from imgtool.util.progress import Progress

Outcome = UploadResult | UploadFailure


@dataclass(frozen=True, slots=True)
class Destination:
    """A cloud, or why it cannot be used."""

    cloud: Cloud | None
    failure: ImgtoolError | None = None


def connect_each(
    names: Sequence[CloudName], timeout_seconds: float, progress: Progress
) -> tuple[Destination, ...]:
    """A destination for each name. Raises CloudError where none of them can be used."""
    return _any_left(tuple(_connect(name, timeout_seconds, progress) for name in names), progress)


def _connect(name: CloudName, timeout_seconds: float, progress: Progress) -> Destination:
    try:
        cloud = clouds.connect(name.name, name.region, timeout_seconds)
    except CloudError as error:
        return Destination(None, error)
    progress.stage("cloud", f"{cloud.name}: authenticated")
    return Destination(cloud)


def check_each(  # noqa: PLR0913 - what a delivery consists of, named one by one
    plans: Sequence[UploadPlan],
    destinations: Sequence[Destination],
    size_bytes: int | None,
    journal: Journal,
    progress: Progress,
    *,
    insist: bool = False,
) -> tuple[Destination, ...]:
    """All that a cloud can refuse before it gets any byte; `size_bytes` of the file, None if not known yet.

    What an interrupted run left is cleaned up first: it may have the name, or take the room. Raises what the
    first one says where no cloud is left. `insist` takes properties that the cloud defines otherwise.
    """

    def checked(plan: UploadPlan, there: Destination) -> Destination:
        if there.cloud is None:
            return there
        try:
            _clear(plan, there.cloud, journal, progress)
            preflight.check(plan, there.cloud, size_bytes, insist=insist)
        except ImgtoolError as error:
            return Destination(None, error)
        return there

    return _any_left(tuple(map(checked, plans, destinations)), progress)


def _clear(plan: UploadPlan, cloud: Cloud, journal: Journal, progress: Progress) -> None:
    with concurrency.alone(plan, cloud, journal, progress):
        finalize.recover(cloud, journal, progress, plan.wanted.name)
        conflicts.refuse_conflict(plan, cloud)


def upload_to_each(  # noqa: PLR0913 - what a delivery consists of, named one by one
    plans: Sequence[UploadPlan],
    destinations: Sequence[Destination],
    payload: Payload | WebContent,
    journal: Journal,
    progress: Progress,
    *,
    late: Late = tuple,
) -> tuple[Outcome, ...]:
    """What became of each plan. A single cloud's error is raised: there is nothing else to tell."""

    def send(plan: UploadPlan, there: Destination) -> UploadResult:
        if there.cloud is None:
            raise there.failure or CloudError("the cloud cannot be used")
        result = execute(plan, payload, there.cloud, journal, progress, late=late)
        _learn(result, there.cloud, journal)
        progress.stage("done", f"{result.image_id} is {result.status} in {there.cloud.name}: {result.ending}")
        return result

    pairs = list(zip(plans, destinations, strict=True))
    if len(pairs) == 1:
        return (send(*pairs[0]),)
    return tuple(_tried(plan, there, send, progress) for plan, there in pairs)


def _learn(result: UploadResult, cloud: Cloud, journal: Journal) -> None:
    """An import tells what nobody may ask: whether this Glance converts."""
    sent = result.plan.disk_format
    if result.plan.wanted.way != "direct" and sent == "qcow2" and result.ending in {"uploaded", "replaced"}:
        remembered.note_import(journal.folder, cloud.endpoint, converts=result.stored_format != sent)


def _tried(
    plan: UploadPlan,
    there: Destination,
    send: Callable[[UploadPlan, Destination], UploadResult],
    progress: Progress,
) -> Outcome:
    try:
        return send(plan, there)
    except (CloudError, VerificationError) as error:
        progress.stage("upload", f"{plan.cloud}: {error.message}")
        return UploadFailure(plan, error.message, error.hint, error.exit_status, error.code)


def _any_left(destinations: tuple[Destination, ...], progress: Progress) -> tuple[Destination, ...]:
    """Say which are lost; where all are, the first one's failure is raised."""
    failures = [one.failure for one in destinations if one.failure is not None]
    for failure in failures if len(destinations) > 1 else ():
        progress.stage("cloud", failure.message)
    if len(failures) == len(destinations):
        raise failures[0]
    return destinations
