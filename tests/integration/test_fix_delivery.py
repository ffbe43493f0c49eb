"""Images that are repaired on their way to Glance, as a batch: one can be, one cannot."""

import json
import os
import subprocess
from pathlib import Path

from support.cli import imgtool
from support.cloud import Devcloud
from support.glance_client import forget, images_named
from support.real_guest import opened_guest

PATIENCE_SECONDS = 3000
MANIFEST = """\
defaults: {{clouds: [devcloud-member], fix: true, retries: 0}}
images:
  - {{source: {good}, name: {name}-good}}
  - {{source: {bad}, name: {name}-bad}}
"""


def test_only_what_could_be_repaired_is_delivered(
    devcloud: Devcloud, debian_agent_masked: Path, name: str, tmp_path: Path
) -> None:
    bad, temporary = tmp_path / "bad.raw", tmp_path / "temporary"
    temporary.mkdir()
    subprocess.run(["cp", "--sparse=always", debian_agent_masked, bad], check=True)
    bad.chmod(0o644)
    (tmp_path / "guest").mkdir()
    with opened_guest(bad, tmp_path / "guest", 1, 2) as guest:
        (guest.root.top / "usr/bin/systemctl").write_text("#!/bin/sh\necho it does not\nexit 3\n")
    manifest = tmp_path / "m.yaml"
    manifest.write_text(MANIFEST.format(good=debian_agent_masked, bad=bad, name=name))
    environment = {**os.environ, "TMPDIR": str(temporary)}
    run = imgtool(
        "batch", manifest, "--output", "json", "--jobs", "1", env=environment, timeout=PATIENCE_SECONDS
    )
    assert run.returncode == 7, run.stderr
    found = {one["name"]: one for one in json.loads(run.stdout)["images"]}
    assert found[f"{name}-good"]["state"] == "done"
    assert found[f"{name}-bad"]["state"] == "check-failed"
    assert "could not enable qemu-guest-agent" in found[f"{name}-bad"]["error"]["message"]
    (image,) = images_named(f"{name}-good")
    assert image["imgtool_repaired"] == "guest-agent-enabled"
    assert images_named(f"{name}-bad") == []
    forget(name)
