"""What Nova itself makes of images: its code runs in the root that `devcloud --with nova` makes."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devcloud import nova_files
from devcloud.environment import REGION, ready_environment
from devcloud.nova_environment import ready_nova

PROGRAM = Path(__file__).with_name("nova_program.py")
PATIENCE_SECONDS = 300
NOBODY = "http://127.0.0.1:9"
"""Where no Keystone is: nothing is asked of any service."""


def ask_nova(questions: Any, folder: Path, say: Callable[[str], None] = print) -> Any:
    """The answers of nova_program.py, for which `folder` is. Makes the root where it is not there yet."""
    environment = ready_environment(say)
    nova, place = ready_nova(environment, say), folder / "nova"
    passwords = dict.fromkeys(nova_files.USERS, "unused")
    nova_files.write_cloud(
        place, first=nova.databases, paste_file=nova.paste_file, keystone_url=NOBODY, region=REGION,
        passwords=passwords,
    )  # fmt: skip
    shutil.copy(PROGRAM, place)
    program = [f"{nova_files.PLACE}/{PROGRAM.name}", f"{nova_files.PLACE}/nova.conf"]
    done = subprocess.run(
        nova.command(place, "/usr/bin/python3", "-I", "-B", *program),
        input=json.dumps(questions), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def metadata_definitions() -> list[Any]:
    """The namespaces that Glance comes with."""
    folder = ready_environment(print).folder / "etc/glance/metadefs"
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
