"""Tells a new monitor of its OSD and of a pool for images, and waits for nothing: see ceph.py.

    python ceph_seed.py FOLDER_OF_THE_BINDINGS CEPH_CONF OSD_UUID POOL

Run by the environment's own interpreter: that Glance can load the bindings is seen here.
"""

import json
import sys

PLACEMENT_GROUPS = 8


def main():
    """The OSD's number is 0."""
    modules, configuration, osd, pool = sys.argv[1:]
    sys.path.insert(0, modules)
    import rados  # noqa: PLC0415 - found through the path above

    with rados.Rados(conffile=configuration, name="client.admin") as cluster:
        _command(cluster, "osd new", uuid=osd, id=0)
        _command(cluster, "osd pool create", pool=pool, pg_num=PLACEMENT_GROUPS)


def _command(cluster, prefix, **arguments):
    status, _, words = cluster.mon_command(json.dumps({"prefix": prefix, **arguments}), b"")
    if status:
        sys.exit(f"{prefix}: {words}")


if __name__ == "__main__":
    main()
