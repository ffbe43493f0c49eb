"""`imgtool batch MANIFEST --check-only`: all images judged, and one table of what they are and need.

For many images that somebody has exported: nothing is converted or sent, no cloud is asked, and no journal is
written. The exit status, the JSON and the reports are those of `imgtool check`.
"""

from collections.abc import Sequence
from pathlib import Path

from imgtool.batch.task import hashes_of
from imgtool.cli import console, judging, reports, side_by_side
from imgtool.cli.bars import When, watch
from imgtool.cli.baselines import Judged
from imgtool.cli.batch_bars import counted
from imgtool.errors import UsageError, VerificationError
from imgtool.fetch.urls import Url, check_url, is_url
from imgtool.model.batch import BatchPlan, Task
from imgtool.model.result import ImageResult
from imgtool.pipeline.judge import refusal
from imgtool.policy.load import load_policy
from imgtool.report.as_text.triage import triage


def run(
    plan: BatchPlan,
    jobs: int | None,
    wanted: Sequence[reports.ReportRequest],
    output: str,
    when: When,
) -> int:
    """Judge each image by the policy that the manifest names for it; the exit status of `imgtool check`."""
    reports.check_paths(wanted)
    policies = {name: load_policy(name) for name in {task.policy for task in plan.tasks}}
    quiet = watch("never")
    with_map, with_bill = reports.need_disk_map(wanted), reports.need_bill(wanted)

    def judge(task: Task) -> Judged:
        hashes = hashes_of(task) if is_url(task.source) else {}
        order = judging.Order(
            task.source_format,
            task.disk,
            policies[task.policy],
            with_map=with_map,
            with_bill=with_bill,
            hashes=hashes,
        )
        source = _source(task.source)
        try:
            return judging.judge(source, order, quiet)
        except (VerificationError, UsageError) as error:  # one image's fault is no reason to judge no other
            return refusal(str(source), error, order.policy), error.exit_status

    judged: dict[int, Judged] = {}
    with counted(when, "check", len(plan.tasks)) as count:
        for position, one in side_by_side.completed(judge, plan.tasks, jobs or side_by_side.cores()):
            judged[position] = one
            count.advance(1)
    results = [judged[position][0] for position in range(len(plan.tasks))]
    reports.write(wanted, results)
    _show(plan, results, output)
    return max(status for _, status in judged.values())


def _show(plan: BatchPlan, results: Sequence[ImageResult], output: str) -> None:
    if output == "json":
        from imgtool.report import as_json  # noqa: PLC0415 - the other form

        console.show(as_json.to_text(as_json.results(results)))
        return
    names = [task.name for task in plan.tasks]
    console.tell(triage(names, results, console.paint, console.width()))


def _source(text: str) -> Path | Url:
    return check_url(text) if is_url(text) else Path(text)
