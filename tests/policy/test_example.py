"""The policy of docs/policies.md is read, and is in force as its comments say."""

from pathlib import Path

from support import facts
from support.documentation import policy_example
from support.facts import known
from support.policies import written

from imgtool.checks.registry import all_checks, guest_query, judge
from imgtool.model.facts import GuestQuery
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Outcome
from imgtool.policy.file import read_policy


def failing(inspection: Inspection, folder: Path) -> set[str]:
    policy = read_policy(written(folder, policy_example()))
    return {one.check for one in judge(inspection, policy).findings if one.outcome is Outcome.FAIL}


def test_it_sets_something_of_every_check_that_has_parameters(tmp_path: Path) -> None:
    """But of those that judge a boot: no image passes a policy that requires one, without `--boot`."""
    policy = read_policy(written(tmp_path, policy_example()))
    for check in filter(lambda one: not one.after_boot, all_checks()):
        assert (policy.rule(check).parameters == check.parameters) is (check.parameters is None), check.name
    assert guest_query(policy) == GuestQuery(("nvme",), ("/root/.aws", "/home/*/.netrc"))


def test_a_good_image_passes_and_each_spoiled_one_fails_by_its_check(tmp_path: Path) -> None:
    nvme = {**facts.states(), "nvme": "module"}

    def inspected(**changed: object) -> Inspection:
        kernels = known((facts.kernel(modules=nvme),))
        return facts.inspection(facts.linux(**{"kernels": kernels, **changed}))

    assert failing(inspected(), tmp_path) == set()
    assert failing(inspected(os_distro=known("fedora")), tmp_path) == {"distribution-allowed"}
    assert failing(inspected(found_files=known(("/root/.aws",))), tmp_path) == {"forbidden-files"}
    filtered = facts.agent(filtered_rpcs=known(("guest-network-get-interfaces",)))
    assert failing(inspected(agent=filtered), tmp_path) == {"guest-agent-rpcs"}
    without = known((facts.kernel(modules={**nvme, "nvme": "missing"}),))
    assert failing(inspected(kernels=without), tmp_path) == {"required-modules"}
