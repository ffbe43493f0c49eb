"""An init that is a script: the program that it becomes in the end.

Sources: the POSIX shell's `exec`; execlineb(1), with which s6-linux-init-maker(1) writes /sbin/init; NixOS'
stage-2-init.sh.
"""

import posixpath
import re

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

MAX_SCRIPT_BYTES = 64 << 10
"""Of a longer one its beginning is read."""
MAX_SCRIPTS = 4
"""Scripts that become others."""
EXEC = re.compile(
    r"(?:^|[;&|{]|\b(?:then|else|do)\b)[ \t]*exec(?:[ \t]+-[cl]+|[ \t]+-a[ \t]+\S+)*[ \t]+([^\s;&|}]+)",
    re.MULTILINE,
)
PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/@+-]+")


def program_of_init(tree: GuestTree, path: str) -> str:
    """What the init `path` is in the end, behind links and scripts.

    Raises GuestReadError where it is a script of which that cannot be told.
    """
    for _ in range(MAX_SCRIPTS):
        behind = _behind_nixos(tree, path)
        if behind is not None:
            return behind
        place = tree.resolve(path) or path
        script = _script(tree, place)
        if script is None:
            return place
        becomes = _becomes(script)
        if becomes is None:
            break
        path = becomes
    raise GuestReadError(f"init is the script {printable(path)}: what that starts in the end is not known")


def _script(tree: GuestTree, path: str) -> str | None:
    """The text of a script; None of another file, or of none."""
    stream = tree.open(path) if tree.is_file(path) else None
    content = stream.read(MAX_SCRIPT_BYTES) if stream is not None else b""
    if not content.startswith(b"#!"):
        return None
    return content.decode("utf-8", "replace").replace("\\\n", " ")


def _becomes(script: str) -> str | None:
    """The one program that it ends in; None where there are several, or a name that is put together."""
    first, _, rest = script.partition("\n")
    lines = [line for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if "execlineb" in first:
        names = {lines[0].split()[0]} if lines else set()
    else:
        names = {name.strip("\"'") for name in EXEC.findall("\n".join(lines))}
        names = {name for name in names if not name[0].isdigit() and name[0] not in "<>"}
    only = next(iter(names)) if len(names) == 1 else ""
    return only if PLAIN_PATH.fullmatch(only) else None


def _behind_nixos(tree: GuestTree, path: str) -> str | None:
    """What NixOS' second stage becomes, where `path` is that script: the systemd of its own system."""
    if not path.startswith("/nix/store/") or posixpath.basename(path) != "init":
        return None
    return tree.resolve(posixpath.join(posixpath.dirname(path), "systemd/lib/systemd/systemd"))
