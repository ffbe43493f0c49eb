"""What was, or would be, uploaded, and the whole story, as text."""

from collections.abc import Sequence

from imgtool.model.delivery import UploadPlan, UploadResult
from imgtool.model.story import Story
from imgtool.report.as_text.conversion import conversion, conversion_plan
from imgtool.report.as_text.layout import Paint, plain, properties, section
from imgtool.report.as_text.verdict import judgement
from imgtool.text import human_size


def upload_plan(plan: UploadPlan, paint: Paint = plain) -> str:
    """What an upload would do."""
    return _upload(plan, [], paint)


def upload(result: UploadResult, paint: Paint = plain) -> str:
    """What Glance has now."""
    done = [
        ("image", f"{result.image_id} ({result.status})"),
        ("size", f"{human_size(result.size_bytes)} ({result.size_bytes} bytes)"),
        (result.hash_algorithm, result.hash_value),
        ("time", f"{result.seconds:.1f} s"),
    ]
    return _upload(result.plan, done, paint)


def _upload(plan: UploadPlan, done: list[tuple[str, str]], paint: Paint) -> str:
    rows = [
        ("cloud", plan.cloud or "of the OS_* variables"),
        ("name", plan.wanted.name),
        ("format", f"{plan.disk_format}, container {plan.container_format}"),
        ("visibility", plan.wanted.visibility),
        ("min disk", f"{plan.min_disk_gib} GiB"),
    ]
    shown = [*section("upload", rows + done, paint), "", *properties(plan.properties, paint)]
    return "\n".join(shown).rstrip()


def story(told: Story, paint: Paint = plain) -> str:
    """`imgtool prepare`: the judgement, then what was done or would be."""
    return "\n\n".join([judgement(told.judgement, paint), *stages(told, paint)])


def stages(told: Story, paint: Paint = plain) -> list[str]:
    """What was converted and uploaded, or would be; nothing where only a check was wanted, or it failed."""
    parts = []
    if told.conversion:
        parts.append(conversion(told.conversion, paint))
    elif told.conversion_plan:
        parts.append(conversion_plan(told.conversion_plan, paint))
    if told.upload:
        parts.append(upload(told.upload, paint))
    elif told.upload_plan:
        parts.append(upload_plan(told.upload_plan, paint))
    return parts


def report(stories: Sequence[Story]) -> str:
    """`--report text=PATH`."""
    return "\n\n".join(story(one) for one in stories) + "\n"
