"""cloud-init's merged configuration, as far as it is asked for: datasources, default user, growing the root.

/etc/cloud/cloud.cfg first, then /etc/cloud/cloud.cfg.d/*.cfg in the order of their names; a later file wins,
and a list replaces a list ("Base configuration" in cloud-init's documentation).
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imgtool.guest.fact import fact_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_nodes import at, items_of, strings, text_of, yaml_root
from imgtool.model.facts import Fact, Known
from imgtool.text import printable

if TYPE_CHECKING:
    from yaml.nodes import Node

MAIN = "/etc/cloud/cloud.cfg"
DIRECTORY = "/etc/cloud/cloud.cfg.d"
MAX_FILES = 200
MAX_FILE_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """What the files say; None where none of them does."""

    datasources: Known[tuple[str, ...]] | None = None
    default_user: Known[str | None] | None = None
    modules: Known[frozenset[str]] | None = None
    """Of `cloud_init_modules`: what its first stage runs."""
    growpart_mode: Known[str] | None = None
    """As written: auto, growpart, off."""
    resize_root: Known[str] | None = None
    """`resize_rootfs`, as written."""


def cloud_config_fact(tree: GuestTree) -> Fact[CloudConfig]:
    """The same as a fact: read once, and asked by several."""
    return fact_of(lambda: Known(read_cloud_config(tree), MAIN))


def read_cloud_config(tree: GuestTree) -> CloudConfig:
    """Raises GuestReadError where one of the files is no YAML: it could have held what is asked for."""
    merged = CloudConfig()
    for path in _files(tree):
        content = tree.read_bytes(path, MAX_FILE_BYTES)
        if content is not None:
            merged = _merge(merged, path, content)
    return merged


def _files(tree: GuestTree) -> Iterator[str]:
    yield MAIN
    names = [name for name in tree.names(DIRECTORY) if name.endswith(".cfg")]
    if len(names) > MAX_FILES:
        raise GuestReadError(f"{DIRECTORY}: more than {MAX_FILES} files")
    yield from (posixpath.join(DIRECTORY, name) for name in names)


def _merge(merged: CloudConfig, path: str, content: bytes) -> CloudConfig:
    root = yaml_root(content, path)
    where = printable(path)
    listed = at(root, "datasource_list")
    if listed is not None:
        names = tuple(printable(name) for name in strings(listed))
        merged = replace(merged, datasources=Known(names, f"{where}: datasource_list: {', '.join(names)}"))
    user = text_of(at(root, "system_info", "default_user", "name"))
    if user:
        name = printable(user)
        merged = replace(merged, default_user=Known(name, f"{where}: default_user: name: {name}"))
    return _merge_growth(merged, where, root)


def _merge_growth(merged: CloudConfig, where: str, root: "Node | None") -> CloudConfig:
    modules = at(root, "cloud_init_modules")
    if modules is not None:
        names = frozenset(_module_names(modules))
        merged = replace(merged, modules=Known(names, f"{where}: cloud_init_modules"))
    mode = text_of(at(root, "growpart", "mode"))
    if mode:
        merged = replace(merged, growpart_mode=Known(mode, f"{where}: growpart: mode: {printable(mode)}"))
    resize = text_of(at(root, "resize_rootfs"))
    if resize:
        merged = replace(merged, resize_root=Known(resize, f"{where}: resize_rootfs: {printable(resize)}"))
    return merged


def _module_names(modules: "Node") -> Iterator[str]:
    """An item is a module's name, or a list of the name and how often it runs."""
    for item in items_of(modules):
        yield from strings(item)[:1]
