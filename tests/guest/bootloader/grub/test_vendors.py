"""grub.cfg as distributions write it, shortened: which kernel starts, with which options."""

from support.grub import GOOD, ROOT_UUID, Disk, environment_block, options_of, with_kernel
from support.kernel_images import bzimage
from support.memory_filesystem import Content, Link

DEBIAN_HEAD = """
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="0"
fi
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
export menuentry_id_option
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function load_video {
  if [ x$feature_all_video_module = xy ]; then
    insmod all_video
  else
    insmod efi_gop
  fi
}
if [ x$feature_default_font_path = xy ] ; then
   font=unicode
else
    font="/usr/share/grub/unicode.pf2"
fi
if loadfont $font ; then
  set gfxmode=auto
  load_video
  insmod gfxterm
fi
terminal_output gfxterm
"""
DEBIAN = (
    DEBIAN_HEAD
    + """if [ "${recordfail}" = 1 ] ; then
  set timeout=30
else
  if [ x$feature_timeout_style = xy ] ; then
    set timeout_style=hidden
    set timeout=5
  else
    set timeout=5
  fi
fi
function gfxmode {
	set gfxpayload="${1}"
	if [ "${1}" = "keep" ]; then
		set vt_handoff=vt.handoff=7
	else
		set vt_handoff=
	fi
}
if [ "${recordfail}" != 1 ]; then
  set linux_gfx_mode=keep
else
  set linux_gfx_mode=text
fi
export linux_gfx_mode
menuentry 'Ubuntu' --class ubuntu --class gnu-linux $menuentry_id_option 'gnulinux-simple-UUID' {
	recordfail
	load_video
	gfxmode $linux_gfx_mode
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	insmod part_gpt
	insmod ext2
	search --no-floppy --fs-uuid --set=root UUID
	linux	/boot/vmlinuz-VERSION root=UUID=UUID ro  console=tty1 console=ttyS0 $vt_handoff
	initrd	/boot/initrd.img-VERSION
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-UUID' {
	menuentry 'Ubuntu, with Linux VERSION' $menuentry_id_option 'gnulinux-VERSION-advanced-UUID' {
		linux	/boot/vmlinuz-VERSION root=UUID=UUID ro single
	}
}
if [ "$grub_platform" = "efi" ]; then
	fwsetup --is-supported
	if [ "$?" = 0 ]; then
		menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
			fwsetup
		}
	fi
fi
if [ -f  ${config_directory}/custom.cfg ]; then
  source ${config_directory}/custom.cfg
elif [ -z "${config_directory}" -a -f  $prefix/custom.cfg ]; then
  source $prefix/custom.cfg
fi
"""
)


def _filled(text: str) -> str:
    return (
        text.replace("VERSION", GOOD)
        .replace("UUID=UUID", f"UUID={ROOT_UUID}")
        .replace("=root UUID", f"=root {ROOT_UUID}")
    )


def test_ubuntu_waits_five_seconds_and_expands_vt_handoff() -> None:
    disk = Disk(
        with_kernel({"boot/grub/grub.cfg": _filled(DEBIAN), "boot/grub/grubenv": environment_block()})
    )
    run = disk.run()
    assert options_of(run) == f"root=UUID={ROOT_UUID} ro console=tty1 console=ttyS0 vt.handoff=7"
    assert run.seconds == 15, "5 s hidden, and 10 s for the error that there is no command recordfail"


def test_ubuntu_after_a_failed_boot_waits_thirty_seconds() -> None:
    config = _filled(DEBIAN).replace("\trecordfail\n", "")
    disk = Disk(
        with_kernel({"boot/grub/grub.cfg": config, "boot/grub/grubenv": environment_block(recordfail="1")})
    )
    run = disk.run()
    assert (run.end, run.seconds) == ("entry", 30)


def test_next_entry_of_a_submenu() -> None:
    environment = environment_block(next_entry=f"gnulinux-advanced-UUID>gnulinux-{GOOD}-advanced-UUID")
    run = Disk(with_kernel({"boot/grub/grub.cfg": _filled(DEBIAN), "boot/grub/grubenv": environment})).run()
    assert options_of(run).endswith(" single")


def test_the_firmware_s_setup_is_unknown_and_decides_nothing() -> None:
    disk = Disk(with_kernel({"boot/grub/grub.cfg": _filled(DEBIAN)}))
    assert disk.run("uefi").end == "entry"


def test_rhel_7_expands_tuned_params() -> None:
    config = f"""set timeout=1
menuentry 'Red Hat' --class red --unrestricted $menuentry_id_option 'gnulinux-1' {{
	load_video
	linux16 /boot/vmlinuz-{GOOD} root=UUID=x ro console=ttyS0 $tuned_params
	initrd16 /boot/initrd.img-{GOOD} $tuned_initrd
}}
set tuned_params="skew_tick=1"
set tuned_initrd=""
"""
    run = Disk(with_kernel({"boot/grub2/grub.cfg": config})).run(prefix="(hd0,gpt3)/boot/grub2")
    assert options_of(run) == "root=UUID=x ro console=ttyS0 skew_tick=1"


BLS = """set default="${saved_entry}"
if [ -f ${config_directory}/grubenv ]; then
  load_env -f ${config_directory}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
else
   set default="${saved_entry}"
fi
if [ x$feature_timeout_style = xy ] ; then
  set timeout_style=menu
  set timeout=1
fi
if [ -z "${kernelopts}" ]; then
  set kernelopts="root=UUID=fallback ro"
fi
insmod blscfg
blscfg
"""


def _bls(version: str, options: str, **fields: str) -> str:
    more = "".join(f"{name} {value}\n" for name, value in fields.items())
    head = f"title Linux {version}\nversion {version}\nlinux /vmlinuz-{version}\n"
    return f"{head}initrd /initramfs-{version}.img $tuned_initrd\noptions {options}\n{more}"


def _bls_disk(environment: str) -> Disk:
    """A file system of its own for /boot, as RHEL has it."""
    versions = ("5.14.0-70.el9.x86_64", "5.14.0-427.el9.x86_64")
    files: dict[str, Content] = {"grub2/grub.cfg": BLS, "grub2/grubenv": environment}
    for version in versions:
        files[f"vmlinuz-{version}"] = bzimage(version)
        files[f"initramfs-{version}.img"] = b"cpio"
        files[f"loader/entries/abc-{version}.conf"] = _bls(
            version, "$kernelopts $tuned_params", grub_users="$grub_users", id="x"
        )
    return Disk(files)


def test_blscfg_takes_the_newest_where_nothing_is_saved() -> None:
    run = _bls_disk(environment_block(kernelopts="root=/dev/vda2 ro")).run(prefix="(hd0,gpt3)/grub2")
    assert options_of(run) == "root=/dev/vda2 ro"
    assert run.booted is not None
    assert run.booted.entry.version == "5.14.0-427.el9.x86_64"
    assert run.booted.entry.name == "abc-5.14.0-427.el9.x86_64"
    assert [entry.name for entry in run.entries] == ["abc-5.14.0-427.el9.x86_64", "abc-5.14.0-70.el9.x86_64"]


def test_blscfg_takes_the_saved_one() -> None:
    environment = environment_block(saved_entry="abc-5.14.0-70.el9.x86_64")
    run = _bls_disk(environment).run(prefix="(hd0,gpt3)/grub2")
    assert options_of(run) == "root=UUID=fallback ro"
    assert run.booted is not None
    assert run.booted.entry.version == "5.14.0-70.el9.x86_64"


COREOS = """set pager=1
if [ -e (md/md-boot) ]; then
  set prefix=md/md-boot
else
  if [ -f ${config_directory}/bootuuid.cfg ]; then
    source ${config_directory}/bootuuid.cfg
  fi
  if [ -n "${BOOT_UUID}" ]; then
    search --fs-uuid "${BOOT_UUID}" --set prefix --no-floppy
  else
    search --label boot --set prefix --no-floppy
  fi
fi
if [ -d ($prefix)/grub2 ]; then
  set prefix=($prefix)/grub2
  configfile $prefix/grub.cfg
else
  set prefix=($prefix)/boot/grub2
  configfile $prefix/grub.cfg
fi
boot
"""
COREOS_MAIN = """if [ -d (md/md-boot)/grub2 ]; then
  set boot=md/md-boot
else
  search --label root --set boot --no-floppy
fi
set root=$boot
set timeout=1
if [ -f $prefix/grubenv ]; then load_env -f $prefix/grubenv; fi
function load_video { insmod all_video; }
set ignition_firstboot=""
if [ -f "/ignition.firstboot" ]; then
    set ignition_network_kcmdline=''
    source "/ignition.firstboot"
    set ignition_firstboot="ignition.firstboot ${ignition_network_kcmdline}"
fi
blscfg
"""


def test_coreos_from_the_stub_of_bootupd() -> None:
    entry = (
        "title Fedora CoreOS\nversion 1\nlinux /ostree/fcos/vmlinuz-6.8\n"
        "initrd /ostree/fcos/initramfs-6.8.img\n"
        "options $ignition_firstboot ignition.platform.id=openstack ostree=/ostree/boot.1/fcos/0\n"
    )
    boot: dict[str, Content] = {
        "ostree/fcos/vmlinuz-6.8": bzimage("6.8"),
        "ostree/fcos/initramfs-6.8.img": b"cpio",
        "boot": Link("."),
        "loader": Link("loader.1"),
        "loader.1/entries/ostree-1.conf": entry,
        "grub2/grub.cfg": COREOS_MAIN,
        "ignition.firstboot": "",
    }
    esp: dict[str, Content] = {
        "EFI/fedora/grub.cfg": COREOS,
        "EFI/fedora/bootuuid.cfg": f'set BOOT_UUID="{ROOT_UUID}"\n',
    }
    run = Disk(boot, esp).run("uefi", prefix="/EFI/fedora")
    assert options_of(run) == "ignition.firstboot ignition.platform.id=openstack ostree=/ostree/boot.1/fcos/0"
    assert run.places[:3] == (
        "/EFI/fedora/grub.cfg on partition 2",
        "/EFI/fedora/bootuuid.cfg on partition 2",
        "/grub2/grub.cfg on partition 3",
    )


def test_photon_takes_kernel_and_options_from_photon_cfg() -> None:
    config = """set default=0
set timeout=0
loadfont ascii
insmod all_video
set rootpartition=PARTUUID=12-34
search -n -u ROOT -s
set boot_path=/boot
export photon_cmdline photon_linux photon_initrd rootpartition
if [ -f ${boot_path}/photon.cfg ]; then
    load_env -f ${boot_path}/photon.cfg
    if [ -f  ${boot_path}/systemd.cfg ]; then
        load_env -f ${boot_path}/systemd.cfg
    fi
fi
menuentry "Photon" {
    linux ${boot_path}/$photon_linux root=$rootpartition $photon_cmdline $systemd_cmdline
    if [ -f ${boot_path}/$photon_initrd ]; then
        initrd ${boot_path}/$photon_initrd
    fi
}
""".replace("ROOT", ROOT_UUID)
    photon = environment_block(
        photon_cmdline="init=/lib/systemd/systemd ro",
        photon_linux=f"vmlinuz-{GOOD}",
        photon_initrd=f"initrd.img-{GOOD}",
    )
    run = Disk(with_kernel({"boot/grub2/grub.cfg": config, "boot/photon.cfg": photon})).run(
        prefix="(hd0,gpt3)/boot/grub2"
    )
    assert options_of(run) == "root=PARTUUID=12-34 init=/lib/systemd/systemd ro"
    assert run.booted is not None
    assert len(run.booted.initrds) == 1


def test_azure_linux() -> None:
    config = """set timeout=0
set bootprefix=/boot
search -n -u ROOT -s
load_env -f $bootprefix/mariner.cfg
if [ -f  $bootprefix/systemd.cfg ]; then
	load_env -f $bootprefix/systemd.cfg
else
	set systemd_cmdline=net.ifnames=0
fi
set rootdevice=PARTUUID=12-34
menuentry "CBL-Mariner" {
	linux $bootprefix/$mariner_linux lockdown=integrity $mariner_cmdline $systemd_cmdline root=$rootdevice
	if [ -f $bootprefix/$mariner_initrd ]; then
		initrd $bootprefix/$mariner_initrd
	fi
}
""".replace("ROOT", ROOT_UUID)
    mariner = environment_block(
        mariner_cmdline="ro console=ttyS0",
        mariner_linux=f"vmlinuz-{GOOD}",
        mariner_initrd=f"initrd.img-{GOOD}",
    )
    run = Disk(with_kernel({"boot/grub2/grub.cfg": config, "boot/mariner.cfg": mariner})).run(
        prefix="(hd0,gpt3)/boot/grub2"
    )
    assert options_of(run) == "lockdown=integrity ro console=ttyS0 net.ifnames=0 root=PARTUUID=12-34"


def test_nixos_names_its_drive() -> None:
    config = f"""search --set=drive1 --fs-uuid {ROOT_UUID}
if [ -s $prefix/grubenv ]; then
  load_env
fi
function setup_gfxterm {{
  insmod font
}}
if [ "${{next_entry}}" ] ; then
  set default="${{next_entry}}"
else
  set default=0
  set timeout=1
fi
menuentry "NixOS - Default" --class nixos --unrestricted {{
search --set=drive1 --fs-uuid {ROOT_UUID}
  linux ($drive1)/nix/store/abc-linux-6.6/bzImage init=/nix/store/xyz-nixos/init console=ttyS0
  initrd ($drive1)/nix/store/def-initrd/initrd
}}
"""
    files: dict[str, Content] = {
        "boot/grub/grub.cfg": config,
        "nix/store/abc-linux-6.6/bzImage": bzimage("6.6.1"),
        "nix/store/def-initrd/initrd": b"cpio",
    }
    run = Disk(files).run()
    assert options_of(run) == "init=/nix/store/xyz-nixos/init console=ttyS0"
    assert run.booted is not None
    assert str(run.booted.kernel) == "/nix/store/abc-linux-6.6/bzImage on partition 3"
