"""What was tried of a Debian's cloud-init, each case a change in one point: what a boot does with it."""

from typing import Any

import pytest
from support.cloud_init_guest import (
    DS_IDENTIFY,
    GENERATOR,
    MODULES,
    NEW,
    OLD_GENERATOR,
    PACKAGE,
    Change,
    D,
    E,
    S,
    cfg,
    dsid,
    read,
)
from support.guest_tree import EMPTY_DIRECTORY, File, Link, guest_tree

from imgtool.guest.boot_services import BootServices
from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.cloud_init.facts import read_cloud_init
from imgtool.guest.kernel_command_line import parse_command_line

RUNS: dict[str, tuple[Change, str]] = {
    "as it is": ({}, ""),
    "network-stage-off, but cloud-config.target wants it, as Debian's does": (
        {f"{E}/cloud-init.target.wants/cloud-init.service": None},
        "",
    ),
    "since 24.3": (NEW, ""),
    "dsid-notfound": (dsid("policy: search,found=first,maybe=none,notfound=disabled"), ""),
    "dsid-enabled": (dsid("policy: enabled"), ""),
    "dsid-report": (dsid("policy: report"), ""),
    "dsid-openstack": (dsid('datasource: "OpenStack"'), ""),
    "dsid of two": (dsid("datasource: OpenStack, None"), ""),
    "dsid in a comment": (dsid("# datasource: NoCloud"), ""),
    "dsid without a newline": ({"/etc/cloud/ds-identify.cfg": "policy: disabled"}, ""),
    "dsid: the command line wins": (dsid("datasource: NoCloud"), "ci.ds=OpenStack"),
    "dsid: report on the command line": (dsid("datasource: NoCloud"), "ci.di.policy=report"),
    "local-stage-off": ({f"{E}/cloud-init.target.wants/cloud-init-local.service": None}, ""),
    "config-stage-off": ({f"{E}/cloud-init.target.wants/cloud-config.service": None}, ""),
    "yaml-invalid": (cfg("foo: [1, 2\nbar: }\n"), ""),
    "yaml-tab": (cfg("datasource_list:\n\t- NoCloud\n"), ""),
    "yaml-multidoc": (cfg("datasource_list: [ NoCloud ]\n---\ndatasource_list: [ OpenStack ]\n"), ""),
    "reboots": (cfg("power_state: {mode: reboot}\n"), ""),
    "powers off under a condition": (cfg("power_state: {mode: poweroff, condition: false}\n"), ""),
    "a command that does no harm": (cfg("runcmd:\n - [echo, poweroff]\n - shutdown -r now\n - 1\n"), ""),
    "what may be missing": (
        {f"{PACKAGE}/util.py": "import sys\ntry:\n    import oauthlib\nexcept ImportError:\n    pass\n"},
        "",
    ),
    "modules of the distribution's own": (
        {
            **cfg("cloud_init_modules: [write_files]\ncloud_config_modules: [vyos]\n"),
            "/etc/os-release": "ID=vyos\n",
        },
        "",
    ),
    "modules in another stage": (
        cfg("cloud_init_modules: [ssh]\ncloud_config_modules: [cc_users_groups]\n"),
        "",
    ),
    "yaml-notcfg": (cfg("datasource_list: [ NoCloud ]\n", "99-x.yaml"), ""),
    "yaml-order": (cfg("datasource_list: [ NoCloud ]\n", "00-x.cfg"), ""),
    "yaml-none-value": (cfg("datasource_list:\n"), ""),
    "a list of several lines, which ds-identify does not see": (
        cfg("datasource_list:\n - NoCloud\n - None\n"),
        "",
    ),
    "a last line without its newline": (cfg("datasource_list: [ NoCloud ]"), ""),
    "confd-link": ({f"{D}/50-x.cfg": Link("/nonexistent")}, ""),
    "confd-dir": ({f"{D}/50-x.cfg": EMPTY_DIRECTORY}, ""),
    "a comment behind the list": (cfg("datasource_list: [ OpenStack, None ] # only this\n"), ""),
    "only a config drive": (cfg("datasource_list: [ ConfigDrive, None ]\n"), ""),
    "no list": ({f"{D}/90_dpkg.cfg": None}, ""),
    "enabled by a file": ({"/etc/cloud/cloud-init.disabled": "", "/etc/cloud/cloud-init.enabled": ""}, ""),
    "enabled by the command line": ({"/etc/cloud/cloud-init.disabled": ""}, "cloud-init=enabled"),
    "no ds-identify": ({DS_IDENTIFY: None}, ""),
    "an option that is none": ({}, "xcloud-init=disabled cloud-init=maybe"),
    "datasource in small letters": ({**NEW, **dsid("datasource: openstack")}, ""),
    "wanted without the generator": (
        {GENERATOR: None, f"{E}/multi-user.target.wants/cloud-init.target": Link(f"{S}/cloud-init.target")},
        "",
    ),
    "cloud.cfg is no YAML, but another file has all": (
        {"/etc/cloud/cloud.cfg": "a: [\n", **dict(cfg("cloud_init_modules: [ssh, users-groups]\n"))},
        "",
    ),
    "compiled only": ({f"{PACKAGE}/stages.py": None, f"{PACKAGE}/stages.pyc": "x"}, ""),
}


@pytest.mark.parametrize("name", RUNS)
def test_it_runs_on_openstack(name: str) -> None:
    change, options = RUNS[name]
    facts = read(change, options)
    assert facts.enabled.value is True, facts.enabled.evidence
    names = {one.lower() for one in facts.datasources.value}
    assert not names or names & {"openstack", "configdrive"}, facts.datasources.evidence


NOT_ENABLED: dict[str, tuple[Change, str, str]] = {
    "gen-masked": (
        {f"{GENERATOR.replace('/usr/lib', '/etc')}": Link("/dev/null")},
        "",
        "masks the generator",
    ),
    "gen-empty": ({f"{GENERATOR.replace('/usr/lib', '/etc')}": File("", 0o644)}, "", "masks the generator"),
    "gen-other": (
        {f"{GENERATOR.replace('/usr/lib', '/etc')}": "#!/bin/sh\nexit 0\n"},
        "",
        "in place of the distribution's",
    ),
    "gen-noexec": ({GENERATOR: File(OLD_GENERATOR, 0o644)}, "", "is not executable"),
    "gen gone": ({GENERATOR: None}, "", "nothing starts cloud-init.target"),
    "dsid-disabled": (dsid("policy: disabled"), "", "ds-identify.cfg: policy: disabled"),
    "dsid-disabled in quotes": (dsid('policy: "disabled"  # x'), "", "policy: disabled"),
    "ci-di-policy": ({}, "ro ci.di.policy=disabled", "ci.di.policy=disabled"),
    "target-masked": (
        {f"{E}/cloud-init.target": Link("/dev/null")},
        "",
        "cloud-init.target: /etc/systemd/system/cloud-init.target masks it",
    ),
    "mask-ci-target": ({}, "systemd.mask=cloud-init.target", "systemd.mask=cloud-init.target"),
    "network stage masked on the command line": (
        {},
        "systemd.mask=cloud-init",
        "systemd.mask=cloud-init.service",
    ),
    "local stage masked": (
        {f"{E}/cloud-init-local.service": Link("/dev/null")},
        "",
        "cloud-init-local.service masks it",
    ),
    "network-stage-off": (
        {f"{E}/cloud-init.target.wants/cloud-init.service": None, f"{S}/cloud-config.target": "[Unit]\n"},
        "",
        "no users and no keys",
    ),
    "final-stage-off": (
        {f"{E}/cloud-init.target.wants/cloud-final.service": None},
        "",
        "user data's scripts",
    ),
    "main-stage-off": (
        {**NEW, f"{E}/cloud-init.target.wants/cloud-init-main.service": None},
        "",
        "cloud-init-main",
    ),
    "no-module": (
        {f"{PACKAGE}/sources/{n}.py": None for n in ("__init__", "DataSourceOpenStack")},
        "",
        "is not there",
    ),
    "module empty": ({f"{PACKAGE}/stages.py": ""}, "", "stages.py has no bytes"),
    "module cut off": ({f"{PACKAGE}/util.py": "import os\ndef x("}, "", "ends in the middle of a line"),
    "module of zeros": ({f"{PACKAGE}/util.py": b"\0" * 512}, "", "NUL bytes"),
    "package gone": ({f"{PACKAGE}/{name}.py": None for name in MODULES}, "", "finds no package cloudinit"),
    "a module of its own gone": (
        {f"{PACKAGE}/util.py": "from cloudinit import net, version\n", f"{PACKAGE}/version.py": "pass\n"},
        "",
        "has no net, which util imports",
    ),
    "a module below another gone": (
        {f"{PACKAGE}/util.py": "from cloudinit.net import (\n    dhcp,  # comment\n)\n"},
        "",
        "net.py is not there, which util imports",
    ),
    "a module emptied": (
        {f"{PACKAGE}/util.py": "from cloudinit.net import find\n", f"{PACKAGE}/net.py": ""},
        "",
        "net.py has no find",
    ),
    "a package of others gone": (
        {f"{PACKAGE}/util.py": "import os, configobj\n"},
        "",
        "Python's package configobj",
    ),
    "a part of Python's library gone": (
        {f"{PACKAGE}/util.py": "import json as JSON\n"},
        "",
        "Python's package json",
    ),
    "Python's encodings gone": (
        {"/usr/lib/python3.11/encodings/__init__.py": None},
        "",
        "encodings is not there",
    ),
    "no module for users": (cfg("cloud_init_modules: [ssh]\n"), "", "lacks users_groups"),
    "no modules": (cfg("cloud_init_modules: []\n"), "", "lacks users_groups and ssh"),
    "no cloud.cfg": ({"/etc/cloud/cloud.cfg": None}, "", "/etc/cloud/cloud.cfg is not there"),
    "powers off": (cfg("power_state: {mode: poweroff}\n"), "", "power_state"),
    "a command powers off": (cfg("runcmd:\n - [sh, -c, 'true && poweroff']\n"), "", "runcmd"),
    "a command halts": (cfg("bootcmd:\n - systemctl halt\n"), "", "bootcmd"),
    "a distribution that there is not": (cfg("system_info: {distro: debain}\n"), "", "debain"),
    "no yaml": ({"/usr/lib/python3/dist-packages/yaml/__init__.py": None}, "", "package yaml"),
    "noexec": (
        {"/usr/bin/cloud-init": File("#!/usr/bin/python3\n", 0o644)},
        "",
        "/usr/bin/cloud-init is not executable",
    ),
    "disabled by a file": ({"/etc/cloud/cloud-init.disabled": ""}, "", "/etc/cloud/cloud-init.disabled"),
    "disabled by the command line": ({}, "cloud-init=disabled", "cloud-init=disabled"),
    "new: enabled files do not help": (
        {**NEW, "/etc/cloud/cloud-init.disabled": "", "/etc/cloud/cloud-init.enabled": ""},
        "",
        "cloud-init.disabled",
    ),
    "new: anywhere in a word": (NEW, "x.cloud-init=disabled", "x.cloud-init=disabled"),
    "cloud.cfg itself is no YAML": (
        {"/etc/cloud/cloud.cfg": "users: [default\ncloud_init_modules:\n - ssh\n"},
        "",
        "no users and no keys are made",
    ),
    "cloud.cfg is a list": ({"/etc/cloud/cloud.cfg": "- a\n"}, "", "its top is no mapping"),
    "system_info is nothing": (
        cfg("system_info:\n"),
        "",
        "system_info in cloud-init's configuration is no mapping",
    ),
    "starts something else": (
        {f"{E}/cloud-init.service.d/x.conf": "[Service]\nExecStart=\nExecStart=/bin/true\n"},
        "",
        "/bin/true, which is not",
    ),
    "what runs before fails": (
        {f"{E}/cloud-init.service.d/x.conf": "[Service]\nExecStartPre=/bin/false\n"},
        "",
        "ExecStartPre=/bin/false fails",
    ),
    **{
        settings: ({f"{E}/cloud-init.service.d/x.conf": f"[Service]\n{settings}\n"}, "", evidence)
        for settings, evidence in (
            ("User=nobody", "User=nobody may not write the system's settings"),
            ("ProtectSystem=full", "ProtectSystem=full keeps it from writing in /etc"),
            ("ReadOnlyPaths=-/etc", "ReadOnlyPaths=/etc keeps it from writing in /etc"),
            ("ProtectHome=read-only", "ProtectHome=read-only keeps it from writing in /home"),
            ("TemporaryFileSystem=/root", "TemporaryFileSystem=/root keeps it from writing in /root"),
            ("PrivateNetwork=yes", "PrivateNetwork= gives it a network of its own: the metadata service"),
            ("IPAddressDeny=any", "IPAddressDeny= keeps it from the metadata service"),
            ("CapabilityBoundingSet=CAP_NET_ADMIN", "CapabilityBoundingSet= takes CAP_CHOWN"),
            ("RestrictAddressFamilies=AF_UNIX AF_NETLINK", "takes AF_INET from it: the metadata service"),
            ("RestrictAddressFamilies=~AF_INET AF_INET6", "takes AF_INET from it: the metadata service"),
            ("ReadWritePaths=/nonexistent", "ReadWritePaths=/nonexistent is not there"),
            ("EnvironmentFile=/nonexistent", "EnvironmentFile /nonexistent is not there"),
            ("SystemCallFilter=~@file-system", "SystemCallFilter=~@file-system ends it"),
        )
    },
}


@pytest.mark.parametrize(
    "settings",
    [
        "ProtectSystem=yes",
        "ProtectSystem=strict\nReadWritePaths=/etc -/var -/run",
        "ProtectHome=no",
        "IPAddressDeny=any\nIPAddressAllow=link-local",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "RestrictAddressFamilies=~AF_PACKET",
        "PrivateTmp=yes",
        "ReadWritePaths=-/nonexistent",
        "ExecStart=\nExecStart=+/usr/bin/cloud-init init\nProtectSystem=strict\nPrivateNetwork=yes",
    ],
)
def test_what_shuts_it_in_and_does_no_harm(settings: str) -> None:
    assert read({f"{E}/cloud-init.service.d/x.conf": f"[Service]\n{settings}\n"}, "").enabled.value is True


@pytest.mark.parametrize("name", NOT_ENABLED)
def test_it_does_not_run(name: str) -> None:
    change, options, evidence = NOT_ENABLED[name]
    facts = read(change, options)
    assert facts.enabled.value is False
    assert evidence in facts.enabled.evidence


OTHER_DATASOURCE: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "dsid-nocloud": (dsid("datasource: NoCloud"), "", ("NoCloud",)),
    "ci-ds": ({}, "ci.ds=NoCloud", ("NoCloud",)),
    "ds since 23.2": (NEW, "ds=nocloud;s=http://x/", ("nocloud",)),
    "yaml-string": (cfg("datasource_list: NoCloud\n"), "", ("NoCloud",)),
    "yaml-none": (cfg("datasource_list: [None]\n"), "", ("None",)),
    "yaml-jinja": (
        cfg("## template: jinja\n#cloud-config\ndatasource_list: [ NoCloud ]\n"),
        "",
        ("NoCloud",),
    ),
    "two documents, the wrong one last": (
        cfg("datasource_list: [ OpenStack ]\n---\ndatasource_list: [ NoCloud ]\n"),
        "",
        ("NoCloud",),
    ),
    "in a file that is no YAML": (cfg("foo: [\ndatasource_list: [ NoCloud ]\n"), "", ("NoCloud",)),
    "below another key": (cfg("x:\n  datasource_list: [ NoCloud ]\n"), "", ("NoCloud",)),
    "amzn2023-ami": (cfg("datasource_list: [ Ec2, None ]\n"), "", ("Ec2", "None")),
    "of other clouds": (cfg("datasource_list: [ Azure, GCE, None ]\n"), "", ("Azure", "GCE", "None")),
    "in small letters, before 23.1": (dsid("datasource: openstack"), "", ("openstack",)),
    "enabled, with a list of one": (
        dsid("policy: enabled") | dict(cfg("datasource_list: [ NoCloud ]\n")),
        "",
        ("NoCloud",),
    ),
    "report, with a list of several lines": (
        dsid("policy: report") | dict(cfg("datasource_list:\n - NoCloud\n")),
        "",
        ("NoCloud",),
    ),
    "report, with nothing": (dsid("policy: report") | dict(cfg("datasource_list:\n")), "", ("None",)),
    "report, with a text": (
        dsid("policy: report") | dict(cfg("datasource_list: OS\n")),
        "",
        ("O", "S"),
    ),
    "a seed of its own": (
        {"/var/lib/cloud/seed/nocloud/meta-data": "x", "/var/lib/cloud/seed/nocloud/user-data": "x"},
        "",
        ("NoCloud",),
    ),
    "the command line's own list": ({}, "cc: datasource_list: [ NoCloud ] end_cc", ("NoCloud",)),
}


@pytest.mark.parametrize("name", OTHER_DATASOURCE)
def test_it_never_asks_openstack(name: str) -> None:
    change, options, names = OTHER_DATASOURCE[name]
    facts = read(change, options)
    assert (facts.datasources.value, facts.datasources.evidence) == (names, facts.datasources.evidence)


def test_without_dmi_nothing_found_still_enables() -> None:
    change = cfg("datasource_list: [ Azure, GCE, None ]\n")
    assert read(change, machine="ppc64le").enabled.value is True
    assert read(change).enabled.value is False


@pytest.mark.parametrize(
    ("change", "options", "enabled"),
    [
        ({}, "", True),
        ({"/etc/cloud/cloud-init.disabled": ""}, "", False),
        ({}, "x=cloud-init=disabled", False),
        ({"/etc/runlevels/default/cloud-init": None}, "", False),
        ({"/etc/init.d/cloud-init-local": File("#!", 0o644)}, "", False),
    ],
)
def test_openrc(change: dict[str, Any], options: str, *, enabled: bool) -> None:
    files: dict[str, Any] = {
        "/etc/runlevels/boot/cloud-init-local": Link("/etc/init.d/cloud-init-local"),
        "/etc/runlevels/default/cloud-init": Link("/etc/init.d/cloud-init"),
        "/etc/init.d/cloud-init-local": "#!/sbin/openrc-run\n",
        "/etc/init.d/cloud-init": "#!/sbin/openrc-run\n",
    }
    tree = guest_tree({path: one for path, one in (files | change).items() if one is not None})
    assert (
        read_cloud_init(
            BootServices(tree, parse_command_line(options)), cloud_config_fact(tree)
        ).enabled.value
        is enabled
    )
