"""The verdict on one image: by the checks, by a boot where one is asked for; a refusal is a finding too."""

from collections import Counter
from dataclasses import replace

from imgtool.checks import registry
from imgtool.checks.policy import OPENSTACK, Policy
from imgtool.errors import ImgtoolError
from imgtool.model.boot import BootOptions, BootResult
from imgtool.model.cloud_boot import CloudBoot
from imgtool.model.inspection import Inspection
from imgtool.model.result import ImageResult
from imgtool.model.verdict import Judgement
from imgtool.util import log
from imgtool.util.progress import Progress


def judge_image(
    inspection: Inspection, policy: Policy, progress: Progress, options: BootOptions | None = None
) -> ImageResult:
    """The verdict. With `options` the image is booted too, where nothing stands in the way of that.

    The file that was inspected has to be there still. Raises what `imgtool.boot.run.boot_image` does.
    """
    judgement = registry.judge(inspection, policy)
    if options is not None and registry.allows_boot(judgement):
        inspection = replace(inspection, boots=_boot(inspection, options, progress))
        judgement = registry.judge(inspection, policy)
    progress.stage("check", _verdict(judgement))
    _log(judgement)
    return ImageResult(judgement, inspection)


def _boot(inspection: Inspection, options: BootOptions, progress: Progress) -> tuple[BootResult, ...]:
    from imgtool.boot.run import boot_image  # noqa: PLC0415 - loaded only where it is needed

    return boot_image(inspection, options, progress)


def with_cloud_boots(result: ImageResult, boots: tuple[CloudBoot, ...], policy: Policy) -> ImageResult:
    """The result, judged once more where servers were started from the image."""
    if not boots or result.inspection is None:
        return result
    inspection = replace(result.inspection, cloud_boots=boots)
    judgement = registry.judge(inspection, policy)
    _log(judgement)
    if result.judgement is not None:  # a finding that says how it was repaired goes on to say so
        before = {(one.check, one.outcome): one for one in result.judgement.findings}
        told = tuple(before.get((one.check, one.outcome), one) for one in judgement.findings)
        judgement = replace(judgement, findings=told)
    return replace(result, judgement=judgement, inspection=inspection, cloud_boots=boots)


def refusal(source: str, error: ImgtoolError, policy: Policy = OPENSTACK) -> ImageResult:
    """The result of an image that the gate refused with `error`: a failed finding, for reports."""
    return ImageResult(registry.refused(source, error, policy))


def _verdict(judgement: Judgement) -> str:
    failing = [finding.check for finding in judgement.findings if finding.fails_image]
    count = len(judgement.findings)
    return f"{count} checks: {'failed: ' + ', '.join(failing) if failing else 'fit for OpenStack'}"


def _log(judgement: Judgement) -> None:
    """How many checks found what; each that did not pass as a detail."""
    counts = Counter(finding.outcome.value for finding in judgement.findings)
    shown = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    verdict = "passed" if judgement.passed else "failed"
    log.info(__name__, f"{verdict} by policy {judgement.policy}: {shown}", verdict=verdict, **counts)
    for finding in judgement.findings:
        log.debug(
            __name__,
            f"{finding.check}: {finding.outcome.value}: {finding.message}",
            check=finding.check,
            outcome=finding.outcome.value,
            severity=finding.severity.value,
        )
