"""What the checks of user space share: of several troubles the worst is told first, the others behind it."""

from imgtool.checks.check import Verdict, failed, passed, unknown, warned
from imgtool.model.facts import Fact, Unknown
from imgtool.model.services import Trouble
from imgtool.util.text import enumerated

_ORDER = ("stops", "unknown", "waits")


def worst(fact: Fact[tuple[Trouble, ...]], good: str) -> Verdict:
    """A stop fails, what is unknown is unknown, a wait is a warning; with none of them `good` is so."""
    if isinstance(fact, Unknown):
        return unknown(fact.reason)
    if not fact.value:
        return passed(good, fact.evidence)
    first = min(fact.value, key=lambda one: _ORDER.index(one.effect))
    alike = [one for one in fact.value if one.effect == first.effect]
    message = enumerated([one.message for one in alike], "; ")
    evidence = enumerated([one.evidence for one in alike], "; ")
    if first.effect == "unknown":
        return unknown(message)
    judge = failed if first.effect == "stops" else warned
    return judge(message, evidence or fact.evidence, first.remedy)
