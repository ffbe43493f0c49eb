"""What was, or would be, converted, as text."""

from imgtool.formats.acceptance import notes
from imgtool.model.conversion import ConversionPlan, ConversionResult
from imgtool.model.free_blocks import FreePart
from imgtool.report.as_text.layout import Paint, Row, plain, section
from imgtool.util.text import human_size


def conversion_plan(plan: ConversionPlan, paint: Paint = plain) -> str:
    """What a conversion would do."""
    return "\n".join(section("conversion", plan_rows(plan), paint))


def plan_rows(plan: ConversionPlan) -> list[Row]:
    """Return the same in rows."""
    source = plan.source
    known = source.virtual_size_bytes and not source.streamed
    size = human_size(source.virtual_size_bytes) if known else "size not known yet"
    rows = [
        ("from", f"{source.origin.path} ({source.format}, {size})"),
        ("to", f"{plan.target} ({plan.target_format}, compression {plan.compression})"),
        ("engine", f"{plan.engine}: {plan.engine_reason}"),
        ("verify", plan.options.verify),
    ]
    return [*rows, *(map(left_out, plan.free_blocks.parts) if plan.free_blocks else ())]


def left_out(part: FreePart) -> Row:
    """Return the row of a file system: what of it is free and not copied; or why all of it is."""
    named = f"{part.device} ({part.type})"
    if part.reason is not None:
        return "copied whole", f"{named}, {human_size(part.size_bytes)}: {part.reason}"
    return "left out", f"{named}: {human_size(part.free_bytes)} of {human_size(part.size_bytes)} are free"


def conversion(result: ConversionResult, paint: Paint = plain) -> str:
    """What a conversion did."""
    return "\n".join(section("conversion", result_rows(result), paint))


def result_rows(result: ConversionResult) -> list[Row]:
    """Return the same in rows."""
    sizes = (
        f"{human_size(result.virtual_size_bytes)} virtual, {human_size(result.file_size_bytes)} file, "
        f"{human_size(result.allocated_bytes)} allocated"
    )
    rows = [("size", sizes)]
    if result.data_bytes is not None:
        rows.append(("data", _data(result, result.data_bytes)))
    rows.append(("time", f"{result.seconds:.1f} s"))
    return [*plan_rows(result.plan), *rows, *(("note", note) for note in notes(result))]


def _data(result: ConversionResult, data_bytes: int) -> str:
    compressed = data_bytes and result.plan.compression != "none"
    share = f", compressed to {result.allocated_bytes / data_bytes:.0%} of that" if compressed else ""
    cloned = f", {human_size(result.cloned_bytes)} of it cloned" if result.cloned_bytes else ", none cloned"
    rate = f", {human_size(int(data_bytes / result.seconds))}/s" if result.seconds > 0 else ""
    return f"{human_size(data_bytes)} not zero{share}{cloned}{rate}"
