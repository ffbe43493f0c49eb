"""`prepare --fix`, and `fix:` in a manifest: the image is repaired on its way to Glance."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from imgtool.fix.repaired import IGNORE, RepairRequest, parts, repaired
from imgtool.model.boot import BootOptions
from imgtool.model.fix import FixOptions
from imgtool.model.result import ImageResult
from imgtool.pipeline.request import Judge
from imgtool.util.progress import Progress


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """What a PrepareRequest has as `repair`."""

    options: FixOptions
    boot: BootOptions | None
    """How an image is booted whether it was repaired or not; None: that was not asked for."""
    boots_in_cloud: bool = False
    """The clouds boot it: nobody needs to here."""

    @contextmanager
    def __call__(
        self, before: ImageResult, judge: Judge, progress: Progress, *, dry_run: bool
    ) -> Iterator[ImageResult]:
        """The result of what is delivered; see `repaired`. What was repaired is booted as Nova would."""
        request = RepairRequest(options=self.options, boot=self._proof(), otherwise=IGNORE)
        with repaired(before, judge, request, progress, dry_run=dry_run) as result:
            untouched = result.fix is not None and result.fix.problem is None and not result.fix.plan.repairs
            if untouched and self.boot is not None:
                yield replace(judge(parts(before)[0].image, self.boot), fix=result.fix)
            else:
                yield result

    def _proof(self) -> BootOptions | None:
        if self.boot is not None or self.boots_in_cloud:
            return self.boot
        return BootOptions(timeout_seconds=self.options.timeout_seconds, accel=self.options.accel)


def repairing(
    options: FixOptions | None, boot: BootOptions | None, *, boots_in_cloud: bool
) -> OnTheWay | None:
    """What a PrepareRequest has as `repair`; None where nothing is to be repaired."""
    return None if options is None else OnTheWay(options, boot, boots_in_cloud)
