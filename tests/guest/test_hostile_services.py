"""Configuration that is made to be costly is answered soon: unknown, or passed over."""

import time

import pytest
from support.guest_tree import Content, guest_tree

from imgtool.guest.agent import read_agent
from imgtool.guest.boot_services import BootServices
from imgtool.guest.cloud_init.config import cloud_config_fact
from imgtool.guest.cloud_init.facts import read_cloud_init
from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.model.facts import Known

MOST_SECONDS = 10.0
"""Far more than it takes on a busy machine, and far less than what has no bound."""
UNIT = "/usr/lib/systemd/system/qemu-guest-agent.service"
CFG = "/etc/cloud/cloud.cfg"
STAGES = {
    "/usr/lib/systemd/system/cloud-init.service": "[Service]\n",
    "/usr/lib/systemd/system-generators/cloud-init-generator": "#!/bin/sh\n",
}


def layers(first: str, each: str, count: int) -> str:
    lines = [f"a0: &a0 {first}", *(f"a{n}: &a{n} {each.format(n - 1)}" for n in range(1, count))]
    return "\n".join(lines) + "\n"


TWICE = layers("{k: 1}", "{{x: *a{0}, y: *a{0}}}", 40)
COSTLY: dict[str, dict[str, Content]] = {
    "merge keys of merge keys": {CFG: layers("{k: 1}", "{{<<: [" + "*a{0}, " * 50 + "]}}", 8)},
    "merge keys of nothing": {CFG: layers("{}", "{{<<: [" + "*a{0}, " * 200 + "]}}", 6)},
    "mappings that meet": {CFG: TWICE, "/etc/cloud/cloud.cfg.d/1.cfg": TWICE},
    "a list in itself": {CFG: "a: &a [*a]\n"},
    "lines without end": {CFG: "datasource_list: \\\n" * 14_000},
    "backslashes": {CFG: "\\" * 200_000 + "\n"},
    "properties that double": {
        "/etc/udev/rules.d/1.rules": 'SUBSYSTEM=="virtio-ports", ENV{A}="x"\n'
        + 'ENV{A}="$env{A}$env{A}"\n' * 2000
    },
    "many properties": {
        "/etc/udev/rules.d/1.rules": 'SUBSYSTEM=="virtio-ports"\n'
        + "".join(f'ENV{{A{n}}}="$env{{A{n - 1}}}"\n' for n in range(15_000))
    },
    "a command of variables": {
        UNIT: "[Service]\nEnvironmentFile=/etc/x\nExecStart=/usr/sbin/qemu-ga " + "$A ${A} " * 900 + "\n",
        "/etc/x": "A=" + "b " * 30_000 + "\n",
    },
    "many commands": {UNIT: "[Service]\n" + "ExecStart=/usr/sbin/qemu-ga -b x\n" * 20_000},
    "many variables": {UNIT: "[Service]\nExecStart=/usr/sbin/qemu-ga\n" + "Environment=A=1 B=2\n" * 40_000},
    "a key file of many lines": {"/etc/qemu/qemu-ga.conf": "[general]\n" + "a=b\n" * 15_000},
}


@pytest.mark.parametrize("name", COSTLY)
def test_it_is_answered_soon(name: str) -> None:
    begin = time.monotonic()
    tree = guest_tree({"/usr/sbin/qemu-ga": "\x7fELF", UNIT: "[Service]\n", **STAGES, **COSTLY[name]})
    boot = BootServices(tree, parse_command_line("ro"))
    read_agent(boot, Known((), ""))
    read_cloud_init(boot, cloud_config_fact(tree))
    assert time.monotonic() - begin < MOST_SECONDS
