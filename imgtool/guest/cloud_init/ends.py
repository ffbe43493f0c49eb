"""What an image's own configuration has cloud-init do that ends it, or the instance.

Source: cloudinit/config/cc_power_state_change.py, cc_runcmd.py, cc_bootcmd.py; cloudinit/distros/__init__.py,
fetch.
"""

import posixpath
from collections.abc import Iterator

from imgtool.guest.cloud_init.config import CloudConfig
from imgtool.guest.cloud_init.program import package_directory
from imgtool.guest.exec_command import scripted
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_values import Value
from imgtool.util.text import printable

POWER = ("power_state", "mode")
ENDS = frozenset({"poweroff", "halt"})
COMMANDS = {"bootcmd": "bootcmd", "runcmd": "runcmd"}
"""Keys of commands, and the modules that run them."""
SHELLS = frozenset({"sh", "bash", "dash"})
MAX_COMMANDS = 200


def ending(tree: GuestTree, config: CloudConfig) -> Iterator[str]:
    """Why cloud-init fails, or ends the instance that it set up, in clauses."""
    yield from _distribution(tree, config)
    mode = config.get(*POWER)
    if mode in ENDS and _always(config.get("power_state", "condition")):
        yield f"{config.where(*POWER)}: power_state: mode: {mode} ends each instance once it is set up"
    for key, module in COMMANDS.items():
        command = next((one for one in _commands(config.get(key)) if _ends(one)), None)
        if command is not None and module in config.all_modules | {"bootcmd"}:
            yield f"{config.where(key)}: {key}: {printable(' '.join(command))} ends each instance"


def _distribution(tree: GuestTree, config: CloudConfig) -> Iterator[str]:
    """Yield that there is no module for the distribution that is named, without which nothing goes on."""
    name = config.get("system_info", "distro")
    package = package_directory(tree)
    if not isinstance(name, str) or not name.isidentifier() or package is None:
        return
    base = f"{package}/distros/{name}"
    if not any(tree.exists(path) for path in (f"{base}.py", f"{base}.pyc", base)):
        where = config.where("system_info", "distro")
        yield f"{where}: distro: {printable(name)}: cloud-init has no module of that name, and fails"


def _always(condition: Value) -> bool:
    return condition is None or condition is True or str(condition).lower() == "true"


def _commands(value: Value) -> Iterator[list[str]]:
    """The plain commands of a list: texts are scripts of a shell, lists are words."""
    for item in value[:MAX_COMMANDS] if isinstance(value, list) else ():
        words = [str(word) for word in item] if isinstance(item, list) else []
        is_shell = len(words) > 2 and posixpath.basename(words[0]) in SHELLS and words[1] == "-c"
        script = words[2] if is_shell else item if isinstance(item, str) else None
        if script is not None:
            yield from ([word for word, _ in command] for command in scripted(script, ""))
        elif words:
            yield words


def _ends(words: list[str]) -> bool:
    name, rest = posixpath.basename(words[0]), words[1:]
    if name == "systemctl":
        return bool(ENDS.intersection(rest))
    if name == "shutdown":
        return not any(word in {"-r", "-c", "--reboot"} for word in rest)
    return name in ENDS or (name == "init" and rest[:1] == ["0"])
