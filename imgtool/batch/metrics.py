"""What monitoring reads of a batch: a file in Prometheus' text format, replaced as a whole.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4). node_exporter's textfile
collector reads `*.prom` files of a folder, and takes half a file for a broken one: hence the renaming.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

from imgtool.errors import UsageError
from imgtool.model.batch import TaskRecord, TaskState
from imgtool.util.text import escape_bytes, printable

_MODE = 0o644
"""node_exporter is another user."""


def write(path: Path, batch: str, records: Iterable[TaskRecord], began: float, ended: float | None) -> None:
    """Replace the file. `batch` names the manifest; times in UTC seconds. Raises UsageError."""
    text = text_of(batch, list(records), began, ended)
    try:
        descriptor, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            os.chmod(partial, _MODE)  # noqa: PTH101 - mkstemp gives a name
            os.replace(partial, path)  # noqa: PTH105 - the same
        except BaseException:
            os.unlink(partial)  # noqa: PTH108 - the same
            raise
    except OSError as error:
        shown = printable(str(path))
        raise UsageError(
            f"{shown}: metrics cannot be written: {error.strerror}",
            hint="name a file in a folder that you may write to: --metrics",
        ) from error


def text_of(batch: str, records: list[TaskRecord], began: float, ended: float | None) -> str:
    """The whole file."""
    states = Counter(record.state for record in records)
    worked = [record for record in records if record.state != "skipped"]
    lines = [
        *_family("imgtool_batch_images", "gauge", "Images of the batch, by state.", {
            (("batch", batch), ("state", state)): states[state] for state in get_args(TaskState)
        }),
        *_one("imgtool_batch_start_time_seconds", "When the run began, in Unix time.", batch, began),
        *_one("imgtool_batch_end_time_seconds", "When the run ended, in Unix time; 0 while it runs.", batch,
              ended or 0),
        *_one("imgtool_batch_image_seconds_sum", "Time that images took, all attempts.", batch,
              sum(record.seconds for record in worked)),
        *_one("imgtool_batch_attempts_sum", "Attempts that images took.", batch,
              sum(record.attempts for record in worked)),
        *_one("imgtool_batch_source_bytes_sum", "Size of the sources that were worked on.", batch,
              sum(record.size_before_bytes or 0 for record in worked)),
        *_one("imgtool_batch_target_bytes_sum", "Size of the images that were made.", batch,
              sum(record.size_after_bytes or 0 for record in worked)),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


Labels = tuple[tuple[str, str], ...]


def _one(name: str, meaning: str, batch: str, value: float) -> list[str]:
    return _family(name, "gauge", meaning, {(("batch", batch),): value})


def _family(name: str, kind: str, meaning: str, values: Mapping[Labels, float]) -> list[str]:
    samples = [f"{name}{{{_labels(labels)}}} {_number(value)}" for labels, value in values.items()]
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *samples]


def _labels(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(value: str) -> str:
    """Escape `value` as the format requires; the result is valid UTF-8 whatever the file's name is."""
    return escape_bytes(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
