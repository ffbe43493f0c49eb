"""What is inside a Windows guest, by its registry and its files.

locate.py     whether a Windows system is on a file system
registry.py   a hive's keys and values; registry_guard.py opens one with the library, key_list.py finds keys
hives.py      the hives of one system, and the control set that boots
paths.py      from a path as the registry writes it to a guest path
drivers.py    the virtio drivers: do they start, are their files there, which devices are bound to them;
              driver_database.py: the last of these
start.py      what keeps a driver from starting, for checks and properties
agent.py      qemu-guest-agent
system.py     product, version, architecture, hibernation, Cloudbase-Init
setup.py      whether Sysprep generalised it
facts.py      puts these together
"""
