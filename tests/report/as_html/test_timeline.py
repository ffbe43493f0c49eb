"""The boots of an image to scale."""

import pytest
from support.boots import boot, stopped

from imgtool.report.as_html.timeline import timelines


def test_the_stages_fill_the_time_from_the_firmware_to_the_answer() -> None:
    (found,) = timelines([boot()])
    assert [bar.stage for bar in found.bars] == [
        "firmware", "boot loader", "kernel", "initramfs", "user space",
    ]  # fmt: skip
    assert sum(bar.took_seconds for bar in found.bars) == pytest.approx(13.75 - 0.4)
    assert found.bars[-1].start + found.bars[-1].width == pytest.approx(100, abs=0.01)
    assert not any(bar.stopped for bar in found.bars)
    assert found.log == ()


def test_all_boots_have_one_scale() -> None:
    quick, slow = timelines([boot(), boot(seconds=27.5)])
    assert quick.bars[-1].start + quick.bars[-1].width == pytest.approx(50, abs=0.01)
    assert slow.bars[-1].start + slow.bars[-1].width == pytest.approx(100, abs=0.01)


def test_the_stage_in_which_it_stopped_is_marked_and_the_log_is_shown() -> None:
    (found,) = timelines([stopped(seconds=60.0)])
    assert [bar.stage for bar in found.bars if bar.stopped] == ["initramfs"]
    assert found.log
    assert "(at the stage initramfs)" in found.end


def test_a_boot_that_reached_nothing_has_no_bars() -> None:
    (found,) = timelines([stopped(stages=(), seconds=0.0)])
    assert found.bars == ()
    (ended,) = timelines([stopped(diagnosis=None)])
    assert "QEMU ended" in ended.end


def test_no_bar_leaves_the_picture() -> None:
    for bar in timelines([boot(seconds=1.0)])[0].bars:
        assert 0 <= bar.start <= bar.start + bar.width <= 100.001
