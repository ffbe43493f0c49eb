"""Conversions, as JSON."""

from typing import TYPE_CHECKING

from imgtool.formats.acceptance import notes
from imgtool.model.conversion import ConversionPlan, ConversionResult
from imgtool.model.free_blocks import FreeBlocks, FreePart
from imgtool.report.as_json.facts import image
from imgtool.report.as_json.values import clean, path_text

if TYPE_CHECKING:
    from imgtool.report.documents import delivery


def conversion_plan(plan: ConversionPlan) -> "delivery.Conversion":
    """What a conversion would do."""
    return {
        "source": image(plan.source),
        "target": path_text(plan.target),
        "target_format": plan.target_format,
        "compression": plan.compression,
        "engine": plan.engine,
        "engine_reason": plan.engine_reason,
        "cluster_size_bytes": plan.options.cluster_size_bytes if plan.target_format == "qcow2" else None,
        "level": plan.options.level,
        "threads": plan.options.threads,
        "preallocation": plan.options.preallocation,
        "use_extents": plan.options.use_extents,
        "sparsify": plan.options.sparsify,
        "left_out": None if plan.free_blocks is None else left_out(plan.free_blocks),
        "verify": plan.options.verify,
    }


def left_out(found: FreeBlocks) -> "list[delivery.LeftOut]":
    """What is not copied of each file system."""
    return [_of_part(one) for one in found.parts]


def _of_part(part: FreePart) -> "delivery.LeftOut":
    return {
        "device": clean(part.device),
        "type": clean(part.type),
        "size_bytes": part.size_bytes,
        "free_bytes": part.free_bytes,
        "reason": None if part.reason is None else clean(part.reason),
    }


def conversion(result: ConversionResult) -> "delivery.Conversion":
    """What a conversion did."""
    return {
        **conversion_plan(result.plan),
        "file_size_bytes": result.file_size_bytes,
        "allocated_bytes": result.allocated_bytes,
        "seconds": round(result.seconds, 3),
        "virtual_size_bytes": result.virtual_size_bytes,
        "data_bytes": result.data_bytes,
        "cloned_bytes": result.cloned_bytes,
        "notes": [clean(note) for note in notes(result)],
    }
