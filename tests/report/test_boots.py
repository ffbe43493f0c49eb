"""A boot as part of a check or of a preparation stands in every form of report."""

import json

import pytest
from support import facts
from support.boots import boot, booted, stopped
from support.stories import HOSTILE, told

from imgtool.model.boot import Diagnosis
from imgtool.model.result import ImageResult
from imgtool.report import as_github, as_gitlab, as_html, as_json, as_junit, as_markdown, as_sarif
from imgtool.report.as_text import result as as_text

FORMS = {
    "text": as_text.report,
    "json": as_json.report,
    "junit": as_junit.report,
    "sarif": as_sarif.report,
    "github": as_github.report,
    "html": as_html.report,
    "gitlab": as_gitlab.report,
    "markdown": as_markdown.report,
}
FAILED = told(booted(boot(), stopped(bus="virtio-scsi")))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_on_which_bus_it_stopped_and_why(form: str) -> None:
    found = FORMS[form]([FAILED])
    assert "boots-on-virtio-scsi" in found
    assert "is not on it" in found


def test_a_check_shows_how_each_boot_went() -> None:
    found = as_text.checked(FAILED)
    assert "virtio-blk, uefi, tcg  the agent answered after 13.8 s" in found
    assert "virtio-scsi, uefi, tcg  the disk is there, but the root file system" in found
    assert "\n\n/images/debian.raw\n" in found
    assert found.splitlines()[-1].startswith("FAIL  debian.raw: ")


def test_json_has_the_boots_of_a_check_only_where_there_were_some() -> None:
    (result,) = as_json.results([FAILED])["results"]
    assert [one["bus"] for one in result["boots"]] == ["virtio-blk", "virtio-scsi"]
    assert result["boots"][1]["diagnosis"]["stage"] == "initramfs"
    (without,) = as_json.results([told(booted())])["results"]
    assert without["boots"][0]["stages"][-1] == {"stage": "agent", "seconds": 13.75}
    json.loads(as_json.to_text(without))


def test_json_of_a_preparation_always_has_the_key() -> None:
    assert as_json.prepared(ImageResult())["boots"] == []
    assert len(as_json.prepared(told(booted()))["boots"]) == 2


def test_the_page_has_a_timeline_that_says_it_in_words_too() -> None:
    page = as_html.report([FAILED])
    assert "<title>initramfs: " in page
    assert "and no further" in page
    assert "qemu-guest-agent answers" in page
    assert "The end of its serial log" in page
    assert "Booted" not in as_html.report([told(facts.inspection())])


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"json"}))
def test_what_the_guest_says_is_never_printed_as_it_is(form: str) -> None:
    found = Diagnosis("kernel", HOSTILE, (HOSTILE,), HOSTILE)
    page = FORMS[form]([told(booted(stopped(diagnosis=found, log=(HOSTILE,))))])
    assert "\x1b" not in page
    assert "\u202e" not in page
    if form == "html":
        assert "<script>alert" not in page
