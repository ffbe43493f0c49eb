"""Which kernel of this machine is taken, and its modules, each after what it needs."""

import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from imgtool.fix import host_kernel
from imgtool.fix.host_kernel import find, module_bytes

DEPENDENCIES = """\
kernel/virtio-pci.ko.xz: kernel/virtio.ko.xz kernel/virtio_ring.ko.xz
kernel/virtio.ko.xz: kernel/virtio_ring.ko.xz
kernel/virtio_ring.ko.xz:
kernel/vfat.ko: kernel/fat.ko
kernel/fat.ko:
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(host_kernel, "BOOT", tmp_path / "boot")
    monkeypatch.setattr(host_kernel, "MODULES", tmp_path / "modules")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return tmp_path


def with_kernel(machine: Path, version: str, dependencies: str = DEPENDENCIES, image: str = "") -> None:
    folder = machine / "modules" / version
    folder.mkdir(parents=True)
    (folder / "modules.dep").write_text(dependencies)
    (folder / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")
    place = folder / "vmlinuz" if image else machine / f"boot/vmlinuz-{version}"
    place.parent.mkdir(exist_ok=True)
    place.write_text(version)


def test_the_newest_that_has_the_drivers(machine: Path) -> None:
    with_kernel(machine, "6.9.1")
    with_kernel(machine, "6.10.0")
    with_kernel(machine, "6.11.0", "")
    with_kernel(machine, "6.12.0")
    (machine / "boot/vmlinuz-6.12.0").unlink()
    found = find("x86_64", ("virtio_pci", "ext4", "vfat", "nls_utf8"), ("virtio_pci", "ext4"))
    assert found is not None
    assert (found.version, found.image) == ("6.10.0", machine / "boot/vmlinuz-6.10.0")
    names = [path.name for path in found.modules]
    assert names == ["virtio_ring.ko.xz", "virtio.ko.xz", "virtio-pci.ko.xz", "fat.ko", "vfat.ko"]
    assert all(path.is_relative_to(machine / "modules/6.10.0") for path in found.modules)


def test_it_may_stand_beside_its_modules(machine: Path) -> None:
    with_kernel(machine, "6.9.1", image="vmlinuz")
    found = find("x86_64", (), ("ext4",))
    assert found is not None
    assert found.image == machine / "modules/6.9.1/vmlinuz"


def test_none_is_not_an_error(machine: Path) -> None:
    assert find("x86_64", (), ()) is None
    with_kernel(machine, "6.9.1")
    assert find("aarch64", (), ()) is None
    assert find("x86_64", (), ("nvme",)) is None


@pytest.mark.parametrize(
    ("suffix", "packed"),
    [
        ("", b"ELF"), (".gz", gzip.compress(b"ELF")), (".xz", lzma.compress(b"ELF")),
        (".zst", zstandard.compress(b"ELF")),
    ],
    ids=["plain", "gzip", "xz", "zstd"],
)  # fmt: skip
def test_a_module_is_unpacked(suffix: str, packed: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"a.ko{suffix}"
    file.write_bytes(packed)
    assert module_bytes(file) == b"ELF"
