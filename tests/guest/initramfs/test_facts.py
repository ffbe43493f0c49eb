import dataclasses

import pytest
from support.archives import compress, newc
from support.guest_tree import Content, Unreadable, guest_tree
from support.unified_image import unified_image

from imgtool.guest.bootloader.entry import BootEntry
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs import content
from imgtool.guest.initramfs.facts import InitramfsUse, read_initramfs
from imgtool.guest.kernels import InstalledKernel
from imgtool.model.kernel import MODULES_OF_INTEREST, Initramfs

V = "6.1.0-41-amd64"
PATH = f"/boot/initrd.img-{V}"
M = f"usr/lib/modules/{V}/kernel"
MICROCODE = newc({"kernel/x86/microcode/AuthenticAMD.bin": b"\x01" * 700})
KERNEL = InstalledKernel(
    version=V,
    directory=f"/usr/lib/modules/{V}",
    image=None,
    flavour=None,
    modules=dict.fromkeys(MODULES_OF_INTEREST, "module") | {"ext4": "builtin"},
    evidence={"ext4": "modules.builtin"},
    dependencies={},
    builtin=frozenset({"ext4", "scsi_mod"}),
    config={},
)


def read(data: Content, kernel: InstalledKernel = KERNEL, entry: BootEntry | None = None) -> Initramfs:
    found = read_initramfs(guest_tree({PATH: data}), kernel, entry).value
    assert found is not None
    return found


def archive(*modules: str, **more: bytes) -> bytes:
    names = {f"{M}/{name}": b"\x7fELF" for name in modules}
    rest = {name.replace("__", "/"): body for name, body in more.items()}
    return newc({"init": b"#!", **names, **rest}, parents=True)


def test_modules_by_state():
    found = read(compress("zstd", archive("virtio-rng.ko.xz", "virtio_blk.ko")))
    assert found.modules["virtio_blk"] == found.modules["virtio_rng"] == "module"
    assert found.evidence["virtio_rng"] == f"{M}/virtio-rng.ko.xz"
    assert (found.modules["ext4"], found.evidence["ext4"]) == ("builtin", "modules.builtin")
    assert (found.modules["xfs"], "xfs" in found.evidence) == ("missing", False)
    assert (found.path, found.compression, found.problem) == (PATH, "zstd", None)


def test_early_segment_main_segment_and_a_further_one_are_all_read():
    early = newc({f"{M}/virtio.ko": b"x"}, parents=True)
    data = MICROCODE + early + compress("gzip", archive("virtio_blk.ko")) + compress("xz", archive("xfs.ko"))
    found = read(data)
    assert {found.modules[name] for name in ("virtio", "virtio_blk", "xfs")} == {"module"}
    assert found.problem is None


def test_the_compression_is_that_of_the_segment_with_init():
    assert read(MICROCODE + compress("lz4", archive())).compression == "lz4"
    assert read(archive()).compression == "none"


@pytest.mark.parametrize(
    ("data", "problem", "state"),
    [
        (b"", "it is empty", "missing"),
        (bytes(4096), "it is empty", "missing"),
        (MICROCODE, "only the early segment", "missing"),
        (MICROCODE + compress("gzip", archive())[:-20], "truncated", "unknown"),
        (b"#!/bin/sh\nexit\n", "unknown compression", "missing"),
        (MICROCODE + b"garbage", "trailing garbage", "missing"),
        (compress("lzo", archive())[:-20], "truncated", "unknown"),
    ],
)
def test_problems(data, problem, state):
    found = read(data)
    assert found.problem.startswith(problem)
    assert (found.modules["virtio_blk"], found.modules["ext4"]) == (state, "builtin")


def test_what_was_seen_before_a_problem_is_known():
    data = archive("virtio_blk.ko") + compress("lzo", archive("xfs.ko"))[:60]
    found = read(data)
    assert (found.modules["virtio_blk"], found.modules["xfs"]) == ("module", "unknown")
    assert "truncated" in found.evidence["xfs"]


def test_what_is_behind_junk_is_not_there_for_the_kernel():
    """It complains, keeps what it has unpacked, and reads no further: "Initramfs unpacking failed"."""
    found = read(archive("virtio_blk.ko") + b"\n" + compress("zstd", archive("xfs.ko")))
    assert (found.modules["virtio_blk"], found.modules["xfs"], found.problem) == ("module", "missing", None)
    assert found.junk.startswith("trailing garbage")


def test_modules_of_another_kernel_are_of_no_use():
    data = newc({"init": b"", "lib/modules/5.10.0/kernel/virtio_blk.ko": b"x"})
    found = read(data)
    assert found.modules["virtio_blk"] == "missing"
    assert found.evidence["virtio_blk"] == f"it holds modules for 5.10.0, not for {V}"


def test_a_module_without_what_it_needs_is_missing():
    kernel = dataclasses.replace(
        KERNEL, dependencies={"virtio_pci": ("virtio_pci_modern_dev", "virtio"), "sd_mod": ("scsi_mod",)}
    )
    found = read(archive("virtio_pci.ko", "virtio.ko", "sd_mod.ko"), kernel)
    assert found.modules["virtio_pci"] == "missing"
    assert "but not virtio_pci_modern_dev, which it needs" in found.evidence["virtio_pci"]
    assert found.modules["sd_mod"] == "module"


def test_where_the_kernel_s_own_modules_are_unknown_so_are_these():
    kernel = dataclasses.replace(KERNEL, modules=dict.fromkeys(MODULES_OF_INTEREST, "unknown"))
    found = read(archive("virtio_blk.ko"), kernel)
    assert (found.modules["virtio_blk"], found.modules["ext4"]) == ("module", "unknown")


def test_a_file_system_image_inside_may_hold_more():
    found = read(newc({"init": b"", "squashfs-root.img": b"hsqs"}))
    assert (found.modules["virtio_blk"], found.problem) == ("unknown", None)
    assert "squashfs-root.img" in found.evidence["virtio_blk"]


@pytest.mark.parametrize(
    ("setting", "problem"), [("y", None), ("n", "CONFIG_RD_ZSTD"), (None, "CONFIG_RD_ZSTD")]
)
def test_a_kernel_that_cannot_inflate_it(setting, problem):
    config = {"CONFIG_RD_GZIP": "y"} | ({"CONFIG_RD_ZSTD": setting} if setting else {})
    found = read(compress("zstd", archive()), dataclasses.replace(KERNEL, config=config))
    assert found.problem is None if problem is None else problem in found.problem


@pytest.mark.parametrize(
    ("files", "generator", "host_only"),
    [
        ({"conf/initramfs.conf": b"# MODULES=dep\nMODULES=most\n"}, "initramfs-tools", False),
        ({"conf/initramfs.conf": b"MODULES=dep\n"}, "initramfs-tools", True),
        ({"conf/initramfs.conf": b"COMPRESS=zstd\n"}, "initramfs-tools", None),
        (
            {"conf/initramfs.conf": b"MODULES=most", "conf/conf.d/policy": b"MODULES=dep"},
            "initramfs-tools",
            True,
        ),
        (
            {"conf/initramfs.conf": b"MODULES=dep", "conf/conf.d/z": b"MODULES='most'"},
            "initramfs-tools",
            False,
        ),
        ({"usr/lib/dracut/build-parameter.txt": b" -f --kver '6.1' -N"}, "dracut", False),
        ({"usr/lib/dracut/build-parameter.txt": b""}, "dracut", False),
        ({"usr/lib/dracut/build-parameter.txt": b" '-H' --kver 6.1"}, "dracut", None),
        ({"usr/lib/dracut/hostonly-files": b"/etc/hosts\n"}, "dracut", True),
        ({"lib/dracut/hostonly-files": b"", "lib/dracut/build-parameter.txt": b" -H"}, "dracut", True),
        ({"buildconfig": b"MODULES=()\nHOOKS=(base udev autodetect block)\n"}, "mkinitcpio", True),
        ({"buildconfig": b'#HOOKS=(autodetect)\nHOOKS="base udev block"\n'}, "mkinitcpio", False),
        ({"buildconfig": b""}, "mkinitcpio", None),
        ({"etc/fstab": b""}, None, None),
    ],
)
def test_what_made_it_and_for_which_machine(files, generator, host_only):
    found = read(compress("gzip", newc({"init": b"", **files})))
    assert (found.generator, found.host_only) == (generator, host_only)


def test_mkinitcpio_s_configuration_names_a_hook_that_was_skipped():
    """`mkinitcpio -S autodetect` is what Arch's cloud images are made with: drivers of any hypervisor."""
    hooks = b"HOOKS=(base udev autodetect block)\n"
    assert read(archive("virtio_blk.ko", "virtio_scsi.ko", buildconfig=hooks)).host_only is True
    assert read(archive("virtio_blk.ko", "vmw_pvscsi.ko", buildconfig=hooks)).host_only is False


def test_mkinitfs_is_known_by_its_directory_and_is_never_for_one_machine_only():
    directory = newc({".modloop": b""}, mode=0o040755, trailer=False)
    found = read(compress("gzip", directory + archive("virtio_blk.ko")))
    assert (found.generator, found.host_only) == ("mkinitfs", False)
    assert read(archive("virtio_blk.ko", **{".modloop": b"x"})).generator is None


@pytest.mark.parametrize(
    ("bound", "what", "member"),
    [
        ("MAX_MODULES", "modules", M + "/{}.ko"),
        ("MAX_VERSIONS", "kernel versions", "lib/modules/{}/x.ko"),
        ("MAX_TRACES", "files of its generator", "conf/conf.d/{}"),
    ],
)
def test_more_than_can_be_held_is_a_problem(monkeypatch, bound, what, member):
    monkeypatch.setattr(content, bound, 3)
    assert read(newc({"init": b"", **{member.format(n): b"x" for n in range(3)}})).problem is None
    found = read(newc({"init": b"", **{member.format(n): b"x" for n in range(4)}}))
    assert found.problem == f"more than 3 {what}"
    assert found.modules["virtio_blk"] == "unknown"


def test_files_that_the_boot_loader_loads_behind_each_other_are_one():
    entry = BootEntry("id", "Arch", "x.conf", "/vmlinuz", ("/ucode.img", "/initramfs.img"), base="/boot")
    files = {"/boot/ucode.img": MICROCODE, "/boot/initramfs.img": compress("zstd", archive("xfs.ko"))}
    found = read_initramfs(guest_tree(files), KERNEL, entry).value
    assert (found.path, found.modules["xfs"], found.problem) == ("/boot/initramfs.img", "module", None)


def test_in_a_unified_kernel_image():
    path = "/efi/EFI/Linux/x.efi"
    entry = BootEntry(path, "x", path, path, (path,), base="/efi", unified=True)
    image = unified_image({".linux": b"k" * 999, ".initrd": MICROCODE + compress("zstd", archive("xfs.ko"))})
    found = read_initramfs(guest_tree({path: image}), KERNEL, entry).value
    assert (found.path, found.compression, found.modules["xfs"]) == (path, "zstd", "module")
    assert found.problem is None


@pytest.mark.parametrize(
    ("options", "by_stub", "loaded"),
    [("noinitrd", True, False), ("noinitrd", False, True), ("quiet", True, True)],
)
def test_the_kernel_s_own_stub_fetches_none_where_the_command_line_forbids_it(options, by_stub, loaded):
    """An initramfs that the boot loader hands over is unpacked all the same: init/initramfs.c."""
    use = InitramfsUse(options=options, by_stub=by_stub)
    found = read_initramfs(guest_tree({PATH: archive("xfs.ko")}), KERNEL, None, use=use)
    assert (found.value is not None) is loaded
    assert ("noinitrd" in found.evidence) is not loaded


def test_no_initramfs():
    found = read_initramfs(guest_tree({}), KERNEL, None)
    assert found.value is None
    assert PATH in found.evidence


def test_a_file_that_cannot_be_read_is_no_damaged_archive():
    with pytest.raises(GuestReadError, match="bad block"):
        read(Unreadable())
