"""`imgtool init NAME`: writes a commented file to begin with."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click

from imgtool.cli import console, options
from imgtool.errors import UsageError
from imgtool.util.output import check_target, written_beside
from imgtool.util.text import printable

TEMPLATES = Path(__file__).parents[1] / "templates"

FILES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "policy": {"policy.yaml": "policy.yaml"},
        "manifest": {"images.yaml": "images.yaml"},
        "gitlab": {".gitlab-ci.yml": "gitlab-ci.yml"},
        "github": {".github/workflows/images.yml": "github-images.yml"},
        "jenkins": {"Jenkinsfile": "Jenkinsfile"},
        "zuul": {".zuul.yaml": "zuul.yaml", "playbooks/imgtool-check.yaml": "zuul-playbook.yaml"},
    }
)
"""For each name the files that are written, by their paths, and the templates that they are copies of."""


@click.command("init", cls=options.OptionalValueCommand)
@click.argument("name", type=click.Choice(tuple(FILES)))
@click.option(
    "--dir",
    "folder",
    metavar="PATH",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="Write into this folder.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@options.logging
def command(name: str, folder: Path, force: bool) -> None:
    """Write a policy, a manifest, or the configuration of a CI that checks images, as a file to begin with.

    Comments in it say what to change. A file that exists is not replaced without --force.
    """
    wanted = {folder / path: template for path, template in FILES[name].items()}
    for target in wanted:
        _refuse_existing(target, force=force)
    for target, template in wanted.items():
        _write(target, (TEMPLATES / template).read_bytes())
        console.show(f"wrote {printable(str(target))}")


def _refuse_existing(target: Path, *, force: bool) -> None:
    """Make the folder and see that the file can be written. Raises UsageError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        shown = printable(str(target.parent))
        raise UsageError(
            f"{shown}: the folder cannot be made: {error.strerror}", hint="name another folder: --dir"
        ) from error
    check_target(target, overwrite=force)


def _write(target: Path, content: bytes) -> None:
    with (
        written_beside(target, overwrite=True) as new,
        open(new.descriptor, "wb", closefd=False) as file,
    ):
        file.write(content)
