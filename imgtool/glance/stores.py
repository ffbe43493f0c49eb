"""What a cloud tells of itself: https://docs.openstack.org/api-ref/image/v2/#discovery ."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgtool.glance.images import GONE, require
from imgtool.text import printable

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
    found = [one for one in document.get("stores", ()) if isinstance(one, dict) and "id" in one]
    if not found:
        return None
    default = next((printable(str(one["id"])) for one in found if one.get("default")), None)
    # A read-only store serves images that are there, and takes none.
    writable = [one for one in found if str(one.get("read-only", "")).lower() != "true"]
    return Stores(tuple(printable(str(one["id"])) for one in writable), default)


def import_methods(cloud: "Cloud") -> tuple[str, ...]:
    """Those that are switched on."""
    methods = _document(cloud, "/v2/info/import").get("import-methods")
    values = methods.get("value", ()) if isinstance(methods, dict) else ()
    return tuple(printable(str(one)) for one in values)


def quotas(cloud: "Cloud") -> tuple[Quota, ...]:
    """The project's, where the cloud has any and tells."""
    usage = _document(cloud, "/v2/info/usage").get("usage")
    found = usage.items() if isinstance(usage, dict) else ()
    return tuple(
        Quota(printable(str(name)), one["limit"], one["usage"])
        for name, one in found
        if isinstance(one, dict) and isinstance(one.get("limit"), int) and isinstance(one.get("usage"), int)
    )


def _document(cloud: "Cloud", path: str) -> dict[str, Any]:
    """Empty where this Glance does not have it: some of these are newer than others. Raises CloudError."""
    answer = cloud.request("GET", path)
    if answer.status in GONE:
        return {}
    document = require(answer, f"to show {path}").document
    return document if isinstance(document, dict) else {}
