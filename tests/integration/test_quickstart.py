"""The README's first command, as a newcomer runs it."""

import subprocess
from pathlib import Path

import pytest

QUICKSTART = Path(__file__).parents[2] / "scripts" / "quickstart"


@pytest.mark.usefixtures("debian_image")  # built by one worker, and waited for by the others
def test_quickstart_ends_with_a_verified_image() -> None:
    run = subprocess.run([QUICKSTART], capture_output=True, text=True, check=False, timeout=900)
    assert run.returncode == 0, run.stdout + run.stderr
    stages = ["cloud ", "inspect ", "check ", "convert ", "upload ", "verify "]
    positions = [run.stderr.index(f"\n{stage}") for stage in stages]
    assert positions == sorted(positions)
    for fact in ("status", "os_hash_value", "hw_disk_bus", "hw_qemu_guest_agent", "os_distro"):
        assert f"  ok   {fact}" in run.stdout
    assert "NOT" not in run.stdout
    assert "Done: " in run.stdout
