"""One boot: a folder with the guest's own files, the machine, what it showed; nothing of it stays."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from imgtool.boot import accelerator, config_drive, firmware, waiting
from imgtool.boot.accelerator import machine_access
from imgtool.boot.compare import differences, root_grown, stage_difference, under_secure_boot
from imgtool.boot.crowding import doubt
from imgtool.boot.diagnosis.diagnose import diagnose
from imgtool.boot.machine import MAC, FirmwareFiles, Hardware, arguments
from imgtool.boot.qemu import Guest, started
from imgtool.boot.watch import ConsoleMonitor
from imgtool.disk.consistency import for_qemu_img
from imgtool.disk.temporary import temporary_folder
from imgtool.formats.gate import open_admitted
from imgtool.formats.source import Source, naming
from imgtool.model.boot import (
    MIB,
    AgentFacts,
    BootOptions,
    BootResult,
    Bus,
    Cdrom,
    Diagnosis,
    Difference,
    StageTime,
)
from imgtool.model.boot_path import FirmwareName
from imgtool.model.drivers import DriverSet, wants_scsi_cdrom
from imgtool.model.facts import NOT_READ, Known
from imgtool.model.guest import GuestFacts
from imgtool.model.inspection import Inspection
from imgtool.process import qemu_img
from imgtool.util.progress import Progress

TAIL_LINES = 40
GROWTH_BYTES = 1 << 30
"""The disk is larger than the image by this, or by a quarter if that is more: room for the root to grow."""


def disk_bytes(virtual_size_bytes: int) -> int:
    """The size of the disk that the guest gets, in whole MiB."""
    return -(-(virtual_size_bytes + max(GROWTH_BYTES, virtual_size_bytes // 4)) // MIB) * MIB


@dataclass(frozen=True, slots=True)
class BootSession:
    """What all boots of an image share."""

    inspection: Inspection
    options: BootOptions
    architecture: str
    emulator: str
    chosen: accelerator.Choice
    keep: TextIO | None
    progress: Progress
    counted: bool = False
    """The guest's clock counts its instructions."""

    def boot(self, bus: Bus) -> BootResult:
        """One boot; nothing of it stays."""
        image = self.inspection.image
        secure = self.options.secure_boot
        wanted = "uefi" if secure else self.options.firmware
        name = firmware.choose(wanted, self.inspection.guest, self.architecture)
        how = f"{name} with Secure Boot" if secure else name
        self.progress.stage("boot", f"{image.origin.path} on {bus}, firmware {how}")
        if self.keep is not None:
            self.keep.write(f"# {bus}, {name}, {self.chosen.accelerator}\n")
        with temporary_folder(image.origin.path) as folder, open_admitted(image) as source:
            files = firmware.prepare(name, self.architecture, folder, secure=secure)
            machine = self._machine(bus, files, source, folder)
            access = machine_access(
                self.emulator,
                self.chosen.accelerator,
                source.descriptor,
                data=() if files is None else (files.code,),
                folders=(folder,),
            )
            with naming(image.origin.path), started(self.emulator, machine, access, self.keep) as guest:
                watch = ConsoleMonitor(guest, self._tell)
                waited = waiting.until_it_answers(guest, watch, self.options.timeout_seconds)
                agent = self._ask(guest, watch) if waited.answered else None
            watch.look(now=True)
            return self._result(bus, name, watch, waited, agent)

    def _machine(
        self, bus: Bus, files: FirmwareFiles | None, source: Source, folder: Path
    ) -> Callable[[int, int], Sequence[str]]:
        """QEMU's arguments, but for the two sockets; its files are made in `folder`."""
        image, options = self.inspection.image, self.options
        instance = str(uuid.uuid4())
        overlay, drive = folder / "overlay.qcow2", folder / "config.iso"
        with overlay.open("xb") as file:
            qemu_img.create(file.fileno(), disk_bytes(image.virtual_size_bytes))
        config_drive.write(drive, instance, MAC)
        given = for_qemu_img(image.format, source)

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
                    image=given,
                    overlay=overlay,
                    config_drive=drive,
                    cdrom=cdrom_of(self.inspection.guest, self.architecture),
                    serial=serial,
                    agent=agent,
                    counted=self.counted,
                )
            )

        return complete

    def _ask(self, guest: Guest, watch: ConsoleMonitor) -> AgentFacts:
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
        watch: ConsoleMonitor,
        waited: waiting.BootOutcome,
        agent: AgentFacts | None,
    ) -> BootResult:
        guest, log = self.inspection.guest, watch.log
        if self.options.secure_boot:
            guest = under_secure_boot(guest)
        stages = watch.stages
        found = diagnose(log.text, answered=waited.answered, timed_out=True)
        doubted = doubt(found, self.chosen.accelerator, self.options.cpus)
        if self.counted and not waited.timed_out:
            doubted = None  # the guest's own patience knows nothing of a busy machine
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
            diagnosis=found,
            doubt=doubted,
            log=log.tail(TAIL_LINES),
            differences=() if doubted else _differences(guest, name, bus, agent, found),
            root_grown=root_grown(guest, agent) if agent is not None else NOT_READ,
            timed_out=waited.timed_out,
        )


def _differences(
    guest: GuestFacts, firmware: FirmwareName, bus: Bus, agent: AgentFacts | None, found: Diagnosis | None
) -> tuple[Difference, ...]:
    """What differs from the inspection: how far the boot came, and what its agent told."""
    said = differences(guest, firmware, agent) if agent is not None else ()
    stopped = found.stage if found is not None else None
    return (*stage_difference(guest, firmware, bus, stopped), *said)


def _has_cloud_init(guest: GuestFacts) -> bool:
    """Unless it is known that it does not run."""
    if guest.linux is None:
        return False
    facts = (guest.linux.cloud_init.installed, guest.linux.cloud_init.enabled)
    return not any(isinstance(fact, Known) and not fact.value for fact in facts)


def cdrom_of(guest: GuestFacts, architecture: str) -> Cdrom:
    """The bus that Nova puts the config drive on: its default, or what `prepare` asks for by a property."""
    kernel = guest.linux.default_kernel if guest.linux is not None else None
    if architecture != "x86_64" or (kernel and wants_scsi_cdrom(DriverSet(kernel.modules))):
        return "scsi"
    return "sata"
