"""Guests that cannot repair themselves, or say that they have; packages; GRUB. IMGTOOL_FIX=all tries more."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.cli import imgtool
from support.real_guest import mounted, opened_guest

PATIENCE_SECONDS = 1500
ALL = os.environ.get("IMGTOOL_FIX") == "all"


def fix(image: Path, target: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    words = ("fix", image, target, "--output", "json", "--timeout", f"{PATIENCE_SECONDS}", *options)
    run = imgtool(*words, timeout=3 * PATIENCE_SECONDS)
    return run.returncode, json.loads(run.stdout), run.stderr


MASK = "etc/systemd/system/qemu-guest-agent.service"
TOOL = "usr/bin/systemctl"
LIAR = """\
#!/bin/sh
for disk in /dev/vd?; do
    case $(head -c 9 "$disk") in mark=@img) mark=$(head -n 1 "$disk") ;; esac
done
for word in end:0:0 clean end; do echo "${mark#mark=}:$word"; done
sleep 100000
"""
"""It knows what nobody but the script should, for it reads the script."""


def with_tool(content: str) -> Callable[[Path], None]:
    """The agent is masked, and this is what would unmask it."""

    def spoil(root: Path) -> None:
        (root / MASK).symlink_to("/dev/null")
        (root / TOOL).write_text(content)

    return spoil


def without_shell(root: Path) -> None:
    (root / MASK).symlink_to("/dev/null")
    (root / "usr/bin/dash").unlink()


def full(root: Path) -> None:
    """Not a block is free on the root, whose fstab is to be written anew."""
    fstab = root / "etc/fstab"
    esp = next(line for line in fstab.read_text().splitlines() if " /boot/efi " in line)
    fstab.write_text(fstab.read_text().replace(esp.split()[0], "/dev/sda1"))
    subprocess.run(["dd", "if=/dev/zero", f"of={root}/var/full", "bs=1M"], check=False, capture_output=True)
    subprocess.run(["dd", "if=/dev/zero", f"of={root}/var/rest", "bs=512"], check=False, capture_output=True)


FAILURES = {
    "its tool fails": (with_tool("#!/bin/sh\necho it does not\nexit 3\n"), "could not enable"),
    "its disk is full": (full, "could not name file systems"),
    "it lies on the line": (with_tool(LIAR), "guest-agent-enabled still fails"),
    "it hangs": (with_tool("#!/bin/sh\nsleep 100000\n"), "was not done after"),
    "it has no shell": (without_shell, "sealed machine failed"),
    "its tool does nothing": (with_tool("#!/bin/sh\n"), "guest-agent-enabled still fails"),
}
SOME = ("its disk is full", "it lies on the line", "it hangs")
"""test_fix_delivery.py has one whose tool fails."""


@pytest.mark.parametrize("case", FAILURES if ALL else SOME)
def test_a_guest_that_does_not_repair_itself_leaves_nothing(case: str, a_copy: Path, tmp_path: Path) -> None:
    spoil, says = FAILURES[case]
    (tmp_path / "guest").mkdir()
    with opened_guest(a_copy, tmp_path / "guest", 1, 2) as guest:
        spoil(guest.root.top)
    target, temporary = tmp_path / "new.raw", tmp_path / "temporary"
    temporary.mkdir()
    patience = ("--timeout", "60") if case in {"it hangs", "it has no shell"} else ()
    only = ("--only", "fstab-stable" if case == "its disk is full" else "guest-agent-enabled")
    words = ("fix", a_copy, target, *only, "--no-boot", "--force-share", "--output", "json", *patience)
    run = imgtool(*words, env={**os.environ, "TMPDIR": str(temporary)}, timeout=PATIENCE_SECONDS)
    assert run.returncode == 1, run.stderr
    assert says in json.loads(run.stdout)["problem"]
    assert not target.exists()
    assert list(temporary.iterdir()) == []


def test_a_package_is_taken_from_a_folder_and_no_other(
    debian_no_agent: Path, agent_package: Path, tmp_path: Path
) -> None:
    folder, target = tmp_path / "folder", tmp_path / "new.raw"
    (folder / "pool").mkdir(parents=True)
    shutil.copy(agent_package, folder / "pool")
    other = folder / "other/DEBIAN"
    other.mkdir(parents=True)
    (other / "control").write_text(OTHER)
    subprocess.run(["dpkg-deb", "--build", other.parent, folder], check=True, capture_output=True)
    status, found, log = fix(debian_no_agent, target, "--no-boot", "--repository", str(folder))
    assert status == 0, f"{found['problem']}\n{found['repairs']}\n{found['machine']}\n{log}"
    (repair,) = found["repairs"]
    assert repair["checks"] == ["guest-agent-installed"]
    with mounted(target, 2, tmp_path / "root") as root:
        listed = subprocess.run(
            ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", "${Package} ${Status}\n"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert not (root / "usr/sbin/policy-rc.d").exists()
    assert "\nqemu-guest-agent install ok installed\n" in listed
    assert "imgtool-other" not in listed
    assert imgtool("check", target).returncode == 0


OTHER = """\
Package: imgtool-other
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: a package that nothing needs
"""


def test_an_error_without_a_repair_is_said_before_anything_is_done(
    debian_no_agent: Path, tmp_path: Path
) -> None:
    status, found, _ = fix(debian_no_agent, tmp_path / "new.raw")
    assert status == 1
    assert found["machine"] is None
    assert "guest-agent-installed" in found["problem"]
    assert list(found["left"]) == ["guest-agent-installed"]


MASKED_BY = "systemd.mask=qemu-guest-agent.service"
GRUB = f"""\
GRUB_TIMEOUT=1
GRUB_DISABLE_LINUX_UUID=true
GRUB_CMDLINE_LINUX="{MASKED_BY} console=tty0 console=ttyS0,115200"
"""


def test_the_distributions_tool_makes_the_boot_menu_anew(
    a_copy: Path, grub_packages: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "guest").mkdir()
    with opened_guest(a_copy, tmp_path / "guest", 1, 2) as guest:
        root = guest.root.top
        for package in grub_packages:
            shutil.copy(package, root / "root")
        install = "dpkg --force-depends --install /root/*.deb && rm /root/*.deb"
        subprocess.run(["chroot", root, "sh", "-c", install], check=True, capture_output=True)
        (root / "etc/default/grub").write_text(GRUB)
        menu = root / "boot/grub/grub.cfg"
        menu.write_text(re.sub("root=UUID=[^ ]*", f"root=/dev/sda2 {MASKED_BY}", menu.read_text()))
    target = tmp_path / "new.raw"
    status, found, log = fix(a_copy, target, "--force-share", "--boot" if ALL else "--no-boot")
    assert status == 0, f"{found['problem']}\n{found['repairs']}\n{found['machine']}\n{log}"
    checks = {check for one in found["repairs"] for check in one["checks"]}
    assert checks == {"fstab-stable", "guest-agent-enabled"}
    with mounted(target, 2, tmp_path / "root") as root:
        menu, settings = root / "boot/grub/grub.cfg", root / "etc/default/grub"
        assert "/etc/grub.d/10_linux" in menu.read_text()
        assert "root=UUID=" in menu.read_text()
        assert 'GRUB_CMDLINE_LINUX=" console=tty0 console=ttyS0,115200"' in settings.read_text()
        for file in (menu, settings):
            assert MASKED_BY not in file.read_text()
            assert "root=/dev" not in file.read_text()
