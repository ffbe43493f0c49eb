"""Which of the installed kernels boots, and with which files and options: what the boot loader comes to says.

Where no boot loader starts one, the newest kernel is taken for what would be started, by the order in
version_order.py, as boot loaders' own tools do.
"""

import posixpath
from dataclasses import dataclass, replace

from imgtool.guest.bootloader.entry import BootEntry, located, version_in_path
from imgtool.guest.bootloader.kernel_image import read_kernel_image
from imgtool.guest.bootloader.run import LoadedEntry, LoaderRun
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable


@dataclass(frozen=True, slots=True)
class BootChoice:
    """The kernel that boots. `version` is None where no kernel is installed."""

    version: str | None
    evidence: str
    entry: BootEntry | None = None
    entries: tuple[BootEntry, ...] = ()
    """All entries of the menu, the default one first."""
    missing: str | None = None
    """The kernel image that the default entry names, where there is no such file."""
    loaded: LoadedEntry | None = None
    """What the boot loader makes of `entry`, where its run is known."""
    image_version: str = ""
    """What the image itself says that is loaded; empty where it does not, or none is."""

    @property
    def options(self) -> str:
        """The kernel command line as far as the boot loader's files say it."""
        return self.entry.options if self.entry is not None else ""


def choose_kernel(run: LoaderRun | None, tree: GuestTree, kernels: tuple[InstalledKernel, ...]) -> BootChoice:
    """The kernel among `kernels` (newest first) that `run` starts, by itself or at a key.

    A kernel is known by what its image says, before what the entry and the names of files say. `run` is None
    where the firmware starts no boot loader.
    """
    if run is None:
        return _newest(kernels, "the newest by version, as the firmware starts no boot loader", ())
    evidence = f"{run.places[-1]}: {run.reason}" if run.places else run.reason
    booted = run.booted
    if booted is None or booted.kernel is None:
        newest = _newest(kernels, f"the newest by version, as nothing starts: {evidence}", run.entries)
        if booted is None:
            return newest
        return replace(newest, entry=booted.entry, missing=_missing(tree, booted.entry))
    said = _image_version(booted)
    version = _loaded_version(tree, booted, said, kernels)
    entries = (booted.entry, *(entry for entry in run.entries if entry != booted.entry))
    if version is None:
        shown = printable(f"{booted.kernel}{f' ({said})' if said else ''}")
        newest = _newest(
            kernels, f"the newest by version: {evidence} boots {shown}, {_NONE_OF_THEM}", entries
        )
        return replace(newest, entry=booted.entry, loaded=booted, image_version=said)
    return BootChoice(version, evidence, booted.entry, entries, None, booted, said)


def _missing(tree: GuestTree, entry: BootEntry) -> str | None:
    """The image that the entry names, where it is not there: a loader also stops for other reasons."""
    return None if located(tree, entry, entry.linux) is not None else printable(entry.linux) or None


_NONE_OF_THEM = "which is no installed kernel's"


def _image_version(booted: LoadedEntry) -> str:
    """A unified image says it in its section `.uname`, an x86 kernel in its header."""
    if booted.kernel is None or booted.entry.unified:
        return booted.entry.version
    try:
        return read_kernel_image(booted.kernel.open(), booted.kernel.size_bytes).version
    except GuestReadError:
        return ""


def _loaded_version(
    tree: GuestTree, booted: LoadedEntry, said: str, kernels: tuple[InstalledKernel, ...]
) -> str | None:
    installed = frozenset(kernel.version for kernel in kernels)
    if said:
        return said if said in installed else None
    if booted.kernel is None:
        return None
    return entry_version(tree, replace(booted.entry, linux=booted.kernel.path), kernels)


def entry_version(tree: GuestTree, entry: BootEntry, kernels: tuple[InstalledKernel, ...]) -> str | None:
    """The version of the installed kernel that `entry` boots; None where it is none of them."""
    installed = frozenset(kernel.version for kernel in kernels)
    if entry.version in installed:
        return entry.version
    path = located(tree, entry, entry.linux)
    resolved = tree.resolve(path) if path is not None else None
    if resolved is not None:
        for kernel in kernels:
            if kernel.image is not None and tree.resolve(kernel.image) == resolved:
                return kernel.version
    candidates = [candidate for candidate in (resolved, entry.linux) if candidate]
    named = (version_in_path(candidate, installed) for candidate in candidates)
    return next((version for version in named if version is not None), _by_flavour(candidates, kernels))


def _by_flavour(candidates: list[str], kernels: tuple[InstalledKernel, ...]) -> str | None:
    """The newest kernel whose flavour an image is named after: Arch copies it to /boot/vmlinuz-linux."""
    names = {posixpath.basename(candidate) for candidate in candidates}
    return next((k.version for k in kernels if k.flavour and f"vmlinuz-{k.flavour}" in names), None)


def _newest(
    kernels: tuple[InstalledKernel, ...], evidence: str, entries: tuple[BootEntry, ...]
) -> BootChoice:
    if not kernels:
        return BootChoice(None, "no kernel is installed", None, entries)
    return BootChoice(kernels[0].version, evidence, None, entries)
