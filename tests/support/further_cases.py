"""Cases of support.check_cases for the checks of Secure Boot, and of what was before."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from support import facts
from support.cloud_boots import GOOD, STOPPED, UNTRIED, started
from support.facts import UNREADABLE, known

from imgtool.model.facts import NOT_READ
from imgtool.model.inspection import Inspection

Case = Callable[[], Inspection]

HEALTHY: dict[str, Case] = {
    "unchanged": facts.compared,
    "boots-in-cloud": lambda: started(GOOD),
}

FAILING: dict[str, list[Any]] = {
    "boots-in-cloud": [
        lambda: started(STOPPED),
        lambda: started(UNTRIED, GOOD, STOPPED),
        lambda: started(replace(STOPPED, diagnosis=None, problem="the agent did not answer")),
    ],
    "unchanged": [lambda: facts.compared(facts.EVE)],
    "secure-boot": [
        lambda: facts.with_secure_boot(known(facts.secure_boot(refused="its hash is revoked"))),
        lambda: facts.with_secure_boot(known(facts.secure_boot(year=2011))),
    ],
    "guest-agent-rpcs": [
        lambda: facts.with_agent(filtered_rpcs=known(("guest-fsfreeze-freeze",))),
        lambda: facts.with_agent(failing_rpcs=known(("guest-set-user-password",))),
    ],
}

UNKNOWN: dict[str, list[Any]] = {
    "boots-in-cloud": [lambda: started(UNTRIED), lambda: started(GOOD, UNTRIED)],
    "unchanged": [lambda: facts.compared(unknown="bad block")],
    "secure-boot": [lambda: facts.with_secure_boot(UNREADABLE)],
    "guest-agent-rpcs": [
        lambda: facts.with_agent(filtered_rpcs=UNREADABLE),
        lambda: facts.with_agent(failing_rpcs=UNREADABLE),
    ],
}

SKIPPED: dict[str, list[Any]] = {
    "unchanged": [facts.inspection],
    "secure-boot": [
        lambda: facts.with_secure_boot(known(facts.UNSIGNED)),
        lambda: facts.with_secure_boot(NOT_READ),
    ],
}
