"""What Cinder, Ironic and Heat say: run by support/services.py in the environment that has their packages.

Questions come as JSON on stdin, answers go as JSON to stdout: null where all is well, else its own words.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


class Glance:
    """As much of Cinder's client of Glance as gives it one image."""

    def __init__(self, path: str, disk_format: str) -> None:
        self._path, self._format = Path(path), disk_format
        self.temp_images = None

    def show(self, _context: Any, image_id: str) -> dict[str, Any]:
        size = self._path.stat().st_size
        return {"id": image_id, "disk_format": self._format, "container_format": "bare", "size": size}

    def get_location(self, _context: Any, _image_id: str) -> tuple[None, None]:
        return None, None

    def download(self, _context: Any, _image_id: str, target: Any) -> None:
        with self._path.open("rb") as source:
            shutil.copyfileobj(source, target)


def in_cinder(folder: str) -> Callable[[dict[str, Any]], None]:
    """An image becomes a volume: downloaded, looked at, converted to raw by Cinder's own code."""
    from cinder import context, objects, privsep  # noqa: PLC0415 - each service's settings are read on their own
    from oslo_config import cfg  # noqa: PLC0415 - the same

    objects.register_all()
    from cinder.image import image_utils  # noqa: PLC0415 - only now can it be imported

    cfg.CONF([], project="cinder")
    cfg.CONF.set_override("image_conversion_dir", folder)
    privsep.sys_admin_pctxt.set_client_mode(False)

    def ask(image: dict[str, Any]) -> None:
        glance = Glance(image["path"], image["format"])
        with tempfile.NamedTemporaryFile(dir=folder) as volume:
            image_utils.fetch_to_raw(
                context.get_admin_context(), glance, "asked", volume.name, 4096,
                size=image["gib"], run_as_root=False,
            )  # fmt: skip

    return ask


def in_ironic(_folder: str) -> Callable[[dict[str, Any]], None]:
    """A node is deployed from the image: what Ironic's conductor refuses before."""
    from ironic.common import images  # noqa: PLC0415 - as above
    from ironic.conf import CONF  # noqa: PLC0415 - as above

    CONF([], project="ironic")

    def ask(image: dict[str, Any]) -> None:
        found = images.safety_check_image(image["path"])
        images.check_if_image_format_is_permitted(found, image["format"])

    return ask


def in_heat(_folder: str) -> Callable[[dict[str, Any]], None]:
    """Each resource of the template has properties that its type knows, and its references lead somewhere."""
    from heat.common import context, template_format  # noqa: PLC0415 - as above
    from heat.engine import environment, resources, template  # noqa: PLC0415 - as above
    from heat.engine import stack as stacks  # noqa: PLC0415 - as above
    from oslo_config import cfg  # noqa: PLC0415 - as above

    cfg.CONF([], project="heat")
    resources.initialise()

    def ask(asked: dict[str, Any]) -> None:
        given = environment.Environment({"parameters": asked["parameters"]})
        parsed = template.Template(template_format.parse(asked["template"]), env=given)
        parsed.validate()
        stack = stacks.Stack(context.RequestContext(), "asked", parsed, strict_validate=False)
        stack.parameters.validate(validate_value=False)
        for resource in stack.resources.values():
            resource.properties.validate(with_value=False)
        stack.dependencies  # noqa: B018 - it raises where they go in a circle

    return ask


SERVICES = {"cinder": in_cinder, "ironic": in_ironic, "heat": in_heat}


def verdict(ask: Callable[[dict[str, Any]], None], question: dict[str, Any]) -> str | None:
    try:
        ask(question)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@contextlib.contextmanager
def only_answers_on_stdout() -> Iterator[int]:
    """The services' libraries may print."""
    stdout = os.dup(1)
    os.dup2(2, 1)
    yield stdout


def main() -> None:
    with only_answers_on_stdout() as stdout, tempfile.TemporaryDirectory() as folder:
        ask = SERVICES[sys.argv[1]](folder)
        answers = [verdict(ask, one) for one in json.load(sys.stdin)]
        os.write(stdout, json.dumps(answers).encode())


main()
