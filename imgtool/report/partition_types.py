"""What the types of partitions are called.

Sources: UEFI specification, section 5.3.3; UAPI Group, Discoverable Partitions Specification; util-linux,
`sfdisk --list-types`.
"""

from imgtool.guest.partitions import BIOS_BOOT_GUID, ESP_GUID, ESP_MBR, XBOOTLDR_GUID

_NAMES = {
    ESP_GUID: "EFI system",
    ESP_MBR: "EFI system",
    BIOS_BOOT_GUID: "BIOS boot",
    XBOOTLDR_GUID: "extended boot loader",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
    "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (ARM64)",
    "44479540-f297-41b2-9af7-d131d5f0458a": "Linux root (x86)",
    "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
    "4d21b016-b534-45c2-a9fb-5c16e091fd2d": "Linux var",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
    "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
    "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
    "9e1a2d38-c612-4316-aa26-8b49521e5a8b": "PReP boot",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft basic data",
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
    "0x07": "NTFS or exFAT",
    "0x0b": "FAT32",
    "0x0c": "FAT32",
    "0x27": "Windows recovery",
    "0x82": "Linux swap",
    "0x83": "Linux",
    "0x8e": "Linux LVM",
    "0xfd": "Linux RAID",
}


def type_name(partition_type: str) -> str:
    """Return the partition type in words, or the type itself if it is unknown."""
    return _NAMES.get(partition_type, f"type {partition_type}")
