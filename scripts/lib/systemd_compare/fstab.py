"""Which units become of an fstab: systemd-fstab-generator's, and imgtool's."""

import os
import re
import subprocess
from pathlib import Path

from support.guest_tree import guest_tree

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.systemd.fstab_units import DIRECTORY, fstab_units
from imgtool.guest.systemd.generated import Link

GENERATOR = Path("/usr/lib/systemd/system-generators/systemd-fstab-generator")
_KEYS = re.compile(r"^(What|Where|Type)=(.*)$", re.MULTILINE)
_NOT_OURS = re.compile(r"fsck|\.device\.d/|\.swap")
"""What decides nothing here: checks and time-outs. In a container systemd makes nothing of swap."""

Essence = dict[str, object]
"""Path below the generator's directory to `link`, or to what is mounted where."""


def by_systemd(fstab: str, directory: Path) -> Essence:
    """What systemd makes of `fstab`."""
    source, made = directory / "fstab", directory / "made"
    source.write_text(fstab)
    made.mkdir()
    environment = {
        **os.environ, "SYSTEMD_FSTAB": str(source), "SYSTEMD_PROC_CMDLINE": "ro", "SYSTEMD_IN_INITRD": "0",
    }  # fmt: skip
    subprocess.run([GENERATOR, made, made, made], env=environment, capture_output=True, check=False)
    return _essence(
        {
            str(path.relative_to(made)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
            for path in made.rglob("*")
            if path.is_symlink() or path.is_file()
        }
    )


def by_imgtool(fstab: str) -> Essence:
    """What imgtool takes systemd to make of it."""
    made = dict(fstab_units(guest_tree({"/etc/fstab": fstab}), parse_command_line("ro")))
    return _essence(
        {
            path.removeprefix(f"{DIRECTORY}/"): f"-> {one.target}" if isinstance(one, Link) else one
            for path, one in made.items()
        }
    )


def _essence(units: dict[str, str]) -> Essence:
    """Links by their place, mounts by what, where and type."""
    kept = {path: text for path, text in units.items() if not _NOT_OURS.search(path)}
    return {
        path: "link" if text.startswith("->") else sorted(_KEYS.findall(text)) for path, text in kept.items()
    }
