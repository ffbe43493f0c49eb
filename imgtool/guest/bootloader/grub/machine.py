"""What one run of GRUB knows, and the bounds that it keeps to."""

from collections.abc import Sequence as Many
from dataclasses import dataclass, field

from imgtool.guest.bootloader.grub.disks import Disks, Place, find
from imgtool.guest.bootloader.grub.errors import Err, GrubError, Stop, Undecided
from imgtool.guest.bootloader.grub.modules import Modules
from imgtool.guest.bootloader.grub.syntax import Sequence
from imgtool.guest.bootloader.grub.values import decoded, known
from imgtool.guest.bootloader.grub.variables import Variables
from imgtool.guest.bootloader.run import LoadedEntry, LoaderFile
from imgtool.guest.bootloader.start import Start
from imgtool.guest.filesystems.base import GuestReadError, Kind
from imgtool.util.text import printable

MAX_STEPS = 30_000
"""Commands of one run. A grub.cfg with fifty kernels takes two thousand."""
MAX_FILES = 600
"""Files whose content is read; a menu of BLS entries has one each."""
MAX_FILE_BYTES = 1 << 20
MAX_READ_BYTES = 8 << 20
MAX_OUTPUT_CHARACTERS = 64 << 10
MAX_ENTRIES = 1000
MAX_EXPANDED_CHARACTERS = 16 << 20
"""Of all arguments of one run."""
PAUSE_AFTER_MESSAGE = 10.0
"""Seconds that GRUB shows `Press any key to continue...`."""


@dataclass(slots=True)
class Entry:
    """One entry of a menu, as `menuentry` and blscfg make it."""

    title: str
    name: str
    """Its id."""
    body: str
    arguments: tuple[str, ...]
    source: str
    """The file that it comes from."""
    users: str | None = None
    """None: anybody may start it."""
    is_submenu: bool = False
    hotkey: str = ""


@dataclass(slots=True)
class Scope:
    """The positional parameters of a function or of an entry."""

    arguments: list[str]
    shifted: int = 0


@dataclass(slots=True)
class Loaded:
    """What `boot` would start."""

    family: str
    """`linux`, `linux16` or `other`: which `initrd` belongs to it."""
    command: str
    kernel: LoaderFile | None
    path: str
    """As the script names it."""
    arguments: tuple[str, ...] = ()
    initrds: tuple[LoaderFile, ...] = ()
    initrd_names: tuple[str, ...] = ()


@dataclass(slots=True)
class BlsEntry:
    """A file of boot loader entries."""

    name: str
    """Its file name without `.conf`."""
    source: str
    fields: list[tuple[str, str]]
    shown: bool = False

    def first(self, key: str) -> str | None:
        """The first value of a key."""
        return next((value for name, value in self.fields if name == key), None)

    def all(self, key: str) -> list[str]:
        """All values of a key."""
        return [value for name, value in self.fields if name == key]


@dataclass(slots=True)
class Budget:
    """What is left of the bounds."""

    steps: int = MAX_STEPS
    files: int = MAX_FILES
    read_bytes: int = MAX_READ_BYTES
    entries: int = MAX_ENTRIES
    expanded: int = MAX_EXPANDED_CHARACTERS


@dataclass(slots=True)
class Control:
    """Where loops and functions are to be left (grub-core/script/execute.c)."""

    loops: int = 0
    breaks: int = 0
    is_continue: bool = False
    returning: bool = False


class Oracle:
    """Answers what cannot be known: as it is told to, so that each way can be gone."""

    def __init__(self, answers: Many[bool] = ()) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[bool, str]] = []
        """Each answer given, and what the question was."""

    def answer(self, question: str) -> bool:
        """The next answer; where none was told, yes."""
        index = len(self.asked)
        answer = self._answers[index] if index < len(self._answers) else True
        self.asked.append((answer, question))
        return answer


@dataclass(slots=True)
class Machine:
    """One run."""

    start: Start
    disks: Disks
    modules: Modules
    oracle: Oracle = field(default_factory=Oracle)
    variables: Variables = field(default_factory=Variables)
    exported: set[str] = field(default_factory=set)
    functions: dict[str, Sequence] = field(default_factory=dict)
    executing: list[str] = field(default_factory=list)
    """Functions that are being run: they cannot be defined anew."""
    menus: list[list[Entry] | None] = field(default_factory=lambda: [None])
    """The menu of each context; None where there is none yet."""
    scope: Scope | None = None
    control: Control = field(default_factory=Control)
    budget: Budget = field(default_factory=Budget)
    depth: int = 0
    """Of commands inside commands."""
    nested_files: int = 0
    normal_levels: int = 0
    """Normal modes inside each other."""
    normal_exits: int = 0
    """How many of them `normal_exit` wants to leave."""
    extractors: int = 0
    loaded: Loaded | None = None
    takes_initrd: set[str] = field(default_factory=set)
    """Families whose last command loaded a kernel: `initrd` belongs to that."""
    attempted: Loaded | None = None
    """What was to be loaded last, whether that could be done or not."""
    current: Entry | None = None
    """The entry that is being run."""
    pending: GrubError | None = None
    """An error that nobody has printed yet: grub_errno."""
    errors: list[str] = field(default_factory=list)
    """Messages that were printed."""
    printed: int = 0
    output: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    all_entries: list[Entry] = field(default_factory=list)
    submenu_entries: list[Entry] = field(default_factory=list)
    """Those among them that are in submenus."""
    source: str = ""
    seconds: float = 0.0
    failed: LoadedEntry | None = None
    """The entry that was tried last and did not start."""
    bls: list[BlsEntry] = field(default_factory=list)
    """What blscfg has read, in its order."""
    default_shown: str = ""
    """The value of `default` when the menu was shown."""
    saved: dict[str, str] = field(default_factory=dict)
    """What save_env has written, in this boot or in the one before it."""
    loopbacks: dict[str, str] = field(default_factory=dict)
    is_fedora: bool = False
    """Whether it is a GRUB of Fedora and its relatives: it looks for the default by its id first, and hands
    all variables on to submenus, where others hand on what was exported."""

    def step(self) -> None:
        """One command more. Raises GuestReadError beyond the bound."""
        self.budget.steps -= 1
        if self.budget.steps < 0:
            raise GuestReadError("a GRUB script runs too many commands")

    def set_error(self, error: GrubError) -> int:
        """An error that GRUB will print after the command."""
        self.pending = error
        return error.number

    def print_error(self) -> None:
        """Prints what is pending, and forgets it."""
        error, self.pending = self.pending, None
        if error is not None and error.number != Err.NONE:
            self.say_error(str(error))

    def say_error(self, message: str) -> None:
        """Prints an error."""
        self.printed += 1
        if len(self.errors) < 100:
            self.errors.append(printable(message[:300]))
        self.say(f"error: {message}.\n")

    def say(self, text: str) -> None:
        """Prints."""
        if len(self.output) < MAX_OUTPUT_CHARACTERS:
            self.output.append(text[:1000])

    def variable(self, name: str) -> str | None:
        """A variable's value."""
        return self.variables.get(name)

    def known_variable(self, name: str) -> str | None:
        """Return the variable's value to decide by. Raises Undecided."""
        value = self.variables.get(name)
        return None if value is None else known(value, f"${name}")

    @property
    def btrfs_is_relative(self) -> bool:
        """SUSE: paths on Btrfs begin in the default subvolume."""
        return (self.known_variable("btrfs_relative_path") or "")[:1] in {"1", "y"}

    def place(self, path: str) -> Place:
        """Which device a path means. Raises GrubError."""
        known(path, "a path")
        if path.startswith("("):
            device, closing, rest = path[1:].partition(")")
            if not closing:
                raise GrubError(Err.BAD_FILENAME, "missing `)' symbol")
            return Place(device, rest)
        root = self.known_variable("root")
        if not root:
            raise GrubError(Err.BAD_DEVICE, "variable `root' isn't set")
        return Place(root, path)

    def lookup(self, path: str) -> LoaderFile:
        """Whatever is at a path as scripts write it. Raises GrubError where there is nothing."""
        place = self.place(path)
        if place.device in self.loopbacks:
            raise Undecided(f"({printable(place.device)}) is a file system inside of a file")
        device = self.disks.device(place.device)
        if not place.path.startswith("/") and "+" in place.path[:12]:
            raise Undecided(f"{printable(path)} is a list of blocks")
        return find(device, place.path, relative=self.btrfs_is_relative)

    def file(self, path: str) -> LoaderFile:
        """The regular file at a path. Raises GrubError."""
        found = self.lookup(path)
        if found.node.kind is not Kind.FILE:
            raise GrubError(Err.BAD_FILE_TYPE, "not a regular file")
        return found

    def read(self, path: str) -> str:
        """A file's text. Raises GrubError where there is none, GuestReadError beyond a bound."""
        return self.read_file(self.file(path))

    def read_file(self, file: LoaderFile) -> str:
        """The text of a file that was found."""
        self.budget.files -= 1
        if self.budget.files < 0:
            raise GuestReadError(f"a GRUB script reads more than {MAX_FILES} files")
        content = file.open().read(MAX_FILE_BYTES + 1)
        self.budget.read_bytes -= len(content)
        if len(content) > MAX_FILE_BYTES or self.budget.read_bytes < 0:
            raise GuestReadError(f"{file}: a GRUB script reads too much")
        shown = printable(str(file))
        if shown not in self.places and len(self.places) < MAX_FILES:
            self.places.append(shown)
        return decoded(content)

    def has_file(self, path: str) -> bool:
        """Whether there is a regular file with something in it."""
        try:
            return self.file(path).size_bytes > 0
        except GrubError:
            return False

    def too_deep(self) -> GuestReadError:
        """Files that read each other without end."""
        return GuestReadError("GRUB scripts read each other too deep")

    def lines(self, text: str) -> list[str]:
        """The lines of a file as GRUB reads them: without carriage returns."""
        lines = text.replace("\r", "").split("\n")
        return lines[:-1] if lines[-1] == "" else lines

    def open_context(self) -> None:
        """What `configfile` and submenus get: variables, and a menu of their own."""
        if self.is_fedora:
            self.variables.open_context()
        else:
            self.variables.open_exported(frozenset(self.exported))
        self.menus.append(None)

    def close_context(self) -> None:
        """Back to what was there before."""
        self.variables.close_context()
        self.menus.pop()

    def menu(self) -> list[Entry]:
        """The menu of this context, made where there is none yet."""
        menu = self.menus[-1]
        if menu is None:
            menu = self.menus[-1] = []
        return menu

    def add_entry(self, entry: Entry) -> None:
        """Puts an entry at the end of the menu. Raises GrubError where there is no menu."""
        menu = self.menus[-1]
        if menu is None:
            raise GrubError(Err.MENU, "no menu context")
        self.budget.entries -= 1
        if self.budget.entries < 0:
            raise GuestReadError(f"a GRUB menu of more than {MAX_ENTRIES} entries")
        menu.append(entry)
        self.all_entries.append(entry)

    def wait_after_message(self) -> None:
        """`Press any key to continue...`, which goes on by itself."""
        self.seconds += PAUSE_AFTER_MESSAGE

    def prompt(self, reason: str) -> Stop:
        """The run ends at a prompt."""
        return Stop("prompt", reason)
