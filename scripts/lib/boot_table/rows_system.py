# ruff: noqa: E501 - the rows of the table are easier to compare in one line
"""Behind the initramfs: init, the default target, fstab, cloud-init, the guest agent. By GRUB and BIOS."""

from support.guest_cases import both, chmod, link, options, put, remove

from boot_table.changes import GONE, WAITS_SECONDS
from boot_table.model import GuestChange, Row

UNIT = "lib/systemd/system/qemu-guest-agent.service"
DROP_IN = "etc/systemd/system/qemu-guest-agent.service.d/x.conf"
DEFAULT = "etc/systemd/system/default.target"
SYSTEM_UNITS = "/lib/systemd/system"


def _row(name: str, end: str, change: GuestChange, **more: object) -> Row:
    return Row(name, "grub-bios", end, change, **more)  # type: ignore[arg-type]  # fields of Row


def _fstab(line: str) -> GuestChange:
    return lambda guest: guest.root.append("etc/fstab", f"{line}\n")


def _agent_started_by(command: str) -> GuestChange:
    changed: GuestChange = put(DROP_IN, f"[Service]\nExecStart=\nExecStart={command}\n")
    return changed


def _modprobe(text: str) -> GuestChange:
    changed: GuestChange = put("etc/modprobe.d/x.conf", f"{text}\n")
    return changed


NO_AGENT = remove(UNIT, "usr/sbin/qemu-ga", "lib/udev/rules.d/60-qemu-guest-agent.rules")
BLOCKED = "/usr/sbin/qemu-ga --block-rpcs=guest-fsfreeze-freeze,guest-set-user-password"
SYSTEM = (
    # ------------------------------------------------------------ init
    _row("init=/bin/sh", "init", options("init=/bin/sh"), patience_seconds=WAITS_SECONDS),
    _row("init= that is not there", "up", options("init=/nosuch")),
    _row("no /sbin/init", "init", remove("sbin/init"), patience_seconds=WAITS_SECONDS),
    _row("init cannot be executed", "init", chmod("usr/lib/systemd/systemd", 0o644)),
    _row("init lacks a library", "init", remove("usr/lib/x86_64-linux-gnu/libseccomp.so.2*")),
    # ------------------------------------------------------------ target
    _row("systemd.unit=rescue.target", "cloud-init", options("systemd.unit=rescue.target")),
    _row("emergency", "target", options("emergency")),
    _row("the default target is not there", "cloud-init", link(DEFAULT, f"{SYSTEM_UNITS}/nosuch.target")),
    _row("the default target is rescue", "cloud-init", link(DEFAULT, f"{SYSTEM_UNITS}/rescue.target")),
    _row("the default target powers off", "target", link(DEFAULT, f"{SYSTEM_UNITS}/poweroff.target")),
    _row("fstab names a device that is not there", "target", _fstab(f"UUID={GONE} /data ext4 defaults 0 2")),
    _row("fstab names one, with nofail", "up", _fstab(f"UUID={GONE} /data ext4 nofail 0 2")),
    _row("fstab has the wrong type", "target", _fstab("LABEL=ESP /efi2 ext4 defaults 0 0")),
    # ------------------------------------------------------------ cloud-init
    _row("cloud-init=disabled", "cloud-init", options("cloud-init=disabled")),
    _row("cloud-init's target is masked", "cloud-init", link("etc/systemd/system/cloud-init.target", "/dev/null")),
    # ------------------------------------------------------------ agent
    _row("the agent is masked", "agent", link("etc/systemd/system/qemu-guest-agent.service", "/dev/null"), cause="does not answer", quick=True),
    _row("the agent is masked by the kernel's line", "agent", options("systemd.mask=qemu-guest-agent.service")),
    _row("no agent", "agent", NO_AGENT, cause="does not answer"),
    _row("the agent's program is gone", "agent", remove("usr/sbin/qemu-ga")),
    _row("the agent's program cannot be executed", "agent", chmod("usr/sbin/qemu-ga", 0o644)),
    _row("the agent lacks a library", "agent", remove("usr/lib/x86_64-linux-gnu/libglib-2.0.so.0*")),
    _row("the agent has another channel", "agent", put("etc/qemu/qemu-ga.conf", "[general]\npath=/dev/virtio-ports/com.example.agent\n")),
    _row("udev's rule for the agent is masked", "agent", link("etc/udev/rules.d/60-qemu-guest-agent.rules", "/dev/null")),
    _row("virtio_console is blacklisted", "agent", _modprobe("blacklist virtio_console")),
    _row("the unit has a condition", "agent", put(DROP_IN, "[Unit]\nConditionPathExists=/etc/enable-agent\n")),
    _row("commands of the agent are blocked", "up", _agent_started_by(BLOCKED)),
    _row("the agent is wanted by getty.target", "up", both(
        remove("lib/udev/rules.d/60-qemu-guest-agent.rules"),
        link("etc/systemd/system/getty.target.wants/qemu-guest-agent.service", f"/{UNIT}"),
    )),
)  # fmt: skip
