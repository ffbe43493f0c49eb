"""The kernel of the machine that imgtool runs on, for a guest whose own kernel does not start.

Sources: modules.dep(5), and kernel-install(8) for where distributions keep a kernel.
"""

import gzip
import lzma
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BOOT = Path("/boot")
MODULES = Path("/lib/modules")
_SUFFIX = re.compile(r"\.ko(?:\.gz|\.xz|\.zst)?$")


@dataclass(frozen=True, slots=True)
class HostKernel:
    """One that can be started here."""

    version: str
    image: Path
    modules: tuple[Path, ...]
    """The drivers' files, each after what it needs."""


def find(architecture: str, drivers: Sequence[str], needed: Sequence[str]) -> HostKernel | None:
    """The newest kernel of this machine that has all `needed` of the drivers; None where none is readable."""
    if platform.machine() != architecture or not MODULES.is_dir():
        return None
    for folder in sorted(MODULES.iterdir(), key=_by_version, reverse=True):
        images = (BOOT / f"vmlinuz-{folder.name}", folder / "vmlinuz")
        image = next((one for one in images if os.access(one, os.R_OK)), None)
        modules = _modules(folder, drivers, needed) if image is not None else None
        if image is not None and modules is not None:
            return HostKernel(folder.name, image, modules)
    return None


def module_bytes(path: Path) -> bytes:
    """The module in the file, unpacked."""
    content = path.read_bytes()
    match path.suffix:
        case ".gz":
            return gzip.decompress(content)
        case ".xz":
            return lzma.decompress(content)
        case ".zst":
            import zstandard  # noqa: PLC0415 - loaded only where it is needed: it makes a start slower

            return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return content


def _by_version(folder: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", folder.name)
    return [(int(one), "") if one.isdecimal() else (-1, one) for one in parts]


def _modules(folder: Path, drivers: Sequence[str], needed: Sequence[str]) -> tuple[Path, ...] | None:
    """The files of these drivers, as far as it has them; None where one that is needed is not there."""
    try:
        modules = dict(_dependencies((folder / "modules.dep").read_text(encoding="utf-8")))
        builtin = {_name(one) for one in (folder / "modules.builtin").read_text(encoding="utf-8").split()}
    except OSError:
        return None
    if not builtin.union(modules).issuperset(needed):
        return None
    wanted = [one for one in drivers if one in modules]
    return tuple(folder / path for path in dict.fromkeys(_in_order(wanted, modules)))


def _in_order(wanted: Sequence[str], needs: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for name in wanted:
        path, *below = needs[name]
        yield from reversed(below)  # modules.dep has what is needed last, last
        yield path


def _dependencies(content: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in content.splitlines():
        path, _, below = line.partition(":")
        yield _name(path), (path, *below.split())


def _name(path: str) -> str:
    return _SUFFIX.sub("", path.rpartition("/")[2]).replace("-", "_")
