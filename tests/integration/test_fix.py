"""Real Debian guests repair themselves. IMGTOOL_FIX=all tries each image and each failure, else some."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import spoilt_copies as spoilt
from support.cli import imgtool
from support.real_guest import mounted, opened_guest

PATIENCE_SECONDS = 1500
ALL = os.environ.get("IMGTOOL_FIX") == "all"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
SHADOW_LINE = "root:$6$made$up:19000:0:99999:7:::"
RULES = "/etc/udev/rules.d/70-persistent-net.rules"


def fix(image: Path, target: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    words = ("fix", image, target, "--output", "json", "--timeout", f"{PATIENCE_SECONDS}", *options)
    run = imgtool(*words, timeout=3 * PATIENCE_SECONDS)
    return run.returncode, json.loads(run.stdout), run.stderr


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def a_copy(debian_image: Path, tmp_path: Path) -> Iterator[Path]:
    image = tmp_path / "old.raw"
    subprocess.run(["cp", "--sparse=always", debian_image, image], check=True)
    image.chmod(0o644)
    yield image
    image.unlink()


def spoil_all(image: Path, folder: Path) -> None:
    """One of each kind that is repaired without making an initramfs."""
    folder.mkdir()
    with opened_guest(image, folder, 1, 2) as guest:
        root = guest.root.top
        (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (root / "etc/ssh/ssh_host_ed25519_key").write_text(KEY)
        (root / "root/.bash_history").write_text("secret\n")
        shadow = root / "etc/shadow"
        others = [line for line in shadow.read_text().splitlines() if not line.startswith("root:")]
        shadow.write_text("\n".join([SHADOW_LINE, *others]) + "\n")
        (root / "etc/nvme").mkdir(exist_ok=True)
        (root / "etc/nvme/hostid").write_text("11111111-2222-4333-8444-555555555555\n")
        rules = root / RULES[1:]
        rules.parent.mkdir(exist_ok=True)
        rules.write_text('SUBSYSTEM=="net", ATTR{address}=="52:54:00:12:34:56", NAME="eth0"\n')
        (root / "etc/lvm/devices").mkdir(parents=True, exist_ok=True)
        (root / "etc/lvm/devices/system.devices").write_text(
            "IDTYPE=devname IDNAME=/dev/sda2 DEVNAME=/dev/sda2\n"
        )
        fstab = root / "etc/fstab"
        esp = next(line for line in fstab.read_text().splitlines() if " /boot/efi " in line)
        fstab.write_text(fstab.read_text().replace(esp.split()[0], "/dev/sda1"))
        (root / "etc/systemd/system/qemu-guest-agent.service").symlink_to("/dev/null")
        (root / "etc/cloud/cloud-init.disabled").touch()
    spoilt.in_use(image)


REPAIRED = {
    "machine-id", "ssh-host-keys", "secrets", "identity", "mac-unpinned", "fstab-stable",
    "guest-agent-enabled", "cloud-init-enabled", "filesystem-clean",
}  # fmt: skip


def tree(top: Path) -> dict[str, str]:
    """Each file's content, link or kind, and mode, by its path."""
    found = {}
    for path in sorted(top.rglob("*")):
        shown = path.lstat()
        file = "" if not path.is_file() else sha256(path)
        content = str(path.readlink()) if path.is_symlink() else file
        found[str(path.relative_to(top))] = f"{shown.st_mode:o} {shown.st_uid} {content}"
    return found


CHANGED = (
    "etc/machine-id", "etc/ssh/ssh_host_", "root/.bash_history", "etc/shadow", "etc/nvme", "etc/udev/rules.d",
    "etc/lvm/devices", "etc/fstab", "etc/systemd/system/", "etc/cloud/cloud-init.disabled", "etc/passwd-",
    "var/lib/systemd", "dev/", "etc/.pwd.lock", "run/",
)  # fmt: skip
"""What the plan names, and what its tools write beside that."""


def test_one_of_each_is_repaired_and_nothing_else_changes(a_copy: Path, tmp_path: Path) -> None:
    spoil_all(a_copy, tmp_path / "guest")
    before = sha256(a_copy)
    target = tmp_path / "new.raw"
    status, found, log = fix(a_copy, target)
    assert status == 0, f"{found['problem']}\n{found['repairs']}\n{found['machine']}\n{log}"
    assert {check for one in found["repairs"] for check in one["checks"]} >= REPAIRED
    assert found["machine"]["clean"]
    assert [one["answered"] for one in found["boots"]] == [True]
    assert sha256(a_copy) == before
    assert imgtool("check", target).returncode == 0
    with mounted(a_copy, 2, tmp_path / "a") as old, mounted(target, 2, tmp_path / "b") as new:
        first, second = tree(old), tree(new)
    changed = {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}
    assert [name for name in sorted(changed) if not f"{name}/".startswith(CHANGED)] == []
    start = 512 * int(subprocess.run(
        ["partx", "-g", "-o", "START", "-n", "2", target], check=True, capture_output=True, text=True
    ).stdout)  # fmt: skip
    subprocess.run(["e2fsck", "-fn", f"{target}?offset={start}"], check=True, capture_output=True)


IMAGES = [
    *("debian_initramfs_truncated", "debian_initramfs_dep", "debian_initramfs_host_only"),
    "debian_initramfs_without_virtio",
]


@pytest.mark.parametrize("name", IMAGES if ALL else IMAGES[:1])
def test_an_initramfs_is_made_again(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    target = tmp_path / "new.qcow2"
    boot = "--boot" if ALL else "--no-boot"
    status, found, log = fix(request.getfixturevalue(name), target, boot)
    assert status == 0, f"{found['problem']}\n{found['repairs']}\n{found['machine']}\n{log}"
    outcomes = {one["check"]: one["outcome"] for one in found["after"]}
    wanted = ("virtio-initramfs", "initramfs-generic", "initramfs-intact")
    assert {outcomes[check] for check in wanted} == {"pass"}
    assert imgtool("check", target).returncode == 0


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
SOME = [*FAILURES][:4]


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
