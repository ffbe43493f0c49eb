"""What happens to an image on its way to Glance, as far as no machine is started for it."""

from support import facts

from imgtool.checks import registry
from imgtool.fix.on_the_way import OnTheWay, repairing
from imgtool.model.boot import BootOptions
from imgtool.model.facts import Known
from imgtool.model.fix import FixOptions
from imgtool.model.image import DiskImage
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult
from imgtool.util.progress import NullProgress

BOOT = BootOptions(timeout_seconds=7)
MASKED = facts.with_agent(enabled=Known(value=False, evidence="masked"))
NO_AGENT = facts.with_agent(installed=Known(value=False, evidence="dpkg: not installed"))


def on_the_way(
    inspection: Inspection, boot: BootOptions | None = None, *, dry_run: bool
) -> tuple[ImageResult, list[BootOptions | None]]:
    """The result, and how it was judged again."""
    again: list[BootOptions | None] = []

    def judge(_image: DiskImage, how: BootOptions | None) -> ImageResult:
        again.append(how)
        return ImageResult(registry.judge(inspection), inspection)

    before = ImageResult(registry.judge(inspection), inspection)
    repair = OnTheWay(FixOptions(), boot)
    with repair(before, judge, NullProgress(), dry_run=dry_run) as result:
        return result, again


def test_a_plan_is_fit_where_it_repairs_all_that_fails() -> None:
    result, again = on_the_way(MASKED, dry_run=True)
    assert result.judgement is not None
    assert not result.judgement.passed
    assert result.fit
    assert result.fix is not None
    assert result.fix.is_plan
    told = [one.message for one in result.judgement.findings if one.check == "guest-agent-enabled"]
    assert "would be repaired: enable qemu-guest-agent" in told[0]
    assert again == []


def test_what_has_no_repair_is_said_with_what_can_be_done() -> None:
    result, _ = on_the_way(NO_AGENT, dry_run=False)
    assert not result.fit
    assert result.fix is not None
    assert result.fix.problem is not None
    assert "guest-agent-installed: --ignore" in result.fix.problem
    assert result.fix.run is None


def test_what_needs_no_repair_is_booted_only_where_that_was_asked_for() -> None:
    result, again = on_the_way(facts.inspection(), dry_run=False)
    assert (result.fit, again) == (True, [])
    result, again = on_the_way(facts.inspection(), BOOT, dry_run=False)
    assert (result.fit, again) == (True, [BOOT])
    assert result.fix is not None


def test_without_options_nothing_is_repaired() -> None:
    assert repairing(None, BOOT, boots_in_cloud=False) is None
    assert repairing(FixOptions(), None, boots_in_cloud=True) == OnTheWay(
        FixOptions(), None, boots_in_cloud=True
    )
