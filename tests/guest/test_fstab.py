"""fstab(5) and the names of devices."""

import pytest

from imgtool.guest.fstab import DeviceName, comma_option, device_entries, device_name, parse_fstab


@pytest.mark.parametrize(
    ("device", "kind", "value"),
    [
        ("UUID=abc-1", "UUID", "abc-1"),
        ('LABEL="my root"', "LABEL", "my root"),
        ("PARTUUID=cafe1234-01", "PARTUUID", "cafe1234-01"),
        ("PARTLABEL='esp'", "PARTLABEL", "esp"),
        ("/dev/disk/by-uuid/1234-5678", "UUID", "1234-5678"),
        ("/dev/disk/by-label/my\\x20root", "LABEL", "my root"),
        ("/dev/mapper/vg-root", "volume", "vg/root"),
        ("/dev/mapper/vg--sys-lv--one", "volume", "vg-sys/lv-one"),
        ("/dev/mapper/a----b-c", "volume", "a--b/c"),
        ("/dev/vg-sys/root", "volume", "vg-sys/root"),
        ("/dev/vda1", "volume", "partition 1"),
        ("/dev/sda15", "volume", "partition 15"),
        ("/dev/xvda2", "volume", "partition 2"),
        ("/dev/nvme0n1p3", "volume", "partition 3"),
        ("/dev/mmcblk0p2", "volume", "partition 2"),
        ("/dev/vda", "volume", "disk"),
        ("/dev/vdb1", "path", "/dev/vdb1"),
        ("/dev/nvme1n1p1", "path", "/dev/nvme1n1p1"),
        ("server:/export", "path", "server:/export"),
    ],
)
def test_device_names(device: str, kind: str, value: str) -> None:
    assert device_name(device) == DeviceName(kind, value)


def test_lines_are_read_as_mount_reads_them() -> None:
    text = (
        "# a comment\n\n  UUID=1 / ext4 defaults,errors=remount-ro 0 1 # trailing\n"
        "LABEL=x /mnt/with\\040blank\\134 xfs\nUUID=2 none swap sw 0 0\ntmpfs /tmp tmpfs size=1g\n"
        "/a /b none bind 0 0\nUUID=3 /home btrfs subvol=@home,compress=zstd\nbroken\n"
    )
    entries = parse_fstab(text)
    assert [(e.device, e.mount_point, e.type) for e in entries] == [
        ("UUID=1", "/", "ext4"),
        ("LABEL=x", "/mnt/with blank\\", "xfs"),
        ("UUID=3", "/home", "btrfs"),
    ]
    assert entries[2].option("subvol") == "@home"
    assert entries[0].option("subvol") is None


def test_swap_takes_a_device_and_mounts_nothing() -> None:
    text = "UUID=1 / ext4 d 0 1\nUUID=2 none swap sw 0 0\ntmpfs /tmp tmpfs d 0 0\n/a /b none bind 0 0\n"
    assert [entry.device for entry in device_entries(text)] == ["UUID=1", "UUID=2"]
    assert [entry.device for entry in parse_fstab(text)] == ["UUID=1"]


def test_a_hostile_table_is_cut_short() -> None:
    assert len(parse_fstab("UUID=1 /x ext4\n" * 5000)) == 2000


def test_options_between_commas() -> None:
    assert comma_option("rw,subvol=a,subvol=b=c", "subvol") == "b=c"
    assert comma_option("rw,subvol", "subvol") is None
    assert comma_option(None, "subvol") is None
