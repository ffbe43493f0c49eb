"""linux, initrd and what else loads (grub-core/loader/i386/linux.c, loader/linux.c, loader/efi), and boot."""

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.entries import loaded_entry
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Stop, Undecided
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.machine import Loaded, Machine
from imgtool.guest.bootloader.grub.values import UNKNOWN
from imgtool.guest.bootloader.kernel_image import grub_problem, read_kernel_image
from imgtool.util.text import printable

_ONLY_FOR = {"linux16": "bios", "initrd16": "bios", "linuxefi": "uefi", "initrdefi": "uefi"}
_NEWC = "newc:"


@command("linux", "linux16", "linuxefi")
def _linux(machine: Machine, call: Call) -> int:
    """A failure leaves what was loaded before to be booted, but no initramfs can be added to it any more."""
    _check_platform(machine, call)
    machine.takes_initrd.discard(_family(call.name))
    if not call.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "filename expected")
    path = call.arguments[0]
    attempted = Loaded(_family(call.name), call.name, None, path, tuple(call.arguments[1:]))
    machine.attempted = attempted
    kernel = attempted.kernel = machine.file(path)
    image = read_kernel_image(kernel.open(), kernel.size_bytes)
    complaint = grub_problem(image, machine.start.firmware, call.name)
    if complaint:
        with_name = f" {path}" if complaint.startswith("premature") else ""
        raise GrubError(Err.BAD_OS, complaint + with_name)
    machine.loaded = attempted
    machine.takes_initrd.add(attempted.family)
    return Err.NONE


@command("initrd", "initrd16", "initrdefi")
def _initrd(machine: Machine, call: Call) -> int:
    _check_platform(machine, call)
    if not call.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "filename expected")
    loaded = machine.loaded
    if machine.attempted is not None:
        machine.attempted.initrd_names = tuple(map(_without_newc, call.arguments))
    family = _family(call.name)
    if loaded is None or loaded.family != family or family not in machine.takes_initrd:
        raise GrubError(Err.BAD_ARGUMENT, "you need to load the kernel first")
    names = [_without_newc(name) for name in call.arguments]
    files = tuple(machine.file(name) for name in names)
    loaded.initrds, loaded.initrd_names = files, tuple(names)
    return Err.NONE


def _family(name: str) -> str:
    return "linux16" if name.endswith("16") else "linux"


def _without_newc(name: str) -> str:
    """`newc:NAME:FILE` is FILE in an archive under that name."""
    if not name.startswith(_NEWC):
        return name
    inner, colon, path = name[len(_NEWC) :].partition(":")
    return path if colon else inner


def _check_platform(machine: Machine, call: Call) -> None:
    if _ONLY_FOR.get(call.name, machine.start.firmware) != machine.start.firmware:
        machine.say_error(f"can't find command `{call.name}'")
        raise _NoSuchCommandError


class _NoSuchCommandError(GrubError):
    """GRUB for this platform has no such command: an error is printed, and nothing has failed."""

    def __init__(self) -> None:
        super().__init__(Err.NONE, "")


@command("chainloader", "appleloader", "pxechainloader", "ntldr", "freedos", "truecrypt", "plan9")
def _chainloader(machine: Machine, call: Call) -> int:
    paths = [word for word in call.arguments if not word.startswith("--")]
    if not paths:
        raise GrubError(Err.BAD_ARGUMENT, "filename expected")
    place = machine.place(paths[0])
    file = machine.file(paths[0]) if place.path.startswith("/") else None
    if file is None:
        machine.disks.canonical(place.device)
    machine.loaded = Loaded("other", call.name, file, paths[0], tuple(paths[1:]))
    return Err.NONE


@command(
    "multiboot",
    "multiboot2",
    "xen_hypervisor",
    "kfreebsd",
    "knetbsd",
    "kopenbsd",
    "xnu_kernel",
    "xnu_kernel64",
)
def _other_kernel(machine: Machine, call: Call) -> int:
    if not call.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "filename expected")
    machine.loaded = Loaded(
        "other", call.name, machine.file(call.arguments[0]), call.arguments[0], tuple(call.arguments[1:])
    )
    return Err.NONE


_MODULES = (
    "module module2 xen_module kfreebsd_loadenv kfreebsd_module knetbsd_module kopenbsd_ramdisk"
    " xen_initrd xnu_mkext xnu_kext xnu_ramdisk xnu_kextdir"
)


@command(*_MODULES.split())
def _module(machine: Machine, call: Call) -> int:
    if machine.loaded is None or machine.loaded.family != "other":
        raise GrubError(Err.BAD_ARGUMENT, "you need to load the kernel first")
    machine.file(next((word for word in call.arguments if not word.startswith("--")), ""))
    return Err.NONE


@command("boot")
def _boot(machine: Machine, _call: Call) -> int:
    loaded = machine.loaded
    if loaded is None:
        raise GrubError(Err.NO_KERNEL, "you need to load the kernel first")
    if loaded.family == "other":
        _hand_over(machine, loaded)
    if UNKNOWN in "".join(loaded.arguments):
        raise Undecided("the kernel's options depend on what only the running machine knows")
    raise Stop("entry", "", loaded_entry(machine, loaded))


def _hand_over(machine: Machine, loaded: Loaded) -> None:
    entry = loaded_entry(machine, loaded)
    if loaded.command == "chainloader" and entry.entry.unified:
        raise Stop("entry", "", entry)
    raise Stop("unknown", f"GRUB hands over to {printable(loaded.path)} ({loaded.command})", entry)
