"""What was, or would be, converted and uploaded, as text."""

from collections.abc import Sequence

from imgtool.model import ConversionPlan, ConversionResult, Story, UploadPlan, UploadResult
from imgtool.report.as_text.layout import Paint, aligned, plain, properties, section
from imgtool.report.as_text.verdict import judgement
from imgtool.text import human_size


def conversion_plan(plan: ConversionPlan, paint: Paint = plain) -> str:
    """What a conversion would do."""
    source = plan.source
    known = source.virtual_size_bytes and not source.streamed
    size = human_size(source.virtual_size_bytes) if known else "size not known yet"
    rows = [
        ("from", f"{source.origin.path} ({source.format}, {size})"),
        ("to", f"{plan.target} ({plan.target_format}, compression {plan.compression})"),
        ("engine", f"{plan.engine}: {plan.engine_reason}"),
        ("verify", plan.options.verify),
    ]
    return "\n".join(section("conversion", rows, paint))


def conversion(result: ConversionResult, paint: Paint = plain) -> str:
    """What a conversion did."""
    sizes = (
        f"{human_size(result.virtual_size_bytes)} virtual, {human_size(result.file_size_bytes)} file, "
        f"{human_size(result.allocated_bytes)} allocated"
    )
    rows = [("size", sizes)]
    if result.data_bytes is not None:
        rows.append(("data", _data(result, result.data_bytes)))
    rows.append(("time", f"{result.seconds:.1f} s"))
    return "\n".join([conversion_plan(result.plan, paint), *aligned(rows, paint)])


def _data(result: ConversionResult, data_bytes: int) -> str:
    compressed = data_bytes and result.plan.compression != "none"
    share = f", compressed to {result.allocated_bytes / data_bytes:.0%} of that" if compressed else ""
    cloned = f", {human_size(result.cloned_bytes)} of it cloned" if result.cloned_bytes else ", none cloned"
    rate = f", {human_size(int(data_bytes / result.seconds))}/s" if result.seconds > 0 else ""
    return f"{human_size(data_bytes)} not zero{share}{cloned}{rate}"


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
        ("name", plan.name),
        ("format", f"{plan.disk_format}, container {plan.container_format}"),
        ("visibility", plan.visibility),
        ("min disk", f"{plan.min_disk_gib} GiB"),
    ]
    shown = [*section("upload", rows + done, paint), "", *properties(plan.properties, paint)]
    return "\n".join(shown).rstrip()


def story(told: Story, paint: Paint = plain) -> str:
    """`imgtool prepare`: the judgement, then what was done or would be."""
    parts = [judgement(told.judgement, paint)]
    if told.conversion:
        parts.append(conversion(told.conversion, paint))
    elif told.conversion_plan:
        parts.append(conversion_plan(told.conversion_plan, paint))
    if told.upload:
        parts.append(upload(told.upload, paint))
    elif told.upload_plan:
        parts.append(upload_plan(told.upload_plan, paint))
    return "\n\n".join(parts)


def report(stories: Sequence[Story]) -> str:
    """`--report text=PATH`."""
    return "\n\n".join(story(one) for one in stories) + "\n"
