"""Commands on variables, parameters and loops, and those that change nothing that decides a boot."""

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.errors import Err, GrubError
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.machine import Machine, Scope
from imgtool.guest.bootloader.grub.options import Option, parse
from imgtool.guest.bootloader.grub.script import run_source
from imgtool.guest.bootloader.grub.values import UNKNOWN, c_number, known


@command("set")
def _set(machine: Machine, call: Call) -> int:
    if not call.arguments:
        return Err.NONE
    name, equals, value = call.arguments[0].partition("=")
    if not equals:
        raise GrubError(Err.BAD_ARGUMENT, "not an assignment")
    machine.variables.set(known(name, "the name of a variable"), value)
    return Err.NONE


@command("unset")
def _unset(machine: Machine, call: Call) -> int:
    _need_one(call)
    machine.variables.unset(call.arguments[0])
    return Err.NONE


@command("export")
def _export(machine: Machine, call: Call) -> int:
    _need_one(call)
    for name in call.arguments:
        machine.exported.add(name)
        if machine.variable(name) is None:
            machine.variables.set(name, "")
    return Err.NONE


def _need_one(call: Call) -> None:
    if not call.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "one argument expected")


@command("true")
def _true(_machine: Machine, _call: Call) -> int:
    return Err.NONE


@command("false")
def _false(_machine: Machine, _call: Call) -> int:
    raise GrubError(Err.TEST_FAILURE, "false")


@command("echo")
def _echo(machine: Machine, call: Call) -> int:
    """Options without long names: it is taken apart here, as `-n` and `-e` may stand together."""
    options = (Option("", "n"), Option("\0", "e"))
    parsed = parse(options, call.arguments, accept_dash=True, at_start=True)
    text = " ".join(parsed.arguments)
    machine.say(text if parsed.has("") else text + "\n")
    return Err.NONE


@command("eval")
def _eval(machine: Machine, call: Call) -> int:
    return run_source(machine, known(" ".join(call.arguments), "what `eval` runs")) if call.arguments else 0


@command("increment", "decrement")
def _increment(machine: Machine, call: Call) -> int:
    if len(call.arguments) != 1:
        raise GrubError(Err.BAD_ARGUMENT, "one variable expected")
    name = call.arguments[0]
    old = machine.variable(name)
    if old is None:
        raise GrubError(Err.FILE_NOT_FOUND, f'No such variable "{name}"')
    negative = old.startswith("-")
    number = c_number(known(old, f"${name}").removeprefix("-"))[0]
    change = 1 if call.name == "increment" else -1
    machine.variables.set(name, str((-number if negative else number) + change))
    return Err.NONE


@command("break", "continue")
def _break(machine: Machine, call: Call) -> int:
    count = _count(call)
    if count == 0:
        raise GrubError(Err.BAD_ARGUMENT, "can't break 0 loops")
    machine.control.is_continue = call.name == "continue"
    machine.control.breaks = min(count, machine.control.loops)
    return Err.NONE


def _count(call: Call) -> int:
    if not call.arguments:
        return 1
    if len(call.arguments) > 1:
        raise GrubError(Err.BAD_ARGUMENT, "one argument expected")
    number, rest = c_number(known(call.arguments[0], "a number"), 10)
    if rest:
        raise GrubError(Err.BAD_ARGUMENT, "unrecognized number")
    return number


@command("shift")
def _shift(machine: Machine, call: Call) -> int:
    scope = machine.scope
    if scope is None:
        return Err.NONE
    try:
        count = _count(call)
    except GrubError:
        return Err.BAD_ARGUMENT
    if count > len(scope.arguments):
        return Err.BAD_ARGUMENT
    scope.arguments = scope.arguments[count:]
    return Err.NONE


@command("setparams")
def _setparams(machine: Machine, call: Call) -> int:
    if machine.scope is None:
        return Err.INVALID_COMMAND
    machine.scope = Scope(list(call.arguments))
    return Err.NONE


@command("return")
def _return(machine: Machine, call: Call) -> int:
    if machine.scope is None or len(call.arguments) > 1:
        raise GrubError(Err.BAD_ARGUMENT, "not in function body")
    if not call.arguments:
        machine.control.returning = True
        return int(machine.variable("?") or 0)
    number = _count(call)
    machine.control.returning = True
    if number:
        raise GrubError(number % (1 << 31), "false")
    return Err.NONE


@command("date", "smbios", "rdmsr", "efivar", "get_efivar", "getenv", "hwmatch")
def _unknown_value(machine: Machine, call: Call) -> int:
    """They put what only the machine knows into variables: the one behind `--set`, or the last argument."""
    names = [word.partition("=")[2] for word in call.arguments if word.startswith("--set=")]
    for option, following in zip(call.arguments, call.arguments[1:], strict=False):
        if option in {"--set", "-s"}:
            names.append(following)
    if call.name in {"getenv", "hwmatch"} and not names:
        names = call.arguments[-1:]
    for name in names:
        machine.variables.set(known(name, "the name of a variable"), UNKNOWN)
    return Err.NONE


_NO_MATTER = (
    "acpi all_functional_test authenticate backtrace background_color background_image badram bli"
    " boottime clear cutmem devicetree distrust dump efitextmode fakebios fix_video gdbstub gptsync"
    " hashsum hdparm help hexdump history keymap list_env list_trusted loadbios loadfont lsacpi lsapm"
    " lscoreboot lsefi lsefimmap lsefisystab lsfonts lsmmap lsmod lspci md5sum nativedisk net_add_addr"
    " net_add_dns net_add_route net_bootp net_dhcp outb outl outw parttool"
    " pcidump play read_byte read_dword read_word rmmod sendkey serial setpci sha1sum sha256sum"
    " sha512sum spkmodem stat terminal_input terminal_output terminfo time tr trust usb vbeinfo"
    " vbetest verify_detached version videoinfo videotest write_byte write_dword write_word"
    " xnu_uuid zfs-bootfs zfsinfo zfskey"
)
"""Commands that print, draw, listen, or set up what no boot depends on."""


@command("password", "password_pbkdf2")
def _password(_machine: Machine, call: Call) -> int:
    """Nobody types one."""
    if len(call.arguments) != 2:
        raise GrubError(Err.BAD_ARGUMENT, "two arguments expected")
    return Err.NONE


@command(*_NO_MATTER.split())
def _no_matter(_machine: Machine, _call: Call) -> int:
    return Err.NONE
