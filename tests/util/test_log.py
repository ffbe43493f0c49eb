"""Records of Python's logging, where somebody listens, and never a secret in them."""

import logging
import subprocess
import sys
import threading

import pytest

from imgtool.util import log

LOGGER = "imgtool.test"


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "imgtool")
    return caplog


def fields(record: logging.LogRecord) -> dict[str, object]:
    return dict(record.__dict__["fields"])


def test_a_record_has_its_module_its_level_and_its_fields(heard: pytest.LogCaptureFixture) -> None:
    log.debug(LOGGER, "a detail", seconds=1.5)
    log.info(LOGGER, "a decision", route="streamed", hint=None)
    log.warning(LOGGER, "again")
    log.error(LOGGER, "the end")
    assert [record.levelname for record in heard.records] == ["DEBUG", "INFO", "WARNING", "ERROR"]
    assert {record.name for record in heard.records} == {LOGGER}
    assert [fields(record) for record in heard.records[:2]] == [{"seconds": 1.5}, {"route": "streamed"}]


def test_a_stage_says_its_name_as_a_field(heard: pytest.LogCaptureFixture) -> None:
    log.stage("upload", "golden to devcloud")
    (record,) = heard.records
    assert (record.name, record.getMessage()) == (log.STAGES, "upload: golden to devcloud")
    assert fields(record) == {"stage": "upload"}


def test_records_of_a_block_are_about_its_image(heard: pytest.LogCaptureFixture) -> None:
    with log.about("golden.raw"):
        log.info(LOGGER, "inside")
        log.info(LOGGER, "of another", image="other.raw")
    log.info(LOGGER, "outside")
    assert [fields(record).get("image") for record in heard.records] == ["golden.raw", "other.raw", None]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2 and more", "password=*** and more"),
        ("https://user:hunter2@cloud/", "https://***cloud/"),
        ("the value hunter2-hidden", "the value ***"),
        ("the value hunter2-variable", "the value ***"),
        ("two\nlines \x1b[1m", "two\\nlines \\x1b[1m"),
    ],
)
def test_secrets_are_masked_and_each_record_is_one_line(
    text: str, shown: str, heard: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_secrets", set())
    monkeypatch.setenv("OS_PASSWORD", "hunter2-variable")
    log.hide(["hunter2-hidden", ""])
    log.info(LOGGER, text, name=text)
    (record,) = heard.records
    assert record.getMessage() == shown
    assert fields(record) == {"name": shown}


def test_percent_signs_are_no_format(heard: pytest.LogCaptureFixture) -> None:
    log.info(LOGGER, "100%s of %d")
    assert heard.messages == ["100%s of %d"]


def test_the_level_is_known_where_the_course_of_work_is_listened_to() -> None:
    root = logging.getLogger(log.ALL)
    levels = []
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        root.setLevel(level)
        levels.append(log.level())
    root.setLevel(logging.NOTSET)
    assert levels == [logging.DEBUG, logging.INFO, None]


def test_nobody_who_did_not_ask_for_a_log_sees_one_or_loads_it() -> None:
    code = (
        "import sys; from imgtool.util import log; log.error('imgtool.x', 'a'); assert log.level() is None; "
        "print('logging' in sys.modules); import logging; log.error('imgtool.x', 'b')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("False\n", "")


def test_a_thread_of_its_own_is_about_no_image(heard: pytest.LogCaptureFixture) -> None:
    with log.about("golden.raw"):
        thread = threading.Thread(target=log.info, args=(LOGGER, "elsewhere"))
        thread.start()
        thread.join()
    assert fields(heard.records[0]) == {}
