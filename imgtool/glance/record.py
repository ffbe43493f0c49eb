"""What Glance says of an image: https://docs.openstack.org/api-ref/image/v2/#show-image ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgtool.errors import CloudError
from imgtool.glance.answer import kind_of, not_understood
from imgtool.util.text import printable

MAX_TEXT = 255
"""Glance's bound on names, ids and states, in characters."""
MAX_SIZE = 1 << 63
"""Glance's column is a BIGINT."""


@dataclass(frozen=True, slots=True)
class Record:
    """The attributes that matter here."""

    id: str
    status: str
    name: str
    size_bytes: int | None
    disk_format: str | None
    hash_algorithm: str | None
    hash_value: str | None
    md5: str | None
    visibility: str | None
    hidden: bool
    protected: bool
    stores: tuple[str, ...]
    failed_stores: tuple[str, ...]
    """In which an import failed."""
    pending_stores: tuple[str, ...]
    """Into which an import is under way."""
    properties: Mapping[str, str]
    """All that is text."""
    container_format: str | None = None
    owner: str | None = None
    """Id of the project."""
    created_at: str | None = None
    """ISO 8601 in UTC, to the second."""
    min_disk_gib: int | None = None
    min_ram_mib: int | None = None
    tags: tuple[str, ...] = ()
    virtual_size_bytes: int | None = None


def parse(document: Any, source: str = "a request") -> Record:
    """One image of the answer to `source`. Raises CloudError where it is not as the API has it."""
    found = _Fields(document, source)
    texts = {key: printable(value) for key, value in found.items() if isinstance(value, str)}
    return Record(
        id=found.required("id"),
        status=found.required("status"),
        name=found.text("name", shown=False) or "",
        size_bytes=found.number("size"),
        disk_format=found.text("disk_format"),
        hash_algorithm=found.text("os_hash_algo"),
        hash_value=found.text("os_hash_value"),
        md5=found.text("checksum"),
        visibility=found.text("visibility"),
        hidden=found.get("os_hidden") is True,  # before Glance 2.7 a property of that name may be any text
        protected=found.flag("protected"),
        stores=_listed(texts.get("stores")),
        failed_stores=_listed(texts.get("os_glance_failed_import")),
        pending_stores=_listed(texts.get("os_glance_importing_to_stores")),
        properties=texts,
        container_format=found.text("container_format"),
        owner=found.text("owner"),
        created_at=found.text("created_at"),
        min_disk_gib=found.number("min_disk"),
        virtual_size_bytes=found.number("virtual_size"),
        min_ram_mib=found.number("min_ram"),
        tags=found.texts("tags"),
    )


class _Fields(dict[str, Any]):
    """The attributes of one image, each as the type that it has to be. Raises CloudError."""

    def __init__(self, document: Any, source: str) -> None:
        self._source = source
        if not isinstance(document, dict):
            raise not_understood(source, f"it is {kind_of(document)} and not an image record")
        super().__init__(document)

    def required(self, key: str) -> str:
        """Text that is there."""
        text = self.text(key)
        if not text:
            raise not_understood(self._source, f"an image record has no {key}")
        return text

    def text(self, key: str, *, shown: bool = True) -> str | None:
        """Text, or nothing; as it is where it is not `shown`."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise self._wrong(key, value)
        return printable(value) if shown else value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or nothing."""
        value = self.get(key)
        if value is not None and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            raise self._wrong(key, value)
        return tuple(value or ())

    def number(self, key: str) -> int | None:
        """A size, or nothing."""
        value = self.get(key)
        if value is None:
            return None
        if type(value) is not int or not 0 <= value < MAX_SIZE:
            raise self._wrong(key, value)
        return value

    def flag(self, key: str) -> bool:
        """True only where it says so."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(key, value)
        return bool(value)

    def _wrong(self, key: str, value: object) -> CloudError:
        return not_understood(self._source, f"{key} of an image is {kind_of(value)}")


def _listed(text: str | None) -> tuple[str, ...]:
    """Glance lists stores with commas between them."""
    return tuple(part for part in (text or "").split(",") if part)
