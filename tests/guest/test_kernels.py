import pytest
from support.guest_tree import EMPTY_DIRECTORY, Link, guest_tree

from imgtool.guest import kernels as module
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.kernels import InstalledKernel, find_kernels, module_name
from imgtool.model.kernel import MODULES_OF_INTEREST

V = "6.1.0-41-cloud-amd64"
D = f"/usr/lib/modules/{V}"


def only(files) -> InstalledKernel:
    (kernel,) = find_kernels(guest_tree(files))
    return kernel


def test_every_module_of_interest_has_its_symbol():
    assert set(module.CONFIG_SYMBOLS) == set(MODULES_OF_INTEREST)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/virtio_blk.ko", "virtio_blk"),
        ("virtio-rng.ko.xz", "virtio_rng"),
        ("dm-mod.ko.zst", "dm_mod"),
        ("x.ko.gz", "x"),
        ("x.ko.debug", None),
        ("modules.dep", None),
    ],
)
def test_module_names(path, name):
    assert module_name(path) == name


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_modules_as_files(suffix):
    path = f"{D}/kernel/drivers/char/hw_random/virtio-rng.ko{suffix}"
    kernel = only({path: "x", f"{D}/modules.builtin": ""})
    assert (kernel.modules["virtio_rng"], kernel.evidence["virtio_rng"]) == ("module", path)
    assert kernel.modules["virtio_blk"] == "missing"
    assert "virtio_blk" not in kernel.evidence


def test_modules_outside_of_kernel_and_behind_links_count():
    files = {
        f"{D}/kernel/x": "",
        f"{D}/extra/virtio_net.ko": "x",
        f"{D}/weak-updates/virtio_scsi.ko": Link(f"{D}/extra/virtio_net.ko"),
        f"{D}/weak-updates/virtio_blk.ko": Link("/gone"),
        f"{D}/modules.builtin": "",
    }
    states = only(files).modules
    assert (states["virtio_net"], states["virtio_scsi"], states["virtio_blk"]) == (
        "module",
        "module",
        "missing",
    )


def test_an_empty_file_is_no_module():
    assert (
        only({f"{D}/kernel/virtio_blk.ko": "", f"{D}/modules.builtin": ""}).modules["virtio_blk"] == "missing"
    )


def test_builtin_by_the_kernel_s_list():
    kernel = only({f"{D}/kernel": EMPTY_DIRECTORY, f"{D}/modules.builtin": "kernel/drivers/md/dm-mod.ko\n"})
    assert (kernel.modules["dm_mod"], kernel.evidence["dm_mod"]) == ("builtin", f"{D}/modules.builtin")


@pytest.mark.parametrize("path", [f"/boot/config-{V}", f"{D}/config"])
def test_builtin_by_the_configuration(path):
    text = "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=m\n# CONFIG_BTRFS_FS is not set\n"
    kernel = only({f"{D}/kernel": EMPTY_DIRECTORY, path: text})
    assert kernel.modules["virtio_blk"] == "builtin"
    assert kernel.evidence["virtio_blk"] == f"{path}: CONFIG_VIRTIO_BLK=y"
    assert (kernel.modules["virtio_net"], kernel.modules["btrfs"]) == ("missing", "missing")


def test_without_list_and_configuration_what_is_no_file_is_unknown():
    kernel = only({f"{D}/kernel/virtio_blk.ko": "x"})
    assert (kernel.modules["virtio_blk"], kernel.modules["ext4"]) == ("module", "unknown")


def test_leftovers_are_no_kernel():
    assert find_kernels(guest_tree({f"{D}/modules.dep": "", f"{D}/updates/dkms/x.ko": "x"})) == ()


def test_an_image_without_modules_is_a_kernel():
    kernel = only({f"{D}/modules.builtin": "", f"/boot/vmlinuz-{V}": "MZ"})
    assert kernel.image == f"/boot/vmlinuz-{V}"


def test_through_the_links_of_a_merged_usr_each_kernel_counts_once():
    files = {"/lib": Link("usr/lib"), f"{D}/kernel": EMPTY_DIRECTORY}
    assert only(files).directory == D


def test_without_a_merged_usr():
    assert only({f"/lib/modules/{V}/kernel": EMPTY_DIRECTORY}).directory == f"/lib/modules/{V}"


def test_newest_first():
    versions = ["6.1.0-9-amd64", "6.1.0-41-amd64", "5.10.0-30-amd64"]
    tree = guest_tree({f"/usr/lib/modules/{version}/kernel": EMPTY_DIRECTORY for version in versions})
    assert [kernel.version for kernel in find_kernels(tree)] == [versions[1], versions[0], versions[2]]


@pytest.mark.parametrize(
    ("version", "files", "image"),
    [
        ("6.9.1-arch1-1", {"pkgbase": "linux\n"}, "/boot/vmlinuz-linux"),
        ("6.6.32-0-lts", {}, "/boot/vmlinuz-lts"),
        ("5.14.0-427.el9.x86_64", {"vmlinuz": "MZ"}, "/usr/lib/modules/5.14.0-427.el9.x86_64/vmlinuz"),
    ],
)
def test_kernel_images_by_other_names(version, files, image):
    below = {f"/usr/lib/modules/{version}/{name}": text for name, text in files.items()}
    assert only(below | {f"/usr/lib/modules/{version}/kernel": EMPTY_DIRECTORY, image: "MZ"}).image == image


def test_dependencies_from_modules_dep():
    text = "kernel/virtio_pci.ko: kernel/virtio-pci-modern-dev.ko kernel/virtio.ko\n"
    text += "kernel/other.ko: kernel/x.ko\n"
    kernel = only({f"{D}/kernel": EMPTY_DIRECTORY, f"{D}/modules.dep": text})
    assert kernel.dependencies == {"virtio_pci": ("virtio_pci_modern_dev", "virtio")}


def test_too_many_kernels_are_an_error(monkeypatch):
    monkeypatch.setattr(module, "MAX_KERNELS", 2)
    with pytest.raises(GuestReadError, match="more than 2 kernels"):
        find_kernels(guest_tree({f"/lib/modules/{n}/kernel": EMPTY_DIRECTORY for n in range(3)}))


def test_other_modules_are_read_only_where_they_are_asked_for():
    tree = guest_tree(
        {
            f"{D}/kernel/drivers/nvme/nvme.ko.xz": "x",
            f"{D}/modules.builtin": "kernel/drivers/hid/usb-hid.ko\n",
        }
    )
    (kernel,) = find_kernels(tree)
    assert "nvme" not in kernel.modules
    (asked,) = find_kernels(tree, ("nvme", "usb_hid", "mlx5_core", "virtio_blk"))
    assert [asked.modules[name] for name in ("nvme", "usb_hid", "mlx5_core")] == [
        "module",
        "builtin",
        "missing",
    ]
    assert asked.evidence["nvme"] == f"{D}/kernel/drivers/nvme/nvme.ko.xz"
    assert {name: asked.modules[name] for name in kernel.modules} == dict(kernel.modules)


def test_the_configuration_does_not_tell_of_a_module_whose_symbol_is_not_known():
    tree = guest_tree({f"{D}/kernel": EMPTY_DIRECTORY, f"/boot/config-{V}": "CONFIG_VIRTIO_BLK=y\n"})
    (kernel,) = find_kernels(tree, ("nvme",))
    assert kernel.modules["nvme"] == "unknown"
