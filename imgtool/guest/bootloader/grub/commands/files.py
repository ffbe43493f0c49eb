"""Commands on files and devices: load_env, save_env, loopback, probe, cat, ls."""

from imgtool.guest.bootloader.grub.commands.registry import command
from imgtool.guest.bootloader.grub.errors import Err, GrubError
from imgtool.guest.bootloader.grub.execute import Call
from imgtool.guest.bootloader.grub.machine import Machine
from imgtool.guest.bootloader.grub.options import Option, parse
from imgtool.guest.bootloader.grub.values import known

ENVIRONMENT_SIGNATURE = "# GRUB Environment Block\n"
MAX_ENVIRONMENT_VARIABLES = 1000
_ENV_OPTIONS = (Option("file", "f", takes=True), Option("skip-sig", "s"))
_PROBE = ("set", "driver", "partmap", "fs", "fs-uuid", "label", "part-uuid")
_PROBE_OPTIONS = tuple(
    Option(name, short, takes=name == "set") for name, short in zip(_PROBE, "sdpful\0", strict=True)
)
FS_NAMES = {"ext2": "ext2", "ext3": "ext2", "ext4": "ext2", "vfat": "fat"}
"""What GRUB calls file systems that others call differently."""


def _environment_path(machine: Machine, given: str | None) -> str:
    if given is not None:
        return given
    prefix = machine.variable("prefix")
    if prefix is None:
        raise GrubError(Err.FILE_NOT_FOUND, "variable `prefix' isn't set")
    return f"{prefix}/grubenv"


@command("load_env")
def _load_env(machine: Machine, call: Call) -> int:
    parsed = parse(_ENV_OPTIONS, call.arguments)
    text = machine.read(_environment_path(machine, parsed.value("file")))
    if not text.startswith(ENVIRONMENT_SIGNATURE):
        raise GrubError(Err.BAD_FILE_TYPE, "invalid environment block")
    for name, value in {**dict(environment(text)), **machine.saved}.items():
        if not parsed.arguments or name in parsed.arguments:
            machine.variables.set(name, value)
    return Err.NONE


def environment(text: str) -> list[tuple[str, str]]:
    """The variables of an environment block, as grub_envblk_iterate finds them."""
    found: list[tuple[str, str]] = []
    at = len(ENVIRONMENT_SIGNATURE)
    while at < len(text) and len(found) < MAX_ENVIRONMENT_VARIABLES:
        if text[at] == "#":
            at = _line_end(text, at) + 1
            continue
        equals = text.find("=", at)
        end = _line_end(text, equals + 1) if equals >= 0 else len(text)
        if equals < 0 or end >= len(text):
            break
        found.append((text[at:equals], _plain(text[equals + 1 : end])))
        at = end + 1
    return found


def _line_end(text: str, start: int) -> int:
    """Where the line ends whose newlines may be escaped."""
    at = start
    while True:
        newline = text.find("\n", at)
        escape = text.find("\\", at, newline if newline >= 0 else len(text))
        if escape < 0:
            return newline if newline >= 0 else len(text)
        at = escape + 2


def _plain(value: str) -> str:
    characters = iter(value)
    return "".join(next(characters, "") if character == "\\" else character for character in characters)


@command("save_env")
def _save_env(machine: Machine, call: Call) -> int:
    """What it writes has no effect before the next boot."""
    parsed = parse(_ENV_OPTIONS, call.arguments)
    if not parsed.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "no variable is specified")
    text = machine.read(_environment_path(machine, parsed.value("file")))
    if not text.startswith(ENVIRONMENT_SIGNATURE):
        raise GrubError(Err.BAD_FILE_TYPE, "invalid environment block")
    for name in parsed.arguments[:MAX_ENVIRONMENT_VARIABLES]:
        machine.saved[name] = machine.variable(name) or ""
    return Err.NONE


@command("loopback")
def _loopback(machine: Machine, call: Call) -> int:
    parsed = parse((Option("delete", "d"), Option("decompress", "D")), call.arguments)
    if not parsed.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "device name required")
    name = parsed.arguments[0]
    if parsed.has("delete"):
        if machine.loopbacks.pop(name, None) is None:
            raise GrubError(Err.BAD_DEVICE, "device not found")
        return Err.NONE
    if len(parsed.arguments) < 2:
        raise GrubError(Err.BAD_ARGUMENT, "filename expected")
    machine.loopbacks[name] = str(machine.file(parsed.arguments[1]))
    return Err.NONE


@command("cat")
def _cat(machine: Machine, call: Call) -> int:
    parsed = parse((Option("dos"),), call.arguments)
    if len(parsed.arguments) != 1:
        raise GrubError(Err.BAD_ARGUMENT, "filename expected")
    machine.file(parsed.arguments[0])
    return Err.NONE


@command("ls")
def _ls(machine: Machine, call: Call) -> int:
    """What it prints decides nothing; for a path that is not there it prints an error, and has not failed."""
    parsed = parse((Option("long", "l"), Option("human-readable", "h"), Option("all", "a")), call.arguments)
    for path in parsed.arguments:
        try:
            place = machine.place(path)
            if place.path:
                machine.lookup(path)
            else:
                machine.disks.canonical(place.device)
        except GrubError as error:
            machine.set_error(error)
    return Err.NONE


@command("probe")
def _probe(machine: Machine, call: Call) -> int:
    parsed = parse(_PROBE_OPTIONS, call.arguments)
    if not parsed.arguments:
        raise GrubError(Err.BAD_ARGUMENT, "device name required")
    name = known(parsed.arguments[0], "the name of a device")
    name = name[1:-1] if name.startswith("(") and name.endswith(")") else name
    what = next((option for option in _PROBE[1:] if parsed.has(option)), None)
    if what is None:
        raise GrubError(Err.BAD_ARGUMENT, "unrecognised target")
    value = _probed(machine, name, what)
    variable = parsed.value("set")
    if variable is not None:
        machine.variables.set(variable, value)
    else:
        machine.say(value)
    return Err.NONE


def _probed(machine: Machine, name: str, what: str) -> str:
    canonical = machine.disks.canonical(name)
    if what == "driver":
        return {"lvm": "diskfilter", "mem": "memdisk"}.get(canonical[:3], _disk_driver(machine))
    if what == "partmap":
        return machine.disks.partition_map(canonical)
    device = machine.disks.device(canonical)
    if what == "part-uuid":
        return (device.partition.uuid if device.partition is not None else None) or "none"
    filesystem = device.filesystem
    if what == "fs":
        return FS_NAMES.get(filesystem.type, filesystem.type)
    value = filesystem.uuid if what == "fs-uuid" else filesystem.label
    if value is None and what == "fs-uuid":
        raise GrubError(Err.NOT_IMPLEMENTED, f"{filesystem.type} does not support UUIDs")
    return value or ""


def _disk_driver(machine: Machine) -> str:
    return "efidisk" if machine.start.firmware == "uefi" else "biosdisk"
