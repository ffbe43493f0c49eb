"""An inspection with an inventory: packages, and every kind of setting."""

from dataclasses import replace

from support import facts

from imgtool.model.inspection import Inspection
from imgtool.model.inventory import SETTINGS_KINDS, Inventory
from imgtool.model.packages import InstalledPackage

BASH = InstalledPackage("dpkg", "bash", "5.2-1", "amd64", "bash")


def with_inventory(*packages: InstalledPackage) -> Inspection:
    """A healthy Debian in which these packages are installed, or one."""
    inspection = facts.inspection()
    settings = {kind: facts.known({"name": "said"}) for kind in SETTINGS_KINDS}
    inventory = Inventory(facts.known(packages or (BASH,)), settings)
    return replace(inspection, guest=replace(inspection.guest, inventory=inventory), sha256="ab" * 32)
