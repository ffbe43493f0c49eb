"""cloud-init's merged configuration, a setting a line; what is secret is masked before it is told."""

import json
from collections.abc import Iterator

from imgtool.guest.cloud_init.config import read_cloud_config
from imgtool.guest.inventory.items import items
from imgtool.guest.tree import GuestTree
from imgtool.guest.yaml_values import Value
from imgtool.model.inventory import Items
from imgtool.util.redaction import MASK, names_secret, redact

SECRET_KEYS = frozenset({"passwd", "chpasswd", "ssh_keys", "content", "write_files", "runcmd", "bootcmd"})
"""Keys below which cloud-init's own documentation puts passwords, keys and scripts that may hold them."""
MAX_LEVELS = 20


def read_config(tree: GuestTree) -> Items:
    """Return each key with dots between its levels, and its value as JSON."""
    return items(_flat(read_cloud_config(tree).values, ""), "cloud-init's configuration")


def _flat(value: Value, where: str, level: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value and level < MAX_LEVELS:
        for key, inner in value.items():
            below = f"{where}.{key}" if where else str(key)
            if _is_secret(str(key)):
                yield below, MASK
            else:
                yield from _flat(inner, below, level + 1)
    else:
        yield where, json.dumps(_masked(value, level), sort_keys=True, default=str)


def _masked(value: Value, level: int) -> Value:
    """`value` without secrets. An alias may contain what it stands in: beyond MAX_LEVELS nothing is told."""
    if level > MAX_LEVELS:
        return MASK
    if isinstance(value, list):
        return [_masked(inner, level + 1) for inner in value]
    if isinstance(value, dict):
        return {
            str(key): MASK if _is_secret(str(key)) else _masked(inner, level + 1)
            for key, inner in value.items()
        }
    return redact(value) if isinstance(value, str) else value


def _is_secret(key: str) -> bool:
    return key.lower() in SECRET_KEYS or names_secret(key)
