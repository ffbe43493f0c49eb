"""Other programs.

programs.py is the only importer of subprocess; confined.py keeps qemu-img and QEMU to the one image that they
are given; served.py is our side of one that the sandbox's server starts; qemu_img.py has one typed function
per verb of qemu-img.
"""
