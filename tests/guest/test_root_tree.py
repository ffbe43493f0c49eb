"""What systemd cannot do without on the root file system; with a Debian 12 changed so, each boot stops."""

import pytest
from guest.test_programs import CODE, PROGRAM
from guest.test_user_space import INIT
from support.guest_tree import EMPTY_DIRECTORY, Content, File, guest_tree
from support.units import LIB

from imgtool.guest.cloud_init.generator import generated
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.programs import Programs
from imgtool.guest.root_tree import MIN_SHELL_BYTES, root_tree_troubles
from imgtool.guest.systemd import Machine, what_starts

SHELL = File(PROGRAM + bytes(MIN_SHELL_BYTES), 0o755)
UDEVD = "/usr/lib/systemd/systemd-udevd"
UNIT = f"[Unit]\nDefaultDependencies=no\n[Service]\nExecStart={UDEVD}\n"
WHOLE: dict[str, Content] = {
    **INIT,
    **dict.fromkeys(("/proc", "/sys", "/dev", "/run"), EMPTY_DIRECTORY),
    "/bin/bash": SHELL,
    UDEVD: CODE,
    f"{LIB}/systemd-udevd.service": UNIT,
}


@pytest.mark.parametrize(
    ("changed", "options", "trouble"),
    [
        ({}, "ro", ""),
        ({"/proc": None}, "ro", "systemd freezes at once: /proc is no directory"),
        (
            {"/proc": None, "/sys": None},
            "quiet ro",
            "systemd freezes at once: /proc, /sys are no directories",
        ),
        ({"/dev": "a file"}, "ro", "systemd freezes at once: /dev is no directory"),
        ({"/proc": None}, "ro rw", ""),
        ({"/proc": None}, "", ""),
        ({"/proc": None, "/bin/bash": None}, "ro", ""),
        ({"/proc": None, "/bin/bash": CODE}, "ro", ""),
        ({UDEVD: None}, "ro", "udev cannot be run"),
        ({UDEVD: File(CODE, 0o644)}, "ro", "udev cannot be run"),
    ],
)
def test_troubles(changed: dict[str, Content | None], options: str, trouble: str) -> None:
    tree = guest_tree({path: one for path, one in {**WHOLE, **changed}.items() if one is not None})
    line = parse_command_line(options)
    started = what_starts(tree, Machine(line))
    found = [one.message for one in root_tree_troubles(tree, started, line, Programs(tree))]
    assert len(found) == bool(trouble), found
    assert not trouble or found[0].startswith(trouble)


@pytest.mark.parametrize(
    ("release", "generator", "options", "stops"),
    [
        ("/etc/os-release", "dracut", "ro", False),
        ("/usr/lib/os-release", "dracut", "ro", False),
        ("/etc/other", "dracut", "ro", True),
        ("/etc/other", "dracut", "ro init=/usr/lib/systemd/systemd", False),
        ("/etc/other", "initramfs-tools", "ro", False),
    ],
)
def test_dracut_hands_over_to_what_has_an_os_release(
    release: str, generator: str, options: str, stops: bool
) -> None:
    tree = guest_tree({**WHOLE, release: "ID=x\n"})
    line = parse_command_line(options)
    started = what_starts(tree, Machine(line))
    found = [one.message for one in root_tree_troubles(tree, started, line, Programs(tree), generator)]
    assert ["does not hand over" in message for message in found] == [True] * stops


@pytest.mark.parametrize(("shell", "starts"), [({"/bin/sh": CODE}, True), ({}, False)])
def test_the_shell_of_cloud_init_s_generator(shell: dict[str, Content], starts: bool) -> None:
    path = "/usr/lib/systemd/system-generators/cloud-init-generator"
    files = {name: one for name, one in WHOLE.items() if name != "/bin/sh"}
    tree = guest_tree({**files, **shell, path: File("#!/bin/sh\n", 0o755)})
    assert generated(tree, parse_command_line("ro"), "x86_64").starts is starts
