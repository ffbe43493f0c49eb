import io
import struct

import pytest
from support.archives import compress
from support.grub import run_in
from support.guest_tree import Content, Link, Unreadable, guest_tree
from support.initramfs_trees import initramfs_tools, packed
from support.kernel_images import bzimage
from support.kmod import modules
from support.memory_filesystem import MemoryFilesystem

from imgtool.guest.disk_contents import DiskContents
from imgtool.guest.installed import read_installed
from imgtool.guest.linux import read_linux
from imgtool.guest.mounts import Device, System
from imgtool.guest.volumes import DiskLayout, Volume
from imgtool.model.facts import NO_EXTRAS, NOT_READ, GuestQuery, Known, Unknown
from imgtool.model.kernel import MODULES_OF_INTEREST
from imgtool.model.linux import LinuxFacts

V, OLD = "6.1.0-41-amd64", "6.1.0-9-amd64"
D = f"/usr/lib/modules/{V}"
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, 62)
MODULES = ("virtio", "virtio_ring", "virtio_pci", "virtio_blk", "virtio_net", "virtio_console")


def initramfs(version: str, *names: str) -> bytes:
    return compress("zstd", packed(initramfs_tools(names, f"/usr/lib/modules/{version}")))


def guest(version: str) -> dict[str, Content]:
    top = f"/usr/lib/modules/{version}"
    return modules(*MODULES, directory=top) | {
        f"{top}/modules.builtin": "kernel/fs/ext4/ext4.ko\n",
        f"/boot/vmlinuz-{version}": bzimage(version),
        f"/boot/initrd.img-{version}": initramfs(
            version, "virtio", "virtio_ring", "virtio_pci", "virtio_blk"
        ),
    }


ENTRY = """menuentry '{0}' {{
 linux /boot/vmlinuz-{0} root=LABEL=x cloud-init=disabled
 initrd /boot/initrd.img-{0}
}}
"""
FILES: dict[str, Content] = (
    guest(V)
    | guest(OLD)
    | {
        "/bin": Link("usr/bin"),
        "/lib": Link("usr/lib"),
        "/usr/bin/sh": ELF,
        "/usr/bin/cloud-init": "#!",
        "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
        "/etc/machine-id": "",
        "/boot/grub/grub.cfg": "set default=1\nset timeout=0\n" + ENTRY.format(V) + ENTRY.format(OLD),
        "/usr/sbin/qemu-ga": ELF,
    }
)


def read(files: dict[str, Content], guest_query: GuestQuery = NO_EXTRAS) -> LinuxFacts:
    root = Device(Volume("disk", 4096, (), io.BytesIO), MemoryFilesystem(label="x"), None)
    layout = DiskLayout("none", (), b"", (root.volume,))
    tree = guest_tree(files)
    system = System(tree, root, {})
    if not guest_query.judged:
        return read_installed(system, guest_query, run_in(tree))
    return read_linux(system, DiskContents(layout, [root]), guest_query, run_in(tree))


def test_a_whole_guest():
    facts = read(FILES)
    assert (facts.os_distro.value, facts.os_version.value, facts.architecture.value) == (
        "debian",
        "12",
        "x86_64",
    )
    assert (facts.machine_id.value, facts.ssh_host_keys.value) == ("empty", ())
    assert (facts.root_filesystem, facts.root_on_lvm) == ("ext4", False)
    assert facts.agent.installed.value is True
    assert facts.cloud_init.installed.value is True


def test_kernels_newest_first_and_which_one_boots():
    newest, older = read(FILES).kernels.value
    assert (newest.version, newest.default, older.version, older.default) == (V, False, OLD, True)
    assert older.default_evidence == f"/boot/grub/grub.cfg on disk: default=1 ({OLD})"
    assert newest.default_evidence.startswith(f"{OLD} boots: /boot/grub/grub.cfg on disk: default=1")
    assert older.image == f"/boot/vmlinuz-{OLD}"


def test_each_kernel_has_its_own_initramfs():
    for kernel in read(FILES).kernels.value:
        found = kernel.initramfs.value
        assert found.path == f"/boot/initrd.img-{kernel.version}"
        assert set(found.modules) == set(kernel.modules) == set(MODULES_OF_INTEREST)
        assert (found.modules["virtio_blk"], found.modules["virtio_net"]) == ("module", "missing")
        assert (found.modules["ext4"], found.generator, found.host_only) == (
            "builtin",
            "initramfs-tools",
            False,
        )


def test_the_boot_entry_s_command_line_reaches_cloud_init_and_the_channel():
    facts = read(FILES)
    assert facts.cloud_init.enabled.evidence == "kernel command line: cloud-init=disabled"
    text = FILES["/boot/grub/grub.cfg"].replace("cloud-init=disabled", "modprobe.blacklist=virtio_console")
    assert read(FILES | {"/boot/grub/grub.cfg": text}).agent.channel.value is False
    assert facts.agent.channel.value is True


@pytest.mark.parametrize(
    ("path", "fact"),
    [
        ("/etc/os-release", "os_distro"),
        ("/etc/machine-id", "machine_id"),
        ("/usr/bin/sh", "architecture"),
        (f"{D}/modules.builtin", "kernels"),
    ],
)
def test_one_unreadable_file_makes_one_fact_unknown(path, fact):
    facts = read(FILES | {path: Unreadable()})
    assert getattr(facts, fact) == Unknown("bad block")
    others = {"os_distro", "machine_id", "architecture", "kernels"} - {fact}
    assert all(isinstance(getattr(facts, other), Known) for other in others)


def test_one_unreadable_initramfs_leaves_the_other_known():
    newest, older = read(FILES | {f"/boot/initrd.img-{V}": Unreadable()}).kernels.value
    assert newest.initramfs == Unknown("bad block")
    assert older.initramfs.value.problem is None


def test_the_default_entry_s_command_line_and_its_root():
    facts = read(FILES)
    assert facts.command_line == Known("root=LABEL=x cloud-init=disabled", "/boot/grub/grub.cfg on disk")
    (root,) = facts.device_references.value
    assert (root.device, root.resolves) == ("LABEL=x", True)
    assert facts.root_is_last.value is True


def test_an_empty_tree():
    facts = read({})
    assert isinstance(facts.os_distro, Unknown)
    assert facts.kernels == Known((), "no kernel in /usr/lib/modules")
    assert facts.machine_id.value == "missing"
    assert facts.agent.installed.value is False


def test_terminal_escapes_in_a_kernel_s_name_are_made_harmless():
    files = {"/usr/lib/modules/6\x1b[31m/kernel/virtio_blk.ko": ELF}
    (kernel,) = read(files).kernels.value
    assert "\x1b" not in "".join([kernel.version, kernel.default_evidence, *kernel.evidence.values()])
    assert kernel.version == "6\\x1b[31m"


def test_what_a_policy_asks_for_is_looked_for():
    facts = read(FILES, GuestQuery(modules=("nvme",), files=("/etc/os-*", "/etc/shadow")))
    assert facts.found_files.value == ("/etc/os-release",)
    assert facts.kernels.value[0].modules["nvme"] == "missing"


def test_what_nobody_asked_for_is_not_known_to_be_absent():
    facts = read(FILES)
    assert isinstance(facts.found_files, Unknown)
    assert "nvme" not in facts.kernels.value[0].modules


def test_without_a_judgement_it_is_read_what_is_installed_and_nothing_else():
    broken = FILES | {f"/boot/initrd.img-{version}": Unreadable() for version in (V, OLD)}
    facts, judged = read(broken, GuestQuery(judged=False)), read(FILES)
    assert (facts.os_distro, facts.os_version, facts.architecture) == (
        judged.os_distro,
        judged.os_version,
        judged.architecture,
    )
    assert [(one.version, one.default, one.modules) for one in facts.kernels.value] == [
        (one.version, one.default, one.modules) for one in judged.kernels.value
    ]
    assert all(one.initramfs == NOT_READ for one in facts.kernels.value)
    assert facts.agent.installed == facts.machine_id == NOT_READ
