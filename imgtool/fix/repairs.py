"""The repairs: for each check that has one a script for the guest's own shell, by the facts of the guest.

The commands are those that `imgtool explain CHECK` gives. A name that comes from the guest stands in a script
only quoted, and where it cannot be quoted there is no repair. A script may be run twice.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from imgtool.fix import command_line
from imgtool.model.facts import Fact, Known
from imgtool.model.fix import Repair
from imgtool.model.linux import LinuxFacts
from imgtool.model.verdict import Finding
from imgtool.util.text import shell_operands

Made = Callable[[LinuxFacts, Finding], Repair | str]
"""The repair of a finding, or why there is none."""

ON_COMMAND_LINE = (
    "it stands on the kernel's command line, and which word it is is not clear: take it out there"
)

IN_UNIFIED_IMAGE = (
    "the command line is a part of a unified kernel image, which may be signed: build that again with another"
    " one (`ukify`, or /etc/kernel/cmdline and `kernel-install`)"
)


UNWRITABLE = "its files have names that cannot be written in a shell"


def always(title: str, script: str) -> Made:
    """Make the same for every guest."""

    def made(linux: LinuxFacts, finding: Finding) -> Repair | str:
        if "command line" in finding.evidence:
            return _off_command_line(linux, finding)
        return Repair((finding.check,), title, script)

    return made


def without_files(title: str, facts: Callable[[LinuxFacts], Fact[tuple[str, ...]]], first: str = "") -> Made:
    """The files that the fact lists are removed; a fact's entry may go on with `: kind`."""

    def made(linux: LinuxFacts, finding: Finding) -> Repair | str:
        found = facts(linux)
        paths = [one.partition(": ")[0] for one in found.value] if isinstance(found, Known) else []
        words = shell_operands(paths)
        if not paths or words is None:
            return UNWRITABLE
        return Repair((finding.check,), title, f"{first}rm -rf -- {words}\n")

    return made


MACHINE_ID = """\
if [ -e /etc/machine-id ]; then : > /etc/machine-id; fi
copy=/var/lib/dbus/machine-id
if [ -e "$copy" ] && [ ! -L "$copy" ]; then rm -f "$copy"; fi
"""
HOST_KEYS = "rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub\n"
AGENT = """\
if command -v rc-update > /dev/null && [ ! -d /run/systemd ] && [ ! -e /lib/systemd/systemd ]; then
    rc-update add qemu-guest-agent default
else
    systemctl unmask qemu-guest-agent.service
    for rule in /etc/udev/rules.d/*qemu-guest-agent.rules; do
        if [ -L "$rule" ] && [ "$(readlink "$rule")" = /dev/null ]; then rm -f "$rule"; fi
    done
    systemctl enable qemu-guest-agent.service ||
        systemctl add-wants multi-user.target qemu-guest-agent.service
    started=
    for one in /etc/systemd/system/*.wants /usr/lib/systemd/system/*.wants /lib/systemd/system/*.wants; do
        if [ -e "$one/qemu-guest-agent.service" ]; then started=$one; fi
    done
    for one in /etc/udev/rules.d /usr/lib/udev/rules.d /lib/udev/rules.d; do
        for rule in "$one"/*qemu-guest-agent.rules; do if [ -s "$rule" ]; then started=$rule; fi; done
    done
    if [ -z "$started" ]; then systemctl add-wants multi-user.target qemu-guest-agent.service; fi
fi
"""
CLOUD_INIT = """\
rm -f /etc/cloud/cloud-init.disabled
for unit in cloud-init-local cloud-init-network cloud-init-main cloud-init cloud-config cloud-final; do
    if [ -e "/usr/lib/systemd/system/$unit.service" ] || [ -e "/lib/systemd/system/$unit.service" ]; then
        systemctl unmask "$unit.service"
        systemctl enable "$unit.service"
    fi
done
"""
WRITABLE = """\
cd /etc
for path in . passwd shadow group gshadow ssh /home /var/lib/cloud /var/lib/cloud/*; do
    if lsattr -d "$path" 2> /dev/null | grep -q '^[^ ]*[ia]'; then chattr -ia "$path"; fi
done
"""
INSTALL = r"""
place=/tmp/imgtool-packages
if [ ! -d "$place" ]; then mkdir "$place"; tar -xf "$packages" -C "$place"; fi
# No service may start while it is installed: it would hold the file systems.
policy=/usr/sbin/policy-rc.d
if command -v dpkg > /dev/null && [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
given() { ls "$place"/packages/*."$1" > /dev/null 2>&1; }
if command -v dpkg > /dev/null && command -v apt-get > /dev/null; then
    cd "$place"
    wanted=
    find . -name '*.deb' > debs
    while IFS= read -r file; do
        dpkg-deb --field "$file"
        echo "Filename: $file"
        echo "Size: $(wc -c < "$file")"
        echo "SHA256: $(sha256sum < "$file" | cut -d ' ' -f 1)"
        echo
    done < debs > Packages
    for file in packages/*.deb; do
        if [ -e "$file" ]; then wanted="$wanted $(dpkg-deb --field "$file" Package)"; fi
    done
    echo "deb [trusted=yes] file:$place ./" > sources.list
    mkdir -p lists/partial archives/partial log
    offline="-o Dir::Etc::SourceList=$place/sources.list -o Dir::Etc::SourceParts=/dev/null"
    offline="$offline -o Dir::State::Lists=$place/lists -o Dir::Cache=$place -o Dir::Log=$place/log"
    offline="$offline -o APT::Sandbox::User=root -o Acquire::Languages=none -o Dpkg::Use-Pty=0"
    apt-get -q $offline update
    apt-get -q $offline -o Dpkg::Options::=--force-confold install -y --no-install-recommends ${wanted:-NAME}
elif command -v dpkg > /dev/null && given deb; then
    dpkg --force-confold --install "$place"/packages/*.deb
elif command -v rpm > /dev/null && given rpm; then
    rpm --upgrade --replacepkgs --verbose "$place"/packages/*.rpm
elif command -v dnf > /dev/null && [ -d "$place/repository/repodata" ]; then
    handed="--repofrompath=imgtool,file://$place/repository --enablerepo=imgtool"
    keys=
    for key in /etc/pki/rpm-gpg/*; do if [ -f "$key" ]; then keys="$keys file://$key"; fi; done
    dnf -y --disablerepo='*' $handed --setopt=imgtool.gpgkey="$keys" install NAME
elif command -v rpm > /dev/null; then
    rpm --upgrade --replacepkgs --verbose "$place"/repository/*.rpm
elif command -v apk > /dev/null && given apk; then
    apk add --no-network "$place"/packages/*.apk
elif command -v apk > /dev/null; then
    apk add --no-network --repository "$place/repository" NAME
else
    echo "none of dpkg, rpm and apk can install what was handed over"; exit 1
fi
"""
CLOUD_INIT_CLEAN = """\
cloud-init clean --logs --seed || cloud-init clean --logs
rm -rf /var/lib/cloud/instances /var/lib/cloud/instance /var/lib/cloud/sem
"""
FSTAB = r"""
# The N-th partition of the first disk, whatever that was called, is the N-th of this one.
cp -p /etc/fstab /etc/fstab.imgtool
while IFS= read -r line; do
    set -f; set -- $line; set +f
    case ${1-} in
    /dev/[shv]da[1-9] | /dev/[shv]da[1-9][0-9] | /dev/xvda[1-9]) number=${1#/dev/*da} ;;
    /dev/nvme0n1p[1-9] | /dev/nvme0n1p[1-9][0-9]) number=${1#/dev/nvme0n1p} ;;
    *) number= ;;
    esac
    uuid=
    if [ -n "$number" ]; then uuid=$(blkid -s UUID -o value "$disk$number") || uuid=; fi
    if [ -n "$uuid" ]; then printf 'UUID=%s%s\n' "$uuid" "${line#"$1"}"; else printf '%s\n' "$line"; fi
done < /etc/fstab.imgtool > /etc/fstab
rm -f /etc/fstab.imgtool
mount -a -t ext2,ext3,ext4,xfs,btrfs,vfat || true
"""
FALLBACK = """\
efi=/boot/efi
if [ ! -d "$efi/EFI" ]; then efi=/efi; fi
if [ ! -d "$efi/EFI" ]; then efi=/boot; fi
case $(uname -m) in
x86_64) name=X64 target=x86_64-efi ;;
aarch64) name=AA64 target=arm64-efi ;;
*) exit 1 ;;
esac
if [ -d "/usr/lib/grub/$target" ] && command -v grub-install > /dev/null; then
    grub-install --target="$target" --removable --no-nvram --efi-directory="$efi"
elif [ -d /usr/lib/systemd/boot/efi ] && [ -d "$efi/EFI/systemd" ]; then
    bootctl --esp-path="$efi" --no-variables install
else
    vendor=
    for one in "$efi"/EFI/*/shim*.efi; do if [ -f "$one" ]; then vendor=${one%/*}; shim=$one; fi; done
    if [ -z "$vendor" ]; then echo "no loader of a vendor is on the ESP"; exit 1; fi
    mkdir -p "$efi/EFI/BOOT"
    cp "$shim" "$efi/EFI/BOOT/BOOT$name.EFI"
    for one in "$vendor"/grub*.efi "$vendor"/mm*.efi "$vendor"/grub.cfg; do
        if [ -f "$one" ]; then cp "$one" "$efi/EFI/BOOT/"; fi
    done
fi
"""
TARGET = "systemctl set-default multi-user.target\n"
LVM = "rm -f /etc/lvm/devices/system.devices\n"
RELABEL = """\
kind=$(sed -n 's/^SELINUXTYPE=//p' /etc/selinux/config | head -n 1 | tr -d ' \t')
contexts=/etc/selinux/${kind:-targeted}/contexts/files/file_contexts
if ! command -v setfiles > /dev/null || [ ! -e "$contexts" ]; then
    echo "setfiles or $contexts is not there: the first boot is to label all files"
    : > /.autorelabel
    exit 0
fi
# -m: SELinux is off here, and then setfiles takes each mounted file system for one without labels.
setfiles -m -e /dev -e /proc -e /sys -e /run -e /tmp "$contexts" /
rm -f /.autorelabel
"""
SHADOW = "sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow\nrm -f /etc/shadow-\n"
CLEAN = "sync\n"
INITRAMFS = r"""
drivers='virtio_pci virtio_blk virtio_scsi'
if [ -d /etc/initramfs-tools ] && command -v mkinitramfs > /dev/null; then
    touch /etc/initramfs-tools/modules
    for one in $drivers; do
        grep -qx "$one" /etc/initramfs-tools/modules || echo "$one" >> /etc/initramfs-tools/modules
    done
    for one in /etc/initramfs-tools/initramfs.conf /etc/initramfs-tools/conf.d/*; do
        if [ -f "$one" ]; then sed -i 's/^MODULES=\(dep\|list\).*/MODULES=most/' "$one"; fi
    done
    for one in /lib/modules/*; do
        version=${one##*/}
        if [ -e "/boot/vmlinuz-$version" ]; then
            depmod "$version"
            mkinitramfs -o "/boot/initrd.img-$version.imgtool" "$version"
            mv "/boot/initrd.img-$version.imgtool" "/boot/initrd.img-$version"
            # Where kernel-install has put it for systemd-boot.
            for made in /boot/*/"$version"/initrd* /efi/*/"$version"/initrd* \
                /boot/efi/*/"$version"/initrd*; do
                if [ -f "$made" ]; then cp "/boot/initrd.img-$version" "$made"; fi
            done
        fi
    done
elif command -v dracut > /dev/null; then
    mkdir -p /etc/dracut.conf.d
    printf 'hostonly="no"\nadd_drivers+=" %s "\n' "$drivers" > /etc/dracut.conf.d/90-virtio.conf
    for one in /lib/modules/*; do
        version=${one##*/}
        if [ ! -e "$one/modules.dep" ]; then depmod "$version"; fi
        for made in "/boot/initramfs-$version.img" "/boot/initrd.img-$version" "/boot/initrd-$version" \
            /boot/*/"$version"/initrd* /efi/*/"$version"/initrd* /boot/efi/*/"$version"/initrd*; do
            if [ -e "$made" ]; then
                dracut --force --no-hostonly --add-drivers "$drivers" "$made" "$version"
            fi
        done
    done
elif command -v mkinitcpio > /dev/null; then
    for one in $drivers; do
        if ! grep -q "^MODULES=(.*$one" /etc/mkinitcpio.conf; then
            sed -i "s/^MODULES=(/&$one /" /etc/mkinitcpio.conf
        fi
    done
    sed -i '/^HOOKS=/s/ autodetect//' /etc/mkinitcpio.conf
    mkinitcpio -P
elif command -v mkinitfs > /dev/null; then
    for one in virtio scsi; do
        if ! grep -q "^features=.*$one" /etc/mkinitfs/mkinitfs.conf; then
            sed -i "s/^features=\"/&$one /" /etc/mkinitfs/mkinitfs.conf
        fi
    done
    for one in /lib/modules/*; do mkinitfs "${one##*/}"; done
else
    echo "none of initramfs-tools, dracut, mkinitcpio and mkinitfs is there"; exit 1
fi
"""


LABELLING = "label all files for SELinux"
SELINUX_IS_ON = re.compile(r"/etc/selinux/config: SELINUX=(?!disabled)")


def labels_afterwards(linux: LinuxFacts) -> Repair | None:
    """Label what the other repairs have made, where the guest has SELinux, which is off in that machine."""
    found = linux.user_space.selinux
    if not isinstance(found, Known) or SELINUX_IS_ON.match(found.evidence) is None:
        return None
    return Repair(("selinux-labels",), LABELLING, RELABEL)


def _fstab(linux: LinuxFacts, finding: Finding) -> Repair | str:
    places = ["in /etc/fstab"] if "/etc/fstab" in finding.evidence else []
    script = FSTAB if places else ""
    if command_line.named_by_bus(linux):
        if command_line.in_unified_image(linux):
            return IN_UNIFIED_IMAGE
        places.append("on the kernel's command line")
        script += f"({command_line.root_by_uuid()})\n"
    if not places:
        return "it is named neither in /etc/fstab nor on the kernel's command line: name it by its UUID"
    return Repair((finding.check,), f"name file systems by their UUID {' and '.join(places)}", script)


def _in_configuration(found: Iterable[str]) -> str | None:
    """Why there is no repair where one of these is in cloud-init's configuration; None where none is."""
    parts = [one for one in found if one.endswith(" of cloud-init's configuration")]
    return f"a part of a file, which somebody has to take out: {parts[0]}" if parts else None


def _host_keys(linux: LinuxFacts, finding: Finding) -> Repair | str:
    found = linux.ssh_host_keys.value if isinstance(linux.ssh_host_keys, Known) else ()
    configured = _in_configuration(found)
    if configured is not None:
        return configured
    words = shell_operands(found)
    if words is None:
        return UNWRITABLE
    title = "take out the SSH host keys; cloud-init makes new ones"
    return Repair((finding.check,), title, f"{HOST_KEYS}rm -f -- {words}\n")


def _secrets(linux: LinuxFacts, finding: Finding) -> Repair | str:
    found = linux.secrets.value if isinstance(linux.secrets, Known) else ()
    shadows = ("/etc/shadow: ", "/etc/shadow-: ")
    odd = [one for one in found if one.startswith(shadows[0]) and not one.endswith(" of root")]
    odd += [one for one in found if one.startswith(("/etc/passwd: ", "/etc/passwd-: "))]
    if odd:
        return f"whose account it is decides what becomes of it: {odd[0]}"
    configured = _in_configuration(found)
    if configured is not None:
        return configured
    files = [one.partition(": ")[0] for one in found if not one.startswith(shadows)]
    words = shell_operands(files)
    if words is None:
        return UNWRITABLE
    script = SHADOW if len(files) < len(found) else ""
    return Repair(
        (finding.check,),
        "take out passwords, keys, histories and leases",
        script + (f"rm -f -- {words}\n" if files else ""),
    )


def _installed(package: str, then: str) -> Made:
    """Install it from what was handed over, and then make it start."""
    script = INSTALL.replace("NAME", package)
    # In a shell of its own: what it sets for the package's own scripts ends with it.
    return always(f"install {package} from the packages that were handed over", f"(set -e{script})\n{then}")


NEED_PACKAGES = frozenset({"guest-agent-installed", "cloud-init-installed"})
"""Checks whose repair takes a package that is not in the guest."""


def _serial(linux: LinuxFacts, finding: Finding) -> Repair | str:
    if command_line.in_unified_image(linux):
        return IN_UNIFIED_IMAGE
    title = "give the kernel the serial console"
    return Repair((finding.check,), title, command_line.with_serial_console())


def _off_command_line(linux: LinuxFacts, finding: Finding) -> Repair | str:
    if command_line.in_unified_image(linux):
        return IN_UNIFIED_IMAGE
    words = command_line.told_by(linux, finding.evidence)
    if not words:
        return ON_COMMAND_LINE
    title = f"take {' '.join(words)} off the kernel's command line"
    return Repair((finding.check,), title, command_line.without(words))


def _cloud_init(_: LinuxFacts, finding: Finding) -> Repair | str:
    if "let nobody in" in finding.message:
        return "who may log in is for whoever wrote that configuration to say"
    if "is immutable" in finding.evidence:
        return Repair((finding.check,), "let cloud-init write what is immutable (chattr)", WRITABLE)
    return Repair((finding.check,), "enable cloud-init", CLOUD_INIT)


def _initramfs(linux: LinuxFacts, finding: Finding) -> Repair | str:
    if "command line" in finding.evidence:
        return _off_command_line(linux, finding)
    return Repair((finding.check,), "make the initramfs again, for any machine, with virtio", INITRAMFS)


REPAIRS: Mapping[str, Made] = {
    "filesystem-clean": always("mount and unmount the file systems, which replays their journals", CLEAN),
    "machine-id": always("empty the machine-id", MACHINE_ID),
    "ssh-host-keys": _host_keys,
    "secrets": _secrets,
    "identity": without_files("take out names of the old machine", lambda linux: linux.user_space.identity),
    "mac-unpinned": without_files(
        "take out files that pin a hardware address", lambda linux: linux.pinned_macs
    ),
    "lvm-devices-file": always("take out LVM's list of the old machine's devices", LVM),
    "fstab-stable": _fstab,
    "guest-agent-installed": _installed("qemu-guest-agent", AGENT),
    "cloud-init-installed": _installed("cloud-init", CLOUD_INIT),
    "guest-agent-enabled": always("enable qemu-guest-agent", AGENT),
    "cloud-init-enabled": _cloud_init,
    "cloud-init-clean": always("take out what cloud-init's last instance left", CLOUD_INIT_CLEAN),
    "boot-target": always("start multi-user.target by default", TARGET),
    "serial-console": _serial,
    "uefi-fallback": always("install the loader where UEFI finds it on any machine", FALLBACK),
    "initramfs-intact": _initramfs,
    "initramfs-generic": _initramfs,
    "virtio-initramfs": _initramfs,
    "selinux-labels": always(LABELLING, RELABEL),
}
"""By check, in the order in which they are done."""
