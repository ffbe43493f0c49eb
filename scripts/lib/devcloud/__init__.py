"""A real OpenStack image service on loopback, in a temporary folder. Python's standard library only.

    __main__.py       what scripts/devcloud runs
    cli.py            run, start, stop
    lifecycle.py      from outside: starts a supervisor, and ends it
    supervisor.py     a process of its own: brings the cloud up, watches it, takes it down
    servers.py        Keystone and Glance as gunicorn processes on ports that are already bound
    gunicorn_conf.py  read by gunicorn: die with the supervisor
    parts.py          what `--with` switches on
    ceph.py           a monitor and one OSD
    ceph_files.py     their keys and configuration, and the bindings for Glance
    ceph_seed.py      run in the environment: tells the monitor of the OSD and of a pool
    nova.py           Nova and what it needs, in namespaces of their own
    nova_environment.py  the cached root that they run in
    nova_files.py     their configuration
    nova_enter.py     run outside that root: mounts it, and becomes the next
    nova_init.py      run in it, as the first process: network and services
    nova_network.py   run in it: a stand-in for Neutron
    nova_service.py   run in it: becomes one of Nova's programs
    nova_seed.py      run in it, once: databases and flavors
    settings.py       the folder: configuration, keys, clouds.yaml
    probe.py          the first requests: ready, or not
    environment.py    the cached virtual environment
    databases.py      what is in the databases: made once, copied for each cloud
    keys.py           Fernet keys
    seed.py           run in that environment: Keystone's projects, users and endpoints
    errors.py         what may go wrong

Nothing of imgtool is imported: the cloud must not depend on what it tests.
"""
