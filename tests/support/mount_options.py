"""Options of fstab, and whether the kernel mounts a file system of that type with them."""

_TAKEN = """
ext4 errors=remount-ro|ext4 commit=30|ext4 commit=0x1e|ext4 stripe=8|ext4 barrier|ext4 barrier=0
ext4 data=ordered|ext4 data_err=abort|ext4 noload|ext4 discard|ext4 init_itable|ext4 init_itable=10
ext4 max_batch_time=1000|ext4 journal_ioprio=3|ext4 inode_readahead_blks=32|ext4 user_xattr,acl
ext4 resuid=0|ext4 x-systemd.growfs,noatime|xfs logbufs=8|xfs logbsize=256k|xfs logbsize=32768
xfs allocsize=64m|xfs inode64|xfs noquota|xfs largeio|btrfs compress|btrfs compress=zstd
btrfs compress=zstd:3|btrfs compress=lzo|btrfs compress=no|btrfs compress-force=zlib|btrfs space_cache=v2
btrfs discard=async|btrfs discard|btrfs commit=60|btrfs thread_pool=2|btrfs ssd|btrfs max_inline=2048
btrfs max_inline=2k|btrfs subvol=/|btrfs autodefrag|vfat umask=0077|vfat umask=77|vfat shortname=mixed
vfat errors=remount-ro|vfat fmask=0133,dmask=0022|vfat codepage=437|vfat utf8|vfat uid=0,gid=0|vfat flush
tmpfs size=1G|tmpfs size=1g|tmpfs size=50%|tmpfs size=65536|tmpfs size=0x100000|tmpfs mode=1777
tmpfs nr_inodes=10k|tmpfs nr_inodes=0|tmpfs nr_blocks=100|tmpfs huge=never|tmpfs uid=0,gid=0
tmpfs nosuid,nodev,noexec
"""
_REFUSED = """
ext4 errors=ignore|ext4 commit=abc|ext4 commit=5s|ext4 commit|ext4 stripe=x|ext4 data=sometimes
ext4 data_err=stop|ext4 barrier=yes|ext4 init_itable=x|ext4 max_batch_time=1ms|ext4 compress=zstd
ext4 size=1G|ext4 journal_ioprio=low|xfs logbufs=9|xfs logbufs=x|xfs logbsize=big|xfs allocsize=x
xfs commit=5|xfs errors=remount-ro|xfs discard=async|btrfs compress=gzip|btrfs compress=lz4
btrfs compress-force=bzip2|btrfs space_cache=v3|btrfs discard=later|btrfs commit=abc|btrfs thread_pool=x
btrfs errors=remount-ro|btrfs subvol=/missing|vfat umask=abc|vfat umask=0088|vfat shortname=long
vfat errors=ignore|vfat fmask=rw|vfat codepage=x|vfat acl|tmpfs size=1GB|tmpfs size=1.5G|tmpfs size=abc
tmpfs size=50%%|tmpfs mode=rwx|tmpfs mode=1799|tmpfs nr_inodes=many|tmpfs huge=yes
tmpfs errors=remount-ro|tmpfs nr_blocks=1%
"""


def _rows(text: str) -> list[tuple[str, str]]:
    return [
        (kind, options)
        for row in text.strip().replace("\n", "|").split("|")
        for kind, options in [row.split()]
    ]


ELSEWHERE = frozenset({("btrfs", "subvol=/missing"), ("xfs", "discard=async")})
"""What other rules judge, or nobody."""
ROWS = dict.fromkeys(_rows(_TAKEN), True) | dict.fromkeys(_rows(_REFUSED), False)
