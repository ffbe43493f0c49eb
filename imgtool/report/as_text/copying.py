"""What was copied into further stores, as text: a block for each cloud."""

from collections.abc import Iterable, Iterator

from imgtool.model.copying import Copy, CopyFailure
from imgtool.report.as_text.layout import Paint, plain, section
from imgtool.util.text import human_size


def copied(found: Iterable[Copy | CopyFailure], paint: Paint = plain) -> str:
    """`imgtool copy`."""
    return "\n\n".join("\n".join(section("copy", list(_rows(one)), paint)) for one in found)


def _rows(one: Copy | CopyFailure) -> Iterator[tuple[str, str]]:
    yield "cloud", one.cloud
    if isinstance(one, CopyFailure):
        yield from (("image", one.image), ("failed", one.error.message), ("hint", one.error.hint))
        return
    yield "image", f"{one.image_id} {one.name}"
    yield "copied into", " ".join(one.copied) or "none: it was in all of them"
    yield "stores", " ".join(one.stores)
    yield "size", f"{human_size(one.size_bytes)} ({one.size_bytes} bytes)"
    yield one.hash_algorithm, one.hash_value
    yield "time", f"{one.seconds:.1f} s"
