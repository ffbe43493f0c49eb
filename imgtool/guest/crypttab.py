"""What systemd does with /etc/crypttab: crypttab(5), systemd-cryptsetup-generator(8), src/cryptsetup/."""

from dataclasses import dataclass

from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.systemd.fstab_units import udev_name
from imgtool.guest.systemd.generator_files import why_not_generated
from imgtool.guest.systemd.unit import as_boolean
from imgtool.guest.tree import GuestTree

CRYPTTAB = "/etc/crypttab"
MAX_BYTES = 64 << 10
MAX_ENTRIES = 200
GENERATORS = (
    "/usr/lib/systemd/system-generators/systemd-cryptsetup-generator",
    "/lib/systemd/system-generators/systemd-cryptsetup-generator",
)
GENERATOR = "systemd-cryptsetup-generator"
SWITCHES = ("luks", "luks.crypttab")
"""Words of the command line by which crypttab is not read: systemd-cryptsetup-generator(8)."""
NO_KEY = frozenset({"", "none", "-"})
OTHER_KEYS = ("tpm2-device", "fido2-device", "pkcs11-uri", "keyscript", "tcrypt-keyfile")
RANDOM = ("/dev/urandom", "/dev/random", "/dev/hw_random")


@dataclass(frozen=True, slots=True)
class CryptEntry:
    """One line."""

    name: str
    device: str
    """By udev's name."""
    key: str
    options: tuple[str, ...]

    @property
    def mapped(self) -> str:
        """The device that it opens."""
        return f"/dev/mapper/{self.name}"

    @property
    def waited_for(self) -> bool:
        """The boot waits for it: neither noauto nor nofail."""
        return not {"noauto", "nofail"}.intersection(self.options)


def read_crypttab(tree: GuestTree) -> tuple[CryptEntry, ...]:
    """The entries, in their order."""
    content = (tree.read_bytes(CRYPTTAB, MAX_BYTES) or b"").decode("utf-8", "replace")
    lines = [line.split() for line in content.splitlines()]
    entries = [fields for fields in lines if len(fields) >= 2 and not fields[0].startswith("#")]
    return tuple(_entry(fields) for fields in entries[:MAX_ENTRIES])


def why_not_opened(tree: GuestTree, line: CommandLine) -> str | None:
    """Why none of them is opened at boot; None where systemd's generator sees to it."""
    if not any(map(tree.is_executable, GENERATORS)):
        return "systemd-cryptsetup is not installed"
    off = next((name for name in SWITCHES if as_boolean(line.systemd_value(name) or "") is False), None)
    return f"the kernel's command line says {off}=no" if off else why_not_generated(tree, GENERATOR)


def asks(tree: GuestTree, entry: CryptEntry) -> bool:
    """Whether systemd asks for a passphrase on the console, and waits for it for ever."""
    if any(option.partition("=")[0] in OTHER_KEYS for option in entry.options):
        return False
    if "headless" in entry.options or any(option.startswith("timeout=") for option in entry.options):
        return False
    if entry.key not in NO_KEY:
        path = entry.key.partition(":")[0]
        return (
            path not in RANDOM
            and path.startswith("/")
            and not path.startswith("/dev/")
            and not tree.exists(path)
        )
    return not any(tree.exists(f"{where}/cryptsetup-keys.d/{entry.name}.key") for where in ("/etc", "/run"))


def _entry(fields: list[str]) -> CryptEntry:
    key = fields[2] if len(fields) > 2 else ""
    options = tuple(fields[3].split(",")) if len(fields) > 3 else ()
    return CryptEntry(fields[0], udev_name(fields[1]), key, options)
