"""What Cinder, Ironic and Heat themselves say of images and templates: their code runs, no service."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devcloud.environment import cache_folder
from virtual_environment import ready

PROGRAM = Path(__file__).with_name("services_program.py")
REQUIREMENTS = Path(__file__).with_name("services_requirements.txt")
PATIENCE_SECONDS = 300


def ask(service: str, questions: Sequence[dict[str, Any]]) -> list[str | None]:
    """For each question None where the service takes it, else its words."""
    folder = ready(cache_folder(), "services", REQUIREMENTS, print)
    done = subprocess.run(
        [folder / "bin/python", "-I", "-W", "ignore", PROGRAM, service],
        input=json.dumps(questions), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: list[str | None] = json.loads(done.stdout)
    return answers


def image(path: Path, disk_format: str, gib: int) -> dict[str, Any]:
    """A question about an image of that format, for a volume of `gib` GiB."""
    return {"path": str(path), "format": disk_format, "gib": gib}
