"""The program that `imgtool batch` forks its children from: `python -m imgtool.cli.batch_child`.

It loads all that an image may need, once. Its stdin is the socket by which children are asked for.
"""

import importlib
import os
import socket
from functools import partial

from imgtool.batch import child, fork_server
from imgtool.checks import registry
from imgtool.cli import limits
from imgtool.cli.bug_report import write_bug_report
from imgtool.formats import sniff
from imgtool.glance import preload as glance
from imgtool.guest import preload as guest
from imgtool.report import as_json

STDIN = 0
ALSO_NEEDED = (
    "imgtool.disk.sinks.qcow2_compressed",
    "imgtool.disk.unpacking",
    "imgtool.formats.wrapper",
    "imgtool.formats.vdi_header",
    "imgtool.formats.vhdx_header",
    "imgtool.formats.vmdk_header",
    "imgtool.formats.vpc_header",
    "imgtool.policy.file",
    "zstandard",
)
"""What is imported late, since no single command needs all of it."""


def main() -> None:
    """Serve until the socket is closed."""
    limits.apply(os.environ)
    registry.all_checks()
    sniff.load()
    glance.preload()
    guest.preload()
    for name in ALSO_NEEDED:
        importlib.import_module(name)
    fork_server.serve(socket.socket(fileno=STDIN), partial(child.main, as_json.story, write_bug_report))
    os._exit(0)


if __name__ == "__main__":
    main()
