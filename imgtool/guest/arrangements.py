"""Systems whose root is put together at the boot: OSTree's deployments, NixOS' closures, Flatcar's /etc.

OSTree: "Deployments" and "Atomic Upgrades" of its documentation, ostree-prepare-root(1); bootc uses the same.
NixOS: nixos/modules/system/boot/stage-2-init.sh and etc/etc.nix, modules/system/activation of nixpkgs.
Flatcar: disk layout and boot process in its documentation; /etc lies over /usr/share/flatcar/etc.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from imgtool.guest.device import Device
from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.overlay import OverlayNode
from imgtool.guest.tree import GuestTree
from imgtool.util.text import enumerated

MAX_DEPLOYMENTS = 50
"""Deployments that are looked at; OSTree itself keeps two or three."""
DEPLOYMENT = re.compile(r"/ostree/deploy/([^/]{1,255})/deploy/[0-9a-f]{64}\.\d{1,9}")
OSTREE_ENTRY = re.compile(r"ostree-(\d{1,4})(?:-.{1,255})?\.conf")
NIX_PROFILE = "/nix/var/nix/profiles/system"
FLATCAR_ETC = ("/usr/share/flatcar/etc", "/usr/share/coreos/etc")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a root is put together."""

    kind: str
    """ostree, nixos, flatcar."""
    node: Node
    """The top."""
    mounts: Mapping[str, Node] = field(default_factory=dict)
    """What the boot puts where, by itself and not by fstab."""


def arrange(top: Node, options: str | None, devices: Sequence[Device] = ()) -> Arrangement | None:
    """How the file system below `top` becomes a root; None where it is one as it stands.

    `options` is the kernel's command line where it is known; on `devices` are the entries of the boot loader.
    Raises GuestReadError where more than one deployment is there and nothing says which one boots.
    """
    tree = GuestTree({"/": top})
    if tree.is_directory("/ostree/deploy"):
        return _ostree(tree, top, options, devices)
    if tree.is_directory("/nix/store"):
        return _nixos(tree, top, options)
    return None


def is_arranged(top: Node) -> bool:
    """Whether `arrange` has something to do there."""
    tree = GuestTree({"/": top})
    return tree.is_directory("/ostree/deploy") or (
        tree.is_directory("/nix/store") and tree.is_link(NIX_PROFILE)
    )


def flatcar_etc(tree: GuestTree) -> Node | None:
    """/etc of Flatcar: what the root has of its own over what /usr brings; None on all other systems."""
    lower = next((node for path in FLATCAR_ETC if (node := _directory(tree, path)) is not None), None)
    if lower is None:
        return None
    upper = _directory(tree, "/etc")
    return lower if upper is None else OverlayNode(upper, lower)


# ---------------------------------------------------------------- OSTree


def _ostree(tree: GuestTree, top: Node, options: str | None, devices: Sequence[Device]) -> Arrangement | None:
    path = _deployment(tree, options, devices)
    node = _directory(tree, path) if path is not None else None
    match = DEPLOYMENT.fullmatch(path or "")
    if node is None or match is None:
        return None
    mounts = {"/sysroot": top}
    state = _directory(tree, f"/ostree/deploy/{match[1]}/var")
    if state is not None:
        mounts["/var"] = state
    boot = _boot(tree, devices)
    if boot is not None:
        mounts["/boot"] = boot
    return Arrangement("ostree", node, mounts)


def _deployment(tree: GuestTree, options: str | None, devices: Sequence[Device]) -> str | None:
    """What ostree= leads to, of the command line, else of the first boot entry; else the only one."""
    for said in (parse_command_line(options or "").value("ostree"), _by_entries(tree, devices)):
        found = tree.resolve(said) if said is not None else None
        if found is not None and DEPLOYMENT.fullmatch(found):
            return found
    found_all = [path for path in _deployments(tree) if DEPLOYMENT.fullmatch(path)]
    if len(found_all) > 1:
        names = enumerated([posixpath.basename(path)[:12] for path in found_all])
        raise GuestReadError(f"more than one deployment of OSTree ({names}): it is not clear which one boots")
    return found_all[0] if found_all else None


def _deployments(tree: GuestTree) -> Iterator[str]:
    for system in tree.names("/ostree/deploy")[:MAX_DEPLOYMENTS]:
        below = f"/ostree/deploy/{system}/deploy"
        for name in tree.names(below)[:MAX_DEPLOYMENTS]:
            if tree.is_directory(f"{below}/{name}"):
                yield f"{below}/{name}"


def _by_entries(tree: GuestTree, devices: Sequence[Device]) -> str | None:
    """The entry of OSTree's with the highest number stands first in every boot loader."""
    boot = _boot(tree, devices)
    entries = GuestTree({"/": boot}) if boot is not None else None
    if entries is None:
        return None
    directory = "/loader/entries"
    numbered = ((OSTREE_ENTRY.fullmatch(name), name) for name in entries.names(directory))
    found = sorted((int(match[1]), name) for match, name in numbered if match is not None)
    text = entries.read_text(f"{directory}/{found[-1][1]}") if found else None
    lines = [line.partition(" ") for line in (text or "").splitlines()]
    return parse_command_line(" ".join(rest for key, _, rest in lines if key == "options")).value("ostree")


def _boot(tree: GuestTree, devices: Sequence[Device]) -> Node | None:
    """The top of the boot partition, or /boot of the same file system."""
    for device in devices:
        try:
            top = device.filesystem.root()
            beside = GuestTree({"/": top})
            is_boot = beside.is_directory("/loader/entries") and beside.is_directory("/ostree")
            if is_boot and not beside.is_directory("/ostree/deploy"):
                return top
        except GuestReadError:
            continue
    return _directory(tree, "/boot")


# ---------------------------------------------------------------- NixOS


def _nixos(tree: GuestTree, top: Node, options: str | None) -> Arrangement | None:
    """The closure whose init is started: init= of the boot entry, else the system's profile."""
    init = parse_command_line(options or "").value("init") or ""
    named = posixpath.dirname(init) if init.startswith("/nix/store/") else NIX_PROFILE
    closure = _directory(tree, named) or _directory(tree, NIX_PROFILE)
    if closure is None:
        return None
    mounts: dict[str, Node] = {"/run/current-system": closure, "/run/booted-system": closure}
    inside = GuestTree({"/": top, "/run/booted-system": closure})
    modules = _directory(inside, "/run/booted-system/kernel-modules/lib/modules")
    if modules is not None:
        mounts["/lib/modules"] = modules
    made, own = _directory(inside, "/run/booted-system/etc"), _directory(inside, "/etc")
    if made is not None:
        mounts["/etc"] = made if own is None else OverlayNode(made, own)
    return Arrangement("nixos", top, mounts)


def _directory(tree: GuestTree, path: str) -> Node | None:
    node = tree.node(path)
    return node if node is not None and node.kind is Kind.DIRECTORY else None
