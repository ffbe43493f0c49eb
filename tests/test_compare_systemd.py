"""Units, fstabs and boot entries against systemd itself: `scripts/compare-systemd` runs any number."""

from pathlib import Path

import pytest
from support.guest_tree import Content, Link
from support.units import ETC, LIB, SYSTEM, WANTED
from systemd_compare import units
from systemd_compare.cli import compare

SEEDS = {"units": range(10), "fstab": range(40), "entries": range(10)}
SERVICE = "[Service]\nExecStart=/bin/true\n"


def _wanted(name: str, text: str) -> dict[str, Content]:
    return {f"{LIB}/{name}": text, f"{WANTED}/{name}": Link(f"../{name}")}


ON = {**_wanted("a.service", SERVICE), **_wanted("b.service", SERVICE)}
ONCE_DIFFERED: dict[str, dict[str, Content]] = {
    "the default target requires what is not there": {
        f"{ETC}/multi-user.target.d/x.conf": "[Unit]\nRequires=gone.service\n"
    },
    "a drop-in that cannot be read to its end": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nWants=c.service\n[Unit\nWants=d.service\n",
        f"{LIB}/c.service": SERVICE,
        f"{LIB}/d.service": SERVICE,
    },
    "a drop-in with a command that is no path": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Service]\nExecStop=bin/x\nType=dbus\n",
        f"{LIB}/d.service": f"[Unit]\nRequires=a.service\n{SERVICE}",
        f"{WANTED}/d.service": Link("../d.service"),
    },
    "a command that is no path": _wanted("a.service", "[Service]\nExecStart=bin/x\n"),
    "a command that is no path and may fail": _wanted(
        "a.service", "[Service]\nExecStart=-bin/x\nExecStart=/bin/true\n"
    ),
    "only a stop": _wanted("a.service", "[Service]\nRemainAfterExit=yes\nExecStop=/bin/true\n"),
    "a socket that listens to nothing": _wanted("a.socket", "[Socket]\nAccept=no\n"),
    "a timer without a time": _wanted("a.timer", "[Timer]\nUnit=ssh.service\n"),
    "a path unit without a path": _wanted("a.path", "[Path]\nUnit=ssh.service\n"),
    "one conflicts": {**ON, f"{ETC}/a.service.d/x.conf": "[Unit]\nConflicts=b.service\n"},
    "what requires the loser": {
        **ON,
        **_wanted("c.service", f"[Unit]\nConflicts=a.service\n{SERVICE}"),
        f"{ETC}/a.service.d/x.conf": "[Unit]\nWants=d.service\n",
        f"{LIB}/d.service": SERVICE,
    },
    "it conflicts with what is required": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nConflicts=b.service\n",
        f"{LIB}/multi-user.target.requires/b.service": Link("../b.service"),
    },
    "two that are required conflict": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nConflicts=b.service\n",
        f"{LIB}/multi-user.target.requires/a.service": Link("../a.service"),
        f"{LIB}/multi-user.target.requires/b.service": Link("../b.service"),
    },
    "both conflict": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nConflicts=b.service\n",
        f"{ETC}/b.service.d/x.conf": "[Unit]\nConflicts=a.service\n",
    },
    "a conflict of what cannot start": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nConflicts=b.service\nRequires=gone.service\n",
    },
    "it has to run before, and is not there": {
        **ON,
        f"{ETC}/a.service.d/x.conf": "[Unit]\nRequisite=gone.service\nWants=c.service\n",
        f"{LIB}/c.service": SERVICE,
    },
}


@pytest.mark.parametrize("kind", SEEDS)
def test_systemd_says_the_same(kind: str) -> None:
    assert compare(kind, SEEDS[kind]) == {}


@pytest.mark.parametrize("files", ONCE_DIFFERED.values(), ids=ONCE_DIFFERED)
def test_what_once_differed(files: dict[str, Content], tmp_path: Path) -> None:
    theirs, ours = units.by_systemd({**SYSTEM, **files}, tmp_path), units.by_imgtool({**SYSTEM, **files})
    assert not theirs.has_cycle
    assert units.difference(theirs, ours) == ""


def test_a_difference_is_seen() -> None:
    one, other = units.Transaction(frozenset({"a", "b"})), units.Transaction(frozenset({"b", "c"}))
    assert units.difference(one, other) == "only systemd: ['a'], only imgtool: ['c']"
    assert units.difference(one, units.Transaction(other.started, perhaps=frozenset({"c"}))) != ""
    assert units.difference(units.Transaction(frozenset(), has_cycle=True), other) == ""
