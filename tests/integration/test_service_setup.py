"""What systemd itself makes of each row of settings."""

from pathlib import Path

from support.condition_rows import CONDITIONS, conditional
from support.running_systemd import results
from support.service_rows import (
    FREEZES,
    LINKS,
    PAIRS,
    REFUSED_ROWS,
    ROWS,
    WRITES,
    pair,
    service,
)
from support.unit_forms import FORMS


def test_a_running_systemd_says_the_same_of_every_row(tmp_path: Path) -> None:
    writes = {f"{row}|ExecStart=/bin/touch {path}": not says for (row, path), says in WRITES.items()}
    rows = ROWS | writes
    found = results({f"row{number}": service(row) for number, row in enumerate(rows)}, tmp_path)
    told = {row: found[f"row{number}"][0] == "success" for number, row in enumerate(rows)}
    assert told == rows


def test_it_says_the_same_of_every_condition(tmp_path: Path) -> None:
    rows = {f"row{number}": conditional(row) for number, row in enumerate(CONDITIONS)}
    found = results(rows, tmp_path)
    told = {row: found[f"row{number}"][1] == "active" for number, row in enumerate(CONDITIONS)}
    assert told == CONDITIONS


def test_it_says_the_same_of_every_way_to_write_a_unit(tmp_path: Path) -> None:
    forms = {f"row{number}": content for number, (content, _) in enumerate(FORMS.values())}
    found = list(results(forms, tmp_path).values())
    told = {
        name: "runs" if state == "active" else {"exit-code": "fails"}.get(result, result)
        for name, (result, state) in zip(FORMS, found, strict=True)
    }
    assert told == {name: says for name, (_, says) in FORMS.items()}


def test_it_refuses_the_same_units(tmp_path: Path) -> None:
    rows = {f"row{number}": service(row) for number, row in enumerate(REFUSED_ROWS)}
    found = results(rows, tmp_path, wanted=["row0"])
    assert {name: found[name][0] for name in rows} == dict.fromkeys(rows, "bad-setting")


def test_it_says_the_same_of_what_a_service_requires_and_waits_for(tmp_path: Path) -> None:
    units = {name: text for number, row in enumerate(PAIRS) for name, text in pair(*row, number).items()}
    wanted = [f"it{number}" for number in range(len(PAIRS))]
    found = results(units, tmp_path, wanted=wanted, seconds=5)
    told = {row: found[f"it{number}"][1] == "active" for number, row in enumerate(PAIRS)}
    assert told == PAIRS


def test_it_says_the_same_of_what_may_freeze_a_file_system(tmp_path: Path) -> None:
    asked = "case $$(LC_ALL=C fsfreeze --freeze /tmp 2>&1) in *supported*) ;; *) exit 1 ;; esac"
    freeze = f"ExecStart=/bin/sh -c '{asked}'"
    units = {f"row{number}": service(f"{row}|{freeze}") for number, row in enumerate(FREEZES)}
    found = results(units, tmp_path)
    told = {row: found[f"row{number}"][0] == "success" for number, row in enumerate(FREEZES)}
    assert told == FREEZES


def test_it_says_the_same_of_what_may_take_a_link_up(tmp_path: Path) -> None:
    made = "[Service]\nType=oneshot\nExecStart=/bin/ip link add judge0 type veth peer name judge1\n"
    after, link = "After=made.service\nRequires=made.service\n", "ExecStart=/bin/ip link set judge0 up"
    rows = {f"row{number}": after + service(f"{row}|{link}") for number, row in enumerate(LINKS)}
    found = results({**rows, "made": made}, tmp_path)
    told = {row: found[f"row{number}"][0] == "success" for number, row in enumerate(LINKS)}
    assert told == LINKS
