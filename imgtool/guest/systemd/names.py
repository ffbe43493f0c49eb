"""Names of units: their parts, and how paths are written in them. Source: systemd.unit(5), unit-name.c."""

import posixpath
import re
from collections.abc import Iterator

TYPES = (
    "service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope",
)  # fmt: skip
MAX_NAME = 255
_VALID = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_PLAIN = re.compile(r"[A-Za-z0-9:_.]")


def is_unit_name(name: str) -> bool:
    """Whether it names a unit: plain, a template (`x@.service`) or an instance (`x@y.service`)."""
    stem, dot, kind = name.rpartition(".")
    return bool(dot and stem and kind in TYPES and len(name) <= MAX_NAME and _VALID.fullmatch(stem)) and (
        not stem.startswith("@")
    )


def unit_type(name: str) -> str:
    """Return the unit's suffix without the dot."""
    return name.rpartition(".")[2]


def instance_of(name: str) -> str | None:
    """What stands between `@` and the suffix: empty for a template, None for a plain name."""
    stem = name.rpartition(".")[0]
    _, at, instance = stem.partition("@")
    return instance if at else None


def template_of(name: str) -> str | None:
    """`x@.service` of `x@y.service`; None where the name is no instance."""
    if not instance_of(name):
        return None
    stem, _, kind = name.rpartition(".")
    return f"{stem.partition('@')[0]}@.{kind}"


def with_instance(name: str, instance: str) -> str:
    """The template or instance `name` with another instance."""
    stem, _, kind = name.rpartition(".")
    return f"{stem.partition('@')[0]}@{instance}.{kind}"


def prefix_of(name: str) -> str:
    """What stands before `@`, or before the suffix."""
    return name.rpartition(".")[0].partition("@")[0]


def drop_in_names(name: str) -> Iterator[str]:
    """The name, its template, and its prefixes that end in a dash: the order of unit_file_find_dirs."""
    yield name
    template = template_of(name)
    if template is not None:
        yield from drop_in_names(template)
    prefix = _shorter(prefix_of(name))
    if prefix is not None:
        instance = instance_of(name)
        kind = unit_type(name)
        yield from drop_in_names(f"{prefix}.{kind}" if instance is None else f"{prefix}@{instance}.{kind}")


def _shorter(prefix: str) -> str | None:
    """`foo-` of `foo-bar` and of `foo-bar-`: up to the last dash that is not the end."""
    place = prefix.removesuffix("-").rfind("-")
    return prefix[: place + 1] if place > 0 else None


def escape_path(path: str) -> str:
    """Escape a path as systemd-escape(1) --path does: `/var/lib` is `var-lib`, `/` is `-`."""
    parts = [part for part in posixpath.normpath(path).split("/") if part]
    if not parts:
        return "-"
    return "-".join(_escaped(part, first=not index) for index, part in enumerate(parts))


def _escaped(part: str, *, first: bool) -> str:
    raw = part.encode("utf-8", "surrogateescape")
    return "".join(
        chr(byte) if byte < 128 and _PLAIN.fullmatch(chr(byte)) and not (first and not at and byte == 46)
        else f"\\x{byte:02x}"
        for at, byte in enumerate(raw)
    )  # fmt: skip


def unescape(text: str) -> str:
    """The other way, for any string: `-` is `/`, `\\x2d` is `-`."""
    raw = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "\\" and re.fullmatch(r"x[0-9A-Fa-f]{2}", text[at + 1 : at + 4]):
            raw.append(int(text[at + 2 : at + 4], 16))
            at += 4
            continue
        raw += b"/" if text[at] == "-" else text[at].encode("utf-8", "surrogateescape")
        at += 1
    return raw.decode("utf-8", "replace")


def specified(text: str, name: str) -> str:
    """`text` with the specifiers of the unit's name in their places; others stay as they are."""
    if "%" not in text:
        return text
    instance = instance_of(name) or ""
    values = {
        "%%": "%",
        "%n": name,
        "%N": name.rpartition(".")[0],
        "%p": prefix_of(name),
        "%P": unescape(prefix_of(name)),
        "%i": instance,
        "%I": unescape(instance),
        "%j": prefix_of(name).rpartition("-")[2],
        "%J": unescape(prefix_of(name).rpartition("-")[2]),
        "%f": "/" + unescape(instance or prefix_of(name)).lstrip("/"),
        "%E": "/etc",
        "%S": "/var/lib",
        "%C": "/var/cache",
        "%L": "/var/log",
        "%t": "/run",
        "%T": "/tmp",  # noqa: S108 - of the guest
        "%V": "/var/tmp",  # noqa: S108 - of the guest
        "%h": "/root",
        "%u": "root",
        "%U": "0",
    }
    return re.sub(r"%.", lambda match: values.get(match[0], match[0]), text)
