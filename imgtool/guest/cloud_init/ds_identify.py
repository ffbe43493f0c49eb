"""ds-identify: what it makes of its settings, of cloud-init's configuration and of a machine of Nova's.

Source: cloud-init's tools/ds-identify, a shell script that systemd's generator runs. It reads cloud-init's
files by itself, line by line and not as YAML, so that it may see what cloud-init does not, and the other
way round. Versions differ: how the script of this guest works is read from the script.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from imgtool.guest.cloud_init.shell_text import parse_array, shell_lines
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

PROGRAMS = (
    "/usr/lib/cloud-init/ds-identify",
    "/usr/libexec/cloud-init/ds-identify",
    "/lib/cloud-init/ds-identify",
)
SETTINGS = "/etc/cloud/ds-identify.cfg"
DISABLED_FILE = "/etc/cloud/cloud-init.disabled"
MAIN = "/etc/cloud/cloud.cfg"
DIRECTORY = "/etc/cloud/cloud.cfg.d"
SEEDS = "/var/lib/cloud/seed"
MANUAL_CLEAN = "/var/lib/cloud/instance/manual-clean"

MAX_SCRIPT_BYTES = 512 << 10
MAX_FILE_BYTES = 256 << 10
MAX_FILES = 200
MAX_TOTAL_BYTES = 2 << 20
"""Of all files of cloud-init's configuration together; a distribution has 10 KiB."""
MAX_NAMES = 200

DEFAULT_LIST = (
    "MAAS ConfigDrive NoCloud AltCloud Azure Bigstep CloudSigma CloudStack DigitalOcean Vultr AliYun Ec2 GCE "
    "OpenNebula OpenStack OVF SmartOS Scaleway Hetzner IBMCloud Oracle Exoscale RbxCloud UpCloud VMware "
    "LXD NWCS"
)
_FROM_NOVA = frozenset({"OpenStack", "ConfigDrive"})
DEFAULT_POLICY = ("search", "all", "none", "disabled")
"""Mode, and what it does where something, something that may be, or nothing is found."""


@dataclass(frozen=True, slots=True)
class Script:
    """How the script of this guest works, where versions differ."""

    greps: bool = False
    """It looks for keys by grep, and not with a loop over lines: 23.1 and later."""
    judges_switches: bool = False
    """It looks for cloud-init.disabled and `cloud-init=disabled` itself: 23.3 and later."""
    takes_ds: bool = False
    """`ds=` on the kernel's command line names the datasource: 23.2 and later."""
    enabled_without_dmi: bool = True
    """Where there is no DMI, finding nothing leaves cloud-init enabled."""
    default_list: str = DEFAULT_LIST


@dataclass(frozen=True, slots=True)
class Identified:
    """What ds-identify comes to on a machine of Nova's."""

    enabled: bool
    datasources: tuple[str, ...] | None
    """What it writes for cloud-init; None where it writes nothing and cloud-init's own list counts."""
    evidence: str
    names: tuple[str, ...] = ()
    """What it looked for, where it found nothing."""
    taken_first: str = ""
    """A datasource that has what it needs in the image itself, and is taken before any of Nova's."""


def read_script(text: str) -> Script:
    """What there is to know of the script `text`."""
    lines = [line.strip() for line in text.splitlines()]
    without_dmi = next((line for line in lines if line.startswith("DI_DEFAULT_POLICY_NO_DMI=")), "")
    return Script(
        greps='grep "$key' in text,
        judges_switches="is_disabled()" in text,
        takes_ds=any(line.startswith("ds)") for line in lines),
        enabled_without_dmi="DISABLED" not in without_dmi,
        default_list=_default_list(text),
    )


def _default_list(text: str) -> str:
    _, separator, rest = text.partition('\nDI_DSLIST_DEFAULT="')
    value, quote, _ = rest.partition('"')
    words = value.replace("\\\n", " ").split()
    return " ".join(words) if separator and quote and 0 < len(words) <= MAX_NAMES else DEFAULT_LIST


def identify(
    tree: GuestTree, script: Script, line: CommandLine, machine: str, *, config_drive: bool
) -> Identified:
    """What it comes to, with a config drive or with the metadata service alone.

    Raises GuestReadError where a file that it reads cannot be read.
    """
    return _Run(tree, script, line, machine, config_drive=config_drive).result()


# ---------------------------------------------------------------- what its shell makes of text


def settings_of(text: str) -> dict[str, str]:
    """Keys and values of ds-identify.cfg."""
    found: dict[str, str] = {}
    for line in shell_lines(text):
        key, colon, value = line.split("#", 1)[0].partition(":")
        if colon:
            word = " ".join(value.split())
            if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0]:
                word = word[1:-1]
            found[" ".join(key.split())] = word
    return found


def parse_policy(text: str, default: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    """Mode, found, maybe, notfound; what is not valid stays at its default."""
    mode, found, maybe, notfound = default
    for token in text.split(","):
        key, _, value = token.partition("=")
        if token in {"enabled", "disabled", "search", "report"}:
            mode = token
        elif key == "found" and value:
            found = value if value in {"all", "first"} else default[1]
        elif key == "maybe" and value:
            maybe = value if value in {"all", "none"} else default[2]
        elif key == "notfound" and value:
            notfound = value if value in {"enabled", "disabled"} else default[3]
    return mode, found, maybe, notfound


# ---------------------------------------------------------------- one run of it


class _Run:
    def __init__(
        self, tree: GuestTree, script: Script, line: CommandLine, machine: str, *, config_drive: bool
    ) -> None:
        self._tree = tree
        self._script = script
        self._line = line
        self._machine = machine
        self._config_drive = config_drive
        self._settings = settings_of(self._text(SETTINGS))
        self._files = tuple(self._read_files())

    def result(self) -> Identified:
        switch = self._switch() if self._script.judges_switches else None
        if switch is not None:
            return Identified(enabled=False, datasources=None, evidence=switch)
        policy_text, policy_source = self._setting("policy", "ci.di.policy")
        mode, on_found, on_maybe, on_nothing = parse_policy(policy_text, self._default_policy())
        if mode in {"disabled", "enabled"}:
            where = policy_source or "ds-identify's default"
            return Identified(mode == "enabled", None, where)
        named, named_source = self._setting("datasource", "ci.ds", "ci.datasource")
        if named:
            return self._written(mode, [part.strip() for part in named.split(",")], named_source)
        if self._tree.is_file(MANUAL_CLEAN):
            return Identified(enabled=True, datasources=None, evidence=MANUAL_CLEAN)
        names, source = self._list()
        if len(names) == 1 or (len(names) == 2 and names[1] == "None"):
            return self._written(mode, names, source)
        return self._search(names, source, (mode, on_found, on_maybe, on_nothing))

    def _search(self, names: list[str], source: str, policy: tuple[str, str, str, str]) -> Identified:
        mode, on_found, on_maybe, on_nothing = policy
        verdicts = [(name, *self._check(name)) for name in dict.fromkeys(names)]
        found = [(name, where) for name, verdict, where in verdicts if verdict == "found"]
        maybe = [(name, where) for name, verdict, where in verdicts if verdict == "maybe"]
        chosen = found[: 1 if on_found == "first" and len(found) > 1 else None]
        if not found and on_maybe != "none":
            chosen = maybe
        if chosen:
            seen = "; ".join(dict.fromkeys(where for _, where in chosen if where)) or source
            first = next((name for name, where in chosen if where and name not in _FROM_NOVA), "")
            return self._written(mode, [name for name, _ in chosen], seen, first)
        shown = tuple(map(printable, names))
        evidence = f"{source}: ds-identify finds none of {', '.join(shown[:20])}"
        return Identified(mode == "report" or on_nothing == "enabled", None, evidence, names=shown)

    def _written(self, mode: str, names: list[str], source: str, taken_first: str = "") -> Identified:
        written = None if mode == "report" else tuple(printable(name) for name in names)
        return Identified(enabled=True, datasources=written, evidence=source, taken_first=taken_first)

    # ------------------------------------------------------------ settings

    def _text(self, path: str) -> str:
        content = self._tree.read_bytes(path, MAX_FILE_BYTES) if self._tree.is_file(path) else None
        return "" if content is None else content.decode("utf-8", "replace").replace("\0", "")

    def _switch(self) -> str | None:
        if self._tree.is_file(DISABLED_FILE):
            return DISABLED_FILE
        found = next((word for word in self._line.words if "cloud-init=disabled" in word), None)
        return None if found is None else f"kernel command line: {printable(found)}"

    def _default_policy(self) -> tuple[str, str, str, str]:
        has_dmi = self._machine == "x86_64" or self._machine.endswith("86")
        if has_dmi or not self._script.enabled_without_dmi:
            return DEFAULT_POLICY
        return (*DEFAULT_POLICY[:3], "enabled")

    def _setting(self, key: str, *options: str) -> tuple[str, str]:
        """The value and its source: the last option of the command line, else the file's; else empty."""
        wanted = ("ds", *options) if key == "datasource" and self._script.takes_ds else options
        value = self._settings.get(key, "")
        source = f"{SETTINGS}: {key}: {printable(value)}" if value else ""
        for word in self._line.words:
            name, equals, behind = word.partition("=")
            if name in wanted:
                text = behind if equals else name
                value = text.partition(";")[0] if self._script.takes_ds else text
                source = f"kernel command line: {printable(word)}"
        return value, source

    # ------------------------------------------------------------ cloud-init's files, line by line

    def _read_files(self) -> Iterator[tuple[str, str]]:
        names = [name for name in self._tree.names(DIRECTORY) if _is_globbed(name)]
        if len(names) > MAX_FILES:
            raise GuestReadError(f"{DIRECTORY}: more than {MAX_FILES} files")
        total = 0
        for path in (MAIN, *(posixpath.join(DIRECTORY, name) for name in names)):
            if self._tree.is_file(path):
                text = self._text(path)
                total += len(text)
                if total > MAX_TOTAL_BYTES:
                    raise GuestReadError(f"{DIRECTORY}: more than {MAX_TOTAL_BYTES} bytes")
                yield path, text

    def _config(self, key: str) -> tuple[str, str] | None:
        """The value of the last line that sets `key`, whatever stands around it, and its file."""
        found = None
        for path, text in self._files:
            for value in _grepped(text, key) if self._script.greps else _looped(text, key):
                found = (value, path)
        return found

    def _list(self) -> tuple[list[str], str]:
        line = " ".join(self._line.words)
        before, key, after = line.rpartition("datasource_list")
        if key and "cc:" in before:
            names = parse_array(after.partition("]")[0].rpartition("[")[2])
            if names:
                return names, "kernel command line: datasource_list"
        found = self._config("datasource_list")
        if found is not None:
            names = parse_array(found[0])
            if len(names) > MAX_NAMES:
                raise GuestReadError(f"{printable(found[1])}: more than {MAX_NAMES} datasources")
            if names:
                where = printable(found[1])
                return names, f"{where}: datasource_list: {', '.join(map(printable, names))}"
        return self._script.default_list.split(), "ds-identify's default list"

    # ------------------------------------------------------------ the checks of each datasource

    def _check(self, name: str) -> tuple[str, str]:
        """What dscheck_NAME says on a machine of Nova's, and what makes it say so."""
        match name:
            case "OpenStack":
                return self._openstack()
            case "ConfigDrive":
                seed = self._config_drive_seed()
                return ("found", seed) if self._config_drive or seed else ("no", "")
            case "NoCloud":
                return self._nocloud()
            case "Ec2":
                return self._ec2()
            case _:
                seed = self._other_seed(name)
                return ("found", seed) if seed else ("no", "")

    def _openstack(self) -> tuple[str, str]:
        if self._config_drive or self._config_drive_seed():
            return "no", ""
        return "found", ""

    def _nocloud(self) -> tuple[str, str]:
        option = next((word for word in self._line.words if word.startswith("ds=nocloud")), None)
        if option is not None and not self._script.takes_ds:
            return "found", f"kernel command line: {printable(option)}"
        for name in ("nocloud", "nocloud-net"):
            for base in (SEEDS, f"/writable/system-data{SEEDS}"):
                if self._has(f"{base}/{name}", "meta-data", "user-data"):
                    return "found", f"{base}/{name}"
        named = self._config("NoCloud")
        if named is not None:
            both = self._config("user-data") is not None and self._config("meta-data") is not None
            if both or (self._script.greps and self._config("seedfrom") is not None):
                return "found", f"{printable(named[1])}: NoCloud"
        return "no", ""

    def _ec2(self) -> tuple[str, str]:
        if self._has(f"{SEEDS}/ec2", "meta-data", "user-data"):
            return "found", f"{SEEDS}/ec2"
        strict = self._line.plain_value("ci.datasource.ec2.strict_id")
        if strict is None:
            found = self._config("strict_id")
            strict = found[0] if found is not None else self._settings.get("ci.datasource.ec2.strict_id")
        return ("maybe", "") if strict == "false" or (strict or "").startswith("warn") else ("no", "")

    def _config_drive_seed(self) -> str:
        for directory in ("/config-drive", f"{SEEDS}/config_drive"):
            for name in self._tree.names(f"{directory}/openstack"):
                dated = name.startswith("2") and len(name) == 10
                latest = name == "latest" and directory.startswith(SEEDS)
                if (dated or latest) and self._tree.is_file(f"{directory}/openstack/{name}/meta_data.json"):
                    return f"{directory}/openstack/{printable(name)}"
        return ""

    def _other_seed(self, name: str) -> str:
        """What another datasource takes for its own platform, where it stands in the image."""
        needed = {
            "OpenNebula": (f"{SEEDS}/opennebula", ("meta-data",)),
            "OVF": (f"{SEEDS}/ovf", ("ovf-env.xml",)),
            "Azure": (f"{SEEDS}/azure", ("ovf-env.xml",)),
            "AliYun": (f"{SEEDS}/AliYun", ("meta-data", "user-data")),
            "Bigstep": ("/var/lib/cloud/data/seed/bigstep", ("url",)),
            "Vultr": ("/etc", ("vultr",)),
        }.get(name)
        if needed is not None and self._has(needed[0], *needed[1]):
            return needed[0]
        if name in {"Vultr", "Scaleway"} and name.lower() in self._line.words:
            return f"kernel command line: {name.lower()}"
        if name == "MAAS" and not self._script.greps and self._config("MAAS") is not None:
            return "MAAS in cloud-init's configuration"
        return ""

    def _has(self, directory: str, *names: str) -> bool:
        return all(self._tree.is_file(f"{directory}/{name}") for name in names)


def _is_globbed(name: str) -> bool:
    return name.endswith(".cfg") and not name.startswith(".")


def _looped(text: str, key: str) -> Iterator[str]:
    for line in shell_lines(text):
        bare = line.split("#", 1)[0]
        if bare == f"{key}:" or bare.startswith(f"{key}: "):
            yield bare.split(":", 1)[1].removeprefix(" ")


def _grepped(text: str, key: str) -> Iterator[str]:
    """Lines that have the key anywhere, quotes and blanks, and a colon; the last colon divides."""
    for line in text.split("\n"):
        if not any(_is_key_end(part) for part in line.split(key)[1:]):
            continue
        bare = line.split("#", 1)[0]
        if bare:
            yield " ".join(bare.rpartition(":")[2].split())


def _is_key_end(rest: str) -> bool:
    return rest.lstrip("\"'").lstrip(" \t\r\f\v").startswith(":")
