"""Every command in README.md and docs/ runs as it stands there, and shows what the page says."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.documentation import (
    CHECKOUT,
    DOCS,
    PAGES,
    Example,
    blocks,
    configuration_example,
    examples,
    manifest_example,
    matches,
    policy_example,
    undocumented_keys,
)
from support.glance_client import forget
from support.vmware import exported_from_vmware

ELSEWHERE = {
    "scripts/quickstart": "tests/integration/test_quickstart.py",
    "scripts/test": "it is what runs this",
    "scripts/setup": "scripts/test runs it first",
    "scripts/compare-grub": "tests/test_compare_grub.py",
    "scripts/compare-systemd": "tests/test_compare_systemd.py",
    "scripts/boot-table": "tests/integration/test_boot_table.py",
    "scripts/fuzz": "tests/fuzz runs it for a shorter time",
    "scripts/devcloud run --with nova": "tests/integration/test_devcloud_nova.py",
    "openstack --os-cloud devcloud-member": "tests/integration/test_devcloud_nova.py",
    "imgtool boot": "tests/integration/test_boot.py",
    "scripts/build-container": "tests/integration/test_build_container.py",
    "podman run": "tests/integration/test_build_container.py",
    "pipx install": "tests/integration/test_install.py",
    "uv tool install": "tests/integration/test_install.py",
    "python3 -m venv": "tests/integration/test_install.py",
}
"""Commands that are run by something else, by how they begin."""

UPLOADED = {
    "fix": ["fixed-"],
    "README": ["readme-"],
    "upload": ["debian-"],
    "many-images": ["golden", "new-vendor"],
    "python-api": ["python-"],
}
"""How the names of the images begin that a page uploads: no other page's, which may run beside it."""
UPLOADED_BY_PYTHON = "python-"


def test_what_is_run_elsewhere_is_there() -> None:
    for command, where in ELSEWHERE.items():
        if command.startswith("scripts/"):
            assert shutil.which(CHECKOUT / command.split()[0]), command
        if where.startswith("tests/"):
            assert (CHECKOUT / where.split()[0]).exists(), where


@pytest.fixture
def folder(debian_image: Path) -> Iterator[Path]:
    """A folder with the files that the pages speak of, and the scripts beside them; gone afterwards.

    Its name is as short as the pages' own: tables cut long paths.
    """
    path = Path(tempfile.mkdtemp(prefix="p"))
    subprocess.run(["cp", "--sparse=always", debian_image, path / "golden.raw"], check=True)
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", debian_image, path / "vendor.qcow2"]
    subprocess.run(convert, check=True)
    (path / "policy.yaml").write_text(policy_example())
    (path / "config.toml").write_text(configuration_example())
    (path / "images.yaml").write_text(manifest_example())
    (path / "scripts").symlink_to(CHECKOUT / "scripts")
    (path / ".venv").symlink_to(sys.prefix)
    yield path
    shutil.rmtree(path)


def run(example: Example, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a shell shows it: stdout and stderr together."""
    environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", example.command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_runs_and_shows_what_the_page_says(
    page: Path, folder: Path, devcloud: object, request: pytest.FixtureRequest
) -> None:
    if page.stem == "fix":
        masked = request.getfixturevalue("debian_agent_masked")
        subprocess.run(["cp", "--sparse=always", masked, folder / "masked.raw"], check=True)
        exported_from_vmware(
            folder / "exported.ova", request.getfixturevalue("debian_initramfs_without_virtio")
        )
        shutil.copy(request.getfixturevalue("agent_package"), folder / "qemu-guest-agent.deb")
    ours = [one for one in examples(page) if not one.command.startswith(tuple(ELSEWHERE))]
    try:
        for example in ours:
            done = run(example, folder)
            assert done.returncode == example.status, f"{example.command}\n{done.stdout}"
            assert matches(example.shown, done.stdout, folder), f"{example.command}\n{done.stdout}"
            if "--output json" in example.command:
                assert undocumented_keys(json.loads(done.stdout[done.stdout.index("{") :])) == []
    finally:
        if page.stem in UPLOADED:
            forget(*UPLOADED[page.stem])


def test_the_python_examples_run_and_print_what_their_comments_say(folder: Path, devcloud: object) -> None:
    source = "\n".join(blocks(DOCS / "python-api.md", "python"))
    printed = [line.partition("  # ")[2] for line in source.splitlines() if ")  # " in line]
    try:
        done = subprocess.run(
            [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=False
        )
    finally:
        forget(UPLOADED_BY_PYTHON)
    assert done.stdout.splitlines() == printed, done.stderr
    assert printed
