"""VMDK, VHDX, VDI and VHD: their headers through the gate, their size compared with QEMU's."""

from functools import cache

from fuzz import qemu, seeds
from fuzz.model import Place, Seed, Target
from fuzz.mutant import Mutant
from fuzz.targets.images import folder, written
from imgtool.errors import ImgtoolError
from imgtool.formats import admit

_KINDS = {
    "vmdk": ("vmdk", ""),
    "vmdk-stream": ("vmdk", "subformat=streamOptimized"),
    "vdi": ("vdi", ""),
    "vdi-static": ("vdi", "static=on"),
    "vpc": ("vpc", ""),
    "vpc-fixed": ("vpc", "subformat=fixed"),
    "vhdx": ("vhdx", "block_size=1048576"),
}
_PLACES: dict[str, tuple[Place, ...]] = {
    "vhdx": ((0, 512), (64 << 10, 512), (128 << 10, 512), (192 << 10, 512), (2 << 20, 512), (2 << 20, 65600)),
    "vmdk": ((0, 512), (512, 400)),
    "vmdk-stream": ((0, 512), (512, 400)),
    "vdi": ((0, 512),),
    "vdi-static": ((0, 512),),
}


@cache
def _seeds() -> list[Seed]:
    return [Seed(name, _made(name, *how), _PLACES.get(name, ())) for name, how in _KINDS.items()]


def _made(name: str, image_format: str, options: str) -> bytes:
    raw = folder() / "seed.raw"
    raw.write_bytes(b"seed" * 1024 + bytes((64 << 10) - 4096))
    path = folder() / f"{name}.{image_format}"
    extra = ["-o", options] if options else []
    seeds.qemu_img("convert", "-f", "raw", "-O", image_format, *extra, raw, path)
    return path.read_bytes()


def _run(mutant: Mutant) -> str:
    image_format = _KINDS[mutant.seed.name][0]
    path = written(mutant, f"x.{image_format}")
    image = admit(path, image_format)
    judged = qemu.info(path, image_format)
    if isinstance(judged, str):
        return f"QEMU refuses it: {judged.rpartition(str(path))[2]}"
    theirs = judged["virtual-size"]
    ours = image.virtual_size_bytes
    # The judgement.
    assert theirs == ours, f"{image_format}: QEMU says {theirs} bytes, the gate {ours}"  # noqa: S101
    for key in ("backing-filename", "full-backing-filename", "data-file"):
        assert key not in judged, f"{image_format}: QEMU sees a {key}"  # noqa: S101 - the judgement
    return f"passed, {ours.bit_length()}"


TARGETS = (Target("other-images", _seeds, _run, (ImgtoolError,), share=30),)
