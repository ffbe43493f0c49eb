"""What a guest consists of, as JSON: the key `inventory` of an inspection, where it was asked for."""

from typing import TYPE_CHECKING, cast

from imgtool.model.facts import NOT_READ, Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inventory import NO_INVENTORY
from imgtool.model.packages import InstalledPackage
from imgtool.report.as_json.values import Seen, clean

if TYPE_CHECKING:
    from imgtool.report.documents import facts as documents

PACKAGES, INITRAMFS, CPE = "packages", "initramfs-modules", "cpe"
"""Keys beside those of SettingsKind."""


def inventory(facts: GuestFacts) -> "documents.Inventory | None":
    """Return it; None where nothing was read. In it null stands for a kind that could not be read."""
    found = facts.inventory
    if found == NO_INVENTORY:
        return None
    seen = Seen()
    kinds = {kind: seen.value(kind, fact, dict) for kind, fact in found.settings.items()}
    told = {
        CPE: found.cpe or None,
        PACKAGES: None
        if found.packages == NOT_READ
        else seen.value(PACKAGES, found.packages, lambda all_of_them: list(map(_package, all_of_them))),
        INITRAMFS: _initramfs(facts),
        **kinds,
    }
    return cast("documents.Inventory", {**told, "unknown": seen.unknown})


def _package(one: InstalledPackage) -> "documents.Package":
    return {
        "manager": one.manager,
        "name": clean(one.name),
        "version": clean(one.version),
        "architecture": clean(one.architecture),
        "source": clean(one.source),
        "source_version": clean(one.source_version),
        "licence": clean(one.licence),
        "vendor": clean(one.vendor),
    }


def _initramfs(facts: GuestFacts) -> list[str] | None:
    """Modules in the initramfs of the kernel that boots; null where that is not known."""
    kernel = facts.linux.default_kernel if facts.linux is not None else None
    if kernel is None or not isinstance(kernel.initramfs, Known) or kernel.initramfs.value is None:
        return None
    return list(kernel.initramfs.value.all_modules)
