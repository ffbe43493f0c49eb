"""A program: a verb of qemu_img.py on an image that no gate has seen. `ungated.py VERB FORMAT IMAGE OUT`."""

import sys
from pathlib import Path

from imgtool.errors import ImgtoolError
from imgtool.process import qemu_img
from imgtool.process.programs import Limits
from imgtool.process.qemu_img import OpenImage

LIMITS = Limits(cpu_seconds=10, address_space_bytes=2 << 30, file_size_bytes=64 << 20)


def main(verb: str, image_format: str, path: str, out: str) -> None:
    """What fails is said; the status tells nothing."""
    with Path(path).open("rb") as read, Path(out).open("w+b") as written:
        image, target = OpenImage(read.fileno(), image_format), OpenImage(written.fileno(), "raw")
        try:
            if verb == "check":
                print(qemu_img.check(image, limits=LIMITS))  # noqa: T201 - what the test reads
            elif verb == "convert":
                qemu_img.convert(image, target, limits=LIMITS)
            else:
                print(qemu_img.compare(image, target, limits=LIMITS))  # noqa: T201 - what the test reads
        except ImgtoolError as error:
            print(error.message)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main(*sys.argv[1:])
