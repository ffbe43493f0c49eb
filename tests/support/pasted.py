"""Commands that are shown to be pasted, run where a stand-in for every program notes its arguments."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

HOSTILE = (
    "6.1.0;touch pwned;#",
    "a$(touch pwned)b",
    "a`touch pwned`b",
    "a|touch pwned",
    "a&touch pwned&",
    "a>pwned",
    "a\ntouch pwned\n",
    "it's;touch pwned;'",
    'a";touch pwned;"',
    "';touch pwned;'",
    "--version",
    "-rf",
    "$HOME ~ * ? [a-z] {a,b} !!",
    "\x1b[2K\rtouch pwned",
    "a\\x1b\\",
    "a\u202eb",
    "a\udcff",
    "a b",
    "",
)
"""Names that an image, a cloud or a user may have chosen."""

_STAND_IN = """\
command_not_found_handle() { builtin printf '%s\\0' "$#" "$@" >&3; case $1 in touch) : > pwned;; esac; }
printf() { command_not_found_handle printf "$@"; }
"""
"""No program is on PATH, so bash calls the first for each."""


def commands_in(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]*)`", text)


def pasted(command: str, folder: Path) -> list[list[str]]:
    """The commands that bash runs, as their words; asserts that it can be parsed and does nothing else."""
    (folder / "etc/initramfs-tools").mkdir(parents=True, exist_ok=True)
    command = command.replace("/etc/", f"{folder}/etc/")
    argv = ["/bin/bash", "--norc", "-c", 'exec 3>told; eval "$STAND_IN"; eval "$COMMAND"']
    env = {"PATH": str(folder / "nothing"), "STAND_IN": _STAND_IN, "COMMAND": command, "HOME": "/home/me"}
    run = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert not run.stderr, (command, run.stderr)
    assert not (folder / "pwned").exists(), command
    return list(_lists((folder / "told").read_text(errors="surrogateescape").split("\0")))


def _lists(told: list[str]) -> Iterator[list[str]]:
    """Each command was told as the number of its words, and these."""
    while len(told) > 1:
        count = int(told[0])
        yield told[1 : count + 1]
        told = told[count + 1 :]
