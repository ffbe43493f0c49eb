"""Policy files: what they set is in force, and what is wrong with them is told by file, line and key."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import facts
from support.facts import UNREADABLE, known
from support.policies import written

from imgtool.checks.policy import Policy, Rule
from imgtool.checks.registry import all_checks, find_check, guest_query, judge
from imgtool.checks.rules.guest_agent_rpcs import AgentRpcs
from imgtool.checks.rules.virtual_size import VirtualSize
from imgtool.errors import UsageError
from imgtool.model.facts import GuestQuery
from imgtool.model.verdict import Outcome, Severity
from imgtool.policy.file import read_policy


def rule(policy: Policy, name: str) -> Rule:
    check = find_check(name)
    assert check is not None
    return policy.rule(check)


def refusal(folder: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as raised:
        read_policy(written(folder, text))
    return raised.value


def test_a_file_over_the_default(tmp_path: Path) -> None:
    policy = read_policy(
        written(
            tmp_path,
            "checks:\n"
            "  machine-id: off\n"
            "  ssh-host-keys: {severity: warning, unknown: info}\n"
            "  virtual-size:\n"
            "    largest: 20 GiB\n"
            "  guest-agent-rpcs:\n"
            "    severity: error\n"
            "    extra_rpcs: [guest-exec]\n",
        )
    )
    file = tmp_path / "team.yaml"
    assert policy.name == str(file)
    assert rule(policy, "machine-id").off
    keys = rule(policy, "ssh-host-keys")
    assert (keys.severity, keys.unknown) == (Severity.WARNING, Severity.INFO)
    assert keys.origins == {"severity": f"{file}:3", "unknown": f"{file}:3"}
    size = rule(policy, "virtual-size")
    assert (size.severity, size.parameters) == (Severity.ERROR, VirtualSize(20 << 30))
    assert size.origins == {"largest": f"{file}:5"}
    rpcs = rule(policy, "guest-agent-rpcs")
    assert (rpcs.severity, rpcs.parameters) == (Severity.ERROR, AgentRpcs(("guest-exec",)))
    assert rpcs.origins == {"severity": f"{file}:7", "extra_rpcs": f"{file}:8"}
    untouched = find_check("cloud-init-enabled")
    assert untouched is not None
    assert policy.rule(untouched) == Policy("openstack").rule(untouched)


def test_what_is_in_force_is_what_judges(tmp_path: Path) -> None:
    spoiled = facts.inspection(
        facts.linux(machine_id=known("set"), agent=facts.agent(filtered_rpcs=known(("guest-exec",))))
    )
    assert not judge(spoiled).passed
    policy = read_policy(written(tmp_path, "checks:\n  machine-id: off\n"))
    judgement = judge(spoiled, policy)
    assert judgement.passed
    assert "machine-id" not in {finding.check for finding in judgement.findings}
    stricter = (
        "checks:\n  machine-id: info\n  guest-agent-rpcs: {severity: error, extra_rpcs: [guest-exec]}\n"
    )
    failing = [
        one for one in judge(spoiled, read_policy(written(tmp_path, stricter))).findings if one.fails_image
    ]
    assert [(one.check, one.outcome) for one in failing] == [("guest-agent-rpcs", Outcome.FAIL)]
    assert "guest-exec" in failing[0].message


def test_unknown_is_no_pass_unless_the_policy_says_so(tmp_path: Path) -> None:
    unreadable = facts.inspection(facts.linux(machine_id=UNREADABLE))
    assert not judge(unreadable).passed
    assert not judge(unreadable, read_policy(written(tmp_path, "checks: {machine-id: error}"))).passed
    lenient = read_policy(written(tmp_path, "checks: {machine-id: {unknown: warning}}"))
    assert judge(unreadable, lenient).passed
    finding = next(one for one in judge(unreadable, lenient).findings if one.check == "machine-id")
    assert (finding.outcome, finding.severity) == (Outcome.UNKNOWN, Severity.WARNING)
    spoiled = facts.inspection(facts.linux(machine_id=known("set")))
    assert not judge(spoiled, lenient).passed
    harsh = read_policy(written(tmp_path, "checks: {initramfs-generic: {unknown: error}}"))
    assert not judge(facts.with_initramfs(host_only=None), harsh).passed


def test_the_guest_is_searched_for_what_the_policy_asks(tmp_path: Path) -> None:
    assert guest_query() == GuestQuery()
    text = (
        "checks:\n  required-modules: {modules: [mlx5-core, nvme]}\n  forbidden-files: {paths: [/x, /a/*]}\n"
    )
    assert guest_query(read_policy(written(tmp_path, text))) == GuestQuery(
        ("mlx5_core", "nvme"), ("/x", "/a/*")
    )
    turned_off = text.replace("{modules", "{severity: off, modules")
    assert guest_query(read_policy(written(tmp_path, turned_off))).modules == ()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("extends: strict\ncheks: {}\n", 2, ["cheks", "no such key"]),
        ("checks:\n  machine-id: error\n  machin-id: off\n", 3, ["checks.machin-id", "no such check"]),
        (
            "checks:\n  machine-id: fatal\n",
            2,
            ["checks.machine-id", "error, warning, info or off", "not fatal"],
        ),
        (
            "checks:\n  machine-id:\n    severity: no\n",
            3,
            ["severity", "error, warning, info or off", "not no"],
        ),
        ("checks:\n  machine-id:\n    unknown: off\n", 3, ["unknown", "error, warning or info", "not off"]),
        ("checks:\n  machine-id:\n", 2, ["checks.machine-id", "error, warning, info or off, or a mapping"]),
        (
            "checks:\n  machine-id: [error]\n",
            2,
            ["checks.machine-id", "error, warning, info or off, or a mapping"],
        ),
        ("checks:\n  machine-id: {largest: 5}\n", 2, ["checks.machine-id.largest", "no such key"]),
        (
            "checks:\n  virtual-size:\n    largest: huge\n",
            3,
            ["checks.virtual-size.largest", "invalid size 'huge'"],
        ),
        ("checks:\n  virtual-size:\n    largest: [1]\n", 3, ["checks.virtual-size.largest", "one value"]),
        ("checks:\n  virtual-size:\n    largest:\n", 3, ["checks.virtual-size.largest", "one value"]),
        (
            "checks:\n  forbidden-files:\n    paths: /a\n",
            3,
            ["checks.forbidden-files.paths", "must be a list"],
        ),
        (
            "checks:\n  forbidden-files:\n    paths:\n    - /a\n    - b\n",
            5,
            ["paths", "'b' is no absolute path"],
        ),
        ("checks:\n  forbidden-files:\n    paths: [/a/../b]\n", 3, ["no absolute path"]),
        ("checks:\n  required-modules: {modules: [virtio net]}\n", 2, ["modules", "'virtio net' is no name"]),
        (
            "checks:\n  distribution-allowed: {allowed: [a b c]}\n",
            2,
            ["allowed", "'a b c' is no distribution"],
        ),
        ("checks:\n  guest-agent-rpcs: {extra_rpcs: [guest-exce]}\n", 2, ["'guest-exce'", "guest-exec?"]),
        ("extends: minimal\nchecks:\n  machine-id: {unknown: error}\n", 3, ["is off (profile minimal)"]),
        ("extends: strickt\n", 1, ["extends", "neither a profile nor a file"]),
        ("checks: {}\nextends: [strict]\n", 2, ["extends", "one value"]),
        ('checks: {}\nextends: "a\\0b"\n', 2, ["extends", "neither a profile nor a file"]),
        ("extends: .\n", None, ["Is a directory"]),
    ],
)
def test_an_error_names_file_line_and_key(
    text: str, line: int | None, words: list[str], tmp_path: Path
) -> None:
    error = refusal(tmp_path, text)
    assert str(tmp_path) in error.message
    if line is not None:
        assert error.message.startswith(f"{tmp_path}/team.yaml:{line}: ")
    for word in words:
        assert word in error.message


def test_an_unknown_check_and_an_unknown_parameter_come_with_a_suggestion(tmp_path: Path) -> None:
    assert refusal(tmp_path, "checks: {machin-id: off}").hint == "did you mean machine-id?"
    assert refusal(tmp_path, "checks: {zzz: off}").hint == "`imgtool explain` lists the checks"
    assert "did you mean largest?" in refusal(tmp_path, "checks: {virtual-size: {lrgest: 5}}").hint
    assert refusal(tmp_path, "checks: {machine-id: {xyz: 5}}").hint == "there are: severity, unknown"


def test_a_policy_under_which_no_check_runs_is_an_error(tmp_path: Path) -> None:
    everything_off = "checks:\n" + "".join(f"  {check.name}: off\n" for check in all_checks())
    assert "no check runs" in refusal(tmp_path, everything_off).message
    asking = everything_off.replace(
        "  virtual-size: off\n", "  virtual-size: {severity: error, largest: 1T}\n"
    )
    judgement = judge(facts.inspection(), read_policy(written(tmp_path, asking)))
    assert [finding.check for finding in judgement.findings] == ["virtual-size"]


def test_a_check_that_judges_only_what_is_asked_for_has_to_be_asked_something(tmp_path: Path) -> None:
    refused = refusal(tmp_path, "checks:\n  virtual-size: error\n")
    assert refused.message.endswith(
        "team.yaml:2: checks.virtual-size: the check judges nothing without its parameter largest"
    )
    assert "set largest" in refused.hint
    assert (
        "paths" in refusal(tmp_path, "checks:\n  forbidden-files: {severity: warning, paths: []}\n").message
    )
    read_policy(written(tmp_path, "checks:\n  virtual-size: {severity: warning, largest: 1G}\n"))
    read_policy(written(tmp_path, "extends: strict\n"))


def test_what_extends_it_may_ask(tmp_path: Path) -> None:
    """A policy that gives the severity is good as a base, and none by itself."""
    written(tmp_path, "checks:\n  virtual-size: warning\n").rename(tmp_path / "base.yaml")
    extended = written(tmp_path, "extends: base.yaml\nchecks:\n  virtual-size: {largest: 1G}\n")
    assert rule(read_policy(extended), "virtual-size").severity is Severity.WARNING
    assert "judges nothing" in refusal(tmp_path, "extends: base.yaml\n").message


def test_a_file_extends_a_file_next_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").mkdir()
    monkeypatch.chdir("/")
    written(tmp_path, "extends: strict\nchecks:\n  machine-id: {severity: off}\n", "shared/base.yaml")
    policy = read_policy(written(tmp_path, "extends: shared/base.yaml\nchecks:\n  machine-id: warning\n"))
    assert rule(policy, "machine-id").severity is Severity.WARNING
    assert rule(policy, "initramfs-generic").severity is Severity.ERROR
    base = read_policy(tmp_path / "shared/base.yaml")
    assert rule(base, "machine-id").origins["severity"] == f"{tmp_path}/shared/base.yaml:3"


def test_files_that_extend_each_other_are_an_error(tmp_path: Path) -> None:
    written(tmp_path, "extends: ./team.yaml\n", "other.yaml")
    error = refusal(tmp_path, "checks: {}\nextends: other.yaml\n")
    assert "circle" in error.message
    assert error.message.startswith(f"{tmp_path}/other.yaml:1: ")
    assert "circle" in refusal(tmp_path, "extends: team.yaml\n").message


def test_only_a_file_loads_pydantic(tmp_path: Path) -> None:
    path = written(tmp_path, "extends: strict\n")
    code = (
        "import sys; from imgtool.policy.load import load_policy; import imgtool.cli.commands.check; "
        "load_policy('strict'); before = {'pydantic', 'yaml'} & set(sys.modules); "
        f"load_policy({str(path)!r}); print(before, 'pydantic' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set() True"


NAMES = st.sampled_from(
    [*(check.name for check in all_checks()), "extends", "checks", "largest", "severity", "x"]
)
SCALARS = st.one_of(
    st.sampled_from(["off", "error", "20G", "null", "strict", "/x", "team.yaml"]), st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(value=VALUES, checks=st.dictionaries(NAMES, VALUES, max_size=4))
def test_no_policy_gives_a_traceback(value: object, checks: object, tmp_path: Path) -> None:
    for document in (value, {"checks": checks}, {"extends": value, "checks": checks}):
        path = written(tmp_path, yaml.safe_dump(document))
        with contextlib.suppress(UsageError):
            read_policy(path)
