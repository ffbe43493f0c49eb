"""Becomes one of Nova's programs, in the root that they run in: see nova_init.py.

    python nova_service.py PROGRAM ARGUMENT...

All of them share two things: SQLite as database (gunicorn_conf.py), and that they are root already, so that
no helper by sudo is needed.
"""

import importlib
import runpy
import sys
from pathlib import Path

PROGRAMS = {
    "gunicorn": "gunicorn.app.wsgiapp:run",
    "nova-compute": "nova.cmd.compute:main",
    "nova-conductor": "nova.cmd.conductor:main",
    "nova-scheduler": "nova.cmd.scheduler:main",
}
GUNICORN = Path(__file__).with_name("gunicorn_conf.py")


def main():
    """The program's own entry point, once the rest is as it needs it."""
    name = sys.argv[1]
    sys.argv[:2] = [name]
    runpy.run_path(str(GUNICORN))["let_writers_wait"]()
    module, _, function = PROGRAMS[name].partition(":")
    program = getattr(importlib.import_module(module), function)
    if name == "nova-compute":
        _stay_root()
    sys.exit(program())


def _stay_root():
    """What oslo.privsep would do in helpers that sudo starts is done in the process itself."""
    for module, context in (("nova.privsep", "sys_admin_pctxt"), ("os_brick.privileged", "default")):
        getattr(importlib.import_module(module), context).set_client_mode(False)


if __name__ == "__main__":
    main()
