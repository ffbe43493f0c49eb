"""One boot: a folder with the guest's own files, the machine, what it showed; nothing of it stays."""

import os
import stat
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from imgtool import qemu_img
from imgtool.boot import accelerator, config_drive, firmware, waiting
from imgtool.boot.compare import differences, root_grown
from imgtool.boot.diagnosis import diagnose
from imgtool.boot.guest import Guest, started
from imgtool.boot.hardware import MAC, Hardware, ImageFile, arguments
from imgtool.boot.watch import Watch
from imgtool.disk.temporary import temporary_folder
from imgtool.formats.gate import open_admitted
from imgtool.formats.source import Source, naming
from imgtool.model.boot import MIB, AgentFacts, BootOptions, BootResult, Bus, FirmwareName, StageTime
from imgtool.model.facts import NOT_READ, Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.progress import Progress

TAIL_LINES = 40
GROWTH_BYTES = 1 << 30
"""The disk is larger than the image by this, or by a quarter if that is more: room for the root to grow."""


def disk_bytes(virtual_size_bytes: int) -> int:
    """The size of the disk that the guest gets, in whole MiB."""
    return -(-(virtual_size_bytes + max(GROWTH_BYTES, virtual_size_bytes // 4)) // MIB) * MIB


@dataclass(frozen=True, slots=True)
class Bench:
    """What all boots of an image share."""

    inspection: Inspection
    options: BootOptions
    architecture: str
    emulator: str
    chosen: accelerator.Choice
    keep: TextIO | None
    progress: Progress

    def boot(self, bus: Bus) -> BootResult:
        """One boot; nothing of it stays."""
        image = self.inspection.image
        name = firmware.choose(self.options.firmware, self.inspection.guest, self.architecture)
        self.progress.stage("boot", f"{image.origin.path} on {bus}, firmware {name}")
        if self.keep is not None:
            self.keep.write(f"# {bus}, {name}, {self.chosen.accelerator}\n")
        with temporary_folder(image.origin.path) as folder, open_admitted(image) as source:
            machine = self._machine(bus, name, source, folder)
            descriptors = (source.descriptor,)
            with naming(image.origin.path), started(self.emulator, machine, descriptors, self.keep) as guest:
                watch = Watch(guest, self._tell)
                waited = waiting.until_it_answers(guest, watch, self.options.timeout_seconds)
                agent = self._ask(guest, watch) if waited.answered else None
            watch.look(now=True)
            return self._result(bus, name, watch, waited, agent)

    def _machine(
        self, bus: Bus, name: FirmwareName, source: Source, folder: Path
    ) -> Callable[[int, int], Sequence[str]]:
        """QEMU's arguments, but for the two sockets; its files are made in `folder`."""
        image, options = self.inspection.image, self.options
        files = firmware.prepare(name, self.architecture, folder)
        instance = str(uuid.uuid4())
        overlay, drive = folder / "overlay.qcow2", folder / "config.iso"
        qemu_img.create(overlay, disk_bytes(image.virtual_size_bytes))
        config_drive.write(drive, instance, MAC)
        is_device = stat.S_ISBLK(os.fstat(source.descriptor).st_mode)

        def complete(serial: int, agent: int) -> Sequence[str]:
            return arguments(
                Hardware(
                    architecture=self.architecture,
                    bus=bus,
                    uefi=files,
                    accelerator=self.chosen.accelerator,
                    memory_bytes=options.memory_bytes,
                    cpus=options.cpus,
                    uuid=instance,
                    image=ImageFile(source.descriptor, image.format, is_device),
                    overlay=overlay,
                    config_drive=drive,
                    serial=serial,
                    agent=agent,
                )
            )

        return complete

    def _ask(self, guest: Guest, watch: Watch) -> AgentFacts:
        self._tell(StageTime("agent", guest.seconds()))
        if _has_cloud_init(self.inspection.guest):
            self.progress.stage("boot", "waiting for the end of cloud-init")
            waiting.until_it_settles(guest, watch, self.options.timeout_seconds)
        return waiting.ask_all(guest)

    def _tell(self, reached: StageTime) -> None:
        self.progress.stage("boot", f"{reached.stage} after {reached.seconds:.1f} s")

    def _result(
        self,
        bus: Bus,
        name: FirmwareName,
        watch: Watch,
        waited: waiting.Waited,
        agent: AgentFacts | None,
    ) -> BootResult:
        guest, log = self.inspection.guest, watch.log
        stages = watch.stages
        if waited.answered:
            early = tuple(one for one in stages if one.stage != "agent")
            stages = (*early, StageTime("agent", waited.seconds))
        return BootResult(
            bus=bus,
            firmware=name,
            accelerator=self.chosen.accelerator,
            accelerator_reason=self.chosen.reason,
            answered=waited.answered,
            seconds=waited.seconds,
            stages=stages,
            agent=agent,
            cloud_init=watch.cloud_init,
            diagnosis=diagnose(log.text, answered=waited.answered, timed_out=True),
            log=log.tail(TAIL_LINES),
            differences=differences(guest, name, agent) if agent is not None else (),
            root_grown=root_grown(guest, agent) if agent is not None else NOT_READ,
            timed_out=waited.timed_out,
        )


def _has_cloud_init(guest: GuestFacts) -> bool:
    """Unless it is known that it does not run."""
    if guest.linux is None:
        return False
    facts = (guest.linux.cloud_init.installed, guest.linux.cloud_init.enabled)
    return not any(isinstance(fact, Known) and not fact.value for fact in facts)
