"""A machine as it comes from VMware: an OVA, with what its old home left in it."""

import shutil
import subprocess
from pathlib import Path

from support.ovas import stream_ova
from support.real_guest import opened_guest

MACHINE_ID = "0123456789abcdef0123456789abcdef\n"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
RULE = 'SUBSYSTEM=="net", ATTR{address}=="00:50:56:12:34:56", NAME="eth0"\n'


def exported_from_vmware(path: Path, image: Path) -> None:
    """An OVA at `path` of a Debian image whose initramfs lacks virtio; it never had QEMU's agent."""
    folder = path.with_name("export")
    folder.mkdir()
    raw = folder / "disk.raw"
    subprocess.run(["cp", "--sparse=always", image, raw], check=True)
    raw.chmod(0o644)
    with opened_guest(raw, folder, 1, 2) as guest:
        guest.root.put("etc/machine-id", MACHINE_ID)
        guest.root.put("etc/ssh/ssh_host_ed25519_key", KEY, 0o600)
        guest.root.put("etc/udev/rules.d/70-persistent-net.rules", RULE)
        shutil.rmtree(guest.root.top / ".before", ignore_errors=True)
        purge = ["chroot", guest.root.top, "dpkg", "--purge", "qemu-guest-agent"]
        subprocess.run(purge, check=True, capture_output=True)
    stream_ova(path, raw, "web-disk1.vmdk")
    shutil.rmtree(folder)
