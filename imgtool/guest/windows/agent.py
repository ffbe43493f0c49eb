"""qemu-guest-agent on Windows: a service with a program, and the driver of its port.

Source: qga/installer/qemu-ga.wxs and qga/vss-win32/install.cpp of QEMU; "Services Registry Tree" in
Microsoft's driver documentation.
"""

from imgtool.guest.agent.settings import filters_of_options
from imgtool.guest.fact import fact_of, value_of
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.tree import GuestTree
from imgtool.guest.windows.hives import Hives
from imgtool.guest.windows.paths import command_parts
from imgtool.guest.windows.registry import Key
from imgtool.guest.windows.start import AUTOMATIC, SERIAL, driver_named, obstacle_later
from imgtool.model.facts import Fact, Known
from imgtool.model.services import AgentFacts
from imgtool.model.windows import WindowsDriver

SERVICE = "QEMU-GA"
PROGRAM = "/Program Files/Qemu-ga/qemu-ga.exe"
"""Where the installer puts it."""
VSS_SERVICE = "QEMU Guest Agent VSS Provider"
UNINSTALL = (
    r"Microsoft\Windows\CurrentVersion\Uninstall",
    r"WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
)
PRODUCT = "qemu guest agent"
MAX_PRODUCTS = 5000
START_WORDS = {0: "boot", 1: "system", AUTOMATIC: "automatic", 3: "on demand", 4: "disabled"}


def read_agent(tree: GuestTree, hives: Hives, drivers: Fact[tuple[WindowsDriver, ...]]) -> AgentFacts:
    """All facts of the agent; `drivers` are those that `read_drivers` found."""
    return AgentFacts(
        installed=fact_of(lambda: _read_installed(tree, hives)),
        version=fact_of(lambda: _read_version(hives)),
        enabled=fact_of(lambda: _read_enabled(hives)),
        enabled_by=fact_of(lambda: _read_enabled_by(hives)),
        channel=fact_of(lambda: _read_channel(drivers)),
        filtered_rpcs=fact_of(lambda: _read_filtered(hives)),
        failing_rpcs=Known((), "a service of Windows has all that they take"),
    )


def _read_installed(tree: GuestTree, hives: Hives) -> Known[bool]:
    program, _ = _command(hives)
    if tree.size_bytes(program) > 0:
        return Known(value=True, evidence=hives.evidence(program))
    service = "its service is there" if hives.service(SERVICE) is not None else f"no service {SERVICE}"
    return Known(value=False, evidence=hives.evidence(f"{program} is not there; {service}"))


def _command(hives: Hives) -> tuple[str, str]:
    """Guest path of the program, and the options that the service gives to it."""
    service = hives.service(SERVICE)
    image_path = service.text("ImagePath") if service is not None else None
    return command_parts(image_path) if image_path else (PROGRAM, "")


def _read_version(hives: Hives) -> Known[str | None]:
    software = hives.software()
    for path in UNINSTALL:
        products = software.key(path)
        names = products.names() if products is not None else ()
        if len(names) > MAX_PRODUCTS:
            raise GuestReadError(f"more than {MAX_PRODUCTS} products are installed")
        for name in names:
            product = products.key(name) if products is not None else None
            version = _version_of(product) if product is not None else None
            if product is not None and version is not None:
                return Known(version, hives.evidence(f"{product.where}: DisplayVersion", "SOFTWARE"))
    return Known(None, hives.evidence("SOFTWARE lists no product of that name", "SOFTWARE"))


def _version_of(product: Key) -> str | None:
    name = product.text("DisplayName") or ""
    return product.text("DisplayVersion") if name.lower().startswith(PRODUCT) else None


# ---------------------------------------------------------------- enabled


def _read_enabled(hives: Hives) -> Known[bool]:
    service = hives.service(SERVICE)
    if service is None:
        where = f"{hives.control_set().where}\\Services"
        return Known(value=False, evidence=hives.evidence(f"{where}: no {SERVICE}"))
    seen = f"{service.where}: Start={_start_text(service)}"
    vss = "" if hives.service(VSS_SERVICE) is None else f"; {VSS_SERVICE} is there for quiesced snapshots"
    return Known(service.number("Start") == AUTOMATIC, hives.evidence(f"{seen}{vss}"))


def _read_enabled_by(hives: Hives) -> Known[str | None]:
    service = hives.service(SERVICE)
    if service is None:
        return Known(None, f"no service {SERVICE}")
    return Known(f"service {SERVICE}, Start={_start_text(service)}", service.where)


def _start_text(service: Key) -> str:
    start = service.number("Start")
    return "?" if start is None else f"{start} ({START_WORDS.get(start, 'not defined')})"


def _read_filtered(hives: Hives) -> Known[tuple[str, ...]]:
    service = hives.service(SERVICE)
    where = f"{service.where}: ImagePath" if service is not None else f"no service {SERVICE}"
    return filters_of_options(_command(hives)[1], where)


# ---------------------------------------------------------------- the channel


def _read_channel(drivers: Fact[tuple[WindowsDriver, ...]]) -> Known[bool]:
    """A driver that waits in the driver store is installed when Windows first sees the port."""
    driver = driver_named(value_of(drivers), SERIAL)
    if driver is None:
        return Known(
            value=False, evidence="neither a service VirtioSerial nor its driver in the driver store"
        )
    obstacle = obstacle_later(driver)
    if obstacle is not None:
        return Known(value=False, evidence=f"VirtioSerial {obstacle}")
    return Known(value=True, evidence=str(driver.file))
