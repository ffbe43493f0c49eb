"""Many images as one table."""

from dataclasses import replace

from support import facts
from support import stories as made

from imgtool.checks import registry
from imgtool.model.guest import GuestFacts
from imgtool.model.result import ImageResult
from imgtool.report.as_text.triage import triage


def data() -> ImageResult:
    inspection = facts.inspection(guest=GuestFacts("unknown", "nothing is on it", data_only=True))
    return ImageResult(registry.judge(inspection), inspection)


def test_one_row_an_image_then_the_checks() -> None:
    results = [made.good(), made.bad(), made.warned(), made.refused(), data(), made.bad()]
    lines = triage(["good", "bad", "warned", "refused", "data", "worse"], results).splitlines()
    assert lines[0].split() == ["image", "verdict", "system", "size", "needs", "attention"]
    assert lines[1].split() == ["good", "PASS", "debian", "12", "2.0", "GiB"]
    assert lines[2].split()[1] == "FAIL"
    assert lines[2].endswith("ssh-host-keys")
    assert lines[3].split()[1] == "PASS"
    assert lines[4].split()[:2] == ["refused", "FAIL"]
    assert "data only" in lines[5]
    assert "nothing is on it" in lines[5]
    table = {line.rpartition(" ")[0].strip(): line.split()[-1] for line in lines[9:-2]}
    assert table["ssh-host-keys"] == "2"
    assert next(iter(table)) == "ssh-host-keys"
    assert lines[-1] == "6 images: 2 pass, 4 fail"


def test_it_is_printable_and_narrow_where_it_has_to_be() -> None:
    text = triage(["a\x1b]0;x"], [made.hostile()], width=60)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 60


def test_a_good_one_alone_has_no_table_of_checks() -> None:
    text = triage(["good"], [made.good()])
    assert "check " not in text
    assert text.endswith("\n\n1 image: 1 pass")


def test_verdicts_have_their_colours() -> None:
    text = triage(["FAIL  ", "x"], [made.good(), made.bad()], lambda text, role: f"<{role}>{text}</>")
    assert "<good>PASS</>" in text
    assert "<bad>FAIL</>" in text


def test_many_checks_are_counted() -> None:
    found = registry.judge(facts.inspection())
    failing = tuple(
        replace(one, outcome=type(one.outcome).FAIL) if number < 5 else one
        for number, one in enumerate(found.findings)
    )
    row = triage(["x"], [ImageResult(replace(found, findings=failing))]).splitlines()[1]
    assert row.endswith(", and 2 more")
