"""Reads every segment of an initramfs and finds the kernel modules inside.

locate.py       which files belong to a kernel
pe.py           the sections of a unified kernel image
reader.py       a forward reader over chunks of bytes
segments.py     plain and compressed segments, in the order and with the rules of the kernel
compression.py  methods by magic, inflated piece by piece; zstd.py and lzop.py: block by block
raid.py         whether the mirror is assembled that the root is on
cpio.py         the archives inside
content.py      what is gathered in one pass: modules, and the traces of what made it
facts.py        the facts of one kernel's initramfs
"""
