"""Answers with Nova's own code what it makes of images: run by support.nova in the root that Nova has.

    python nova_program.py CONFIGURATION < QUESTIONS > ANSWERS

Both are JSON. libvirt is a real one, and the driver is Nova's; only the instances are nobody's.
"""

import importlib
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

LIBVIRT = Path("/run/libvirt/libvirt-sock")
LIBVIRT_SECONDS = 60
NVRAM = 4
"""VIR_DOMAIN_UNDEFINE_NVRAM"""


def main():
    """Prepares Nova as its services are, and answers. libvirt ends with the namespace."""
    _collect_orphans()
    subprocess.Popen(["libvirtd"], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"
    importlib.import_module("nova.monkey_patch").patch()
    answers = _answers(json.load(sys.stdin), sys.argv[1])
    json.dump(answers, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # libvirt's threads never end


def _collect_orphans():
    """The first process of a namespace has to: libvirt waits for the QEMUs that it asks to be gone."""
    child = os.fork()
    while child:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _answers(questions, configuration):
    from nova import conf, config, objects  # noqa: PLC0415 - once threads are chosen
    from nova.compute.api import API  # noqa: PLC0415 - after its settings

    config.parse_args(["nova-program", "--config-file", configuration])
    conf.neutron.register_dynamic_opts(conf.CONF)
    conf.CONF.set_override("enabled", True, "vnc")  # Nova's default, which brings a video device
    objects.register_all()
    hypervisor = Hypervisor()
    return {
        "fields": _fields(objects.ImageMetaProps),
        "values": [_taken({name: value}) for name, value in questions["values"]],
        "images": [hypervisor.answer(properties) for properties in questions["images"]],
        "flavors": [_fits(API, **question) for question in questions["flavors"]],
    }


def _fields(properties):
    """Each property's type, its values where it has an enumeration, and its name of old."""
    values = {name: _enumeration(field) for name, field in properties.fields.items()}
    return {"values": values, "legacy": properties._legacy_property_map}


def _enumeration(field):
    """Nova's own class of values; what is no enumeration has none."""
    return [str(value) for value in getattr(field._type, "valid_values", None) or ()]


def _image(properties):
    from nova import objects  # noqa: PLC0415 - after its settings

    return objects.ImageMeta.from_dict({"id": str(uuid.uuid4()), "properties": properties})


def _taken(properties):
    """What the image's properties are to Nova, or why there are none."""
    try:
        read = _image(properties).properties
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    names = (name for name in read.fields if read.obj_attr_is_set(name))
    return {"kept": {name: _plain(getattr(read, name)) for name in names}}


def _plain(value):
    return value if isinstance(value, bool | int | list) else str(value)


def _fits(api, image, root_gib):
    """Whether a server of this image is made by a flavor with such a root disk: None, or why not."""
    from nova import context  # noqa: PLC0415 - after its settings

    flavor = _flavor(root_gib)
    try:
        api._validate_flavor_image_nostatus(context.get_admin_context(), image, flavor, None)
    except Exception as error:
        return type(error).__name__
    return None


def _flavor(root_gib):
    from nova import objects  # noqa: PLC0415 - after its settings

    sizes = {"memory_mb": 512, "vcpus": 1, "root_gb": root_gib, "ephemeral_gb": 0, "swap": 0}
    return objects.Flavor(name="m1", flavorid="1", extra_specs={}, **sizes)


class Hypervisor:
    """A compute host."""

    def __init__(self):
        from nova.virt.libvirt import driver  # noqa: PLC0415 - after its settings

        deadline = time.monotonic() + LIBVIRT_SECONDS
        while not LIBVIRT.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._driver = driver.LibvirtDriver(None)
        self._driver.init_host("devcloud")

    def answer(self, properties):
        """What Nova keeps of the properties, its domain, and whether libvirt takes that."""
        answer = _taken(properties)
        if "refused" in answer:
            return answer
        try:
            answer["domain"] = self._domain(_image(properties))
            domain = self._driver._host.get_connection().defineXML(answer["domain"])
            domain.undefineFlags(NVRAM)
        except Exception as error:
            return answer | {"refused": f"{type(error).__name__}: {error}"}
        return answer

    def _domain(self, image):
        from nova import context  # noqa: PLC0415 - after its settings
        from nova.network import model  # noqa: PLC0415 - after its settings
        from nova.virt.libvirt import blockinfo  # noqa: PLC0415 - after its settings

        instance = _instance(image)
        disks = blockinfo.get_disk_info("qemu", instance, image, {"block_device_mapping": []})
        cards = model.NetworkInfo([_card(model)])
        return self._driver._get_guest_xml(context.get_admin_context(), instance, cards, disks, image)


def _instance(image):
    """One with a config drive, as the smallest flavor makes it."""
    from nova import objects  # noqa: PLC0415 - after its settings

    unset = ("numa_topology", "vcpu_model", "resources", "device_metadata", "trusted_certs", "vm_mode",
             "default_ephemeral_device", "default_swap_device", "root_device_name")  # fmt: skip
    return objects.Instance(
        **dict.fromkeys(unset), id=1, uuid=str(uuid.uuid4()), flavor=_flavor(2), image_ref=image.id,
        os_type=image.properties.get("os_type"), config_drive="True", host="devcloud", node="devcloud",
        kernel_id="", ramdisk_id="", display_name="one", hostname="one", project_id="one", user_id="one",
        system_metadata={}, metadata={}, ephemeral_gb=0, pci_devices=objects.PciDeviceList(objects=[]),
        pci_requests=objects.InstancePCIRequests(requests=[]),
    )  # fmt: skip


def _card(model):
    network = model.Network(id=str(uuid.uuid4()), label="flat", subnets=[])
    return model.VIF(
        id=str(uuid.uuid4()), address="fa:16:3e:00:00:10", network=network, type="tap", devname="tap0",
        vnic_type="normal", details={}, active=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
