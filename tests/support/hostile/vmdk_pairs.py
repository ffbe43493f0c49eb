"""VMDKs of two files: descriptors that name what is not theirs, and data that is not what they say.

The folder of each holds the image and what stands beside it; the canary is outside of it.
"""

import os
from collections.abc import Callable
from pathlib import Path

from support.hostile.rows import Builder
from support.images import create, qemu_img

PAIRS: dict[str, tuple[Builder, str]] = {}
"""As ROWS: name to builder and what the refusal has to say."""
SECTORS = 2048
_HEAD = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"


def pair(says: str) -> Callable[[Builder], Builder]:
    def register(builder: Builder) -> Builder:
        PAIRS[builder.__name__] = (builder, says)
        return builder

    return register


def descriptor(
    folder: Path, extents: str, *, kind: str = "vmfs", head: str = _HEAD, name: str = "x.vmdk"
) -> Path:
    """NAME.vmdk; `extents` are its lines, without an end."""
    path = folder / name
    path.write_text(f'{head}createType="{kind}"\n\n# Extent description\n{extents}\n\n# The Disk Data Base\n')
    return path


def vmdk_pair(
    folder: Path, content: bytes = bytes(SECTORS * 512), stem: str = "x", kind: str = "vmfs"
) -> Path:
    """The descriptor of a disk with `content`, as ESXi writes it, or VMware's other tools."""
    offset = "" if kind == "vmfs" else " 0"
    (folder / f"{stem}-flat.vmdk").write_bytes(content)
    extent = f'RW {len(content) // 512} {"VMFS" if kind == "vmfs" else "FLAT"} "{stem}-flat.vmdk"{offset}'
    return descriptor(folder, extent, kind=kind, name=f"{stem}.vmdk")


@pair("names other files as its content")
def extent_above_the_folder(folder: Path, canary: Path) -> Path:
    return descriptor(folder, f'RW {SECTORS} VMFS "../{canary.parent.name}/{canary.name}"')


@pair("names other files as its content")
def extent_with_an_absolute_path(folder: Path, canary: Path) -> Path:
    return descriptor(folder, f'RW {SECTORS} FLAT "{canary}" 0', kind="monolithicFlat")


@pair("names other files as its content.*'/etc/passwd'")
def extent_of_the_host(folder: Path, canary: Path) -> Path:
    return descriptor(folder, 'RW 4 VMFS "/etc/passwd"')


@pair("names other files as its content")
def extent_that_is_another_image_of_the_folder(folder: Path, canary: Path) -> Path:
    create(folder / "other-flat.vmdk", "raw", "1M")
    return descriptor(folder, f'RW {SECTORS} VMFS "other-flat.vmdk"')


@pair("names other files as its content")
def extent_that_is_the_descriptor(folder: Path, canary: Path) -> Path:
    return descriptor(folder, 'RW 1 VMFS "x.vmdk"')


@pair("names other files as its content.*'json:")
def extent_that_qemu_would_parse(folder: Path, canary: Path) -> Path:
    return descriptor(folder, f"RW 4 VMFS \"json:{{'driver':'file','filename':'{canary}'}}\"")


@pair("names other files as its content")
def extent_of_the_folder_itself(folder: Path, canary: Path) -> Path:
    return descriptor(folder, 'RW 4 VMFS "."')


@pair("a symbolic link")
def data_that_is_a_link(folder: Path, canary: Path) -> Path:
    (folder / "x-flat.vmdk").symlink_to(canary)
    return descriptor(folder, 'RW 4 VMFS "x-flat.vmdk"')


@pair("a FIFO")
def data_that_is_a_fifo(folder: Path, canary: Path) -> Path:
    os.mkfifo(folder / "x-flat.vmdk")
    return descriptor(folder, 'RW 4 VMFS "x-flat.vmdk"')


@pair("a directory")
def data_that_is_a_folder(folder: Path, canary: Path) -> Path:
    (folder / "x-flat.vmdk").mkdir()
    return descriptor(folder, 'RW 4 VMFS "x-flat.vmdk"')


@pair("x-flat.vmdk: cannot be opened: No such file")
def data_that_is_not_there(folder: Path, canary: Path) -> Path:
    return descriptor(folder, f'RW {SECTORS} VMFS "x-flat.vmdk"')


@pair("cut off")
def data_that_is_cut_off(folder: Path, canary: Path) -> Path:
    path = vmdk_pair(folder)
    os.truncate(folder / "x-flat.vmdk", SECTORS * 512 - 1)
    return path


@pair("is empty")
def data_that_is_empty(folder: Path, canary: Path) -> Path:
    path = vmdk_pair(folder)
    os.truncate(folder / "x-flat.vmdk", 0)
    return path


@pair("raw, but its content is qcow2 with a backing file")
def data_that_is_a_qcow2(folder: Path, canary: Path) -> Path:
    path = vmdk_pair(folder)
    qemu_img("create", "-q", "-f", "qcow2", "-b", canary, "-F", "raw", folder / "x-flat.vmdk", "1G")
    return descriptor(folder, 'RW 128 VMFS "x-flat.vmdk"', name=path.name)


@pair("vmdk, but its content is qcow2 with a backing file")
def data_that_is_a_qcow2_by_its_own_name(folder: Path, canary: Path) -> Path:
    return data_that_is_a_qcow2(folder, canary).with_name("x-flat.vmdk")


@pair("compressed with gzip")
def data_that_is_compressed(folder: Path, canary: Path) -> Path:
    return vmdk_pair(folder, b"\x1f\x8b\x08".ljust(1 << 20, b"\0"))


@pair("not a disk image")
def data_that_is_text(folder: Path, canary: Path) -> Path:
    return vmdk_pair(folder, canary.read_bytes()[:1024])


@pair("stands on a parent")
def descriptor_with_a_parent(folder: Path, canary: Path) -> Path:
    path = vmdk_pair(folder)
    with path.open("a") as file:
        file.write(f'parentFileNameHint="{canary}"\n')
    return path


@pair("stands on a parent")
def descriptor_with_a_parents_id(folder: Path, canary: Path) -> Path:
    path = vmdk_pair(folder)
    path.write_text(path.read_text().replace("parentCID=ffffffff", "parentCID=0badcafe"))
    return path


@pair("descriptor of 2 extents")
def descriptor_of_two_extents(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder)
    return descriptor(folder, f'RW 8 VMFS "x-flat.vmdk"\nRW 8 VMFS "{canary}"')


@pair("descriptor of 2 extents")
def descriptor_with_an_extent_that_is_read_only(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder)
    return descriptor(folder, f'RW 8 VMFS "x-flat.vmdk"\nrdonly 8 FLAT "{canary}" 0')


@pair("not a whole flat file: RW 8 SPARSE")
def descriptor_of_a_sparse_extent(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder)
    return descriptor(folder, 'RW 8 SPARSE "x-flat.vmdk"', kind="monolithicFlat")


@pair("not a whole flat file: RW 8 ZERO")
def descriptor_of_zeros(folder: Path, canary: Path) -> Path:
    return descriptor(folder, "RW 8 ZERO")


@pair("not a whole flat file")
def descriptor_of_a_part(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder)
    return descriptor(folder, 'RW 8 FLAT "x-flat.vmdk" 8', kind="monolithicFlat")


@pair("not a whole flat file")
def descriptor_of_nothing(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder)
    return descriptor(folder, 'RW 0 VMFS "x-flat.vmdk"')


@pair("kind twogbmaxextentflat")
def descriptor_of_several_files(folder: Path, canary: Path) -> Path:
    qemu_img("create", "-q", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentFlat", folder / "x.vmdk", "1M")
    return folder / "x.vmdk"


@pair("kind vmfssparse")
def descriptor_of_a_snapshot(folder: Path, canary: Path) -> Path:
    return descriptor(folder, 'RW 8 VMFSSPARSE "x-delta.vmdk"', kind="vmfsSparse")


@pair("does not have one createType")
def descriptor_of_two_kinds(folder: Path, canary: Path) -> Path:
    return vmdk_pair_with(folder, 'createtype="monolithicFlat"\n')


@pair("goes on behind its end")
def descriptor_behind_a_descriptor(folder: Path, canary: Path) -> Path:
    return vmdk_pair_with(folder, f'\0parentFileNameHint="{canary}"\n')


@pair("longer than 65536 bytes")
def descriptor_without_end(folder: Path, canary: Path) -> Path:
    return vmdk_pair_with(folder, "# comment\n" * 7000)


def vmdk_pair_with(folder: Path, lines: str) -> Path:
    path = vmdk_pair(folder)
    with path.open("a") as file:
        file.write(lines)
    return path


@pair("it is the data of a VMDK, whose descriptor, x.vmdk, cannot be opened")
def data_alone(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder).unlink()
    return folder / "x-flat.vmdk"


@pair("it is the data of a VMDK, whose descriptor, x.vmdk, is a symbolic link")
def data_whose_descriptor_is_a_link(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder).unlink()
    (folder / "x.vmdk").symlink_to(canary)
    return folder / "x-flat.vmdk"


@pair("x.vmdk: .*names other files")
def data_whose_descriptor_means_another(folder: Path, canary: Path) -> Path:
    vmdk_pair(folder)
    descriptor(folder, f'RW {SECTORS} VMFS "{canary}"')
    return folder / "x-flat.vmdk"


@pair("x.vmdk: it is no VMDK descriptor")
def data_beside_something_else(folder: Path, canary: Path) -> Path:
    create(vmdk_pair(folder), "vmdk", "1M")
    return folder / "x-flat.vmdk"
