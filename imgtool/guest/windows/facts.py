"""Puts the facts of a Windows guest together. One damaged hive makes its facts unknown, and no others."""

from imgtool.guest.fact import fact_of
from imgtool.guest.found_files import found_files_fact
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.agent import read_agent
from imgtool.guest.windows.drivers import read_drivers
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.setup import read_setup
from imgtool.guest.windows.system import (
    read_architecture,
    read_cloud_init,
    read_hibernated,
    read_product,
    read_version,
)
from imgtool.model.facts import NO_EXTRAS, GuestQuery
from imgtool.model.windows import WindowsFacts


def read_windows(tree: GuestTree, guest_query: GuestQuery = NO_EXTRAS) -> WindowsFacts:
    """All facts of the Windows system whose drive C is `tree`, and what is looked for besides."""
    hives = Hives(tree)
    drivers = fact_of(lambda: read_drivers(tree, hives))
    return WindowsFacts(
        product=fact_of(lambda: read_product(hives)),
        version=fact_of(lambda: read_version(hives)),
        architecture=fact_of(lambda: read_architecture(tree, hives)),
        drivers=drivers,
        agent=read_agent(tree, hives, drivers),
        cloud_init=fact_of(lambda: read_cloud_init(tree, hives)),
        hibernated=fact_of(lambda: read_hibernated(tree)),
        setup=fact_of(lambda: read_setup(tree, hives)),
        found_files=found_files_fact(tree, guest_query.files, windows=True),
    )
