"""Old versions of a name: hidden, and those beyond the newest N deleted where nothing needs them.

What is decided is noted before the first step, with the ids: the next run finishes that, and nothing else.
An error or ^C ends it; only a run that was killed is finished by another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from imgtool.errors import CloudError, UsageError
from imgtool.glance import concurrency, finalize, images, removal
from imgtool.glance.cloud import Cloud
from imgtool.glance.names import base_name
from imgtool.glance.needs import Needs
from imgtool.glance.removal import End
from imgtool.glance.upload_journal import Entry, Journal
from imgtool.glance.versions import Wanted, decide
from imgtool.model.retirement import Retirement, RetirementRequest, Version
from imgtool.util.progress import Progress
from imgtool.util.text import printable


def retire(
    request: RetirementRequest, cloud: Cloud, journal: Journal, progress: Progress, *, dry_run: bool = False
) -> Retirement:
    """Retire what the request says. Raises CloudError, UsageError: also where there is no such image."""
    require_keep(request.keep)
    wanted = _wanted(request, cloud)
    if dry_run:
        return _foreseen(wanted, cloud)
    with concurrency.only_one(wanted.name, cloud, journal, progress):
        finalize.recover(cloud, journal, progress, wanted.name)
        return rotate(wanted, cloud, journal, progress)


def require_keep(keep: int) -> None:
    """Raise UsageError for less than one: the current version always stays."""
    if keep < 1:
        raise UsageError(f"{keep} versions cannot be kept", hint="keep at least 1: the current one stays")


def _wanted(request: RetirementRequest, cloud: Cloud) -> Wanted:
    """An id stands for the versions of that image's name."""
    record = images.find(cloud, request.name) if images.is_id(request.name) else None
    if record is None or record.owner not in {None, cloud.project_id} or record.status in images.DELETED:
        return Wanted(request.name, request.keep)
    return Wanted(base_name(record.name, record.id), request.keep, named=(record.id,))


def rotate(wanted: Wanted, cloud: Cloud, journal: Journal, progress: Progress) -> Retirement:
    """Do it, while nobody else decides about the name. Raises CloudError, UsageError."""
    versions = _versions(wanted, cloud)
    needs = Needs(cloud)
    entry = noted(Entry(versions[0].image_id, cloud.endpoint, cloud.project_id, wanted.name), versions)
    if not (entry.hides or entry.deletes):
        return _told(wanted, cloud, versions, needs)
    with journal.begin(replace(entry, step="retiring")) as page:
        try:
            ends = removal.retire(entry, cloud, needs)
        finally:
            page.remove()
    return tell(_told(wanted, cloud, ended(versions, ends), needs), progress)


def noted(entry: Entry, versions: Iterable[Version]) -> Entry:
    """Return the entry with what is to be done; the oldest is deleted first."""
    versions = tuple(versions)
    hides = tuple(one.image_id for one in versions if one.hides)
    deletes = tuple(one.image_id for one in reversed(versions) if one.fate == "deleted")
    return replace(entry, hides=hides, deletes=deletes)


def ended(versions: Iterable[Version], ends: Mapping[str, End]) -> tuple[Version, ...]:
    """Return the versions as they are now."""
    return tuple(
        replace(one, fate=ends[one.image_id].fate, reason=ends[one.image_id].reason)
        if one.image_id in ends
        else one
        for one in versions
    )


def tell(done: Retirement, progress: Progress) -> Retirement:
    """Say how many went."""
    deleted = sum(one.fate == "deleted" for one in done.versions)
    hidden = sum(one.hides for one in done.versions)
    progress.stage("retire", f"{printable(done.name)} in {done.cloud}: {hidden} hidden, {deleted} deleted")
    return done


def _versions(wanted: Wanted, cloud: Cloud) -> tuple[Version, ...]:
    """Raises CloudError where there is none that imgtool made."""
    versions = decided(wanted, cloud)
    if not versions or versions[0].fate in {"foreign", "unfinished"}:
        raise _none(wanted.name, cloud, versions)
    return versions


def decided(wanted: Wanted, cloud: Cloud) -> tuple[Version, ...]:
    """Return what is to become of each image of the name, also of those that stay. Raises CloudError."""
    return decide(images.owned(cloud), replace(wanted, can_hide=cloud.hides))


def _none(name: str, cloud: Cloud, others: tuple[Version, ...]) -> CloudError:
    if others:
        return CloudError(
            f"{cloud.name}: imgtool made no finished image named {printable(name)!r}: "
            f"{others[0].image_id}: {others[0].reason}",
            hint="name an image by its id to retire versions that imgtool did not make",
        )
    return CloudError(
        f"{cloud.name} has no image named {printable(name)!r} in this project",
        hint=f"see: openstack {cloud.option}image list",
    )


def _foreseen(wanted: Wanted, cloud: Cloud) -> Retirement:
    """What would be done: what needs an image is asked now."""
    needs = Needs(cloud)
    versions = _versions(wanted, cloud)
    ends = {
        one.image_id: end
        for one in versions
        if one.fate == "deleted" and (end := removal.needed(one.image_id, needs)) is not None
    }
    return replace(_told(wanted, cloud, ended(versions, ends), needs), dry_run=True)


def _told(wanted: Wanted, cloud: Cloud, versions: tuple[Version, ...], needs: Needs) -> Retirement:
    return Retirement(cloud.name, wanted.name, wanted.keep, versions, needs.notes)
