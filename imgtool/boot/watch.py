"""Looks at a guest's console now and then: which stages it reached, and whether there is hope."""

from collections.abc import Callable

from imgtool.boot.console import ConsoleLog
from imgtool.boot.diagnosis.diagnose import cloud_init_of, diagnose, login_prompt, stages_of
from imgtool.boot.qemu import Guest
from imgtool.model.boot import CloudInitRun, StageTime
from imgtool.model.facts import Fact, Known, Unknown

LOGIN_SECONDS = 30.0
"""How long an agent may be silent after a login prompt: it starts before that, or shortly after."""

LAST_SECONDS = 5.0
"""How long a boot that failed for good is watched still: the end of its log says more."""

_LOOK_SECONDS = 1.0
_SHARE = 5
"""Between two looks pass so many times a look's own time, at least: a guest may write very much."""


class ConsoleMonitor:
    """What the console showed so far; `tell` hears of each stage when it is reached."""

    def __init__(self, guest: Guest, tell: Callable[[StageTime], None]) -> None:
        self._guest = guest
        self._tell = tell
        self._next_look = _LOOK_SECONDS
        self._failed_at: float | None = None
        self._login_at: float | None = None
        self.stages: tuple[StageTime, ...] = ()
        self.cloud_init: Fact[CloudInitRun] = Unknown("cloud-init says nothing on the serial console")

    @property
    def log(self) -> ConsoleLog:
        """The console that is watched."""
        return self._guest.log

    def look(self, *, now: bool = False) -> None:
        """Look, if it is time to."""
        began = self._guest.seconds()
        if began < self._next_look and not now:
            return
        text = self.log.text
        self._note_stages()
        self.cloud_init = cloud_init_of(text)
        if self._login_at is None and login_prompt(text):
            self._login_at = began
        self._note_failure(began, failed=diagnose(text, answered=False, timed_out=False) is not None)
        ended = self._guest.seconds()
        self._next_look = ended + max(_LOOK_SECONDS, _SHARE * (ended - began))

    @property
    def failed(self) -> bool:
        """The boot stopped for good, some time ago."""
        return self._passed(self._failed_at, LAST_SECONDS)

    @property
    def silent(self) -> bool:
        """There is a login prompt, and was one long enough for an agent to start."""
        return self._passed(self._login_at, LOGIN_SECONDS)

    @property
    def cloud_init_over(self) -> bool:
        """It finished; or a login prompt came, and it had said nothing before."""
        if isinstance(self.cloud_init, Known):
            return self.cloud_init.value.done
        return self._passed(self._login_at, LAST_SECONDS)

    def _passed(self, since: float | None, seconds: float) -> bool:
        return since is not None and self._guest.seconds() - since >= seconds

    def _note_failure(self, now: float, *, failed: bool) -> None:
        """A boot may get over what looked like its end."""
        if not failed:
            self._failed_at = None
        elif self._failed_at is None:
            self._failed_at = now

    def _note_stages(self) -> None:
        found = stages_of(self.log.lines)
        for one in found:
            if one.stage not in {told.stage for told in self.stages}:
                self._tell(one)
        self.stages = found
