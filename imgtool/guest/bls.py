"""Boot Loader Specification entries, and systemd-boot's choice among them.

Sources: the UAPI Group's "Boot Loader Specification" and systemd's loader.conf(5).
"""

import fnmatch
import posixpath
import re

from imgtool.guest.boot_entry import MAX_ENTRIES, BootEntry
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.pe import pe_sections, section_text
from imgtool.guest.tree import GuestTree
from imgtool.guest.version_order import VersionKey, version_key

MAX_ENTRY_BYTES = 64 << 10

_TRIES = re.compile(r"\+(\d+)(-\d+)?$")
"""Boot counting: `+LEFT-DONE` at the end of a name."""


def read_bls_entries(tree: GuestTree, base: str) -> list[BootEntry]:
    """Type #1 entries: the files of `base`/loader/entries, newest first as boot loaders sort them."""
    directory = posixpath.join(base, "loader/entries")
    names = [name for name in tree.names(directory) if name.endswith(".conf")]
    if len(names) > MAX_ENTRIES:
        raise GuestReadError(f"{directory}: more than {MAX_ENTRIES} entries")
    found = [
        (_sort_key(fields, name), _entry(fields, name, directory, base))
        for name in names
        if (fields := _fields(tree, posixpath.join(directory, name)))
    ]
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0], reverse=True) if entry.linux]


def read_unified_images(tree: GuestTree, base: str) -> list[BootEntry]:
    """Type #2 entries: the unified kernel images of `base`/EFI/Linux, newest name first."""
    directory = posixpath.join(base, "EFI/Linux")
    names = [name for name in tree.names(directory) if name.lower().endswith(".efi")]
    names = sorted(names[:MAX_ENTRIES], key=version_key, reverse=True)
    return [_unified(tree, posixpath.join(directory, name), base) for name in names]


def systemd_boot_default(entries: list[BootEntry], loader_conf: str) -> tuple[BootEntry | None, str]:
    """The entry that systemd-boot starts, and what decides it.

    Raises GuestReadError where that stands in the firmware's variables, which are not in an image.
    """
    pattern = _field(loader_conf, "default")
    if pattern.startswith("@"):
        raise GuestReadError(f"loader.conf: default {pattern} is kept in the firmware, not in the image")
    if pattern:
        for entry in entries:
            if fnmatch.fnmatchcase(_identifier(entry), pattern):
                return entry, f"default {pattern}"
    return (entries[0], "its first entry") if entries else (None, "no entry")


def _identifier(entry: BootEntry) -> str:
    return entry.name if entry.unified else f"{entry.name}.conf"


def _fields(tree: GuestTree, path: str) -> dict[str, list[str]]:
    content = tree.read_bytes(path, MAX_ENTRY_BYTES)
    found: dict[str, list[str]] = {}
    for line in (content or b"").decode("utf-8", "replace").splitlines():
        words = line.strip().split(maxsplit=1)
        if len(words) == 2 and not words[0].startswith("#"):
            found.setdefault(words[0].lower(), []).append(words[1])
    return found


def _field(text: str, name: str) -> str:
    """The last value of `name` in a file of `name value` lines."""
    words = (line.strip().split(maxsplit=1) for line in text.splitlines())
    values = [pair[1].strip() for pair in words if len(pair) == 2 and pair[0] == name]
    return values[-1] if values else ""


def _entry(fields: dict[str, list[str]], name: str, directory: str, base: str) -> BootEntry:
    initrds = [path for value in fields.get("initrd", ()) for path in value.split()]
    return BootEntry(
        name=_TRIES.sub("", name.removesuffix(".conf")),
        title=_last(fields, "title"),
        source=posixpath.join(directory, name),
        linux=_last(fields, "linux"),
        initrds=tuple(initrds),
        options=" ".join(fields.get("options", ())),
        version=_last(fields, "version"),
        base=base,
    )


def _last(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[-1]


def _sort_key(fields: dict[str, list[str]], name: str) -> tuple[bool, bool, VersionKey, VersionKey]:
    """Largest first: entries that still may be tried, by version where the sort key asks for it, by name."""
    stem = name.removesuffix(".conf")
    tries = _TRIES.search(stem)
    usable = tries is None or int(tries[1][:9]) > 0
    by_key = bool(fields.get("sort-key"))
    version = version_key(_last(fields, "version")) if by_key else ()
    return usable, by_key, version, version_key(_TRIES.sub("", stem))


def _unified(tree: GuestTree, path: str, base: str) -> BootEntry:
    name = posixpath.basename(path)
    texts = _section_texts(tree, path)
    return BootEntry(
        name=name,
        title=name,
        source=path,
        linux=path,
        initrds=(path,),
        options=texts.get(".cmdline", ""),
        version=texts.get(".uname", ""),
        base=base,
        unified=True,
    )


def _section_texts(tree: GuestTree, path: str) -> dict[str, str]:
    """`.uname` and `.cmdline`; empty for a file that is no PE file, which boots nothing."""
    stream = tree.open(path)
    if stream is None:
        return {}
    try:
        sections = pe_sections(stream)
    except GuestReadError:
        return {}
    return {name: section_text(stream, sections[name]) for name in (".uname", ".cmdline") if name in sections}
