"""Opens a guest's disk and says what is inside: no root, no mount, no appliance.

    inspect.py     the story: disk -> volumes -> file systems -> root -> facts
    volumes.py     the volumes of a disk: partitions.py with gpt.py and mbr.py, lvm.py with lvm_metadata.py
    streams.py     windows on the disk's bytes: a partition, a logical volume
    filesystems/   ext4, XFS, Btrfs, FAT, NTFS behind one small interface (base.py)
    mounts.py      which file system is the root, and what its fstab.py mounts where
    tree.py        the guest's file tree: paths and symbolic links resolved inside the guest
    fact.py        turns what a reader returns or raises into a Fact
    system.py      distribution, version, architecture, machine-id, SSH host keys
    linux.py       puts the facts of a Linux guest together
    kernels.py     kernels and their modules; version_order.py: which is newer
    bootloader.py  which kernel boots: grub.py, bls.py (and unified images), extlinux.py; boot_entry.py
    command_line.py what it gives to the kernel
    devices.py     the devices that root= and fstab name, looked up in disk_contents.py
    growth.py      whether the root grows on a larger disk
    initramfs/     segments, decompression, cpio, and the modules inside
    agent.py       qemu-guest-agent: installed, enabled, its channel; agent_filters.py, agent_rpcs.py
    cloud_init.py  cloud-init: installed, enabled; cloud_config.py: datasources, default user
    packages/      the word of the package database: dpkg, RPM, apk, pacman
    network.py, lvm_devices.py, secrets.py   what is left of the machine that the image was made on
    systemd.py, modprobe.py, yaml_nodes.py   what those of above ask
    windows/       the same of a Windows guest, by its registry
    firmware.py    BIOS, UEFI, or both

Everything here reads hostile input. Bounds are named constants beside their use; a parser that fails
makes its fact unknown and never ends the run.
"""
