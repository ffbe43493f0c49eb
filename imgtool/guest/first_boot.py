"""What sets an instance up in cloud-init's place, and whether it asks OpenStack for what it needs.

Sources: Ignition's dracut/30ignition/ignition-generator and internal/platform; the same generator of
Flatcar's bootengine; CirrOS' src/sbin/cirros-init with its /etc/cirros-init/config; tiny-cloud's
README and /etc/tiny-cloud.conf. What is not known to be wrong is not called wrong.
"""

from collections.abc import Callable

from imgtool.guest.boot_services import BootServices
from imgtool.guest.init_system import started_services
from imgtool.guest.release import MAX_SETTINGS_BYTES, shell_assignments
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.model.services import FirstBoot
from imgtool.util.text import printable

IGNITION = ("/usr/bin/ignition", "/usr/lib/dracut/modules.d/30ignition", "/usr/libexec/ignition")
PLATFORM_OPTION = "ignition.platform.id"
FLATCAR_OPTIONS = ("flatcar.oem.id", "coreos.oem.id")
"""The first of them that is there counts, on Flatcar; without both it is `qemu` on Nova's machines."""
FLATCAR = "/usr/share/flatcar"
FIRST_BOOT_OPTIONS = ("ignition.firstboot", "flatcar.first_boot", "coreos.first_boot")
"""Without one of them, which GRUB sets where a file is there, Ignition takes the boot for a later one."""
PLATFORMS_ON_OPENSTACK = frozenset({"openstack", "brightbox"})
"""Names by which Ignition reads the config drive and OpenStack's metadata service."""
CIRROS_CONFIG = "/etc/cirros-init/config"
CIRROS_DEFAULT = "nocloud configdrive ec2"
CIRROS_ON_OPENSTACK = frozenset({"configdrive", "ec2"})
"""Nova serves EC2's metadata as well."""
TINY_CLOUD_CONFIG = "/etc/tiny-cloud.conf"
TINY_CLOUD_SERVICES = ("tiny-cloud", "tiny-cloud-main", "tiny-cloud-early", "tiny-cloud-boot")
TINY_CLOUD_ELSEWHERE = frozenset({"aws", "azure", "gcp", "oci", "hetzner", "incus", "scaleway"})
"""Clouds of tiny-cloud's own whose metadata are not those of OpenStack."""


def read_first_boot(boot: BootServices) -> Known[FirstBoot | None]:
    """The system that stands in cloud-init's place; None where none is known."""
    for read in _READERS:
        found = read(boot)
        if found is not None:
            return Known(found, found.evidence)
    return Known(None, "nothing that is known to set an instance up, but for cloud-init")


def _ignition(boot: BootServices) -> FirstBoot | None:
    if not any(map(boot.tree.exists, IGNITION)):
        return None
    option, platform = _platform(boot)
    if platform is None or "$" in platform:
        return FirstBoot("Ignition", None, "the kernel's command line names no platform that could be read")
    evidence = f"kernel command line: {option}={printable(platform)}"
    if platform in PLATFORMS_ON_OPENSTACK and not any(_is_on(boot, one) for one in FIRST_BOOT_OPTIONS):
        said = f"{evidence}, but no {' nor '.join(FIRST_BOOT_OPTIONS[:2])}: Ignition does not run"
        return FirstBoot("Ignition", on_openstack=False, evidence=said)
    return FirstBoot("Ignition", platform in PLATFORMS_ON_OPENSTACK, evidence)


def _platform(boot: BootServices) -> tuple[str, str | None]:
    """The option that says the platform, and what it says; None where no word of Ignition's is there."""
    if not boot.tree.exists(FLATCAR):
        platform = boot.line.plain_value(PLATFORM_OPTION)
        started = any(_is_on(boot, one) for one in FIRST_BOOT_OPTIONS)
        return PLATFORM_OPTION, "" if platform is None and started else platform
    for option in FLATCAR_OPTIONS:
        platform = boot.line.plain_value(option)
        if platform is not None:
            return option, platform
    started = any(_is_on(boot, one) for one in FIRST_BOOT_OPTIONS)
    return FLATCAR_OPTIONS[0], "qemu" if started and not boot.line.plain_value(PLATFORM_OPTION) else None


def _is_on(boot: BootServices, option: str) -> bool:
    """cmdline_bool of the generator: the last one counts, and a word alone is yes."""
    found = [word for word in boot.line.words if word.partition("=")[0] == option]
    return bool(found) and found[-1].partition("=")[2] not in {"0", "no", "off"} and found[-1][-1] != "="


def _cirros(boot: BootServices) -> FirstBoot | None:
    if not boot.tree.is_file("/etc/cirros/version"):
        return None
    listed = _settings(boot.tree, CIRROS_CONFIG).get("DATASOURCE_LIST") or CIRROS_DEFAULT
    evidence = f"{CIRROS_CONFIG}: DATASOURCE_LIST={printable(listed)}"
    return FirstBoot("cirros-init", bool(CIRROS_ON_OPENSTACK & set(listed.split())), evidence)


def _tiny_cloud(boot: BootServices) -> FirstBoot | None:
    if not boot.tree.is_file(TINY_CLOUD_CONFIG):
        return None
    started = [
        one
        for one in started_services(boot.tree, boot.init, TINY_CLOUD_SERVICES, boot.line)
        if not one.obstacle
    ]
    if not started and boot.init == "openrc":
        return FirstBoot("tiny-cloud", on_openstack=False, evidence="no runlevel starts tiny-cloud")
    cloud = _settings(boot.tree, TINY_CLOUD_CONFIG).get("CLOUD") or "auto"
    evidence = f"{TINY_CLOUD_CONFIG}: CLOUD={printable(cloud)}"
    known = {"openstack": True, "auto": True, **dict.fromkeys(TINY_CLOUD_ELSEWHERE, False)}
    return FirstBoot("tiny-cloud", known.get(cloud), evidence)


_READERS: tuple[Callable[[BootServices], FirstBoot | None], ...] = (_ignition, _cirros, _tiny_cloud)


def _settings(tree: GuestTree, path: str) -> dict[str, str]:
    content = tree.read_bytes(path, MAX_SETTINGS_BYTES) if tree.is_file(path) else None
    return shell_assignments((content or b"").decode("utf-8", "replace"))
