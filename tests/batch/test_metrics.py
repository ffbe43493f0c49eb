import os
import stat
from pathlib import Path

import pytest

from imgtool.batch import metrics
from imgtool.errors import UsageError
from imgtool.model.batch import TaskRecord

RECORDS = [
    TaskRecord("a", "done", attempts=2, seconds=1.5, size_before_bytes=10, size_after_bytes=4),
    TaskRecord("b", "refused", attempts=1, seconds=0.25, size_before_bytes=7),
    TaskRecord("c", "skipped", attempts=1, seconds=9.0, size_before_bytes=100),
    TaskRecord("d", "waiting"),
]


def samples(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_each_state_is_counted_also_those_of_nobody() -> None:
    found = samples(metrics.text_of("/m.yaml", RECORDS, 100.0, None))
    label = 'imgtool_batch_images{{batch="/m.yaml",state="{}"}}'
    assert {state: found[label.format(state)] for state in ("done", "refused", "skipped", "waiting")} == {
        "done": 1, "refused": 1, "skipped": 1, "waiting": 1,
    }  # fmt: skip
    assert found[label.format("running")] == found[label.format("failed")] == 0


def test_what_was_skipped_took_nothing_this_time() -> None:
    found = samples(metrics.text_of("m", RECORDS, 100.0, 130.5))
    assert found['imgtool_batch_image_seconds_sum{batch="m"}'] == 1.75
    assert found['imgtool_batch_attempts_sum{batch="m"}'] == 3
    assert found['imgtool_batch_source_bytes_sum{batch="m"}'] == 17
    assert found['imgtool_batch_target_bytes_sum{batch="m"}'] == 4
    assert found['imgtool_batch_end_time_seconds{batch="m"}'] == 130.5


def test_every_family_has_its_help_and_type_once() -> None:
    lines = metrics.text_of("m", RECORDS, 1.0, None).splitlines()
    helped = [line.split()[2] for line in lines if line.startswith("# HELP")]
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert helped == typed == list(dict.fromkeys(helped))
    assert {line.partition("{")[0] for line in lines if not line.startswith("#")} == set(helped)


@pytest.mark.parametrize("name", ['quo"ted', "back\\slash", "new\nline", "no utf-8 \udcff"])
def test_any_name_of_a_manifest_is_escaped(name: str) -> None:
    text = metrics.text_of(name, [], 1.0, None)
    text.encode()
    assert all(line.startswith(("#", "imgtool_batch_")) for line in text.splitlines())


def test_the_file_is_replaced_and_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "imgtool.prom"
    metrics.write(path, "m", RECORDS, 1.0, None)
    first = path.stat().st_ino
    metrics.write(path, "m", [], 1.0, 2.0)
    assert path.stat().st_ino != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["imgtool.prom"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x\.prom: metrics cannot be written: No such file"):
        metrics.write(tmp_path / "none" / "x.prom", "m", [], 1.0, None)
