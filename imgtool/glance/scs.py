"""Image properties by the SCS Image Metadata standard, scs-0102, version 1.1. Pure.

https://docs.scs.community/standards/iaas/scs-0102

What stands inside the image is derived; what its provider promises (how often it is replaced, how long it is
kept) is the operator's to give. A missing property is no property of the standard's: it is named, and nothing
is uploaded.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime

from imgtool.errors import UsageError
from imgtool.formats.acceptance import INSIST
from imgtool.glance.properties import SAFE_VALUE
from imgtool.model.delivery import GlanceTarget, Property
from imgtool.model.facts import Known
from imgtool.model.linux import LinuxFacts
from imgtool.util import misspelt
from imgtool.util.text import printable

STANDARD = "scs-0102"
REQUIRED: Mapping[str, str] = {
    "architecture": "x86_64",
    "os_distro": "debian",
    "os_version": "12",
    "hw_disk_bus": "scsi",
    "image_build_date": "2026-01-31",
    "image_original_user": "debian",
    "image_source": "https://... (or private)",
    "image_description": "https://... (or text)",
    "replace_frequency": "monthly",
    "uuid_validity": "last-3",
    "provided_until": "2027-12-31 (or none, notice)",
}
"""Properties that the standard makes mandatory, with an example; attributes min_disk and min_ram as well."""
FREQUENCIES = ("yearly", "quarterly", "monthly", "weekly", "daily", "critical_bug", "never")
PURPOSES = ("generic", "oldgeneric", "minimal", "k8snode", "gpu", "network", "custom")
"""Of os_purpose, which version 2 makes mandatory; `oldgeneric` is new there."""
_BUILD_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")


def described(  # noqa: PLR0913 - what a delivery consists of, named one by one
    properties: Sequence[Property],
    linux: LinuxFacts | None,
    wanted: GlanceTarget,
    source_url: str | None,
    *,
    derive: bool = True,
    insist: bool = False,
) -> tuple[Property, ...]:
    """Return `properties` with those of the standard, which never replace one that is there; sorted.

    `linux` is what is inside; None where there is another system, or nobody has looked.

    Raises UsageError for values that the standard does not have, and for what it requires and is missing,
    unless that is insisted on.
    """
    derived = _derived(linux, wanted, source_url) if derive else ()
    found = {one.name: one for one in (*derived, *properties)}
    if not insist:
        _refuse_other_values(found)
        _require(found, wanted, linux)
    return tuple(found[name] for name in sorted(found))


def _derived(linux: LinuxFacts | None, wanted: GlanceTarget, source_url: str | None) -> Iterator[Property]:
    if source_url is not None:
        yield Property("image_source", source_url, "it was fetched from there")
    if wanted.keep_last is not None:
        kept = f"the newest {wanted.keep_last} versions are kept"
        yield Property("uuid_validity", f"last-{wanted.keep_last}", kept)
    if linux is None:
        return
    if isinstance(linux.build_date, Known):
        yield Property("image_build_date", linux.build_date.value, linux.build_date.evidence)
    started = (linux.cloud_init.installed, linux.cloud_init.enabled)
    user = linux.cloud_init.default_user
    if isinstance(user, Known) and all(isinstance(one, Known) and one.value for one in started):
        name = user.value or "none"
        yield from (
            [Property("image_original_user", name, user.evidence)] if SAFE_VALUE.fullmatch(name) else ()
        )


def _refuse_other_values(found: Mapping[str, Property]) -> None:
    for name, judge in _VALUES.items():
        if name in found and (problem := judge(found[name].value)) is not None:
            raise UsageError(
                f"{STANDARD} has no {name}={printable(found[name].value)}",
                hint=f"{problem}; {INSIST} sets it all the same",
            )


def _require(found: Mapping[str, Property], wanted: GlanceTarget, linux: LinuxFacts | None) -> None:
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        examples = " ".join(f"--property {name}={REQUIRED[name].split(' ')[0]}" for name in missing[:3])
        raise UsageError(
            f"{STANDARD} requires image properties that are missing: {', '.join(missing)}"
            f"{_why_undated(linux) if 'image_build_date' in missing else ''}",
            hint=f"give them, as in {examples}; {INSIST} uploads without them",
        )
    if not wanted.min_ram_mib:
        raise UsageError(
            f"{STANDARD} requires the memory that the image needs to boot",
            hint=f"give it with --min-ram (min-ram in a manifest); {INSIST} uploads without it",
        )


def _why_undated(linux: LinuxFacts | None) -> str:
    if linux is None or isinstance(linux.build_date, Known):
        return ""
    return f" (the date of the newest package is unknown: {linux.build_date.reason})"


def _one_of(allowed: Sequence[str]) -> Callable[[str], str | None]:
    def judge(value: str) -> str | None:
        if value in allowed:
            return None
        return misspelt.advice(value, allowed, f"it has {', '.join(allowed)}")

    return judge


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _date_or(*words: str, pattern: str = "(?!)") -> Callable[[str], str | None]:
    def judge(value: str) -> str | None:
        if value in words or _is_date(value) or re.fullmatch(pattern, value):
            return None
        return f"it has YYYY-MM-DD, {', '.join(words)}" + (", last-N" if "last" in pattern else "")

    return judge


def _build_date(value: str) -> str | None:
    for form in _BUILD_FORMATS:
        try:
            if datetime.strptime(value, form).strftime(form) == value:  # noqa: DTZ007 - it is in UTC
                return None
        except ValueError:
            continue
    return "it is written YYYY-MM-DD or YYYY-MM-DD hh:mm[:ss], in UTC"


def _hours(value: str) -> str | None:
    return None if value.isdecimal() else "it is a number of hours"


_VALUES: Mapping[str, Callable[[str], str | None]] = {
    "replace_frequency": _one_of(FREQUENCIES),
    "os_purpose": _one_of(PURPOSES),
    "provided_until": _date_or("none", "notice"),
    "uuid_validity": _date_or("none", "notice", "forever", pattern=r"last-\d+"),
    "image_build_date": _build_date,
    "hotfix_hours": _hours,
}
