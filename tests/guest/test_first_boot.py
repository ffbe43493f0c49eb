"""What stands in cloud-init's place, and whether it asks OpenStack."""

import pytest
from support import facts
from support.facts import known
from support.guest_tree import Content, Link, guest_tree

from imgtool.checks.rules.cloud_init_datasource import judge
from imgtool.guest.boot_services import BootServices
from imgtool.guest.first_boot import read_first_boot
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.services import FirstBoot
from imgtool.model.verdict import Outcome

IGNITION = {"/usr/bin/ignition": "\x7fELF"}
FLATCAR = {**IGNITION, "/usr/share/flatcar/release": ""}
CIRROS = {"/etc/cirros/version": "0.6.2\n"}
TINY: dict[str, Content] = {
    "/etc/tiny-cloud.conf": "CLOUD=openstack\n",
    "/etc/runlevels/default/tiny-cloud-main": Link("/etc/init.d/tiny-cloud-main"),
    "/etc/init.d/tiny-cloud-main": "#!/sbin/openrc-run\n",
}


@pytest.mark.parametrize(
    ("files", "options", "name", "asks"),
    [
        (IGNITION, "ignition.platform.id=openstack ignition.firstboot", "Ignition", True),
        (IGNITION, "ignition.platform.id=openstack ignition.firstboot=1", "Ignition", True),
        (IGNITION, "ignition.platform.id=brightbox ignition.firstboot", "Ignition", True),
        (IGNITION, "ignition.platform.id=openstack", "Ignition", False),
        (IGNITION, "ignition.platform.id=openstack ignition.firstboot=0", "Ignition", False),
        (
            IGNITION,
            "ignition.platform.id=openstack ignition.platform.id=aws ignition.firstboot",
            "Ignition",
            False,
        ),
        (IGNITION, "ignition.platform.id=OpenStack ignition.firstboot", "Ignition", False),
        (IGNITION, "flatcar.oem.id=openstack ignition.firstboot", "Ignition", False),
        (IGNITION, "ignition.firstboot", "Ignition", False),
        (FLATCAR, "flatcar.oem.id=openstack flatcar.first_boot=detected", "Ignition", True),
        (FLATCAR, "coreos.oem.id=openstack coreos.first_boot=1", "Ignition", True),
        (FLATCAR, "flatcar.oem.id=openstack", "Ignition", False),
        (FLATCAR, "flatcar.oem.id=ec2 coreos.oem.id=openstack flatcar.first_boot=1", "Ignition", False),
        (FLATCAR, "flatcar.first_boot=detected", "Ignition", False),
        (FLATCAR, "ro", "Ignition", None),
        (IGNITION, "ignition.platform.id=qemu", "Ignition", False),
        (IGNITION, "ignition.platform.id=metal", "Ignition", False),
        (IGNITION, "ro", "Ignition", None),
        (IGNITION, "ignition.platform.id=$platform", "Ignition", None),
        (CIRROS, "", "cirros-init", True),
        (CIRROS | {"/etc/cirros-init/config": 'DATASOURCE_LIST="nocloud"\n'}, "", "cirros-init", False),
        (CIRROS | {"/etc/cirros-init/config": 'DATASOURCE_LIST="ec2"\n'}, "", "cirros-init", True),
        (TINY, "", "tiny-cloud", True),
        (TINY | {"/etc/tiny-cloud.conf": "#CLOUD=\n"}, "", "tiny-cloud", True),
        (TINY | {"/etc/tiny-cloud.conf": "CLOUD=nocloud\n"}, "", "tiny-cloud", None),
        (TINY | {"/etc/tiny-cloud.conf": "CLOUD=aws\n"}, "", "tiny-cloud", False),
        (TINY | {"/etc/runlevels/default/tiny-cloud-main": Link("/gone")}, "", "tiny-cloud", False),
    ],
)
def test_what_stands_in_its_place(
    files: dict[str, Content], options: str, name: str, *, asks: bool | None
) -> None:
    found = read_first_boot(BootServices(guest_tree(files), parse_command_line(options))).value
    assert found is not None
    assert (found.name, found.on_openstack) == (name, asks)


def test_nothing_stands_in_its_place() -> None:
    assert read_first_boot(BootServices(guest_tree({}), parse_command_line("ro"))).value is None


@pytest.mark.parametrize(
    ("asks", "outcome"), [(True, Outcome.PASS), (False, Outcome.FAIL), (None, Outcome.SKIPPED)]
)
def test_the_verdict(*, asks: bool | None, outcome: Outcome) -> None:
    other = FirstBoot("Ignition", asks, "kernel command line")
    linux = facts.linux(cloud_init=facts.cloud_init(installed=known(False)), first_boot=known(other))
    assert judge(linux).outcome is outcome
