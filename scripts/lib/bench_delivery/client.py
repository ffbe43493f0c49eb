"""The usual client, python-openstackclient, in a virtual environment of its own.

pip compiles its modules, and the first, untimed run warms the client's own caches.
"""

import sys
from pathlib import Path

from virtual_environment import pinned, ready

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def ready_client(cache: Path) -> Path:
    """The program `openstack`, installed now where it is not there yet. Raises InstallError, OSError."""
    return ready(cache, "openstackclient", REQUIREMENTS, _say) / "bin/openstack"


def version() -> str:
    """The client's, as its requirement says it."""
    return pinned(REQUIREMENTS, "python-openstackclient")


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr)
