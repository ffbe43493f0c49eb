"""What a boot on Nova starts of a guest's services: systemd's units with all that only a running guest has.

The model of units stands in systemd/; this adds what udev's rules want when the agent's port appears, and
what cloud-init's generator links into the boot. Where one of systemd's own units has no file, a plain
one stands in for it: then something else is wrong with the guest first, and is said elsewhere.
"""

from dataclasses import dataclass
from functools import cached_property

from imgtool.guest.cloud_init.generator import Generated, generated
from imgtool.guest.fact import fact_of, value_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.init_system import InitName, init_system
from imgtool.guest.kernel_command_line import CommandLine
from imgtool.guest.service_setup import start_failure
from imgtool.guest.systemd import AGENT_PORT, Machine, StartedUnits, Unit, unit_file, what_starts
from imgtool.guest.systemd.generated import Link, generated_tree
from imgtool.guest.tree import GuestTree
from imgtool.guest.udev import PORT, PortEvent, port_event
from imgtool.model.facts import Fact, Known
from imgtool.util.text import printable

CLOUD_INIT_TARGET = "cloud-init.target"
UDEVD = "systemd-udevd.service"
STAND_INS: dict[str, str | Link] = {
    "default.target": Link("multi-user.target"),
    "sysinit.target": "[Unit]\n",
    "basic.target": "[Unit]\nRequires=sysinit.target\n",
    "multi-user.target": "[Unit]\nRequires=basic.target\nWants=getty.target\n",
    "graphical.target": "[Unit]\nRequires=multi-user.target\n",
    "getty.target": "[Unit]\n",
    UDEVD: "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/lib/systemd/systemd-udevd\n",
}
"""What every boot needs, and what stands in for it where a tree has no such file."""
STAND_INS_DIRECTORY = "/etc/systemd/system.attached"


@dataclass(frozen=True, slots=True)
class Start:
    """Whether one unit is started, by what, and why not."""

    starts: bool
    place: str
    """The link or line that starts it; empty where nothing does."""
    reason: str = ""
    mask: str = ""
    """The path that masks it."""


class BootServices:
    """The services of one guest; what is asked for is read once."""

    def __init__(
        self, tree: GuestTree, line: CommandLine, machine: str | None = None, kernel: str | None = None
    ) -> None:
        """`machine` and `kernel`: as `uname -m` and `uname -r` say it, where that is known."""
        self.kernel = kernel
        self.tree = tree
        self.line = line
        self.machine = machine or "x86_64"

    @cached_property
    def init(self) -> InitName:
        """The init of the guest. Raises GuestReadError where it is a script that nobody can follow."""
        return init_system(self.tree, self.line)

    @property
    def by_systemd(self) -> bool:
        """systemd is the init, or nothing says which one it is."""
        return self.init in {"systemd", "unknown"}

    @cached_property
    def event(self) -> Fact[PortEvent]:
        """What udev makes of the agent's port."""
        return fact_of(lambda: Known(port_event(self.tree), "udev's rules"))

    @cached_property
    def generated(self) -> Fact[Generated]:
        """What cloud-init's generator comes to."""
        return fact_of(lambda: Known(generated(self.tree, self.line, self.machine), "cloud-init-generator"))

    @cached_property
    def has_port_name(self) -> bool:
        """The port has its name, by which systemd and the agent know it, and systemd's tag."""
        event = value_of(self.event)
        return event.has_device_unit and f"virtio-ports/{PORT}" in event.links

    @cached_property
    def _units(self) -> StartedUnits:
        wants: list[tuple[str, str, str]] = []
        devices: tuple[str, ...] = (AGENT_PORT,)
        if isinstance(self.event, Known):
            place = printable(self.event.value.places.get("SYSTEMD_WANTS", "udev"))
            wants += [(AGENT_PORT, unit, f"{place}: SYSTEMD_WANTS {unit}") for unit in self.event.value.units]
            devices = (AGENT_PORT,) if self.event.value.has_device_unit else ()
        if isinstance(self.generated, Known) and self.generated.value.starts:
            wants.append(("multi-user.target", CLOUD_INIT_TARGET, str(self.generated.value.path)))
        machine = Machine(
            self.line, self.machine, devices=devices, device_wants=tuple(wants), kernel=self.kernel
        )
        return what_starts(self._with_base_units(), machine, fails=start_failure)

    def _with_base_units(self) -> GuestTree:
        """Add a plain unit for each of systemd's own that every boot needs and that has no file at all."""
        made = {name: text for name, text in STAND_INS.items() if unit_file(self.tree, name) is None}
        if UDEVD in made:
            made[f"sysinit.target.wants/{UDEVD}"] = Link(f"../{UDEVD}")
        return self.tree.with_mount(STAND_INS_DIRECTORY, generated_tree(made)) if made else self.tree

    @property
    def started(self) -> frozenset[str]:
        """The names of all units that are started."""
        return self._units.names

    def unit(self, name: str) -> Unit:
        """The unit of that name, whatever its state."""
        return self._units.files.unit(name)

    def exists(self, name: str) -> bool:
        """It has a file, be that a mask."""
        return self.unit(name).state != "not-found"

    def start(self, name: str) -> Start:
        """What becomes of the unit. Raises GuestReadError where only the running guest knows."""
        state = self._units.unit(name)
        chain = self._units.chain(name)
        place = chain[-1] if chain else ""
        if state.starts is None:
            raise GuestReadError(f"whether {state.reason} is known at run time only")
        unit = self.unit(name)
        mask = unit.place if unit.state == "masked" and unit.place.startswith("/") else ""
        return Start(state.starts, place, state.reason, mask)
