"""Which blocks of a disk are free, by two readings that have to agree; else nothing of it is.

    disk.py      the story: each volume by the reader of its file system, and what no volume holds
    gaps.py      what no partition holds
    lvm.py       extents of physical volumes that no logical volume has
    bitmap.py    runs of zeros in a bitmap
    ext.py       the bitmaps of an ext2, ext3 or ext4; ext_inodes.py: its files
    xfs_trees.py, btrfs_trees.py    their B+trees; xfs.py, btrfs.py, fat.py, ntfs.py: what is free by those,
    by the table, by $Bitmap; xfs_inodes.py: the files of an XFS
    swap.py      all but the header

A reader takes the bytes of one volume and returns the bytes of it that are free. Free is what the file system
calls free (its bitmaps or trees), where a second reading, of all files and of the file system's own places,
finds nothing in it. A reader raises GuestReadError with the reason where that is not so, or where it does not
know: then all of the volume is copied.
"""
