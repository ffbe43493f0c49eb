"""Each way that a repair goes in other distributions than Debian: which of their programs are called, how."""

import subprocess
from pathlib import Path

import pytest
from support import facts
from support.stand_in_guest import StandInGuest

from imgtool.fix.command_line import root_by_uuid, with_serial_console, without
from imgtool.fix.repairs import REPAIRS
from imgtool.model.fix import Repair
from imgtool.model.verdict import Finding, Outcome, Severity

VERSION = "5.14.0-1.el9.x86_64"
DRIVERS = "virtio_pci virtio_blk virtio_scsi"


def script_of(check: str) -> str:
    found = REPAIRS[check](facts.linux(), Finding(check, Outcome.FAIL, Severity.ERROR, "", ""))
    assert isinstance(found, Repair)
    return found.script


def with_kernel(guest: StandInGuest, initramfs: str) -> StandInGuest:
    guest.put(f"lib/modules/{VERSION}/modules.dep")
    guest.put(f"boot/vmlinuz-{VERSION}")
    guest.put(initramfs)
    return guest


@pytest.mark.parametrize(
    "initramfs",
    [f"boot/initramfs-{VERSION}.img", f"boot/initrd-{VERSION}", f"efi/0123/{VERSION}/initrd"],
)
def test_dracut_makes_the_initramfs_where_it_is(initramfs: str, tmp_path: Path) -> None:
    guest = with_kernel(StandInGuest(tmp_path / "guest", ["dracut", "depmod"]), initramfs)
    ran = guest.run(script_of("virtio-initramfs"))
    assert (ran.status, ran.calls) == (
        0, [f"dracut --force --no-hostonly --add-drivers {DRIVERS} /{initramfs} {VERSION}"],
    )  # fmt: skip
    assert guest.read("etc/dracut.conf.d/90-virtio.conf") == f'hostonly="no"\nadd_drivers+=" {DRIVERS} "\n'


def test_mkinitcpio_leaves_autodetection_out(tmp_path: Path) -> None:
    guest = with_kernel(StandInGuest(tmp_path / "guest", ["mkinitcpio"]), "boot/initramfs-linux.img")
    guest.put("etc/mkinitcpio.conf", "MODULES=(ext4)\nHOOKS=(base udev autodetect block filesystems)\n")
    for _ in range(2):
        ran = guest.run(script_of("virtio-initramfs"))
        assert (ran.status, ran.calls) == (0, ["mkinitcpio -P"])
        assert guest.read("etc/mkinitcpio.conf") == (
            "MODULES=(virtio_scsi virtio_blk virtio_pci ext4)\nHOOKS=(base udev block filesystems)\n"
        )


def test_mkinitfs_has_the_features(tmp_path: Path) -> None:
    guest = with_kernel(StandInGuest(tmp_path / "guest", ["mkinitfs"]), "boot/initramfs-virt")
    guest.put("etc/mkinitfs/mkinitfs.conf", 'features="ata base ext4"\n')
    for _ in range(2):
        ran = guest.run(script_of("virtio-initramfs"))
        assert (ran.status, ran.calls) == (0, [f"mkinitfs {VERSION}"])
        assert guest.read("etc/mkinitfs/mkinitfs.conf") == 'features="scsi virtio ata base ext4"\n'


def test_a_guest_with_no_tool_for_it_says_so(tmp_path: Path) -> None:
    ran = with_kernel(StandInGuest(tmp_path / "guest"), "boot/x").run(script_of("virtio-initramfs"))
    assert ran.status == 1
    assert "none of initramfs-tools, dracut, mkinitcpio and mkinitfs is there" in ran.output


def test_grubby_changes_all_entries(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["grubby", "findmnt"])
    guest.record("blkid", "echo 0123")
    guest.put("etc/default/grub", 'GRUB_CMDLINE_LINUX="ro"\n')
    every = "grubby --update-kernel=ALL"
    assert guest.run(without(["pci=off", "single"])).calls == [f"{every} --remove-args=pci=off single"]
    assert guest.run(with_serial_console()).calls == [f"{every} --args=console=tty0 console=ttyS0,115200"]
    assert guest.run(root_by_uuid()).calls[-1] == f"{every} --args=root=UUID=0123"
    assert guest.read("etc/default/grub") == 'GRUB_CMDLINE_LINUX="ro"\n'


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ('GRUB_CMDLINE_LINUX="ro console=tty0"\n', 'GRUB_CMDLINE_LINUX="ro  SERIAL"\n'),
        ("GRUB_CMDLINE_LINUX=''\n", "GRUB_CMDLINE_LINUX=' SERIAL'\n"),
        ("GRUB_CMDLINE_LINUX=quiet\n", 'GRUB_CMDLINE_LINUX="quiet SERIAL"\n'),
        ("GRUB_TIMEOUT=1\n", 'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX=" SERIAL"\n'),
        (
            'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="console=hvc0 console=tty1 quiet"\n',
            'GRUB_CMDLINE_LINUX=" SERIAL"\nGRUB_CMDLINE_LINUX_DEFAULT="  quiet"\n',
        ),
    ],
)
def test_the_serial_console_is_the_last_one(settings: str, changed: str, tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["update-grub"])
    guest.record("blkid", "exit 2")
    guest.put("etc/default/grub", settings)
    assert guest.run(with_serial_console()).calls[-1] == "update-grub"
    assert guest.read("etc/default/grub") == changed.replace("SERIAL", "console=tty0 console=ttyS0,115200")


def test_grub2_mkconfig_makes_the_menu(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["grub2-mkconfig"])
    guest.record("blkid", "exit 2")
    guest.put("boot/grub2/grub.cfg")
    guest.put("etc/default/grub", 'GRUB_CMDLINE_LINUX="pci=off ro"\n')
    ran = guest.run(without(["pci=off"]))
    assert (ran.status, ran.calls[-1]) == (0, "grub2-mkconfig -o /boot/grub2/grub.cfg")
    assert guest.read("etc/default/grub") == 'GRUB_CMDLINE_LINUX=" ro"\n'


ENTRY = "title  Linux\nversion 6.1\noptions root=/dev/sda2 pci=off quiet\nlinux /pci=off\n"


@pytest.mark.parametrize("place", ["efi", "boot", "boot/efi"])
def test_entries_of_systemd_boot_are_edited(place: str, tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["findmnt"])
    guest.record("blkid", "echo 0123")
    entry = f"{place}/loader/entries/0123-6.1.conf"
    guest.put(entry, ENTRY)
    guest.put("etc/kernel/cmdline", "root=/dev/sda2 pci=off\n")
    for _ in range(2):  # a script may be run twice
        for script in (without(["pci=off"]), with_serial_console(), root_by_uuid()):
            assert guest.run(script).status == 0
        words = ["quiet", "root=UUID=0123", "console=tty0", "console=ttyS0,115200"]
        title, version, line, linux = guest.read(entry).splitlines()
        assert (title, version, linux) == ("title  Linux", "version 6.1", "linux /pci=off")
        assert sorted(line.split()) == sorted(["options", *words])
        assert sorted(guest.read("etc/kernel/cmdline").split()) == sorted(words[1:])


def test_where_no_loader_has_tools_that_is_said(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest")
    guest.record("blkid", "exit 2")
    ran = guest.run(without(["pci=off"]))
    assert ran.status == 1
    assert "there is no program that makes GRUB's configuration" in ran.output


def test_systemd_boot_is_put_where_uefi_looks(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["bootctl"], ["uname"])
    guest.put("efi/EFI/systemd/systemd-bootx64.efi")
    guest.put("usr/lib/systemd/boot/efi/systemd-bootx64.efi")
    ran = guest.run(script_of("uefi-fallback"))
    assert (ran.status, ran.calls) == (0, ["bootctl --esp-path=/efi --no-variables install"])


def test_shim_is_copied_with_what_it_starts(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", real=["uname"])
    for name in ("shimx64.efi", "grubx64.efi", "mmx64.efi", "BOOTX64.CSV", "grub.cfg"):
        guest.put(f"boot/efi/EFI/redhat/{name}", name)
    assert guest.run(script_of("uefi-fallback")).status == 0
    found = {one.name: one.read_text() for one in (guest.top / "boot/efi/EFI/BOOT").iterdir()}
    assert found == {"BOOTX64.EFI": "shimx64.efi"} | {
        name: name for name in ("grubx64.efi", "mmx64.efi", "grub.cfg")
    }


def test_openrc_starts_the_agent(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["rc-update"])
    ran = guest.run(script_of("guest-agent-enabled"))
    assert (ran.status, ran.calls) == (0, ["rc-update add qemu-guest-agent default"])


def test_systemd_starts_the_agent_where_the_unit_has_no_install_section(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["systemctl"])
    guest.put("lib/systemd/systemd")
    assert guest.run(script_of("guest-agent-enabled")).calls == [
        "systemctl unmask qemu-guest-agent.service",
        "systemctl enable qemu-guest-agent.service",
        "systemctl add-wants multi-user.target qemu-guest-agent.service",
    ]


def test_selinux_labels_are_set_without_selinux(tmp_path: Path) -> None:
    guest = StandInGuest(tmp_path / "guest", ["setfiles"])
    guest.put("etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted \n")
    contexts = "/etc/selinux/targeted/contexts/files/file_contexts"
    ran = guest.run(script_of("selinux-labels"))
    assert (ran.status, ran.calls) == (0, [])
    assert (guest.top / ".autorelabel").exists()
    guest.put(contexts[1:])
    ran = guest.run(script_of("selinux-labels"))
    # Only words.
    skipped = " ".join(f"-e {place}" for place in ("/dev", "/proc", "/sys", "/run", "/tmp"))  # noqa: S108
    assert ran.calls == [f"setfiles -m {skipped} {contexts} /"]
    assert not (guest.top / ".autorelabel").exists()


def handed(guest: StandInGuest, *names: str) -> StandInGuest:
    """These files are on the disk with packages."""
    folder = guest.top.with_name("handed")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    subprocess.run(["tar", "-cf", guest.top / "packages.tar", "-C", folder, "."], check=True)
    return guest


PLACE = "/tmp/imgtool-packages"  # noqa: S108 - in a machine of its own
DNF = f"dnf -y --disablerepo=* --repofrompath=imgtool,file://{PLACE}/repository --enablerepo=imgtool"
INSTALLS = [
    (["dpkg"], ["packages/0.deb"], f"dpkg --force-confold --install {PLACE}/packages/0.deb"),
    (
        ["rpm", "dnf"],
        ["packages/0.rpm", "packages/1.rpm"],
        f"rpm --upgrade --replacepkgs --verbose {PLACE}/packages/0.rpm {PLACE}/packages/1.rpm",
    ),
    (
        ["rpm", "dnf"],
        ["repository/a.rpm", "repository/repodata/repomd.xml"],
        f"{DNF} --setopt=imgtool.gpgkey= install qemu-guest-agent",
    ),
    (
        ["rpm", "dnf"],
        ["repository/a.rpm", "repository/b.rpm"],
        f"rpm --upgrade --replacepkgs --verbose {PLACE}/repository/a.rpm {PLACE}/repository/b.rpm",
    ),
    (["apk", "rc-update"], ["packages/0.apk"], f"apk add --no-network {PLACE}/packages/0.apk"),
    (
        ["apk", "rc-update"],
        ["repository/x86_64/APKINDEX.tar.gz", "repository/x86_64/a.apk"],
        f"apk add --no-network --repository {PLACE}/repository qemu-guest-agent",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("programs", "files", "call"), INSTALLS)
def test_each_package_manager_is_told_what_was_handed_over(
    programs: list[str], files: list[str], call: str, tmp_path: Path
) -> None:
    guest = handed(StandInGuest(tmp_path / "guest", [*programs, "systemctl"]), *files)
    ran = guest.run(script_of("guest-agent-installed"))
    assert ran.status == 0, ran.output
    assert ran.calls[0] == call
    assert not (guest.top / "usr/sbin/policy-rc.d").exists()


def test_without_a_package_manager_nothing_is_installed(tmp_path: Path) -> None:
    guest = handed(StandInGuest(tmp_path / "guest", ["systemctl"]), "packages/0.rpm")
    ran = guest.run(script_of("guest-agent-installed"))
    assert ran.status == 1
    assert "none of dpkg, rpm and apk" in ran.output
