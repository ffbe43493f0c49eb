"""Whether a module gets loaded, by the rules of kmod, which modprobe and udev load with.

config.py   modprobe.d: blacklists, install commands, aliases
index.py    modules.dep.bin and modules.alias.bin, the tries that depmod writes
files.py    whether a module's file is whole
load.py     what all of these come to for one module
"""
