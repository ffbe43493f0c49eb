"""cloud-init: will it run on Nova and with which datasource, which user does it make, did it run.

facts.py        all of it put together
generator.py    systemd's generator of it, and what that comes to
ds_identify.py  the script that decides whether and with which datasources; shell_text.py: its lines and words
stages.py       the services of its stages
program.py      its program, its package of Python; imports.py: what that imports
config.py       its merged configuration, by merging.py; ends.py: what of it ends an instance
access.py       whether it lets anybody in: users, host keys, where metadata is asked for
"""
