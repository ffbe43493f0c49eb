"""Enters the root that Nova runs in, and becomes COMMAND there: see nova.py.

    python nova_enter.py ROOT BOUND=PLACE... -- COMMAND

Run in namespaces of its own. What is written to the root is written to memory, and gone with the last
process; only what is bound stays.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")


def main():
    """The root's own file system is shared by all clouds, hence the overlay."""
    separator = sys.argv.index("--")
    root, *bound = sys.argv[1:separator]
    command = sys.argv[separator + 1 :]
    top = _overlay(Path(root))
    _bind_devices(top / "dev")
    for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp")):
        _mount("-t", kind, kind, top / place)
    for pair in bound:
        source, _, place = pair.partition("=")
        target = top / place.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        _mount("--bind", source, target)
    os.chroot(top)
    socket.sethostname(Path("/etc/hostname").read_text().strip())
    os.chdir("/")
    os.execvpe(command[0], command, _environment())  # noqa: S606 - no shell is wanted


def _overlay(root):
    """The root with a layer in memory upon it, mounted at the root's own neighbour `mount`."""
    memory = root.parent / "mount"
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", memory)
    upper, work, top = (memory / name for name in ("upper", "work", "top"))
    for folder in (upper, work, top):
        folder.mkdir()
    _mount("-t", "overlay", "-o", f"lowerdir={root},upperdir={upper},workdir={work}", "overlay", top)
    return top


def _bind_devices(folder):
    """The few devices that QEMU and libvirt need. Not /dev/kvm: guests run the same on every machine."""
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for name in ("net", "pts", "shm"):
        (folder / name).mkdir()
    for name in DEVICES:
        (folder / name).touch()
        _mount("--bind", Path("/dev", name), folder / name)
    _mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", folder / "pts")
    (folder / "ptmx").symlink_to("pts/ptmx")


def _mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)  # noqa: S607 - by PATH, as anywhere


def _environment():
    return os.environ | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}


if __name__ == "__main__":
    main()
