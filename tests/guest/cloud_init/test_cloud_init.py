import pytest
from support.guest_tree import EMPTY_DIRECTORY, Link, Unreadable, guest_tree

from imgtool.guest.boot_services import BootServices
from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.cloud_init.facts import read_cloud_init
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Known, Unknown
from imgtool.model.services import CloudInitFacts

S, E = "/usr/lib/systemd/system", "/etc/systemd/system"
GENERATOR = {"/usr/lib/systemd/system-generators/cloud-init-generator": "#!/bin/sh"}
STAGES = ("cloud-init-local.service", "cloud-init.service")
LINKS = {f"{E}/cloud-init.target.wants/{unit}": Link(f"{S}/{unit}") for unit in STAGES}
UNITS = {f"{S}/{unit}": "[Service]\n" for unit in (*STAGES, "cloud-init.target")}
CONFIGURED = {"/etc/cloud/cloud.cfg": "cloud_init_modules: [users-groups, ssh]\n"}
DEBIAN = {"/usr/bin/cloud-init": "#!/usr/bin/python3"} | UNITS | LINKS | GENERATOR | CONFIGURED


def read(files, options: str = "") -> CloudInitFacts:
    tree = guest_tree(files)
    return read_cloud_init(BootServices(tree, parse_command_line(options)), cloud_config_fact(tree))


def enabled(files, options: str = "") -> Known[bool]:
    fact = read(files, options).enabled
    assert isinstance(fact, Known)
    return fact


def test_installed():
    found = read(DEBIAN).installed
    assert found == Known(value=True, evidence="/usr/bin/cloud-init (no package database was found)")
    missing = read(
        {"/var/lib/dpkg/status": "Package: cloud-init\nStatus: install ok installed\nVersion: 22.4\n"}
    )
    assert missing.installed.value is False
    assert "its package is installed (/var/lib/dpkg/status: cloud-init 22.4)" in missing.installed.evidence
    assert missing.version.value == "22.4"
    assert isinstance(read(DEBIAN).version, Unknown)
    assert read({}).installed.value is False


def test_enabled_by_the_generator_and_the_links():
    found = enabled(DEBIAN)
    assert found.value is True
    assert "cloud-init.target.wants/cloud-init-local.service" in found.evidence
    assert "cloud-init-generator" in found.evidence


@pytest.mark.parametrize(
    ("change", "options", "evidence"),
    [
        ({"/etc/cloud/cloud-init.disabled": ""}, "", "/etc/cloud/cloud-init.disabled"),
        ({}, "ro cloud-init=disabled", "kernel command line: cloud-init=disabled"),
        (
            {"/etc/cloud/ds-identify.cfg": "# x\npolicy: disabled\n"},
            "",
            "/etc/cloud/ds-identify.cfg: policy: disabled",
        ),
        (
            {f"{E}/cloud-init.service": Link("/dev/null")},
            "",
            f"{E}/cloud-init.service masks it",
        ),
        ({f"{E}/cloud-init.target": Link("/dev/null")}, "", f"{E}/cloud-init.target masks it"),
        (dict.fromkeys(LINKS, Link("/dev/null")), "", "nothing starts cloud-init-local.service"),
        (dict.fromkeys(GENERATOR, ""), "", "masks the generator"),
    ],
)
def test_not_enabled(change, options, evidence):
    found = enabled(DEBIAN | change, options)
    assert found.value is False
    assert evidence in found.evidence


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"/etc/cloud/cloud-init.disabled": "", "/etc/cloud/cloud-init.enabled": ""}, ""),
        ({"/etc/cloud/cloud-init.disabled": ""}, "cloud-init=enabled"),
        ({"/etc/cloud/ds-identify.cfg": "policy: search,found=all,maybe=none,notfound=disabled\n"}, ""),
        ({"/etc/cloud/ds-identify.cfg": "#policy: disabled\n"}, ""),
        ({}, "cloud-init=other"),
    ],
)
def test_what_does_not_disable_it(change, options):
    assert enabled(DEBIAN | change, options).value is True


def test_units_that_multi_user_target_wants_directly():
    links = {f"{E}/multi-user.target.wants/{unit}": Link(f"{S}/{unit}") for unit in STAGES}
    assert enabled(UNITS | links).evidence == f"{E}/multi-user.target.wants/cloud-init-local.service"


def test_the_units_since_24_3():
    units = ("cloud-init-local.service", "cloud-init-main.service", "cloud-init-network.service")
    files = {f"{S}/{unit}": "[Service]\n" for unit in (*units, "cloud-init.target")} | GENERATOR
    files |= {f"{E}/cloud-init.target.wants/{unit}": Link(f"{S}/{unit}") for unit in units}
    assert enabled(files).value is True


def test_openrc():
    levels = {"/etc/runlevels/boot/cloud-init-local": "#!", "/etc/runlevels/default/cloud-init": "#!"}
    assert enabled(levels).value is True
    assert enabled({"/etc/runlevels/boot/cloud-init-local": "#!"}).evidence == "no runlevel starts cloud-init"
    assert enabled({"/etc/init.d/cloud-init": ""}).value is False


def test_an_unreadable_policy_makes_enabled_unknown_and_nothing_else():
    found = read(DEBIAN | {"/etc/cloud/ds-identify.cfg": Unreadable()})
    assert isinstance(found.enabled, Unknown)
    assert found.installed.value is True


def test_datasources_and_default_user():
    found = read(
        {"/etc/cloud/cloud.cfg": "datasource_list: [OpenStack]\nsystem_info: {default_user: {name: x}}\n"}
    )
    assert (found.datasources.value, found.default_user.value) == (("OpenStack",), "x")
    empty = read({})
    assert (empty.datasources.value, empty.default_user.value) == ((), None)
    skipped = read({"/etc/cloud/cloud.cfg": "a: ["})
    assert (skipped.datasources.value, skipped.default_user.value) == ((), None)
    broken = read({"/etc/cloud/cloud.cfg": Unreadable()})
    assert isinstance(broken.datasources, Unknown)
    assert isinstance(broken.default_user, Unknown)


@pytest.mark.parametrize(
    "path",
    [
        "/var/lib/cloud/instance",
        "/var/lib/cloud/instances/i-0123/user-data.txt",
        "/var/lib/cloud/data/instance-id",
        "/var/lib/cloud/sem/config_scripts_per_once.once",
    ],
)
def test_what_an_instance_left_behind(path):
    left = read({path: Link("instances/i-0123") if path.endswith("instance") else "x"}).leftovers
    assert [path.startswith(found) for found in left.value] == [True]
    assert left.evidence == left.value[0]


def test_seeds_and_empty_directories_are_no_leftovers():
    empty = {f"/var/lib/cloud/{name}": EMPTY_DIRECTORY for name in ("instances", "data", "sem", "handlers")}
    assert read(empty | {"/var/lib/cloud/seed/nocloud/meta-data": "x"}).leftovers.value == ()
    assert read({}).leftovers.value == ()
