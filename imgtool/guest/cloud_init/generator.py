"""cloud-init's generator: whether it runs, and what it comes to with ds-identify.

Source: cloud-init's systemd/cloud-init-generator.tmpl in its two forms: until 23.3 it looks for the
switches itself (the last `cloud-init=` of the command line, then cloud-init.enabled, then cloud-
init.disabled), since then ds-identify does; systemd.generator(7) for where generators are and which of one
name runs.
"""

import posixpath
from dataclasses import dataclass

from imgtool.guest.cloud_init.ds_identify import (
    MAX_SCRIPT_BYTES,
    PROGRAMS,
    Identified,
    Script,
    identify,
    read_script,
)
from imgtool.guest.exec_command import program_obstacle
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.programs import Programs
from imgtool.guest.root_tree import is_whole
from imgtool.guest.systemd import is_null
from imgtool.guest.tree import GuestTree
from imgtool.util.text import printable

NAME = "cloud-init-generator"
DIRECTORIES = (
    "/etc/systemd/system-generators",
    "/usr/local/lib/systemd/system-generators",
    "/usr/lib/systemd/system-generators",
    "/lib/systemd/system-generators",
)
OWN_DIRECTORIES = DIRECTORIES[:2]
"""What stands here was put there by somebody, in place of the distribution's."""
STATES = ("enabled", "disabled")


@dataclass(frozen=True, slots=True)
class Generated:
    """What the generator does at a boot on Nova."""

    starts: bool
    """It links cloud-init.target into the boot, with a config drive or without one."""
    evidence: str
    path: str | None
    """The generator that runs; None where there is none."""
    with_drive: Identified | None = None
    without_drive: Identified | None = None
    """What ds-identify comes to; None where it does not run."""


def generated(tree: GuestTree, line: CommandLine, machine: str) -> Generated:
    """What the generator comes to. Raises GuestReadError where a file that it reads cannot be read."""
    path = next((f"{d}/{NAME}" for d in DIRECTORIES if _is_there(tree, f"{d}/{NAME}")), None)
    if path is None:
        return Generated(starts=False, evidence=f"no {NAME}: nothing starts cloud-init.target", path=None)
    obstacle = _obstacle(tree, path)
    if obstacle is not None:
        return Generated(starts=False, evidence=obstacle, path=None)
    text = (tree.read_bytes(path, MAX_SCRIPT_BYTES) or b"").decode("utf-8", "replace")
    if posixpath.dirname(path) in OWN_DIRECTORIES and "cloud-init.target" not in text:
        evidence = (
            f"{path} stands in place of the distribution's generator and does not start cloud-init.target"
        )
        return Generated(starts=False, evidence=evidence, path=None)
    switch = _switch(tree, line) if "kernel_cmdline()" in text or "main()" not in text else None
    if switch is not None and switch[0] == "disabled":
        return Generated(starts=False, evidence=switch[1], path=path)
    return _identified(tree, path, text, line, machine)


def _is_there(tree: GuestTree, path: str) -> bool:
    return tree.exists(path) or tree.link_target(path) is not None


def _obstacle(tree: GuestTree, path: str) -> str | None:
    shown = printable(path)
    if is_null(tree, path):
        return f"{shown} masks the generator that starts cloud-init"
    if not tree.is_file(path):
        return f"{shown} leads nowhere, so that no generator starts cloud-init"
    if not tree.is_executable(path):
        return f"{shown} is not executable, so that no generator starts cloud-init"
    stopped = program_obstacle(tree, Programs(tree), path) if is_whole(tree) else None
    return None if stopped is None else f"{stopped}, so that no generator starts cloud-init"


def _switch(tree: GuestTree, line: CommandLine) -> tuple[str, str] | None:
    value = line.plain_value("cloud-init")
    if value in STATES:
        return value, f"kernel command line: cloud-init={value}"
    return next(
        (
            (state, f"/etc/cloud/cloud-init.{state}")
            for state in STATES
            if tree.is_file(f"/etc/cloud/cloud-init.{state}")
        ),
        None,
    )


def _identified(tree: GuestTree, path: str, text: str, line: CommandLine, machine: str) -> Generated:
    program = ds_identify_path(tree, text)
    if program is None and "dsidentify=" in text and "check_for_datasource" not in text:
        return Generated(
            starts=False, evidence=f"{path}: ds-identify, which it runs, is not there", path=path
        )
    if program is None and "dsidentify=" in text:
        return Generated(starts=True, evidence=path, path=path)
    script = script_of(tree, program)
    with_drive = identify(tree, script, line, machine, config_drive=True)
    without = identify(tree, script, line, machine, config_drive=False)
    starts = with_drive.enabled or without.enabled
    evidence = path if starts else without.evidence
    return Generated(starts, evidence, path, with_drive, without)


def ds_identify_path(tree: GuestTree, generator: str) -> str | None:
    """The ds-identify that the text of a generator names, or the usual one; None where it cannot be run."""
    lines = (one.strip() for one in generator.splitlines())
    named = [one.split("=", 1)[1].strip("\"'") for one in lines if one.startswith("dsidentify=")]
    return next(
        (path for path in (*named[:1], *([] if named else PROGRAMS)) if tree.is_executable(path)), None
    )


def script_of(tree: GuestTree, program: str | None) -> Script:
    """How the ds-identify `program` works; an old one where there is none to look at."""
    content = None if program is None else tree.read_bytes(program, MAX_SCRIPT_BYTES)
    return read_script((content or b"").decode("utf-8", "replace"))
