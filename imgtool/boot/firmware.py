"""Which firmware starts the image, and where this machine has it.

UEFI builds are found by the descriptions that their packages install for every user of QEMU (QEMU,
docs/interop/firmware.json), in the order of their names: none that wants Secure Boot or SMM, because Nova
starts neither unless it is asked for; then one with Secure Boot on and the usual certificates enrolled.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from imgtool.boot.machine import MACHINES, FirmwareFiles
from imgtool.errors import ToolMissingError
from imgtool.model.boot_path import FirmwareName
from imgtool.model.facts import Known
from imgtool.model.guest import GuestFacts
from imgtool.util import install

DESCRIPTIONS = (Path("/etc/qemu/firmware"), Path("/usr/share/qemu/firmware"))

_UNWANTED = {"requires-smm", "enrolled-keys"}
_SECURE = {"secure-boot", "enrolled-keys"}
"""Features of a UEFI that verifies what it starts, by certificates that are in its variables already."""
_PACKAGES = {"x86_64": ("OVMF", "ovmf"), "aarch64": ("AAVMF", "qemu-efi-aarch64")}
_MAX_DESCRIPTION_BYTES = 1 << 20


def choose(wanted: Literal["auto", "bios", "uefi"], guest: GuestFacts, architecture: str) -> FirmwareName:
    """What was asked for; else BIOS, Nova's default, unless the disk or the machine is for UEFI only."""
    if wanted != "auto":
        return wanted
    if architecture == "aarch64":
        return "uefi"
    found = guest.firmware
    return "uefi" if isinstance(found, Known) and found.value.for_uefi_only else "bios"


def prepare(
    name: FirmwareName,
    architecture: str,
    folder: Path,
    descriptions: Iterable[Path] = DESCRIPTIONS,
    *,
    secure: bool = False,
) -> FirmwareFiles | None:
    """UEFI's code, and its empty variables as a new file in `folder`; None for BIOS, which QEMU brings along.

    `secure`: with Secure Boot on, and its certificates. Raises ToolMissingError where there is no such UEFI.
    """
    if name == "bios":
        return None
    for description in _descriptions(descriptions):
        files = _files(description, architecture, secure=secure)
        if files is not None:
            code, template = files
            variables = folder / "vars.fd"
            shutil.copyfile(template, variables)
            return FirmwareFiles(code, variables, secure)
    firmware, package = _PACKAGES[architecture]
    how = "by UEFI with Secure Boot" if secure else "by UEFI"
    raise ToolMissingError(
        f"{firmware} is not installed; it is needed to boot an image {how}", hint=install.command(package)
    )


def _descriptions(folders: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield the descriptions that can be read; a file hides one of the same name in a later folder."""
    paths = {path.name: path for folder in reversed(tuple(folders)) for path in folder.glob("*.json")}
    for name in sorted(paths):
        try:
            with paths[name].open("rb") as file:
                content = json.loads(file.read(_MAX_DESCRIPTION_BYTES))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            yield content


def _files(description: dict[str, Any], architecture: str, *, secure: bool) -> tuple[Path, Path] | None:
    """Code and variables, where this is a UEFI in flash for our machine and both files are there."""
    try:
        fits = "uefi" in description["interface-types"] and any(
            target["architecture"] == architecture
            and any(MACHINES[architecture] in machine for machine in target["machines"])
            for target in description["targets"]
        )
        features = set(description.get("features", ()))
        suits = features >= _SECURE if secure else not _UNWANTED.intersection(features)
        if not fits or not suits:
            return None
        mapping = description["mapping"]
        files = Path(mapping["executable"]["filename"]), Path(mapping["nvram-template"]["filename"])
        raw = {mapping["executable"]["format"], mapping["nvram-template"]["format"]} == {"raw"}
    except (KeyError, TypeError):
        return None
    return files if raw and all(path.is_file() for path in files) else None
