"""What a Windows system says of itself: product, version, architecture, hibernation, Cloudbase-Init."""

import re
import struct

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.paths import command_parts
from imgtool.guest.windows.registry import Key
from imgtool.guest.windows.start import AUTOMATIC
from imgtool.model.facts import Known

CURRENT_VERSION = r"Microsoft\Windows NT\CurrentVersion"
ENVIRONMENT = r"Control\Session Manager\Environment"
ARCHITECTURES = {"AMD64": "x86_64", "X86": "i686", "ARM64": "aarch64"}
"""PROCESSOR_ARCHITECTURE to the name that `uname -m` would print."""
MACHINES = {0x8664: "x86_64", 0x014C: "i686", 0xAA64: "aarch64"}
"""Machine in a COFF header: PE format specification, Machine Types."""
KERNEL = "/Windows/System32/ntoskrnl.exe"
HIBERNATION_FILE = "/hiberfil.sys"
HIBERNATED = (b"HIBR", b"HORM")
"""PO_MEMORY_IMAGE's signature, small letters before Windows 8: a system to be resumed, once or often.
`WAKE` is one that was resumed, `RSTR` one that is just being."""
CLOUDBASE_SERVICE = "cloudbase-init"
SETUP_COMPLETE = "/Windows/Setup/Scripts/SetupComplete.cmd"
CLOUDBASE_DIRECTORY = "/Program Files/Cloudbase Solutions/Cloudbase-Init"
FIRST_WINDOWS_11_BUILD = 22000


def read_product(hives: Hives) -> Known[str]:
    """ProductName. Windows 11 still calls itself 10 there: then the build decides."""
    key = _current_version(hives)
    name = key.text("ProductName")
    if not name:
        raise GuestReadError(f"{key.where} has no ProductName")
    build = key.text("CurrentBuildNumber") or key.text("CurrentBuild") or ""
    if name.startswith("Windows 10 ") and build.isdecimal() and int(build) >= FIRST_WINDOWS_11_BUILD:
        name = name.replace("Windows 10", "Windows 11", 1)
    return Known(name, hives.evidence(f"{key.where}: ProductName", "SOFTWARE"))


def read_version(hives: Hives) -> Known[str]:
    """Major.minor.build."""
    key = _current_version(hives)
    major, minor = key.number("CurrentMajorVersionNumber"), key.number("CurrentMinorVersionNumber")
    before = f"{major}.{minor}" if major is not None and minor is not None else key.text("CurrentVersion")
    build = key.text("CurrentBuildNumber") or key.text("CurrentBuild")
    version = f"{before}.{build}"
    if not re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,6}", version):
        raise GuestReadError(f"{key.where} has no version")
    return Known(version, hives.evidence(f"{key.where}: CurrentBuildNumber={build}", "SOFTWARE"))


def read_architecture(tree: GuestTree, hives: Hives) -> Known[str]:
    """Read the architecture from the system's environment, or from its kernel's header."""
    key = hives.control_set().key(ENVIRONMENT)
    name = key.text("PROCESSOR_ARCHITECTURE") if key is not None else None
    if key is not None and name and name.upper() in ARCHITECTURES:
        evidence = f"{key.where}: PROCESSOR_ARCHITECTURE={name}"
        return Known(ARCHITECTURES[name.upper()], hives.evidence(evidence))
    machine = _machine(tree)
    if machine not in MACHINES:
        raise GuestReadError(f"neither {ENVIRONMENT} nor {KERNEL} tells the architecture")
    return Known(MACHINES[machine], f"{KERNEL}: PE header")


def read_cloud_init(tree: GuestTree, hives: Hives) -> Known[bool]:
    """Whether Cloudbase-Init is installed: its service, and the program that this starts."""
    service = hives.service(CLOUDBASE_SERVICE)
    if service is None:
        where = f"{hives.control_set().where}\\Services"
        return Known(value=False, evidence=hives.evidence(f"{where}: no {CLOUDBASE_SERVICE}"))
    image_path = service.text("ImagePath")
    program = command_parts(image_path)[0] if image_path else CLOUDBASE_DIRECTORY
    if not tree.exists(program):
        return Known(value=False, evidence=hives.evidence(f"{service.where}: {program} is not there"))
    start = service.number("Start")
    if start != AUTOMATIC:
        return _started_by_others(tree, hives.evidence(f"{service.where}: Start={start}, not {AUTOMATIC}"))
    return Known(value=True, evidence=hives.evidence(f"{service.where}: {program}"))


def _started_by_others(tree: GuestTree, evidence: str) -> Known[bool]:
    """Windows does not start it; what runs at the end of Setup may (Microsoft, "Add a Custom Script")."""
    if tree.exists(SETUP_COMPLETE):
        raise GuestReadError(f"{evidence}: {SETUP_COMPLETE} may start Cloudbase-Init, or not")
    return Known(value=False, evidence=evidence)


def read_hibernated(tree: GuestTree) -> Known[bool]:
    """Read whether it is hibernated from the first bytes of hiberfil.sys, which stays after a resume."""
    stream = tree.open(HIBERNATION_FILE)
    if stream is None:
        return Known(value=False, evidence=f"no {HIBERNATION_FILE}")
    magic = stream.read(4)
    if magic.upper() in HIBERNATED:
        return Known(value=True, evidence=f"{HIBERNATION_FILE} begins with {magic.decode('ascii')}")
    return Known(value=False, evidence=f"{HIBERNATION_FILE} holds no hibernated system")


def _current_version(hives: Hives) -> Key:
    key = hives.software().key(CURRENT_VERSION)
    if key is None:
        raise GuestReadError(f"SOFTWARE has no {CURRENT_VERSION}")
    return key


def _machine(tree: GuestTree) -> int:
    """0 where there is no kernel, or where it has no PE header."""
    stream = tree.open(KERNEL)
    if stream is None:
        return 0
    header = stream.read(0x40)
    if len(header) < 0x40 or not header.startswith(b"MZ"):
        return 0
    stream.seek(struct.unpack_from("<I", header, 0x3C)[0])
    signature = stream.read(6)
    return int.from_bytes(signature[4:], "little") if signature[:4] == b"PE\0\0" else 0
