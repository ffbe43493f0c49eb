"""Which of GRUB's commands are there: of the modules in its image, and of those that it finds as files.

Sources: GRUB's grub-core/kern/dl.c, normal/dyncmd.c; Makefile.core.def for which module has which command.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from imgtool.guest.bootloader.grub.errors import Err, GrubError, Undecided

PLATFORMS = {"bios": "i386-pc", "uefi": "x86_64-efi"}
CORE_COMMANDS = frozenset({"set", "unset", "ls", "insmod"})
_NORMAL = (
    "menuentry submenu export authenticate normal normal_exit clear break continue shift setparams return"
)
NORMAL_COMMANDS = frozenset(_NORMAL.split())
OF_MODULE = {
    "search.fs_uuid": "search_fs_uuid",
    "search.fs_label": "search_label",
    "search.file": "search_fs_file",
    "source": "configfile",
    ".": "configfile",
    "extract_entries_source": "configfile",
    "extract_entries_configfile": "configfile",
    "[": "test",
    "false": "true",
    "initrd": "linux",
    "linuxefi": "linux",
    "initrdefi": "linux",
    "initrd16": "linux16",
    "load_env": "loadenv",
    "save_env": "loadenv",
    "list_env": "loadenv",
    "chainloader": "chain",
    "decrement": "increment",
    "bls_import": "blscfg",
    "legacy_configfile": "legacycfg",
    "terminal_input": "terminal",
    "terminal_output": "terminal",
    "background_image": "gfxterm_background",
    "loadfont": "font",
    "fwsetup": "efifwsetup",
    "exit": "minicmd",
    "cat": "cat",
    "multiboot2": "multiboot2",
    "module2": "multiboot2",
    "module": "multiboot",
    "password_pbkdf2": "password_pbkdf2",
}
"""Module of each command that has not the module's own name."""
_USUAL = (
    "biosdisk boot part_gpt part_msdos ext2 xfs btrfs fat lvm normal terminal crypto extcmd fshelp"
    " search_fs_uuid search search_label gzio bufio gettext relocator video datetime mmap"
)
USUALLY_BUILT_IN = frozenset(_USUAL.split())


@dataclass(slots=True)
class Modules:
    """`built_in` is None where that is not known: then what is no file either is taken to be there."""

    platform: str
    built_in: frozenset[str] | None
    loaded: set[str] = field(default_factory=set)
    _listed: dict[str, str] | None = None
    _directory: str | None = None

    def is_loaded(self, module: str) -> bool:
        """Whether its code runs, and not only could be."""
        return module in self.loaded or (self.built_in is not None and module in self.built_in)

    def read_list(self, prefix: str, read: Callable[[str], str]) -> None:
        """command.lst of the prefix, by which a command loads its module."""
        self._directory, self._listed = f"{prefix}/{self.platform}", None
        try:
            text = read(f"{self._directory}/command.lst")
        except GrubError:
            return
        pairs = (line.strip().lstrip("*").partition(":") for line in text.splitlines()[:2000])
        self._listed = {name: module.strip() for name, _, module in pairs if module.strip()}

    def has(self, command: str, exists: Callable[[str], bool]) -> bool:
        """Whether the command can be run. Raises GrubError where its module is listed and no file."""
        if command in CORE_COMMANDS or command in NORMAL_COMMANDS:
            return True
        module = OF_MODULE.get(command, command)
        if self.is_loaded(module):
            return True
        if self._listed is not None and command in self._listed:
            module = self._listed[command]
            if module in self.loaded or self.load(module, exists):
                return True
        return self.built_in is None and (self._listed is None or module in USUALLY_BUILT_IN)

    def load(self, module: str, exists: Callable[[str], bool]) -> bool:
        """`insmod`: True where the module is there now. Raises GrubError where its file is not."""
        if self.is_loaded(module):
            return True
        path = f"{self._directory}/{module}.mod"
        try:
            found = self._directory is not None and exists(path)
        except Undecided:
            found = False
        if found or (self.built_in is None and self._is_taken_for_there(module)):
            self.loaded.add(module)
            return True
        raise GrubError(Err.FILE_NOT_FOUND, f"file `{path}' not found")

    def _is_taken_for_there(self, module: str) -> bool:
        return self._listed is None or module in USUALLY_BUILT_IN
