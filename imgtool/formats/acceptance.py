"""Which images OpenStack cannot use in the format they are in, though nothing about them is unsafe.

Source: Nova, virt/images.py, do_image_deep_inspection, which runs the safety checks of oslo.utils' inspector.
It refuses what is not of the format that Glance calls it; qemu-img calls a VHD vpc, which it does not know.
Glance runs the same checks on what is uploaded, and lets the MBR's pass unless its operator says otherwise
(`gpt_safety_checks_nonfatal`). Cinder has the same inspector. None of them looks at the disk inside a qcow2.
"""

from typing import NamedTuple

from imgtool.model.conversion import ConversionResult
from imgtool.model.image import DiskImage
from imgtool.util.text import shell_operands

INSIST = "--insist"
"""The option of `upload` and `prepare` that delivers such an image all the same."""


class Refusal(NamedTuple):
    """Who refuses the image and why, and the way out."""

    message: str
    hint: str


def refusal(image: DiskImage, disk_format: str) -> Refusal | None:
    """Why OpenStack cannot use `image` as `disk_format`, Glance's name or qemu-img's; None where it can.

    Of a raw image only what was read of it is known: `image` has to be one, or what its disk would be as one.
    """
    if disk_format in {"vpc", "vhd"}:
        return Refusal(
            "Nova (libvirt) and Cinder cannot use a VHD: their inspector and qemu-img call it by two names",
            f"convert it: imgtool prepare {_named(image)}",
        )
    if image.is_iso and image.format == "raw" and disk_format != "iso":
        return Refusal(
            "it is an optical disc's image (ISO 9660 or UDF), as of an installer: Nova refuses it as raw",
            f"upload it as it is, which Glance calls iso: imgtool upload {_named(image)}",
        )
    if disk_format != "raw":
        return None
    if image.is_iso:
        return Refusal(
            "the disk in it begins as an optical disc (ISO 9660 or UDF), and Nova refuses that as raw",
            f"deliver it as qcow2: imgtool prepare -O qcow2 {_named(image)}",
        )
    if image.mbr_refusal is not None:
        return Refusal(
            f"Nova refuses it as a raw disk for its MBR: {image.mbr_refusal}",
            f"deliver it as qcow2, in which nobody looks at it: imgtool prepare -O qcow2 {_named(image)}",
        )
    return None


def as_it_is(image: DiskImage) -> Refusal | None:
    """Return the refusal of the image as it would be uploaded: an ISO is called one."""
    return refusal(image, "iso" if image.is_iso and image.format == "raw" else image.format)


def notes(result: ConversionResult) -> tuple[str, ...]:
    """What to know of a file that was made: whoever sends it to OpenStack would be refused later."""
    found = as_it_is(result.image) if result.image is not None else None
    return () if found is None else (f"{found.message}; {found.hint}",)


def _named(image: DiskImage) -> str:
    return shell_operands([str(image.origin.path)]) or "SOURCE"
