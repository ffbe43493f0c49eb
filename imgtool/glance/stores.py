"""What a cloud tells of itself: https://docs.openstack.org/api-ref/image/v2/#discovery ."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imgtool.errors import CloudError
from imgtool.glance.answer import Answer, kind_of, not_understood
from imgtool.glance.images import GONE, require
from imgtool.glance.record import MAX_SIZE, MAX_TEXT
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.glance.cloud import Cloud

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Stores:
    """Where images can be kept."""

    ids: tuple[str, ...]
    default: str | None


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of the project; sizes are in MiB."""

    name: str
    limit: int
    """-1: none."""
    usage: int

    @property
    def left(self) -> int | None:
        """None: without a limit."""
        return None if self.limit < 0 else max(0, self.limit - self.usage)


def stores(cloud: "Cloud") -> Stores | None:
    """None where the cloud has one store without a name, and does not tell."""
    document = _document(cloud, "/v2/info/stores")
    found = [one for one in document.rows("stores") if "id" in one]
    if not found:
        return None
    default = next((_shown(one["id"]) for one in found if one.get("default")), None)
    # A read-only store serves images that are there, and takes none.
    writable = [one for one in found if str(one.get("read-only", "")).lower() != "true"]
    return Stores(tuple(_shown(one["id"]) for one in writable), default)


def types(cloud: "Cloud") -> dict[str, str] | None:
    """Each store's type, by its id: rbd, file, swift, …; None where the cloud does not tell this user.

    https://docs.openstack.org/api-ref/image/v2/#list-stores-detail (API 2.15), for administrators.
    """
    answer = cloud.request("GET", "/v2/info/stores/detail")
    if not answer.ok:
        return None
    found = (one for one in answer.rows("stores") if "id" in one and "type" in one)
    return {_shown(one["id"]): _shown(one["type"]) for one in found}


def require_stores(cloud: "Cloud", wanted: Sequence[str]) -> Stores:
    """The cloud's stores. Raises CloudError where it has none to choose from, or not all that are wanted."""
    there = stores(cloud)
    if there is None:
        raise CloudError(f"{cloud.name} has no stores to choose from", hint="leave --store out")
    missing = [one for one in wanted if one not in there.ids]
    if missing:
        raise CloudError(
            f"{cloud.name} has no store {', '.join(missing)}", hint=f"it has: {', '.join(there.ids)}"
        )
    return there


def import_methods(cloud: "Cloud") -> tuple[str, ...]:
    """Return the import methods that are enabled."""
    answer = _document(cloud, "/v2/info/import")
    methods = answer.mapping().get("import-methods")
    values = methods.get("value", []) if isinstance(methods, dict) else []
    if not isinstance(values, list):
        raise not_understood(answer.source, f"the value of import-methods is {kind_of(values)}")
    return tuple(_shown(one) for one in values)


def quotas(cloud: "Cloud") -> tuple[Quota, ...]:
    """The project's, where the cloud has any and tells."""
    answer = _document(cloud, "/v2/info/usage")
    usage = answer.mapping().get("usage", {})
    if not isinstance(usage, dict):
        raise not_understood(answer.source, f"usage is {kind_of(usage)}")
    return tuple(_quota(name, one, answer.source) for name, one in usage.items())


def _quota(name: str, found: Any, source: str) -> Quota:
    if not isinstance(found, dict):
        raise not_understood(source, f"{_shown(name)} is {kind_of(found)}")
    limit, usage = (_number(found.get(key), f"{key} of {_shown(name)}", source) for key in ("limit", "usage"))
    return Quota(_shown(name), limit, usage)


def _number(value: object, what: str, source: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= MAX_SIZE:
        raise not_understood(source, f"the {what} is {kind_of(value)}")
    return value


def _shown(value: object) -> str:
    return printable(str(value)[:MAX_TEXT])


def _document(cloud: "Cloud", path: str) -> Answer:
    """Empty where this Glance does not have it: some of these are newer than others. Raises CloudError."""
    answer = cloud.request("GET", path)
    if answer.status in GONE:
        return replace(answer, document={})
    return require(answer, f"to show {path}")
