"""Commands that end the run, wait, or ask the machine."""

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Stop, Undecided
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.machine import Machine
from imgtool.guest.bootloader.grub.options import Option, parse
from imgtool.guest.bootloader.grub.values import c_number, known

MAX_SLEEP = 1 << 31


@command("sleep")
def _sleep(machine: Machine, call: Call) -> int:
    parsed = parse((Option("verbose", "v"), Option("interruptible", "i")), call.arguments)
    if not parsed.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "one argument expected")
    try:
        number, _ = c_number(known(parsed.arguments[0], "how long it sleeps"), 10)
    except GrubError as error:
        machine.set_error(error)  # printed, and the command has not failed
        return Err.NONE
    machine.seconds += min(number, MAX_SLEEP)
    return Err.NONE


@command("read", "getkey")
def _read(machine: Machine, _call: Call) -> int:
    raise Stop("prompt", f"{machine.source or 'the script'} waits for something to be typed (read)")


@command("insmod")
def _insmod(machine: Machine, call: Call) -> int:
    if not call.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "one argument expected")
    name = known(call.arguments[0], "the name of a module")
    if name[:1] in {"/", "(", "+"}:
        machine.file(name)
        machine.modules.loaded.add(name.rpartition("/")[2].removesuffix(".mod"))
        return Err.NONE
    try:
        machine.modules.load(name, machine.has_file)
    except GrubError as error:
        machine.set_error(error)  # printed, and the command has not failed: grub_core_cmd_insmod
    return Err.NONE


@command("halt")
def _halt(_machine: Machine, _call: Call) -> int:
    raise Stop("error", "GRUB switches the machine off (halt)")


@command("reboot")
def _reboot(_machine: Machine, _call: Call) -> int:
    raise Stop("error", "GRUB starts the machine anew (reboot), again and again")


@command("exit")
def _exit(_machine: Machine, _call: Call) -> int:
    raise Stop("firmware", "GRUB ends and gives back to the firmware (exit)")


@command("fwsetup")
def _fwsetup(machine: Machine, call: Call) -> int:
    if machine.start.firmware != "uefi":
        raise GrubError(Err.UNKNOWN_COMMAND, "can't find command `fwsetup'")
    if "--is-supported" in call.arguments:
        return Err.NONE  # OVMF, which Nova uses, has one
    raise Stop("firmware", "GRUB goes to the firmware's setup (fwsetup)")


@command("cpuid")
def _cpuid(_machine: Machine, call: Call) -> int:
    """Nova's machines for x86_64 have the long mode and PAE."""
    parsed = parse((Option("long-mode", "l"), Option("pae", "p")), call.arguments)
    if parsed.has("long-mode") or parsed.has("pae"):
        return Err.NONE
    raise GrubError(Err.BAD_ARGUMENT, "false")


@command("keystatus")
def _keystatus(_machine: Machine, _call: Call) -> int:
    """Nobody holds a key."""
    raise GrubError(Err.TEST_FAILURE, "false")


@command("cryptomount")
def _cryptomount(machine: Machine, call: Call) -> int:
    if not machine.disks.has_encrypted:
        raise GrubError(Err.BAD_ARGUMENT, "no such cryptodisk found")
    if any(word in {"-p", "-k", "-P", "--password", "--key-file", "--protector"} for word in call.arguments):
        raise Undecided("what is in an encrypted volume is not read")
    raise Stop("prompt", "GRUB asks for the passphrase of an encrypted volume (cryptomount)")


@command("legacy_configfile", "legacy_source", "syslinux_configfile", "syslinux_source", "blsuki", "uki")
def _not_followed(machine: Machine, call: Call) -> int:
    if call.arguments and "uki" not in call.name:
        machine.file(call.arguments[0])
    raise Undecided(f"what `{call.name}` reads is not followed")
