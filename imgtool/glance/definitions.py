"""What a cloud's own rules say of image properties: Glance's schema of an image, and metadata definitions.

The schema (schema-image.json; since Glance 32 it may list required properties) is enforced when an image is
made: what it would refuse is named before. Metadata definitions are enforced by nobody, so a value that they
do not list is a mistake that shows only later; for properties of Nova's its own enumerations count.

https://docs.openstack.org/glance/latest/admin/manage-images.html and
https://docs.openstack.org/api-ref/image/v2/metadefs-index.html
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from imgtool.errors import CloudError, UsageError
from imgtool.glance.images import ATTRIBUTES
from imgtool.model.nova_properties import KNOWN
from imgtool.util import misspelt
from imgtool.util.text import printable

if TYPE_CHECKING:
    from imgtool.glance.cloud import Cloud
    from imgtool.model.delivery import UploadPlan

RESOURCE_TYPE = "OS::Glance::Image"
GIVEN = "given by the user"
"""The reason of a property that no inspection derived."""
MAX_NAMESPACES = 200
MAX_SHOWN = 20
_ALIKE = 0.85
"""Of difflib: a letter more, less or exchanged in a short name."""

Definition = Mapping[str, Any]
"""A property by JSON Schema."""


def require_what_is_required(plan: "UploadPlan", cloud: "Cloud") -> None:
    """Raise CloudError where the cloud's schema requires properties that are missing, or other values."""
    given = {one.name: one.value for one in plan.properties}
    if missing := sorted(_required(cloud) - given.keys() - ATTRIBUTES):
        shown = ", ".join(map(printable, missing))
        raise CloudError(
            f"{cloud.name} requires image properties that are missing: {shown}",
            hint=f"give each with --property, as in --property {printable(missing[0])}=VALUE",
        )
    for message, hint in _faults(given, _mappings(cloud.image_schema.get("properties"))):
        raise CloudError(f"{cloud.name}: {message}", hint=hint)


def refuse_odd(plan: "UploadPlan", cloud: "Cloud") -> None:
    """Raise UsageError for a property of the user's that the cloud's metadata definitions do not have so."""
    given = {one.name: one.value for one in plan.properties if one.reason == GIVEN and one.name not in KNOWN}
    if not given:
        return
    defined = definitions(cloud)
    for message, hint in (*_faults(given, defined), *_misspelt(given, defined)):
        raise UsageError(f"{cloud.name}: {message}", hint=f"{hint}; --insist sets it all the same")


def definitions(cloud: "Cloud") -> Mapping[str, Definition]:
    """Return the properties of images that the metadata definitions have; none where the cloud tells none."""
    answer = cloud.request("GET", "/v2/metadefs/namespaces", params={"resource_types": RESOURCE_TYPE})
    if not answer.ok:
        return {}
    found: dict[str, Definition] = {}
    for row in answer.rows("namespaces")[:MAX_NAMESPACES]:
        path = f"/v2/metadefs/namespaces/{quote(str(row.get('namespace')), safe='')}"
        namespace = cloud.request("GET", path, params={"resource_type": RESOURCE_TYPE})
        if namespace.ok:
            found |= _mappings(namespace.mapping().get("properties"))
    return found


def _mappings(value: object) -> dict[str, Definition]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(name): one for name, one in pairs if isinstance(one, dict)}


def _required(cloud: "Cloud") -> frozenset[str]:
    found = cloud.image_schema.get("required")
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def _faults(given: Mapping[str, str], defined: Mapping[str, Definition]) -> Iterator[tuple[str, str]]:
    """Values that are not among those that are listed: what is wrong, and what may be meant."""
    for name, value in given.items():
        allowed = defined.get(name, {}).get("enum")
        if not isinstance(allowed, list) or value in map(str, allowed):
            continue
        listed = [printable(str(one)) for one in allowed[:MAX_SHOWN] if one is not None]
        yield (
            f"its definition of {printable(name)} does not have the value {printable(value)!r}",
            misspelt.advice(value, listed, f"it has {', '.join(listed)}"),
        )


def _misspelt(given: Mapping[str, str], defined: Mapping[str, Definition]) -> Iterator[tuple[str, str]]:
    for name in given.keys() - defined.keys():
        if alike := misspelt.closest(name, defined, _ALIKE):
            yield (
                f"no image property {printable(name)} is defined there",
                f"did you mean {printable(alike)}?",
            )
