"""Whether a module gets loaded, by the rules of kmod, which modprobe and udev load with.

config.py      modprobe.d: blacklists, install commands, aliases, options
index.py       modules.dep.bin and modules.alias.bin, the tries that depmod writes
files.py       whether a module's file is whole
parameters.py  which values of its parameters the kernel refuses
load.py        what all of these come to for one module
"""
