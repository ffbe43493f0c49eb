"""What Glance says of an image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgtool.errors import CloudError
from imgtool.text import printable


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


def parse(document: Any) -> Record:
    """One image of an answer. Raises CloudError where it is none."""
    if not isinstance(document, dict) or "status" not in document:
        raise CloudError(
            "Glance's answer is not an image record", hint="is the image endpoint really Glance?"
        )
    texts = {key: printable(value) for key, value in document.items() if isinstance(value, str)}
    size = document.get("size")
    return Record(
        id=texts.get("id", ""),
        status=texts.get("status", ""),
        name=str(document.get("name") or ""),
        size_bytes=size if isinstance(size, int) else None,
        disk_format=texts.get("disk_format"),
        hash_algorithm=texts.get("os_hash_algo"),
        hash_value=texts.get("os_hash_value"),
        md5=texts.get("checksum"),
        visibility=texts.get("visibility"),
        hidden=document.get("os_hidden") is True,
        protected=document.get("protected") is True,
        stores=_listed(texts.get("stores")),
        failed_stores=_listed(texts.get("os_glance_failed_import")),
        pending_stores=_listed(texts.get("os_glance_importing_to_stores")),
        properties=texts,
    )


def _listed(text: str | None) -> tuple[str, ...]:
    """Glance lists stores with commas between them."""
    return tuple(part for part in (text or "").split(",") if part)
