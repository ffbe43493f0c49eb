"""One way in which the agent may be started at boot: what starts it, by which command, what prevents it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from imgtool.guest.agent.settings import AgentSettings, configuration_path, options_of, read_settings
from imgtool.guest.exec_command import Command, located, program_obstacle
from imgtool.guest.programs import Programs
from imgtool.guest.release import MAX_SETTINGS_BYTES
from imgtool.guest.tree import GuestTree

PROGRAM = "qemu-ga"
MAX_PROGRAM_BYTES = 32 << 20
"""Debian's has 0.6 MB, one that is linked statically about 10."""
_VERSIONED_OPTIONS = ("-b", "-a", "-c", "--b", "--a", "--c")
"""How options begin that not every version has."""
_VERSIONED_KEYS = ("allow-rpcs", "blacklist", "block-rpcs")
"""The same of keys in the file."""


@dataclass(frozen=True, slots=True)
class Service:
    """A unit, a script or a line that starts the agent, or would."""

    name: str
    place: str
    """The rule, the link or the line that starts it; empty where nothing does."""
    path: str | None
    """The agent's program; None where it is something else that is started."""
    settings: AgentSettings
    obstacle: str
    """Why it does not run all the same, with what prevents it; empty where nothing does."""
    obstacle_place: str = ""
    """The path that prevents it, where it is one."""
    shown: str = ""
    """The command, for people."""
    evidence: str = ""
    """How `place` starts it, where the path alone does not say so."""
    failing: tuple[tuple[str, str], ...] = ()
    """RPCs that its unit's settings keep from working, each with the reason."""

    @property
    def runs(self) -> bool:
        """It is started, and it runs."""
        return bool(self.place) and not self.obstacle


def settings_of(tree: GuestTree, command: Command | None) -> AgentSettings:
    """What the agent makes of `command` and of its configuration file; of the file alone without one."""
    words = command.words[1:] if command is not None else ()
    environment = dict(command.environment) if command is not None else {}
    path = configuration_path(words, environment)
    content = (
        tree.read_bytes(path, MAX_SETTINGS_BYTES) if path.startswith("/") and tree.is_file(path) else None
    )
    text = None if content is None else content.decode("utf-8", "replace")
    read = partial(read_settings, text, words, path)
    versioned = any(word.startswith(_VERSIONED_OPTIONS) for word, _ in words)
    if command is None or not (versioned or any(key in (text or "") for key in _VERSIONED_KEYS)):
        return read()
    program = located(tree, command.program)
    binary = tree.read_bytes(program, MAX_PROGRAM_BYTES) if program is not None else None
    return read(options=options_of(binary or b""))


def obstacles(
    tree: GuestTree, programs: Programs, command: Command, settings: AgentSettings
) -> Iterator[str]:
    """What keeps the agent that `command` names from running."""
    path = located(tree, command.program)
    if path is None:
        yield f"{command.shown}: there is no program {command.program}"
        return
    found = program_obstacle(tree, programs, path)
    if found is not None:
        yield found
    if settings.problem:
        yield settings.problem
