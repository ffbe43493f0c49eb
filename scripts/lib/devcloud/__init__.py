"""A real OpenStack image service on loopback, in a temporary folder. Python's standard library only.

    cli.py            run, start, stop
    lifecycle.py      from outside: starts a supervisor, and ends it
    supervisor.py     a process of its own: brings the cloud up, watches it, takes it down
    servers.py        Keystone and Glance as gunicorn processes on ports that are already bound
    gunicorn_conf.py  read by gunicorn: die with the supervisor
    parts.py          what `--with` switches on
    ceph.py           a monitor and one OSD
    ceph_files.py     their keys and configuration, and the bindings for Glance
    ceph_seed.py      run in the environment: tells the monitor of the OSD and of a pool
    settings.py       the folder: configuration, keys, clouds.yaml
    probe.py          the first requests: ready, or not
    environment.py    the cached virtual environment
    databases.py      what is in the databases: made once, copied for each cloud
    keys.py           Fernet keys
    seed.py           run in that environment: Keystone's projects, users and endpoints
    errors.py         what may go wrong

Nothing of imgtool is imported: the cloud must not depend on what it tests.
"""
