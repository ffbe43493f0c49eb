"""What is planned for the findings of made facts."""

import pytest
from support import facts

from imgtool.checks import registry
from imgtool.fix.plan import make_plan
from imgtool.fix.repairs import REPAIRS
from imgtool.model.facts import Known, Unknown
from imgtool.model.fix import FixPlan
from imgtool.model.inspection import Inspection
from imgtool.model.layout import Firmware


def planned(inspection: Inspection, only: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> FixPlan:
    return make_plan(registry.judge(inspection), inspection.guest, only, skip)


def with_linux(**changed: object) -> Inspection:
    return facts.inspection(facts.linux(**changed))


def test_a_good_image_has_nothing_to_repair() -> None:
    assert planned(facts.inspection()) == FixPlan(())


UNCLEAR = facts.with_agent(enabled=Unknown("the unit cannot be read"))


def test_what_cannot_be_judged_is_left_and_not_taken_for_good() -> None:
    plan = planned(UNCLEAR)
    assert list(plan.left) == ["guest-agent-enabled"]
    assert plan.left["guest-agent-enabled"].startswith("cannot be judged: ")
    assert plan.problem == "there is no repair for guest-agent-enabled"
    assert planned(UNCLEAR, skip=("guest-agent-enabled",)) == FixPlan((), skipped=("guest-agent-enabled",))


def test_what_cannot_be_judged_may_come_to_light_by_another_repair() -> None:
    unclear = facts.agent(enabled=Unknown("the unit cannot be read"))
    plan = planned(with_linux(agent=unclear, machine_id=Known("set", "/etc/machine-id")))
    assert (plan.wanted, plan.problem) == (("machine-id",), None)


def test_each_repair_is_of_a_check_that_there_is() -> None:
    assert set(REPAIRS) <= {one.name for one in registry.all_checks()}


def test_one_repair_may_serve_several_checks_and_is_done_once() -> None:
    spoiled = facts.with_initramfs(
        modules=facts.states(virtio_blk="missing", virtio_scsi="missing"), host_only=True
    )
    (repair,) = planned(spoiled).repairs
    assert repair.checks == ("virtio-initramfs", "initramfs-generic")


BOTH = with_linux(
    machine_id=Known("set", "/etc/machine-id"),
    ssh_host_keys=Known(("/etc/ssh/ssh_host_rsa_key",), "/etc/ssh"),
)


def test_the_operator_chooses() -> None:
    assert planned(BOTH).wanted == ("machine-id", "ssh-host-keys")
    assert planned(BOTH, only=("machine-id",)).wanted == ("machine-id",)
    without = planned(BOTH, skip=("machine-id",))
    assert (without.wanted, without.skipped) == (("ssh-host-keys",), ("machine-id",))


def test_a_word_of_the_command_line_is_taken_out_where_it_is_clear_which() -> None:
    line = "root=UUID=1 systemd.machine_id=1"
    evidence = "kernel command line: systemd.machine_id=1"
    found = with_linux(machine_id=Known("set", evidence), command_line=Known(line, "grub.cfg"))
    (repair,) = planned(found, only=("machine-id",)).repairs
    assert repair.title == "take systemd.machine_id=1 off the kernel's command line"
    other = with_linux(machine_id=Known("set", evidence), command_line=Known("quiet", "grub.cfg"))
    plan = planned(other, only=("machine-id",))
    assert plan.repairs == ()
    assert "command line" in plan.left["machine-id"]


def test_a_loader_that_uefi_does_not_find_is_put_where_it_does() -> None:
    lost = Firmware(bios=False, uefi=False, uefi_problem="no EFI/BOOT/BOOTX64.EFI")
    (repair,) = planned(facts.inspection(guest=facts.guest(firmware=Known(lost, "seen")))).repairs
    assert set(repair.checks) == {"boot-firmware", "uefi-fallback"}


@pytest.mark.parametrize(
    ("evidence", "labelled"),
    [
        ("/etc/selinux/config: SELINUX=enforcing, policy targeted", True),
        ("/etc/selinux/config: SELINUX=permissive", True),
        ("/etc/selinux/config: SELINUX=disabled", False),
        ("SELinux is not set up: no SELINUX= in /etc/selinux/config", False),
    ],
)
def test_what_is_written_is_labelled_last_where_selinux_is_on(evidence: str, labelled: bool) -> None:
    found = with_linux(
        machine_id=Known("set", "/etc/machine-id"), user_space=facts.user_space(selinux=Known((), evidence))
    )
    assert planned(found).wanted == ("machine-id", "selinux-labels")[: 1 + labelled]
    assert planned(found, skip=("selinux-labels",)).wanted == ("machine-id",)
    nothing = with_linux(user_space=facts.user_space(selinux=Known((), evidence)))
    assert planned(nothing).repairs == ()


def test_an_error_without_a_repair_is_said_and_a_warning_only_where_it_was_asked_for() -> None:
    spoiled = facts.inspection(guest=facts.guest(firmware=Known(Firmware(bios=False, uefi=False), "seen")))
    assert "no repair" in planned(spoiled).left["boot-firmware"]
    warned = with_linux(root_is_last=Known(value=False, evidence="partition 3 stands behind it"))
    assert planned(warned).left == {}
    assert "root-grows" in planned(warned, only=("root-grows",)).left


def test_what_takes_a_package_is_repaired_where_packages_are_handed_over() -> None:
    spoiled = facts.with_agent(installed=Known(value=False, evidence="dpkg: not installed"))
    assert "--package FILE" in planned(spoiled).left["guest-agent-installed"]
    plan = make_plan(registry.judge(spoiled), spoiled.guest, packages=True)
    assert (plan.left, plan.wanted) == ({}, ("guest-agent-installed",))
    assert "systemctl enable qemu-guest-agent" in plan.repairs[0].script
    assert (
        make_plan(registry.judge(facts.inspection()), facts.inspection().guest, packages=True).repairs == ()
    )


@pytest.mark.parametrize("name", ["/etc/x\nrm -rf /", "/etc/\x00"])
def test_a_name_that_no_shell_takes_is_in_no_script(name: str) -> None:
    plan = planned(with_linux(pinned_macs=Known((name,), "seen")))
    assert plan.repairs == ()
    assert "mac-unpinned" in plan.left


def test_host_keys_go_wherever_they_were_found() -> None:
    key = "/etc/dropbear/dropbear_rsa_host_key"
    (repair,) = planned(with_linux(ssh_host_keys=Known((key,), "x"))).repairs
    assert f"rm -f -- {key}" in repair.script
    configured = Known(("/etc/cloud/cloud.cfg: ssh_keys of cloud-init's configuration",), "x")
    assert "has to take out" in planned(with_linux(ssh_host_keys=configured)).left["ssh-host-keys"]


@pytest.mark.parametrize(
    ("evidence", "does"),
    [("/etc/shadow is immutable (chattr), so that ...", "chattr -ia"), ("it is masked", "systemctl unmask")],
)
def test_what_keeps_cloud_init_from_its_work_is_taken_away(evidence: str, does: str) -> None:
    spoiled = with_linux(cloud_init=facts.cloud_init(enabled=Known(value=False, evidence=evidence)))
    (repair,) = planned(spoiled).repairs
    assert does in repair.script


def test_a_name_is_quoted() -> None:
    (repair,) = planned(with_linux(pinned_macs=Known(("/etc/a b$(reboot)",), "seen"))).repairs
    assert "'/etc/a b$(reboot)'" in repair.script


def test_an_account_of_a_person_is_not_decided_about() -> None:
    plan = planned(
        with_linux(secrets=Known(("/etc/shadow: password hash of ann",), "seen")), only=("secrets",)
    )
    assert plan.repairs == ()
    assert "ann" in plan.left["secrets"]


def test_windows_does_not_repair_itself() -> None:
    drivers = facts.windows_drivers(viostor=None)
    assert planned(facts.windows_inspection(drivers=drivers)).repairs == ()
