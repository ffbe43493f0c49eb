"""Each hostile image is built once for a module; tests that change one work on a copy."""

import subprocess
from pathlib import Path

import pytest
from support.hostile import CLUSTER_ROWS, INFLATED_ROWS, ROWS
from support.hostile.rows import Hostile

SECRET = "root:CANARY-bd2c1e:0:0\n" * 100


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the host that the images would like to read."""
    path = tmp_path_factory.mktemp("host") / "canary"
    path.write_text(SECRET)
    return path


@pytest.fixture(scope="module")
def hostile(canary: Path, tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """The image of a row, alone in a folder."""
    built: dict[str, Path] = {}
    rows = {**ROWS, **CLUSTER_ROWS, **INFLATED_ROWS}

    def give(name: str, folder: Path) -> Path:
        if name not in built:
            built[name] = rows[name][0](tmp_path_factory.mktemp("built"), canary)
        target = folder / built[name].name
        subprocess.run(["cp", "--sparse=always", built[name], target], check=True)
        return target

    return give
