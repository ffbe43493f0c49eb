"""What a check is, and what the checks share.

A check is one file of this package: a docstring with the headings *What it checks*, *Why it matters* and
*How to fix*, a `CHECK`, and one pure function from an `Inspection` to a `Verdict`.

A check that a policy can set something of has a frozen dataclass of `Parameters` as well, and its function
takes that as its second argument.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from imgtool.model.facts import Fact, GuestQuery, Known, Unknown
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.model.kernel import Kernel
from imgtool.model.layout import Firmware
from imgtool.model.linux import LinuxFacts
from imgtool.model.services import AgentFacts
from imgtool.model.verdict import Outcome, Severity

System = Literal["linux", "windows"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, before its name and severity are added to make a Finding."""

    outcome: Outcome
    message: str
    evidence: str = ""
    remedy: str = ""
    severity: Severity | None = None
    """Where this case weighs less than the check by itself: a wait in place of a stop."""


class Parameters:
    """Base of a check's parameters: a frozen dataclass whose fields, each with its default, a policy sets.

    A field is of type T or tuple[T, ...], where T is `Annotated[type, parse]`: `parse` makes the value of a
    policy's text, and raises ValueError with what is wrong with it. A switch is of type bool.
    """

    __slots__ = ()

    def guest_query(self) -> GuestQuery:
        """What the guest has to be searched for, so that the check can judge."""
        return GuestQuery()


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name on the command line and in reports, and the function that judges."""

    name: str
    severity: Severity
    examine: Callable[..., Verdict]
    """Takes the Inspection; where the check has parameters, these as well."""
    parameters: Parameters | None = None
    """The defaults of what a policy can set."""
    on_request: bool = False
    """It judges only what a policy asks for: skipped while its parameters are the defaults."""
    after_boot: bool = False
    """It judges what a boot showed, so it does not stand in the way of one."""


CANNOT = "cannot be judged: "
"""How the message of a verdict begins that is unknown; behind it stands the cause."""


def passed(message: str, evidence: str = "") -> Verdict:
    """It is as it should be."""
    return Verdict(Outcome.PASS, message, evidence)


def failed(message: str, evidence: str, remedy: str) -> Verdict:
    """It is not as it should be: what was seen where, and what to do about it."""
    return Verdict(Outcome.FAIL, message, evidence, remedy)


def warned(message: str, evidence: str, remedy: str) -> Verdict:
    """Return a failure as a warning: the image still comes up."""
    return Verdict(Outcome.FAIL, message, evidence, remedy, Severity.WARNING)


def unknown(reason: str) -> Verdict:
    """It could not be read: never a pass."""
    return Verdict(Outcome.UNKNOWN, f"{CANNOT}{reason}", "", UNKNOWN_REMEDY)


def unknown_with(reason: str, remedy: str, evidence: str = "") -> Verdict:
    """Return `unknown` with the step that would find out."""
    return Verdict(Outcome.UNKNOWN, f"{CANNOT}{reason}", evidence, remedy)


def skipped(reason: str) -> Verdict:
    """It does not apply to this image."""
    return Verdict(Outcome.SKIPPED, reason)


def require(fact: Fact[bool], *, good: str, bad: str, remedy: str) -> Verdict:
    """Passed with the message `good` where the fact is true, failed with `bad` where it is false."""
    match fact:
        case Unknown(reason):
            return unknown(reason)
        case Known(True, evidence):
            return passed(good, evidence)
        case Known(_, evidence):
            return failed(bad, evidence, remedy)


def is_false(fact: Fact[bool]) -> bool:
    """Surely not so."""
    return isinstance(fact, Known) and not fact.value


UNKNOWN_REMEDY = "see `imgtool inspect IMAGE` for what could be read and why the rest could not"


def on_linux(judge: Callable[[LinuxFacts], Verdict]) -> Callable[[Inspection], Verdict]:
    """Apply `judge` to the guest's Linux system; skipped on Windows, unknown where nothing could be read."""

    def examine(inspection: Inspection) -> Verdict:
        guest = inspection.guest
        return no_linux(guest) if guest.linux is None else judge(guest.linux)

    return examine


def firmware_of(guest: GuestFacts) -> Fact[Firmware]:
    """Which firmware starts something; unknown for the cause of all else where nothing was looked at."""
    known = isinstance(guest.firmware, Known) or guest.boot_paths
    return guest.firmware if known else Unknown(guest.reason)


def nothing_starts(guest: GuestFacts) -> Verdict | None:
    """What a check of the command line says where no kernel gets one; None where one starts."""
    path = guest.boot_path
    if guest.linux is None or isinstance(guest.linux.command_line, Known):
        return None
    if path is None or path.starts_a_kernel:
        return None
    return skipped("no kernel starts (boot-firmware and boot-loader judge that)")


def on_started_linux(judge: Callable[[LinuxFacts], Verdict]) -> Callable[[Inspection], Verdict]:
    """Apply `judge` as `on_linux` does; skipped where no kernel starts."""

    def examine(inspection: Inspection) -> Verdict:
        return nothing_starts(inspection.guest) or on_linux(judge)(inspection)

    return examine


def no_linux(guest: GuestFacts) -> Verdict:
    """What a check of Linux says of a guest in which none was read."""
    return unknown(guest.reason) if guest.windows is None else skipped("not a Linux system: it is Windows")


def on_agent(judge: Callable[[AgentFacts, System], Verdict]) -> Callable[[Inspection], Verdict]:
    """Apply `judge` to the guest's agent and to what kind of system it is in."""

    def examine(inspection: Inspection) -> Verdict:
        guest = inspection.guest
        if guest.windows is not None:
            return judge(guest.windows.agent, "windows")
        if guest.linux is None:
            return unknown(guest.reason)
        return judge(guest.linux.agent, "linux")

    return examine


def on_booting_kernel(judge: Callable[[LinuxFacts, Kernel], Verdict]) -> Callable[[Inspection], Verdict]:
    """Apply `judge` to the kernel that will boot; a guest without any kernel fails."""

    def judge_linux(linux: LinuxFacts) -> Verdict:
        match linux.kernels:
            case Unknown(reason):
                return unknown(reason)
            case Known(kernels, evidence):
                booting = next((kernel for kernel in kernels if kernel.default), None)
                return judge(linux, booting) if booting else _no_kernel(evidence)

    return on_linux(judge_linux)


def _no_kernel(evidence: str) -> Verdict:
    return failed(
        "no kernel is installed: the image cannot boot",
        evidence,
        "install the distribution's kernel package, e.g. `apt install linux-image-cloud-amd64`",
    )
