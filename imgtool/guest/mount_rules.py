"""Whether a mount of this type and with these options can succeed: mount(8), and the kernel's own lists.

Sources: mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS"; libmount's option maps; of Linux 6.12
fs/ext4/super.c (ext4_param_specs), fs/xfs/xfs_super.c (xfs_fs_parameters), fs/btrfs/super.c
(btrfs_fs_parameters), fs/fat/inode.c, mm/shmem.c (shmem_fs_parameters). Options of types that are not here
are not judged. tests/integration/test_mount_options.py asks a running kernel.
"""

import re
from collections.abc import Iterable

COMPATIBLE = {
    "ext2": ("ext2",),
    "ext3": ("ext2", "ext3"),
    "ext4": ("ext2", "ext3", "ext4"),
    "vfat": ("vfat",),
    "msdos": ("vfat",),
    "xfs": ("xfs",),
    "btrfs": ("btrfs",),
    "ntfs": ("ntfs",),
    "ntfs3": ("ntfs",),
    "ntfs-3g": ("ntfs",),
    "iso9660": ("iso9660",),
    "udf": ("udf", "iso9660"),
    "squashfs": ("squashfs",),
    "erofs": ("erofs",),
    "exfat": ("exfat",),
    "f2fs": ("f2fs",),
}
"""Type of an entry to the file systems that its driver mounts."""
NO_FILESYSTEM = frozenset(
    {"swap", "LVM2_member", "crypto_LUKS", "BitLocker", "linux_raid_member", "bcache", "jbd"}
)

_EVERYWHERE = frozenset(
    (
        *("defaults", "rw", "ro", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "sync", "async"),
        *("dirsync", "remount", "atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime"),
        *("strictatime", "nostrictatime", "lazytime", "nolazytime", "mand", "nomand", "silent", "loud"),
        *("iversion", "noiversion", "symfollow", "nosymfollow", "bind", "rbind", "move", "private", "shared"),
        *("slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable", "auto", "noauto", "user"),
        *("nouser", "users", "nousers", "owner", "noowner", "group", "nogroup", "_netdev", "nofail", "fail"),
        *("loop", "offset", "sizelimit", "encryption", "comment", "uhelper", "helper", "context"),
        *("fscontext", "defcontext", "rootcontext", "seclabel", "sub", ""),
    )
)
_EXT = frozenset(
    (
        *("bsddf", "minixdf", "grpid", "bsdgroups", "nogrpid", "sysvgroups", "resgid", "resuid", "sb"),
        *("errors", "nouid32", "debug", "orlov", "oldalloc", "user_xattr", "nouser_xattr", "acl", "noacl"),
        *("norecovery", "noload", "bh", "nobh", "commit", "max_batch_time", "min_batch_time", "journal_dev"),
        *("journal_path", "journal_checksum", "nojournal_checksum", "journal_async_commit", "abort", "data"),
        *("data_err", "usrjquota", "grpjquota", "jqfmt", "grpquota", "quota", "noquota", "usrquota"),
        *("prjquota", "barrier", "nobarrier", "i_version", "dax", "stripe", "delalloc", "nodelalloc"),
        *("warn_on_error", "nowarn_on_error", "debug_want_extra_isize", "mblk_io_submit"),
        *("nomblk_io_submit", "block_validity", "noblock_validity", "inode_readahead_blks"),
        *("journal_ioprio", "auto_da_alloc", "noauto_da_alloc", "dioread_nolock", "nodioread_nolock"),
        *("dioread_lock", "discard", "nodiscard", "init_itable", "noinit_itable", "max_dir_size_kb"),
        *("test_dummy_encryption", "inlinecrypt", "nombcache", "no_mbcache", "prefetch_block_bitmaps"),
        *("no_prefetch_block_bitmaps", "mb_optimize_scan", "check", "nocheck", "reservation"),
        *("noreservation", "journal", "extents", "xip", "fc_debug_force", "fc_debug_max_replay"),
    )
)
_XFS = frozenset(
    (
        *("logbufs", "logbsize", "logdev", "rtdev", "wsync", "noalign", "swalloc", "sunit", "swidth"),
        *("nouuid", "grpid", "nogrpid", "bsdgroups", "sysvgroups", "allocsize", "norecovery", "inode64"),
        *("inode32", "ikeep", "noikeep", "largeio", "nolargeio", "filestreams", "quota", "noquota"),
        *("usrquota", "grpquota", "prjquota", "uquota", "gquota", "pquota", "uqnoenforce", "gqnoenforce"),
        *("pqnoenforce", "qnoenforce", "discard", "nodiscard", "dax", "attr2", "noattr2", "lifetime"),
        *("nolifetime", "max_open_zones", "max_atomic_write"),
    )
)
_XFS_UNTIL_4_19 = frozenset(
    {"barrier", "nobarrier", "osyncisosync", "osyncisdsync", "delaylog", "nodelaylog"}
)
_BTRFS = frozenset(
    (
        *("acl", "noacl", "autodefrag", "noautodefrag", "barrier", "nobarrier", "check_int"),
        *("check_int_data", "check_int_print_mask", "clear_cache", "commit", "compress", "compress-force"),
        *("datacow", "nodatacow", "datasum", "nodatasum", "degraded", "device", "discard", "nodiscard"),
        *("enospc_debug", "noenospc_debug", "fatal_errors", "flushoncommit", "noflushoncommit", "fragment"),
        *("inode_cache", "noinode_cache", "max_inline", "metadata_ratio", "notreelog", "treelog"),
        *("nologreplay", "norecovery", "rescan_uuid_tree", "rescue", "skip_balance", "space_cache"),
        *("nospace_cache", "ssd", "ssd_spread", "nossd", "nossd_spread", "subvol", "subvolid"),
        *("subvolrootid", "thread_pool", "usebackuproot", "recovery", "user_subvol_rm_allowed"),
        *("ref_verify", "alloc_start", "ignorebadroots", "ignoredatacsums"),
    )
)
_FAT = frozenset(
    (
        *("uid", "gid", "umask", "dmask", "fmask", "allow_utime", "codepage", "iocharset", "check", "quiet"),
        *("showexec", "shortname", "usefree", "debug", "nfs", "discard", "utf8", "uni_xlate", "posix"),
        *("nonumtail", "nocase", "errors", "tz", "time_offset", "sys_immutable", "dots", "nodots", "dotsOK"),
        *("flush", "rodir", "conv", "fat", "blocksize", "cvf_format", "cvf_options"),
    )
)
_TMPFS = frozenset(
    (
        *("size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "mpol", "huge", "inode32", "inode64"),
        *("noswap", "quota", "usrquota", "grpquota", "usrquota_block_hardlimit", "usrquota_inode_hardlimit"),
        *("grpquota_block_hardlimit", "grpquota_inode_hardlimit", "casefold", "strict_encoding"),
    )
)
_OPTIONS = {
    "tmpfs": _TMPFS,
    **dict.fromkeys(("ext2", "ext3", "ext4"), _EXT),
    "xfs": _XFS,
    "btrfs": _BTRFS,
    **dict.fromkeys(("vfat", "msdos"), _FAT),
}
_NUMBER = "0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*"
"""fs_param_is_u32 of fs/fs_parser.c: kstrtouint with base 0."""
_OCTAL = "[0-7]+"
_SIZE = f"(?:{_NUMBER})?[KMGTPEkmgtpe]?"
"""memparse of lib/cmdline.c, all of it used up: `1G`, and neither `1GB` nor `1.5G`."""
_ERRORS = "continue|remount-ro|panic"
_NUMBERS_OF_EXT = (
    *("commit", "stripe", "inode_readahead_blks", "max_batch_time", "min_batch_time", "journal_ioprio"),
    *("max_dir_size_kb", "sb"),
)
_COMPRESSION = "(?:zlib|lzo|zstd|no).*|"
"""Alone, it is zlib. Kernels before 6.8 compare the beginning: btrfs_parse_options."""
_OF_EXT = {
    "errors": _ERRORS,
    "data_err": "abort|ignore",
    "jqfmt": "vfsold|vfsv0|vfsv1",
    **dict.fromkeys(_NUMBERS_OF_EXT, _NUMBER),
    **dict.fromkeys(("barrier", "auto_da_alloc", "init_itable"), f"{_NUMBER}|"),
}
_OF_FAT = {
    "errors": _ERRORS,
    "shortname": "lower|win95|winnt|mixed",
    "codepage": _NUMBER,
    **dict.fromkeys(("umask", "dmask", "fmask", "allow_utime"), _OCTAL),
}
_PATTERNS = {
    "ext2": _OF_EXT,
    "ext3": {**_OF_EXT, "data": "journal|ordered|writeback"},
    "ext4": {**_OF_EXT, "data": "journal|ordered|writeback"},
    "vfat": _OF_FAT,
    "msdos": _OF_FAT,
    "xfs": {
        "logbufs": "0|[2-8]",
        **dict.fromkeys(("sunit", "swidth"), _NUMBER),
        **dict.fromkeys(("logbsize", "allocsize"), f"(?:{_NUMBER})[kKmMgG]?"),
    },
    "btrfs": {
        **dict.fromkeys(("compress", "compress-force"), _COMPRESSION),
        **dict.fromkeys(("commit", "thread_pool", "metadata_ratio"), _NUMBER),
        "space_cache": "v1|v2|",
        "discard": "sync|async|",
        "fatal_errors": "bug|panic",
        "max_inline": _SIZE,
    },
    "tmpfs": {
        "size": f"{_SIZE}%?",
        **dict.fromkeys(("nr_blocks", "nr_inodes"), _SIZE),
        "mode": _OCTAL,
        "huge": "never|always|within_size|advise",
    },
}
_VALUES = {
    (kind, key): re.compile(pattern)
    for kind, patterns in _PATTERNS.items()
    for key, pattern in patterns.items()
}
"""Which values an option takes; one that may stand alone matches none as well."""
_FREE_PREFIXES = ("x-", "X-", "verity.")
"""Options that mount takes for itself and gives to no kernel."""


def refused_option(kind: str, options: Iterable[str], release: tuple[int, int] | None = None) -> str | None:
    """The first option that the driver of file systems of this type refuses; None where it takes all.

    `release` is the kernel's: options come and go.
    """
    known = _OPTIONS.get(kind)
    if known is None:
        return None
    if kind == "xfs" and (release is None or release < (4, 19)):
        known |= _XFS_UNTIL_4_19
    for option in options:
        key, _, value = option.partition("=")
        if key in _EVERYWHERE or key.startswith(_FREE_PREFIXES):
            continue
        taken = _VALUES.get((kind, key))
        if key not in known or (taken is not None and taken.fullmatch(value) is None):
            return option
    return None


def refuses(types: str, filesystem: str) -> bool:
    """Whether no driver of `types` (as fstab has it: one, several with commas, `auto`) mounts this."""
    if filesystem in NO_FILESYSTEM:
        return True
    wanted = [one for one in types.split(",") if one]
    if not wanted or "auto" in wanted:
        return False
    known = [COMPATIBLE[one] for one in wanted if one in COMPATIBLE]
    return len(known) == len(wanted) and not any(filesystem in drivers for drivers in known)
