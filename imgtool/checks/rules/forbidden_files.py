r"""Nothing that the policy forbids is in the guest.

What it checks
    Each of `paths` of the policy, e.g. `[/root/.aws/credentials, "/home/*/.ssh/id_*"]`: absolute guest paths
    at which neither a file, a directory nor a link may be. `*`, `?` and `[...]` stand for parts of one name,
    `**` as a name for any number of directories. Skipped where the policy names none.

    On Windows a path starts at the system's drive: `/Users/*/.ssh/id_*` is C:\Users\...\.ssh\id_... Case does
    not count there, and links are not followed: a path that names one cannot be judged.

Why it matters
    Every organisation has files that must not be in an image that many use: credentials of its own build,
    agents of one customer, licences, notes.

How to fix
    Remove them where the image is made, on Windows before sysprep. In an image file:
        virt-customize -a IMAGE --delete PATH
"""

from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from imgtool.checks.check import Check, Parameters, Verdict, failed, passed, unknown
from imgtool.guest.found_files import MAX_FOUND
from imgtool.model.facts import Fact, GuestQuery, Known, Unknown
from imgtool.model.inspection import Inspection
from imgtool.model.verdict import Severity
from imgtool.util.text import shell_word

SHOWN = 10
"""Paths that a finding names; it says how many there are."""
COMMANDED = 3
"""Paths that the remedy's command deletes."""


def guest_path(text: str) -> str:
    """An absolute path in the guest, perhaps with wildcards."""
    names = text.split("/")
    if not text.startswith("/") or not any(names) or {".", ".."}.intersection(names) or "\0" in text:
        raise ValueError(f"{text!r} is no absolute path in the guest; /root/.ssh and /home/*/.netrc are")
    return text


@dataclass(frozen=True, slots=True)
class ForbiddenFiles(Parameters):
    """What a policy can set."""

    paths: tuple[Annotated[str, guest_path], ...] = ()
    """None of them may be there."""

    def guest_query(self) -> GuestQuery:
        """The paths: the guest is not searched for anything without being asked."""
        return GuestQuery(files=self.paths)


def examine(inspection: Inspection, parameters: ForbiddenFiles) -> Verdict:
    """Nothing was found where the policy forbids it; unknown where the guest could not be searched."""
    guest = inspection.guest
    system = guest.linux or guest.windows
    return unknown(guest.reason) if system is None else _judge(system.found_files, parameters.paths)


def _judge(found_files: Fact[tuple[str, ...]], paths: tuple[str, ...]) -> Verdict:
    match found_files:
        case Unknown(reason):
            return unknown(reason)
        case Known((), evidence):
            return passed(f"nothing is at the {len(paths)} path(s) that the policy forbids", evidence)
        case Known(found, _):
            more = ", ..." if len(found) > SHOWN else ""
            count = str(len(found)) if len(found) < MAX_FOUND else f"{MAX_FOUND} or more"
            return failed(
                f"{count} file(s) are there that the policy forbids",
                ", ".join(found[:SHOWN]) + more,
                _remedy(found),
            )


def _remedy(found: tuple[str, ...]) -> str:
    """A command for the first of them whose names can be typed."""
    words = filter(None, map(_literal_word, found))
    options = " ".join(f"--delete {word}" for word in islice(words, COMMANDED))
    return f"remove them: `virt-customize -a IMAGE {options}`" if options else "remove them from the image"


def _literal_word(path: str) -> str | None:
    """None also for what virt-customize would take for a pattern of names, as it does: see its manual."""
    return None if set("*?[]{}").intersection(path) else shell_word(path)


CHECK = Check("forbidden-files", Severity.ERROR, examine, ForbiddenFiles(), on_request=True)
