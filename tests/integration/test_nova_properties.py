"""What imgtool derives and knows of image properties, by the code that reads them: Nova's and libvirt's.

One run of Nova's own code answers all of it (support/nova_program.py): what its objects keep, the domain that
its driver makes for a server with a config drive, and whether libvirt takes that.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import ValidationError, validate
from support import facts
from support.debian import build_image
from support.fixtures import checksums, fixture_path
from support.layouts import COMMON, FAMILIES, LAYOUTS, built
from support.nova import ask_nova, metadata_definitions

from imgtool.glance.plan import plan_upload
from imgtool.glance.properties import derive
from imgtool.guest.inspect import inspect_disk
from imgtool.model.delivery import CloudName, GlanceTarget
from imgtool.model.drivers import CDROM_BUSES
from imgtool.model.facts import Known
from imgtool.model.inspection import Inspection
from imgtool.model.nova_properties import KNOWN, faults

GIB = 1 << 30
DEBIAN = {
    "Debian 12": (),
    "Debian 12, BIOS too": ("--firmware=both",),
    "Debian 13, dracut": ("--suite=trixie", "--generator=dracut"),
}
FIXTURES = {name.removesuffix(".raw.zst") for name in checksums()}
MADE = [name for name in (*COMMON, *FAMILIES, *LAYOUTS) if name not in FIXTURES]

Properties = Mapping[str, str]

IGNORED = {"os_version": "for people, and for what they sort images by"}
"""What Nova does not read."""
UNDEFINED = {"architecture": "Glance's definitions do not have it, but its list of useful properties"}
"""What no namespace of Glance's has."""

SWITCHED: Mapping[str, bool | str] = {"yes": True, "no": False}

SIZES = [1, GIB - 1, GIB, GIB + 1, 2 * GIB, 2 * GIB + 512, 10 * GIB - 1, 10 * GIB]
CDROM_ON = ("fdc", "ide", "lxc", "sata", "scsi", "uml", "usb", "virtio", "xen")
"""Nova's buses, as hw_cdrom_bus."""


# ---------------------------------------------------------------- the questions


def derived(disk: Path) -> Properties:
    with disk.open("rb") as file:
        guest = inspect_disk(file, disk.stat().st_size)
    inspection = Inspection(facts.image(), guest, Known(value=True, evidence="raw"))
    return {one.name: one.value for one in derive(inspection, {})}


def of_all_images(folder: Path) -> dict[str, Properties]:
    found = {name: derived(fixture_path(name)) for name in FIXTURES}
    found |= {name: derived(build_image(*options)) for name, options in DEBIAN.items()}
    return found | {name: derived(_raw(name, folder)) for name in MADE}


def _raw(name: str, folder: Path) -> Path:
    """A layout's disk, before it becomes a qcow2."""
    built(name, folder)
    return folder / f"{name}.raw"


def candidates(values: tuple[str, ...]) -> set[str]:
    """What may be taken or not: all values that we know, in capitals too, and some that nobody knows."""
    return {*values, *map(str.upper, values), *map(str.lower, values), "no-such-value", "12"}


@dataclass(frozen=True)
class Answers:
    images: Mapping[str, tuple[Properties, Any]]
    """Of each image what was derived, and what became of it."""
    values: Mapping[tuple[str, str], Any]
    fields: Any
    flavors: Mapping[tuple[int, int], str | None]
    """Virtual size in bytes and root disk in GiB: why no server is made."""
    drives: Mapping[str, Any]


@pytest.fixture(scope="module")
def nova(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("nova")
    images = of_all_images(folder)
    values = [(name, value) for name, taken in KNOWN.items() for value in sorted(candidates(taken))]
    drives = [{"hw_cdrom_bus": bus, "hw_machine_type": kind} for bus in CDROM_ON for kind in ("pc", "q35")]
    sizes = [(size, gib) for size in SIZES for gib in (min_disk(size) - 1, min_disk(size)) if gib]
    flavors = [{"image": {"min_disk": min_disk(size), "size": 1}, "root_gib": gib} for size, gib in sizes]
    asked = {"images": [*images.values(), *drives], "values": values, "flavors": flavors}
    answers = ask_nova(asked, folder)
    of_images, of_drives = answers["images"][: len(images)], answers["images"][len(images) :]
    return Answers(
        images={name: (images[name], one) for name, one in zip(images, of_images, strict=True)},
        values=dict(zip(values, answers["values"], strict=True)),
        fields=answers["fields"],
        flavors=dict(zip(sizes, answers["flavors"], strict=True)),
        drives={f"{one['hw_cdrom_bus']} {one['hw_machine_type']}": answer
                for one, answer in zip(drives, of_drives, strict=True)},
    )  # fmt: skip


def min_disk(virtual_size: int) -> int:
    image = facts.image(virtual_size_bytes=virtual_size)
    return plan_upload(image, cloud=CloudName("x"), wanted=GlanceTarget(name="x"), properties=()).min_disk_gib


# ---------------------------------------------------------------- what is derived


@pytest.mark.series(0)
def test_nova_keeps_what_is_derived(nova: Answers) -> None:
    legacy = nova.fields["legacy"]
    for image, (properties, answer) in nova.images.items():
        meant = {legacy.get(name, name): value for name, value in properties.items() if name not in IGNORED}
        assert answer.get("kept") == {name: SWITCHED.get(value, value) for name, value in meant.items()}, (
            image
        )
    every = {name for properties, _ in nova.images.values() for name in properties}
    assert {"hw_cdrom_bus", "hw_qemu_guest_agent", "hw_machine_type", "os_admin_user", *IGNORED} <= every


def test_libvirt_takes_the_domain_that_nova_makes_of_it(nova: Answers) -> None:
    for image, (_, answer) in nova.images.items():
        assert "refused" not in answer, image


def test_the_domain_has_what_was_meant(nova: Answers) -> None:
    for image, (properties, answer) in nova.images.items():
        domain = ElementTree.fromstring(answer["domain"])  # noqa: S314 - Nova's
        assert hardware(domain) == expected(properties), image


def hardware(domain: ElementTree.Element) -> dict[str, str | None]:
    def of(path: str, attribute: str) -> str | None:
        found = domain.find(path)
        return None if found is None else found.get(attribute)

    return {
        "disk": of("devices/disk[@device='disk']/target", "bus"),
        "config drive": of("devices/disk[@device='cdrom']/target", "bus"),
        "SCSI": of("devices/controller[@type='scsi']", "model"),
        "network": of("devices/interface/model", "type"),
        "video": of("devices/video/model", "type"),
        "RNG": of("devices/rng", "model"),
        "agent": of("devices/channel/target[@name='org.qemu.guest_agent.0']", "type"),
        "machine": of("os/type", "machine"),
        "firmware": of("os", "firmware"),
        "architecture": of("os/type", "arch"),
        "Hyper-V": of("features/hyperv/relaxed", "state"),
    }


def expected(properties: Properties) -> dict[str, str | None]:
    """What each property asks for; where it is not there, the defaults of Nova on x86_64."""
    get = properties.get
    machine = get("hw_machine_type", "pc")
    disk, drive = get("hw_disk_bus", "virtio"), get("hw_cdrom_bus", "sata" if machine == "q35" else "ide")
    return {
        "disk": disk,
        "config drive": drive,
        "SCSI": get("hw_scsi_model") if "scsi" in {disk, drive} else None,
        "network": get("hw_vif_model", "virtio"),
        "video": get("hw_video_model", "virtio"),
        "RNG": get("hw_rng_model", "virtio"),
        "agent": "virtio" if get("hw_qemu_guest_agent") == "yes" else None,
        "machine": machine,
        "firmware": "efi" if get("hw_firmware_type") == "uefi" else None,
        "architecture": get("architecture", "x86_64"),
        "Hyper-V": "on" if get("os_type") == "windows" else None,
    }


def test_glance_defines_what_is_derived(nova: Answers) -> None:
    schemas = defined()
    for properties, _ in nova.images.values():
        for name, value in properties.items():
            of_name = schemas.get(name, [])
            assert of_name or name in UNDEFINED, name
            assert not of_name or any(_is_valid(value, schema) for schema in of_name), f"{name}={value}"


def defined() -> dict[str, list[Any]]:
    """Each property of an image, and what the namespaces that have it say of it."""
    found: dict[str, list[Any]] = {}
    for namespace in metadata_definitions():
        for kind in namespace.get("resource_type_associations", ()):
            if kind["name"] == "OS::Glance::Image":
                for name, schema in namespace.get("properties", {}).items():
                    found.setdefault(kind.get("prefix", "") + name, []).append(schema)
    return found


def _is_valid(value: str, schema: Any) -> bool:
    try:
        validate(value, {**schema, "type": "string"})
    except ValidationError:
        return False
    return True


# ---------------------------------------------------------------- what is known

SPECIAL = {
    "traits_required": "is set by trait:NAME=required",
    "hw_numa_cpus": "is set by hw_numa_cpus.0 and so on",
    "hw_numa_mem": "likewise",
}
"""Fields of Nova that are no property's name."""
BESIDES = {
    "os_version": "nobody's, but everybody has it",
    "os_shutdown_timeout": "read from what the instance keeps of its image: nova/compute/manager.py",
}
NOT_TAKEN_AS_TEXT = {
    "img_mappings": "a list, which Nova decodes for its name of old only",
    "img_block_device_mapping": "likewise",
    "img_hv_requested_version": "a predicate, as >=7.0",
}
SWITCHES = [name for name, values in KNOWN.items() if "yes" in values]
FOR_OTHER_REASONS = {
    "hw_cdrom_bus": "libvirt refuses the others: test_a_config_drive_starts_on_the_buses_that_are_known",
    "hw_machine_type": "QEMU decides: test_machines_of_qemu_are_known",
    **dict.fromkeys(SWITCHES, "Nova takes any other word for no"),
    **NOT_TAKEN_AS_TEXT,
}
"""Where we refuse what Nova takes, or the other way."""


def test_the_names_are_those_of_nova(nova: Answers) -> None:
    legacy = nova.fields["legacy"]
    names = {legacy.get(name, name) for name in KNOWN}
    assert names - BESIDES.keys() == nova.fields["values"].keys() - SPECIAL.keys()


def test_the_values_are_those_that_nova_takes(nova: Answers) -> None:
    for (name, value), answer in nova.values.items():
        if name not in FOR_OTHER_REASONS:
            assert ("refused" in answer) == any(faults([(name, value)])), f"{name}={value}: {answer}"
    for (name, value), answer in nova.values.items():
        if name in SWITCHES:
            assert answer["kept"][name] is (value.lower() in {"yes", "true", "on", "1", "t", "y"})


def test_no_value_of_nova_is_missing(nova: Answers) -> None:
    legacy = nova.fields["legacy"]
    for name, known in KNOWN.items():
        of_nova = nova.fields["values"].get(legacy.get(name, name), ())
        if name != "hw_cdrom_bus":
            assert set(of_nova) <= set(known), name


def test_a_config_drive_starts_on_the_buses_that_are_known(nova: Answers) -> None:
    taken = {name.split()[0] for name, answer in nova.drives.items() if "refused" not in answer}
    assert taken == set(KNOWN["hw_cdrom_bus"])
    assert set(CDROM_BUSES) <= taken


def test_machines_of_qemu_are_known() -> None:
    listed = subprocess.run(
        ["qemu-system-x86_64", "-machine", "help"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    machines = {line.split()[0] for line in listed} - {"none", "x-remote"}
    assert {"pc", "q35", "microvm"} <= machines
    assert list(faults(("hw_machine_type", machine) for machine in machines)) == []


# ---------------------------------------------------------------- sizes


def test_min_disk_is_the_smallest_root_disk_that_holds_the_image(nova: Answers) -> None:
    for (size, gib), refusal in nova.flavors.items():
        holds = gib * GIB >= size
        assert refusal == (None if holds else "FlavorDiskSmallerThanMinDisk"), (size, gib)


# ---------------------------------------------------------------- distributions

OTHERS = ("amzn", "artix", "devuan", "flatcar", "kali", "mariner", "openEuler", "photon")
OSINFO = Path("/usr/share/osinfo/os")
NOT_IN_LIBOSINFO = {
    "windows": "Glance's list of useful properties names it so; libosinfo has win and winnt",
    "buildroot": "CirrOS says so of itself in os-release",
    **dict.fromkeys(OTHERS, "libosinfo does not know it: os-release's name is the best that there is"),
}


def test_os_distro_is_a_name_of_libosinfo(nova: Answers) -> None:
    parsed = (ElementTree.parse(file) for file in OSINFO.rglob("*.xml"))  # noqa: S314 - osinfo-db's
    names = {element.text for database in parsed for element in database.iter("distro")}
    found = {properties["os_distro"] for properties, _ in nova.images.values() if "os_distro" in properties}
    assert {"debian", "opensuse", "rhel"} <= names
    assert found - names == NOT_IN_LIBOSINFO.keys()
