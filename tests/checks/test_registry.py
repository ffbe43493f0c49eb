from support import facts

from imgtool.checks import registry
from imgtool.checks.check import Check, passed, skipped
from imgtool.errors import ImageUnreadableError
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Judgement, Outcome, Severity


def crash(_: Inspection) -> None:
    raise ZeroDivisionError("in the check")


def test_a_crashed_check_is_an_error_and_the_others_still_run(monkeypatch) -> None:
    checks = (
        Check("crashes", Severity.ERROR, crash),
        Check("runs", Severity.ERROR, lambda _: passed("fine")),
    )
    monkeypatch.setattr(registry, "all_checks", lambda: checks)
    judgement = registry.judge(facts.inspection())
    assert [finding.outcome for finding in judgement.findings] == [Outcome.ERROR, Outcome.PASS]
    assert "ZeroDivisionError" in judgement.findings[0].message
    assert not judgement.passed


def test_a_run_in_which_no_check_ran_is_no_pass(monkeypatch) -> None:
    assert not Judgement("a.raw", ()).passed
    monkeypatch.setattr(
        registry, "all_checks", lambda: (Check("skips", Severity.ERROR, lambda _: skipped("not here")),)
    )
    assert not registry.judge(facts.inspection()).passed


def test_an_image_that_was_refused_fails_with_the_reason() -> None:
    judgement = registry.refused("a.raw", ImageUnreadableError("a.raw: is empty", hint="copy it again"))
    assert not judgement.passed
    assert judgement.findings[0].message == "a.raw: is empty"
    assert judgement.findings[0].remedy == "copy it again"


def test_the_checks_of_the_main_job_are_there() -> None:
    names = {check.name for check in registry.all_checks()}
    assert names >= {
        "image-safe", "image-format", "virtio-kernel", "virtio-initramfs", "initramfs-intact",
        "guest-agent-installed", "guest-agent-enabled", "guest-agent-channel", "boot-firmware",
        "cloud-init-installed", "machine-id", "ssh-host-keys",
    }  # fmt: skip


def test_a_check_is_found_by_its_name() -> None:
    assert registry.find_check("machine-id") in registry.all_checks()
    assert registry.find_check("no-such-check") is None
