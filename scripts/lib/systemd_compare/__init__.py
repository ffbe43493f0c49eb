"""Units, fstabs and boot entries made at random: what systemd's own programs and imgtool make of them.

variants.py   makes the units, from a seed
units.py      `systemd --test` on them: which units the boot starts
fstab.py      systemd-fstab-generator: which units become of an fstab
entries.py    `bootctl list`: the order of a menu of systemd-boot
cli.py        the command
"""
