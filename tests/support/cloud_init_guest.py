"""A Debian with cloud-init, in memory, as its tests change it."""

from collections.abc import Mapping

from support.guest_tree import Content, Link, guest_tree
from support.units import SYSTEM

from imgtool.guest.boot_services import BootServices
from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.cloud_init.facts import read_cloud_init
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.services import CloudInitFacts

S, E = "/usr/lib/systemd/system", "/etc/systemd/system"
D = "/etc/cloud/cloud.cfg.d"
GENERATOR = "/usr/lib/systemd/system-generators/cloud-init-generator"
DS_IDENTIFY = "/usr/lib/cloud-init/ds-identify"
PACKAGE = "/usr/lib/python3/dist-packages/cloudinit"
STAGES = ("cloud-init-local", "cloud-init", "cloud-config", "cloud-final")
RUNS = "[Service]\nExecStart=/usr/bin/cloud-init\n"
WANTS = {f"{E}/cloud-init.target.wants/{name}.service": Link(f"{S}/{name}.service") for name in STAGES}
OLD_GENERATOR = (
    '#!/bin/sh\nCLOUD_SYSTEM_TARGET="/lib/systemd/system/cloud-init.target"\n'
    f'    dsidentify="{DS_IDENTIFY}"\nkernel_cmdline() {{\n}}\n'
    "check_for_datasource() {\n}\nmain() {\n}\nmain\n"
)
OLD_SCRIPT = (
    "#!/bin/sh\n"
    'DI_DEFAULT_POLICY_NO_DMI="search,found=all,maybe=none,notfound=${DI_ENABLED}"\n'
    'DI_DSLIST_DEFAULT="MAAS ConfigDrive NoCloud Azure AliYun Ec2 GCE \\\nOpenStack OVF VMware"\n'
)
NEW_SCRIPT = OLD_SCRIPT + 'grep "$key\nis_disabled() {\n}\n            ds) _rc_dsname="$val" ;;\n'
MODULES = (
    "__init__",
    "settings",
    "helpers",
    "importer",
    "url_helper",
    "mergers/__init__",
    "distros/__init__",
    "handlers/__init__",
    "config/cc_ssh",
    "config/cc_users_groups",
    "cmd/main",
    "stages",
    "util",
    "sources/__init__",
    "sources/DataSourceOpenStack",
    "sources/DataSourceConfigDrive",
    "sources/helpers/openstack",
)
DEBIAN: dict[str, Content] = {
    **SYSTEM,
    "/usr/bin/cloud-init": "#!/usr/bin/python3\n",
    "/usr/bin/python3": Link("python3.11"),
    "/usr/bin/python3.11": "\x7fELF",
    "/usr/lib/python3.11/os.py": "#\n",
    "/usr/lib/python3.11/encodings/__init__.py": "#\n",
    **{f"{PACKAGE}/{name}.py": "pass\n" for name in MODULES},
    "/usr/lib/python3/dist-packages/yaml/__init__.py": "#\n",
    "/usr/lib/python3/dist-packages/requests/__init__.py": "#\n",
    **{f"{S}/{name}.service": "[Service]\nExecStart=/usr/bin/cloud-init init\n" for name in STAGES},
    f"{S}/cloud-init.service": "[Unit]\nWants=cloud-init-local.service\n"
    "[Service]\nExecStart=/usr/bin/cloud-init init\n",
    f"{S}/cloud-config.service": "[Unit]\nWants=network-online.target cloud-config.target\n"
    "[Service]\nExecStart=/usr/bin/cloud-init modules --mode=config\n",
    f"{S}/cloud-final.service": "[Unit]\nWants=network-online.target cloud-config.service\n"
    "[Service]\nExecStart=/usr/bin/cloud-init modules\n",
    f"{S}/cloud-init.target": "[Unit]\n",
    f"{S}/cloud-config.target": "[Unit]\nWants=cloud-init-local.service cloud-init.service\n",
    **WANTS,
    GENERATOR: OLD_GENERATOR,
    DS_IDENTIFY: OLD_SCRIPT,
    "/etc/cloud/cloud.cfg": "users:\n - default\ncloud_init_modules: [users-groups, ssh]\n"
    "cloud_final_modules: [runcmd, power-state-change]\nsystem_info:\n  default_user:\n    name: debian\n",
    f"{D}/05_logging.cfg": "_log: x\n",
    f"{D}/90_dpkg.cfg": "# to update this file, run dpkg-reconfigure\ndatasource_list: [ NoCloud, "
    "ConfigDrive, OpenStack, DigitalOcean, Azure, Ec2, None ]\n",
}

Change = Mapping[str, Content | None]


def read(change: Change, options: str = "", machine: str = "x86_64") -> CloudInitFacts:
    files = {path: content for path, content in (DEBIAN | dict(change)).items() if content is not None}
    tree = guest_tree(files)
    return read_cloud_init(BootServices(tree, parse_command_line(options), machine), cloud_config_fact(tree))


def cfg(text: str, name: str = "99-x.cfg") -> Change:
    return {f"{D}/{name}": text}


def dsid(text: str) -> Change:
    return {"/etc/cloud/ds-identify.cfg": text + "\n"}


NEW: Change = {
    GENERATOR: OLD_GENERATOR.replace("kernel_cmdline", "x").replace("check_for_datasource", "y"),
    DS_IDENTIFY: NEW_SCRIPT,
    f"{S}/cloud-init.service": None,
    f"{E}/cloud-init.target.wants/cloud-init.service": None,
    **{f"{S}/cloud-init-{name}.service": RUNS for name in ("main", "network")},
    **{f"{E}/cloud-init.target.wants/cloud-init-{name}.service": Link("x") for name in ("main", "network")},
    f"{PACKAGE}/importer.py": "def match_case_insensitive_module_name\n",
}
"""The units and scripts since 24.3."""
