"""What the serial logs of real boots are taken for; and of logs that mean harm, that nothing comes of it."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stories import HOSTILE

from imgtool.boot.diagnosis.diagnose import EVIDENCE_LINES, cloud_init_of, diagnose, login_prompt, stages_of
from imgtool.boot.diagnosis.rules import FAILURES
from imgtool.boot.diagnosis.stages import MAX_CHARACTERS, MAX_LINE_CHARACTERS, plain_lines
from imgtool.model.boot import STAGES, CloudInitRun, Diagnosis, Stage
from imgtool.model.facts import Known, Unknown
from imgtool.util.text import printable

LOGS = Path(__file__).parent / "logs"
STAMP = re.compile(r"\[ *(?P<seconds>[0-9.]+)\] (?P<text>.*)")


def recorded(name: str) -> list[tuple[float, str]]:
    lines = (LOGS / f"{name}.txt").read_bytes().decode().split("\n")
    stamped = [match for line in lines if (match := STAMP.fullmatch(line))]
    return [(float(match["seconds"]), match["text"]) for match in stamped]


def log(name: str) -> str:
    return "\n".join(text for _, text in recorded(name))


def ended(name: str) -> Diagnosis:
    found = diagnose(log(name), answered=False, timed_out=True)
    assert found is not None
    return found


FINAL: list[tuple[str, Stage, str, str]] = [
    ("empty-disk-bios", "firmware", "BIOS finds nothing to start", "--target=i386-pc"),
    ("empty-disk-uefi", "firmware", "UEFI finds no loader", "--removable"),
    ("no-fallback-loader", "firmware", "UEFI finds no loader", "--removable"),
    (
        "shim-refused",
        "boot-loader",
        "Secure Boot: shim refuses the boot loader",
        "signed shim, GRUB and kernel",
    ),
    ("kernel-refused", "boot-loader", "Secure Boot: GRUB does not start the kernel", "signed shim"),
    ("loader-gave-up", "boot-loader", "handed back to UEFI", "--removable"),
    ("grub-rescue", "boot-loader", "rescue mode", "grub-install"),
    ("grub-prompt", "boot-loader", "looks for the file system cce467b5-4a76-5ab4-9b5f-42e194685952", "grub-"),
    ("no-kernel", "boot-loader", "no kernel: /boot/vmlinuz-6.1.0-56-cloud-amd64", "kernel package"),
    ("int3", "kernel", "QEMU's emulation of several CPUs went wrong", "--cpus 1"),
    ("no-initramfs", "initramfs", "mount the root file system on unknown-block(0,0)", "update-initramfs"),
    (
        "initramfs-truncated",
        "initramfs",
        "unpack the initramfs: ZSTD-compressed data is trunc",
        "update-init",
    ),
    ("initramfs-without-virtio", "initramfs", "sees no disk at all", "virtio_blk"),
    ("wrong-root", "initramfs", "(UUID=11111111-2222-4333-8444-555555555555) is not on it", "root="),
    ("emergency", "user-space", "device /dev/disk/by-uuid/DEAD-BEEF, which /etc/fstab or", "nofail"),
]


@pytest.mark.parametrize(("name", "stage", "cause", "remedy"), FINAL, ids=[row[0] for row in FINAL])
def test_a_boot_that_stopped_for_good_is_known_before_its_time_is_over(
    name: str, stage: Stage, cause: str, remedy: str
) -> None:
    found = diagnose(log(name), answered=False, timed_out=False)
    assert found is not None
    assert found == ended(name)
    assert found.stage == stage
    assert cause in found.cause
    assert remedy in found.remedy
    assert 0 < len(found.evidence) <= EVIDENCE_LINES


WAITING: list[tuple[str, Stage, str, str]] = [
    ("no-boot-code-bios", "firmware", "no boot loader came up", "grub-install"),
    ("grub-menu", "boot-loader", "waits at its menu", "GRUB_TIMEOUT=1"),
    ("no-console", "kernel", "no serial console", "console=ttyS0"),
    ("dracut-wrong-root", "initramfs", "/11111111-2222-4333-8444-555555555555) is not on it", "root="),
    ("agent-masked", "agent", "qemu-guest-agent does not answer", "systemctl unmask"),
    ("slow-bios", "user-space", "still starting its services", "--timeout"),
]


@pytest.mark.parametrize(("name", "stage", "cause", "remedy"), WAITING, ids=[row[0] for row in WAITING])
def test_where_it_may_still_go_on_only_the_end_of_its_time_tells(
    name: str, stage: Stage, cause: str, remedy: str
) -> None:
    assert diagnose(log(name), answered=False, timed_out=False) is None
    found = ended(name)
    assert found.stage == stage
    assert cause in found.cause
    assert remedy in found.remedy


def test_every_log_that_is_kept_is_looked_at() -> None:
    assert {path.stem for path in LOGS.glob("*.txt")} == {row[0] for row in (*FINAL, *WAITING)} | {"good"}


def test_nothing_is_said_of_a_boot_whose_agent_answered() -> None:
    assert diagnose(log("wrong-root"), answered=True, timed_out=True) is None


def test_silence_is_told_as_silence() -> None:
    found = diagnose("\r\n\x1b[2J", answered=False, timed_out=True)
    assert found is not None
    assert (found.stage, found.evidence) == ("firmware", ())
    assert "nothing on the serial console" in found.cause


def test_a_panic_ends_user_space_too() -> None:
    panic = "[   92.078499] Kernel panic - not syncing: Fatal exception in interrupt"
    found = diagnose(f"{log('slow-bios')}\n{panic}\n", answered=False, timed_out=False)
    assert found is not None
    assert found.stage == "user-space"
    assert found.cause == "the kernel panics: Fatal exception in interrupt"
    assert found.evidence[0] == panic


def test_a_menu_of_systemd_boot_with_no_system_in_it() -> None:
    starts = 'BdsDxe: starting Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x1,0x0)/Pci(0x0,0x0)'
    setup = "\x1b[04;05H    Reboot Into Firmware Interface    \x1b[09;05H   Boot in 5 s.   "
    again = 'BdsDxe: starting Boot0000 "UiApp" from Fv(7CB8BDC9)/FvFile(462CAA21)\nDevice Manager'
    found = diagnose(f"{starts}\n{setup}\n{again}", answered=False, timed_out=True)
    assert found is not None
    assert (found.stage, "no system" in found.cause) == ("boot-loader", True)
    for countdown, stage, cause in (
        ("", "boot-loader", "waits at its menu"),
        ("Boot in 1 s.", "kernel", "the kernel hangs"),
    ):
        menu = f"{starts}\n\x1b[03;05H  Debian  \x1b[04;05H  Reboot Into Firmware Interface\n{countdown}"
        other = diagnose(menu, answered=False, timed_out=True)
        assert other is not None
        assert (other.stage, cause in other.cause) == (stage, True)


@pytest.mark.parametrize(
    ("said", "stage", "cause"),
    [
        ("boot:boot:", "boot-loader", "waits at its prompt for somebody"),
        ("boot: ", "boot-loader", "waits at its prompt for somebody"),
        (
            "Loading nosuch...Loading nosuch...  failed:failed:  No such file or directory\nboot:boot:",
            "boot-loader",
            "cannot load nosuch, and waits",
        ),
        ("Loading /boot/vmlinuz... ok\nLoading /boot/initrd.img...ok", "kernel", "the kernel hangs"),
        ("No DEFAULT or UI configuration directive found!\nboot:boot:", "boot-loader", "no configuration"),
        ("Failed to load ldlinux.c32\nBoot failed: please change disks", "boot-loader", "ldlinux.c32"),
    ],
)
def test_where_syslinux_stands(said: str, stage: str, cause: str) -> None:
    banner = "SYSLINUX 6.04 EDD 20210613 Copyright (C) 1994-2015 H. Peter Anvin et al"
    log = f"Booting from Hard Disk...\n\n{banner}\n\n{banner}\n{said}\n"
    found = diagnose(log, answered=False, timed_out=True)
    assert found is not None
    assert (found.stage, cause in found.cause) == (stage, True), found


def test_a_shell_in_place_of_an_init_is_the_end() -> None:
    shell = "/bin/sh: 0: can't access tty; job control turned off"
    handed_over = f"Begin: Running /scripts/init-bottom ... done.\n{shell}\n# "
    found = diagnose(handed_over, answered=False, timed_out=False)
    assert found is not None
    assert (found.stage, found.evidence[0]) == ("user-space", shell)
    assert "init=" in found.remedy
    rescue = "/bin/sh: can't access tty; job control turned off\n(initramfs) "
    assert diagnose(rescue, answered=False, timed_out=False) != found


@pytest.mark.parametrize("name", ["grub-prompt", "wrong-root", "no-initramfs"])
def test_what_a_boot_went_past_is_no_cause(name: str) -> None:
    """The next entry of the menu started, the second try found the root."""
    later = f"{log(name)}\n[    1.000000] Run /sbin/init as init process\n"
    assert diagnose(later, answered=False, timed_out=False) is None


def test_a_login_prompt_is_one_though_the_kernel_goes_on_in_its_line() -> None:
    assert login_prompt(log("agent-masked"))
    assert login_prompt("localhost login: [   30.1] cloud-init[512]: Cloud-init v. 22.4.2 running")
    assert not login_prompt(log("slow-bios"))
    assert not login_prompt("Last login: Mon Nov 23")


@pytest.mark.parametrize("name", ["good", "agent-masked", "slow-bios"])
def test_a_boot_that_comes_up_goes_through_every_stage(name: str) -> None:
    found = stages_of(recorded(name))
    assert [one.stage for one in found] == [stage for stage in STAGES if stage != "agent"]
    assert [one.seconds for one in found] == sorted(one.seconds for one in found)


REACHED = {
    "empty-disk-bios": ["firmware"],
    "no-fallback-loader": ["firmware"],
    "no-kernel": ["firmware", "boot-loader"],
    "no-initramfs": ["firmware", "boot-loader", "kernel"],
    "wrong-root": ["firmware", "boot-loader", "kernel", "initramfs"],
}


@pytest.mark.parametrize(("name", "stages"), REACHED.items())
def test_a_stage_that_was_not_reached_has_no_time(name: str, stages: list[Stage]) -> None:
    assert [one.stage for one in stages_of(recorded(name))] == stages


def test_a_machine_that_starts_again_keeps_the_times_of_its_first_start() -> None:
    lines = recorded("wrong-root")
    again = [(seconds + 100, text) for seconds, text in lines]
    assert stages_of([*lines, *again]) == stages_of(lines)


RUNNING = (
    "[   22.5] cloud-init[412]: Cloud-init v. 22.4.2 running 'init' at Mon, 23 Nov 2026. Up 22.49 seconds."
)
FINISHED = (
    "cloud-init[499]: Cloud-init v. 22.4.2 finished at Mon, 23 Nov 2026. "
    "Datasource DataSourceConfigDrive [net,ver=2][source=/dev/sr0].  Up 31.00 seconds"
)


def test_cloud_init_says_that_it_runs_then_that_it_finished_and_with_what() -> None:
    assert isinstance(cloud_init_of(log("no-kernel")), Unknown)
    running, finished = cloud_init_of(RUNNING), cloud_init_of(f"{RUNNING}\r\n{FINISHED}\r\n")
    assert isinstance(running, Known)
    assert running.value == CloudInitRun(done=False, datasource=None)
    assert isinstance(finished, Known)
    assert finished.value == CloudInitRun(done=True, datasource="DataSourceConfigDrive")
    assert finished.evidence == FINISHED


def test_escape_sequences_draw_nothing() -> None:
    drawn = "\x1b[2J\x1b[01;01H\x1b[0;1;31m TIME \x1b[0m\x1b]0;owned\x07 out\x1b[3;1Hnext\tline\x1bc"
    assert plain_lines(drawn) == ["TIME  out", "next line"]


def test_what_is_said_of_a_log_that_means_harm_is_printable() -> None:
    found = diagnose(
        f"error: no such device: abc\n{HOSTILE}\ngrub> {HOSTILE}", answered=False, timed_out=True
    )
    assert found is not None
    assert all(printable(text) == text for text in (found.cause, found.remedy, *found.evidence))


def test_a_log_without_end_is_read_at_its_two_ends() -> None:
    lines = plain_lines(f"first line\n{'x ab' * MAX_CHARACTERS}\nKernel panic - not syncing: here")
    assert (lines[0], lines[-1]) == ("first line", "Kernel panic - not syncing: here")
    assert max(map(len, lines)) <= MAX_LINE_CHARACTERS


WORDS = st.sampled_from(
    [rule.mark.pattern for rule in FAILURES]
    + [
        "\x1b[",
        "\x1b]",
        "\r\n",
        "login: ",
        "Linux version 6",
        "error: file `",
        "' not found",
        "GNU GRUB  version",
    ]
)


@settings(max_examples=200)
@given(st.lists(st.one_of(WORDS, st.text(max_size=20)), max_size=40))
def test_whatever_a_guest_writes_something_printable_is_said(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = diagnose(text, answered=False, timed_out=True)
    assert found is not None
    assert all(printable(one) == one for one in (found.cause, found.remedy, *found.evidence))
    early = diagnose(text, answered=False, timed_out=False)
    assert early is None or early == found
    stages_of([(0.0, text)])
    cloud_init_of(text)


DRACUT = """\
[    2.1] virtio_blk virtio1: [vda] 4194304 512-byte logical blocks (2.15 GB/2.00 GiB)
[    2.9] Run /init as init process
[  191.4] dracut-initqueue[412]: Warning: dracut-initqueue: timeout, still waiting for following hooks:
[  192.0] dracut-initqueue[412]: Warning: /lib/dracut/hooks/initqueue/finished/devexists-x.sh: "[ -e "x" ]"
"""
ITS_END = """\
Warning: /dev/disk/by-uuid/0000-1111 does not exist
Generating "/run/initramfs/rdsosreport.txt"
Entering emergency mode. Exit the shell to continue.
"""


def test_dracut_s_warnings_are_not_the_end_but_its_emergency_shell_is() -> None:
    """In the words of dracut's own scripts: not recorded, for it takes three minutes."""
    assert diagnose(DRACUT, answered=False, timed_out=False) is None
    found = diagnose(DRACUT + ITS_END, answered=False, timed_out=False)
    assert found is not None
    assert found.stage == "initramfs"
    assert "(/dev/disk/by-uuid/0000-1111) is not on it" in found.cause


UUID = "11111111-2222-4333-8444-555555555555"
BY_UUID = f"/dev/disk/by-uuid/{UUID}"
IN_INITRD = "[    2.0] Run /init as init process\n[    2.1] systemd[1]: Running in initrd.\n"
IN_SYSTEM = f"{IN_INITRD}[    4.0] Run /sbin/init as init process\n"
EXPECTING = f"         Expecting device {BY_UUID}...\n"
TIMED_OUT = f"[ TIME ] Timed out waiting for device {BY_UUID}.\n"
JOB = "[  *** ] A start job is running for Raise network interfaces (1min 2s / 5min)\n"


@pytest.mark.parametrize(
    ("said", "later"),
    [
        (EXPECTING, f"[  OK  ] Found device {BY_UUID}.\n"),
        (EXPECTING, "[  OK  ] Found device VIRTIO_DISK 1.\n"),
        (EXPECTING, "[    2.5] EXT4-fs (vda1): mounted filesystem with ordered data mode.\n"),
        (EXPECTING, "[  OK  ] Mounted sysroot.mount - /sysroot.\n"),
        ("[   60.0] dracut-initqueue[300]: Warning: dracut-initqueue: timeout, still waiting\n",
         "[  OK  ] Reached target Initrd Root Device.\n"),
        (TIMED_OUT, f"[  OK  ] Found device {BY_UUID}.\n"),
        ("[FAILED] Failed to mount /srv.\n", "[  OK  ] Mounted /srv.\n"),
        (JOB, "[  OK  ] Started Raise network interfaces.\n"),
        (JOB, "[  OK  ] Finished Raise network interfaces.\n"),
    ],
)  # fmt: skip
def test_a_later_line_takes_back_what_was_said(said: str, later: str) -> None:
    before = IN_SYSTEM if "Timed out" in said or "start job" in said or "mount" in said else IN_INITRD
    alone, after = (diagnose(before + text, answered=False, timed_out=True) for text in (said, said + later))
    assert alone is not None
    assert after is not None
    assert alone.cause != after.cause
    assert "not on it" not in after.cause
    assert "in vain" not in after.cause
    assert diagnose(before + later + said, answered=False, timed_out=True) == alone


def test_another_device_takes_nothing_back() -> None:
    other = "[  OK  ] Found device /dev/disk/by-label/other.\n"
    found = diagnose(f"{IN_SYSTEM}{TIMED_OUT}{other}", answered=False, timed_out=True)
    assert found is not None
    assert BY_UUID in found.cause


@pytest.mark.parametrize(
    "device",
    ["dev-ttyS0.device - /dev/ttyS0", "/dev/ttyS0", "/dev/hvc0", "dev-hvc0.device", "/dev/ttyAMA0",
     "dev-virtio\\x2dports-org.qemu.guest_agent.0.device - /dev/virtio-ports/org.qemu.guest_agent.0"],
)  # fmt: skip
def test_a_console_that_does_not_come_is_no_line_of_fstab(device: str) -> None:
    said = f"[ TIME ] Timed out waiting for device {device}.\n"
    found = diagnose(IN_SYSTEM + said, answered=False, timed_out=True)
    assert found is not None
    assert "fstab" not in found.cause
    assert "still starting its services" in found.cause


def test_a_log_that_waits_without_end_is_read_in_time() -> None:
    lines = "".join(
        f"Expecting device /dev/x{number}...\n[  OK  ] Found device /dev/y\n" for number in range(20_000)
    )
    began = time.process_time()
    assert diagnose(IN_INITRD + lines, answered=False, timed_out=True) is not None
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "timed"),
    [
        (IN_SYSTEM + TIMED_OUT, True),
        (IN_SYSTEM + TIMED_OUT + "You are in emergency mode. After logging in\n", True),
        (IN_INITRD + EXPECTING, True),
        (IN_INITRD + "ALERT!  UUID=0000 does not exist.  Dropping to a shell!\n", True),
        (IN_SYSTEM, True),
        (IN_SYSTEM + "Kernel panic - not syncing: Attempted to kill init!\n", False),
        (IN_SYSTEM + "You are in emergency mode. After logging in\n", False),
        ("No bootable device.\n", False),
        ("error: file `/vmlinuz' not found.\n", False),
    ],
)
def test_whose_patience_ended(text: str, timed: bool) -> None:
    found = diagnose(text, answered=False, timed_out=True)
    assert found is not None
    assert found.timed is timed
