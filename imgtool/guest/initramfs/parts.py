"""What the script `init` of initramfs-tools runs and reads, without which it ends before there is a root.

Source: initramfs-tools' `init`: it reads its functions and scripts/local with `.`, where a file that is not
there ends the shell, and the kernel panics; it mounts by `mount`, and hands over by `exec run-init`. Its PATH
has four directories. A busybox brings its own commands, whether links name them or not.
"""

import re

from imgtool.guest.tree import GuestTree

INIT = "/init"
MAX_INIT_BYTES = 256 << 10
PATH = ("/sbin", "/usr/sbin", "/bin", "/usr/bin")
BUSYBOX = tuple(f"{directory}/busybox" for directory in PATH)
# What is indented stands in a condition, and may be never reached.
_READ = re.compile(r"^\.[ \t]+\"?(/scripts/[a-z]+)\"?\s*$", re.MULTILINE)
_RUN = re.compile(r"^(?:exec\s+)?(mount|run-init)\s", re.MULTILINE)


def missing_part(tree: GuestTree) -> str | None:
    """What is not there though `init` cannot do without it; None where all is, or it is an init of others."""
    content = tree.read_bytes(INIT, MAX_INIT_BYTES) if tree.is_file(INIT) else None
    text = (content or b"").decode("utf-8", "surrogateescape")
    scripts = _READ.findall(text)
    unread = next((path for path in scripts if not tree.is_file(path)), None)
    if unread is not None:
        return f"{unread}, which its init reads, is not there: the kernel panics"
    if not scripts or any(map(tree.is_file, BUSYBOX)):
        return None
    wanted = dict.fromkeys(_RUN.findall(text))
    gone = next(
        (name for name in wanted if not any(tree.is_executable(f"{one}/{name}") for one in PATH)), None
    )
    return None if gone is None else f"no program {gone} in it, which its init runs"
