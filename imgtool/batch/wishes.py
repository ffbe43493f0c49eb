"""Whether a batch is to go on: what its threads ask, and an interruption answers."""

from dataclasses import dataclass

from imgtool.batch.watching import Wish


@dataclass(slots=True)
class Wishes:
    """From `run` to `stop` to `kill`, and never back."""

    now: Wish = "run"

    def get(self) -> Wish:
        """What is wanted at this moment."""
        return self.now

    def interrupt(self) -> None:
        """The first time: end and clean up. The second time: at once."""
        self.now = "stop" if self.now == "run" else "kill"
