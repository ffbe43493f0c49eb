"""Whether systemd runs one of its generators: systemd.generator(7), src/core/manager.c.

Of one name the first file counts, whichever directory has it; a link to /dev/null or an empty file masks it,
and what is not executable is passed over (src/basic/conf-files.c).
"""

from imgtool.guest.systemd.lookup import is_null
from imgtool.guest.tree import GuestTree

DIRECTORIES = (
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
    "/lib/systemd/system-generators",
)
CORE = ("systemd-getty-generator", "systemd-debug-generator")
"""Of systemd's own package: where one is there, those of that package are, if nobody took them away."""


def why_not_generated(tree: GuestTree, name: str) -> str | None:
    """Why systemd does not run its generator `name`; None where it does, or no generators are to be seen."""
    for path in (f"{directory}/{name}" for directory in DIRECTORIES):
        if is_null(tree, path):
            return f"{path} masks {name}"
        if tree.is_executable(path):
            return None
    seen = any(tree.is_executable(f"{directory}/{one}") for directory in DIRECTORIES for one in CORE)
    return f"there is no {name} that can be run" if seen else None
