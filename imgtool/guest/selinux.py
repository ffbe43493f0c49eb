"""Whether SELinux lets the guest come up: a policy, and files with labels.

Sources: selinux(8), selinux_config(5), selinux-autorelabel(8); libselinux's selinux_init_load_policy; the
kernel's Documentation/admin-guide/LSM (`lsm=`, `security=`, `selinux=`). Of the big modules, AppArmor and
SELinux among them, the first of CONFIG_LSM is on.
"""

import re
from collections.abc import Iterator

from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.model.services import Trouble
from imgtool.util.text import enumerated, printable

CONFIG = "/etc/selinux/config"
MAX_CONFIG_BYTES = 64 << 10
MAX_KERNEL_CONFIG_BYTES = 1 << 20
ATTRIBUTE = "security.selinux"
LABELLED = (
    "/",
    "/etc",
    "/etc/passwd",
    "/usr",
    "/usr/lib/systemd/systemd",
    "/usr/sbin/init",
    "/usr/sbin/sshd",
    "/usr/bin/bash",
)
"""What a boot and a login need; those that are there are looked at."""
WITHOUT_LABEL = re.compile(rb":(?:unlabeled_t|file_t)(?::|\0|$)")
EXCLUSIVE = ("selinux", "apparmor", "smack", "tomoyo")
RELABEL = "/.autorelabel"


def read_selinux_troubles(
    tree: GuestTree, command_line: CommandLine, release: str | None
) -> Known[tuple[Trouble, ...]]:
    """What SELinux would keep from working; `release` is the kernel that boots."""
    off = _why_off(tree, command_line, release)
    if off is not None:
        return Known((), off)
    kind = _setting(tree, "SELINUXTYPE") or "targeted"
    found = tuple(_troubles(tree, command_line, kind))
    return Known(found, f"{CONFIG}: SELINUX=enforcing, policy {printable(kind)}")


def _why_off(tree: GuestTree, command_line: CommandLine, release: str | None) -> str | None:
    """Why it refuses nothing; None where it enforces."""
    mode = (_setting(tree, "SELINUX") or "").lower()
    if not mode:
        return f"SELinux is not set up: no SELINUX= in {CONFIG}"
    if mode != "enforcing" and command_line.enforcing is not True:
        return f"{CONFIG}: SELINUX={printable(mode)}"
    if mode == "disabled":
        return f"{CONFIG}: SELINUX=disabled"
    if command_line.selinux is False or command_line.enforcing is False:
        return "the kernel's command line switches SELinux off, or its enforcing"
    asked = command_line.selinux is True or command_line.kernel_value("security") == "selinux"
    if not asked and _kernel_prefers_another(tree, release):
        return "the kernel's configuration turns on another security module than SELinux"
    options = " ".join(command_line.root_flags)
    return "the root is mounted with one label for all" if "context=" in options else None


def _setting(tree: GuestTree, key: str) -> str | None:
    """The first line that sets it counts: selinux_getenforcemode."""
    content = (tree.read_bytes(CONFIG, MAX_CONFIG_BYTES) or b"").decode("utf-8", "replace")
    lines = (line.strip() for line in content.splitlines())
    return next((line.partition("=")[2].strip() for line in lines if line.startswith(f"{key}=")), None)


def _kernel_prefers_another(tree: GuestTree, release: str | None) -> bool:
    if release is None:
        return False
    paths = (f"/boot/config-{release}", f"/usr/lib/modules/{release}/config")
    for path in paths:
        content = tree.read_bytes(path, MAX_KERNEL_CONFIG_BYTES) if tree.is_file(path) else None
        found = re.search(rb'^CONFIG_LSM="([^"\n]*)"', content or b"", re.MULTILINE)
        if found is not None:
            order = found[1].decode("ascii", "replace").split(",")
            first = next((name for name in order if name in EXCLUSIVE), None)
            return first != "selinux"
        if content and b"CONFIG_SECURITY_SELINUX=y" not in content:
            return True
    return False


def _troubles(tree: GuestTree, command_line: CommandLine, kind: str) -> Iterator[Trouble]:
    directory = f"/etc/selinux/{kind}/policy"
    if not any(name.startswith("policy.") for name in tree.names(directory)):
        message = "SELinux enforces, but its policy is not there: systemd stops"
        remedy = f"install the policy, or set SELINUX=permissive in {CONFIG}"
        yield Trouble(
            "stops",
            message,
            f"{CONFIG}: SELINUXTYPE={printable(kind)}; no {printable(directory)}/policy.*",
            remedy,
        )
        return
    bare = [path for path in LABELLED if tree.exists(path) and _is_bare(tree, path)]
    if not bare:
        return
    shown = enumerated(bare)
    remedy = (
        "`touch /.autorelabel`, or label the files: `setfiles -r ROOT .../contexts/files/file_contexts ROOT`"
    )
    if (
        tree.exists(RELABEL)
        or command_line.systemd_value("autorelabel") == "1"
        or command_line.has("autorelabel")
    ):
        message = "the first boot labels all files for SELinux, and then reboots"
        yield Trouble(
            "waits", message, f"{RELABEL}, without a label: {shown}", "label the files in the image"
        )
    else:
        message = f"SELinux enforces, and files have no label: {shown}"
        yield Trouble("stops", message, f"no {ATTRIBUTE} on {shown}", remedy)


def _is_bare(tree: GuestTree, path: str) -> bool:
    label = tree.xattr(path, ATTRIBUTE)
    return not label or WITHOUT_LABEL.search(label) is not None
