"""Imports what an upload needs, now and not when it is needed: for a process that many are forked from."""

import importlib

MODULES = (
    "openstack",
    "openstack.config.loader",
    "openstack.exceptions",
    "imgtool.glance.transport",
    "keystoneauth1.exceptions",
    "keystoneauth1.identity",
    "keystoneauth1.session",
    "keystoneauth1.loading",
    "keystoneauth1.loading._plugins.identity.generic",
)


def preload() -> None:
    """It takes half a second of CPU time."""
    for name in MODULES:
        importlib.import_module(name)
