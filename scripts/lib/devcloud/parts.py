"""What real clouds switch on and a bare Glance does not: `devcloud --with NAME[,NAME]`."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

PLUGINS: Mapping[str, str] = MappingProxyType(
    {
        "decompression": "image_decompression",
        "conversion": "image_conversion",
        "metadata": "inject_image_metadata",
    }
)
"""The part's name -> Glance's import plugin, in the order in which Glance has to run them: what is compressed
cannot be converted. They touch imports only, never a direct upload."""
CEPH = "ceph"
"""A Ceph cluster, and a store in it beside the others."""
STORES = ("fast", "slow")
"""The stores that are folders."""
RBD = "rbd"
"""The store in Ceph."""
SCHEMA = "required"
"""Glance's schema of an image requires a property of the cloud's own."""
NOVA = "nova"
"""Servers start from the images."""
NAMES = (*PLUGINS, CEPH, SCHEMA, NOVA)
INJECTED = ("devcloud_injected", "yes")
"""The property that `metadata` adds to each image that is imported."""
REQUIRED = "devcloud_tier"
"""The property that `required` makes Glance require, and its values."""
TIERS = ("gold", "silver")

HELP = """\
parts of a cloud, for --with (several: NAME,NAME):
  conversion     Glance converts what is imported to raw, as clouds with Ceph have it
  decompression  Glance unpacks what is imported
  metadata       Glance adds a property to what is imported
  ceph           a Ceph cluster in memory (a monitor, one OSD), and Glance's store rbd in it
  required       Glance requires a property of each image that is made
  nova           servers start from the images, by QEMU without KVM: Nova, Placement, libvirt, RabbitMQ, and
                 a stand-in for Neutron with one flat network. As root. The first use installs all of it
                 (650 MB, two to four minutes), and by scripts/setup --image the packages of Debian that this
                 machine lacks for it; each start takes about a minute
"""


def parse(text: str) -> frozenset[str]:
    """The parts in NAME,NAME. Raises ValueError for one that there is not."""
    parts = frozenset(part for part in text.split(",") if part)
    if unknown := sorted(parts - set(NAMES)):
        raise ValueError(f"no part is called {unknown[0]}: there are {', '.join(NAMES)}")
    return parts


def stores(parts: Iterable[str]) -> tuple[str, ...]:
    """The names of Glance's stores, those that are folders first."""
    return (*STORES, RBD) if CEPH in parts else STORES


def glance_settings(parts: Iterable[str]) -> str:
    """The sections of glance-api.conf that switch `parts` on."""
    chosen = [plugin for part, plugin in PLUGINS.items() if part in set(parts)]
    name, value = INJECTED
    return f"""\
[image_import_opts]
image_import_plugins = [{",".join(chosen) or "no_op"}]
[image_conversion]
output_format = raw
[inject_metadata_properties]
inject = {name}:{value}
"""


def schema_file(folder: Path, parts: Iterable[str]) -> None:
    """Glance's schema-image.json, beside its configuration, where a property is to be required."""
    if SCHEMA in set(parts):
        properties = {REQUIRED: {"type": "string", "enum": list(TIERS)}}
        document = {"properties": properties, "required": [REQUIRED]}
        (folder / "schema-image.json").write_text(json.dumps(document))
