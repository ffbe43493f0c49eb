"""The fast path: a disk from one file format to another, or to Glance.

To convert: base.py is the architecture, two small tables of operations. engine.py carries pieces of a disk
from one of sources/ to one of sinks/; reflink.py shares blocks instead; native.py chooses these for a plan;
convert.py plans (pure), executes and verifies, where that takes qemu-img by by_qemu_img.py; free_blocks.py
asks a sandbox what need not be copied.

To send: payload.py gives the bytes of an image, as its file is or in another format that is made while the
disk is read, in order (ordered.py), with no file in between; payloads/ are the kinds.
"""
