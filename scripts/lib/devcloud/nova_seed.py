"""Makes the databases that every cloud with Nova starts from, once: run by nova_environment.py in the root.

    python nova_seed.py FOLDER HOST

Nova's one cell has its transport by template: each cloud has a password of its own. The host is mapped before
it has ever been seen, so that nobody has to discover it.
"""

import contextlib
import importlib
import os
import sqlite3
import sys
from pathlib import Path

FLAVORS = (("m1.micro", 512, 2), ("m1.tiny", 1024, 5), ("m1.small", 2048, 10))
"""Name, MiB of memory, GiB of disk; each has one CPU."""
TRANSPORT = "{scheme}://{username}:{password}@{hostname}:{port}/"
LOADED = (
    "gunicorn.workers.gthread",
    "keystonemiddleware.auth_token",
    "nova.api.metadata.handler",
    "nova.api.openstack.compute",
    "nova.api.openstack.wsgi_app",
    "nova.cmd.compute",
    "nova.cmd.conductor",
    "nova.cmd.scheduler",
    "nova.compute.manager",
    "nova.conductor.manager",
    "nova.scheduler.manager",
    "nova.virt.libvirt.driver",
    "oslo_messaging._drivers.impl_rabbit",
    "placement.deploy",
)
"""What the services load: compiled now, since a cloud's root forgets what is written to it."""


def main():
    """The tables, the cells, the host, the flavors."""
    folder, host = Path(sys.argv[1]), sys.argv[2]
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"  # as the services: threads
    importlib.import_module("nova.monkey_patch").patch()
    nova = ["nova-manage", "--config-file", str(folder / "nova.conf")]
    cell = ["--name", "cell1", "--database_connection", _url(folder, "nova"), "--transport-url", TRANSPORT]
    placement = ["placement-manage", "--config-file", str(folder / "placement.conf")]
    _run("placement.cmd.manage", [*placement, "db", "sync"])
    for command in (
        ["api_db", "sync"],
        ["cell_v2", "map_cell0", "--database_connection", _url(folder, "nova_cell0")],
        ["db", "sync"],
        ["cell_v2", "create_cell", *cell],
    ):
        _run("nova.cmd.manage", [*nova, *command])
    _fill(folder, host)
    for database in folder.glob("*.db"):
        _let_readers_in(database)
    for module in LOADED:
        importlib.import_module(module)


def _run(module, command):
    """The program in `module`, in a process that has its modules loaded already."""
    program = importlib.import_module(module)
    child = os.fork()
    if not child:
        sys.argv = command
        sys.exit(program.main())
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{' '.join(command)} failed")


def _url(folder, name):
    return f"sqlite:///{folder}/{name}.db?timeout=60"


def _fill(folder, host):
    from nova import config, context, objects  # noqa: PLC0415 - once threads are chosen

    config.parse_args(["seed", "--config-file", str(folder / "nova.conf")])
    objects.register_all()
    admin = context.get_admin_context()
    (cell,) = (cell for cell in objects.CellMappingList.get_all(admin) if cell.name == "cell1")
    objects.HostMapping(admin, host=host, cell_mapping=cell).create()
    for index, (name, memory, disk) in enumerate(FLAVORS, start=1):
        objects.Flavor(
            admin, name=name, flavorid=str(index), vcpus=1, memory_mb=memory, root_gb=disk, ephemeral_gb=0,
            swap=0, rxtx_factor=1.0, is_public=True, disabled=False, extra_specs={},
        ).create()  # fmt: skip


def _let_readers_in(database):
    """Who reads need not wait for who writes; the database itself says so to all that open it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


if __name__ == "__main__":
    main()
