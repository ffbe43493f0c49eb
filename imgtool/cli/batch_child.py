"""The program that `imgtool batch` forks its children from: `python -m imgtool.cli.batch_child`.

It loads all that an image may need, once. Its stdin is the socket by which children are asked for.
"""

import os
import socket
from functools import partial

from imgtool.batch import child, fork_server
from imgtool.checks import registry
from imgtool.cli.bug_report import write_bug_report
from imgtool.glance.preload import preload
from imgtool.report import as_json

STDIN = 0


def main() -> None:
    """Serve until the socket is closed."""
    registry.all_checks()
    preload()
    fork_server.serve(socket.socket(fileno=STDIN), partial(child.main, as_json.story, write_bug_report))
    os._exit(0)


if __name__ == "__main__":
    main()
