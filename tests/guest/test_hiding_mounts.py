"""Programs that a line of fstab hides, or keeps from being run."""

import pytest
from support.guest_tree import Content, File, Link, guest_tree
from support.static_program import STATIC_PROGRAM

from imgtool.guest.exec_command import program_obstacle
from imgtool.guest.programs import Programs

GUEST: dict[str, Content] = {
    "/bin": Link("usr/bin"),
    "/usr/sbin/init": STATIC_PROGRAM,
    "/usr/sbin/qemu-ga": STATIC_PROGRAM,
    "/usr/bin/python3": STATIC_PROGRAM,
    "/usr/bin/cloud-init": "#!/usr/bin/python3\n",
    "/srv/copy/qemu-ga": STATIC_PROGRAM,
    "/srv/empty/x": "",
}


def obstacle(line: str, path: str = "/usr/sbin/qemu-ga") -> str:
    tree = guest_tree({**GUEST, "/etc/fstab": File(f"# a comment\n{line}\n")})
    return program_obstacle(tree, Programs(tree, "x86_64"), path) or ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("tmpfs /usr/sbin tmpfs defaults 0 0", "mounts tmpfs on /usr/sbin, which hides /usr/sbin/qemu-ga"),
        ("none /usr ramfs", "which hides"),
        ("/srv/empty /usr/sbin none bind 0 0", "mounts /srv/empty on /usr/sbin, which hides"),
        ("LABEL=usr /usr ext4 ro,noexec 0 0", "with noexec, so that /usr/sbin/qemu-ga cannot be run"),
        ("LABEL=root / ext4 noexec 0 1", "with noexec"),
        ("LABEL=usr /usr ext4 users 0 0", "with noexec"),
        ("LABEL=usr /usr ext4 exec,user 0 0", "with noexec"),
    ],
)
def test_it_does_not_run(line: str, says: str) -> None:
    assert says in obstacle(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "tmpfs /usr/sbin tmpfs noauto 0 0",
        "tmpfs /tmp tmpfs noexec 0 0",
        "tmpfs /usr/sb tmpfs defaults 0 0",
        "LABEL=root / ext4 errors=remount-ro 0 1",
        "LABEL=usr /usr ext4 user,exec 0 0",
        "LABEL=usr /usr ext4 noexec,defaults 0 0",
        "/srv/copy /usr/sbin none bind 0 0",
        "/usr /usr none bind,ro 0 0",
        "LABEL=usr /usr ext4 noexec 0 0\n/usr/sbin /usr/sbin none bind 0 0",
        "overlay /usr overlay lowerdir=/usr,upperdir=/u,workdir=/w 0 0",
    ],
)
def test_it_runs(line: str) -> None:
    assert obstacle(line) == ""


def test_the_interpreter_of_a_script() -> None:
    assert "/usr/bin/python3" in obstacle("/srv/empty /usr/bin/python3 none bind 0 0", "/usr/bin/cloud-init")
    assert "cannot be run" in obstacle("/usr/bin /usr/bin none bind,noexec", "/bin/cloud-init")
