"""What firmware starts: programs for UEFI, GRUB's core image, its modules and memory disk, boot sectors."""

import io
from functools import cache

from fuzz import seeds
from fuzz.model import Seed, Target
from fuzz.mutant import Mutant
from imgtool.guest.bootloader.start import Start
from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.firmware.bios import start_by_bios
from imgtool.guest.firmware.grub_image import GrubImage, read_modules
from imgtool.guest.firmware.memdisk import TarFilesystem
from imgtool.guest.firmware.portable_executable import read_program
from imgtool.guest.volumes import read_layout

_FIRST = 1
_POINTER_BYTES = 8
_MAX_NODES = 1000


@cache
def _programs() -> list[Seed]:
    return [
        Seed("grub", seeds.loaders.efi_grub("/EFI/debian", "search.fs_uuid 1234 root\n", b"memory disk")),
        Seed("shim", seeds.loaders.efi_shim()),
        Seed("windows", seeds.loaders.windows_boot_manager()),
    ]


def _run_program(mutant: Mutant) -> str:
    content = mutant.content
    program = read_program(io.BytesIO(content), len(content), "x86_64")
    found = " ".join(program.sections)
    if "mods" not in program.sections:
        return found
    section = program.sections["mods"]
    return found + _shown(read_modules(content[section.start :][: section.length], _POINTER_BYTES))


def _shown(image: GrubImage) -> str:
    modules = sorted(image.modules or ())
    return f" {len(image.prefix)} {len(image.script)} {modules} {image.memdisk is not None}"


@cache
def _modules() -> list[Seed]:
    script = "set prefix=(memdisk)/boot/grub\n"
    tar = seeds.tar({"boot/grub/grub.cfg": b"echo\n"})
    return [Seed("modules", seeds.loaders.grub_modules("(memdisk)/boot/grub", script, tar))]


def _run_modules(mutant: Mutant) -> str:
    image = read_modules(mutant.content, _POINTER_BYTES)
    if image.memdisk is None:
        return _shown(image)
    return f"{_shown(image)} {_walked(image.memdisk.root())}"


@cache
def _memdisks() -> list[Seed]:
    files = {"boot/grub/grub.cfg": b"configfile $prefix/x\n", "boot/grub/x86_64-efi/normal.mod": b"x" * 600}
    return [Seed("tar", seeds.tar(files), tokens=(b"ustar", b"././@LongLink", b"boot/grub"))]


def _run_memdisk(mutant: Mutant) -> str:
    return str(_walked(TarFilesystem(mutant.content).root()))


def _walked(top: Node) -> int:
    """How many nodes there are; of each file all is read."""
    pending, seen = [top], 0
    while pending and seen < _MAX_NODES:
        node = pending.pop()
        seen += 1
        if node.kind is Kind.DIRECTORY:
            pending.extend(child for _, child in node.children())
        else:
            node.open().read()
    return seen


@cache
def _boot_disks() -> list[Seed]:
    core = seeds.loaders.grub_disk("(,msdos1)/boot/grub", "search.fs_label root root\n")
    return [Seed("grub", core, places=((0, 512), (512, 4096), (36_000, 2048)))]


def _run_boot_disk(mutant: Mutant) -> str:
    with mutant.stream() as stream:
        start = start_by_bios(read_layout(stream, mutant.size), [])
    if isinstance(start, Start):
        return f"{start.loader} {len(start.prefix)} {len(start.script)}"
    return f"{start.known} {start.reason}"


_EXPECTED = (GuestReadError,)
TARGETS = (
    Target("efi-program", _programs, _run_program, _EXPECTED, share=60),
    Target("grub-modules", _modules, _run_modules, _EXPECTED, share=60),
    Target("memdisk", _memdisks, _run_memdisk, _EXPECTED, share=40),
    Target("bios-boot", _boot_disks, _run_boot_disk, _EXPECTED, share=40),
)
