"""Opens a guest's disk and says what is inside: no root, no mount, no appliance.

    inspect.py     the story: disk -> volumes -> file systems -> root -> facts
    volumes.py     the volumes of a disk: partitions.py with gpt.py and mbr.py, lvm.py with lvm_metadata.py
    streams.py     windows on the disk's bytes: a partition, a logical volume
    filesystems/   ext4, XFS, Btrfs, FAT, NTFS behind one small interface (base.py)
    free/          which blocks need not be copied, because nothing is in them
    md_raid.py     members of software RAID: a mirror is read from one of them
    device.py      a volume with its file system, and the names by which the guest means it
    roots.py       which file system is the root: by root=, partition types, Btrfs subvolumes
    arrangements.py  roots that the boot puts together: OSTree, NixOS, Flatcar; with overlay.py
    family.py      which family it is of, where that is one of its own
    mounts.py      what its fstab.py mounts where
    tree.py        the guest's file tree: paths and symbolic links resolved inside the guest
    fact.py        turns what a reader returns or raises into a Fact
    system.py      architecture, machine-id, SSH host keys, and by release.py distribution and version
    linux.py       puts the facts of a Linux guest together; installed.py: those that take no judgement
    kernel_command_line.py   what the kernel, systemd and the initramfs take from the command line
    programs.py    whether the guest can run a program; elf.py: what its headers say
    kmod/          whether a module gets loaded, by kmod's rules; late_modules.py: after the initramfs
    sysctl.py      settings of the kernel that the boot makes
    kernels.py     kernels and their modules; version_order.py: which is newer
    bootloader/    what the boot loader does by itself: which kernel it starts, with which command line
    devices.py     the devices that root= and fstab name, looked up in disk_contents.py
    growth.py      whether the root grows on a larger disk
    initramfs/     segments, decompression, cpio, and the modules inside
    agent/         qemu-guest-agent: what starts it, with which options, on which port; agent_rpcs.py
    cloud_init/    cloud-init: its generator, ds-identify, stages, program and merged configuration
    first_boot.py  what sets an instance up in cloud-init's place
    boot_services.py   what a boot starts of the services, with udev.py's events and cloud-init's generator;
                       udev_rules.py: the language of udev's rules
    hiding_mounts.py   what fstab mounts over programs
    exec_command.py    the command that a unit really starts; init_system.py: inits other than systemd
    service_setup.py   what systemd sets up for that command, and fails; service_paths.py: what it may write;
                       service_view.py: which files it has; service_commands.py: what runs beside it, and how
                       that ends (command_status.py); service_rights.py: which rights it has
    packages/      the word of the package database: dpkg, RPM, apk, pacman
    inventory/     accounts, units, settings and files, where they are asked for
    network.py, lvm_devices.py, secrets.py   what is left of the machine that the image was made on
    systemd/       what systemd starts, by its own rules
    yaml_nodes.py, yaml_values.py   hostile YAML, as a graph of nodes and as values
    windows/       the same of a Windows guest, by its registry
    secure_boot/   whether Secure Boot lets it start: signatures, hashes, generations
    firmware/      what BIOS and UEFI start from the disk, by their own rules
    boot_runs.py   both of them followed through the boot loader; boot_steps.py, system_steps.py: step by step

Everything here reads hostile input. Bounds are named constants beside their use; a parser that fails
makes its fact unknown and never ends the run.
"""
