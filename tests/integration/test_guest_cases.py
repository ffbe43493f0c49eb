"""What becomes of a real Debian 12 that was changed in one point, in its cloud-init or its agent.

Each row says what a boot did, or what the program's own source says it does; the verdict is the command
line's. What a row fails by is the check that names its cause.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cloud_init_users import ASK, HAS_DEFAULT
from support.guest_cases import (
    Case,
    Recipe,
    bad,
    both,
    change,
    chmod,
    cut,
    directory,
    good,
    judge,
    link,
    named,
    put,
    remove,
    warned,
)
from support.real_guest import RealGuest, real_guest

pytestmark = pytest.mark.series(3)

UNIT = "lib/systemd/system/qemu-guest-agent.service"
DROP_IN = "etc/systemd/system/qemu-guest-agent.service.d/x.conf"
RULES = "lib/udev/rules.d/60-qemu-guest-agent.rules"
GENERATOR = "etc/systemd/system-generators/cloud-init-generator"
WANTS = "etc/systemd/system/cloud-init.target.wants"
ENABLED = "cloud-init-enabled"
AGENT_OFF = "guest-agent-enabled"
CHANNEL = "guest-agent-channel"
CONFIG = "etc/cloud/cloud.cfg.d"


def config(text: str, name: str = "99-x.cfg") -> Recipe:
    """A file of cloud-init's directory."""
    return put(f"{CONFIG}/{name}", text + "\n")


def service(text: str) -> Recipe:
    """A drop-in of the agent's unit."""
    return put(DROP_IN, f"[Service]\n{text}\n")


def started_by(command: str) -> Recipe:
    """The agent's unit starts this."""
    return service(f"ExecStart=\nExecStart={command}")


def modprobe(text: str, name: str = "x.conf") -> Recipe:
    return put(f"etc/modprobe.d/{name}", text + "\n")


CLOUD_INIT = (
    bad("gen-masked", "cloud-init-enabled", link(GENERATOR, "/dev/null")),
    bad("gen-empty", "cloud-init-enabled", put(GENERATOR)),
    bad("no-default-user", ENABLED, config("users: [{name: bob}]")),
    bad(
        "metadata-elsewhere", ENABLED, config('datasource: {OpenStack: {metadata_urls: ["http://10.0.0.9"]}}')
    ),
    good("root-gets-the-keys", config("users: []\ndisable_root: false")),
    bad("dsid-nocloud", "cloud-init-datasource", put("etc/cloud/ds-identify.cfg", "datasource: NoCloud\n")),
    good(
        "dsid-notfound",
        put("etc/cloud/ds-identify.cfg", "policy: search,found=first,maybe=none,notfound=disabled\n"),
    ),
    bad("dsid-disabled", "cloud-init-enabled", put("etc/cloud/ds-identify.cfg", "policy: disabled\n")),
    good("dsid-enabled", put("etc/cloud/ds-identify.cfg", "policy: enabled\n")),
    good("dsid-report", put("etc/cloud/ds-identify.cfg", "policy: report\n")),
    bad("target-masked", "cloud-init-enabled", link("etc/systemd/system/cloud-init.target", "/dev/null")),
    good("network-stage-off", remove(f"{WANTS}/cloud-init.service")),
    good("local-stage-off", remove(f"{WANTS}/cloud-init-local.service")),
    bad("no-module", "cloud-init-enabled", remove("usr/lib/python3/dist-packages/cloudinit/sources")),
    bad("noexec", "cloud-init-enabled", chmod("usr/bin/cloud-init", 0o644)),
    good("yaml-invalid", config("foo: [1, 2\nbar: }")),
    good("yaml-tab", config("datasource_list:\n\t- NoCloud")),
    bad("yaml-string", "cloud-init-datasource", config("datasource_list: NoCloud")),
    bad("yaml-none", "cloud-init-datasource", config("datasource_list: [None]")),
    bad(
        "yaml-jinja",
        "cloud-init-datasource",
        config("## template: jinja\n#cloud-config\ndatasource_list: [ NoCloud ]"),
    ),
    good("yaml-multidoc", config("datasource_list: [ NoCloud ]\n---\ndatasource_list: [ OpenStack ]")),
    good("yaml-notcfg", config("datasource_list: [ NoCloud ]", "99-x.yaml")),
    bad("yaml-order", "cloud-init-datasource", config("datasource_list: [ NoCloud ]", "00-x.cfg")),
    good("yaml-none-value", config("datasource_list:")),
    warned("yaml-growpart-off-quoted", "root-grows", config("growpart: {mode: 'off'}")),
    good(
        "yaml-modules-underscore",
        config(
            "cloud_init_modules: [ migrator, growpart, [resizefs, always], set_hostname, users_groups, ssh ]"
        ),
    ),
    good(
        "yaml-modules-freq",
        config("cloud_init_modules:\n - [growpart, always]\n - resizefs\n - users-groups\n - ssh"),
    ),
    good("yaml-unverified", config("unverified_modules: [growpart]")),
    good("confd-link", link(f"{CONFIG}/50-x.cfg", "/nonexistent")),
    good("confd-dir", directory(f"{CONFIG}/50-x.cfg")),
    good("growpart-no-sfdisk", remove("usr/sbin/sfdisk")),
    warned("growpart-no-sfdisk-nor-sgdisk", "root-grows", remove("usr/sbin/sfdisk", "usr/sbin/sgdisk")),
    warned("no-resize2fs", "root-grows", remove("usr/sbin/resize2fs")),
    warned(
        "repart-swaponly",
        "root-grows",
        both(
            remove("usr/bin/growpart"),
            put("etc/repart.d/50-swap.conf", "[Partition]\nType=swap\nSizeMinBytes=64M\n"),
        ),
    ),
)

PRESET = "usr/lib/systemd/system-preset/10-qga.preset"
WANTED = "etc/systemd/system/{}.wants/qemu-guest-agent.service"
THE_UNIT = "/lib/systemd/system/qemu-guest-agent.service"
AGENT = (
    good(
        "preset-firstboot",
        both(
            remove(RULES, "etc/machine-id"),
            change(UNIT, "[Install]", "[Install]\nWantedBy=multi-user.target"),
            put(PRESET, "enable qemu-guest-agent.service\n"),
        ),
    ),
    warned(
        "block-dropin",
        "guest-agent-rpcs",
        started_by("/usr/sbin/qemu-ga --block-rpcs=guest-fsfreeze-freeze,guest-set-user-password"),
    ),
    warned(
        "block-attached",
        "guest-agent-rpcs",
        started_by("/usr/sbin/qemu-ga -bguest-fsfreeze-freeze,guest-set-user-password"),
    ),
    warned(
        "block-sh",
        "guest-agent-rpcs",
        started_by('/bin/sh -c "exec /usr/sbin/qemu-ga -b guest-fsfreeze-freeze"'),
    ),
    warned(
        "block-dropin-continued",
        "guest-agent-rpcs",
        started_by("/usr/sbin/qemu-ga \\\n  --block-rpcs=guest-fsfreeze-freeze"),
    ),
    warned(
        "block-vdrop",
        "guest-agent-rpcs",
        both(
            put("usr/lib/systemd/system/service.d/10-x.conf", "[Service]\nEnvironment=X=1\n"),
            put(
                "etc/systemd/system/qemu-.service.d/x.conf",
                "[Service]\nExecStart=\nExecStart=/usr/sbin/qemu-ga -b guest-fsfreeze-freeze\n",
            ),
        ),
    ),
    bad(
        "conf-otherpath",
        "guest-agent-channel",
        put("etc/qemu/qemu-ga.conf", "[general]\npath=/dev/virtio-ports/com.example.agent\n"),
    ),
    bad("exec-isaserial", "guest-agent-channel", started_by("/usr/sbin/qemu-ga -m isa-serial -p /dev/ttyS1")),
    bad(
        "exec-true",
        "guest-agent-enabled",
        service("Type=oneshot\nRestart=no\nExecStart=\nExecStart=/bin/true"),
    ),
    bad(
        "condition-path",
        "guest-agent-enabled",
        put(DROP_IN, "[Unit]\nConditionPathExists=/etc/enable-agent\n"),
    ),
    good("other-target", both(remove(RULES), link(WANTED.format("getty.target"), THE_UNIT))),
    good("wanted-by-service", both(remove(RULES), link(WANTED.format("ssh.service"), THE_UNIT))),
    good(
        "alias",
        both(
            remove(RULES),
            link("etc/systemd/system/qga.service", THE_UNIT),
            link("etc/systemd/system/multi-user.target.wants/qga.service", "/etc/systemd/system/qga.service"),
        ),
    ),
    good(
        "rclocal",
        both(
            remove(RULES, UNIT),
            put("etc/rc.local", "#!/bin/sh\n/usr/sbin/qemu-ga -d\n", 0o755),
        ),
    ),
    good(
        "localbin",
        both(
            lambda guest: guest.root.move("usr/sbin/qemu-ga", "usr/local/sbin/qemu-ga"),
            change(UNIT, "/usr/sbin/qemu-ga", "/usr/local/sbin/qemu-ga"),
        ),
    ),
    bad("agent-noexec", "guest-agent-enabled", chmod("usr/sbin/qemu-ga", 0o644)),
    bad(
        "udev-rule-other",
        "guest-agent-enabled",
        put("etc/udev/rules.d/60-qemu-guest-agent.rules", "# nothing here\n"),
    ),
    bad(
        "no-udevd",
        "guest-agent-enabled",
        link("etc/systemd/system/systemd-udevd.service", "/dev/null"),
    ),
    bad("bl-conf", "guest-agent-channel", modprobe("blacklist virtio_console")),
    good("bl-noconf", modprobe("blacklist virtio_console", "x")),
    bad("bl-cont", "guest-agent-channel", modprobe("blacklist \\\nvirtio_console")),
    bad("bl-net-install", "virtio-kernel", modprobe("install virtio_net /bin/true")),
    bad(
        "no-moddep",
        "virtio-kernel",
        lambda guest: guest.root.remove(
            *(
                f"lib/modules/{guest.kernel}/modules.{name}"
                for name in ("dep", "dep.bin", "alias", "alias.bin", "symbols", "symbols.bin")
            )
        ),
    ),
    bad("no-modalias", "virtio-kernel", remove("lib/modules/*/modules.alias*")),
    bad(
        "mod-trunc",
        "guest-agent-channel",
        cut("usr/lib/modules/*/kernel/drivers/char/virtio_console.ko*", 100),
    ),
)

NETWORK = "etc/systemd/network/10-x.network"
NO_NETWORK = config("network: {config: disabled}")
FREEZE = "guest-fsfreeze-freeze"
NEIGHBOURS = (
    bad("network-stage-masked", ENABLED, link("etc/systemd/system/cloud-init.service", "/dev/null")),
    good("list-in-json-is-not-seen-by-ds-identify", config('{"datasource_list": ["NoCloud"]}')),
    good(
        "last-list-wins",
        both(config("datasource_list: [NoCloud]", "50-x.cfg"), config("datasource_list: [OpenStack]")),
    ),
    bad("cloud-cfg-invalid", ENABLED, put("etc/cloud/cloud.cfg", "users: [\n")),
    bad("python-gone", ENABLED, remove("usr/bin/python3")),
    bad("program-crlf", ENABLED, change("usr/bin/cloud-init", "\n", "\r\n")),
    bad("yaml-package-gone", ENABLED, remove("usr/lib/python3/dist-packages/yaml")),
    warned("grows-another", "root-grows", config("growpart: {mode: auto, devices: ['/data']}")),
    warned("resize-false", "root-grows", config("resize_rootfs: false")),
    warned("growroot-disabled", "root-grows", put("etc/growroot-disabled")),
    bad("rule-masked", AGENT_OFF, link("etc/udev/rules.d/60-qemu-guest-agent.rules", "/dev/null")),
    bad("virtualization-vmware", AGENT_OFF, put(DROP_IN, "[Unit]\nConditionVirtualization=vmware\n")),
    good("virtualization-vm", put(DROP_IN, "[Unit]\nConditionVirtualization=vm\n")),
    bad("assert-path", AGENT_OFF, put(DROP_IN, "[Unit]\nAssertPathExists=/etc/enable-agent\n")),
    bad("requires-gone", AGENT_OFF, put(DROP_IN, "[Unit]\nRequires=nosuch.service\n")),
    good("wants-gone", put(DROP_IN, "[Unit]\nWants=nosuch.service\nAfter=nosuch.service\n")),
    bad("exec-twice", AGENT_OFF, service("ExecStart=/bin/true")),
    bad("environment-gone", AGENT_OFF, service("EnvironmentFile=/etc/default/nosuch")),
    good("environment-optional", service("EnvironmentFile=-/etc/default/nosuch")),
    good("exec-by-path", started_by("qemu-ga")),
    bad("library-gone", AGENT_OFF, remove("usr/lib/x86_64-linux-gnu/libglib-2.0.so.0*")),
    bad("agent-cut", AGENT_OFF, both(cut("usr/sbin/qemu-ga", 50_000), chmod("usr/sbin/qemu-ga", 0o755))),
    warned(
        "conf-blacklist", "guest-agent-rpcs", put("etc/qemu/qemu-ga.conf", f"[general]\nblacklist={FREEZE}\n")
    ),
    good("conf-other-group", put("etc/qemu/qemu-ga.conf", f"[other]\nblock-rpcs={FREEZE}\n")),
    bad("install-console", CHANNEL, modprobe("install virtio_console /bin/true")),
    good(
        "install-that-loads",
        modprobe("install virtio_console /sbin/modprobe --ignore-install virtio_console"),
    ),
    bad(
        "listed-and-blacklisted",
        CHANNEL,
        both(modprobe("blacklist virtio-console"), put("etc/modules-load.d/x.conf", "virtio_console\n")),
    ),
    bad("network-disabled", "network-default", NO_NETWORK),
    good("network-of-networkd", both(NO_NETWORK, put(NETWORK, "[Match]\nName=e*\n[Network]\nDHCP=yes\n"))),
    bad(
        "network-of-another-name",
        "network-default",
        both(NO_NETWORK, put(NETWORK, "[Match]\nName=eth0\n[Network]\nDHCP=yes\n")),
    ),
    warned(
        "iscsi-name",
        "identity",
        put("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:1\n"),
    ),
    good("iscsi-generated", put("etc/iscsi/initiatorname.iscsi", "GenerateName=yes\n")),
    warned("nvme-host", "identity", put("etc/nvme/hostid", "2cd2c43b-a90a-45c1-a8cd-86b33ab273b5\n")),
    bad("no-loader", "boot-firmware", lambda guest: guest.esp.remove("EFI")),
)


@pytest.fixture(scope="module")
def a_guest(debian_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGuest]:
    """Debian 12, with GRUB and by UEFI."""
    with real_guest(debian_image, tmp_path_factory.mktemp("guest")) as guest:
        yield guest


@pytest.mark.series(1)
def test_the_real_cloud_init_makes_the_same_default_users(a_guest: RealGuest) -> None:
    command = ["chroot", a_guest.root.top, "/usr/bin/python3", "-B", "-c", ASK]
    rows = json.dumps(list(HAS_DEFAULT))
    done = subprocess.run(command, input=rows, capture_output=True, text=True, check=True)
    said = map(json.loads, done.stdout.splitlines())
    assert dict(zip(HAS_DEFAULT, said, strict=True)) == HAS_DEFAULT


@pytest.mark.parametrize("case", [*CLOUD_INIT, *AGENT, *NEIGHBOURS], ids=named)
def test_services(case: Case, a_guest: RealGuest) -> None:
    judge(case, a_guest)
