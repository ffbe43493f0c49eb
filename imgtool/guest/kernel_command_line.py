"""The kernel's command line, as each program that reads it takes it apart.

The kernel ends its own part at `--` and knows double quotes (lib/cmdline.c, next_arg; kernel/params.c,
parse_args). systemd reads all words, takes quotes of both kinds away wherever they stand, and counts `-` and
`_` as equal (src/basic/proc-cmdline.c, src/core/main.c, kernel-command-line(7)). initramfs-tools and
ds-identify split at blanks and know no quotes (initramfs-tools(7), its `init`). dracut reads all words, with
double quotes (dracut.cmdline(7)). Where a parameter stands twice, the last one counts, if it is no list.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARACTERS = 4096
"""Longer than any architecture's COMMAND_LINE_SIZE that virtual machines use (x86 and arm64: 2,048)."""

_BLANKS = " \t\n\v\f\r"
_DASHES = str.maketrans("-", "_")

TARGETS = {
    **dict.fromkeys(("emergency", "-b"), "emergency.target"),
    **dict.fromkeys(("rescue", "single", "-s", "s", "S", "1"), "rescue.target"),
    **dict.fromkeys(("2", "3", "4"), "multi-user.target"),
    "5": "graphical.target",
}
"""Words that stand for a unit: runlevel_to_target of systemd's proc-cmdline.c."""
NO = frozenset({"0", "no", "n", "false", "f", "off"})
"""parse_boolean() of systemd."""
INITRAMFS_TARGETS = {"rd.emergency": "emergency.target", "rd.rescue": "rescue.target"}

_UNIT_NAME = re.compile(
    r"[A-Za-z0-9:_.\\@-]{1,240}\.(?:service|target|socket|mount|automount|swap|device|path|timer|slice|scope)"
)
_SIZE = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19})([KMGTPEkmgtpe]?)")
_MACHINE_ID = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Option:
    """One word, split at its first `=`."""

    key: str
    value: str | None
    """None where no `=` is in the word."""

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """The unit that systemd starts in place of default.target, and the word that says so."""

    unit: str
    option: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line, taken apart."""

    kernel: tuple[Option, ...]
    """Of the kernel: all before `--`."""
    beyond: tuple[Option, ...]
    """What follows `--`: for init alone."""
    systemd: tuple[Option, ...]
    """As systemd splits it: all words."""
    words: tuple[str, ...]
    """Split at blanks: what initramfs-tools' init and cloud-init's ds-identify see."""

    # ------------------------------------------------------------ asked by name

    def kernel_value(self, name: str) -> str | None:
        """The last `name=value` of the kernel's own part, `-` and `_` being equal; else None."""
        wanted = _same(name)
        found = (one.value for one in reversed(self.kernel) if _same(one.key) == wanted)
        return next((value for value in found if value is not None), None)

    def value(self, name: str) -> str | None:
        """The last `name=value` of all words, by the kernel's quotes: dracut's getarg; None without one."""
        return next(reversed(self.values(name)), None)

    def values(self, *names: str) -> tuple[str, ...]:
        """Every `name=value` of these names, in their order: dracut's getargs."""
        return tuple(
            one.value for one in (*self.kernel, *self.beyond) if one.key in names and one.value is not None
        )

    def has(self, *words: str) -> bool:
        """Whether one of the words stands there by itself, with no value."""
        return any(one.value is None and one.key in words for one in (*self.kernel, *self.beyond))

    def switch(self, name: str, *, default: bool) -> bool:
        """A yes-or-no parameter as dracut's getargbool takes it: all but `0`, `no` and `off` is yes."""
        found = [one for one in (*self.kernel, *self.beyond) if one.key == name]
        if not found:
            return default
        return found[-1].value not in {"0", "no", "off"}

    def plain_value(self, name: str) -> str | None:
        """The last word `name=value` where only blanks divide: initramfs-tools, ds-identify."""
        prefix = f"{name}="
        return next((w.removeprefix(prefix) for w in reversed(self.words) if w.startswith(prefix)), None)

    def systemd_value(self, name: str) -> str | None:
        """The last `name=value` as systemd reads it; None where there is none."""
        return next(reversed(self.systemd_values(name)), None)

    def systemd_values(self, name: str) -> tuple[str, ...]:
        """Every `name=value` as systemd reads it, in their order."""
        wanted = _same(name)
        return tuple(one.value for one in self.systemd if one.value is not None and _same(one.key) == wanted)

    # ------------------------------------------------------------ the start of user space

    @property
    def init(self) -> str | None:
        """The program that the root file system is handed to, in place of /sbin/init."""
        return self.kernel_value("init")

    @property
    def rdinit(self) -> str | None:
        """The program that the kernel starts in the initramfs, in place of /init: early_param `rdinit`."""
        return self.kernel_value("rdinit")

    @property
    def default_unit(self) -> UnitChoice | None:
        """What systemd starts in place of default.target; the last word that says so counts.

        `systemd.unit=` with a name that is none is ignored.
        """
        return self._unit("systemd.unit", TARGETS)

    @property
    def initramfs_unit(self) -> UnitChoice | None:
        """Return the unit of a systemd that runs in the initramfs: `rd.systemd.unit=`, `rd.rescue`."""
        return self._unit("rd.systemd.unit", INITRAMFS_TARGETS)

    def _unit(self, name: str, words: dict[str, str]) -> UnitChoice | None:
        chosen = None
        for one in self.systemd:
            if one.value is None:
                unit = words.get(one.key)
            else:
                named = _same(one.key) == name and _UNIT_NAME.fullmatch(one.value)
                unit = one.value if named else None
            chosen = chosen if unit is None else UnitChoice(unit, str(one))
        return chosen

    @property
    def masked_units(self) -> tuple[str, ...]:
        """Units that systemd.mask= masks: systemd-debug-generator(8). Without a suffix it is a service."""
        return tuple(map(_unit_name, self.systemd_values("systemd.mask")))

    @property
    def wanted_units(self) -> tuple[str, ...]:
        """Units that systemd.wants= adds to the default one."""
        return tuple(map(_unit_name, self.systemd_values("systemd.wants")))

    @property
    def confirms_each_start(self) -> bool:
        """Whether systemd asks on the console before each program: systemd.confirm_spawn, systemd(1)."""
        said = [one.value for one in self.systemd if _same(one.key) == "systemd.confirm_spawn"]
        return bool(said) and (said[-1] or "1").lower() not in NO

    @property
    def machine_id(self) -> str | None:
        """The machine-id that every instance gets, by systemd.machine_id=; None without a valid one."""
        value = self.systemd_value("systemd.machine_id")
        return value if value is not None and _MACHINE_ID.fullmatch(value) else None

    # ------------------------------------------------------------ modules

    @property
    def modprobe_blacklist(self) -> frozenset[str]:
        """Modules that kmod does not load by an alias: modprobe.d(5), all `modprobe.blacklist=` together.

        kmod_config_parse_kcmdline of kmod 30 reads all words, takes no quotes away, and leaves `-` as it is.
        """
        prefix = "modprobe.blacklist="
        values = (word.removeprefix(prefix) for word in self.words if word.startswith(prefix))
        return frozenset(name for value in values for name in _listed(value))

    @property
    def module_blacklist(self) -> frozenset[str]:
        """Modules that the kernel refuses, however they are asked for: kernel/module/main.c, blacklisted.

        Only the last one counts, and the names are compared as they are written: the kernel's own have `_`.
        """
        return frozenset((self.kernel_value("module_blacklist") or "").split(",")) - {""}

    @property
    def initramfs_blacklist(self) -> frozenset[str]:
        """The modprobe_blacklist of the initramfs alone, dracut's: rd.driver.blacklist=, rdblacklist=.

        rd.driver.post= puts a module off until udev has settled: no matter here.
        """
        return _modules(self.values("rd.driver.blacklist", "rdblacklist"))

    @property
    def initramfs_tools_blacklist(self) -> frozenset[str]:
        """Return the blacklist of initramfs-tools: the last `blacklist=` (scripts/init-top/blacklist)."""
        return _modules([self.plain_value("blacklist")])

    @property
    def loaded_first(self) -> frozenset[str]:
        """Modules that dracut loads by their names, blacklists or not: rd.driver.pre=, rdloaddriver=."""
        return _modules(self.values("rd.driver.pre", "rdloaddriver"))

    @property
    def loaded_by_systemd(self) -> frozenset[str]:
        """Modules that systemd-modules-load(8) loads by their names: modules_load=, and rd. of the same."""
        return _modules((*self.systemd_values("modules_load"), *self.systemd_values("rd.modules_load")))

    @property
    def blacklisted_calls(self) -> frozenset[str]:
        """Functions of initialisation that the kernel leaves out, in modules as well: initcall_blacklist=."""
        return frozenset(
            name
            for one in self.kernel
            if _same(one.key) == "initcall_blacklist"
            for name in _listed(one.value)
        )

    # ------------------------------------------------------------ the root file system

    @property
    def root(self) -> str | None:
        """`root=` as the kernel and dracut read it: empty and missing are the same to all that read it."""
        return self.value("root") or None

    @property
    def root_type(self) -> str | None:
        """`rootfstype=`; `auto` is the same as none."""
        value = self.value("rootfstype")
        return None if value in {None, "", "auto"} else value

    @property
    def root_flags(self) -> tuple[str, ...]:
        """The options of `rootflags=`."""
        return tuple(filter(None, (self.value("rootflags") or "").split(",")))

    @property
    def read_only(self) -> bool:
        """Whether the root is first mounted read-only: the last of `ro` and `rw`, else yes."""
        found = [one.key for one in self.kernel if one.value is None and one.key in {"ro", "rw"}]
        return not found or found[-1] == "ro"

    @property
    def memory_bytes(self) -> int | None:
        """The memory that `mem=` leaves of the machine's; None where it leaves all."""
        sizes = [_memory(one.value or "") for one in self.kernel if one.key == "mem"]
        return min((size for size in sizes if size), default=None)

    # ------------------------------------------------------------ SELinux

    @property
    def selinux(self) -> bool | None:
        """What `selinux=` says; False where `lsm=` or `security=` leave it out; else None."""
        value = self.kernel_value("selinux")
        modules = self.kernel_value("lsm")
        major = self.kernel_value("security")
        if value is not None and value.strip() == "0":
            return False
        if modules is not None and "selinux" not in modules.split(","):
            return False
        if modules is None and major is not None and major != "selinux":
            return False
        return None if value is None else True

    @property
    def enforcing(self) -> bool | None:
        """What `enforcing=` says, which counts more than /etc/selinux/config; None where it says nothing."""
        value = self.kernel_value("enforcing")
        return None if value is None else value.strip() not in {"", "0"}


@lru_cache(maxsize=64)
def parse_command_line(text: str) -> CommandLine:
    """`text` as the boot loader hands it over; what is beyond MAX_CHARACTERS is left out."""
    text = text[:MAX_CHARACTERS].split("\0", 1)[0]
    options = tuple(_kernel_options(text))
    end = next((at for at, one in enumerate(options) if one == Option("--", None)), len(options))
    return CommandLine(
        kernel=options[:end],
        beyond=options[end + 1 :],
        systemd=tuple(map(_option, _systemd_words(text))),
        words=tuple(text.split()),
    )


def _option(word: str) -> Option:
    key, equals, value = word.partition("=")
    return Option(key, value if equals else None)


def _kernel_options(text: str) -> Iterator[Option]:
    """Words by lib/cmdline.c, next_arg: quotes that open a word or a value are taken away, others stay."""
    for word in _split(text, '"'):
        quoted = word.startswith('"')
        body = word[1:] if quoted else word
        key, equals, value = body.partition("=")
        if equals and value.startswith('"'):
            value = value[1:].removesuffix('"')
        elif quoted:
            key, value = (key, value.removesuffix('"')) if equals else (key.removesuffix('"'), "")
        if key or equals:
            yield Option(key, value if equals else None)


def _systemd_words(text: str) -> Iterator[str]:
    """Words by systemd's extract_first_word with EXTRACT_UNQUOTE and EXTRACT_RELAX: quotes vanish."""
    for word in _split(text, "\"'"):
        open_quote = ""
        kept = []
        for character in word:
            if character == open_quote:
                open_quote = ""
            elif not open_quote and character in "\"'":
                open_quote = character
            else:
                kept.append(character)
        yield "".join(kept)


def _split(text: str, quotes: str) -> Iterator[str]:
    """Words divided by blanks outside of quotes, the quotes still in them; one that is not closed ends it."""
    word: list[str] = []
    open_quote = ""
    for character in text:
        if not open_quote and character in _BLANKS:
            if word:
                yield "".join(word)
            word = []
            continue
        if character in quotes and open_quote in {"", character}:
            open_quote = "" if open_quote else character
        word.append(character)
    if word:
        yield "".join(word)


def _memory(text: str) -> int:
    """Bytes by lib/cmdline.c, memparse; 0 where it is no number, which x86 takes for no limit."""
    found = _SIZE.match(text)
    if found is None:
        return 0
    unit = " KMGTPE".index(found[2].upper()) if found[2] else 0
    return int(found[1], 16 if found[1][:2].lower() == "0x" else 10) << 10 * unit


def _same(key: str) -> str:
    return key.translate(_DASHES)


def _listed(value: str | None) -> list[str]:
    return [name for name in (value or "").split(",") if name]


def _modules(values: Iterable[str | None]) -> frozenset[str]:
    """Names as lsmod prints them, of lists with commas."""
    return frozenset(_same(name) for value in values for name in _listed(value))


def _unit_name(name: str) -> str:
    return name if _UNIT_NAME.fullmatch(name) else f"{name}.service"
