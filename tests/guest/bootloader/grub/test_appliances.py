"""Configurations of SUSE, of image builders and of appliances, after their own templates."""

from support.grub import GOOD, ROOT_UUID, Disk, environment_block, options_of, with_kernel
from support.kernel_images import bzimage
from support.memory_filesystem import Content, MemoryFilesystem


class _Btrfs(MemoryFilesystem):
    """A Btrfs whose default subvolume is a snapshot."""

    def root(self, subvolume: str | None = None):
        if subvolume is None:
            return super().root().child("@").child("snap")  # type: ignore[union-attr]  # found, or the test fails
        return super().root()


def test_suse_counts_from_the_default_subvolume() -> None:
    config = f"""set btrfs_relative_path="y"
export btrfs_relative_path
set timeout=1
if [ -f ${{config_directory}}/grubenv ]; then load_env -f ${{config_directory}}/grubenv; fi
search --no-floppy --fs-uuid --set=root {ROOT_UUID}
menuentry 'openSUSE' --class opensuse {{
	linux /boot/vmlinuz-{GOOD} root=UUID=x ${{extra_cmdline}} quiet
	initrd /boot/initrd.img-{GOOD}
}}
if [ -f "/.snapshots/grub-snapshot.cfg" ]; then
  source "/.snapshots/grub-snapshot.cfg"
fi
"""
    disk = Disk({})
    system = with_kernel({"boot/x": b""})
    tree = {f"@/snap/{path}": content for path, content in system.items()}
    filesystem = _Btrfs({**tree, "@/boot/grub2/grub.cfg": config}, "btrfs", "root", ROOT_UUID)
    disk.devices[1] = type(disk.devices[1])(disk.devices[1].volume, filesystem, disk.devices[1].partition)
    run = disk.run(prefix="(hd0,gpt3)/@/boot/grub2")
    assert options_of(run) == "root=UUID=x quiet"


def test_kiwi_and_its_loop_of_kernels() -> None:
    config = f"""set default=0
set timeout=1
if [ -n "$extra_cmdline" ]; then
  submenu "Bootable snapshot" {{ menuentry x {{ true; }} }}
fi
menuentry "image" --class os --unrestricted {{
    set gfxpayload=keep
    echo Loading kernel...
    $linux ($root)/boot/vmlinuz-{GOOD} ${{extra_cmdline}} root=UUID={ROOT_UUID} console=ttyS0
    $initrd ($root)/boot/initrd.img-{GOOD}
}}
set linux=linux
set initrd=initrd
if [ "${{grub_cpu}}" = "x86_64" -o "${{grub_cpu}}" = "i386" ]; then
    if [ "${{grub_platform}}" = "efi" ]; then
        set linux=linuxefi
        set initrd=initrdefi
    fi
fi
export linux initrd
"""
    disk = Disk(with_kernel({"boot/grub2/grub.cfg": config}))
    for firmware in ("bios", "uefi"):
        run = disk.run(firmware, prefix="(hd0,gpt3)/boot/grub2")  # type: ignore[arg-type]  # as much as is asked of it
        assert options_of(run) == f"root=UUID={ROOT_UUID} console=ttyS0"


def test_yocto_s_grub_on_the_esp() -> None:
    config = (
        "serial --unit=0 --speed=115200\ndefault=boot\ntimeout=0\n"
        "menuentry 'boot'{\nlinux /bzImage root=PARTUUID=x rootwait\n}\n"
    )
    run = Disk({}, {"EFI/BOOT/grub.cfg": config, "bzImage": bzimage("6.6-yocto")}).run(
        "uefi", prefix="/EFI/BOOT"
    )
    assert options_of(run) == "root=PARTUUID=x rootwait"


VYOS_MENU = """for cfgfile in ${config_directory}/vyos-versions/*.cfg
do
  source ${cfgfile}
done
"""
VYOS_VERSION = """menuentry '1.4' --id uuid-1 {
  set boot_opts="boot=live vyos-union=/boot/1.4"
  if [ "${console_type}" == "ttyS" ]; then
    set console_opts="console=${console_type}0,115200"
  fi
  linux "/boot/1.4/vmlinuz" ${boot_opts} ${console_opts}
  initrd "/boot/1.4/initrd.img"
}
"""


def test_vyos_composes_its_entries_from_files() -> None:
    config = """insmod regexp
for cfgfile in ${prefix}/grub.cfg.d/*-autoload.cfg
do
    source ${cfgfile}
done
"""
    parts = "boot/grub/grub.cfg.d"
    files: dict[str, Content] = {
        "boot/grub/grub.cfg": config,
        f"{parts}/20-vyos-defaults-autoload.cfg": "default=uuid-1\nset timeout=5\nset console_type=ttyS\n",
        f"{parts}/40-vyos-menu-autoload.cfg": VYOS_MENU,
        f"{parts}/vyos-versions/1.4.cfg": VYOS_VERSION,
        "boot/1.4/vmlinuz": bzimage("6.6-vyos"),
        "boot/1.4/initrd.img": b"cpio",
    }
    run = Disk(files).run()
    assert options_of(run) == "boot=live vyos-union=/boot/1.4 console=ttyS0,115200"
    assert run.seconds == 5


def test_elemental_takes_what_each_file_adds() -> None:
    config = """set timeout=1
search --no-floppy --label --set=root root
set oem_label=COS_OEM
if [ -f /grub_oem_env ]; then load_env --file /grub_oem_env; fi
function set_volume { search --no-floppy --label --set=volume $1; }
menuentry "elemental" --id default {
  set img=/cOS/active.img
  search --no-floppy --label --set=root root
  linux (${root})/boot/vmlinuz-VERSION cos-img/filename=${img} ${extra_cmdline}
  initrd (${root})/boot/initrd.img-VERSION
}
""".replace("VERSION", GOOD)
    run = Disk(
        with_kernel(
            {"boot/grub/grub.cfg": config, "grub_oem_env": environment_block(extra_cmdline="audit=1")}
        )
    ).run()
    assert options_of(run) == "cos-img/filename=/cOS/active.img audit=1"
