"""GRUB scripts made at random, run by GRUB itself (grub-emu) and by imgtool's interpreter: what differs.

variants.py   makes the scripts, from a seed
judges.py     runs them: grub-emu, grub-script-check, imgtool
cli.py        the command
"""
