"""Which kernel boots, and with which files and options.

Asked in this order: GRUB's grub.cfg with its environment block (and the BLS entries that it uses), then
systemd-boot's loader.conf with BLS entries and unified kernel images, then extlinux. Where none of them
decides, the newest kernel is taken, by the order in version_order.py, as boot loaders' own tools do.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from imgtool.guest import bls, grub
from imgtool.guest.boot_entry import BootEntry, located, version_in_path
from imgtool.guest.extlinux import parse_extlinux
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.tree import GuestTree
from imgtool.text import printable

MAX_MENU_BYTES = 1 << 20
"""Of a grub.cfg; one with fifty kernels has 100 KiB."""

GRUB_DIRECTORIES = ("/boot/grub2", "/boot/grub")
ESP_DIRECTORIES = ("/boot/efi", "/efi", "/boot")
EXTLINUX_FILES = ("/boot/extlinux.conf", "/boot/extlinux/extlinux.conf", "/boot/syslinux/syslinux.cfg")


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

    @property
    def options(self) -> str:
        """The kernel command line as far as the boot loader's files say it."""
        return self.entry.options if self.entry is not None else ""


@dataclass(frozen=True, slots=True)
class _Menu:
    default: BootEntry | None
    evidence: str
    entries: tuple[BootEntry, ...]


def choose_kernel(tree: GuestTree, kernels: tuple[InstalledKernel, ...]) -> BootChoice:
    """The kernel among `kernels` (newest first) that boots."""
    try:
        menu = next(_menus(tree), None)
    except GuestReadError as error:
        return _newest(kernels, f"the newest by version, as the boot menu cannot be read: {error}", ())
    if menu is None or menu.default is None:
        reason = "no boot menu was found" if menu is None else f"{menu.evidence} names no kernel"
        return _newest(kernels, f"the newest by version: {reason}", menu.entries if menu else ())
    version = entry_version(tree, menu.default, kernels)
    missing = _missing(tree, menu.default)
    others = tuple(entry for entry in menu.entries if entry is not menu.default)
    if version is None:
        reason = f"{menu.evidence} boots {printable(menu.default.linux)}, which is no installed kernel's"
        newest = _newest(kernels, f"the newest by version: {reason}", menu.entries)
        return replace(newest, missing=missing)
    return BootChoice(version, menu.evidence, menu.default, (menu.default, *others), missing)


def _missing(tree: GuestTree, entry: BootEntry) -> str | None:
    """What the boot loader looks for in vain. Only itself can tell where a variable is in the name."""
    behind_device = re.sub(r"^\([^)]*\)", "", entry.linux)
    if "$" in behind_device or located(tree, entry, entry.linux) is not None:
        return None
    return printable(entry.linux)


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


def _menus(tree: GuestTree) -> Iterator[_Menu]:
    """The boot menus that are there, the likeliest first."""
    for path in _grub_files(tree):
        content = tree.read_bytes(path, MAX_MENU_BYTES)
        menu = _grub_menu(tree, path, content.decode("utf-8", "replace")) if content else None
        if menu is not None and menu.entries:
            yield menu
    for base in ESP_DIRECTORIES:
        menu = _systemd_boot_menu(tree, base)
        if menu.entries:
            yield menu
    for path in EXTLINUX_FILES:
        text = tree.read_text(path)
        if text:
            default, label, entries = parse_extlinux(text, path)
            yield _Menu(default, f"{path}: {printable(label)}", entries)


def _grub_files(tree: GuestTree) -> Iterator[str]:
    for directory in GRUB_DIRECTORIES:
        yield posixpath.join(directory, "grub.cfg")
    for name in tree.names("/boot/efi/EFI"):
        yield posixpath.join("/boot/efi/EFI", name, "grub.cfg")


def _grub_menu(tree: GuestTree, path: str, text: str) -> _Menu:
    menu = grub.parse_grub_cfg(text, path)
    environment_path = posixpath.join(posixpath.dirname(path), "grubenv")
    environment = grub.parse_environment(tree.read_text(environment_path) or "")
    if menu.bls_position is not None:
        menu.items[menu.bls_position : menu.bls_position] = _bls_items(
            tree, {**menu.variables, **environment}
        )
    default, why = _grub_default(menu, environment, path, environment_path)
    item = grub.select(menu.items, default)
    if item is None:
        why = f"{why}, which is no entry, so the first one"
        item = grub.select(menu.items, "0")
    entry = item.entry if item is not None else None
    title = f" ({printable(item.title)})" if item is not None else ""
    return _Menu(entry, f"{why}{title}", tuple(grub.all_entries(menu.items)))


def _grub_default(
    menu: grub.GrubMenu, environment: dict[str, str], path: str, environment_path: str
) -> tuple[str, str]:
    """The value that names the default entry, and where it stands."""
    if menu.honours_next_entry and environment.get("next_entry"):
        value = environment["next_entry"]
        return value, f"{environment_path}: next_entry={printable(value)}"
    variable = re.fullmatch(r"\$\{?(\w+)\}?", menu.default)
    if variable is None:
        value = menu.default or "0"
        return value, f"{path}: default={printable(value)}"
    value = environment.get(variable[1], "")
    where = f"{environment_path}: {variable[1]}={printable(value)}"
    return (value, where) if value else ("0", f"{environment_path}: no {variable[1]}, so entry 0")


def _bls_items(tree: GuestTree, variables: dict[str, str]) -> list[grub.MenuItem]:
    """The entries of /boot/loader/entries as GRUB's blscfg shows them, variables expanded."""
    expanded = (
        replace(entry, options=re.sub(r"\$(\w+)", lambda m: variables.get(m[1], ""), entry.options))
        for entry in bls.read_bls_entries(tree, "/boot")
    )
    return [grub.MenuItem(entry.title, entry.name, entry) for entry in expanded]


def _systemd_boot_menu(tree: GuestTree, base: str) -> _Menu:
    entries = [*bls.read_bls_entries(tree, base), *bls.read_unified_images(tree, base)]
    path = posixpath.join(base, "loader/loader.conf")
    default, why = bls.systemd_boot_default(entries, tree.read_text(path) or "")
    title = f" ({printable(default.title or default.name)})" if default is not None else ""
    where = path if tree.is_file(path) else posixpath.join(base, "loader")
    return _Menu(default, f"{where}: {printable(why)}{title}", tuple(entries))
